import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { decrypt, encrypt } from "../../src/index.ts";
import { readFolder } from "../support/folders.ts";
import { identities, recipients } from "../support/identities.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { mapLimited } from "../support/run-program.ts";
import { createTestHost, type TestHost } from "../support/test-host.ts";

const rounds = Array.from({ length: 15 }, (_, index) => index);
const names = ["a.yaml", "b.yaml", "c.yaml", "d.yaml"];
const plain = (name: string) => `# ${name}\nname: ${name}\npassword: correct horse ${"x".repeat(3000)}\n`;
const config = `creation_rules:\n  - path_regex: \\.yaml$\n    age: ${recipients[0]}\n`;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

// A round kills at the first, second, third ... event in the folder: a file made, written, renamed or removed.
describe.for([
  {
    command: "encrypt -i",
    moments: 12,
    args: ["encrypt", "-i", "files"],
    start: async (name: string) => plain(name),
  },
  { command: "rotate -i", moments: 12, args: ["rotate", "-i", "files"], start: sealed },
  {
    command: "set",
    moments: 3,
    args: ["set", "files/b.yaml", '["password"]', "--generate", "uuid"],
    start: sealed,
  },
])("kill -9 while $command writes", ({ args, start, moments }) => {
  test("leaves every file old or new, and the next run makes the set whole", {
    timeout: 300_000,
  }, async () => {
    const before = new Map<string, string>();
    for (const name of names) before.set(`files/${name}`, await start(name));
    const killed = await mapLimited(rounds, 2, async (round) => {
      const host = await hostWith(Object.fromEntries(before));
      const child = kseal(host, args);
      const end = await stopAtEvent(child, join(host.cwd, "files"), {
        event: 1 + (round % moments),
        signal: "SIGKILL",
      });
      await expectOldOrNew(host, before);

      // Any run that writes puts right what was left half done before it does anything else.
      if (round % 2 === 0) {
        await host.withLock("files/a.yaml", async () => {});
        if (args[0] !== "set") expect([0, names.length]).toContain(await expectOldOrNew(host, before));
      }
      expect(await run(args, host), host.stderrText()).toBe(0);
      expect(await expectOldOrNew(host, before)).toBe(args[0] === "set" ? 1 : names.length);
      expect(readdirSync(join(host.cwd, "files")).sort()).toEqual(names);
      return end.signal === "SIGKILL";
    });
    expect(killed.filter(Boolean).length).toBeGreaterThanOrEqual(10);
  });
});

// A shell tells these as 130 and 143.
describe.for(["SIGINT", "SIGTERM"] as const)("%s", (signal) => {
  test.for([
    { command: "encrypt --out", args: ["encrypt", "--out", "out", "files"], start: plain },
    { command: "decrypt --out", args: ["decrypt", "--out", "out", "files"], start: undefined },
    { command: "encrypt -i", args: ["encrypt", "-i", "files"], start: plain },
  ])("while $command writes ends kseal by it and leaves nothing behind", async ({ args, start }) => {
    const many = Array.from({ length: 60 }, (_, index) => `${index}.yaml`);
    const ciphertext = await sealed("a.yaml");
    const files = Object.fromEntries(many.map((name) => [`files/${name}`, start?.(name) ?? ciphertext]));
    // A machine that is done before the signal comes gets another try.
    for (let event = 1; event < 10; event++) {
      const host = await hostWith(files);
      mkdirSync(join(host.cwd, "out"));
      const watched = join(host.cwd, args.includes("out") ? "out" : "files");
      const { signal: by } = await stopAtEvent(kseal(host, args), watched, { event, signal });
      if (by === null) continue;
      expect(by).toBe(signal);
      expect([...readFolder(host.cwd).keys()]).toEqual([".sops.yaml", ...Object.keys(files)].sort());
      // All old, or all new when the signal came behind the last rename.
      const changed = await expectOldOrNew(host, new Map(Object.entries(files)));
      expect([0, args.includes("-i") ? many.length : 0]).toContain(changed);
      return;
    }
    throw new Error("kseal was never stopped");
  });
});

test("two processes that set different keys in one file lose nothing", { timeout: 300_000 }, async () => {
  const host = await hostWith({ "files/a.yaml": await sealed("a.yaml") });
  for (let round = 0; round < 20; round++) {
    const ends = await Promise.all(
      ["left", "right"].map((side) =>
        ended(kseal(host, ["set", "files/a.yaml", `["${side}"]`, "--value-stdin"], String(round))),
      ),
    );
    const opened = await decrypt(textOf(host, "files/a.yaml"), { name: "a.yaml", identities });
    for (const [index, side] of ["left", "right"].entries()) {
      const end = ends[index];
      // The loser may say so, as long as it does not claim to have written.
      if (end?.code === 0) expect(opened).toContain(`\n${side}: ${round}\n`);
      else expect(end?.stderr).toMatch(/kseal: /);
    }
  }
});

test("a lock left by kill -9 does not block the next run", async () => {
  const host = await hostWith({ "files/a.yaml": await sealed("a.yaml") });
  const locks = join(host.env["TMPDIR"] ?? "", `kseal-${process.getuid?.()}`, "locks");
  mkdirSync(locks, { recursive: true, mode: 0o700 });
  const args = ["set", "files/a.yaml", '["password"]', "--generate", "uuid"];
  for (let attempt = 0; readdirSync(locks).length === 0 && attempt < 20; attempt++) {
    await stopAtEvent(kseal(host, args), locks, { event: 1, signal: "SIGKILL" });
  }
  expect(readdirSync(locks)).toHaveLength(1);

  expect(await run(args, host), host.stderrText()).toBe(0);
  expect(readdirSync(locks)).toEqual([]);
});

/** Every file is what it was, or what the command makes of it; returns how many are the latter. */
async function expectOldOrNew(host: TestHost, before: ReadonlyMap<string, string>): Promise<number> {
  let changed = 0;
  for (const [path, old] of before) {
    const text = textOf(host, path);
    if (text === old) continue;
    const opened = await decrypt(text, { name: path, identities });
    const name = path.slice("files/".length);
    expect(opened.replace(/password: [0-9a-f-]{36}/, plain(name).split("\n")[2] ?? "")).toBe(plain(name));
    changed += 1;
  }
  return changed;
}

function textOf(host: TestHost, path: string): string {
  return readFileSync(join(host.cwd, path), "utf8");
}

/** Sends the signal when the folder has seen so many events. */
async function stopAtEvent(
  child: ChildProcess,
  folder: string,
  { event, signal }: { event: number; signal: NodeJS.Signals },
): Promise<Ended> {
  let seen = 0;
  const watcher = watch(folder, () => {
    seen += 1;
    if (seen === event) child.kill(signal);
  });
  try {
    return await ended(child);
  } finally {
    watcher.close();
  }
}

async function sealed(name: string): Promise<string> {
  return encrypt(plain(name), { name, recipients: recipients.slice(0, 1) });
}

async function hostWith(files: Readonly<Record<string, string>>): Promise<TestHost> {
  return createTestHost({
    env: { SOPS_AGE_KEY: identities[0] },
    files: { ".sops.yaml": config, ...files },
  });
}

/** kseal in a process of its own, on the folders of the host. */
function kseal(host: TestHost, args: readonly string[], stdin = ""): ChildProcess {
  const [program, ...words] = ksealCommand();
  const child = spawn(program, [...words, ...args], {
    cwd: host.cwd,
    env: host.env as NodeJS.ProcessEnv,
    stdio: ["pipe", "ignore", "pipe"],
  });
  child.stdin?.on("error", () => {});
  child.stdin?.end(stdin);
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

function ended(child: ChildProcess): Promise<Ended> {
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, stderr }));
  });
}
