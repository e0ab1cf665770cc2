import { compareWithSops } from "./harness.ts";
import { smallJson, smallYaml } from "./samples.ts";
import type { Scenario } from "./scenario.ts";

const files = { "a.yaml": smallYaml, "a.json": smallJson };
const prepare = ["encrypt -i --age $R1 a.yaml", "encrypt -i --age $R1 a.json"];

compareWithSops("flags that stand with several commands", [
  {
    name: "--enable-local-keyservice=true",
    files,
    prepare,
    run: ["decrypt --enable-local-keyservice=true a.yaml", "--enable-local-keyservice -d a.yaml"],
  },
  { name: "--verbose before the command", files, prepare, run: ["--verbose decrypt a.yaml"] },
  {
    name: "--disable-version-check",
    files,
    prepare,
    run: ["--disable-version-check decrypt a.yaml"],
  },
  {
    name: "--version says which sops it stands for, and asks nobody whether it is the newest",
    run: [{ line: "--version", env: { SOPS_DISABLE_VERSION_CHECK: undefined } }],
    deviation: { decision: "D38", status: 0, stdout: /^sops 3\.13\.3\b.*kseal.*\n$/, stderr: /^$/ },
  },
  {
    name: "--decryption-order and --ignore-mac with set, unset and rotate",
    files,
    prepare,
    run: [
      `set --decryption-order age,pgp --ignore-mac a.json '["b"]' '"new"'`,
      `unset --decryption-order age --ignore-mac a.json '["a"]'`,
      "rotate -i --decryption-order pgp,age a.json",
    ],
  },
  {
    name: "--input-type and --output-type with set, unset and rotate",
    files: { "a.txt": smallJson },
    prepare: ["encrypt -i --input-type json --output-type json --age $R1 a.txt"],
    run: [
      `set --input-type json --output-type json a.txt '["b"]' '"new"'`,
      `unset --input-type json --output-type json a.txt '["a"]'`,
      "rotate -i --input-type json --output-type json a.txt",
      "rotate --input-type json --output-type yaml a.txt",
      "decrypt --input-type json --output-type json a.txt",
    ],
  },
  {
    name: "rotate --filename-override",
    files: { "a.txt": smallJson },
    prepare: ["encrypt -i --filename-override a.json --age $R1 a.txt"],
    run: ["rotate --filename-override b.json a.txt", "rotate -i --filename-override b.json a.txt"],
  },
  {
    name: "legacy: types, names and outputs",
    files: { "a.txt": smallJson },
    run: [
      "-e --input-type json --output-type yaml --age $R1 a.txt",
      "-e --filename-override x.json --age $R1 --output b.json a.txt",
      "-d --output-type yaml --output c.yaml b.json",
      "-r --output-type json b.json",
      "-r -i --add-age $R2 b.json",
      "-r -i --rm-age $R1 b.json",
      "--indent 2 -d b.json",
    ],
  },
  {
    name: "legacy: edit with flags",
    files,
    prepare,
    run: [
      { line: "--ignore-mac a.yaml", env: { SOPS_EDITOR: "sed -i s/two/three/" } },
      { line: "--decryption-order age a.json", env: { SOPS_EDITOR: "sed -i s/two/three/" } },
    ],
  },
  {
    name: "legacy: a threshold and groups",
    files: {
      ...files,
      ".sops.yaml":
        "creation_rules:\n  - key_groups:\n      - age: [$R1]\n      - age: [$R2]\n      - age: [$R3]\n",
    },
    run: ["-e --shamir-secret-sharing-threshold 2 a.yaml"],
  },
  {
    name: "exec-env --background",
    files: { "a.env": "A=1\n" },
    prepare: ["encrypt -i --age $R1 a.env"],
    run: ["exec-env --background a.env true"],
    deviation: { decision: "later", status: 8, stdout: "", stderr: /--background comes in a later version/ },
  },
  {
    name: "exec-env and exec-file with --decryption-order",
    files: { "a.env": "A=1\n" },
    prepare: ["encrypt -i --age $R1 a.env"],
    run: [
      "exec-env --decryption-order age a.env 'echo $A'",
      "exec-file --decryption-order age a.env 'cat {}'",
    ],
  },
  {
    name: "edit --show-master-keys keeps what was edited",
    files,
    prepare,
    run: [{ line: "edit -s a.yaml", env: { SOPS_EDITOR: "sed -i s/two/three/" } }, "decrypt a.yaml"],
    deviation: { decision: "D31", status: 0, stdout: smallYaml.replace("two", "three") },
  },
  { name: "an unknown command is a file that is missing", run: ["decript a.yaml", "nope"] },
]);

/** What a later step brings says so in one line, and never does half of the work. */
const later: readonly (readonly [string, RegExp])[] = [
  ["encrypt --keyservice unix:///nope.sock --age $R1 a.yaml", /key ?service/i],
  ["publish a.yaml", /publish/i],
];

compareWithSops(
  "what comes later is refused in one line",
  later
    .map(
      ([line, stderr]): Scenario => ({
        name: line.replace(/ a\.yaml$/, ""),
        files: { "a.yaml": smallYaml },
        run: [
          {
            line,
            env: { AWS_EC2_METADATA_DISABLED: "true", AZURE_TOKEN_CREDENTIALS: "EnvironmentCredential" },
          },
        ],
        deviation: { decision: "later", stdout: "", stderr, untouched: true },
      }),
    )
    .filter(({ name }) => !/gcp|azure|hckms|vault/.test(name)),
);
