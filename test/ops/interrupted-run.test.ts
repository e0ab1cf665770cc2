import { spawn } from "node:child_process";
import { readdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hostScript, runScript, source } from "../support/child-process.ts";
import { identities } from "../support/identities.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { sealedVectorPath } from "../support/sealed.ts";
import { createTestHost, type TestHost } from "../support/test-host.ts";
import { mine, theirs } from "./workbench.ts";

/*
 * Runs over several files that end in the middle: every file is old or new, the next run finishes, nothing is left
 * behind. test/host/interrupted-write.test.ts has the moments inside of one write.
 */

const files = ["a.yaml", "b.yaml", "sub/c.yaml"];
const plain = (path: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: prod}\nstringData: {password: of ${path}}\n`;
const rule = (...recipients: readonly string[]) =>
  `creation_rules:\n  - path_regex: \\.yaml$\n    encrypted_regex: ^stringData$\n    age: ${recipients.join(",")}\n`;
const certificate = sealedVectorPath("rsa2048.crt.pem");
const key = sealedVectorPath("rsa2048.key.pem");

/** A command over the three files: what it starts from, how it is called, and how a file looks when it is done. */
const commands = [
  {
    name: "encrypt",
    start: [],
    args: ["encrypt", "-i", "."],
    opened: ["decrypt"],
  },
  {
    name: "updatekeys",
    start: [["encrypt", "-i", "."]],
    config: rule(mine, theirs),
    args: ["updatekeys", "--yes", "."],
    opened: ["decrypt"],
  },
  {
    name: "rotate",
    start: [["encrypt", "-i", "."]],
    args: ["rotate", "-i", "."],
    opened: ["decrypt"],
  },
  {
    name: "reseal",
    start: [["seal", "--cert", certificate, "-i", "."]],
    args: ["reseal", "--force", "--key", key, "--cert", certificate, "."],
    opened: ["unseal", "--key", key],
  },
] as const;

type Command = (typeof commands)[number];

function kseal(host: TestHost, args: readonly string[]) {
  return runInProcess(args, {
    cwd: host.cwd,
    env: { ...(host.env as Record<string, string>), HOME: host.homeDir },
  });
}

async function prepared({ start, ...rest }: Command): Promise<TestHost> {
  const host = await createTestHost({
    env: { SOPS_AGE_KEY: identities[0] ?? "", PATH: process.env["PATH"] ?? "" },
    files: { ".sops.yaml": rule(mine), ...Object.fromEntries(files.map((path) => [path, plain(path)])) },
  });
  for (const args of start) expect(await kseal(host, args)).toMatchObject({ status: 0 });
  if ("config" in rest) writeFileSync(join(host.cwd, ".sops.yaml"), rest.config);
  return host;
}

const read = (host: TestHost) => files.map((path) => readFileSync(join(host.cwd, path), "utf8"));
const leftovers = (host: TestHost) =>
  readdirSync(host.cwd, { recursive: true, encoding: "utf8" }).filter((name) => name.includes(".kseal-"));

/** Whether a file opens, or is as it was, which of a file in clear is the same. */
async function isWhole(host: TestHost, path: string, before: string, { opened }: Command): Promise<boolean> {
  if (readFileSync(join(host.cwd, path), "utf8") === before) return true;
  const { status, stdout } = await kseal(host, [...opened, path]);
  return status === 0 && Buffer.from(stdout).toString().includes("x");
}

/** Runs a command in a process that ends itself right before its n-th step, or to its end; tells what the steps were. */
async function runUntil(host: TestHost, args: readonly string[], last?: number): Promise<readonly string[]> {
  const script = hostScript(host).replace(
    "userId:",
    `rename: async (from, to) => { await step("rename"); (await import("node:fs")).renameSync(from, to); }, userId:`,
  );
  const child = runScript(`
    const steps = [];
    const step = async (name) => {
      steps.push(name);
      if (steps.length !== ${last}) return;
      process.kill(process.pid, "SIGKILL");
      await new Promise(() => {});
    };
    ${script}
    import { run } from ${source("cli/run.ts")};
    const stepped = Object.fromEntries(Object.entries(host).map(([name, member]) => [
      name,
      ["readFile", "stat", "list", "realPath", "withLock", "replaceFiles", "exec"].includes(name)
        ? async (...args) => { await step(name); return member(...args); }
        : member,
    ]));
    process.exitCode = await run(${JSON.stringify(args)}, { ...stepped, writeStderr: () => {}, writeStdout: async () => {} });
    console.log("steps", steps.join(" "), "end");
  `);
  if (last === undefined) return (await child.waitFor(" end")).split(" ").slice(1, -1);
  expect(await child.ended()).toMatchObject({ signal: "SIGKILL" });
  return [];
}

describe.for(commands)("$name over several files", (command) => {
  test("kill -9 at any step leaves each old or new, and the next run finishes", async () => {
    const steps = await runUntil(await prepared(command), command.args);
    expect(steps.length).toBeGreaterThan(10);
    const renames = steps.flatMap((name, at) => (name === "rename" ? [at + 1] : []));
    expect(renames).toHaveLength(files.length);
    const [first = 0, second = 0] = renames;
    const middle = Math.floor(first / 2);
    // Each rename; in front of them locks, reading and what surrounds it. The others share all of that.
    const moments = command.name === "updatekeys" ? [1, middle, ...renames] : [middle, second];
    await Promise.all(
      moments.map(async (last) => {
        const host = await prepared(command);
        const before = read(host);
        await runUntil(host, command.args, last);
        const moment = `before step ${last}, ${steps[last - 1]}`;
        const whole = await Promise.all(
          files.map((path, at) => isWhole(host, path, before[at] ?? "", command)),
        );
        expect(whole, moment).toEqual([true, true, true]);
        const changed = read(host).filter((text, at) => text !== before[at]).length;
        expect(changed, moment).toBe(renames.filter((at) => at < last).length);

        const again = await kseal(host, command.args);
        expect(again, moment).toMatchObject({ status: 0 });
        const after = read(host);
        expect(after.filter((text, at) => text === before[at])).toEqual([]);
        for (const path of files) expect(await isWhole(host, path, "", command)).toBe(true);
        expect(leftovers(host)).toEqual([]);
      }),
    );
  });
});

test("Ctrl-C in the middle of updatekeys leaves nothing half", async () => {
  const names = Array.from({ length: 60 }, (_, at) => `f${at}.yaml`);
  const host = await createTestHost({
    env: { SOPS_AGE_KEY: identities[0] ?? "", PATH: process.env["PATH"] ?? "" },
    files: { ".sops.yaml": rule(mine), ...Object.fromEntries(names.map((path) => [path, plain(path)])) },
  });
  expect(await kseal(host, ["encrypt", "-i", "."])).toMatchObject({ status: 0 });
  writeFileSync(join(host.cwd, ".sops.yaml"), rule(mine, theirs));
  const [program, ...words] = ksealCommand();
  const child = spawn(program, [...words, "updatekeys", "--yes", "."], {
    cwd: host.cwd,
    env: { ...(host.env as Record<string, string>), HOME: host.homeDir },
    stdio: "ignore",
  });
  // The first new version beside its file.
  const watcher = watch(host.cwd, (_, name) => {
    if (name?.startsWith(".kseal-")) child.kill("SIGINT");
  });
  const status = await new Promise((resolve) => {
    child.on("close", (code, ended) => resolve(code ?? ended));
  });
  watcher.close();

  expect([130, "SIGINT"]).toContain(status);
  expect(leftovers(host)).toEqual([]);
  const texts = () => names.map((name) => readFileSync(join(host.cwd, name), "utf8"));
  const updated = texts().filter((text) => text.includes(theirs)).length;
  expect([0, names.length]).toContain(updated);
  expect(await kseal(host, ["updatekeys", "--yes", "."])).toMatchObject({ status: 0 });
  expect(texts().filter((text) => text.includes(theirs))).toHaveLength(names.length);
  expect(leftovers(host)).toEqual([]);
});
