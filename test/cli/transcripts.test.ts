import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities } from "../support/identities.ts";
import { runProgram } from "../support/run-program.ts";
import { matchesLines, parseTranscript, type Step } from "../support/transcript.ts";

const root = join(import.meta.dirname, "..", "..");
const scripts = globSync(join(import.meta.dirname, "..", "scripts", "*.txt")).sort();

// The same transcripts for everything that people run. The package's bundle and the executable must have been built.
const programs = [
  {
    name: "the sources",
    command: [process.execPath, join(root, "test", "support", "kseal-sources.ts")],
    needs: "src",
  },
  {
    name: "the package",
    command: [process.execPath, join(root, "dist", "cli", "main.cjs")],
    needs: "dist/cli/main.cjs",
  },
  { name: "the executable", command: [join(root, "build", "kseal")], needs: "build/kseal" },
] as const;

describe.for(programs)("$name", ({ command, needs }) => {
  const missing = !existsSync(join(root, needs));
  if (missing && process.env["KSEAL_REQUIRE_PEERS"] === "1") {
    test("is built", () => {
      throw new Error(`${needs} is missing; run: npm run build && npm run build:exe`);
    });
  }

  test.skipIf(missing).for(scripts.map((script) => ({ script, name: basename(script, ".txt") })))(
    "$name",
    { timeout: 300_000 },
    async ({ script }) => {
      const { steps, files } = parseTranscript(readFileSync(script, "utf8"));
      const folder = makeFolder(files);
      onTestFinished(() => removeFolder(folder));
      const bin = join(folder, ".bin");
      mkdirSync(bin);
      const words = command.map((word) => `"${word}"`).join(" ");
      writeFileSync(join(bin, "kseal"), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
      for (const step of steps) await play(step, folder);
    },
  );
});

async function play(step: Step, folder: string): Promise<void> {
  const env = {
    HOME: join(folder, ".home"),
    PATH: [join(folder, ".bin"), "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter),
    IDENTITY: identities[0] ?? "",
    OTHER_IDENTITY: identities[1] ?? "",
    GIT_CONFIG_NOSYSTEM: "1",
  };
  const { status, stdout, stderr } = await runProgram(["/bin/sh", "-c", step.command], { cwd: folder, env });
  const printed = { command: step.command, status, stdout: stdout.toString("utf8"), stderr };
  expect(printed).toSatisfy(
    () =>
      status === step.status &&
      matchesLines(printed.stdout, step.stdout) &&
      matchesLines(stderr, step.stderr),
    `wanted: ${JSON.stringify(step, null, 1)}`,
  );
}
