import { compareWithSops } from "./harness.ts";
import { smallJson, smallYaml } from "./samples.ts";

const secrets = {
  files: { "a.env": "FIRST=one\nSECOND=two words\nMULTI=line 1\\nline 2\n", "a.json": smallJson },
  prepare: ["encrypt -i --age $R1 a.env", "encrypt -i --age $R1 a.json"],
};

const asRoot = process.getuid?.() === 0;

compareWithSops("exec-env", [
  {
    name: "values become variables",
    ...secrets,
    run: [`exec-env a.env 'printf "%s|%s|%s" "$FIRST" "$SECOND" "$MULTI"'`],
  },
  {
    name: "scalars of YAML",
    files: { "a.yaml": "s: x\ni: 5\nf: 1.5\nb: true\nm: |\n    a\n    b\n" },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: [`exec-env a.yaml 'echo "$s $i $f $b"; printf %s "$m"'`],
  },
  {
    name: "the child's exit status, output and errors come through",
    ...secrets,
    run: ["exec-env a.env 'echo out; echo err >&2; exit 7'"],
    ownProcess: true,
  },
  {
    name: "the child reads standard input",
    ...secrets,
    run: [{ line: "exec-env a.env cat", stdin: "through\n" }],
    ownProcess: true,
  },
  {
    name: "--pristine gives nothing else",
    ...secrets,
    run: [`exec-env --pristine a.env 'echo "[$HOME]"; echo "$FIRST"'`],
  },
  {
    name: "--same-process",
    ...secrets,
    run: [`exec-env --same-process a.env 'echo "$FIRST"; exit 3'`],
    ownProcess: true,
  },
  {
    name: "a map is refused",
    files: { "a.yaml": smallYaml },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: ["exec-env a.yaml true"],
  },
  {
    name: "a key with an equals sign is refused",
    files: { "a.yaml": '"A=B": x\n' },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: ["exec-env a.yaml true"],
  },
  { name: "no command", ...secrets, run: ["exec-env a.env"] },
  { name: "a missing file", run: ["exec-env nope.env true"] },
  {
    name: "a null value is refused",
    files: { "a.yaml": "a: null\n" },
    prepare: ["encrypt -i --age $R1 a.yaml"],
    run: [`exec-env a.yaml 'echo "$a"'`],
    deviation: { decision: "D25", stdout: "" },
  },
  ...(asRoot
    ? [{ name: "--user", ...secrets, run: ["exec-env --user nobody a.env 'id -un; echo $FIRST'"] }]
    : []),
]);

compareWithSops("exec-file", [
  {
    name: "a FIFO with the plaintext",
    ...secrets,
    run: ["exec-file a.json 'cat {}'"],
    ownProcess: true,
  },
  { name: "--output-type", ...secrets, run: ["exec-file --output-type yaml a.json 'cat {}'"] },
  {
    name: "--input-type",
    files: { "a.txt": smallJson },
    prepare: ["encrypt -i --input-type json --output-type json --age $R1 a.txt"],
    run: ["exec-file --input-type json --output-type json a.txt 'cat {}'"],
  },
  { name: "--no-fifo", ...secrets, run: ["exec-file --no-fifo a.json 'cat {}; test -f {}'"] },
  {
    name: "--no-fifo --filename",
    ...secrets,
    run: ["exec-file --no-fifo --filename secret.json a.json 'basename {}; cat {}'"],
  },
  {
    name: "a --filename outside the folder is refused",
    ...secrets,
    run: ["exec-file --no-fifo --filename ../secret.json a.json 'cat {}'"],
  },
  { name: "the child's exit status", ...secrets, run: ["exec-file a.json 'cat {} > /dev/null; exit 9'"] },
  { name: "a command that never reads", ...secrets, run: ["exec-file a.json 'exit 4'"] },
  { name: "no command", ...secrets, run: ["exec-file a.json"] },
  ...(asRoot
    ? [{ name: "--user", ...secrets, run: ["exec-file --user nobody --no-fifo a.json 'id -un; cat {}'"] }]
    : []),
]);
