import { describe, expect, test } from "vitest";
import { type VerifyOptions, type VerifyResult, verifyFiles } from "../../src/ops/verify.ts";
import type { Finding } from "../../src/ops/verify-finding.ts";
import { sealedVector, vectorCertificate } from "../support/sealed.ts";
import { sealed, sealedDefects, value } from "./sealed-planted.ts";
import { failureOf, workbench } from "./workbench.ts";

const big = vectorCertificate("rsa4096").publicKey;

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

  // Done when 4 of the issue: each defect is planted alone, and found as itself.
  test.for(sealedDefects)("finds %s", async ([, plant, rule, path]) => {
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
