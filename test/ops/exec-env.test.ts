import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { commandLine } from "../../src/ops/command-line.ts";
import { type ExecEnvOptions, execEnv } from "../../src/ops/exec-env.ts";
import { encrypted, failureOf, type Workbench, workbench } from "./workbench.ts";

const isRoot = process.getuid?.() === 0;

const run = (made: Workbench, options: Omit<ExecEnvOptions, "path"> & { path?: string }) =>
  execEnv({ path: "a.yaml", ...options }, made.context);

describe("a command", () => {
  test("gets the values of the first document as variables, and its status comes back", async () => {
    const made = await encrypted({
      "a.yaml": 'S: x y\nI: 5\nF: 1.5\nB: true\nM: |\n  a\n  b\nQ: "$HOME `id`"\n---\nSECOND: x\n',
    });

    expect(
      await run(made, { command: ['printf "%s|" "$S" "$I" "$F" "$B" "$M" "$Q" "$SECOND"; exit 3'] }),
    ).toBe(3);
    expect(made.host.stdoutText()).toBe("x y|5|1.5|true|a\nb\n|$HOME `id`||");
  });

  test("of several words is run as it is, without a shell", async () => {
    const made = await encrypted("S: x\n");

    expect(await run(made, { command: ["printf", "%s|", "$S", "a b", ";"] })).toBe(0);
    expect(made.host.stdoutText()).toBe("$S|a b|;|");
  });

  test("may be a program in the working folder when its path says so", async () => {
    const made = await encrypted("S: x\n");
    writeFileSync(join(made.host.cwd, "server"), '#!/bin/sh\necho "$S $1"');
    chmodSync(join(made.host.cwd, "server"), 0o755);

    expect(await run(made, { command: ["./server", "--port"] })).toBe(0);
    expect(made.host.stdoutText()).toBe("x --port\n");
    expect(await failureOf(run(made, { command: ["server", "--port"] }))).toMatchObject({ code: "NO_FILE" });
  });

  test("keeps the present environment, unless it is to be pristine; the file's values win", async () => {
    const made = await encrypted("MINE: from the file\n", { env: { MINE: "present", OTHER: "other" } });
    const command = ["/bin/sh", "-c", 'echo "$MINE,$OTHER"'];
    await run(made, { command });
    await run(made, { command, pristine: true });

    expect(made.host.stdoutText()).toBe("from the file,other\nfrom the file,\n");
  });

  test("takes over the process, when asked to", async () => {
    const made = await encrypted("S: x\n");

    expect(await run(made, { command: ["echo $S; exit 4"], sameProcess: true })).toBe(4);
    expect(made.host.stdoutText()).toBe("x\n");
  });

  test("that a signal ends has 128 and its number as its status", async () => {
    expect(await run(await encrypted("S: x\n"), { command: ["kill -KILL $$"] })).toBe(137);
  });

  test.skipIf(!isRoot)(
    "D46: as another user it has none of root's groups, and that user's home",
    async () => {
      const made = await encrypted("S: x\n");
      const { host } = made.context;
      const atRoot: typeof host.exec = (command, options) => host.exec(command, { ...options, cwd: "/" });
      const context = { ...made.context, host: { ...host, exec: atRoot } };
      await execEnv({ path: "a.yaml", command: ["id -un; id -G; echo $HOME $S"], user: "nobody" }, context);

      expect(made.host.stdoutText()).toMatch(/^nobody\n[1-9][0-9]*\n\/\S+ x\n$/);
    },
  );
});

describe("what cannot be a variable is refused by its key", () => {
  test.for([
    ["D25: null", "A: null\nB: x\n", "has no place for null", '["A"]'],
    ["a mapping", "A:\n  b: 1\n", "has no place for a mapping", '["A"]'],
    ["a list", "A: [1]\n", "has no place for a list", '["A"]'],
    ["a name with =", '"A=B": x\n', "a name with =", '["A=B"]'],
    ["a name with NUL", '"A\\0B": x\n', "a name with =", undefined],
    ["an empty name", '"": x\n', "without a letter", '[""]'],
    ["a value with NUL", 'A: "a\\0b"\n', "a value with a NUL", '["A"]'],
  ] as const)("%s", async ([, text, message, path]) => {
    const made = await encrypted(text);
    const error = await failureOf(run(made, { command: ["echo ran"] }));

    expect([error.code, error.message]).toEqual(["FORMAT_CANNOT_HOLD", expect.stringContaining(message)]);
    expect(error.where?.file).toBe("a.yaml");
    if (path !== undefined) expect(error.where?.path).toBe(path);
    expect(made.host.stdoutText()).toBe("");
  });

  test("no command is a usage error before anything is decrypted", async () => {
    const made = await workbench({});

    expect(await failureOf(run(made, { command: [] }))).toMatchObject({ code: "USAGE" });
    expect(await failureOf(run(made, { command: [""] }))).toMatchObject({ code: "USAGE" });
  });
});

test("on Windows a line goes to cmd.exe of the system, word for word", () => {
  const resolve = (path = "") => `C:\\work\\${path}`;
  const host = { platform: "win32", env: { SystemRoot: "D:\\Windows" }, resolve } as const;

  expect(commandLine(['echo "%A%" & exit 3'], host)).toEqual({
    words: ["D:\\Windows\\System32\\cmd.exe", "/d", "/s", "/c", '"echo "%A%" & exit 3"'],
    verbatim: true,
  });
  expect(commandLine(["bin\\server.exe", "--port"], host)).toEqual({
    words: ["C:\\work\\bin\\server.exe", "--port"],
    verbatim: false,
  });
});
