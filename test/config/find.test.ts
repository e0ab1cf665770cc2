import { posix, win32 } from "node:path";
import { describe, expect, test } from "vitest";
import { findConfig } from "../../src/config/find.ts";

/** A host with these files and nothing else; counts how often it is asked. */
function fakeHost(files: readonly string[], { cwd, path = posix }: { cwd: string; path?: typeof posix }) {
  const asked: string[] = [];
  return {
    asked,
    cwd,
    resolve: (...parts: string[]) => path.resolve(cwd, ...parts),
    stat: async (file: string) => {
      asked.push(file);
      return files.includes(file) ? ({ kind: "file", size: 0, mode: 0o644 } as const) : undefined;
    },
  };
}

function recordingLog() {
  const warnings: string[] = [];
  return { warnings, info: () => {}, warn: (text: string) => void warnings.push(text) };
}

const silent = recordingLog();

describe("D7: the configuration is searched from the file upwards", () => {
  test("the nearest one above the file wins", async () => {
    const host = fakeHost(["/repo/.sops.yaml", "/repo/a/.sops.yaml", "/work/.sops.yaml"], { cwd: "/work" });

    expect(await findConfig(host, { file: "/repo/a/b/c.yaml", from: "file" }, silent)).toBe(
      "/repo/a/.sops.yaml",
    );
    expect(await findConfig(host, { file: "../repo/c.yaml", from: "file" }, silent)).toBe("/repo/.sops.yaml");
  });

  test("then the nearest one above the working folder", async () => {
    const host = fakeHost(["/work/.sops.yaml"], { cwd: "/work/deep/er" });

    expect(await findConfig(host, { file: "/tmp/c.yaml", from: "file" }, silent)).toBe("/work/.sops.yaml");
    expect(await findConfig(host, { file: undefined, from: "file" }, silent)).toBe("/work/.sops.yaml");
  });

  test("kseal sops keeps the order of sops: the working folder, whatever the file", async () => {
    const host = fakeHost(["/repo/.sops.yaml", "/work/.sops.yaml"], { cwd: "/work" });

    expect(await findConfig(host, { file: "/repo/c.yaml", from: "working-folder" }, silent)).toBe(
      "/work/.sops.yaml",
    );
  });

  test("none anywhere is no error, and no folder is looked into twice", async () => {
    const host = fakeHost([], { cwd: "/repo/b" });

    expect(await findConfig(host, { file: "/repo/a/c.yaml", from: "file" }, silent)).toBeUndefined();
    expect(new Set(host.asked).size).toBe(host.asked.length);
  });

  test("the search ends after a hundred folders, as in sops", async () => {
    const deep = (folders: number) => `/${Array.from({ length: folders }, () => "d").join("/")}`;
    const host = fakeHost(["/.sops.yaml"], { cwd: "/elsewhere/.." });

    const found = (folders: number) =>
      findConfig({ ...host, cwd: deep(folders) }, { file: undefined, from: "working-folder" }, silent);
    expect(await found(99)).toBe("/.sops.yaml");
    expect(await found(100)).toBeUndefined();
  });

  test("drives and backslashes of Windows", async () => {
    const host = fakeHost(["C:\\repo\\.sops.yaml", "D:\\work\\.sops.yaml"], {
      cwd: "D:\\work\\x",
      path: win32,
    });

    expect(await findConfig(host, { file: "C:\\repo\\a\\b.yaml", from: "file" }, silent)).toBe(
      "C:\\repo\\.sops.yaml",
    );
    expect(await findConfig(host, { file: "C:\\other\\b.yaml", from: "file" }, silent)).toBe(
      "D:\\work\\.sops.yaml",
    );
  });
});

describe("a .sops.yml", () => {
  test("is passed over with one warning, however many files lie below it", async () => {
    const host = fakeHost(["/repo/a/.sops.yml", "/repo/.sops.yaml"], { cwd: "/" });
    const log = recordingLog();

    expect(await findConfig(host, { file: "/repo/a/b.yaml", from: "file" }, log)).toBe("/repo/.sops.yaml");
    await findConfig(host, { file: "/repo/a/c.yaml", from: "file" }, log);

    expect(log.warnings).toEqual([
      'ignoring "/repo/a/.sops.yml": the configuration file must be called ".sops.yaml"; using "/repo/.sops.yaml" instead',
    ]);
  });

  test("is told of when there is nothing else", async () => {
    const host = fakeHost(["/repo/.sops.yml"], { cwd: "/repo" });
    const log = recordingLog();

    expect(await findConfig(host, { file: undefined, from: "working-folder" }, log)).toBeUndefined();
    expect(log.warnings).toEqual([
      'ignoring "/repo/.sops.yml": the configuration file must be called ".sops.yaml"',
    ]);
  });

  test("above the configuration that was found is nobody's business", async () => {
    const host = fakeHost(["/.sops.yml", "/repo/.sops.yaml", "/repo/.sops.yml"], { cwd: "/repo" });
    const log = recordingLog();

    await findConfig(host, { file: "/repo/a.yaml", from: "file" }, log);

    expect(log.warnings).toEqual([]);
  });
});
