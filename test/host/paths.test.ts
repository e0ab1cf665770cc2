import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { configFolder, homeFolder, stateFolder } from "../../src/host/paths.ts";
import { createTestHost } from "../support/test-host.ts";

describe("the user's folders", () => {
  test.for([
    ["linux", {}, "/home/u/.config", "/home/u/.local/state/kseal"],
    ["linux", { XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s" }, "/c", "/s/kseal"],
    ["linux", { XDG_CONFIG_HOME: "c", XDG_STATE_HOME: "s" }, "/home/u/.config", "/home/u/.local/state/kseal"],
    ["linux", { XDG_CONFIG_HOME: "" }, "/home/u/.config", "/home/u/.local/state/kseal"],
    ["darwin", {}, "/home/u/Library/Application Support", "/home/u/Library/Application Support/kseal"],
    ["darwin", { XDG_CONFIG_HOME: "/c" }, "/c", "/home/u/Library/Application Support/kseal"],
    ["win32", { APPDATA: "D:\\R", LOCALAPPDATA: "D:\\L" }, "D:\\R", "D:\\L\\kseal"],
    ["win32", { AppData: "D:\\R" }, "D:\\R", "C:\\Users\\u\\AppData\\Local\\kseal"],
    ["win32", {}, "C:\\Users\\u\\AppData\\Roaming", "C:\\Users\\u\\AppData\\Local\\kseal"],
    [
      "win32",
      { AppData: "relative" },
      "C:\\Users\\u\\AppData\\Roaming",
      "C:\\Users\\u\\AppData\\Local\\kseal",
    ],
  ] as const)("on %s with %j: configuration in %s, state in %s", ([platform, env, config, state]) => {
    const home = platform === "win32" ? "C:\\Users\\u" : "/home/u";

    expect(configFolder(platform, env, home)).toBe(config);
    expect(stateFolder(platform, env, home)).toBe(state);
  });

  test.for([
    ["linux", { HOME: "/home/u" }, "/home/u"],
    ["linux", { HOME: "" }, undefined],
    ["linux", { HOME: "u" }, undefined],
    ["darwin", { HOME: "/Users/u" }, "/Users/u"],
    ["win32", { USERPROFILE: "C:\\Users\\u", HOME: "/home/u" }, "C:\\Users\\u"],
  ] as const)("home on %s with %j is %s", ([platform, env, home]) => {
    expect(homeFolder(platform, env)).toBe(home);
  });
});

test("a host has the folders of its environment", async () => {
  const host = await createTestHost();

  expect(host.configDir).toBe(join(host.homeDir, ".config"));
  expect(host.resolve("a", "../b")).toBe(join(host.cwd, "b"));
});

test("a place for locks that others could write to is not used", async () => {
  const host = await createTestHost({ files: { a: "" } });
  const planted = join(host.env["TMPDIR"]!, `kseal-${process.getuid?.() ?? "user"}`);
  mkdirSync(planted);
  chmodSync(planted, 0o777);
  await host.withLock("a", async () => {
    expect(await host.list(join(planted, "locks"))).toEqual([]);
    expect(await host.list(".")).toHaveLength(1);
    expect(await host.list(join(host.homeDir, ".local/state/kseal/locks"))).toHaveLength(1);
  });
});
