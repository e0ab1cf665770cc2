import { compareWithSops } from "./harness.ts";
import { dotenv, ini, smallJson, smallYaml } from "./samples.ts";
import type { Scenario } from "./scenario.ts";

const rule = (...lines: readonly string[]) => `creation_rules:\n  - ${lines.join("\n    ")}\n`;

const groupsOf = (...recipients: readonly string[]) =>
  recipients.map((recipient) => `  - age: [${recipient}]`);

compareWithSops("keys of new files", [
  {
    name: "several recipients in one flag",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --age $R1,$R2 a.yaml", "encrypt -a '$R1, $R2' a.yaml"],
  },
  {
    name: "post-quantum and SSH recipients",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --age $R4 a.yaml", "encrypt --age '$SSH_ED25519' a.yaml"],
  },
  {
    name: "SOPS_AGE_RECIPIENTS",
    files: { "a.yaml": smallYaml },
    run: [{ line: "encrypt a.yaml", env: { SOPS_AGE_RECIPIENTS: "$R1,$R3" } }],
  },
  {
    name: "the first rule that matches",
    files: {
      ".sops.yaml": `creation_rules:\n  - path_regex: \\.env$\n    age: $R2\n  - path_regex: sub/.*\\.yaml$\n    age: $R3\n  - age: $R1\n`,
      "a.yaml": smallYaml,
      "a.env": dotenv,
      "sub/b.yaml": smallYaml,
    },
    run: ["encrypt a.yaml", "encrypt a.env", "encrypt sub/b.yaml", "-e -i sub/b.yaml"],
  },
  {
    name: "--config and SOPS_CONFIG",
    files: { "other.yaml": rule("age: $R2"), ".sops.yaml": rule("age: $R1"), "a.json": smallJson },
    run: [
      "--config other.yaml encrypt a.json",
      { line: "encrypt a.json", env: { SOPS_CONFIG: "other.yaml" } },
    ],
  },
  {
    name: "lists and comma-separated strings of recipients",
    files: {
      ".sops.yaml": `creation_rules:\n  - path_regex: a\\.json\n    age: >-\n      $R1,\n      $R2\n  - age:\n      - $R1\n      - $R3\n`,
      "a.json": smallJson,
      "b.json": smallJson,
    },
    run: ["encrypt a.json", "encrypt b.json"],
  },
  {
    name: "keys in flags replace the rule's, its selection stays",
    files: { ".sops.yaml": rule("age: $R2", "encrypted_regex: ^b$"), "a.yaml": smallYaml },
    run: ["encrypt --age $R1 a.yaml"],
  },
  {
    name: "mac_only_encrypted and shamir_threshold of a rule",
    files: {
      ".sops.yaml": rule(
        "mac_only_encrypted: true",
        "encrypted_regex: ^b$",
        "shamir_threshold: 2",
        "key_groups:",
        "  - age: [$R1]",
        "  - age: [$R2, $R3]",
        "  - age: [$R4]",
      ),
      "a.yaml": smallYaml,
    },
    run: ["encrypt a.yaml"],
  },
  {
    name: "two groups without a threshold, in every store",
    files: {
      ".sops.yaml": rule("key_groups:", "  - age: [$R1]", "  - age: [$R2]"),
      "a.yaml": smallYaml,
      "a.json": smallJson,
      "a.env": dotenv,
      "a.ini": ini,
    },
    run: ["encrypt a.yaml", "encrypt a.json", "encrypt a.env", "encrypt a.ini"],
  },
  {
    name: "--shamir-secret-sharing-threshold",
    files: {
      ".sops.yaml": rule("key_groups:", "  - age: [$R1]", "  - age: [$R2]", "  - age: [$R3]"),
      "a.yaml": smallYaml,
    },
    run: ["encrypt --shamir-secret-sharing-threshold 2 a.yaml"],
  },
  {
    name: "merge in a group",
    files: {
      ".sops.yaml": rule("key_groups:", "  - merge:", "      - age: [$R2]", "    age: [$R1, $R2]"),
      "a.yaml": smallYaml,
    },
    run: ["encrypt a.yaml"],
  },
  ...(
    [
      ["no key group", "creation_rules:\n  - path_regex: x\n    key_groups:\n  - unencrypted_suffix: _x\n"],
      ["an empty list of key groups", "creation_rules:\n  - key_groups: []\n"],
      ["an empty key group", "creation_rules:\n  - key_groups:\n      - {}\n"],
    ] as const
  ).map(
    ([name, config]): Scenario => ({
      name: `${name} is refused`,
      files: { ".sops.yaml": config, "a.yaml": smallYaml },
      run: ["encrypt a.yaml"],
    }),
  ),
  {
    name: "no rule matches",
    files: { ".sops.yaml": rule("path_regex: nothing", "age: $R1"), "a.yaml": smallYaml },
    run: ["encrypt a.yaml"],
  },
  { name: "no keys anywhere", files: { "a.yaml": smallYaml }, run: ["encrypt a.yaml", "-e a.yaml"] },
  {
    name: "a recipient that is none",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --age age1nonsense a.yaml"],
  },
  {
    name: "two selection flags at once",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --age $R1 --encrypted-suffix x --unencrypted-regex y a.yaml"],
  },
  {
    name: "a flag against another kind of selection in the rule",
    files: { ".sops.yaml": rule("age: $R1", "encrypted_regex: ^b$"), "a.yaml": smallYaml },
    run: ["encrypt --encrypted-suffix x a.yaml"],
  },
  {
    name: "explicit keys need no rule",
    files: { ".sops.yaml": rule("path_regex: nothing", "age: $R2"), "a.yaml": smallYaml },
    run: ["encrypt --age $R1 a.yaml"],
    deviation: { decision: "D28", status: 0, stdout: /sops:/ },
  },
]);

compareWithSops("updatekeys", [
  {
    name: "adds and removes recipients with --yes",
    files: { "a.yaml": smallYaml, ".sops.yaml": rule("age: $R1,$R2") },
    prepare: ["encrypt -i --age $R1,$R3 a.yaml"],
    run: ["updatekeys -y a.yaml", "decrypt a.yaml"],
  },
  {
    name: "asks, and takes yes",
    files: { "a.yaml": smallYaml, ".sops.yaml": rule("age: $R1,$R2") },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: [{ line: "updatekeys a.yaml", stdin: "y\n" }],
    ownProcess: true,
  },
  {
    name: "asks, and takes no",
    files: { "a.yaml": smallYaml, ".sops.yaml": rule("age: $R1,$R2") },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: [{ line: "updatekeys a.yaml", stdin: "n\n" }],
  },
  ...["", "maybe\n", "maybe\ny\n"].map(
    (stdin): Scenario => ({
      name: `asks, and takes ${JSON.stringify(stdin)} for what it is`,
      files: { "a.yaml": smallYaml, ".sops.yaml": rule("age: $R1,$R2") },
      prepare: ["encrypt -i --age $R1 a.yaml"],
      run: [{ line: "updatekeys a.yaml", stdin }],
    }),
  ),
  {
    name: "several files, one of which is missing",
    files: { "a.yaml": smallYaml, ".sops.yaml": rule("age: $R1,$R2") },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: ["updatekeys -y nope.yaml a.yaml"],
  },
  {
    name: "a group leaves, then two change places, and the rule's threshold does not count",
    files: {
      "a.yaml": smallYaml,
      ".sops.yaml": rule("shamir_threshold: 2", "key_groups:", ...groupsOf("$R1", "$R2", "$R3")),
      "two.yaml": rule("key_groups:", ...groupsOf("$R1", "$R2")),
      "three.yaml": rule("shamir_threshold: 3", "key_groups:", ...groupsOf("$R2", "$R1", "$R3")),
    },
    prepare: ["encrypt -i a.yaml"],
    run: ["--config two.yaml updatekeys -y a.yaml", "--config three.yaml updatekeys -y a.yaml"],
  },
  {
    name: "what is in sync stays",
    files: { "a.yaml": smallYaml, ".sops.yaml": rule("age: $R1") },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: ["updatekeys -y a.yaml"],
  },
  {
    name: "several files, of every store",
    files: {
      "a.yaml": smallYaml,
      "a.json": smallJson,
      "a.env": dotenv,
      "a.ini": ini,
      ".sops.yaml": rule("age: $R1,$R2"),
    },
    prepare: ["a.yaml", "a.json", "a.env", "a.ini"].map((name) => `encrypt -i --age $R1 ${name}`),
    run: ["updatekeys -y a.yaml a.json a.env a.ini"],
  },
  {
    name: "one group becomes two",
    files: { "a.yaml": smallYaml, ".sops.yaml": rule("key_groups:", "  - age: [$R1]", "  - age: [$R2]") },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: ["updatekeys -y a.yaml"],
  },
  {
    name: "--input-type",
    files: { "a.txt": smallYaml, ".sops.yaml": rule("age: $R1,$R2") },
    prepare: ["encrypt -i --input-type yaml --output-type yaml --age $R1 a.txt"],
    run: ["updatekeys -y --input-type yaml a.txt"],
  },
  { name: "no file", files: { ".sops.yaml": rule("age: $R1") }, run: ["updatekeys -y"] },
  {
    name: "a missing file",
    files: { ".sops.yaml": rule("age: $R1") },
    run: ["updatekeys -y nope.yaml"],
  },
  {
    name: "a file that is not encrypted",
    files: { "a.yaml": smallYaml, ".sops.yaml": rule("age: $R1") },
    run: ["updatekeys -y a.yaml"],
  },
]);

compareWithSops("groups", [
  {
    name: "add, in place and to standard output",
    files: { "a.yaml": smallYaml },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: ["groups add -f a.yaml --age $R2", "groups add --file a.yaml -i --age $R2 --age $R3"],
  },
  {
    name: "add with a threshold",
    files: { "a.json": smallJson },
    prepare: ["encrypt -i --age $R1 a.json"],
    run: [
      "groups add -f a.json -i --age $R2",
      "groups add -f a.json -i --age $R3 --shamir-secret-sharing-threshold 2",
      "decrypt a.json",
    ],
  },
  {
    name: "delete",
    files: {
      "a.yaml": smallYaml,
      ".sops.yaml": rule(
        "shamir_threshold: 2",
        "key_groups:",
        "  - age: [$R1]",
        "  - age: [$R2]",
        "  - age: [$R3]",
      ),
    },
    prepare: ["encrypt -i a.yaml"],
    run: ["groups delete -f a.yaml 0", "groups delete -f a.yaml -i 1", "decrypt a.yaml"],
  },
  {
    name: "add and delete with --indent and --config",
    files: {
      "a.yaml": smallYaml,
      "a.json": smallJson,
      "conf/x.yaml": "stores:\n  yaml:\n    indent: 2\n",
    },
    prepare: ["encrypt -i --age $R1 a.yaml", "encrypt -i --age $R1 a.json"],
    run: [
      "--config conf/x.yaml groups add -f a.yaml --age $R2",
      "--indent 3 groups add -f a.json -i --age $R2",
      "--config conf/x.yaml --indent 4 groups delete -f a.json 0",
      "--config conf/nope.yaml filestatus a.yaml",
    ],
  },
  {
    name: "a recipient that is none",
    files: { "a.yaml": smallYaml },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: ["rotate --add-age age1nonsense a.yaml"],
  },
  {
    name: "an index that does not exist is refused, where sops panics",
    files: { "a.yaml": smallYaml },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: ["groups delete -f a.yaml -i 7"],
    deviation: { decision: "D34", stderr: /7/, untouched: true },
  },
]);

compareWithSops("filestatus", [
  {
    name: "encrypted and plain files of every store",
    files: {
      "a.yaml": smallYaml,
      "a.json": smallJson,
      "a.env": dotenv,
      "a.ini": ini,
      plain: "{}",
      "p.yaml": smallYaml,
    },
    prepare: ["a.yaml", "a.json", "a.env", "a.ini"].map((name) => `encrypt -i --age $R1 ${name}`),
    run: ["a.yaml", "a.json", "a.env", "a.ini", "plain", "p.yaml"].map((name) => `filestatus ${name}`),
  },
  {
    name: "--input-type",
    files: { "a.txt": smallYaml },
    prepare: ["encrypt -i --input-type yaml --output-type yaml --age $R1 a.txt"],
    run: ["filestatus --input-type yaml a.txt"],
  },
  { name: "a missing file", run: ["filestatus nope.yaml"] },
  { name: "no file", run: ["filestatus"] },
  {
    name: "a binary file that is not JSON is plain",
    files: { "a.bin": "not JSON" },
    run: ["filestatus a.bin"],
    deviation: { decision: "D36", status: 0, stdout: '{"encrypted":false}\n' },
  },
]);
