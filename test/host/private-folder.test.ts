import { existsSync, mkdirSync, readdirSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { hostScript, runScript } from "../support/child-process.ts";
import { createTestHost } from "../support/test-host.ts";

const isTmpfs = (path: string) => existsSync(path) && statfsSync(path).type === 0x01021994;

/** Opens a private folder with a plaintext in it, prints its path, and waits. */
const openFolder = `
  const folder = await host.openPrivateFolder();
  (await import("node:fs")).writeFileSync(folder.path + "/plain.yaml", "secret");
  console.log(folder.path + ".");`;
const waitForEver = "setInterval(() => {}, 1000);";

test("D10: only its owner can enter, and it goes with everything in it", async () => {
  const host = await createTestHost();
  const folder = await host.openPrivateFolder();
  mkdirSync(join(folder.path, "below"));
  writeFileSync(join(folder.path, "below", "plain.yaml"), "secret");

  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  await folder.remove();
  await folder.remove();
  expect(existsSync(folder.path)).toBe(false);
});

test.skipIf(!isTmpfs("/dev/shm"))("it lies in memory where the system has such a place", async () => {
  const host = await createTestHost();
  const folder = await host.openPrivateFolder();

  expect([dirname(folder.path), folder.inMemory]).toEqual(["/dev/shm", true]);
  await folder.remove();
});

test.for(["darwin", "win32"] as const)("on %s it lies among the temporary files", async (platform) => {
  const host = await createTestHost({ platform });
  const folder = await host.openPrivateFolder();

  expect(dirname(folder.path)).toBe(host.env["TMPDIR"]);
  expect(folder.inMemory).toBe(isTmpfs(host.env["TMPDIR"]!));
  await folder.remove();
});

describe("it is removed", () => {
  test.for(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const)(
    "when %s ends kseal, which dies of it",
    async (signal) => {
      const host = await createTestHost();
      const child = runScript(`${hostScript(host)} ${openFolder} ${waitForEver}`);
      const path = (await child.waitFor(".\n")).slice(0, -2);
      expect(existsSync(join(path, "plain.yaml"))).toBe(true);
      child.process.kill(signal);

      expect(await child.ended()).toMatchObject({ signal, stderr: "" });
      expect(existsSync(path)).toBe(false);
    },
  );

  test.for([
    ["a normal end", ""],
    ["process.exit", "process.exit(0);"],
    ["an unexpected error", "throw new Error('bug');"],
  ] as const)("at %s", async ([, end]) => {
    const host = await createTestHost();
    const child = runScript(`${hostScript(host)} ${openFolder} ${end}`);
    const path = (await child.waitFor(".\n")).slice(0, -2);
    await child.ended();

    expect(existsSync(path)).toBe(false);
  });

  test("by the next kseal, after kill -9", async () => {
    const host = await createTestHost();
    const child = runScript(`${hostScript(host)} ${openFolder} ${waitForEver}`);
    const path = (await child.waitFor(".\n")).slice(0, -2);
    child.process.kill("SIGKILL");
    await child.ended();
    expect(existsSync(path)).toBe(true);
    await (await host.openPrivateFolder()).remove();

    expect(existsSync(path)).toBe(false);
  });
});

describe("while a program runs in the foreground", () => {
  const runs = (command: string) => `
    const { status } = await host.exec(["sh", "-c", ${JSON.stringify(command)}], { stdin: "inherit", output: "inherit" });
    console.log("status " + status);
    await folder.remove();`;

  test.for([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGINT", 130],
  ] as const)("%s is for that program, and kseal cleans up after it", async ([signal, status]) => {
    const host = await createTestHost();
    const child = runScript(`${hostScript(host)} ${openFolder} ${runs("echo started; read never")}`);
    const path = (await child.waitFor("started")).split(".\n")[0]!;
    child.process.kill(signal);

    await child.waitFor(`status ${status}\n`);
    expect(await child.ended()).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(path)).toBe(false);
  });

  test("a program that ends in its own time is waited for", async () => {
    const host = await createTestHost();
    const command = 'trap "echo saving; exit 7" TERM; echo started; while :; do read never || true; done';
    const child = runScript(`${hostScript(host)} ${openFolder} ${runs(command)}`);
    await child.waitFor("started");
    child.process.kill("SIGTERM");

    expect(await child.waitFor("status")).toContain("saving\nstatus 7\n");
  });
});

test("a cleanup that was taken off does not run, and leaves signals as they were", async () => {
  const host = await createTestHost();
  const child = runScript(`${hostScript(host)}
    host.onExit(() => console.log("ran"))();
    console.log(["SIGINT", "SIGTERM", "exit"].map((name) => process.listenerCount(name)).join() + ".");
    ${waitForEver}`);

  expect(await child.waitFor(".\n")).toBe("0,0,0.\n");
  child.process.kill("SIGTERM");
  expect(await child.ended()).toMatchObject({ signal: "SIGTERM" });
  expect(readdirSync(host.cwd)).toEqual([]);
});
