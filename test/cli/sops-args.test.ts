import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseSopsArgs } from "../../src/cli/compat/sops-args.ts";
import { commands, rootFlags } from "../../src/cli/compat/sops-flags.ts";
import { nextWords } from "../../src/cli/compat/sops-help.ts";
import { KsealError } from "../../src/errors.ts";
import { peer } from "../support/peers.ts";

const common = {
  config: undefined,
  indent: undefined,
  inputType: undefined,
  outputType: undefined,
  filenameOverride: undefined,
};
const open = { ...common, ignoreMac: false, decryptionOrder: undefined };
const encrypting = {
  ...common,
  keys: {},
  selection: undefined,
  macOnlyEncrypted: false,
  threshold: undefined,
};
const target = { inPlace: false, output: undefined };

describe("a command line of sops", () => {
  test.for([
    ["encrypt f", { command: "encrypt", file: "f", ...encrypting, ...target }],
    ["encrypt -i f", { command: "encrypt", file: "f", ...encrypting, ...target, inPlace: true }],
    ["encrypt --in-place=false f", { command: "encrypt", file: "f", ...encrypting, ...target }],
    [
      "encrypt --filename-override x.yaml",
      { command: "encrypt", file: undefined, ...encrypting, ...target, filenameOverride: "x.yaml" },
    ],
    [
      "encrypt -age a,b -output o f",
      {
        command: "encrypt",
        file: "f",
        ...encrypting,
        keys: { age: ["a", "b"] },
        inPlace: false,
        output: "o",
      },
    ],
    ["encrypt -a a -- f", { command: "encrypt", file: "f", ...encrypting, ...target, keys: { age: ["a"] } }],
    ["encrypt -- -x", { command: "encrypt", file: "-x", ...encrypting, ...target }],
    [
      "encrypt --encrypted-regex ^a --input-type=json --output-type yaml --shamir-secret-sharing-threshold 0x2 f",
      {
        command: "encrypt",
        file: "f",
        ...encrypting,
        ...target,
        selection: { rule: "encrypted_regex", pattern: "^a" },
        inputType: "json",
        outputType: "yaml",
        threshold: 2,
      },
    ],
    ["decrypt", { command: "decrypt", file: undefined, extract: undefined, ...open, ...target }],
    ["decrypt f", { command: "decrypt", file: "f", extract: undefined, ...open, ...target }],
    [
      `decrypt --extract ["a"][0] --ignore-mac --decryption-order pgp,age f`,
      {
        command: "decrypt",
        file: "f",
        extract: '["a"][0]',
        ...open,
        ...target,
        ignoreMac: true,
        decryptionOrder: "pgp,age",
      },
    ],
    ["edit f", { command: "edit", file: "f", ...encrypting, ...open, showMasterKeys: false }],
    ["edit -s f", { command: "edit", file: "f", ...encrypting, ...open, showMasterKeys: true }],
    [
      "rotate -i --add-age a,b --rm-age c f",
      {
        command: "rotate",
        file: "f",
        isLegacy: false,
        add: { age: ["a", "b"] },
        remove: { age: ["c"] },
        ...open,
        ...target,
        inPlace: true,
      },
    ],
    [
      `set f ["a"] "v"`,
      { command: "set", file: "f", path: '["a"]', value: { json: '"v"' }, idempotent: false, ...open },
    ],
    [
      `set f ["a"] -5`,
      { command: "set", file: "f", path: '["a"]', value: { json: "-5" }, idempotent: false, ...open },
    ],
    [
      `set --value-file --idempotent f ["a"] v`,
      { command: "set", file: "f", path: '["a"]', value: { file: "v" }, idempotent: true, ...open },
    ],
    [
      `set --value-stdin f ["a"]`,
      { command: "set", file: "f", path: '["a"]', value: "stdin", idempotent: false, ...open },
    ],
    [`unset --idempotent f ["a"]`, { command: "unset", file: "f", path: '["a"]', idempotent: true, ...open }],
    [
      "updatekeys -y a b",
      { command: "updatekeys", files: ["a", "b"], yes: true, inputType: undefined, config: undefined },
    ],
    [
      "groups add -f x --age a --age b,c -i",
      {
        command: "groups-add",
        file: "x",
        keys: { age: ["a", "b", "c"] },
        inPlace: true,
        threshold: undefined,
      },
    ],
    [
      "groups delete -f x 1",
      { command: "groups-delete", file: "x", index: "1", inPlace: false, threshold: undefined },
    ],
    [
      "exec-env --pristine --user u f cmd",
      { command: "exec-env", file: "f", line: "cmd", pristine: true, sameProcess: false, user: "u", ...open },
    ],
    [
      "exec-file --no-fifo --filename n f cmd",
      { command: "exec-file", file: "f", line: "cmd", noFifo: true, fileName: "n", user: undefined, ...open },
    ],
    ["filestatus --input-type yaml f", { command: "filestatus", file: "f", inputType: "yaml" }],
    ["--version", { command: "version" }],
    ["-v", { command: "version" }],
    ["--version encrypt f", { command: "version" }],
  ] as const)("%s", ([line, expected]) => {
    expect(parseSopsArgs(line.split(" "), {})).toEqual(expected);
  });

  test.for([
    ["f", "edit f"],
    ["-s f", "edit -s f"],
    ["-d f", "decrypt f"],
    ["--decrypt=true --output o f", "decrypt --output o f"],
    [`-d --extract ["a"] f`, `decrypt --extract ["a"] f`],
    ["-e -i f", "encrypt -i f"],
    ["-e --age a --encrypted-suffix s f", "encrypt --age a --encrypted-suffix s f"],
    ["-d -- -x", "decrypt -- -x"],
    ["--config c -d --ignore-mac f", "--config c decrypt --ignore-mac f"],
  ] as const)("the legacy form %s is %s", ([legacy, modern]) => {
    expect(parseSopsArgs(legacy.split(" "), {})).toEqual(parseSopsArgs(modern.split(" "), {}));
  });

  test("the legacy form -r is rotate, and known as legacy: its status for a missing file is another one", () => {
    const modern = parseSopsArgs(["rotate", "--add-age", "a", "f"], {});
    expect(parseSopsArgs(["-r", "--add-age", "a", "f"], {})).toEqual({ ...modern, isLegacy: true });
  });

  test("--set holds a path and a JSON value, which may have spaces and brackets", () => {
    const set = (text: string) => parseSopsArgs(["--set", text, "f"], {});

    expect(set('["a b"][0] {"c": ["d"]}')).toMatchObject({
      command: "set",
      file: "f",
      path: '["a b"][0]',
      value: { json: '{"c": ["d"]}' },
    });
    expect(set('["a"] "] b"')).toMatchObject({ path: '["a"]', value: { json: '"] b"' } });
    expect(() => set('["a"]"b"')).toThrow(expect.objectContaining({ code: "SET_INVALID", exitCode: 7 }));
  });

  test("of several modes the last counts, with a warning, as in sops", () => {
    const warnings: string[] = [];

    expect(parseSopsArgs(["-d", "-r", "-e", "f"], {}, (text) => warnings.push(text))).toMatchObject({
      command: "rotate",
    });
    expect(parseSopsArgs(["-d", "--set", '["a"] 1', "f"], {}, () => {})).toMatchObject({ command: "set" });
    expect(warnings).toEqual([
      "more than one of --encrypt, --decrypt, --rotate and --set: only the last of them counts",
    ]);
  });

  test("words behind the file are told of", () => {
    const warnings: string[] = [];
    parseSopsArgs(["-d", "f", "g"], {}, (text) => warnings.push(text));
    parseSopsArgs(["encrypt", "f", "g"], {}, (text) => warnings.push(text));

    expect(warnings).toEqual(
      Array(2).fill("more than one positional argument provided: only the first one is used"),
    );
  });
});

describe("D29: every flag works in any position", () => {
  test.for([
    ["-d f --extract x", "decrypt --extract x f"],
    ["f -d", "decrypt f"],
    ["decrypt -i f --ignore-mac", "decrypt --ignore-mac -i f"],
    ["decrypt f --config c --indent 2", "--config c --indent 2 decrypt f"],
    ["--age a encrypt f", "encrypt --age a f"],
    ["-i encrypt f", "encrypt -i f"],
    ["encrypt --mac-only-encrypted f", "--mac-only-encrypted encrypt f"],
    ["encrypt f --encrypted-comment-regex x", "-e --encrypted-comment-regex x f"],
    ["encrypt --verbose f", "encrypt f"],
    [`set --idempotent f ["a"] 1 --ignore-mac`, `set --ignore-mac --idempotent f ["a"] 1`],
    ["groups -f x add --age a", "groups add -f x --age a"],
    ["groups delete 1 -f x", "groups delete -f x 1"],
    ["updatekeys a -y b", "updatekeys -y a b"],
    ["encrypt --age a f --age b", "encrypt --age b f"],
  ] as const)("%s is %s", ([anyOrder, firstly]) => {
    expect(parseSopsArgs(anyOrder.split(" "), {})).toEqual(parseSopsArgs(firstly.split(" "), {}));
  });

  test("a flag in front of a command that has none of that name is told of", () => {
    const warnings: string[] = [];

    parseSopsArgs(["--extract", "x", "-d", "encrypt", "f"], {}, (text) => warnings.push(text));

    expect(warnings).toEqual(["--extract has no effect on encrypt", "--decrypt has no effect on encrypt"]);
  });

  test("a misspelt flag behind the file is refused, where sops goes on without it", () => {
    expect(() => parseSopsArgs(["encrypt", "f", "--encryped-regex", "^a"], {})).toThrow(
      "flag provided but not defined: -encryped-regex",
    );
    expect(() => parseSopsArgs(["-d", "f", "--bogus"], {})).toThrow("flag provided but not defined: -bogus");
  });
});

describe("variables stand in for flags", () => {
  const env = {
    SOPS_AGE_RECIPIENTS: "a, b",
    SOPS_CONFIG: "c",
    SOPS_DECRYPTION_ORDER: "pgp",
    SOPS_ENABLE_LOCAL_KEYSERVICE: "1",
  };

  test("where the command has the flag", () => {
    expect(parseSopsArgs(["encrypt", "f"], env)).toMatchObject({ keys: { age: ["a", "b"] }, config: "c" });
    expect(parseSopsArgs(["decrypt", "f"], env)).toMatchObject({ config: "c", decryptionOrder: "pgp" });
    expect(parseSopsArgs(["groups", "add", "-f", "x"], env)).toMatchObject({ keys: {} });
  });

  test("and a flag beats its variable", () => {
    expect(parseSopsArgs(["encrypt", "--age", "z", "--config", "d", "f"], env)).toMatchObject({
      keys: { age: ["z"] },
      config: "d",
    });
    // An empty flag counts as none, as in sops.
    expect(parseSopsArgs(["encrypt", "--age=", "f"], env)).toMatchObject({ keys: {} });
  });

  test("a variable that is no truth value is refused without repeating it", () => {
    expect(() => parseSopsArgs(["decrypt", "f"], { SOPS_ENABLE_LOCAL_KEYSERVICE: "maybe" })).toThrow(
      expect.objectContaining({
        message:
          "could not parse SOPS_ENABLE_LOCAL_KEYSERVICE as bool value for flag enable-local-keyservice",
        exitCode: 1,
      }),
    );
  });
});

describe("keys of every type", () => {
  test.for([
    ["encrypt --kms a,b --aws-profile p f", { kms: ["a", "b"], awsProfile: "p" }],
    ["encrypt -k a f", { kms: ["a"] }],
    ["-e -p A,B f", { pgp: ["A", "B"] }],
    ["edit --gcp-kms a f", { gcpKms: ["a"] }],
    ["encrypt --hckms a f", { hckms: ["a"] }],
    ["encrypt --azure-kv a f", { azureKv: ["a"] }],
    ["encrypt --hc-vault-transit a f", { hcVaultTransit: ["a"] }],
    ["encrypt --encryption-context a:b f", { encryptionContext: ["a:b"] }],
    // Without a key it has nothing to be for, as in sops.
    ["encrypt --aws-profile p f", {}],
    [
      "groups add -f f --pgp A --pgp B --kms a --aws-profile p --encryption-context a:b,c:d --hckms x --azure-kv y",
      {
        pgp: ["A", "B"],
        kms: ["a"],
        hckms: ["x"],
        azureKv: ["y"],
        awsProfile: "p",
        encryptionContext: ["a:b,c:d"],
      },
    ],
  ] as const)("%s", ([line, keys]) => {
    const call = parseSopsArgs(line.split(" "), {});
    expect("keys" in call && call.keys).toEqual(keys);
  });

  test("to add and to remove", () => {
    const line =
      "rotate --add-kms a --rm-kms b --add-gcp-kms c --rm-pgp D --rm-hc-vault-transit e --encryption-context x:y f";

    expect(parseSopsArgs(line.split(" "), {})).toMatchObject({
      add: { kms: ["a"], gcpKms: ["c"], encryptionContext: ["x:y"] },
      remove: { kms: ["b"], pgp: ["D"], hcVaultTransit: ["e"], encryptionContext: ["x:y"] },
    });
  });

  test("by variables, each of which stands in for its flag", () => {
    const env = {
      SOPS_KMS_ARN: "a",
      SOPS_GCP_KMS_IDS: "b",
      SOPS_HUAWEICLOUD_KMS_IDS: "c",
      SOPS_AZURE_KEYVAULT_URLS: "d",
      SOPS_VAULT_URIS: "e",
      SOPS_PGP_FP: "F",
    };
    const keys = {
      kms: ["a"],
      gcpKms: ["b"],
      hckms: ["c"],
      azureKv: ["d"],
      hcVaultTransit: ["e"],
      pgp: ["F"],
    };

    expect(parseSopsArgs(["encrypt", "f"], env)).toMatchObject({ keys });
    expect(parseSopsArgs(["edit", "--pgp", "G", "f"], env)).toMatchObject({ keys: { ...keys, pgp: ["G"] } });
    expect(parseSopsArgs(["rotate", "f"], env)).toMatchObject({ add: {}, remove: {} });
    expect(parseSopsArgs(["groups", "add", "-f", "x"], env)).toMatchObject({ keys: {} });
  });

  test.for(["encrypt f", "edit f", "rotate f", "groups add -f f"])(
    "D30: %s does not go on without an encryption context that it cannot read",
    (command) => {
      const args = [...command.split(" "), "--encryption-context", "a"];
      expect(() => parseSopsArgs(args, {})).toThrow(
        expect.objectContaining({
          exitCode: 6,
          message: 'the KMS encryption context cannot be read: "a" is no key:value',
          hint: "write it as --encryption-context Environment:prod,Team:payments",
        }),
      );
    },
  );
});

describe("what comes in a later version is known by name", () => {
  test.for([
    ["decrypt --keyservice tcp://x f", "--keyservice"],
    ["decrypt --enable-local-keyservice=false f", "--enable-local-keyservice"],
    ["exec-env --background f c", "--background"],
    ["publish x", "publish"],
    ["keyservice --net unix", "keyservice"],
  ] as const)("%s: %s", ([line, what]) => {
    expect(parseSopsArgs(line.split(" "), {})).toEqual({ command: "later", what });
  });

  test("a variable for key services, too", () => {
    expect(parseSopsArgs(["decrypt", "f"], { SOPS_KEYSERVICE: "tcp://x" })).toEqual({
      command: "later",
      what: "SOPS_KEYSERVICE",
    });
  });
});

describe("help and completions", () => {
  const printed = (line: string): string => {
    const call = parseSopsArgs(line.split(" "), {});
    return call.command === "print" ? call.text : "";
  };

  test.for([
    ["--help", "Usage: sops [flags] file"],
    ["help", "Usage: sops [flags] file"],
    ["h", "Usage: sops [flags] file"],
    ["-h encrypt", "Usage: sops [flags] file"],
    ["encrypt --help", "Usage: sops encrypt [flags] [file]"],
    ["encrypt f -h", "Usage: sops encrypt [flags] [file]"],
    ["help encrypt", "Usage: sops encrypt [flags] [file]"],
    ["groups", "Usage: sops groups command [flags]"],
    ["groups --help", "Usage: sops groups command [flags]"],
    ["help groups", "Usage: sops groups command [flags]"],
    ["groups help add", "Usage: sops groups add [flags]"],
    ["groups add --help", "Usage: sops groups add [flags]"],
    ["completion", "Usage: sops completion command [flags]"],
    ["completion bash", "# completions of sops for bash"],
    ["completion zsh", "#compdef sops"],
  ] as const)("%s prints %s", ([line, first]) => {
    expect(printed(line).split("\n", 1)[0]).toBe(first);
  });

  test("the scripts are told which words may follow", () => {
    expect(printed("--generate-bash-completion").split("\n")).toContain("encrypt");
    expect(printed("groups --generate-bash-completion")).toBe("add\ndelete\nhelp\nh\n");
    expect(printed("encrypt --generate-bash-completion")).toBe("");
  });
});

/** Command lines that are refused before any file is looked at, with the status of sops and words of its message. */
const refused: readonly (readonly [string, number, string])[] = [
  ["", 100, "no file specified"],
  ["-d", 100, "no file specified"],
  ["--bogus", 1, "flag provided but not defined: -bogus"],
  ["encrypt --bogus", 1, "flag provided but not defined: -bogus"],
  ["groups --bogus add", 1, "flag provided but not defined: -bogus"],
  ["groups add --bogus", 1, "flag provided but not defined: -bogus"],
  ["help --bogus", 1, "flag provided but not defined: -bogus"],
  ["-di f", 1, "flag provided but not defined: -di"],
  [
    "updatekeys --shamir-secret-sharing-threshold 2 f",
    1,
    "flag provided but not defined: -shamir-secret-sharing-threshold",
  ],
  ["decrypt --age a f", 1, "flag provided but not defined: -age"],
  ["---x", 1, "bad flag syntax: ---x"],
  ["encrypt --=x", 1, "bad flag syntax: --=x"],
  ["--output", 1, "flag needs an argument: -output"],
  ["encrypt -output", 1, "flag needs an argument: -output"],
  ["encrypt -age", 1, "flag needs an argument: -age"],
  ["--indent x f", 1, 'invalid value "x" for flag -indent: parse error'],
  ["--indent= f", 1, 'invalid value "" for flag -indent: parse error'],
  ["--indent 09 f", 1, 'invalid value "09" for flag -indent: parse error'],
  [
    "--indent 99999999999999999999 f",
    1,
    'invalid value "99999999999999999999" for flag -indent: value out of range',
  ],
  [
    "encrypt --shamir-secret-sharing-threshold=2.5 f",
    1,
    'invalid value "2.5" for flag -shamir-secret-sharing-threshold: parse error',
  ],
  ["decrypt --ignore-mac=maybe f", 1, 'invalid boolean value "maybe" for -ignore-mac: parse error'],
  ["encrypt -i --in-place f", 1, "Cannot use two forms of the same flag: i in-place"],
  ["-a x --age y f", 1, "Cannot use two forms of the same flag: a age"],
  ["encrypt", 8, "must specify --filename-override when reading from stdin"],
  ["encrypt -i", 8, "cannot use --in-place when reading from stdin"],
  ["decrypt -i", 8, "cannot use --in-place when reading from stdin"],
  ["encrypt -i --output o f", 8, "cannot operate on both --output and --in-place"],
  ["decrypt -i --output o f", 8, "cannot operate on both --output and --in-place"],
  ["-d -i --output o f", 8, "cannot operate on both --output and --in-place"],
  ["rotate -i --output o f", 8, "cannot operate on both --output and --in-place"],
  ["rotate", 100, "no file specified"],
  ["edit", 100, "no file specified"],
  ["updatekeys", 100, "no file specified"],
  ["filestatus", 100, "no file specified"],
  ["set f x", 100, ""],
  ["set --value-stdin f x y", 100, ""],
  ["set --value-stdin --value-file f x y", 1, "cannot use both --value-file and --value-stdin"],
  ["unset f", 100, "no file specified, or index is missing"],
  ["exec-env f", 1, "missing file to decrypt"],
  ["exec-file f c d", 1, "missing file to decrypt"],
  ["groups add x", 1, "no positional arguments allowed"],
  ["groups delete", 1, "exactly one positional argument (index) required"],
  ["groups delete x", 1, "failed to parse [index] argument"],
  ["groups delete 4294967296", 1, "failed to parse [index] argument"],
  ["groups bogus", 3, ""],
  ["completion fish", 3, ""],
  ["help bogus", 3, ""],
];

describe("a wrong command line", () => {
  test.for(refused)("%s: %i %s", ([line, status, message]) => {
    const error = refusal(line);

    expect(error).toMatchObject({ exitCode: status });
    expect(error.message).toContain(message);
  });

  test("two selections are refused with the status of sops", () => {
    const error = refusal("encrypt --encrypted-regex a --unencrypted-suffix b f");

    expect(error).toMatchObject({ code: "USAGE", exitCode: 8 });
    expect(error.message).toBe(
      "cannot use more than one of unencrypted_suffix and encrypted_regex in the same file",
    );
  });
});

test("whatever the words are, they are understood or refused", () => {
  const names = [...rootFlags, ...Object.values(commands).flatMap(({ flags }) => flags)].flatMap(
    (flag) => flag.names,
  );
  const word = fc.oneof(
    fc.constantFrom(...names.flatMap((name) => [`--${name}`, `-${name}`, `--${name}=x`, `--${name}=1`])),
    fc.constantFrom(
      ...Object.keys(commands).flatMap((name) => name.split(" ")),
      "help",
      "f",
      '["a"]',
      "1",
      "--",
      "-",
      "",
      "__proto__",
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (args) => {
      try {
        expect(parseSopsArgs(args, {}).command).toMatch(/./);
      } catch (error) {
        expect(error).toBeInstanceOf(KsealError);
      }
    }),
    { numRuns: 5000 },
  );
});

const sops = peer("sops");

describe.skipIf(!sops)("the real sops", () => {
  test.for(refused)("refuses too: %s: %i %s", ([line, status, message]) => {
    const result = run(line === "" ? [] : line.split(" "));

    expect(result.status).toBe(status);
    expect(result.stderr.replaceAll('\\"', '"')).toContain(message);
  });

  test("D29: has all flags of each command, kseal's extra ones excepted", () => {
    const extra =
      "help h config indent verbose disable-version-check check-for-updates mac-only-encrypted unencrypted-comment-regex encrypted-comment-regex";
    for (const [name, { flags }] of Object.entries(commands)) {
      const theirs = flagsInHelp(name);
      const ours = flags.flatMap(({ names }) => names);
      expect(ours, name).toEqual(expect.arrayContaining([...theirs]));
      expect(
        ours.filter((flag) => !theirs.includes(flag) && !extra.split(" ").includes(flag)),
        name,
      ).toEqual([]);
    }
    expect(rootFlags.flatMap(({ names }) => names).sort()).toEqual([...flagsInHelp("")].sort());
  });

  test("has the same variables for the same flags", () => {
    for (const name of ["", ...Object.keys(commands)]) {
      const theirs = new Map(
        [
          ...run([...name.split(" "), "--help"].filter((word) => word !== "")).stdout.matchAll(
            /^ {3}--([\w-]+).*\[\$(\w+)\]$/gm,
          ),
        ].map(([, flag, variable]) => [flag, variable]),
      );
      const specs = Object.entries(commands).find(([command]) => command === name)?.[1].flags ?? rootFlags;
      const everywhere = ["config", "disable-version-check"];
      const ours = new Map(
        specs.flatMap(({ names, env }) =>
          env === undefined || (name !== "" && everywhere.includes(names[0])) ? [] : [[names[0], env]],
        ),
      );
      expect(ours, name).toEqual(theirs);
    }
  });

  test("has the same commands", () => {
    const words = (args: readonly string[]) =>
      run([...args, "--generate-bash-completion"])
        .stdout.split("\n")
        .filter((word) => word !== "");

    expect([...nextWords("")].sort()).toEqual(words([]).sort());
    expect([...nextWords("groups")].sort()).toEqual(words(["groups"]).sort());
    expect([...nextWords("completion")].sort()).toEqual(words(["completion"]).sort());
  });
});

function flagsInHelp(command: string): readonly string[] {
  const { stdout } = run([...command.split(" "), "--help"].filter((word) => word !== ""));
  return [...stdout.matchAll(/^ {3}(--[^\s].*?)(?: {2,}|$)/gm)].flatMap(([, forms = ""]) =>
    [...forms.matchAll(/(?:^|, )--?([\w-]+)/g)].map(([, name = ""]) => name),
  );
}

function run(args: readonly string[]): { stdout: string; stderr: string; status: number | null } {
  const cwd = mkdtempSync(join(tmpdir(), "kseal-args-"));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  writeFileSync(join(cwd, "f"), "a: 1\n");
  // Without a configuration updatekeys says so before it counts its arguments.
  writeFileSync(join(cwd, ".sops.yaml"), "creation_rules: []\n");
  const env = { PATH: process.env["PATH"], HOME: cwd, EDITOR: "false", SOPS_DISABLE_VERSION_CHECK: "1" };
  return spawnSync(sops ?? "sops", args, { cwd, env, input: "", encoding: "utf8" });
}

function refusal(line: string): KsealError {
  try {
    parseSopsArgs(line === "" ? [] : line.split(" "), {});
  } catch (error) {
    if (error instanceof KsealError) return error;
    throw error;
  }
  throw new Error("the command line was accepted");
}
