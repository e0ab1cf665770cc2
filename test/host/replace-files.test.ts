import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createNodeHost } from "../../src/host/node-host.ts";
import { hostScript, runScript } from "../support/child-process.ts";
import { createTestHost, type TestHost } from "../support/test-host.ts";

const bytes = (text: string) => Buffer.from(text);
const isRoot = process.getuid?.() === 0;
const failure = (code: string) => Object.assign(new Error(code), { code });

const read = (host: TestHost, name: string) => readFileSync(join(host.cwd, name), "utf8");
const names = (host: TestHost) => readdirSync(host.cwd).sort();

/** The same machine, whose n-th rename fails. */
function withRename(
  host: TestHost,
  replace: (from: string, to: string) => Promise<void>,
  platform = host.platform,
) {
  return createNodeHost({
    cwd: host.cwd,
    homeDir: host.homeDir,
    env: host.env,
    temporaryFolder: host.env["TMPDIR"] ?? "",
    platform,
    rename: replace,
  });
}

describe("replacing one file", () => {
  test("keeps its mode and leaves nothing else behind", async () => {
    const host = await createTestHost({ files: { "a.yaml": "old" } });
    for (const mode of [0o600, 0o644, 0o755, 0o660, 0o4755]) {
      chmodSync(join(host.cwd, "a.yaml"), mode);
      await host.replaceFiles([
        { path: "a.yaml", bytes: bytes(`new ${mode}`), expect: bytes(read(host, "a.yaml")) },
      ]);

      expect(read(host, "a.yaml")).toBe(`new ${mode}`);
      expect(await host.stat("a.yaml")).toMatchObject({ mode });
    }
    expect(names(host)).toEqual(["a.yaml"]);
  });

  test("keeps a symbolic link and replaces what it points to, beside it", async () => {
    const host = await createTestHost({ files: { "real/a.yaml": "old" } });
    symlinkSync("real/a.yaml", join(host.cwd, "link.yaml"));
    symlinkSync("link.yaml", join(host.cwd, "link2.yaml"));
    await host.replaceFiles([{ path: "link2.yaml", bytes: bytes("new") }]);

    expect(lstatSync(join(host.cwd, "link2.yaml")).isSymbolicLink()).toBe(true);
    expect(lstatSync(join(host.cwd, "link.yaml")).isSymbolicLink()).toBe(true);
    expect(read(host, "real/a.yaml")).toBe("new");
  });

  test.skipIf(!isRoot)("keeps its owner and group", async () => {
    const host = await createTestHost({ files: { "a.yaml": "old" } });
    chownSync(join(host.cwd, "a.yaml"), 1234, 2345);
    chmodSync(join(host.cwd, "a.yaml"), 0o640);
    await host.replaceFiles([{ path: "a.yaml", bytes: bytes("new") }]);

    expect(statSync(join(host.cwd, "a.yaml"))).toMatchObject({ uid: 1234, gid: 2345 });
    expect(await host.stat("a.yaml")).toMatchObject({ mode: 0o640 });
  });

  test.skipIf(!isRoot)("a group that cannot be kept gives no rights to another one", async () => {
    const host = await createTestHost({ files: { "a.yaml": "old" } });
    openToAll(host);
    chownSync(join(host.cwd, "a.yaml"), 4242, 2345);
    chmodSync(join(host.cwd, "a.yaml"), 0o660);
    const child = runScript(
      `${hostScript(host, { user: 4242 })} await host.replaceFiles([{ path: "a.yaml", bytes: Buffer.from("new") }]);`,
    );

    expect(await child.ended()).toMatchObject({ code: 0, stderr: "" });
    expect(statSync(join(host.cwd, "a.yaml"))).toMatchObject({ uid: 4242, gid: 4242 });
    expect(await host.stat("a.yaml")).toMatchObject({ mode: 0o600 });
  });

  test("a name as long as names can be is no obstacle", async () => {
    const name = "a".repeat(255);
    const host = await createTestHost({ files: { [name]: "old" } });
    await host.replaceFiles([{ path: name, bytes: bytes("new") }]);

    expect(read(host, name)).toBe("new");
  });

  test("a file that changed since it was read is left alone", async () => {
    const host = await createTestHost({ files: { "a.yaml": "old" } });
    const change = { path: "a.yaml", bytes: bytes("new"), expect: bytes("old") };
    writeFileSync(join(host.cwd, "a.yaml"), "by hand");

    await expect(host.replaceFiles([change])).rejects.toMatchObject({ code: "FILE_CHANGED" });
    expect(read(host, "a.yaml")).toBe("by hand");
    execFileSync("rm", [join(host.cwd, "a.yaml")]);
    await expect(host.replaceFiles([change])).rejects.toMatchObject({ code: "FILE_CHANGED" });
    expect(names(host)).toEqual([]);
  });

  test.for([
    ["a folder", "folder", "cannot replace folder: it is no regular file"],
    ["a device", "/dev/null", "cannot replace /dev/null: it is no regular file"],
    [
      "a file in a folder that does not exist",
      "missing/a",
      "cannot write missing/a: the folder does not exist",
    ],
  ] as const)("%s is refused", async ([, path, message]) => {
    const host = await createTestHost();
    mkdirSync(join(host.cwd, "folder"));

    await expect(host.replaceFiles([{ path, bytes: bytes("new") }])).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message,
    });
  });
});

describe("replacing several files", () => {
  test("replaces all of them, in different folders too, and leaves nothing behind", async () => {
    const host = await createTestHost({ files: { "a/1": "old", "b/2": "old", "3": "old" } });
    await host.replaceFiles(
      ["a/1", "b/2", "3", "b/new"].map((path) => ({ path, bytes: bytes(`new ${path}`) })),
    );

    expect(["a/1", "b/2", "3", "b/new"].map((path) => read(host, path))).toEqual([
      "new a/1",
      "new b/2",
      "new 3",
      "new b/new",
    ]);
    expect(names(host)).toEqual(["3", "a", "b"]);
    expect(readdirSync(join(host.cwd, "b"))).toEqual(["2", "new"]);
    expect(await host.stat("b/new")).toMatchObject({ mode: 0o600 });
    expect(readdirSync(join(host.homeDir, ".local/state/kseal/journals"))).toEqual([]);
  });

  test("one that changed keeps all of them as they were", async () => {
    const host = await createTestHost({ files: { a: "old a", b: "other b", c: "old c" } });
    const changes = ["a", "b", "c"].map((path) => ({
      path,
      bytes: bytes("new"),
      expect: bytes(`old ${path}`),
    }));

    await expect(host.replaceFiles(changes)).rejects.toMatchObject({ code: "FILE_CHANGED" });
    expect(names(host).map((name) => read(host, name))).toEqual(["old a", "other b", "old c"]);
  });

  test.for([1, 2, 3, 4])("a failure at rename %i puts every file back", async (failing) => {
    const host = await createTestHost({ files: { a: "old a", b: "old b", c: "old c" } });
    let count = 0;
    const broken = withRename(host, async (from, to) => {
      count += 1;
      if (count === failing) {
        throw failure("ENOSPC");
      }
      await rename(from, to);
    });
    const changes = ["a", "b", "new", "c"].map((path) => ({ path, bytes: bytes("new") }));

    await expect(broken.replaceFiles(changes)).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: expect.stringContaining("no space left"),
    });
    expect(names(host).map((name) => read(host, name))).toEqual(["old a", "old b", "old c"]);
    expect(readdirSync(join(host.homeDir, ".local/state/kseal/journals"))).toEqual([]);
  });

  test("the same file under two names is refused", async () => {
    const host = await createTestHost({ files: { a: "old" } });
    symlinkSync("a", join(host.cwd, "b"));

    await expect(
      host.replaceFiles(["a", "b"].map((path) => ({ path, bytes: bytes("new") }))),
    ).rejects.toMatchObject({
      code: "USAGE",
      message: "a and b are the same file",
    });
    expect(names(host)).toEqual(["a", "b"]);
  });

  test("nothing to replace is nothing to do", async () => {
    await expect((await createTestHost()).replaceFiles([])).resolves.toBeUndefined();
  });
});

describe("on Windows", () => {
  test("a file that somebody has open for a moment is replaced when it is free", async () => {
    const host = await createTestHost({ files: { a: "old" } });
    let refusals = 3;
    const windows = withRename(
      host,
      async (from, to) => {
        refusals -= 1;
        if (refusals >= 0) {
          throw failure("EPERM");
        }
        await rename(from, to);
      },
      "win32",
    );
    await windows.replaceFiles([{ path: "a", bytes: bytes("new") }]);

    expect(read(host, "a")).toBe("new");
  });

  test("a file that stays open is an error that says so", async () => {
    const host = await createTestHost({ files: { a: "old" } });
    const windows = withRename(host, () => Promise.reject(failure("EBUSY")), "win32");

    await expect(windows.replaceFiles([{ path: "a", bytes: bytes("new") }])).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      hint: "close the program that has it open",
    });
    expect(names(host).map((name) => read(host, name))).toEqual(["old"]);
  });
});

describe("where nothing can be written", () => {
  test.skipIf(!isRoot)("a full disk leaves every file as it was", async () => {
    const host = await createTestHost();
    const disk = join(host.cwd, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]);
    onTestFinished(() => void execFileSync("umount", ["-l", disk]));
    writeFileSync(join(disk, "a"), "old a");
    writeFileSync(join(disk, "b"), "old b");
    const big = new Uint8Array(200_000);

    for (const paths of [
      ["disk/a", "disk/b"],
      ["disk/a", "disk/b", "disk/c"],
    ]) {
      await expect(host.replaceFiles(paths.map((path) => ({ path, bytes: big })))).rejects.toMatchObject({
        code: "OUTPUT_UNWRITABLE",
        message: expect.stringMatching(/^cannot write disk\/[abc]: no space left on the disk$/),
      });
    }
    await expect(host.createFile("disk/new", new Uint8Array(300_000))).rejects.toMatchObject({
      code: "OUTPUT_UNWRITABLE",
    });
    expect(readdirSync(disk).map((name) => [name, readFileSync(join(disk, name), "utf8")])).toEqual([
      ["a", "old a"],
      ["b", "old b"],
    ]);
  });

  test.skipIf(!isRoot).for([
    ["a read-only folder", (host: TestHost) => chmodSync(host.cwd, 0o555)],
    ["a read-only file", (host: TestHost) => chmodSync(join(host.cwd, "a"), 0o444)],
  ] as const)("%s is refused with the reason", async ([, protect]) => {
    const host = await createTestHost({ files: { a: "old" } });
    openToAll(host);
    protect(host);
    const child = runScript(
      `${hostScript(host, { user: 4242 })} await host.replaceFiles([{ path: "a", bytes: Buffer.from("new") }]).catch((error) => console.log(error.code, error.message, error.hint));`,
    );

    expect(await child.waitFor("\n")).toBe(
      "OUTPUT_UNWRITABLE cannot write a: permission denied the file and its folder must be writable: kseal writes the new version beside the old one\n",
    );
    expect(read(host, "a")).toBe("old");
  });
});

function openToAll(host: TestHost): void {
  execFileSync("chmod", ["-R", "a+rwX", join(host.cwd, "..")]);
}
