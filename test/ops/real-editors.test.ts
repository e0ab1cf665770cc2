import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runScript } from "../support/child-process.ts";
import { identities } from "../support/identities.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { runProgram } from "../support/run-program.ts";
import { createTestHost } from "../support/test-host.ts";
import { ruleForMe, secret } from "./workbench.ts";

const works = (program: string, arg = "--version") => spawnSync(program, [arg]).status === 0;
const hasTerminal = works("script") && process.platform === "linux";

/** Settings as people have them: everything an editor can write goes to the home folder. */
const vimrc = `set directory=~/traces// swapfile updatecount=1 updatetime=10
set backup writebackup backupdir=~/traces backupskip=
set undofile undodir=~/traces
set viminfo='100,<1000,n~/traces/viminfo
`;
const nanorc = `set backup
set backupdir "~/traces"
set historylog
set positionlog
set locking
`;

async function desk(editor: string) {
  const host = await createTestHost({ files: { "a.yaml": secret, ".sops.yaml": ruleForMe } });
  writeFileSync(join(host.homeDir, ".vimrc"), vimrc);
  writeFileSync(join(host.homeDir, ".nanorc"), nanorc);
  mkdirSync(join(host.homeDir, "traces"));
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: host.homeDir,
    TMPDIR: host.env["TMPDIR"] ?? "",
    TERM: "xterm",
    EDITOR: editor,
    SOPS_AGE_KEY: identities[0] ?? "",
  };
  const kseal = (...args: readonly string[]) =>
    runProgram([...ksealCommand(), ...args], { cwd: host.cwd, env });
  expect(await kseal("encrypt", "-i", "a.yaml")).toMatchObject({ status: 0 });
  const command = [...ksealCommand(), "edit", "a.yaml"].map((word) => `'${word}'`).join(" ");
  const child = runScript(
    `const { spawn } = await import("node:child_process");
     const child = spawn("script", ["-qec", process.env.COMMAND, "/dev/null"], { stdio: "inherit" });
     child.on("close", (code) => process.exit(code));`,
    { cwd: host.cwd, env: { ...env, COMMAND: `stty rows 24 cols 80; ${command}` } },
  );
  /** Files outside the private folder that hold something of the plaintext. */
  const traces = () =>
    [host.homeDir, host.cwd, host.env["TMPDIR"] ?? ""].flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .map((name) => join(folder, name))
        .filter(
          (path) =>
            statSync(path).isFile() && /correct horse|battery staple/.test(readFileSync(path, "utf8")),
        ),
    );
  return { child, kseal, traces };
}

describe.skipIf(!hasTerminal || !works("vim"))("vim", () => {
  test("leaves no swap, backup, undo or history behind, whatever its vimrc says", async () => {
    const { child, kseal, traces } = await desk("vim");
    await child.waitFor("horse");
    child.process.stdin.write(":%s/correct horse/battery staple/\r");
    await child.waitFor("staple");
    child.process.stdin.write("yy:w\r");
    await child.waitFor("written");
    expect(traces()).toEqual([]);
    child.process.stdin.write(":q\r");

    expect(await child.ended()).toMatchObject({ code: 0 });
    expect(traces()).toEqual([]);
    expect((await kseal("decrypt", "a.yaml")).stdout.toString()).toBe(
      secret.replace("correct horse", "battery staple"),
    );
  });

  test("would leave some otherwise, as it does behind a script that kseal does not know", async () => {
    const { child, traces } = await desk(`sh -c 'exec vim "$1"' sh`);
    await child.waitFor("horse");
    child.process.stdin.write(":%s/correct horse/battery staple/\r");
    await child.waitFor("staple");
    child.process.stdin.write("yy:wq\r");
    await child.ended();

    expect(traces().length).toBeGreaterThan(1);
  });

  test("left without a change is exit 200", async () => {
    const { child, traces } = await desk("vim");
    await child.waitFor("horse");
    child.process.stdin.write(":q\r");

    expect(await child.ended()).toMatchObject({ code: 200 });
    expect(traces()).toEqual([]);
  });

  test("given up with an error is exit 201", async () => {
    const { child } = await desk("vim");
    await child.waitFor("horse");
    child.process.stdin.write(":cq\r");

    expect(await child.ended()).toMatchObject({ code: 201 });
  });

  test("a mistake is shown, and Ctrl+C gives up and leaves nothing", async () => {
    const { child, kseal, traces } = await desk("vim");
    await child.waitFor("horse");
    child.process.stdin.write("Gobroken: [\u001b:wq\r");
    await child.waitFor("press Enter to go back");
    child.process.stdin.write("\u0003");

    expect(await child.ended()).toMatchObject({ code: 130 });
    expect(traces()).toEqual([]);
    expect((await kseal("decrypt", "a.yaml")).stdout.toString()).toBe(secret);
  });

  test("a mistake is shown, and Enter goes back to it", async () => {
    const { child, kseal } = await desk("vim");
    await child.waitFor("horse");
    child.process.stdin.write("Gobroken: [\u001b:wq\r");
    await child.waitFor("press Enter to go back");
    child.process.stdin.write("\r");
    await child.waitFor("horse", 2);
    child.process.stdin.write(":g/broken/d\r:%s/horse/staple/\r:wq\r");

    expect(await child.ended()).toMatchObject({ code: 0 });
    expect((await kseal("decrypt", "a.yaml")).stdout.toString()).toBe(secret.replace("horse", "staple"));
  });
});

describe.skipIf(!hasTerminal || !works("nano"))("nano", () => {
  test("keeps its backup in the private folder", async () => {
    const { child, kseal, traces } = await desk("nano");
    await child.waitFor("horse");
    child.process.stdin.write("# zebra\r");
    await child.waitFor("zebra");
    child.process.stdin.write("\u000f\r");
    await child.waitFor("Wrote");
    expect(traces()).toEqual([]);
    child.process.stdin.write("\u0018");

    expect(await child.ended()).toMatchObject({ code: 0 });
    expect(traces()).toEqual([]);
    expect((await kseal("decrypt", "a.yaml")).stdout.toString()).toBe(`# zebra\n${secret}`);
  });
});
