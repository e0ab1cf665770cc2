import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { hostScript, runScript } from "../support/child-process.ts";
import { createTestHost, type TestHost } from "../support/test-host.ts";

const folder = (host: TestHost) =>
  join(host.env["TMPDIR"]!, `kseal-${process.getuid?.() ?? "user"}`, "locks");

const locks = (host: TestHost) =>
  readdirSync(folder(host), { recursive: true, withFileTypes: true }).map((entry) =>
    join(entry.parentPath, entry.name),
  );

const claims = (host: TestHost) => locks(host).filter((path) => basename(path).includes("."));

/** Adds a line to a file the way every edit does: read, compute, replace what was read. */
const addLine = `
  const addLine = (line) => host.withLock("list.txt", async () => {
    const old = await host.readFile("list.txt");
    await host.replaceFiles([{ path: "list.txt", bytes: Buffer.concat([old, Buffer.from(line + "\\n")]), expect: old }]);
  });`;

test("processes that edit one file at the same time lose nothing", async () => {
  const host = await createTestHost({ files: { "list.txt": "" } });
  const children = ["a", "b", "c"].map((name) =>
    runScript(`${hostScript(host)} ${addLine}
      for (let i = 0; i < 40; i++) await addLine("${name}" + i);`),
  );
  for (const child of children) {
    expect(await child.ended()).toMatchObject({ code: 0, stderr: "" });
  }
  const lines = readFileSync(join(host.cwd, "list.txt"), "utf8").trim().split("\n");

  expect(lines).toHaveLength(120);
  expect(new Set(lines).size).toBe(120);
  expect(locks(host)).toEqual([]);
});

test("edits within one process wait for each other too", async () => {
  const host = await createTestHost({ files: { "n.txt": "0" } });
  await Promise.all(
    Array.from({ length: 10 }, () =>
      host.withLock("n.txt", async () => {
        const old = await host.readFile("n.txt");
        const bytes = Buffer.from(String(Number(Buffer.from(old).toString()) + 1));
        await host.replaceFiles([{ path: "n.txt", bytes, expect: old }]);
      }),
    ),
  );

  expect(readFileSync(join(host.cwd, "n.txt"), "utf8")).toBe("10");
});

test("a lock left by kill -9 counts for nothing", async () => {
  const host = await createTestHost({ files: { a: "" } });
  const child = runScript(`${hostScript(host)}
    await host.withLock("a", () => { console.log("held"); return new Promise(() => setInterval(() => {}, 1000)); });`);
  await child.waitFor("held");
  expect(claims(host)).toHaveLength(1);
  child.process.kill("SIGKILL");
  await child.ended();

  expect(await host.withLock("a", async () => "ours")).toBe("ours");
  expect(locks(host)).toEqual([]);
});

test("a number that was given to another process since does not keep a lock alive", async () => {
  const host = await createTestHost({ files: { a: "" } });
  await host.withLock("a", async () => {
    const [claim = ""] = claims(host);
    const [place] = basename(claim).split("-");
    writeFileSync(join(dirname(claim), `${place}-${process.ppid}-00000000x1.1`), "");
    expect(claims(host)).toHaveLength(2);
  });

  await host.withLock("a", async () =>
    expect(claims(host)).toHaveLength(process.platform === "linux" ? 1 : 2),
  );
});

test("what fails under a lock gives the lock back", async () => {
  const host = await createTestHost({ files: { a: "" } });

  await expect(host.withLock("a", () => Promise.reject(new Error("work")))).rejects.toThrow("work");
  expect(locks(host)).toEqual([]);
});

test("a lock is on the file, whatever the path to it; a file that does not exist yet can be locked", async () => {
  const host = await createTestHost({ files: { "folder/a": "" } });
  const order: string[] = [];
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const first = host.withLock("folder/a", async () => {
    order.push("first");
    await held;
    order.push("first ends");
  });
  const second = host.withLock("folder/../folder/a", async () => void order.push("second"));
  await host.withLock("folder/new", async () => void order.push("another file"));
  letGo();
  await Promise.all([first, second]);

  expect(order).toEqual(["first", "another file", "first ends", "second"]);
  await expect(host.withLock("missing/a", async () => undefined)).rejects.toMatchObject({ code: "NO_FILE" });
});
