import { posix, win32 } from "node:path";
import { describe, expect, test } from "vitest";
import { matchRule } from "../../src/config/match.ts";
import { parseConfig } from "../../src/config/rules.ts";

const linux = {
  platform: "linux",
  resolve: (...parts: string[]) => posix.resolve("/work", ...parts),
} as const;
const windows = {
  platform: "win32",
  resolve: (...parts: string[]) => win32.resolve("C:\\work", ...parts),
} as const;

/** Whether a rule with this pattern, in the configuration at this path, is for the file. */
function matches(
  pattern: string,
  { config, file, host }: { config: string; file: string; host: typeof linux | typeof windows },
) {
  const text = `creation_rules: [{path_regex: ${JSON.stringify(pattern)}}]`;
  return matchRule(parseConfig(new TextEncoder().encode(text), config), file, host) !== undefined;
}

describe("D27: a path is matched with / between its parts on every system", () => {
  test.for([
    {
      pattern: "^prod/a\\.yaml$",
      host: linux,
      config: "/repo/.sops.yaml",
      file: "/repo/prod/a.yaml",
      is: true,
    },
    {
      pattern: "^prod/a\\.yaml$",
      host: windows,
      config: "C:\\repo\\.sops.yaml",
      file: "C:\\repo\\prod\\a.yaml",
      is: true,
    },
    {
      pattern: "^prod/a\\.yaml$",
      host: windows,
      config: "c:\\Repo\\.sops.yaml",
      file: "C:\\repo\\prod\\a.yaml",
      is: true,
    },
    {
      pattern: "^prod/a\\.yaml$",
      host: windows,
      config: "C:/repo/.sops.yaml",
      file: "C:/repo/prod/a.yaml",
      is: true,
    },
    {
      pattern: "prod\\\\a",
      host: windows,
      config: "C:\\repo\\.sops.yaml",
      file: "C:\\repo\\prod\\a.yaml",
      is: false,
    },
    // Outside the configuration's folder the whole path counts.
    {
      pattern: "^/other/a\\.yaml$",
      host: linux,
      config: "/repo/.sops.yaml",
      file: "/other/a.yaml",
      is: true,
    },
    {
      pattern: "^/repository/",
      host: linux,
      config: "/repo/.sops.yaml",
      file: "/repository/a.yaml",
      is: true,
    },
    {
      pattern: "^D:/other/a\\.yaml$",
      host: windows,
      config: "C:\\repo\\.sops.yaml",
      file: "D:\\other\\a.yaml",
      is: true,
    },
    {
      pattern: "^//server/share/a",
      host: windows,
      config: "C:\\repo\\.sops.yaml",
      file: "\\\\server\\share\\a.yaml",
      is: true,
    },
    // A backslash is an ordinary character elsewhere.
    {
      pattern: "^a\\\\b\\.yaml$",
      host: linux,
      config: "/repo/.sops.yaml",
      file: "/repo/a\\b.yaml",
      is: true,
    },
    // A configuration named by a relative path lies below the working folder.
    { pattern: "^prod/", host: linux, config: "conf/.sops.yaml", file: "/work/conf/prod/a.yaml", is: true },
    { pattern: "^prod/", host: windows, config: ".sops.yaml", file: "C:\\work\\prod\\a.yaml", is: true },
    // As in SOPS, nothing is cut off for a configuration in the root folder.
    { pattern: "^/prod/", host: linux, config: "/.sops.yaml", file: "/prod/a.yaml", is: true },
  ])("$pattern in $config for $file: $is", ({ pattern, is, ...where }) => {
    expect(matches(pattern, where)).toBe(is);
  });
});

describe("a pattern", () => {
  const at = { config: "/repo/.sops.yaml", file: "/repo/apps/prod/db.secret.yaml", host: linux };

  test.for([
    ["prod", true],
    ["^prod", false],
    ["(?i)PROD", true],
    ["\\.yaml\\z", true],
    ["^apps/[^/]+/[[:word:]]+\\.secret\\.yaml$", true],
    ["/repo", false],
  ] as const)("%s is searched, not anchored: %s", ([pattern, is]) => {
    expect(matches(pattern, at)).toBe(is);
  });

  test("takes linear time, whatever it is", { timeout: 5_000 }, () => {
    expect(matches("^(a+)+$", { ...at, file: `/repo/${"a".repeat(5_000)}!` })).toBe(false);
  });
});

test("without creation rules nothing matches", () => {
  expect(matchRule(parseConfig(new Uint8Array(), "/repo/.sops.yaml"), "/repo/a.yaml", linux)).toBeUndefined();
});

test("the same rule answers for many files", () => {
  const text = "creation_rules: [{path_regex: ^a}, {path_regex: ^b}]";
  const config = parseConfig(new TextEncoder().encode(text), "/repo/.sops.yaml");
  const [first, second] = config.rules ?? [];

  expect(matchRule(config, "/repo/a.yaml", linux)).toBe(first);
  expect(matchRule(config, "/repo/b.yaml", linux)).toBe(second);
  expect(matchRule(config, "/repo/a2.yaml", linux)).toBe(first);
  expect(matchRule(config, "/repo/c.yaml", linux)).toBeUndefined();
});
