import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostScript, runScript } from "../support/child-process.ts";
import { createTestHost } from "../support/test-host.ts";

test("standard output takes text and bytes in order, however slowly they are read", async () => {
  const host = await createTestHost();
  const child = runScript(`${hostScript(host)}
    await host.writeStdout("first\\n");
    for (let i = 0; i < 40; i++) await host.writeStdout(new Uint8Array(50_000).fill(97));
    await host.writeStdout("\\nlast\\n");
    host.writeStderr("a note\\n");`);
  const output = await child.waitFor("last\n");

  expect(output).toBe(`first\n${"a".repeat(2_000_000)}\nlast\n`);
  expect(await child.ended()).toMatchObject({ code: 0, stderr: "a note\n" });
});

test("a reader that goes away ends the output quietly", async () => {
  const host = await createTestHost();
  const child = runScript(`${hostScript(host)}
    await host.readStdin();
    for (let i = 0; i < 10; i++) await host.writeStdout(new Uint8Array(100_000));
    process.exitCode = 9;`);
  child.process.stdout.destroy();
  child.process.stdin.end();

  expect(await child.ended()).toMatchObject({ code: 9, stderr: "" });
});

test.skipIf(process.platform !== "linux")("a full disk behind standard output is an error", async () => {
  const host = await createTestHost();
  const program = `${hostScript(host)} await host.writeStdout("lost").catch((error) => host.writeStderr(error.code + ": " + error.message));`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", program], {
    stdio: ["ignore", openSync("/dev/full", "w"), "pipe"],
  });
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  await once(child, "close");

  expect(stderr).toBe("OUTPUT_UNWRITABLE: cannot write standard output: no space left on the disk");
});

test.for(["a pipe", "a file", "nothing"] as const)("standard input may be %s", async (kind) => {
  const host = await createTestHost();
  const program = `${hostScript(host)} await host.writeStdout(await host.readStdin());`;
  writeFileSync(join(host.cwd, "input"), "content");
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", program], {
    stdio: [
      kind === "a pipe" ? "pipe" : openSync(kind === "a file" ? join(host.cwd, "input") : "/dev/null", "r"),
      "pipe",
      "inherit",
    ],
  });
  child.stdin?.end("content");
  let stdout = "";
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  await once(child, "close");

  expect(stdout).toBe(kind === "nothing" ? "" : "content");
});
