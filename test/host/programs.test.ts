import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { batchCommand } from "../../src/host/batch-files.ts";
import { findProgram } from "../../src/host/programs.ts";
import { createTestHost } from "../support/test-host.ts";

const existing =
  (...paths: readonly string[]) =>
  (path: string) =>
    paths.includes(path);

describe("looking a program up on Linux", () => {
  test.for([
    ["the first folder of PATH that has it", "vim", "/a:/usr/bin:/bin", "/usr/bin/vim"],
    ["never the working folder, for which an empty entry stands", "vim", ":", undefined],
    ["never a folder relative to the working one", "vim", ".:bin:../bin", undefined],
    ["the absolute entry behind a relative one", "vim", "bin:/usr/bin", "/usr/bin/vim"],
    ["an absolute path as it is", "/opt/my editor", "", "/opt/my editor"],
    ["no relative path", "./vim", "/usr/bin", undefined],
    ["no path that climbs out of PATH", "../bin/vim", "/usr/bin", undefined],
    ["nothing without PATH", "vim", undefined, undefined],
    ["nothing for nothing", "", "/usr/bin", undefined],
    ["no name with a NUL", "vim\0", "/usr/bin", undefined],
  ] as const)("takes %s", ([, name, PATH, found]) => {
    const isProgram = existing("/usr/bin/vim", "/bin/vim", "vim", "bin/vim", "./vim", "/opt/my editor");

    expect(findProgram(name, { platform: "linux", env: { PATH }, isProgram })).toBe(found);
  });

  test("takes files that may be run, not folders and not plain files", async () => {
    const host = await createTestHost({ files: { "first/tool": "", "third/tool": "#!/bin/sh\n" } });
    mkdirSync(join(host.cwd, "second/tool"), { recursive: true });
    chmodSync(join(host.cwd, "third/tool"), 0o755);
    mkdirSync(join(host.cwd, "zeroth"));
    symlinkSync("nowhere", join(host.cwd, "zeroth/tool"));
    const PATH = ["zeroth", "first", "second", "third"].map((name) => join(host.cwd, name)).join(":");

    expect(findProgram("tool", { platform: "linux", env: { PATH } })).toBe(join(host.cwd, "third/tool"));
  });
});

describe("looking a program up on Windows", () => {
  const Path = 'C:\\Windows\\System32;"C:\\Program Files\\Vim"';

  test.for([
    ["the endings of PATHEXT in their order", "tool", "C:\\Windows\\System32\\tool.EXE"],
    ["a quoted entry of PATH", "vim", "C:\\Program Files\\Vim\\vim.EXE"],
    ["a name with its ending as it is", "vim.exe", "C:\\Program Files\\Vim\\vim.exe"],
    ["an absolute path without its ending", "C:/Program Files/Vim/vim", "C:\\Program Files\\Vim\\vim.EXE"],
    ["no path that follows the current drive", "\\tools\\vim", undefined],
    ["no path that follows the folder of a drive", "C:vim", undefined],
    ["no relative path", ".\\vim", undefined],
    ["no file without a known ending", "script", undefined],
  ] as const)("takes %s", ([, name, found]) => {
    const isProgram = existing(
      "C:\\Windows\\System32\\tool.EXE",
      "C:\\Windows\\System32\\tool.CMD",
      "C:\\Windows\\System32\\script",
      "C:\\Program Files\\Vim\\vim.EXE",
      "C:\\Program Files\\Vim\\vim.exe",
      "\\tools\\vim.EXE",
      "C:vim.EXE",
      ".\\vim.EXE",
      "vim.EXE",
    );
    const env = { PATH: undefined, pAtH: Path, PATHEXT: ".COM;.EXE;.BAT;.CMD" };

    expect(findProgram(name, { platform: "win32", env, isProgram })).toBe(found);
  });

  test("never the working folder, where a repository may have put a program (GHSA-x5c7-x7m2-rhmf)", () => {
    const isProgram = existing("gpg.EXE", ".\\gpg.EXE", "\\bin\\gpg.EXE");

    expect(
      findProgram("gpg", { platform: "win32", env: { Path: ".;;\\bin;bin" }, isProgram }),
    ).toBeUndefined();
  });
});

describe("running a batch file", () => {
  test("goes through cmd.exe of the system with every word quoted", () => {
    expect(
      batchCommand({ SYSTEMROOT: "D:\\Win" }, "C:\\Code\\code.cmd", ["--wait", "C:\\a b\\c.yaml"]),
    ).toEqual({
      shell: "D:\\Win\\System32\\cmd.exe",
      argument: '""C:\\Code\\code.cmd" "--wait" "C:\\a b\\c.yaml""',
    });
  });

  test.for(['a"b', "%PATH%", "a&b", "a|b", "a^b", "a<b", "a>b", "a!b", "a\nb", "a\\"])(
    "refuses %j",
    (word) => {
      expect(() => batchCommand({}, "C:\\code.cmd", [word])).toThrow(
        expect.objectContaining({ code: "USAGE" }),
      );
    },
  );
});

test("a program in the working folder is not run, though PATH says so", async () => {
  const host = await createTestHost({ files: { tool: "#!/bin/sh\necho ran" }, env: { PATH: ".::" } });
  writeFileSync(join(host.cwd, "tool"), "#!/bin/sh\necho ran", { mode: 0o755 });

  expect(await host.which("tool")).toBeUndefined();
  await expect(host.exec(["tool"])).rejects.toMatchObject({
    code: "NO_FILE",
    message: "there is no program tool",
  });
  await expect(host.exec(["./tool"])).rejects.toMatchObject({ code: "NO_FILE" });
  await expect(host.spawn(["tool"])).rejects.toMatchObject({ code: "NO_FILE" });
});
