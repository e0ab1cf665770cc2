import type { Scope } from "../../src/sealed/scope.ts";
import { sealSecret, sealValue } from "../../src/sealed/seal-secret.ts";
import { sealedSecretObject } from "../../src/sealed/sealed-secret.ts";
import { readSecret } from "../../src/sealed/secret.ts";
import { random, sealedVector, vectorCertificate } from "../support/sealed.ts";

const { publicKey } = vectorCertificate("rsa2048");

/** A SealedSecret as kubeseal prints it. */
export function sealed(
  options: { name?: string; namespace?: string; scope?: Scope; values?: Record<string, string> } = {},
) {
  const {
    name = "db",
    namespace = "prod",
    scope,
    values = { password: "correct horse", user: "admin" },
  } = options;
  const secret = readSecret({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace },
    stringData: values,
  });
  const result = sealSecret(secret, { publicKey, random, scope });
  // biome-ignore lint/suspicious/noExplicitAny: the tests break it in every way
  return JSON.parse(JSON.stringify(sealedSecretObject(result.sealed))) as any;
}

/** A sealed value for the strict scope of prod/db. */
export const value = (text: string, key = publicKey): string =>
  sealValue(new TextEncoder().encode(text), {
    publicKey: key,
    random,
    scope: "strict",
    name: "db",
    namespace: "prod",
  });

const annotation = (name: string) => `sealedsecrets.bitnami.com/${name}`;
const secretJson = '{"apiVersion":"v1","kind":"Secret","data":{"password":"cGFzc3dvcmQ="}}';

/** What can be wrong with a SealedSecret: each defect, its rule, and its place. */
export const sealedDefects: readonly (readonly [
  string,
  // biome-ignore lint/suspicious/noExplicitAny: the tests break it in every way
  (object: any) => void,
  rule: string,
  path: string,
])[] = [
  ["another apiVersion", (o) => (o.apiVersion = "bitnami.com/v1"), "api-version", "apiVersion"],
  ["no apiVersion", (o) => delete o.apiVersion, "api-version", "apiVersion"],
  ["another kind", (o) => (o.kind = "SealedSecrets"), "kind", "kind"],
  ["no kind", (o) => delete o.kind, "kind", "kind"],
  ["a misspelt field", (o) => (o.spec.encrypteddata = {}), "unknown-field", "spec.encrypteddata"],
  ["a field of a Secret", (o) => (o.type = "Opaque"), "unknown-field", "type"],
  ["no name", (o) => delete o.metadata.name, "missing-name", "metadata"],
  ["no namespace", (o) => delete o.metadata.namespace, "missing-namespace", "metadata"],
  ["an empty namespace", (o) => (o.metadata.namespace = ""), "missing-namespace", "metadata"],
  [
    "a name that the cluster makes up",
    (o) => {
      delete o.metadata.name;
      o.metadata.generateName = "db-";
    },
    "missing-name",
    "metadata.generateName",
  ],
  [
    "a name in capitals",
    (o) => (o.metadata.name = o.spec.template.metadata.name = "DB"),
    "invalid-name",
    "metadata.name",
  ],
  ["a number as name", (o) => (o.metadata.name = 7), "type", "metadata.name"],
  [
    "TRUE as scope",
    (o) => (o.metadata.annotations = { [annotation("cluster-wide")]: "TRUE" }),
    "scope-annotation",
    'metadata.annotations["sealedsecrets.bitnami.com/cluster-wide"]',
  ],
  [
    "true without quotes",
    (o) => (o.metadata.annotations = { [annotation("cluster-wide")]: true }),
    "type",
    'metadata.annotations["sealedsecrets.bitnami.com/cluster-wide"]',
  ],
  [
    "both scopes",
    (o) =>
      (o.metadata.annotations = {
        [annotation("cluster-wide")]: "true",
        [annotation("namespace-wide")]: "true",
      }),
    "scope-conflict",
    "metadata.annotations",
  ],
  [
    "another scope in the template",
    (o) => (o.spec.template.metadata.annotations = { [annotation("cluster-wide")]: "true" }),
    "scope-template",
    "spec.template.metadata.annotations",
  ],
  [
    "a misspelt annotation",
    (o) => (o.metadata.annotations = { [annotation("cluster_wide")]: "true" }),
    "unknown-annotation",
    'metadata.annotations["sealedsecrets.bitnami.com/cluster_wide"]',
  ],
  [
    "an annotation of Secrets on the SealedSecret",
    (o) => (o.metadata.annotations = { [annotation("managed")]: "true" }),
    "annotation-place",
    'metadata.annotations["sealedsecrets.bitnami.com/managed"]',
  ],
  [
    "another name in the template",
    (o) => (o.spec.template.metadata.name = "web"),
    "template-name",
    "spec.template.metadata.name",
  ],
  [
    "another namespace in the template",
    (o) => (o.spec.template.metadata.namespace = "dev"),
    "template-name",
    "spec.template.metadata.namespace",
  ],
  ["no spec", (o) => delete o.spec, "no-values", "spec"],
  ["no encryptedData", (o) => delete o.spec.encryptedData, "no-values", "spec"],
  ["encryptedData: null", (o) => (o.spec.encryptedData = null), "no-values", "spec"],
  ["no value", (o) => (o.spec.encryptedData = {}), "no-values", "spec.encryptedData"],
  ["a list of values", (o) => (o.spec.encryptedData = []), "type", "spec.encryptedData"],
  ["a value of null", (o) => (o.spec.encryptedData.user = null), "type", "spec.encryptedData.user"],
  ["a number as value", (o) => (o.spec.encryptedData.user = 12345), "type", "spec.encryptedData.user"],
  ["a mapping as value", (o) => (o.spec.encryptedData.user = {}), "type", "spec.encryptedData.user"],
  [
    "a value in clear",
    (o) => (o.spec.encryptedData.user = "correct horse!"),
    "base64",
    "spec.encryptedData.user",
  ],
  [
    "clear text in base64",
    (o) => (o.spec.encryptedData.user = btoa("correct horse")),
    "too-short",
    "spec.encryptedData.user",
  ],
  [
    "long clear text in base64",
    (o) => (o.spec.encryptedData.user = btoa("\u0000\u0010correct horse battery staple, and so on and on")),
    "envelope-size",
    "spec.encryptedData.user",
  ],
  [
    "a value that was cut off",
    (o) => (o.spec.encryptedData.user = o.spec.encryptedData.user.slice(0, -1)),
    "base64",
    "spec.encryptedData.user",
  ],
  [
    "a value that was cut off in whole bytes",
    (o) => (o.spec.encryptedData.user = o.spec.encryptedData.user.slice(0, 200)),
    "too-short",
    "spec.encryptedData.user",
  ],
  [
    "a value with line breaks",
    (o) => (o.spec.encryptedData.user = o.spec.encryptedData.user.replace(/.{64}/g, "$&\n")),
    "base64-form",
    "spec.encryptedData.user",
  ],
  [
    "a value whose last character was changed",
    (o) => (o.spec.encryptedData.user = value("admin12").replace(/[AEIMQUYcgkosw048]=$/, looser)),
    "base64-form",
    "spec.encryptedData.user",
  ],
  [
    "a changed length",
    (o) => (o.spec.encryptedData.user = `AAE${o.spec.encryptedData.user.slice(3)}`),
    "envelope-size",
    "spec.encryptedData.user",
  ],
  [
    "a name that Kubernetes refuses",
    (o) => (o.spec.encryptedData["my password"] = o.spec.encryptedData.user),
    "key-name",
    'spec.encryptedData["my password"]',
  ],
  [
    "a name of two dots",
    (o) => (o.spec.encryptedData["..data"] = o.spec.encryptedData.user),
    "key-name",
    'spec.encryptedData["..data"]',
  ],
  [
    "a name of 254 characters",
    (o) => (o.spec.encryptedData["x".repeat(254)] = o.spec.encryptedData.user),
    "key-name",
    `spec.encryptedData.${"x".repeat(254)}`,
  ],
  [
    "the blob of old versions",
    (o) => {
      o.spec = { data: value("{}") };
    },
    "v1-data",
    "spec.data",
  ],
  ["the blob beside values", (o) => (o.spec.data = value("{}")), "v1-and-items", "spec.data"],
  ["values in clear at the top", (o) => (o.stringData = { a: "b" }), "clear-data", "stringData"],
  ["values in base64 at the top", (o) => (o.data = { a: "Yg==" }), "clear-data", "data"],
  ["values in clear in the spec", (o) => (o.spec.stringData = { a: "b" }), "clear-data", "spec.stringData"],
  [
    "values in clear in the template",
    (o) => (o.spec.template.stringData = { a: "b" }),
    "clear-data",
    "spec.template.stringData",
  ],
  [
    "what kubectl applied last, in the template",
    (o) =>
      (o.spec.template.metadata.annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": secretJson,
      }),
    "last-applied",
    'spec.template.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]',
  ],
  [
    "a Secret that was applied last",
    (o) => (o.metadata.annotations = { "kubectl.kubernetes.io/last-applied-configuration": secretJson }),
    "last-applied",
    'metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]',
  ],
  [
    "a template that does not parse",
    (o) => (o.spec.template.data = { "app.ini": "{{ .password " }),
    "template-syntax",
    'spec.template.data["app.ini"]',
  ],
  [
    "a template with a function that there is not",
    (o) => (o.spec.template.data = { "app.ini": '{{ env "HOME" }}{{ .user }}' }),
    "template-syntax",
    'spec.template.data["app.ini"]',
  ],
  [
    "a template without actions",
    (o) => (o.spec.template.data = { "app.ini": "host = db.example.com" }),
    "template-clear",
    'spec.template.data["app.ini"]',
  ],
  [
    "a password in a template",
    (o) => (o.spec.template.data = { "app.ini": "user = {{ .user }}\npassword = hunter22" }),
    "template-secret",
    'spec.template.data["app.ini"]',
  ],
  [
    "a password in an address",
    (o) =>
      (o.spec.template.data = {
        url: "postgres://{{ .user }}:hunter22@db:5432/app",
      }),
    "template-secret",
    "spec.template.data.url",
  ],
  [
    "a token in a template",
    (o) => (o.spec.template.data = { token: "abcdef0123" }),
    "template-secret",
    "spec.template.data.token",
  ],
  [
    "a private key in a template",
    (o) => (o.spec.template.data = { id: `{{ .user }}\n${sealedVector("rsa2048.key.pem")}` }),
    "template-secret",
    "spec.template.data.id",
  ],
  [
    "clear text over a sealed value",
    (o) => (o.spec.template.data = { user: "{{ .password }}" }),
    "template-override",
    "spec.template.data.user",
  ],
  [
    "a value that is not sealed",
    (o) => (o.spec.template.data = { "app.ini": "{{ .passwort }}" }),
    "template-item",
    'spec.template.data["app.ini"]',
  ],
  ["text for immutable", (o) => (o.spec.template.immutable = "true"), "type", "spec.template.immutable"],
  ["a list as template", (o) => (o.spec.template = []), "type", "spec.template"],
  [
    "TLS without a certificate",
    (o) => (o.spec.template.type = "kubernetes.io/tls"),
    "secret-type",
    "spec.template.type",
  ],
  ["a misspelt type", (o) => (o.spec.template.type = "opaque"), "secret-type", "spec.template.type"],
  [
    "an object that etcd refuses",
    (o) => (o.metadata.annotations = { a: "x".repeat(1.6 * 1024 * 1024) }),
    "object-size",
    "",
  ],
  [
    "a Secret that Kubernetes refuses",
    (o) => (o.spec.encryptedData = { a: value("x".repeat(600_000)), b: value("y".repeat(500_000)) }),
    "secret-size",
    "spec.encryptedData",
  ],
];

/** The next character: the bits that count are the same. */
function looser(end: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return `${alphabet[alphabet.indexOf(end[0] ?? "") + 1]}=`;
}
