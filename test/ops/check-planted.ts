import { encryptFiles } from "../../src/ops/encrypt.ts";
import { inPlace, mine, theirs, type Workbench, workbench } from "./workbench.ts";

const config = `creation_rules:
  - path_regex: ^secrets/
    age: ${mine}
  - path_regex: ^k8s/
    encrypted_regex: ^(data|stringData)$
    age: ${mine}
  - path_regex: ^team/
    age: ${mine},${theirs}
  - path_regex: ^groups/
    key_groups:
      - age: [${mine}]
      - age: [${theirs}]
  - path_regex: ^macs/
    mac_only_encrypted: true
    age: ${mine}
`;

const settings = "user: admin\npassword: correct horse\n";
const secret = `apiVersion: v1
kind: Secret
metadata:
  name: db
stringData:
  user: admin
`;
const clearSecret = `apiVersion: v1
kind: Secret
metadata: {name: db}
stringData:
  user: admin
`;
const list = `apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: a}
  - apiVersion: v1
    kind: Secret
    metadata: {name: b}
    data:
      a: aHVudGVyMg==
`;
const applied = `apiVersion: v1
kind: Secret
metadata:
  name: db
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"v1","kind":"Secret","data":{"a":"aHVudGVyMg=="}}
`;
const kustomization = `resources: []
secretGenerator:
  - name: a
    literals:
      - password=hunter2
  - name: b
    envs:
      - db.env
patches:
  - patch: |
      apiVersion: v1
      kind: Secret
      metadata: {name: a}
      stringData: {password: hunter2}
`;
const sealed = `apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: a, namespace: b}
spec:
  encryptedData:
    password: AgBB
`;

/** 36 letters and digits that look random and are none. */
export const random = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zAbCdE";

/** Secrets by their form, put together here so that no scanner finds them in this file. */
const tokens: readonly (readonly [name: string, text: string])[] = [
  ["aws", `AKIA${"QWERTYUIOPASDFGH"}`],
  ["github", `ghp_${random}`],
  ["gitlab", `glpat-${random.slice(0, 20)}`],
  ["slack", `xoxb-${"2048127391-4127391827-kX9"}`],
  ["stripe", `sk_live_${random.slice(0, 24)}`],
  ["google", `AIza${random.slice(0, 35)}`],
  ["jwt", `eyJ${random.slice(0, 20)}.eyJ${random.slice(0, 20)}.${random}`],
];

/** One planted problem: the finding that `check` must make, at the line of a text of the file. */
export interface Planted {
  readonly file: string;
  readonly rule: string;
  /** What the line begins with, white space aside; the first line without it. */
  readonly at?: string;
}

const edits: Readonly<Record<string, (text: string) => string>> = {
  "secrets/cut.yaml": (text) => text.replace(/(password: ENC\[[^,]*,data:[^,]*).*/, "$1"),
  "secrets/hand.yaml": (text) => text.replace("user:", "more: by hand\nuser:"),
  "k8s/renamed.yaml": (text) => text.replace("stringData:", "values:"),
  // As a rule leaves it that matches nothing; kseal refuses to make such a file, SOPS does not.
  "k8s/nothing.yaml": (text) => text.replace(/stringData:\n +user: .*\n/, "host: a\n"),
  "secrets/nomac.yaml": (text) => text.replace(/^ *mac: .*\n/m, ""),
  "secrets/oddmac.yaml": (text) => text.replace(/mac: ENC.*,tag/, "mac: ENC[AES256_GCM,data:,tag"),
  "secrets/pending.yaml": (text) => text.replace(/mac: .*/, "mac: pending"),
  "secrets/wrapped.yaml": (text) => text.replace(/ *-----END AGE.*\n/, ""),
  "secrets/lost.yaml": (text) => text.replace(/^sops:[\s\S]*/m, ""),
  "secrets/twice.yaml": (text) => text.replace("sops:", 'user: ""\nsops:'),
  "secrets/copied-value.yaml": (text) => text.replace(/(user: (.*)\npassword: ).*/, "$1$2"),
  // Copied from a path with another rule.
  "secrets/copied.yaml": (text) => text.replace("^(data|stringData)$", "^(stringData|data)$"),
  "groups/a.yaml": (text) => text.replace("shamir_threshold: 2", "shamir_threshold: 1"),
  "secrets/half.yaml": (text) => text.replace(/ {4}version: .*\n/, "    version: }\n"),
};

export const planted: readonly Planted[] = [
  { file: "secrets/cut.yaml", rule: "sops-value", at: "password:" },
  { file: "secrets/hand.yaml", rule: "sops-clear", at: "more:" },
  { file: "secrets/copied-value.yaml", rule: "sops-value", at: "password:" },
  { file: "secrets/twice.yaml", rule: "sops-duplicate-key", at: 'user: ""' },
  { file: "groups/a.yaml", rule: "sops-groups", at: "shamir_threshold:" },
  { file: "k8s/renamed.yaml", rule: "sops-unselected", at: "user:" },
  { file: "k8s/nothing.yaml", rule: "sops-nothing-encrypted" },
  { file: "secrets/nomac.yaml", rule: "sops-mac", at: "sops:" },
  { file: "secrets/oddmac.yaml", rule: "sops-mac", at: "mac:" },
  { file: "secrets/pending.yaml", rule: "sops-pending", at: "mac:" },
  { file: "macs/a.yaml", rule: "sops-mac-scope", at: "mac_only_encrypted:" },
  { file: "secrets/stale.yaml", rule: "sops-recipients", at: "recipient: THEIRS" },
  { file: "team/one.yaml", rule: "sops-missing-recipient", at: "sops:" },
  { file: "secrets/copied.yaml", rule: "sops-selection", at: "encrypted_regex:" },
  { file: "elsewhere/copied.yaml", rule: "sops-no-rule" },
  { file: "secrets/wrapped.yaml", rule: "sops-metadata", at: "recipient:" },
  { file: "secrets/lost.yaml", rule: "sops-metadata", at: "user:" },
  { file: "secrets/half.yaml", rule: "sops-metadata", at: "version:" },
  { file: "secrets/conflict.yaml", rule: "merge-marker", at: "<<<<<<<" },
  { file: "sub/.sops.yaml", rule: "config", at: "- path_regexp:" },
  { file: "secrets/plain.yaml", rule: "clear-covered" },
  { file: "secrets/plain.env", rule: "clear-covered" },
  { file: "apps/secret.yaml", rule: "secret-manifest", at: "stringData:" },
  { file: "apps/list.yaml", rule: "secret-manifest", at: "data:" },
  { file: "apps/applied.yaml", rule: "last-applied", at: "kubectl." },
  { file: "kust/kustomization.yaml", rule: "kustomize-secret", at: "- password=" },
  { file: "kust/kustomization.yaml", rule: "kustomize-secret", at: "- db.env" },
  { file: "kust/kustomization.yaml", rule: "kustomize-secret", at: "- patch:" },
  { file: "apps/sealed.yaml", rule: "sealed-too-short", at: "password:" },
  ...tokens.map(([name]) => ({ file: `tokens/${name}.txt`, rule: "known-token", at: "token" })),
  { file: "tokens/key.pem", rule: "private-key", at: "-----BEGIN" },
  { file: "tokens/age.txt", rule: "private-key", at: "AGE-" },
  { file: "tokens/url.sh", rule: "password-in-url", at: "psql" },
  { file: "tokens/app.toml", rule: "high-entropy", at: "session_secret" },
  { file: "tokens/ignore.toml", rule: "ignore-comment", at: "# kseal:" },
  { file: "tokens/ignore.toml", rule: "high-entropy", at: "api_key" },
];

/** A repository in which every rule has something to find, and everything only one. */
export async function plantedRepository(): Promise<Workbench> {
  const encryptedNames = [
    ...[
      "cut",
      "hand",
      "nomac",
      "oddmac",
      "pending",
      "wrapped",
      "lost",
      "half",
      "sound",
      "twice",
      "copied-value",
    ].map((name) => `secrets/${name}.yaml`),
    "macs/a.yaml",
    "groups/a.yaml",
  ];
  const bench = await workbench({
    ".sops.yaml": config,
    ...Object.fromEntries(encryptedNames.map((name) => [name, settings])),
    "secrets/stale.yaml": settings,
    "team/one.yaml": settings,
    "k8s/renamed.yaml": secret,
    "k8s/nothing.yaml": secret,
    "k8s/sound.yaml": secret,
    "secrets/conflict.yaml": "a: 1\n<<<<<<< ours\nb: 2\n=======\nb: 3\n>>>>>>> theirs\n",
    "sub/.sops.yaml": "creation_rules:\n  - path_regexp: x\n",
    "secrets/plain.yaml": settings,
    "secrets/plain.env": "A=b\n",
    "apps/secret.yaml": clearSecret,
    "apps/list.yaml": list,
    "apps/applied.yaml": applied,
    "apps/sealed.yaml": sealed,
    "kust/kustomization.yaml": kustomization,
    "kust/db.env": "A=b\n",
    ...Object.fromEntries(tokens.map(([name, text]) => [`tokens/${name}.txt`, `hello\n token ${text}\n`])),
    "tokens/key.pem": `-----BEGIN ${"EC PRIVATE"} KEY-----\n${random}${random}\n-----END EC PRIVATE KEY-----\n`,
    "tokens/age.txt": `# mine\nAGE-SECRET-KEY-${"1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQY"}\n`,
    "tokens/url.sh": `psql postgres://admin:${"hunter2hunter2"}@db.internal/app\n`,
    "tokens/app.toml": `name = "app"\nsession_secret = "${random}"\n# kseal:ignore high-entropy -- the one of the tests\ntest_secret = "${random}"\n`,
    "tokens/ignore.toml": `# kseal:ignore high-entropy\napi_key = "${random}"\n`,
  });
  const { context, read, write } = bench;
  const encrypt = (paths: readonly string[], age?: readonly string[]): Promise<unknown> =>
    encryptFiles({ paths, destination: inPlace, keys: age && { age } }, context);
  await encrypt([...encryptedNames, "k8s/renamed.yaml", "k8s/nothing.yaml", "k8s/sound.yaml"]);
  await encrypt(["secrets/stale.yaml"], [mine, theirs]);
  await encrypt(["team/one.yaml"], [mine]);
  for (const copy of ["secrets/copied.yaml", "elsewhere/copied.yaml"]) {
    await context.host.makeFolder(context.host.resolve(copy, ".."));
    await write(copy, await read("k8s/sound.yaml"));
  }
  for (const [file, edit] of Object.entries(edits)) await write(file, edit(await read(file)));
  return bench;
}
