import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { random } from "./check-planted.ts";

const folder = makeFolder({ "a.env": `TOKEN=${random}\n`, "b.txt": "nothing\n", "clean/a.env": "A=b\n" });
afterAll(() => removeFolder(folder));

const kseal = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const { status, stdout, stderr } = await runInProcess(["check", ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
  });
  return { status, stdout: stdout.toString(), stderr };
};

const report = `a.env:1: warning high-entropy, TOKEN
    the value looks random, and its name says that it is secret
    make it invalid where it is from, for Git keeps it, and encrypt the new one: kseal encrypt -i FILE
    if it is none, say so: # kseal:ignore high-entropy -- reason
`;

test("it ends with 1 when something is found, with 0 when nothing is, and says what", async () => {
  expect(await kseal([])).toEqual({ status: 1, stdout: `${report}3 files: 1 warning\n`, stderr: "" });
  expect(await kseal(["clean"])).toEqual({ status: 0, stdout: "1 file: nothing wrong\n", stderr: "" });
});

test("several reports at once: one on standard output, the others in files", async () => {
  const { status, stdout } = await kseal([
    "-o",
    "json",
    "-o",
    "sarif=out.sarif",
    "-o",
    "junit=out.xml",
    "a.env",
  ]);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ files: 1, findings: [{ rule: "high-entropy", line: 1 }] });
  expect(JSON.parse(readFileSync(join(folder, "out.sarif"), "utf8"))).toMatchObject({ version: "2.1.0" });
  expect(readFileSync(join(folder, "out.xml"), "utf8")).toContain('failures="1"');
});

test("on GitHub annotations stand below the text", async () => {
  const { stdout } = await kseal(["a.env"], { GITHUB_ACTIONS: "true" });
  expect(stdout).toBe(
    `${report}1 file: 1 warning\n::warning file=a.env,line=1,title=kseal high-entropy::the value looks random, and its name says that it is secret\n`,
  );
});

test.for([
  [["-o", "xml"], 'unknown output "xml"'],
  [["-o", "text", "-o", "sarif"], "two reports cannot share standard output"],
  [["--staged", "--since", "HEAD"], "--staged and --since exclude each other"],
  [["--write-baseline"], "--write-baseline needs a file to write to"],
  [
    ["--expect", "secrets>=1", "--staged"],
    "--expect judges what a build printed, and goes with -o text or json only",
  ],
  [
    ["--expect", "secrets>=1", "-o", "sarif"],
    "--expect judges what a build printed, and goes with -o text or json only",
  ],
] as const)("%j is refused", async ([args, message]) => {
  const { status, stderr } = await kseal(args);
  expect(status).toBe(8);
  expect(stderr).toContain(`kseal: ${message}`);
});

test("as a hook of Git it stops a commit", () => {
  const main = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
  const repository = makeFolder({ "a.env": `TOKEN=${random}\n` });
  const git = (...args: readonly string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], {
      cwd: repository,
      stdio: "pipe",
    });
  try {
    git("init", "-q");
    git("add", ".");
    const hook = join(repository, ".git", "hooks", "pre-commit");
    mkdirSync(join(hook, ".."), { recursive: true });
    writeFileSync(hook, `#!/bin/sh\nexec '${process.execPath}' '${main}' check --staged\n`, { mode: 0o755 });
    expect(() => git("commit", "-qm", "a")).toThrow(/a\.env:1: warning high-entropy/);
    expect(() => git("rev-parse", "--verify", "HEAD")).toThrow();
    git("rm", "-qf", "a.env");
    git("commit", "-qm", "b", "--allow-empty");
  } finally {
    removeFolder(repository);
  }
});
