import { compareWithSops } from "./harness.ts";
import { documentsYaml, dotenv, smallIni, smallJson, smallYaml } from "./samples.ts";
import type { Scenario } from "./scenario.ts";

const encrypted = (files: Readonly<Record<string, string | Uint8Array>>) => ({
  files,
  prepare: Object.keys(files).map((name) => `encrypt -i --age $R1 ${name}`),
});

/** Changes one file by text. */
const change =
  (name: string, from: RegExp, to: string): NonNullable<Scenario["damage"]> =>
  (files) => {
    const before = files.get(name) ?? "";
    const after = before.replace(from, to);
    if (after === before) throw new Error(`nothing in ${name} matches ${from}`);
    files.set(name, after);
  };

compareWithSops("files that are not what they should be", [
  { name: "encrypting a missing file", run: ["encrypt --age $R1 nope.yaml"] },
  { name: "decrypting a missing file", run: ["decrypt nope.yaml", "-d nope.yaml"] },
  ...[
    "-e --age $R1 nope.yaml",
    "rotate nope.yaml",
    "rotate --add-age $R1 nope.yaml",
    "-r nope.yaml",
    "-r --add-age $R1 nope.yaml",
    "-r --rm-age $R1 nope.yaml",
    "set nope.yaml '[\"a\"]' 1",
    "unset nope.yaml '[\"a\"]'",
    "groups add -f nope.yaml --age $R1",
    "groups delete -f nope.yaml 0",
    "exec-file nope.yaml true",
  ].map((line): Scenario => ({ name: `a missing file: ${line.replace(" $R1", "")}`, run: [line] })),
  ...[
    "encrypt --age $R1 folder",
    "decrypt folder",
    "rotate folder",
    "set folder '[\"a\"]' 1",
    "unset folder '[\"a\"]'",
    "groups add -f folder --age $R1",
    "exec-env folder true",
    "exec-file folder true",
    "filestatus folder",
    "updatekeys -y folder",
    "edit folder",
  ].map(
    (line): Scenario => ({
      name: `a folder: ${line.replace(" $R1", "")}`,
      files: { "folder/a": "text", ".sops.yaml": "creation_rules:\n  - age: $R1\n" },
      run: [line],
    }),
  ),
  {
    name: "decrypting a plain file",
    files: { "a.yaml": smallYaml, "a.json": smallJson, "a.env": dotenv, "a.ini": smallIni },
    run: ["decrypt a.yaml", "decrypt a.json", "decrypt a.env", "decrypt a.ini"],
  },
  { name: "decrypting a plain binary file", files: { a: "text" }, run: ["decrypt a"] },
  {
    name: "encrypting what is encrypted",
    ...encrypted({ "a.yaml": smallYaml, "a.json": smallJson, "a.env": dotenv }),
    run: ["encrypt --age $R1 a.yaml", "encrypt -i --age $R1 a.json", "encrypt --age $R1 a.env"],
  },
  {
    name: "a key named sops",
    files: { "a.yaml": "sops: mine\n", "a.env": "sops_x=1\n" },
    run: ["encrypt --age $R1 a.yaml", "encrypt --age $R1 a.env"],
  },
  { name: "an empty YAML file", files: { "a.yaml": "" }, run: ["encrypt --age $R1 a.yaml"] },
  {
    name: "a YAML file with only a comment",
    files: { "a.yaml": "# nothing\n" },
    run: ["encrypt --age $R1 a.yaml"],
  },
  { name: "an empty JSON file", files: { "a.json": "" }, run: ["encrypt --age $R1 a.json"] },
  {
    name: "a list at the top",
    files: { "a.yaml": "- a\n", "a.json": "[1]\n" },
    run: ["encrypt --age $R1 a.yaml", "encrypt --age $R1 a.json"],
  },
  {
    name: "a scalar at the top",
    files: { "a.yaml": "text\n", "a.json": '"text"\n' },
    run: ["encrypt --age $R1 a.yaml", "encrypt --age $R1 a.json"],
  },
  { name: "broken YAML", files: { "a.yaml": "a: [1\nb: 2\n" }, run: ["encrypt --age $R1 a.yaml"] },
  { name: "broken JSON", files: { "a.json": '{"a": }' }, run: ["encrypt --age $R1 a.json"] },
  {
    name: "a dotenv line without a value",
    files: { "a.env": "A=1\nnothing\n" },
    run: ["encrypt --age $R1 a.env"],
  },
  {
    name: "duplicate keys in the first document",
    files: { "a.yaml": "a: 1\na: 2\n" },
    run: ["encrypt --age $R1 a.yaml"],
  },
  {
    name: "a list in dotenv",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --output-type dotenv --age $R1 a.yaml"],
  },
  {
    name: "a scalar outside sections in INI",
    files: { "a.yaml": "a: 1\n" },
    run: ["encrypt --output-type ini --age $R1 a.yaml"],
  },
  {
    name: "--output into a folder that is missing",
    files: { "a.json": smallJson },
    run: ["encrypt --age $R1 --output nope/b.json a.json"],
  },
]);

compareWithSops("files that were tampered with", [
  ...(
    [
      ["a value moved to another key", /^b: (.*)$/m, "c: $1"],
      ["a changed character of ciphertext", /(^a: ENC\[AES256_GCM,data:)../m, "$1AA"],
      ["a cut value", /^(a: ENC.*)\]$/m, "$1"],
      ["a value of another type", /^(a: ENC.*type:)int\]$/m, "$1str]"],
      ["a value in clear", /^a: ENC.*$/m, "a: 1"],
      ["a removed value", /^a: ENC.*\n/m, ""],
      ["an empty MAC", /^( +mac: ).*$/m, '$1""'],
      ["a broken MAC", /^( +mac: ENC\[AES256_GCM,data:)...../m, "$1AAAAA"],
      ["another lastmodified", /^( +lastmodified: ")\d{4}/m, "$12001"],
      ["a lastmodified that is none", /^( +lastmodified: ").*"$/m, '$1yesterday"'],
      ["no lastmodified", /^ +lastmodified: .*\n/m, ""],
      ["no keys", /^ +age:\n( +.*\n)+?(?= {4}\w)/m, ""],
      ["two selection rules", /^( +)unencrypted_suffix: .*$/m, "$&\n$1encrypted_suffix: x"],
      [
        "a broken wrapped key",
        /BEGIN AGE ENCRYPTED FILE-----\n( +)..../,
        "BEGIN AGE ENCRYPTED FILE-----\n$1AAAA",
      ],
    ] as const
  ).map(
    ([name, from, to]): Scenario => ({
      name,
      ...encrypted({ "a.yaml": smallYaml }),
      damage: change("a.yaml", from, to),
      run: [
        "decrypt a.yaml",
        "decrypt --ignore-mac a.yaml",
        "set a.yaml '[\"b\"]' '\"new\"'",
        "rotate a.yaml",
      ],
    }),
  ),
  {
    name: "no MAC",
    ...encrypted({ "a.yaml": smallYaml }),
    damage: change("a.yaml", /^ +mac: .*\n/m, ""),
    run: ["decrypt a.yaml", "decrypt --ignore-mac a.yaml", "-d --ignore-mac a.yaml"],
  },
  {
    name: "swapped list items",
    ...encrypted({ "a.yaml": "l:\n    - first\n    - second\n" }),
    damage: change("a.yaml", /^( +- ENC.*)\n( +- ENC.*)$/m, "$2\n$1"),
    run: ["decrypt a.yaml", "decrypt --ignore-mac a.yaml"],
  },
  {
    name: "plain comments in an encrypted file",
    ...encrypted({ "a.yaml": smallYaml }),
    damage: change("a.yaml", /^b: /m, "# by hand\nb: "),
    run: ["decrypt a.yaml"],
  },
  {
    name: "a clear value under mac_only_encrypted may change",
    files: { "a.yaml": smallYaml },
    prepare: ["--mac-only-encrypted encrypt -i --encrypted-regex ^b$ --age $R1 a.yaml"],
    damage: change("a.yaml", /^a: 1$/m, "a: 2"),
    run: ["decrypt a.yaml"],
  },
  {
    name: "text after the bracket of a value",
    ...encrypted({ "a.json": smallJson }),
    damage: change("a.json", /("b": "ENC.*\])"/, '$1x"'),
    run: ["decrypt a.json"],
    deviation: { decision: "D11", status: 25, stdout: "", untouched: true },
  },
  {
    name: "a lastmodified without quotes",
    ...encrypted({ "a.yaml": smallYaml }),
    damage: change("a.yaml", /lastmodified: "(.*)"/, "lastmodified: $1"),
    run: ["decrypt a.yaml"],
    deviation: { decision: "D17", status: 0, stdout: smallYaml },
  },
]);

compareWithSops("deliberate refusals", [
  {
    name: "an integer beyond 64 bits is refused while reading, with its place",
    files: { "a.yaml": "a: 18446744073709551615\n" },
    run: ["encrypt -i --age $R1 a.yaml"],
    deviation: { decision: "D13", status: 2, stdout: "", stderr: /a\.yaml:1:4/, untouched: true },
  },
  {
    name: "a key that is no string is refused while reading, with its place",
    files: { "a.yaml": "1: x\n" },
    run: ["encrypt -i --age $R1 a.yaml"],
    deviation: { decision: "earlier", status: 2, stdout: "", stderr: /a\.yaml:1:1/, untouched: true },
  },
  {
    name: "all but the first of several documents would be lost in JSON",
    ...encrypted({ "a.yaml": documentsYaml }),
    run: ["decrypt --output-type json a.yaml"],
    deviation: { decision: "nothing lost", status: 4, stdout: "", untouched: true },
  },
  {
    name: "an encrypted_regex that matches nothing would leave all in clear",
    files: { "a.yaml": smallYaml },
    run: ["encrypt -i --encrypted-regex ^nothing$ --age $R1 a.yaml"],
    deviation: { decision: "D5", status: 1, untouched: true },
  },
  {
    name: "an invalid regex would leave all in clear",
    files: { "a.yaml": smallYaml },
    run: ["encrypt -i --encrypted-regex '(' --age $R1 a.yaml"],
    deviation: { decision: "D5", untouched: true, stdout: "" },
  },
  {
    name: "an unknown field of .sops.yaml",
    files: {
      "a.yaml": smallYaml,
      ".sops.yaml": "creation_rules:\n  - age: $R1\n    encrypted_regexp: ^a$\n",
    },
    run: ["encrypt -i a.yaml"],
    deviation: { decision: "D6", status: 1, untouched: true, stderr: /encrypted_regexp/ },
  },
  {
    name: "JSON that was cut off after a value",
    files: { "a.json": '{"a":1,"b":[1,2' },
    run: ["encrypt -i --age $R1 a.json"],
    deviation: { decision: "D22", status: 2, untouched: true },
  },
  {
    name: "text after JSON",
    files: { "a.json": '{"a":1} trailing' },
    run: ["encrypt -i --age $R1 a.json"],
    deviation: { decision: "D22", status: 2, untouched: true },
  },
  {
    name: "duplicate keys in JSON",
    files: { "a.json": '{"a":1,"a":2}' },
    run: ["encrypt -i --age $R1 a.json"],
    deviation: { decision: "D18", status: 2, untouched: true },
  },
  {
    name: "duplicate keys in a later document",
    files: { "a.yaml": "a: 1\n---\nb: 1\nb: 2\n" },
    run: ["encrypt -i --age $R1 a.yaml"],
    deviation: { decision: "D18", status: 2, untouched: true },
  },
  {
    name: "an integer of JSON beyond 64 bits",
    files: { "a.json": '{"a":18446744073709551617}' },
    run: ["encrypt -i --age $R1 a.json"],
    deviation: { decision: "D13", untouched: true },
  },
  {
    name: "an INI value that would be cut",
    files: { "a.ini": "[s]\npassword = has#hash\n" },
    run: ["encrypt -i --age $R1 a.ini"],
    deviation: { decision: "D26", untouched: true },
  },
  {
    name: "null in dotenv",
    files: { "a.yaml": "a: null\nb: x\n" },
    run: ["encrypt --output-type dotenv --age $R1 a.yaml"],
    deviation: { decision: "D25", status: 4, stdout: "" },
  },
  {
    name: "an unknown --input-type",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --input-type toml --age $R1 a.yaml"],
    deviation: { decision: "D40", status: 8, stdout: "" },
  },
]);

compareWithSops("command lines", [
  {
    name: "an unknown flag",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --nope a.yaml", "--nope a.yaml"],
    ownWords: true,
  },
  { name: "no file", run: ["-d", "-e", "edit", "rotate", "set", "unset"] },
  {
    name: "standard input without --filename-override",
    run: [{ line: "encrypt --age $R1", stdin: "a: 1\n" }],
  },
  {
    name: "-i together with --output",
    ...encrypted({ "a.json": smallJson }),
    run: ["decrypt -i --output b.json a.json", "-d -i --output b.json a.json"],
  },
  { name: "two legacy commands at once", ...encrypted({ "a.json": smallJson }), run: ["-d -r a.json"] },
  { name: "-d -i", ...encrypted({ "a.json": smallJson }), run: ["-d -i a.json"] },
  { name: "-e -i", files: { "a.json": smallJson }, run: ["-e -i -a $R1 a.json"] },
  {
    name: "flags after the file",
    ...encrypted({ "a.json": smallJson }),
    run: [`decrypt a.json --extract '["b"]'`, "rotate a.json -i"],
  },
  {
    name: "a global option after the command",
    ...encrypted({ "a.json": smallJson }),
    run: ["decrypt --indent 1 a.json"],
    deviation: { decision: "D29", status: 0, stdout: /^\{\n "a": 1,/ },
  },
]);
