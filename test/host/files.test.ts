import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createTestHost } from "../support/test-host.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

describe("reading", () => {
  test("gives the bytes of a file, of an empty one, and of one without a size", async () => {
    const host = await createTestHost({ files: { "a.yaml": "a: 1\n", empty: "" } });

    expect(text(await host.readFile("a.yaml"))).toBe("a: 1\n");
    expect(await host.readFile("empty")).toHaveLength(0);
    if (process.platform === "linux") {
      expect((await host.readFile("/proc/self/stat")).length).toBeGreaterThan(0);
    }
  });

  test("waits for whoever writes into a named pipe", async () => {
    const host = await createTestHost();
    const pipe = join(host.cwd, "pipe");
    const close = await host.servePipe(pipe, Buffer.from("from the pipe"));

    expect(statSync(pipe).mode & 0o777).toBe(0o600);
    expect(text(await host.readFile(pipe))).toBe("from the pipe");
    await close?.();
  });

  test("a named pipe that nobody reads can be taken away again", async () => {
    const host = await createTestHost();
    const close = await host.servePipe(join(host.cwd, "pipe"), new Uint8Array(1_000_000));

    await expect(close?.()).resolves.toBeUndefined();
  });

  test.for([
    ["a file that is missing", "missing.yaml", "NO_FILE", "missing.yaml does not exist"],
    ["a path through a file", "a.yaml/b", "NO_FILE", "a.yaml/b does not exist"],
    ["a path with a NUL", "a\0b", "NO_FILE", "a\0b does not exist"],
    ["a folder", "folder", "INPUT_UNREADABLE", "cannot read folder: it is a folder"],
    ["a link to itself", "loop", "INPUT_UNREADABLE", "cannot read loop: too many symbolic links"],
    ["a file over the limit", "a.yaml", "LIMIT_EXCEEDED", "a.yaml is larger than 2 bytes"],
    ["a pipe over the limit", "pipe", "LIMIT_EXCEEDED", "pipe is larger than 2 bytes"],
  ] as const)("%s is refused", async ([, path, code, message]) => {
    const host = await createTestHost({ files: { "a.yaml": "a: 1\n" } });
    mkdirSync(join(host.cwd, "folder"));
    symlinkSync("loop", join(host.cwd, "loop"));
    const close =
      path === "pipe" ? await host.servePipe(join(host.cwd, path), Buffer.from("a: 1\n")) : undefined;

    await expect(host.readFile(path, { limit: 2 })).rejects.toMatchObject({ code, message });
    await close?.();
  });
});

test("stat and list follow links, and list is sorted by name", async () => {
  const host = await createTestHost({ files: { "b.yaml": "b", "a.yaml": "a", "folder/c": "c" } });
  symlinkSync("folder", join(host.cwd, "link"));
  symlinkSync("nowhere", join(host.cwd, "dangling"));

  expect(await host.stat("a.yaml")).toMatchObject({ kind: "file", size: 1 });
  expect(await host.stat("link")).toMatchObject({ kind: "folder" });
  expect(await host.stat("missing")).toBeUndefined();
  expect(await host.stat("a.yaml/b")).toBeUndefined();
  expect(await host.list(".")).toEqual([
    { name: "a.yaml", kind: "file", isSymbolicLink: false },
    { name: "b.yaml", kind: "file", isSymbolicLink: false },
    { name: "dangling", kind: "other", isSymbolicLink: true },
    { name: "folder", kind: "folder", isSymbolicLink: false },
    { name: "link", kind: "folder", isSymbolicLink: true },
  ]);
  expect(await host.realPath("link/c")).toBe(join(host.cwd, "folder", "c"));
  await expect(host.list("missing")).rejects.toMatchObject({ code: "NO_FILE" });
});

describe("creating", () => {
  test("D10: a new file can be read by its owner alone, unless a mode is given", async () => {
    const host = await createTestHost();
    await host.createFile("plain.yaml", Buffer.from("a: 1\n"));
    await host.createFile("public.yaml", Buffer.from("a: 1\n"), { mode: 0o644 });

    expect(await host.stat("plain.yaml")).toMatchObject({ mode: 0o600 });
    expect(await host.stat("public.yaml")).toMatchObject({ mode: 0o644 });
    expect(await host.list(".")).toHaveLength(2);
  });

  test("an existing file stays, unless overwriting was asked for", async () => {
    const host = await createTestHost({ files: { "a.yaml": "old" } });

    await expect(host.createFile("a.yaml", Buffer.from("new"))).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: "a.yaml exists already",
    });
    expect(text(await host.readFile("a.yaml"))).toBe("old");
    execFileSync("chmod", ["640", join(host.cwd, "a.yaml")]);
    await host.createFile("a.yaml", Buffer.from("new"), { overwrite: true });
    expect(text(await host.readFile("a.yaml"))).toBe("new");
    expect(await host.stat("a.yaml")).toMatchObject({ mode: 0o640 });
    expect(await host.list(".")).toHaveLength(1);
  });

  test("a dangling link is filled at its end, a device is written to", async () => {
    const host = await createTestHost();
    mkdirSync(join(host.cwd, "folder"));
    symlinkSync("folder/real.yaml", join(host.cwd, "link.yaml"));
    await host.createFile("link.yaml", Buffer.from("a"), { overwrite: true });
    await host.createFile("/dev/null", Buffer.from("a"), { overwrite: true });

    expect(readFileSync(join(host.cwd, "folder", "real.yaml"), "utf8")).toBe("a");
    expect(await host.stat("/dev/null")).toMatchObject({ kind: "other" });
  });

  test("a folder that does not exist is named, and can be made", async () => {
    const host = await createTestHost();

    await expect(host.createFile("a/b/c", new Uint8Array())).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: "cannot write a/b/c: the folder does not exist",
    });
    await host.makeFolder("a/b");
    await host.createFile("a/b/c", new Uint8Array());
    await expect(host.makeFolder("a/b/c/d")).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });
});
