import { readFileSync } from "node:fs";
import {
  certificate,
  compareWithKubeseal,
  type KubesealCase,
  privateKey,
  privateKey4096,
} from "./kubeseal-harness.ts";
import { fullSecret, secretJson, secretYaml } from "./kubeseal-samples.ts";
import { sealWithKseal } from "./kubeseal-sealed.ts";

const recovery = ["--recovery-unseal", "--recovery-private-key"];
const pem = readFileSync(privateKey, "utf8");
const crt = readFileSync(certificate, "utf8");

const key = keySecret("k1", pem, crt);
const other = keySecret("k2", readFileSync(privateKey4096, "utf8"), "");
const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: [JSON.parse(other), JSON.parse(key)] });

const [full, one, wide, cluster, shifted] = await Promise.all([
  sealWithKseal(fullSecret),
  sealWithKseal(secretYaml("db")),
  sealWithKseal(secretJson("db", "shop"), "--scope", "namespace-wide"),
  sealWithKseal(secretJson("db", "shop"), "--scope", "cluster-wide"),
  sealWithKseal(secretYaml("db")).then((text) =>
    text.replaceAll("name: db", "name: moved").replaceAll('"db"', '"moved"'),
  ),
]);
const yaml = await sealWithKseal(fullSecret, "-o", "yaml");

function templated(templates: Record<string, string>): string {
  const object = JSON.parse(one ?? "");
  object.spec.template.data = templates;
  return JSON.stringify(object);
}

compareWithKubeseal("recovery: keys", [
  { name: "PEM", args: [...recovery, "k"], files: { k: pem }, stdin: full },
  {
    name: "PKCS#8 and what stands around it",
    args: [...recovery, "k"],
    files: { k: `text\n${crt}${pem}` },
    stdin: full,
  },
  { name: "a Secret in JSON", args: [...recovery, "k"], files: { k: key }, stdin: full },
  {
    name: "a Secret in YAML",
    args: [...recovery, "k.yaml"],
    files: { "k.yaml": secretAsYaml(pem) },
    stdin: full,
  },
  { name: "a List in JSON", args: [...recovery, "k"], files: { k: list }, stdin: full },
  ...(
    [
      ["a list", { metadata: { resourceVersion: "7" }, items: [bare(other), bare(key)] }],
      ["a List", { kind: "List", apiVersion: "v1", items: [bare(key)] }],
    ] as const
  ).map(
    ([name, object]): KubesealCase => ({
      name: `${name} whose objects do not say what they are, as programs in Go save them`,
      args: [...recovery, "k"],
      files: { k: JSON.stringify(object) },
      stdin: full,
    }),
  ),
  {
    name: "several documents",
    args: [...recovery, "k"],
    files: { k: `---\n${secretAsYaml(readFileSync(privateKey4096, "utf8"))}---\n${secretAsYaml(pem)}` },
    stdin: full,
  },
  { name: "several files, by a comma", args: [...recovery, "a,b"], files: { a: other, b: pem }, stdin: full },
  {
    name: "several files, by two flags",
    args: [...recovery, "a", "--recovery-private-key=b"],
    files: { a: other, b: pem },
    stdin: full,
  },
  { name: "none", args: ["--recovery-unseal"], stdin: full },
  { name: "another one", args: [...recovery, privateKey4096], stdin: full },
  { name: "one that is missing", args: [...recovery, "nope"], stdin: full },
  {
    name: "a Secret that holds none",
    args: [...recovery, "k"],
    files: { k: secretJson("a", "b") },
    stdin: full,
  },
  {
    name: "a kubeconfig that is broken is not read",
    args: [...recovery, privateKey],
    files: { ".kube/config": "{" },
    stdin: full,
  },
]);

compareWithKubeseal("recovery: what is opened", [
  { name: "JSON", args: [...recovery, privateKey], stdin: full },
  { name: "to YAML", args: [...recovery, privateKey, "-o", "yaml"], stdin: full },
  { name: "YAML", args: [...recovery, privateKey], stdin: yaml },
  {
    name: "from a file into a file",
    args: [...recovery, privateKey, "-f", "s.yaml", "-w", "out.yaml"],
    files: { "s.yaml": yaml },
  },
  { name: "namespace-wide", args: [...recovery, privateKey], stdin: wide },
  { name: "cluster-wide", args: [...recovery, privateKey], stdin: cluster },
  {
    name: "cluster-wide under another name",
    args: [...recovery, privateKey],
    stdin: cluster?.replaceAll('"db"', '"moved"'),
  },
  {
    name: "namespace-wide under another name",
    args: [...recovery, privateKey],
    stdin: wide?.replaceAll('"db"', '"moved"'),
  },
  {
    name: "namespace-wide in another namespace",
    args: [...recovery, privateKey],
    stdin: wide?.replaceAll('"shop"', '"moved"'),
  },
  { name: "strict under another name", args: [...recovery, privateKey], stdin: shifted },
  {
    name: "a flipped annotation",
    args: [...recovery, privateKey],
    stdin: cluster?.replaceAll('"true"', '"false"'),
  },
  { name: "an unknown format", args: [...recovery, privateKey, "-o", "xml"], stdin: full },
  {
    name: "without an owner, when the template says so",
    args: [...recovery, privateKey],
    stdin: withTemplate({ annotations: { "sealedsecrets.bitnami.com/skip-set-owner-references": "true" } }),
  },
  {
    name: "with a uid",
    args: [...recovery, privateKey],
    stdin: one?.replace('"name": "db"', '"name": "db", "uid": "u-1"'),
  },
  {
    name: "server-side fields of the template",
    args: [...recovery, privateKey],
    stdin: withTemplate({
      uid: "u",
      resourceVersion: "7",
      generation: 2,
      finalizers: [],
      unknown: 1,
      labels: {},
    }),
  },
  {
    name: "times and zeros of the template",
    args: [...recovery, privateKey],
    stdin: withTemplate({
      creationTimestamp: "2020-01-01T02:00:00+02:00",
      deletionTimestamp: "2020-01-01T00:00:00.5Z",
      deletionGracePeriodSeconds: 0,
    }),
  },
  {
    name: "names of fields in other letters count for nothing",
    args: [...recovery, privateKey],
    stdin: one?.replace('"encryptedData"', '"EncryptedData"'),
  },
  {
    name: "base64 that is none",
    args: [...recovery, privateKey],
    stdin: withItems({ a: "!!", b: "A===", c: "AgA=" }),
  },
  {
    name: "a value of version 0.6",
    args: [...recovery, privateKey],
    stdin: withSpec({ data: "AAAA", encryptedData: {} }),
  },
]);

compareWithKubeseal("recovery: templates", [
  {
    name: "values",
    args: [...recovery, privateKey],
    stdin: templated({ url: 'https://{{ .password }}@{{ index . "password" }}' }),
  },
  {
    name: "functions of Sprig",
    args: [...recovery, privateKey],
    stdin: templated({ a: "{{ .password | b64enc | upper }}" }),
  },
  {
    name: "one that renders to nothing",
    args: [...recovery, privateKey],
    stdin: templated({ a: "{{/* */}}" }),
  },
  {
    name: "one that does not parse",
    args: [...recovery, privateKey],
    stdin: templated({ a: "{{ .pass-word }}" }),
  },
  {
    name: "one that fails",
    args: [...recovery, privateKey],
    stdin: templated({ a: '{{ fail "no" }}', b: "{{ .a.b }}" }),
  },
  {
    name: "a function that is not allowed",
    args: [...recovery, privateKey],
    stdin: templated({ a: '{{ env "HOME" }}' }),
  },
]);

compareWithKubeseal("recovery: differences that were decided on", [
  ...(
    [
      ["nothing", ""],
      ["an object without a kind", "a: b\n"],
      ["a Secret", secretYaml("a")],
      ["another kind", '{"kind":"X","apiVersion":"v1"}'],
    ] as const
  ).map(
    ([name, stdin]): KubesealCase => ({
      name: `${name} is no SealedSecret`,
      args: [...recovery, privateKey],
      stdin,
      deviation: {
        decision: "S10",
        status: 1,
        stdout: "",
        stderr: /^error: .*(not a SealedSecret|no sealed secret found)/,
      },
    }),
  ),
  {
    name: "every document is opened",
    args: [...recovery, privateKey, "-o", "yaml"],
    stdin: `${yaml}${yaml}`,
    deviation: { decision: "S10", status: 0, stdout: /^---\n[\s\S]*\n---\n/ },
  },
  {
    name: "one that does not open keeps the others from being printed",
    args: [...recovery, privateKey],
    stdin: `${one}${shifted}`,
    deviation: {
      decision: "S10",
      status: 1,
      stdout: "",
      stderr: /^error: no key could decrypt secret \(password\)\n$/,
    },
  },
  {
    name: "a List is its items",
    args: [...recovery, privateKey],
    stdin: JSON.stringify({ apiVersion: "v1", kind: "List", items: [JSON.parse(one ?? "")] }),
    deviation: { decision: "S11", status: 0, stdout: /"kind": "Secret"/ },
  },
  {
    name: "a bad entry does not make the others useless",
    args: [...recovery, "k"],
    files: {
      k: JSON.stringify({
        apiVersion: "v1",
        kind: "List",
        items: [JSON.parse(key), JSON.parse(secretJson("a", "b"))],
      }),
    },
    stdin: one,
    deviation: {
      decision: "S13",
      status: 0,
      stdout: /"kind": "Secret"/,
      stderr: /^warning: k: .*has no tls\.key\n$/,
    },
  },
  {
    name: "a certificate that belongs to another key is refused",
    args: [...recovery, "k"],
    files: { k: keySecret("k", readFileSync(privateKey4096, "utf8"), crt) },
    stdin: one,
    deviation: { decision: "S14", status: 1, stdout: "", stderr: /does not belong to its private key/ },
  },
]);

function keySecret(name: string, privateKeyPem: string, certificatePem: string): string {
  const data = { "tls.key": base64(privateKeyPem), "tls.crt": base64(certificatePem) };
  const metadata = { name, namespace: "kube-system" };
  return JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/tls", data });
}

/** Without kind and version. */
function bare(object: string): object {
  const { kind, apiVersion, ...rest } = JSON.parse(object);
  return rest;
}

function secretAsYaml(privateKeyPem: string): string {
  return `apiVersion: v1\nkind: Secret\nmetadata:\n  name: k\ndata:\n  tls.key: ${base64(privateKeyPem)}\n`;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function withTemplate(metadata: Record<string, unknown>): string {
  const object = JSON.parse(one ?? "");
  Object.assign(object.spec.template.metadata, metadata);
  return JSON.stringify(object);
}

function withItems(items: Record<string, string>): string {
  const object = JSON.parse(one ?? "");
  Object.assign(object.spec.encryptedData, items);
  return JSON.stringify(object);
}

function withSpec(spec: Record<string, unknown>): string {
  return JSON.stringify({ ...JSON.parse(one ?? ""), spec });
}
