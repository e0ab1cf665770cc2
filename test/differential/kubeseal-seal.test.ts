import { certificate, certificate4096, compareWithKubeseal, type KubesealCase } from "./kubeseal-harness.ts";
import { fullSecret, kubeconfig, scopeAnnotation, secretJson, secretYaml } from "./kubeseal-samples.ts";

const cert = ["--cert", certificate];
const expired = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";

compareWithKubeseal("sealing", [
  { name: "everything of a Secret, as JSON", args: cert, stdin: fullSecret },
  { name: "everything of a Secret, as YAML", args: [...cert, "-o", "yaml"], stdin: fullSecret },
  { name: "JSON in, YAML out", args: [...cert, "-o", "YAML"], stdin: secretJson("db", "shop") },
  { name: "for a key of 4096 bits", args: ["--cert", certificate4096], stdin: secretJson("db", "shop") },
  { name: "the name and the namespace stay", args: cert, stdin: secretJson("db", "shop") },
  { name: "an empty format is JSON", args: [...cert, "-o", ""], stdin: secretJson("db", "shop") },
  { name: "immutable: false is kept", args: cert, stdin: `${secretYaml("db")}immutable: false\n` },
  {
    name: "numbers and booleans of YAML where text belongs",
    args: cert,
    stdin:
      "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: 12\n  labels: { a: 1.50, b: true }\nstringData:\n" +
      "  int: 5432\n  float: 1.5\n  large: 1e21\n  sci: 1e3\n  yes: yes\n  octal: 0o17\n  old: 017\n  hex: 0x1F\n  none: null\n  date: 2020-01-02\n  neg: -7\n  f6: 1234567.5\n  f7: 1e6\n  max: 9223372036854775807\n  two: 2.0\n  inf: .inf\n",
  },
  {
    name: "several documents of YAML, empty ones among them",
    args: [...cert, "-o", "yaml"],
    stdin: `---\n${secretYaml("a")}---\n# nothing\n---\n${secretYaml("b")}---\n`,
  },
  {
    name: "several objects of JSON",
    args: cert,
    stdin: `${secretJson("a", "shop")}\n${secretJson("b", "shop")}${secretJson("c", "shop")}\n`,
  },
  { name: "nothing", args: cert, stdin: "" },
  { name: "empty documents", args: cert, stdin: "---\n---\n" },
  { name: "no data", args: cert, stdin: secretJson("db", "shop", { data: {} }) },
  {
    name: "no data, allowed",
    args: [...cert, "--allow-empty-data"],
    stdin: secretJson("db", "shop", { data: {} }),
  },
  { name: "no name", args: cert, stdin: secretJson("", "shop") },
  { name: "no namespace and no kubeconfig", args: cert, stdin: secretJson("db") },
  { name: "an unknown format", args: [...cert, "-o", "xml"], stdin: secretJson("db", "shop") },
  { name: "a file that is missing", args: [...cert, "-f", "nope.yaml"] },
  { name: "a certificate that is missing", args: ["--cert", "nope.pem"], stdin: secretJson("db", "shop") },
  {
    name: "a certificate by file://",
    args: ["--cert", `file://${certificate}`],
    stdin: secretJson("db", "shop"),
  },
  { name: "a certificate by file:// that is missing", args: ["--cert", "file:///nope.pem"], stdin: "" },
  { name: "a scheme that nobody knows", args: ["--cert", "ftp://host/a.pem"], stdin: "" },
  {
    name: "a file without a certificate",
    args: ["--cert", "a.pem"],
    files: { "a.pem": "nothing\n" },
    stdin: secretJson("db", "shop"),
  },
  {
    name: "a certificate that cannot be read",
    args: ["--cert", "a.pem"],
    files: { "a.pem": expired },
    stdin: secretJson("db", "shop"),
    ownWords: /^error: the certificate cannot be read\n/,
  },
  {
    name: "base64 that is none",
    args: cert,
    stdin: secretJson("db", "shop", { data: { a: "!!" } }),
    ownWords: /^error: standard input: data\.a: illegal base64 data at input byte 0\n/,
  },
  {
    name: "numbers and booleans of JSON where text belongs",
    args: cert,
    stdin:
      '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"b"},"stringData":{"a":5,"b":1.0,"c":1e6,"d":true,"e":null,"f":9007199254740993}}',
  },
  {
    name: "numbers that single precision does not keep, with a warning",
    args: cert,
    stdin: secretYaml("db").replace(
      "stringData:\n",
      "stringData:\n  a: 685230.15\n  b: 0.30000000000000004\n  c: 16777217.0\n  d: 1e40\n  e: 0.5\n",
    ),
    ownWords:
      /^(warning: stringData\.[a-d] is a number of more digits than kubeseal keeps; put it in quotes\n){4}$/,
  },
  {
    name: "numbers of a merged mapping, and of a key that is true or false",
    args: cert,
    stdin: `base: &base { port: 5432, half: 0.5, minus: -7 }\n${secretYaml("db").replace("stringData:\n", "stringData:\n  <<: *base\n  y: 1\n  n: -0\n")}`,
  },
  {
    name: "names of fields in other letters",
    args: cert,
    stdin:
      '{"apiVersion":"v1","KIND":"Secret","Metadata":{"Name":"a","NAMESPACE":"b","Labels":{"x":"y"}},"Data":{"a":"eA=="},"stringdata":{"A":"x"},"stringData":{"a":"y"},"TYPE":"Opaque"}',
  },
  {
    name: "a list where a text belongs",
    args: cert,
    stdin:
      '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"b"},"stringData":{"a":[]}}',
    ownWords: /^error: standard input: stringData\.a is a list, not text\n/,
  },
]);

const line = "x".repeat(90);

compareWithKubeseal(
  "odd files",
  [
    [
      "line ends of Windows",
      odd("a: one\n  b: |\n    two\n    lines\n  c: >\n    x\n    y\n").replaceAll("\n", "\r\n"),
    ],
    ["a byte order mark", `\u{feff}${odd("a: one\n")}`],
    ["a byte order mark in JSON", `\u{feff}${secretJson("db", "shop")}`],
    [
      "block scalars of every kind",
      odd(
        "a: |\n    x\n     y\n  b: |-\n    x\n  c: |+\n    x\n\n  d: >\n    x\n    y\n\n      z\n    w\n  e: >-\n    x\n    y\n  f: |2\n      x\n    y\n  g: |\n",
      ),
    ],
    [
      "scalars over several lines",
      odd('a: one\n    two\n\n    three\n  b: "one\n    two\\\n    three\\\n  x"\n'),
    ],
    ["tags", odd("a: !!str 12\n  b: !!binary b25l\n  c: !foo bar\n  d: !!str\n  e: !!float 1\n")],
    [
      "anchors, aliases and merges",
      `x: &base\n  a: one\n  b: two\n${odd("<<: *base\n  b: &v mine\n  c: *v\n")}`,
    ],
    [
      "a NUL and other characters",
      odd('a: "a\\0b\\a\\e\\x41\\U0001F600"\n  "\\u00e9": x\n  "e\\u0301": y\n  a b: z\n'),
    ],
    ["empty values", odd('a: ""\n  b:\n  c: ~\n')],
    ["a long value", odd(`a: ${line.repeat(2000)}\n  b: |\n${`    ${line}\n`.repeat(1000)}`)],
    [
      "a document behind the end of another",
      `%YAML 1.1\n--- # one\n${odd("a: b\n")}...\n---   \n${odd("c: d\n")}`,
    ],
    ["what begins a document, in a value", odd("a: |\n    x\n    ---\n    y\n")],
    ["JSON and YAML in turn", `${secretJson("a", "b")}\n---\n${odd("a: b\n")}---\n${secretJson("c", "d")}\n`],
    [
      "a whole document in braces",
      "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: b}, stringData: {a: x}}",
    ],
    ["names that are numbers or true", odd("a: b\n").replace("name: db", "name: 123").replace("shop", "yes")],
    ["fields that a Secret does not have", `${odd("a: b\n")}status: { a: b }\nspec: 1\n`],
  ].map(([name = "", stdin = ""]): KubesealCase => ({ name, args: [...cert, "-o", "yaml"], stdin })),
);

function odd(items: string): string {
  return `apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\nstringData:\n  ${items}`;
}

compareWithKubeseal("namespaces", [
  { name: "-n fills the one that is missing", args: [...cert, "-n", "filled"], stdin: secretJson("db") },
  { name: "-n that agrees", args: [...cert, "--namespace=shop"], stdin: secretJson("db", "shop") },
  { name: "-n that differs", args: [...cert, "-n", "other"], stdin: secretJson("db", "shop") },
  { name: "-n with nothing in it", args: [...cert, "-n", ""], stdin: secretJson("db", "shop") },
  {
    name: "-n that differs, for a Secret of the whole cluster",
    args: [...cert, "-n", "other", "--scope", "cluster-wide"],
    stdin: secretJson("db", "shop"),
  },
  {
    name: "of the kubeconfig",
    args: [...cert, "--kubeconfig", "k"],
    files: { k: kubeconfig({ namespace: "from-file" }) },
    stdin: secretJson("db"),
  },
  {
    name: "of KUBECONFIG",
    args: cert,
    files: { k: kubeconfig({ namespace: "from-file" }) },
    env: { KUBECONFIG: "k" },
    stdin: secretJson("db"),
  },
  {
    name: "of ~/.kube/config",
    args: cert,
    files: { ".kube/config": kubeconfig({ namespace: "from-home" }) },
    stdin: secretJson("db"),
  },
  {
    name: "default, when the kubeconfig names none",
    args: cert,
    files: { ".kube/config": kubeconfig() },
    stdin: secretJson("db"),
  },
  {
    name: "of another context",
    args: [...cert, "--context", "two"],
    files: { ".kube/config": kubeconfig({ namespace: "from-home" }) },
    stdin: secretJson("db"),
  },
  {
    name: "of a context that is missing: none",
    args: [...cert, "--context", "nope"],
    files: { ".kube/config": kubeconfig({ namespace: "from-home" }) },
    stdin: secretJson("db"),
  },
  {
    name: "of a kubeconfig that is missing: none",
    args: [...cert, "--kubeconfig", "nope"],
    stdin: secretJson("db"),
  },
  {
    name: "of a server without a kubeconfig",
    args: [...cert, "--server", "http://127.0.0.1:1"],
    stdin: secretJson("db"),
  },
  {
    name: "a kubeconfig that is not asked may be broken",
    args: cert,
    files: { ".kube/config": "{" },
    stdin: secretJson("db", "shop"),
  },
]);

const both = { ...scopeAnnotation("cluster-wide"), ...scopeAnnotation("namespace-wide") };
const scopes = ["strict", "namespace-wide", "cluster-wide", ""];
const annotations: readonly (readonly [string, Record<string, string>])[] = [
  ["none", {}],
  ["namespace-wide", scopeAnnotation("namespace-wide")],
  ["cluster-wide", scopeAnnotation("cluster-wide")],
  ["both", both],
  ["TRUE", scopeAnnotation("cluster-wide", "TRUE")],
  ["false", scopeAnnotation("namespace-wide", "false")],
];

compareWithKubeseal("scopes", [
  ...annotations.flatMap(([title, found]) =>
    scopes.map(
      (scope): KubesealCase => ({
        name: `--scope ${JSON.stringify(scope)} with the annotations ${title}`,
        args: [...cert, "--scope", scope],
        stdin: secretJson("db", "shop", { annotations: found }),
      }),
    ),
  ),
  {
    name: "the whole cluster, without a namespace",
    args: [...cert, "--scope", "cluster-wide"],
    stdin: secretJson("db"),
  },
]);

compareWithKubeseal("names", [
  {
    name: "--name in place of the Secret's",
    args: [...cert, "--name", "other"],
    stdin: secretJson("db", "shop"),
  },
  {
    name: "--name where the Secret has none",
    args: [...cert, "--name", "other"],
    stdin: secretJson("", "shop"),
  },
]);

const rawPlaces: readonly (readonly [string, string, string])[] = [
  ["", "", "strict"],
  ["", "name", "strict"],
  ["ns", "", "strict"],
  ["ns", "name", "strict"],
  ["", "", "namespace-wide"],
  ["", "name", "namespace-wide"],
  ["ns", "", "namespace-wide"],
  ["ns", "name", "namespace-wide"],
  ["", "", "cluster-wide"],
  ["", "name", "cluster-wide"],
  ["ns", "", "cluster-wide"],
  ["ns", "name", "cluster-wide"],
  ["ns", "name", ""],
  ["", "", ""],
];

function rawArgs([namespace, name, scope]: readonly [string, string, string]): readonly string[] {
  return [
    ...["--raw", ...cert],
    ...(namespace === "" ? [] : ["-n", namespace]),
    ...(name === "" ? [] : ["--name", name]),
    ...(scope === "" ? [] : ["--scope", scope]),
  ];
}

compareWithKubeseal("raw values", [
  ...rawPlaces.flatMap((place): KubesealCase[] => [
    { name: `${place.join("/")} without a kubeconfig`, args: rawArgs(place), stdin: "value\n" },
    {
      name: `${place.join("/")} with one`,
      args: rawArgs(place),
      files: { ".kube/config": kubeconfig({ namespace: "from-home" }) },
      stdin: "value\n",
    },
  ]),
  {
    name: "--from-file",
    args: ["--raw", ...cert, "-n", "a", "--name", "b", "--from-file", "v"],
    files: { v: "from the file" },
  },
  {
    name: "--from-file with a key",
    args: ["--raw", ...cert, "-n", "a", "--name", "b", "--from-file=key=v"],
    files: { v: "from the file" },
  },
  {
    name: "--from-file that is missing",
    args: ["--raw", ...cert, "-n", "a", "--name", "b", "--from-file", "v"],
  },
  {
    name: "--from-file twice",
    args: ["--raw", ...cert, "-n", "a", "--name", "b", "--from-file", "v", "--from-file", "w"],
    files: { v: "", w: "" },
  },
  {
    name: "--from-file with a comma",
    args: ["--raw", ...cert, "-n", "a", "--name", "b", "--from-file", "v,w"],
    files: { v: "", w: "" },
  },
  {
    name: "--from-file with a comma in quotes",
    args: ["--raw", ...cert, "-n", "a", "--name", "b", "--from-file", '"v,w"'],
    files: { "v,w": "x" },
  },
  { name: "--from-file without --raw", args: [...cert, "--from-file", "v"], files: { v: "" } },
  {
    name: "-f counts for nothing",
    args: ["--raw", ...cert, "-n", "a", "--name", "b", "-f", "f"],
    files: { f: "x" },
    stdin: "in",
  },
  {
    name: "a context that is missing",
    args: ["--raw", ...cert, "--name", "b", "--context", "nope"],
    files: { ".kube/config": kubeconfig() },
  },
  { name: "a kubeconfig that is missing", args: ["--raw", ...cert, "--name", "b", "--kubeconfig", "nope"] },
  { name: "into a file", args: ["--raw", ...cert, "-n", "a", "--name", "b", "-w", "out"], stdin: "x" },
  {
    name: "a format that nobody asks for",
    args: ["--raw", ...cert, "-n", "a", "--name", "b", "-o", "xml"],
    stdin: "x",
  },
]);

compareWithKubeseal("files", [
  ...["out.json", "out.yaml", "out.yml", "out.YAML", "out"].map(
    (file): KubesealCase => ({
      name: `-w ${file}`,
      args: [...cert, "-f", "s.yaml", "-w", file],
      files: { "s.yaml": fullSecret },
    }),
  ),
  {
    name: "-w in place of what is there",
    args: [...cert, "-f", "s.yaml", "-w", "out.json"],
    files: { "s.yaml": fullSecret, "out.json": "old" },
  },
  {
    name: "-w .yaml with -o json",
    args: [...cert, "-f", "s.yaml", "-o", "json", "-w", "out.yaml"],
    files: { "s.yaml": fullSecret },
  },
  {
    name: "a failure leaves the old file",
    args: [...cert, "-f", "s.yaml", "-w", "out.json"],
    files: { "s.yaml": "", "out.json": "old" },
  },
  {
    name: "-w in a folder that is missing",
    args: [...cert, "-f", "s.yaml", "-w", "no/out.json"],
    files: { "s.yaml": fullSecret },
  },
  {
    name: "--fetch-cert copies the certificate into a file",
    args: [...cert, "--fetch-cert", "-w", "copy.pem"],
  },
  {
    name: "--fetch-cert checks nothing",
    args: ["--cert", "a.pem", "--fetch-cert"],
    files: { "a.pem": "nothing\n" },
  },
]);

compareWithKubeseal("differences that were decided on", [
  {
    name: "a document that does not parse makes the file fail, and none is sealed",
    args: cert,
    stdin: `${secretYaml("a")}---\na: [\n---\n${secretYaml("b")}`,
    deviation: { decision: "S10", status: 1, stdout: "", stderr: /^error: standard input:\d+:\d+: / },
  },
  {
    name: "an error in a later document leaves standard output empty",
    args: cert,
    stdin: `${secretJson("a", "shop")}${secretJson("", "shop")}`,
    deviation: {
      decision: "S10",
      status: 1,
      stdout: "",
      stderr: /^error: missing metadata\.name in input Secret\n$/,
    },
  },
  {
    name: "a namespace that differs in a later document leaves standard output empty",
    args: [...cert, "-n", "a"],
    stdin: `${secretJson("db", "a")}${secretJson("db", "b")}`,
    deviation: { decision: "S10", status: 1, stdout: "", stderr: /^error: namespace mismatch: / },
  },
  {
    name: "a document that is no object is refused",
    args: cert,
    stdin: `${secretYaml("a")}---\njust text\n`,
    deviation: { decision: "S10", status: 1, stdout: "" },
  },
  ...[
    ["ConfigMap", "v1"],
    ["SealedSecret", "bitnami.com/v1alpha1"],
    ["Secret", ""],
    ["Secret", "v2"],
  ].map(
    ([kind = "", apiVersion = ""]): KubesealCase => ({
      name: `${kind} ${apiVersion} is no Secret`,
      args: cert,
      stdin: JSON.stringify({
        kind,
        apiVersion,
        metadata: { name: "a", namespace: "b" },
        data: { a: "YQ==" },
      }),
      deviation: {
        decision: "S11",
        status: 1,
        stdout: "",
        stderr: /^error: .*the manifest is .*, not a Secret\n/,
      },
    }),
  ),
  {
    name: "a List is its items",
    args: [...cert, "-o", "yaml"],
    stdin: JSON.stringify({
      apiVersion: "v1",
      kind: "List",
      items: [JSON.parse(secretJson("a", "shop")), JSON.parse(secretJson("b", "shop"))],
    }),
    deviation: {
      decision: "S11",
      status: 0,
      stdout: /^---\n[\s\S]* {2}name: a\n[\s\S]*\n---\n[\s\S]* {2}name: b\n/,
    },
  },
  {
    name: "a file may be named without a flag",
    args: [...cert, "s.yaml", "-o", "yaml"],
    files: { "s.yaml": secretYaml("a") },
    deviation: { decision: "S23", status: 0, stdout: /^---\napiVersion: bitnami.com/ },
  },
  {
    name: "two files are refused",
    args: [...cert, "s.yaml", "t.yaml"],
    files: { "s.yaml": secretYaml("a"), "t.yaml": secretYaml("b") },
    stdin: secretYaml("c"),
    deviation: {
      decision: "S23",
      status: 1,
      stdout: "",
      stderr: /^error: s\.yaml, t\.yaml: only one file can be read\n$/,
    },
  },
  {
    name: "a file behind --raw is refused, as it was never read",
    args: ["--raw", ...cert, "-n", "a", "--name", "b", "v"],
    files: { v: "x" },
    deviation: {
      decision: "S23",
      status: 1,
      stdout: "",
      stderr: /^error: v: a file for --raw is named with --from-file\n$/,
    },
  },
  {
    name: "managedFields, which names every item, stays out",
    args: cert,
    stdin: `${secretYaml("a")}`.replace(
      "stringData",
      '  managedFields:\n  - { manager: kubectl, operation: Update, fieldsType: FieldsV1, fieldsV1: { "f:data": {} } }\nstringData',
    ),
    deviation: { decision: "S24", status: 0, stdout: /^(?![\s\S]*managedFields)\{/ },
  },
  {
    name: "--version names kseal, too",
    args: ["--version"],
    deviation: {
      decision: "own name",
      status: 0,
      stdout: /^kubeseal version: v0\.36\.6 \(kseal \d+\.\d+\.\d+\S*\)\n$/,
    },
  },
]);

const environmentCases: readonly (readonly [string, Record<string, string>, readonly string[]])[] = [
  ["a certificate", { SEALED_SECRETS_CERT: certificate }, []],
  ["the command line wins", { SEALED_SECRETS_CERT: "nope" }, cert],
  ["an empty one", { SEALED_SECRETS_CERT: "" }, []],
  ["a format", { SEALED_SECRETS_FORMAT: "yaml" }, cert],
  ["an empty format", { SEALED_SECRETS_FORMAT: "" }, cert],
  ["a switch", { SEALED_SECRETS_ALLOW_EMPTY_DATA: "true", SEALED_SECRETS_FETCH_CERT: "1" }, cert],
  [
    "an invalid value counts for nothing",
    { SEALED_SECRETS_FETCH_CERT: "maybe", SEALED_SECRETS_SCOPE: "bad" },
    cert,
  ],
  ["a switch that is empty", { SEALED_SECRETS_FETCH_CERT: "" }, cert],
  [
    "a switch that the command line takes off",
    { SEALED_SECRETS_FETCH_CERT: "true" },
    [...cert, "--fetch-cert=false"],
  ],
  ["a scope", { SEALED_SECRETS_SCOPE: "cluster-wide" }, cert],
  ["an empty scope", { SEALED_SECRETS_SCOPE: "" }, cert],
  ["a namespace that differs", { SEALED_SECRETS_NAMESPACE: "other" }, cert],
  ["a name", { SEALED_SECRETS_NAME: "other" }, cert],
  ["an output file", { SEALED_SECRETS_SEALED_SECRET_FILE: "out.yaml" }, cert],
  ["an input file", { SEALED_SECRETS_SECRET_FILE: "nope" }, cert],
  [
    "a list grows",
    { SEALED_SECRETS_FROM_FILE: "a", SEALED_SECRETS_RAW: "t" },
    [...cert, "-n", "a", "--name", "b", "--from-file", "b"],
  ],
  [
    "a list",
    { SEALED_SECRETS_FROM_FILE: "v", SEALED_SECRETS_RAW: "true", SEALED_SECRETS_NAMESPACE: "a" },
    [...cert, "--name", "b"],
  ],
  ["help", { SEALED_SECRETS_HELP: "true" }, []],
  ["--rotate is no news", { SEALED_SECRETS_ROTATE: "true" }, []],
  ["flags of klog have none", { SEALED_SECRETS_LOGTOSTDERR: "maybe", SEALED_SECRETS_V: "x" }, cert],
  ["a kubeconfig", { SEALED_SECRETS_KUBECONFIG: "nope" }, ["--raw", ...cert, "--name", "a"]],
];

compareWithKubeseal(
  "variables",
  environmentCases.map(
    ([name, env, args]): KubesealCase => ({
      name,
      env,
      args,
      files: { v: "value" },
      stdin: secretJson("db", "shop"),
    }),
  ),
);
