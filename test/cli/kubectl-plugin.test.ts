import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

const kubectl = peer("kubectl");

describe.skipIf(kubectl === undefined)("kubectl kseal", () => {
  function plugin() {
    const folder = makeFolder({ "bin/.keep": "", "plain.yaml": "a: 1\n" });
    onTestFinished(() => removeFolder(folder));
    const [program, ...args] = ksealCommand();
    const file = join(folder, "bin", "kubectl-kseal");
    if (args.length === 0) symlinkSync(program, file);
    // The name of a script is what counts on Node: a link to one of its own.
    else {
      symlinkSync(args[0] ?? "", join(folder, "kubectl-kseal"));
      writeFileSync(file, `#!/bin/sh\nexec '${program}' '${join(folder, "kubectl-kseal")}' "$@"\n`, {
        mode: 0o755,
      });
    }
    return async (...words: readonly string[]) => {
      const env = { PATH: `${join(folder, "bin")}:/usr/bin:/bin`, HOME: folder };
      const { status, stdout, stderr } = await runProgram([kubectl ?? "", ...words], { cwd: folder, env });
      return { status, stdout: stdout.toString("utf8"), stderr };
    };
  }

  test("is what kubectl finds, and its help says how it is called", async () => {
    const run = plugin();

    expect(await run("plugin", "list")).toMatchObject({
      stdout: expect.stringContaining("/kubectl-kseal\n"),
    });
    expect((await run("kseal", "--help")).stdout).toMatch(/^Usage: kubectl kseal \[options\] \[command\]\n/);
    const help = await run("kseal", "decrypt", "--help");
    expect(help.stdout).toMatch(/^Usage: kubectl kseal decrypt \[options\]/);
    expect(help.stdout).toContain("  $ kubectl kseal decrypt secrets/prod/db.yaml\n");
  });

  test("works as kseal does, with its exit statuses", async () => {
    const run = plugin();

    expect(await run("kseal", "--version")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^kseal \d/),
    });
    expect(await run("kseal", "decrypt", "plain.yaml")).toMatchObject({
      status: 37,
      stderr: expect.stringContaining("kseal: plain.yaml: not encrypted: it has no sops metadata\n"),
    });
  });
});
