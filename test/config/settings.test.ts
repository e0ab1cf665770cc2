import { posix, win32 } from "node:path";
import { describe, expect, test } from "vitest";
import { environmentKeys, loadSettings, parseDecryptionOrder } from "../../src/config/settings.ts";
import { splitWords } from "../../src/core/shell-words.ts";
import { KsealError } from "../../src/errors.ts";

interface World {
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: string;
  readonly platform?: "linux" | "win32";
}

function fakeHost({ env = {}, file, platform = "linux" }: World) {
  const path = platform === "win32" ? win32 : posix;
  const configDir = platform === "win32" ? "C:\\Users\\ada\\AppData\\Roaming" : "/home/ada/.config";
  const place = path.join(configDir, "kseal", "config.yaml");
  return {
    env,
    platform,
    configDir,
    resolve: (...parts: string[]) => path.resolve(...parts),
    readFile: async (asked: string) => {
      if (asked !== place || file === undefined) throw new KsealError("NO_FILE", `no file ${asked}`);
      return new TextEncoder().encode(file);
    },
  };
}

test("with nothing said the defaults hold, and nobody can change them later", async () => {
  const settings = await loadSettings(fakeHost({}));

  expect(settings).toEqual({
    configPath: undefined,
    decryptionOrder: ["age", "pgp"],
    editor: undefined,
    trust: { vaultAddresses: [], azureVaults: [], awsRoles: [], awsProfiles: [], plainStores: [] },
  });
  expect(Object.isFrozen(settings)).toBe(true);
});

describe("a flag beats the environment, the environment beats the user's file", () => {
  const env = { SOPS_CONFIG: "env.yaml", SOPS_DECRYPTION_ORDER: "pgp,age", EDITOR: "ed" };

  test("the configuration's path and the order of keys", async () => {
    expect(await loadSettings(fakeHost({ env }))).toMatchObject({
      configPath: "env.yaml",
      decryptionOrder: ["pgp", "age"],
    });
    const flags = { configPath: "flag.yaml", decryptionOrder: "kms" };
    expect(await loadSettings(fakeHost({ env }), flags)).toMatchObject({
      configPath: "flag.yaml",
      decryptionOrder: ["kms"],
    });
  });

  test.for([
    [{ EDITOR: "c", SOPS_EDITOR: "b", KSEAL_EDITOR: "a" }, ["a"]],
    [{ EDITOR: "c", SOPS_EDITOR: "b" }, ["b"]],
    [{ EDITOR: "c" }, ["c"]],
    [{ EDITOR: "", SOPS_EDITOR: " " }, ["nano", "-w"]],
    [{}, ["nano", "-w"]],
  ] as const)("the editor of %o", async ([variables, editor]) => {
    expect((await loadSettings(fakeHost({ env: variables, file: "editor: nano -w\n" }))).editor).toEqual(
      editor,
    );
  });
});

describe("the user's own file", () => {
  test.for([
    ["editr: vim", 'unknown field "editr" in kseal\'s configuration: did you mean "editor"?'],
    ["allow: all", 'unknown field "allow" in kseal\'s configuration: known are editor, trust'],
    ["editor: [vim]", "editor must be text, not a list"],
  ] as const)("is read strictly: %s", async ([file, problem]) => {
    await expect(loadSettings(fakeHost({ file }))).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      where: { file: "/home/ada/.config/kseal/config.yaml", line: 1 },
    });
    await expect(loadSettings(fakeHost({ file }))).rejects.toThrow(problem);
  });

  test("may be empty", async () => {
    expect((await loadSettings(fakeHost({ file: "" }))).editor).toBeUndefined();
    expect((await loadSettings(fakeHost({ file: "editor:" }))).editor).toBeUndefined();
  });

  test("lies in %AppData% on Windows, where a backslash is part of a path", async () => {
    const file = `editor: '"C:\\Program Files\\Code\\code.exe" --wait'`;

    expect((await loadSettings(fakeHost({ file, platform: "win32" }))).editor).toEqual([
      "C:\\Program Files\\Code\\code.exe",
      "--wait",
    ]);
  });

  test("that cannot be read is an error, not an absent one", async () => {
    const host = {
      ...fakeHost({}),
      readFile: () => Promise.reject(new KsealError("INPUT_UNREADABLE", "no permission")),
    };

    await expect(loadSettings(host)).rejects.toMatchObject({ code: "INPUT_UNREADABLE" });
  });
});

test("an editor with an open quote is refused by the name of its variable", async () => {
  await expect(loadSettings(fakeHost({ env: { SOPS_EDITOR: "code '--wait" } }))).rejects.toMatchObject({
    code: "USAGE",
    message: "the editor of SOPS_EDITOR has an opening quote without its end",
  });
});

test("D49: a key type that is twice in the decryption order is refused with the status of sops", () => {
  expect(() => parseDecryptionOrder("age,pgp,age")).toThrow(
    expect.objectContaining({ code: "ORDER_INVALID", exitCode: 112 }),
  );
  expect(parseDecryptionOrder("")).toEqual(["age", "pgp"]);
  expect(parseDecryptionOrder("kms,unheard-of")).toEqual(["kms", "unheard-of"]);
});

describe("keys for new files from the environment", () => {
  test.for([
    ["SOPS_AGE_RECIPIENTS", "age"],
    ["SOPS_PGP_FP", "pgp"],
    ["SOPS_KMS_ARN", "kms"],
    ["SOPS_GCP_KMS_IDS", "gcpKms"],
    ["SOPS_HUAWEICLOUD_KMS_IDS", "hckms"],
    ["SOPS_AZURE_KEYVAULT_URLS", "azureKv"],
    ["SOPS_VAULT_URIS", "hcVaultTransit"],
  ] as const)("%s stands for the flag of %s", ([variable, list]) => {
    expect(environmentKeys({ [variable]: " a,b ", OTHER: "c" })).toEqual({ [list]: ["a,b"] });
    expect(environmentKeys({ [variable]: " " })).toEqual({});
  });
});

describe("a command line is split as a shell would, without one", () => {
  test.for([
    ["vim", ["vim"]],
    ["  code   --wait ", ["code", "--wait"]],
    ["'a b' \"c d\" e\\ f", ["a b", "c d", "e f"]],
    ["a'b'\"c\"d", ["abcd"]],
    ["'' \"\"", ["", ""]],
    ['"a\\"b\\\\c\\$d\\n"', ['a"b\\c$d\\n']],
    ["'a\\b'", ["a\\b"]],
    ["$HOME `id` $(id) *; rm # no", ["$HOME", "`id`", "$(id)", "*;", "rm", "#", "no"]],
    ["", []],
    ["'open", undefined],
    ['"open', undefined],
    ['"open\\"', undefined],
    ["end\\", undefined],
  ] as const)("%s", ([text, words]) => {
    expect(splitWords(text)).toEqual(words);
  });

  test("a backslash is only a character where paths are written with it", () => {
    expect(splitWords("C:\\a\\b.exe \"C:\\c d\\\" 'e\\'", "windows")).toEqual([
      "C:\\a\\b.exe",
      "C:\\c d\\",
      "e\\",
    ]);
    expect(splitWords('"a', "windows")).toBeUndefined();
  });
});
