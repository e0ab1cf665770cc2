import { compareWithSops } from "./harness.ts";
import {
  binary,
  commentsInList,
  commentsInMap,
  documentsYaml,
  dotenv,
  ini,
  smallDotenv,
  smallIni,
  smallJson,
  smallYaml,
  timestampsYaml,
  typesJson,
  typesYaml,
} from "./samples.ts";
import type { Scenario } from "./scenario.ts";

const encryptAll = (...names: readonly string[]): string[] =>
  names.map((name) => `encrypt -i --age $R1 ${name}`);

compareWithSops("decrypt: every store", [
  ...(
    [
      ["a.json", typesJson],
      ["a.yaml", typesYaml],
      ["dates.yaml", timestampsYaml],
      ["documents.yaml", documentsYaml],
      ["comments.yaml", commentsInMap],
      ["lists.yaml", commentsInList],
      ["a.env", dotenv],
      ["a.ini", ini],
      ["a.bin", binary],
      ["empty", ""],
    ] as const
  ).map(
    ([name, content]): Scenario => ({
      name,
      files: { [name]: content },
      prepare: encryptAll(name),
      run: [`decrypt ${name}`, `-d ${name}`, `decrypt --output copy ${name}`, `decrypt -i ${name}`],
    }),
  ),
  {
    name: "INI metadata with escaped newlines, and in triple quotes",
    prepare: [],
    run: ["3.12.2", "3.13.1", "3.8.1"].map((version) => `decrypt $VECTORS/sops-${version}/app.enc.ini`),
  },
]);

compareWithSops("decrypt: where it reads and writes", [
  {
    name: "standard input with a type, a name, or neither",
    files: { "a.yaml": smallYaml, "a.bin": binary },
    prepare: encryptAll("a.yaml", "a.bin"),
    run: [
      { line: "decrypt --input-type yaml --output-type yaml", stdinFile: "a.yaml" },
      { line: "decrypt --filename-override x.yaml", stdinFile: "a.yaml" },
      { line: "decrypt", stdinFile: "a.bin" },
      { line: "decrypt --input-type yaml", stdinFile: "a.yaml" },
    ],
  },
  ...(["yaml", "json", "dotenv", "ini"] as const).map((type): Scenario => {
    const suffix = type === "dotenv" ? "env" : type;
    return {
      name: `--input-type ${type} of a file`,
      prepare: [],
      run: [`decrypt --input-type ${type} --output-type ${type} $VECTORS/sops-3.13.3/groups.enc.${suffix}`],
    };
  }),
  {
    name: "--filename-override decides the types",
    files: { "a.json": smallJson },
    prepare: ["encrypt --age $R1 a.json > b.txt"],
    run: [
      "decrypt --filename-override x.json b.txt",
      "decrypt --filename-override x.yaml --input-type json b.txt",
    ],
  },
  ...(
    [
      ["a.yaml", smallYaml, "json"],
      ["a.json", smallJson, "yaml"],
      ["a.env", smallDotenv, "json"],
      ["a.env", smallDotenv, "yaml"],
      ["a.ini", smallIni, "json"],
      ["a.ini", smallIni, "yaml"],
      ["a.yaml", "a: x\nb: two\n", "dotenv"],
    ] as const
  ).map(
    ([name, content, type]): Scenario => ({
      name: `${name} with --output-type ${type}`,
      files: { [name]: content },
      prepare: encryptAll(name),
      run: [`decrypt --output-type ${type} ${name}`],
    }),
  ),
  {
    name: "YAML ints, floats, bools, dates and strings as INI strings",
    files: {
      "a.yaml":
        "section:\n    int: 1\n    float: 1.5\n    bool: true\n    date: 2024-01-02\n    stamp: 2025-01-02T03:04:05Z\n    string: x\n",
    },
    prepare: encryptAll("a.yaml"),
    run: ["decrypt --output-type ini a.yaml"],
  },
  {
    name: "YAML scalars as dotenv",
    files: {
      "a.yaml": "int: 1\nfloat: 3.5\nbig: 1e21\nbool: true\ndate: 2024-01-02\nmulti: |\n    a\n    b\n",
    },
    prepare: encryptAll("a.yaml"),
    run: ["decrypt --output-type dotenv a.yaml"],
  },
  {
    name: "--indent for YAML and JSON",
    files: { "a.yaml": smallYaml, "a.json": smallJson },
    prepare: encryptAll("a.yaml", "a.json"),
    run: ["--indent 2 decrypt a.yaml", "--indent 2 decrypt a.json"],
  },
  {
    name: "--output-type binary prints what the file says",
    files: { "a.bin": binary },
    prepare: encryptAll("a.bin"),
    run: ["decrypt --input-type binary --output-type binary a.bin", "decrypt --input-type json a.bin"],
  },
]);

compareWithSops("decrypt --extract", [
  {
    name: "strings, numbers, booleans, lists and maps of YAML",
    files: { "a.yaml": typesYaml },
    prepare: encryptAll("a.yaml"),
    run: [
      "str",
      "int",
      "float",
      "bool_true",
      "nothing",
      "empty",
      "multi",
      "unicode",
      "list",
      "nested",
      "empty_map",
      "empty_list",
      "key with spaces",
    ].map((key) => `decrypt --extract '["${key}"]' a.yaml`),
  },
  {
    name: "the same of JSON",
    files: { "a.json": typesJson },
    prepare: encryptAll("a.json"),
    run: ["str", "int", "float", "exponent", "yes", "null", "empty", "list", "nested", "escapes"].map(
      (key) => `decrypt --extract '["${key}"]' a.json`,
    ),
  },
  {
    name: "by index and below, in the legacy form",
    files: { "a.yaml": typesYaml, "a.json": typesJson },
    prepare: encryptAll("a.yaml", "a.json"),
    run: [
      `-d --extract '["list"][0]' a.yaml`,
      `-d --extract '["list"][5]["z"][1]' a.yaml`,
      `-d --extract '["nested"]["deep"]["deeper"]' a.yaml`,
      `decrypt --extract '["list"][3]["k"]' a.json`,
      `decrypt --extract "['list'][1]" a.json`,
    ],
  },
  {
    name: "of dotenv and INI",
    files: { "a.env": smallDotenv, "a.ini": smallIni },
    prepare: encryptAll("a.env", "a.ini"),
    run: [
      `decrypt --extract '["B"]' a.env`,
      `decrypt --extract '["section"]["b"]' a.ini`,
      `decrypt --extract '["section"]' --output-type json a.ini`,
    ],
  },
  {
    name: "in another format, into a file",
    files: { "a.yaml": typesYaml },
    prepare: encryptAll("a.yaml"),
    run: [
      `decrypt --extract '["nested"]' --output-type json a.yaml`,
      `decrypt --extract '["list"]' --output-type json --output b.json a.yaml`,
      `decrypt --extract '["str"]' --output b.txt a.yaml`,
    ],
  },
  {
    name: "from a multi-line string raw",
    files: { "a.yaml": "multi: |\n    first\n      second\n" },
    prepare: encryptAll("a.yaml"),
    run: [`decrypt --extract '["multi"]' a.yaml`],
  },
  ...(
    [
      ["a missing key", '["nope"]'],
      ["an index beyond the list", '["list"][99]'],
      ["an unclosed bracket", '["str"'],
      ["no brackets", "str"],
    ] as const
  ).map(
    ([name, path]): Scenario => ({
      name: `${name} fails alike`,
      files: { "a.yaml": typesYaml },
      prepare: encryptAll("a.yaml"),
      run: [`decrypt --extract '${path}' a.yaml`],
    }),
  ),
  ...(
    [
      ["into a scalar", '["str"]["x"]'],
      ["an empty part", "[]"],
      ["a key of a list", '["list"]["x"]'],
    ] as const
  ).map(
    ([name, path]): Scenario => ({
      name: `${name} is refused, where sops panics`,
      files: { "a.yaml": typesYaml },
      prepare: encryptAll("a.yaml"),
      run: [`decrypt --extract '${path}' a.yaml`],
      deviation: { decision: "D39", status: 91, stdout: "", untouched: true },
    }),
  ),
]);

compareWithSops("decrypt: which keys", [
  {
    name: "SOPS_AGE_KEY_FILE",
    files: { "a.json": smallJson },
    prepare: encryptAll("a.json"),
    run: [
      {
        line: "decrypt a.json",
        env: { SOPS_AGE_KEY: undefined, SOPS_AGE_KEY_FILE: "$VECTORS/keys.txt" },
      },
    ],
  },
  {
    name: "SOPS_AGE_KEY_CMD",
    files: { "a.json": smallJson },
    prepare: encryptAll("a.json"),
    run: [
      {
        line: "decrypt a.json",
        env: { SOPS_AGE_KEY: undefined, SOPS_AGE_KEY_CMD: "cat '$VECTORS/keys.txt'" },
      },
    ],
  },
  {
    name: "SSH recipients",
    files: { "a.json": smallJson },
    prepare: ["encrypt -i --age '$SSH_ED25519' a.json"],
    run: [
      "decrypt a.json",
      {
        line: "decrypt a.json",
        env: {
          SOPS_AGE_SSH_PRIVATE_KEY_FILE: undefined,
          SOPS_AGE_SSH_PRIVATE_KEY_CMD: "cat $VECTORS/ssh/id_ed25519",
        },
      },
    ],
  },
  {
    name: "an RSA key for SSH",
    files: { "a.json": smallJson },
    prepare: ["encrypt -i --age '$SSH_RSA' a.json"],
    run: [{ line: "decrypt a.json", env: { SOPS_AGE_SSH_PRIVATE_KEY_FILE: "$VECTORS/ssh/id_rsa" } }],
  },
  {
    name: "a post-quantum recipient",
    files: { "a.json": smallJson },
    prepare: ["encrypt -i --age $R4 a.json"],
    run: ["decrypt a.json"],
  },
  {
    name: "no identity at all",
    files: { "a.json": smallJson },
    prepare: encryptAll("a.json"),
    run: [
      {
        line: "decrypt a.json",
        env: { SOPS_AGE_KEY: undefined, SOPS_AGE_SSH_PRIVATE_KEY_FILE: undefined },
      },
    ],
  },
  {
    name: "only somebody else's identity",
    files: { "a.json": smallJson },
    prepare: ["encrypt -i --age $R2 a.json"],
    run: [
      {
        line: "decrypt a.json",
        env: {
          SOPS_AGE_KEY: "$I1",
          SOPS_AGE_SSH_PRIVATE_KEY_FILE: undefined,
        },
      },
    ],
  },
  {
    name: "--decryption-order and SOPS_DECRYPTION_ORDER",
    files: { "a.json": smallJson },
    prepare: encryptAll("a.json"),
    run: [
      "decrypt --decryption-order age,pgp a.json",
      "-d --decryption-order pgp,age a.json",
      { line: "decrypt a.json", env: { SOPS_DECRYPTION_ORDER: "kms,age" } },
    ],
  },
  {
    name: "a type that stands twice in --decryption-order",
    files: { "a.json": smallJson },
    prepare: encryptAll("a.json"),
    run: ["decrypt --decryption-order age,age a.json"],
  },
  {
    name: "two of three groups open the file",
    run: [
      {
        line: "decrypt $VECTORS/sops-3.13.3/groups.enc.yaml",
        env: { SOPS_AGE_KEY: "$I1\n$I3", SOPS_AGE_SSH_PRIVATE_KEY_FILE: undefined },
      },
    ],
  },
  {
    name: "one of three groups does not",
    run: [
      {
        line: "decrypt $VECTORS/sops-3.13.3/groups.enc.yaml",
        env: { SOPS_AGE_KEY: "$I1", SOPS_AGE_SSH_PRIVATE_KEY_FILE: undefined },
      },
    ],
  },
]);
