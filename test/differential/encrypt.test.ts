import { compareWithSops } from "./harness.ts";
import {
  binary,
  commentRulesYaml,
  commentsInList,
  commentsInMap,
  documentsYaml,
  dotenv,
  foreignYaml,
  ini,
  selectionYaml,
  smallIni,
  smallJson,
  smallYaml,
  timestampsYaml,
  typesJson,
  typesYaml,
} from "./samples.ts";

compareWithSops("encrypt: every store", [
  {
    name: "JSON to standard output",
    files: { "a.json": typesJson },
    run: ["encrypt --age $R1 a.json"],
  },
  { name: "YAML to standard output", files: { "a.yaml": typesYaml }, run: ["encrypt --age $R1 a.yaml"] },
  {
    name: "YAML in another layout keeps values, types, order and comments",
    files: { "a.yaml": foreignYaml },
    run: ["encrypt --age $R1 a.yaml"],
    yaml: "tree",
  },
  { name: "YAML timestamps", files: { "a.yaml": timestampsYaml }, run: ["encrypt --age $R1 a.yaml"] },
  { name: "several YAML documents", files: { "a.yaml": documentsYaml }, run: ["encrypt --age $R1 a.yaml"] },
  { name: "comments in mappings", files: { "a.yaml": commentsInMap }, run: ["encrypt --age $R1 a.yaml"] },
  {
    name: "comments in lists, which sops writes as items",
    files: { "a.yaml": commentsInList },
    run: ["encrypt --age $R1 a.yaml"],
  },
  { name: "the suffix .yml is YAML", files: { "a.yml": smallYaml }, run: ["encrypt --age $R1 a.yml"] },
  { name: "dotenv", files: { "a.env": dotenv }, run: ["encrypt --age $R1 a.env"] },
  { name: "INI", files: { "a.ini": ini }, run: ["encrypt --age $R1 a.ini"] },
  { name: "binary", files: { "a.bin": binary }, run: ["encrypt --age $R1 a.bin"] },
  { name: "an empty binary file", files: { a: "" }, run: ["encrypt --age $R1 a"] },
  {
    name: "a suffix in capitals is binary",
    files: { "a.YAML": "a: 1\n" },
    run: ["encrypt --age $R1 a.YAML"],
  },
]);

compareWithSops("encrypt: where it reads and writes", [
  {
    name: "--in-place replaces the file",
    files: { "a.json": smallJson },
    run: ["encrypt -i --age $R1 a.json"],
  },
  {
    name: "--in-place in YAML",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --in-place --age $R1 a.yaml"],
  },
  {
    name: "--output writes a file",
    files: { "a.json": smallJson },
    run: ["encrypt --output b.json --age $R1 a.json"],
  },
  {
    name: "from standard input with --filename-override",
    run: [{ line: "encrypt --filename-override a.yaml --age $R1", stdin: smallYaml }],
  },
  {
    name: "from standard input with --filename-override and --output-type",
    run: [
      { line: "encrypt --filename-override a.yaml --output-type json --age $R1", stdin: "hello: world\n" },
    ],
  },
  {
    name: "--filename-override decides the type of a file",
    files: { "a.txt": smallJson },
    run: ["encrypt --filename-override a.json --age $R1 a.txt"],
  },
  {
    name: "--input-type",
    files: { "a.txt": smallJson },
    run: ["encrypt --input-type json --age $R1 a.txt"],
  },
  {
    name: "--input-type and --output-type",
    files: { "a.txt": smallYaml },
    run: ["encrypt --input-type yaml --output-type json --age $R1 a.txt"],
  },
  {
    name: "YAML to JSON",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --output-type json --age $R1 a.yaml"],
  },
  {
    name: "JSON to YAML",
    files: { "a.json": smallJson },
    run: ["encrypt --output-type yaml --age $R1 a.json"],
  },
  {
    name: "dotenv to JSON",
    files: { "a.env": dotenv },
    run: ["encrypt --output-type json --age $R1 a.env"],
  },
  {
    name: "dotenv to YAML",
    files: { "a.env": "A=1\nB=two\n" },
    run: ["encrypt --output-type yaml --age $R1 a.env"],
  },
  {
    name: "INI to JSON",
    files: { "a.ini": smallIni },
    run: ["encrypt --output-type json --age $R1 a.ini"],
  },
  {
    name: "YAML as binary",
    files: { "a.yaml": smallYaml },
    run: ["encrypt --input-type binary --output-type binary --age $R1 a.yaml"],
  },
  {
    name: "--indent before the command, for YAML",
    files: { "a.yaml": "a:\n  b:\n    - 1\n    - c: two\n" },
    run: ["--indent 2 encrypt --age $R1 a.yaml"],
  },
  {
    name: "--indent before the command, for JSON",
    files: { "a.json": smallJson },
    run: ["--indent 3 encrypt --age $R1 a.json"],
  },
  {
    name: "stores of .sops.yaml",
    files: {
      ".sops.yaml":
        "stores:\n  json:\n    indent: 2\n  json_binary:\n    indent: 1\n  yaml:\n    indent: 2\n",
      "a.yaml": "a:\n  b:\n    - 1\n",
      "a.json": '{\n  "a": {\n    "b": 1\n  }\n}\n',
      "a.bin": binary,
    },
    run: ["encrypt --age $R1 a.yaml", "encrypt --age $R1 a.json", "encrypt --age $R1 a.bin"],
  },
]);

compareWithSops("encrypt: what is selected", [
  ...[
    "--unencrypted-suffix _unencrypted",
    "--unencrypted-suffix _enc",
    "--encrypted-suffix _enc",
    "--unencrypted-regex '^(apiVersion|kind|metadata)$'",
    "--encrypted-regex '^(data|stringData)'",
    "--encrypted-regex '(?i)^STRINGdata$'",
  ].flatMap((flags) => [
    {
      name: `${flags} in YAML`,
      files: { "a.yaml": selectionYaml },
      run: [`encrypt ${flags} --age $R1 a.yaml`],
    },
    {
      name: `${flags} in the legacy form`,
      files: { "a.yaml": selectionYaml },
      run: [`-e ${flags} --age $R1 a.yaml`],
    },
    {
      name: `--mac-only-encrypted ${flags}`,
      files: { "a.yaml": selectionYaml },
      run: [`--mac-only-encrypted encrypt ${flags} --age $R1 a.yaml`],
    },
  ]),
  ...["--unencrypted-comment-regex sops:plain", "--encrypted-comment-regex sops:enc"].map((flags) => ({
    name: `${flags}, which only the legacy form has`,
    files: { "a.yaml": commentRulesYaml },
    run: [`--encrypt ${flags} --age $R1 a.yaml`],
  })),
  {
    name: "--encrypted-regex in JSON",
    files: { "a.json": typesJson },
    run: ["encrypt --encrypted-regex ^nested$ --age $R1 a.json"],
  },
  {
    name: "--encrypted-suffix in dotenv",
    files: { "a.env": "A=1\nB_enc=two\n" },
    run: ["encrypt --encrypted-suffix _enc --age $R1 a.env"],
  },
  {
    name: "--encrypted-regex in INI, by section",
    files: { "a.ini": "[open]\na = 1\n\n[secret]\nb = two\n" },
    run: ["encrypt --encrypted-regex ^secret$ --age $R1 a.ini"],
  },
  {
    name: "selection is ignored for binary",
    files: { "a.bin": binary },
    run: ["encrypt --encrypted-regex ^nothing$ --age $R1 a.bin"],
  },
  {
    name: "a rule's selection",
    files: {
      ".sops.yaml": "creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: $R1\n",
      "a.yaml": selectionYaml,
    },
    run: ["encrypt --age $R1 a.yaml"],
  },
  {
    name: "an empty map and a list without values",
    files: { "a.yaml": 'a: {}\nb: []\nc: null\nd: ""\ne: x\n' },
    run: ["encrypt --age $R1 a.yaml"],
  },
]);
