import { existsSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type ExecFileOptions, execFile } from "../../src/ops/exec-file.ts";
import { encrypted, failureOf, secret, type Workbench } from "./workbench.ts";

const isRoot = process.getuid?.() === 0;

const run = (made: Workbench, options: Omit<ExecFileOptions, "path">) =>
  execFile({ path: "a.yaml", ...options }, made.context);

describe("a command", () => {
  test("reads the file from a pipe that only its user can open", async () => {
    const made = await encrypted();

    expect(await run(made, { command: ["stat -c '%F %a' {}; basename {}; cat {}; exit 3"] })).toBe(3);
    expect(made.host.stdoutText()).toBe(`fifo 600\ntmp-file\n${secret}`);
  });

  test("of several words is run without a shell, with the path in each of them", async () => {
    const made = await encrypted();

    expect(await run(made, { command: ["printf", "%s\n", "--file={}", "{} {}"], noFifo: true })).toBe(0);
    expect(made.host.stdoutText()).toMatch(/^--file=(\/\S+)\n\1 \1\n$/);
  });

  test("can read a file as often as it likes", async () => {
    const made = await encrypted();
    await run(made, { command: ["stat -c '%F %a' {}; cat {} {}"], noFifo: true });

    expect(made.host.stdoutText()).toBe(`regular file 600\n${secret}${secret}`);
  });

  test("sees the name that was asked for, and another format", async () => {
    const made = await encrypted();
    await run(made, { command: ["basename {}; cat {}"], fileName: "secret.json", outputType: "json" });

    expect(made.host.stdoutText()).toMatch(/^secret\.json\n\{[\s\S]*"correct horse"/);
  });

  test("that never reads, or reads a part, leaves nothing", async () => {
    const made = await encrypted();

    expect(await run(made, { command: ["echo {}; exit 4"] })).toBe(4);
    expect(await run(made, { command: ["head -c 1 {} > /dev/null"] })).toBe(0);
    expect(existsSync(made.host.stdoutText().trim())).toBe(false);
    expect(readdirSync(made.host.cwd).sort()).toEqual([".sops.yaml", "a.yaml"]);
  });

  test("on a system without pipes gets a file, and is told so", async () => {
    const made = await encrypted();
    const context = { ...made.context, host: { ...made.context.host, servePipe: async () => undefined } };
    await execFile({ path: "a.yaml", command: ["cat {} {}"] }, context);

    expect(made.host.stdoutText()).toBe(secret + secret);
    expect(made.log).toContainEqual(expect.stringContaining("there are no named pipes here"));
  });

  test.skipIf(!isRoot).for([true, false])(
    "D46: as another user it can read what is its own (file: %s)",
    async (noFifo) => {
      const made = await encrypted();
      const { host } = made.context;
      const exec: typeof host.exec = (command, options) => host.exec(command, { ...options, cwd: "/" });
      const context = { ...made.context, host: { ...host, exec } };
      await execFile(
        { path: "a.yaml", command: ["id -un; stat -c '%U %a' {}; cat {}"], user: "nobody", noFifo },
        context,
      );

      expect(made.host.stdoutText()).toBe(`nobody\nnobody 600\n${secret}`);
    },
  );
});

test.for(["../x", "a/b", "/tmp/x", "..", ".", "", "a\\b", "C:x", "a\0b"])(
  "%j is no name for the file",
  async (fileName) => {
    const made = await encrypted();
    const error = await failureOf(run(made, { command: ["cat {}"], fileName, noFifo: true }));

    expect(error.code).toBe("USAGE");
    expect(made.host.stdoutText()).toBe("");
  },
);

test("a file that does not open starts no command", async () => {
  const made = await encrypted();
  await made.write("a.yaml", (await made.read("a.yaml")).replace(/ENC\[AES256_GCM,data:../, "$&x"));

  await expect(run(made, { command: ["echo ran"] })).rejects.toThrow();
  expect(made.host.stdoutText()).toBe("");
});
