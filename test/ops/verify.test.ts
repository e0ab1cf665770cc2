import { describe, expect, test } from "vitest";
import { type VerifyOptions, type VerifyResult, verifyFiles } from "../../src/ops/verify.ts";
import type { Finding } from "../../src/ops/verify-finding.ts";
import type { Scope } from "../../src/sealed/scope.ts";
import { sealSecret, sealValue } from "../../src/sealed/seal-secret.ts";
import { sealedSecretObject } from "../../src/sealed/sealed-secret.ts";
import { readSecret } from "../../src/sealed/secret.ts";
import { random, sealedVector, vectorCertificate } from "../support/sealed.ts";
import { failureOf, workbench } from "./workbench.ts";

const { publicKey } = vectorCertificate("rsa2048");
const big = vectorCertificate("rsa4096").publicKey;

/** A SealedSecret as kubeseal prints it. */
function sealed(
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
const value = (text: string, key = publicKey): string =>
  sealValue(new TextEncoder().encode(text), {
    publicKey: key,
    random,
    scope: "strict",
    name: "db",
    namespace: "prod",
  });

async function verify(
  files: Readonly<Record<string, string>>,
  options: Partial<VerifyOptions> = {},
): Promise<VerifyResult> {
  const { context } = await workbench(files);
  return verifyFiles({ paths: Object.keys(files), keys: [], online: false, ...options }, context);
}

const inYaml = (object: unknown): string => JSON.stringify(object, null, 2);

const rulesOf = (findings: readonly Finding[]): readonly string[] => findings.map(({ rule }) => rule);

describe("without a key", () => {
  test("nothing is wrong with what kseal seals, in any scope", async () => {
    for (const scope of ["strict", "namespace-wide", "cluster-wide"] as const) {
      const result = await verify({ "a.json": inYaml(sealed({ scope })) });
      expect(result.findings).toEqual([]);
      expect(result.objects).toMatchObject([
        { object: "prod/db", scope, items: ["password", "user"], line: 1 },
      ]);
    }
  });

  const annotation = (name: string) => `sealedsecrets.bitnami.com/${name}`;
  const secretJson = '{"apiVersion":"v1","kind":"Secret","data":{"password":"cGFzc3dvcmQ="}}';

  // Done when 4 of the issue: each defect is planted alone, and found as itself.
  // biome-ignore lint/suspicious/noExplicitAny: the tests break it in every way
  const planted: readonly (readonly [string, (object: any) => void, rule: string, path: string])[] = [
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

  test.for(planted)("finds %s", async ([, plant, rule, path]) => {
    const object = sealed();
    plant(object);
    const { findings } = await verify({ "a.json": inYaml(object) });
    expect(findings.map((one) => [one.rule, one.path ?? ""])).toContainEqual([rule, path]);
    // One mistake is one finding, but for an object too large in two ways.
    const others = findings.filter((one) => one.rule !== rule && one.rule !== "object-size");
    expect(rulesOf(others)).toEqual([]);
  });

  const texts: readonly (readonly [string, string, string, number | undefined])[] = [
    ["an empty file", "", "empty", undefined],
    ["a file with nothing but a comment", "# nothing\n---\n", "empty", undefined],
    ["a broken document among good ones", `a: 1\n---\nb: [\n`, "syntax", 4],
    [
      "a key that stands twice",
      "kind: SealedSecret\napiVersion: x\nkind: SealedSecret\n",
      "duplicate-key",
      3,
    ],
    [
      "a name that YAML 1.1 takes for true",
      "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a, namespace: b}\nspec:\n  encryptedData:\n    y: AAAA\n",
      "boolean-key",
      6,
    ],
    [
      "a Secret where a SealedSecret belongs",
      "# mine\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  password: x\n",
      "secret-in-clear",
      5,
    ],
    [
      "another object",
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
      "no-sealed-secret",
      undefined,
    ],
  ];

  test.for(texts)("finds %s", async ([, text, rule, line]) => {
    const { findings } = await verify({ "a.yaml": text });
    expect(findings.map((one) => [one.rule, one.line])).toContainEqual([rule, line]);
  });

  test("S10: a broken document does not hide what is wrong in the other files", async () => {
    const object = sealed();
    delete object.metadata.namespace;
    const { findings } = await verify({ "a.yaml": "{", "b.json": inYaml(object) });
    expect(findings.map(({ file, rule }) => [file, rule])).toEqual([
      ["a.yaml", "syntax"],
      ["b.json", "missing-namespace"],
    ]);
  });

  test("a value that was copied to another object is found, since it opens in one of the two only", async () => {
    const [first, second] = [sealed(), sealed({ name: "web" })];
    second.spec.encryptedData.password = first.spec.encryptedData.password;
    const { findings } = await verify({ "a.json": inYaml(first), "b.json": inYaml(second) });
    expect(findings).toMatchObject([
      {
        rule: "moved-value",
        file: "b.json",
        line: 16,
        message: "the same sealed value stands in prod/db (a.json:1), and it opens in one of the two only",
      },
    ]);
  });

  test("a cluster-wide value may stand in several objects", async () => {
    const [first, second] = [
      sealed({ scope: "cluster-wide" }),
      sealed({ scope: "cluster-wide", name: "web" }),
    ];
    second.spec.encryptedData = first.spec.encryptedData;
    expect((await verify({ "a.json": inYaml(first), "b.json": inYaml(second) })).findings).toEqual([]);
  });

  test("the certificate tells values for another key, by their length", async () => {
    const object = sealed();
    object.spec.encryptedData.user = value("admin", big);
    const { findings } = await verify(
      { "a.json": inYaml(object), "cert.pem": sealedVector("rsa2048.crt.pem") },
      { paths: ["a.json"], cert: "cert.pem" },
    );
    expect(findings).toMatchObject([
      {
        rule: "key-size",
        path: "spec.encryptedData.user",
        message: "it is sealed for a key of 4096 bits, and the certificate has one of 2048",
      },
    ]);
  });

  test("the rule of .sops.yaml names scope and certificate, and Secrets in clear have no place below it", async () => {
    const files = {
      ".sops.yaml": [
        "kseal:",
        "  clusters:",
        "    - {name: prod, certificate: big.pem}",
        "  sealing:",
        "    - {path_regex: ^prod/, cluster: prod, scope: namespace-wide}",
      ].join("\n"),
      "big.pem": sealedVector("rsa4096.crt.pem"),
      "prod/a.json": inYaml(sealed()),
      "prod/b.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: b}\n",
      "dev/b.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: b}\n",
    };
    const { findings } = await verify(files, { paths: ["."] });
    expect(findings.map(({ file, rule }) => [file, rule])).toEqual([
      ["prod/a.json", "scope-rule"],
      ["prod/a.json", "key-size"],
      ["prod/a.json", "key-size"],
      ["prod/b.yaml", "secret-in-clear"],
    ]);
  });

  test("line, path, object and hint are those of the mistake, in lists and later documents too", async () => {
    const text = [
      "apiVersion: v1",
      "kind: ConfigMap",
      "---",
      "apiVersion: v1",
      "kind: List",
      "items:",
      "  - apiVersion: bitnami.com/v1alpha1",
      "    kind: SealedSecret",
      "    metadata:",
      "      name: db",
      "      namespace: prod",
      "    spec:",
      "      encryptedData:",
      "        # the one",
      "        password: not sealed",
      "",
    ].join("\n");
    expect((await verify({ "a.yaml": text })).findings).toEqual([
      {
        rule: "base64",
        severity: "error",
        file: "a.yaml",
        line: 15,
        object: "prod/db",
        path: "items[0].spec.encryptedData.password",
        message: "illegal base64 data at input byte 3",
        hint: "it was cut off or changed by hand, or is in clear; seal it again",
      },
    ]);
  });

  test.for<readonly [string, string]>([
    ["one that only formats", "{{ .password | quote }}:{{ .user }}"],
    ["a default for what may be missing", '{{ .port | default "5432" }} {{ .user }}'],
    ["a question for what may be missing", "{{ if .port }}{{ .port }}{{ end }}{{ .user }}"],
    ["all values", "{{ range $k, $v := . }}{{ $k }}={{ $v }}\n{{ end }}"],
    [
      "words around a secret",
      "password = {{ .password }}\n# the password: see the wiki\nuser: '{{ .user }}'",
    ],
    ["a reference elsewhere", "password: $PASSWORD\ntoken: /run/secrets/token\nuser: {{ .user }}"],
    ["a value that is itself", "{{ .user | upper }}"],
  ])("says nothing about a template with %s", async ([, text]) => {
    const object = sealed();
    object.spec.template.data = { user: text.includes("upper") ? text : `{{ .user }}${text}` };
    expect((await verify({ "a.json": inYaml(object) })).findings).toEqual([]);
  });

  test("no finding holds a part of a value", async () => {
    const object = sealed();
    object.spec.encryptedData = { a: "hunter22 hunter22", b: btoa("hunter22"), c: ["hunter22"] };
    object.spec.template.data = { x: "password: hunter22", y: "{{ hunter22 }}", z: "{{ .hunter" };
    object.stringData = { password: "hunter22" };
    const { findings } = await verify({ "a.json": inYaml(object) });
    expect(findings.length).toBeGreaterThan(6);
    expect(JSON.stringify(findings)).not.toMatch(/hunter22 hunter22|: hunter22|aHVudGVy/);
  });

  test("a folder's templates of Helm are passed over with a word", async () => {
    const { context, log } = await workbench({
      "chart/templates/a.yaml": "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nx: {{ .Values.x }}\n",
      "chart/ok.json": inYaml(sealed()),
    });
    const result = await verifyFiles({ paths: ["chart"], keys: [], online: false }, context);
    expect(result).toMatchObject({ files: 1, findings: [] });
    expect(log).toEqual([
      "warning: chart/templates/a.yaml: it is a template of Helm and was not looked at; check what it renders to",
    ]);
  });

  test("a folder without any SealedSecret is no success", async () => {
    const { context } = await workbench({ "a/b.yaml": "a: b\n" });
    expect(await failureOf(verifyFiles({ paths: ["a"], keys: [], online: false }, context))).toMatchObject({
      code: "NO_FILE",
      message: "no SealedSecret in this folder",
    });
  });
});

describe("with keys", () => {
  const keyFile = { "key.pem": sealedVector("rsa2048.key.pem") + sealedVector("rsa2048.crt.pem") };

  test("says which key opens what", async () => {
    const result = await verify(
      { "a.json": inYaml(sealed()), ...keyFile },
      { paths: ["a.json"], keys: ["key.pem"] },
    );
    expect(result.findings).toEqual([]);
    expect(result.objects[0]?.keys).toEqual([
      { fingerprint: vectorCertificate("rsa2048").keyFingerprint, isNewest: true, items: 2 },
    ]);
  });

  test("a value for another key, name or scope does not open", async () => {
    const renamed = sealed();
    renamed.metadata.name = "renamed";
    renamed.spec.template.metadata.name = "renamed";
    const foreign = sealed();
    foreign.spec.encryptedData = { user: value("admin", big) };
    const { findings } = await verify(
      { "a.json": inYaml(renamed), "b.json": inYaml(foreign), ...keyFile },
      { paths: ["a.json", "b.json"], keys: ["key.pem"] },
    );
    expect(findings.map(({ rule, path, message }) => [rule, path, message])).toEqual([
      ["does-not-open", "spec.encryptedData.password", "no key at hand opens it: 1 key was tried"],
      ["does-not-open", "spec.encryptedData.user", "no key at hand opens it: 1 key was tried"],
      ["does-not-open", "spec.encryptedData.user", "no key at hand opens it: none has its size"],
    ]);
  });

  test("a template that fails with the values is found, without a word of Go's that may quote one", async () => {
    const object = sealed();
    object.spec.template.data = { x: "{{ fail .password }}" };
    const { findings } = await verify(
      { "a.json": inYaml(object), ...keyFile },
      { paths: ["a.json"], keys: ["key.pem"] },
    );
    expect(findings).toMatchObject([{ rule: "template-fails", path: "spec.template.data.x" }]);
    expect(JSON.stringify(findings)).not.toContain("correct horse");
  });
});

/** The next character: the bits that count are the same. */
function looser(end: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return `${alphabet[alphabet.indexOf(end[0] ?? "") + 1]}=`;
}
