import { compareWithSops } from "./harness.ts";
import { commentsInList, smallYaml } from "./samples.ts";

const encrypted = (files: Readonly<Record<string, string>>) => ({
  files,
  prepare: Object.keys(files).map((name) => `encrypt -i --age $R1 ${name}`),
});

const inBlock = (line: string) => (files: Map<string, string>) => {
  const text = files.get("a.yaml") ?? "";
  files.set("a.yaml", text.replace(/^( +)lastmodified:/m, `$1${line}\n$&`));
};

compareWithSops("decisions that match sops", [
  {
    name: "D1: comments in lists stay out of the MAC",
    ...encrypted({ "a.yaml": commentsInList.toString("utf8") }),
    run: ["decrypt a.yaml", "rotate -i a.yaml", "decrypt a.yaml"],
  },
  {
    name: "D7: the configuration is searched from the working folder, not from the file",
    files: {
      "sub/.sops.yaml": "creation_rules:\n  - age: $R2\n",
      "sub/a.yaml": smallYaml,
      ".sops.yaml": "creation_rules:\n  - age: $R1\n",
    },
    run: ["encrypt sub/a.yaml", "-e sub/a.yaml"],
  },
  {
    name: "D14: text that looks encrypted stays text under a key that is not selected",
    files: { "a.yaml": "b: x\na_unencrypted: ENC[AES256_GCM,data:AAAA]\n" },
    run: ["encrypt -i --age $R1 a.yaml", "decrypt a.yaml"],
  },
  {
    name: "D19: aliases are expanded, a merge key stays a key",
    files: { "a.yaml": "base: &base\n    x: 1\ncopy: *base\nmerged:\n    <<: *base\n    y: two\n" },
    run: ["encrypt -i --age $R1 a.yaml", "decrypt --output-type json a.yaml"],
    yaml: "tree",
  },
  {
    name: "D24: backslash-n in dotenv is a line break elsewhere",
    ...encrypted({ "a.env": "PATH_LIKE=C:\\new\nB=one\\ntwo\n" }),
    run: ["decrypt --output-type json a.env", "decrypt a.env", "exec-env a.env 'printf %s \"$B\"'"],
  },
  {
    name: "D48: fields of the block match without regard to case, and are weakly typed",
    ...encrypted({ "a.yaml": smallYaml }),
    damage: (files) => {
      const text = files.get("a.yaml") ?? "";
      files.set(
        "a.yaml",
        text
          .replace("    lastmodified:", "    LastModified:")
          .replace(
            "    unencrypted_suffix:",
            '    mac_only_encrypted: "false"\n    shamir_threshold: "0"\n    Unencrypted_Suffix:',
          ),
      );
    },
    run: ["decrypt a.yaml", "set a.yaml '[\"b\"]' '\"new\"'", "decrypt a.yaml"],
  },
  {
    name: "D50: --ignore-mac lets a changed clear value through",
    files: { "a.yaml": "a_unencrypted: 1\nb: x\n" },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    damage: (files) =>
      files.set("a.yaml", (files.get("a.yaml") ?? "").replace("a_unencrypted: 1", "a_unencrypted: 2")),
    run: ["decrypt a.yaml", "decrypt --ignore-mac a.yaml"],
  },
]);

compareWithSops("decisions that differ from sops", [
  {
    name: "a comment under encrypted_comment_regex in a list opens again",
    files: { "a.yaml": "list:\n    # sops:enc\n    # second\n    - one\n    - two\n" },
    run: ["-e -i --encrypted-comment-regex sops:enc --age $R1 a.yaml", "decrypt a.yaml"],
    deviation: {
      decision: "D3",
      status: 0,
      stdout: "list:\n    # sops:enc\n    # second\n    - one\n    - two\n",
    },
  },
  {
    name: "an unknown field of the block survives a change",
    ...encrypted({ "a.yaml": smallYaml }),
    damage: inBlock("future_field: kept"),
    run: ["set a.yaml '[\"b\"]' '\"new\"'"],
    deviation: { decision: "D16", status: 0, files: { "a.yaml": /^ {4}future_field: kept$/m } },
  },
  {
    name: "a whole float comes back as a float",
    files: { "a.yaml": "a: 1.0\nb: x\n" },
    run: ["encrypt -i --age $R1 a.yaml", "decrypt a.yaml"],
    deviation: { decision: "D20", status: 0, stdout: "a: 1.0\nb: x\n" },
  },
  {
    name: "a comment beside a value comes back beside it",
    files: { "a.yaml": "a: 1 # beside\nb: x\n" },
    run: ["encrypt -i --age $R1 a.yaml", "decrypt a.yaml"],
    deviation: { decision: "D21", status: 0, stdout: "a: 1 # beside\nb: x\n" },
  },
  {
    name: "a dotenv line that is wrong is named by its number, not printed",
    files: { "a.env": "A=1\nhunter2-secret\n" },
    run: ["encrypt --age $R1 a.env"],
    deviation: { decision: "D23", status: 2, stdout: "", stderr: /a\.env:2/, leak: /hunter2/ },
  },
  {
    name: "a wrong MAC prints no digest",
    files: { "a.yaml": "a_unencrypted: 1\nb: x\n" },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    damage: (files) =>
      files.set("a.yaml", (files.get("a.yaml") ?? "").replace("a_unencrypted: 1", "a_unencrypted: 2")),
    run: ["decrypt a.yaml"],
    deviation: { decision: "D44", status: 51, stdout: "", leak: /[0-9A-F]{64}/ },
  },
]);
