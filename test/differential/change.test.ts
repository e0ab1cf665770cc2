import { compareWithSops } from "./harness.ts";
import {
  binary,
  commentsInMap,
  documentsYaml,
  dotenv,
  ini,
  smallJson,
  smallYaml,
  typesYaml,
} from "./samples.ts";
import type { Scenario } from "./scenario.ts";

const encrypted = (files: Readonly<Record<string, string | Uint8Array>>) => ({
  files,
  prepare: Object.keys(files).map((name) => `encrypt -i --age $R1 ${name}`),
});

compareWithSops("set", [
  {
    name: "a JSON value is replaced by a map",
    ...encrypted({ "a.json": smallJson }),
    run: [`set a.json '["a"]' '{"aa": "aaa"}'`],
  },
  {
    name: "a JSON value is added",
    ...encrypted({ "a.json": smallJson }),
    run: [`set a.json '["c"]' '{"cc": "ccc"}'`],
  },
  {
    name: "a value from a file",
    ...encrypted({ "a.json": smallJson }),
    files: { "a.json": smallJson, value: '{"cc": "ccc"}' },
    prepare: ["encrypt -i --age $R1 a.json"],
    run: [`set --value-file a.json '["c"]' value`],
  },
  {
    name: "a value from standard input",
    ...encrypted({ "a.json": smallJson }),
    run: [{ line: `set --value-stdin a.json '["c"]'`, stdin: '{"cc": "ccc"}' }],
  },
  {
    name: "a YAML value is replaced",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [`set a.yaml '["b"]' '"new"'`],
  },
  {
    name: "a YAML value is added",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [`set a.yaml '["c"]' '{"cc": "ccc"}'`],
  },
  {
    name: "the legacy form",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [`--set '["b"] "new"' a.yaml`, `--set '["map"]["other"] true' a.yaml`],
  },
  {
    name: "deep below what is missing",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [`set a.yaml '["new"]["deep"]["key"]' '"x"'`],
  },
  { name: "a list item", ...encrypted({ "a.yaml": smallYaml }), run: [`set a.yaml '["list"][0]' '"first"'`] },
  {
    name: "an index at the end appends",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [`set a.yaml '["list"][2]' '"third"'`],
  },
  {
    name: "an index far beyond the end appends too",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [`set a.yaml '["list"][9]' '"third"'`],
  },
  {
    name: "booleans, null and strings that look like something else",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [
      `set a.yaml '["t"]' true`,
      `set a.yaml '["n"]' null`,
      `set a.yaml '["s"]' '"true"'`,
      `set a.yaml '["b"]' '"1"'`,
    ],
  },
  {
    name: "--idempotent does not write an equal value",
    ...encrypted({ "a.json": smallJson }),
    run: [`set --idempotent a.json '["b"]' '"two"'`],
  },
  {
    name: "without --idempotent an equal value is written",
    ...encrypted({ "a.json": smallJson }),
    run: [`set a.json '["b"]' '"two"'`],
  },
  {
    name: "--output-type converts what is written",
    ...encrypted({ "a.json": smallJson }),
    run: [`set --output-type yaml a.json '["b"]' '"two"'`],
  },
  {
    name: "comments stay",
    ...encrypted({ "a.yaml": commentsInMap }),
    run: [`set a.yaml '["b"]["c"]' '"new"'`],
  },
  {
    name: "the first of several documents",
    ...encrypted({ "a.yaml": documentsYaml }),
    run: [`set a.yaml '["a"]' '"new"'`],
  },
  {
    name: "in dotenv",
    ...encrypted({ "a.env": dotenv }),
    run: [`set a.env '["DB_HOST"]' '"new"'`, `set a.env '["ADDED"]' '"x"'`],
  },
  { name: "in INI", ...encrypted({ "a.ini": ini }), run: [`set a.ini '["database"]["user"]' '"new"'`] },
  {
    name: "a file that is not encrypted",
    files: { "a.json": smallJson },
    run: [`set a.json '["b"]' '"new"'`],
  },
  {
    name: "a value that is not JSON",
    ...encrypted({ "a.json": smallJson }),
    run: [`set a.json '["b"]' new`],
  },
  { name: "a path that is none", ...encrypted({ "a.json": smallJson }), run: [`set a.json b '"new"'`] },
  { name: "no value", ...encrypted({ "a.json": smallJson }), run: [`set a.json '["b"]'`] },
  {
    name: "an integer stays an integer in YAML",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [`set a.yaml '["count"]' 5`],
    deviation: { decision: "D32", status: 0, files: { "a.yaml": /^count: ENC\[.*type:int\]$/m } },
  },
  {
    name: "--idempotent knows an equal integer",
    ...encrypted({ "a.json": smallJson }),
    run: [`set --idempotent a.json '["a"]' 1`],
    deviation: { decision: "D32", status: 0, untouched: true },
  },
  {
    name: "a list is a value",
    ...encrypted({ "a.json": smallJson }),
    run: [`set a.json '["list"]' '["x", "y", "z"]'`],
    deviation: { decision: "D32", status: 0 },
  },
  {
    name: "a key of a list is refused",
    ...encrypted({ "a.json": smallJson }),
    run: [`set a.json '["list"]["x"]' '"y"'`],
    deviation: { decision: "D39", status: 7, untouched: true },
  },
]);

compareWithSops("unset", [
  { name: "a key of JSON", ...encrypted({ "a.json": smallJson }), run: [`unset a.json '["b"]'`] },
  { name: "a key of YAML", ...encrypted({ "a.yaml": smallYaml }), run: [`unset a.yaml '["map"]["key"]'`] },
  { name: "a list item of JSON", ...encrypted({ "a.json": smallJson }), run: [`unset a.json '["list"][0]'`] },
  { name: "a list item of YAML", ...encrypted({ "a.yaml": smallYaml }), run: [`unset a.yaml '["list"][1]'`] },
  { name: "a map", ...encrypted({ "a.yaml": smallYaml }), run: [`unset a.yaml '["map"]'`] },
  { name: "a missing key", ...encrypted({ "a.json": smallJson }), run: [`unset a.json '["nope"]'`] },
  {
    name: "a missing key with --idempotent",
    ...encrypted({ "a.json": smallJson }),
    run: [`unset --idempotent a.json '["nope"]'`],
  },
  { name: "a missing item", ...encrypted({ "a.yaml": smallYaml }), run: [`unset a.yaml '["list"][9]'`] },
  {
    name: "a missing item with --idempotent",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [`unset --idempotent a.yaml '["list"][9]'`],
  },
  {
    name: "in dotenv and INI",
    ...encrypted({ "a.env": dotenv, "a.ini": ini }),
    run: [`unset a.env '["DB_HOST"]'`, `unset a.ini '["numbers"]["int"]'`],
  },
]);

compareWithSops("rotate", [
  ...(
    [
      ["a.json", smallJson],
      ["a.yaml", typesYaml],
      ["c.yaml", commentsInMap],
      ["a.env", dotenv],
      ["a.ini", ini],
      ["a.bin", binary],
    ] as const
  ).map(
    ([name, content]): Scenario => ({
      name,
      ...encrypted({ [name]: content }),
      run: [`rotate ${name}`, `rotate -i ${name}`, `-r -i ${name}`, `rotate --output new ${name}`],
    }),
  ),
  {
    name: "--add-age and --rm-age",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [
      "rotate -i --add-age $R2 a.yaml",
      "rotate -i --rm-age $R1 --add-age $R3 a.yaml",
      "-r --add-age $R4 a.yaml",
    ],
  },
  {
    name: "--output-type",
    ...encrypted({ "a.yaml": smallYaml }),
    run: ["rotate --output-type json a.yaml"],
  },
  {
    name: "a file with groups",
    prepare: ["encrypt --config $VECTORS/groups.sops.yaml $VECTORS/plain/nested-list.json > a.json"].map(
      (line) =>
        line.replace(
          "encrypt --config $VECTORS/groups.sops.yaml",
          "--config $VECTORS/groups.sops.yaml encrypt",
        ),
    ),
    run: ["rotate -i a.json"],
  },
  { name: "a plain file", files: { "a.json": smallJson }, run: ["rotate a.json"] },
]);

compareWithSops("edit", [
  {
    name: "an editor that changes a value",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [{ line: "edit a.yaml", env: { SOPS_EDITOR: "sed -i s/two/three/" } }],
  },
  {
    name: "the legacy form without a command is edit",
    ...encrypted({ "a.json": smallJson }),
    run: [{ line: "a.json", env: { SOPS_EDITOR: "sed -i s/two/three/" } }],
  },
  {
    name: "EDITOR when SOPS_EDITOR is not set",
    ...encrypted({ "a.env": "A=two\n" }),
    run: [{ line: "edit a.env", env: { EDITOR: "sed -i 's/two/three/'" } }],
  },
  {
    name: "an editor that changes nothing",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [{ line: "edit a.yaml", env: { SOPS_EDITOR: "true" } }],
  },
  {
    name: "an editor that fails",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [{ line: "edit a.yaml", env: { SOPS_EDITOR: "false" } }],
  },
  {
    name: "an editor that does not exist",
    ...encrypted({ "a.yaml": smallYaml }),
    run: [{ line: "edit a.yaml", env: { SOPS_EDITOR: "no-such-editor" } }],
  },
  {
    name: "comments and the layout survive",
    ...encrypted({ "a.yaml": commentsInMap }),
    run: [{ line: "edit a.yaml", env: { SOPS_EDITOR: "sed -i s/two/three/" } }],
  },
  {
    name: "a binary file",
    ...encrypted({ note: "first\nsecond\n" }),
    run: [{ line: "edit note", env: { SOPS_EDITOR: "sed -i s/second/third/" } }],
  },
  {
    name: "a new file",
    files: { content: "fresh: value\n" },
    run: [{ line: "edit --age $R1 new.yaml", env: { SOPS_EDITOR: "cp content" } }],
  },
  {
    name: "--input-type and --output-type",
    files: { "a.txt": smallJson },
    prepare: ["encrypt -i --input-type json --output-type json --age $R1 a.txt"],
    run: [
      {
        line: "edit --input-type json --output-type json a.txt",
        env: { SOPS_EDITOR: "sed -i s/two/three/" },
      },
    ],
  },
]);
