import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type ConsoleStep, consoleSections } from "../support/console-blocks.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { matchesLines } from "../support/transcript.ts";

/* The pages about Kustomize and Helm, typed from top to bottom in an empty folder. */

const programs = {
  "kustomize.md": [peer("kustomize"), peer("kubectl")],
  "helm.md": [peer("helm"), peer("helm", "4.1.4")],
} as const;

for (const [page, needed] of Object.entries(programs)) {
  const paths = needed.filter((program) => program !== undefined);
  describe.skipIf(paths.length < needed.length)(`docs/${page}`, () => {
    const folder = makeFolder({ "home/x": "", "tools/x": "", "work/x": "" });
    afterAll(() => removeFolder(folder));
    const words = ksealCommand().map((word) => `'${word}'`);
    // What a link of another name leads to, which the sources are not called by.
    const names = `case "$0" in */SecretGenerator) set -- render "$@";; esac`;
    const tool = `#!/bin/sh\n${names}\nexec ${words.join(" ")} "$@"\n`;
    writeFileSync(join(folder, "tools", "kseal"), tool, { mode: 0o755 });
    // A section about another version of a program finds that one first.
    const pathIn = (heading: string) =>
      [
        join(folder, "tools"),
        ...(/with helm 4/i.test(heading) ? paths.toReversed() : paths).map((program) => dirname(program)),
        process.env["PATH"],
      ].join(":");

    async function play({ command, output, status }: ConsoleStep, heading: string): Promise<void> {
      const printed = await runProgram(
        ["bash", "--norc", "-euo", "pipefail", "-c", `exec 2>&1\n${command}`],
        {
          cwd: join(folder, "work"),
          env: { PATH: pathIn(heading), HOME: join(folder, "home") },
        },
      );
      const lines = printed.stdout.toString("utf8");
      expect({ command, status: printed.status, lines }).toSatisfy(
        () => printed.status === status && matchesPage(lines, output),
        `wanted: ${JSON.stringify({ status, output }, null, 1)}`,
      );
    }

    for (const { heading, steps } of consoleSections(page)) {
      test(heading, async () => {
        for (const step of steps) await play(step, heading);
      });
    }
  });
}

test("the plugin on the page about Helm is the one in the repository", () => {
  const root = join(import.meta.dirname, "..", "..");
  const plugin = readFileSync(join(root, "packaging/helm/plugin.yaml"), "utf8");
  expect(readFileSync(join(root, "docs/helm.md"), "utf8")).toContain(`plugin.yaml <<'END'\n${plugin}END\n`);
  expect(plugin).toContain(
    `version: ${JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version}\n`,
  );
});

/** As the page shows it; a line of nothing but `…` stands for any lines. */
function matchesPage(text: string, wanted: readonly string[]): boolean {
  if (wanted[0] !== "…") return matchesLines(text.replace(/\n$/, ""), withoutLast(wanted));
  const rest = withoutLast(wanted.slice(1));
  return (
    rest.length === 0 ||
    matchesLines(text.replace(/\n$/, "").split("\n").slice(-rest.length).join("\n"), rest)
  );
}

function withoutLast(lines: readonly string[]): readonly string[] {
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}
