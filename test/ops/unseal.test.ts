import { spawnSync } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type UnsealOptions, unsealFiles } from "../../src/ops/unseal.ts";
import { newestFirst } from "../../src/sealed/sealing-key.ts";
import { peer } from "../support/peers.ts";
import { sealedVector } from "../support/sealed.ts";
import { makeKey, manifest, seal, sealV1, type TestKey, yamlOf } from "../support/sealed-files.ts";
import { encrypted, failureOf, type Workbench, workbench } from "./workbench.ts";

const [old, newest, foreign] = (await Promise.all([
  makeKey({ age: 60 }),
  makeKey({ age: 1 }),
  makeKey({ age: 10 }),
])) as [TestKey, TestKey, TestKey];
const keyFiles = { "keys.yaml": old.yaml + newest.yaml };
const toCaller = { to: "caller" } as const;
const vectorPem = sealedVector("rsa4096.key.pem");

function unseal({ context }: Workbench, options: Partial<UnsealOptions> = {}) {
  return unsealFiles({ paths: ["a.yaml"], keys: ["keys.yaml"], destination: toCaller, ...options }, context);
}

async function opened(bench: Workbench, options: Partial<UnsealOptions> = {}): Promise<string> {
  return new TextDecoder().decode((await unseal(bench, options)).content);
}

const secretYaml = `---
apiVersion: v1
data:
  password: Y29ycmVjdA==
  user: YWRtaW4=
kind: Secret
metadata:
  labels:
    app: db
  name: db
  namespace: prod
type: Opaque
`;
const dbTemplate = { type: "Opaque", metadata: { labels: { app: "db" } } };
const db = (key: TestKey) =>
  manifest({ user: seal("admin", key), password: seal("correct", key) }, { template: dbTemplate });

test("a SealedSecret opens to the Secret that the controller makes of it, without an owner", async () => {
  expect(await opened(await workbench({ ...keyFiles, "a.yaml": db(newest) }))).toBe(secretYaml);
});

test("JSON stays JSON, and --output-type makes it YAML", async () => {
  const json = JSON.stringify({
    apiVersion: "bitnami.com/v1alpha1",
    kind: "SealedSecret",
    metadata: { name: "db", namespace: "prod" },
    spec: { encryptedData: { user: seal("admin", old) } },
  });
  const bench = await workbench({ ...keyFiles, "a.json": json });

  expect(await opened(bench, { paths: ["a.json"] })).toBe(
    `{\n  "kind": "Secret",\n  "apiVersion": "v1",\n  "metadata": {\n    "name": "db",\n    "namespace": "prod"\n  },\n  "data": {\n    "user": "YWRtaW4="\n  }\n}\n`,
  );
  expect(await opened(bench, { paths: ["a.json"], outputType: "yaml" })).toContain("---\napiVersion: v1\n");
});

test("several files, folders, documents and lists open in their order", async () => {
  const named = (name: string) => manifest({ item: seal(name, old, { name }) }, { name });
  const list = `apiVersion: v1\nkind: List\nitems:\n- ${named("c").slice(4).trim().replaceAll("\n", "\n  ")}\n`;
  const bench = await workbench({
    ...keyFiles,
    "one.yaml": named("a") + named("b"),
    "more/list.yaml": list,
    "more/deep/d.yaml": named("d"),
    "more/readme.md": "nothing",
  });

  const names = [...(await opened(bench, { paths: ["one.yaml", "more"] })).matchAll(/^ {2}name: (\w)$/gm)];

  expect(names.map(([, name]) => name)).toEqual(["a", "b", "d", "c"]);
});

test("other objects of a file are left out, which is said", async () => {
  const config = yamlOf({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } });
  const bench = await workbench({ ...keyFiles, "a.yaml": config + db(old) });

  expect(await opened(bench)).toBe(secretYaml);
  expect(bench.log).toEqual(["note: a.yaml: 1 object of other kinds left out"]);
});

test("an object of before version 0.7 opens, too", async () => {
  const inner = { apiVersion: "v1", kind: "Secret", metadata: { name: "db" }, data: { user: "YWRtaW4=" } };
  const sealed = yamlOf({
    apiVersion: "bitnami.com/v1alpha1",
    kind: "SealedSecret",
    metadata: { name: "db", namespace: "prod" },
    spec: { data: sealV1(inner, old), encryptedData: null },
  });
  const bench = await workbench({ ...keyFiles, "a.yaml": sealed });

  const { content, objects } = await unseal(bench);

  expect(new TextDecoder().decode(content)).toContain("data:\n  user: YWRtaW4=\nkind: Secret\n");
  expect(objects[0]?.openers).toEqual([
    {
      item: "",
      fingerprint: old.key.fingerprint,
      key: "kube-system/sealed-secrets-key60",
      old: true,
    },
  ]);
});

test("templates are rendered, and bytes that are no UTF-8 go through them unharmed", async () => {
  const bytes = Uint8Array.of(0xff, 0x00, 0xfe);
  const sealed = manifest(
    { raw: seal(bytes, old), user: seal("admin", old) },
    { template: { data: { line: "user={{ .user | upper }}", copy: "{{ .raw }}" } } },
  );
  const bench = await workbench({ ...keyFiles, "a.yaml": sealed });

  expect(await opened(bench, { item: "line" })).toBe("user=ADMIN");
  expect((await unseal(bench, { item: "copy" })).content).toEqual(bytes);
});

test("--item gives one value as it is; of several objects --object names one", async () => {
  const bench = await workbench({
    ...keyFiles,
    "a.yaml":
      manifest({ p: seal("one\n", old) }) +
      manifest({ p: seal("two", old, { name: "web" }) }, { name: "web" }),
  });

  expect(await opened(bench, { item: "p", object: "db" })).toBe("one\n");
  expect(await opened(bench, { item: "p", object: "prod/web" })).toBe("two");
  expect(await failureOf(unseal(bench, { item: "p" }))).toMatchObject({
    code: "USAGE",
    message: '2 SealedSecrets have an item "p": prod/db, prod/web',
    hint: "name the one that is meant with --object NAMESPACE/NAME",
  });
  expect(await failureOf(unseal(bench, { item: "q", object: "db" }))).toMatchObject({
    code: "NOT_FOUND",
    message: 'there is no item "q"',
  });
  expect(await failureOf(unseal(bench, { object: "none" }))).toMatchObject({
    code: "NOT_FOUND",
    message: 'there is no SealedSecret "none"',
  });
});

test("what is written to files is nobody else's to read", async () => {
  const bench = await workbench({ ...keyFiles, "in/a.yaml": db(old), "in/b/c.yaml": db(newest) });

  const { content, written } = await unseal(bench, {
    paths: ["in"],
    destination: { to: "folder", path: "out" },
  });

  expect(content).toBeUndefined();
  expect(written.map(({ writtenTo }) => writtenTo)).toEqual(["out/a.yaml", "out/b/c.yaml"]);
  expect(await bench.read("out/b/c.yaml")).toBe(secretYaml);
  expect((await stat(join(bench.host.cwd, "out/a.yaml"))).mode & 0o777).toBe(0o600);
});

test("S15: the key that opened each value is told", async () => {
  const sealed = manifest({ a: seal("1", old), b: seal("2", newest) });
  const bench = await workbench({ "old.pem": old.pem, "new.yaml": newest.yaml, "a.yaml": sealed });

  const { objects } = await unseal(bench, { keys: ["old.pem", "new.yaml"] });

  expect(objects).toEqual([
    {
      file: "a.yaml",
      namespace: "prod",
      name: "db",
      openers: [
        { item: "a", fingerprint: old.key.fingerprint, key: "old.pem", old: true },
        {
          item: "b",
          fingerprint: newest.key.fingerprint,
          key: "kube-system/sealed-secrets-key1",
          old: false,
        },
      ],
    },
  ]);
});

test("keys are named by flag or variable, and opened with the user's own keys", async () => {
  const { read, host } = await encrypted({ "keys.yaml": old.yaml }, { beside: {} });
  const bench = await workbench(
    { "backup.yaml": await read("keys.yaml"), "other.pem": newest.pem, "a.yaml": db(old) },
    { env: { SOPS_AGE_KEY: host.env["SOPS_AGE_KEY"]!, KSEAL_SEALING_KEYS: "other.pem:backup.yaml" } },
  );

  expect(await opened(bench, { keys: [] })).toBe(secretYaml);
  expect(await failureOf(unseal(bench, { keys: ["other.pem"] }))).toMatchObject({ code: "SEALED_NO_KEY" });
});

test("without any key it is said how to name one", async () => {
  expect(await failureOf(unseal(await workbench({ "a.yaml": db(old) }), { keys: [] }))).toMatchObject({
    code: "USAGE",
    message: "no sealing key is named",
    hint: "name a backup of the cluster's keys with --key FILE, or in KSEAL_SEALING_KEYS",
  });
});

describe("with many keys of which an old one opens everything", async () => {
  const many = await Promise.all(
    Array.from({ length: 24 }, (_, age) => makeKey({ age: age + 1, bits: 1024 })),
  );
  const backup = many.map(({ yaml }) => yaml).join("");
  const opener = many[19]!;
  const objects = (count: number, key = opener) =>
    Array.from({ length: count }, (_, at) => {
      const name = `n${at}`;
      const items = ["a", "b", "c"].map((item) => [item, seal(item, key, { name })]);
      return manifest(Object.fromEntries(items), { name });
    }).join("");

  test("S15: only the first value searches, so RSA operations are few", async () => {
    const bench = await workbench({ "keys.yaml": backup, "a.yaml": objects(100) });

    const { rsaOperations, objects: done } = await unseal(bench);

    expect(done).toHaveLength(100);
    // 300 values, and 19 newer keys before the one that opens.
    expect(rsaOperations).toBe(319);
  });

  test("S15: a change of keys costs one search, and keys of another size nothing", async () => {
    const other = many[10]!;
    const bench = await workbench({
      "keys.yaml": backup + old.yaml + newest.yaml,
      "a.yaml": objects(40) + objects(40, other),
      "b.yaml": objects(40) + manifest({ p: seal("1", newest) }),
    });

    const { rsaOperations } = await unseal(bench, { paths: ["a.yaml", "b.yaml"] });

    // 361 values; at most 24 + 24 for the searches, one for each value in flight when the key changes (48).
    expect(rsaOperations).toBeLessThanOrEqual(361 + 48 + 2 * 48 * 3);
    expect(newestFirst(many.map(({ key }) => key))[0]).toBe(many[0]!.key);
  });
});

describe("what does not open", () => {
  const flip = (text: string, at: number) => {
    const bytes = Buffer.from(text, "base64");
    bytes[at]! ^= 1;
    return bytes.toString("base64");
  };
  const good = seal("correct", old);
  const length = Buffer.from(good, "base64").length;
  const noKey = { code: "SEALED_NO_KEY", message: "prod/db: no key could decrypt secret (p)" };
  const wrongPlace =
    "it was sealed for another cluster's key, or another name, namespace or scope than prod/db";

  test.for([
    ["a bit of the session key", flip(good, 100), noKey, wrongPlace],
    ["a bit of the value", flip(good, 260), noKey, wrongPlace],
    ["a bit of the tag", flip(good, length - 1), noKey, wrongPlace],
    [
      "the length in front, larger",
      flip(good, 0),
      { ...noKey, message: noKey.message },
      "the end of the value is missing",
    ],
    ["a value that was cut", good.slice(0, 200), noKey, "SealedSecret data is too short"],
    ["one byte", "AQ==", noKey, "SealedSecret data is too short"],
    ["an empty value", "", noKey, "SealedSecret data is too short"],
    [
      "base64 without its padding",
      `${good.replace(/=+$/, "").slice(0, -1)}`,
      { code: "SEALED_INVALID", message: /^prod\/db: illegal base64 data at input byte \d+ \(p\)$/ },
      "repair the items that are named",
    ],
    [
      "base64 with a blank",
      ` ${good}`,
      { code: "SEALED_INVALID", message: "prod/db: illegal base64 data at input byte 0 (p)" },
      "repair the items that are named",
    ],
    ["another cluster's key", seal("x", foreign), noKey, wrongPlace],
    ["another name", seal("x", old, { name: "web" }), noKey, wrongPlace],
    ["another namespace", seal("x", old, { namespace: "test" }), noKey, wrongPlace],
    ["a wider scope than the object says", seal("x", old, { scope: "cluster-wide" }), noKey, wrongPlace],
  ] as const)("%s", async ([, value, error]) => {
    const bench = await workbench({ ...keyFiles, "a.yaml": manifest({ p: value }) });

    const failure = await failureOf(unseal(bench, { destination: { to: "file", path: "out.yaml" } }));

    expect(failure.code).toBe(error.code);
    expect(failure.message).toMatch(error.message);
    expect(failure.where).toEqual({ file: "a.yaml", line: 2 });
    expect(failure.hint).toBeDefined();
    expect(await bench.host.stat("out.yaml")).toBeUndefined();
  });

  test("a value for a key of another size is told apart", async () => {
    const bench = await workbench({ "keys.pem": vectorPem, "a.yaml": manifest({ p: good }) });

    expect(await failureOf(unseal(bench, { keys: ["keys.pem"] }))).toMatchObject({
      ...noKey,
      hint: "it is sealed for a key of 2048 bits, and no key at hand has that size",
    });
  });

  test("S2: a scope annotation that was added opens nothing, and one in the template changes nothing", async () => {
    const wide = { "sealedsecrets.bitnami.com/cluster-wide": "true" };
    const bench = await workbench({
      ...keyFiles,
      "a.yaml": manifest({ p: good }, { annotations: wide }),
      "b.yaml": manifest({ p: good }, { template: { metadata: { annotations: wide } } }),
    });

    expect(await failureOf(unseal(bench))).toMatchObject(noKey);
    expect(await opened(bench, { paths: ["b.yaml"], item: "p" })).toBe("correct");
  });

  test("S10: nothing is written when one of many fails, and all failures are told", async () => {
    const bench = await workbench({
      ...keyFiles,
      "in/a.yaml": db(old),
      "in/b.yaml": manifest({ p: seal("x", foreign), q: "!" }),
      "in/c.yaml": `${db(old)}---\n${manifest({ r: seal("x", foreign) }).slice(4)}`,
    });

    const failure = await failureOf(
      unseal(bench, { paths: ["in"], destination: { to: "folder", path: "out" } }),
    );

    expect(failure).toMatchObject({
      code: "SEALED_NO_KEY",
      message: [
        "2 of 4 SealedSecrets failed:",
        "  in/b.yaml:2: prod/db: no key could decrypt secret (p); illegal base64 data at input byte 0 (q)",
        "  in/c.yaml:17: prod/db: no key could decrypt secret (r)",
      ].join("\n"),
    });
    expect(await bench.host.stat("out")).toBeUndefined();
  });

  test("S10: a broken document among good ones is an error with its line", async () => {
    const bench = await workbench({ ...keyFiles, "a.yaml": `${db(old)}---\na: [1\nb: 2\n${db(old)}` });

    const failure = await failureOf(unseal(bench));

    expect(failure.code).toBe("FORMAT_INVALID");
    expect(failure.where).toMatchObject({ file: "a.yaml", line: expect.any(Number) });
  });

  test.for([
    [
      "a Secret",
      yamlOf({ apiVersion: "v1", kind: "Secret", metadata: { name: "db" }, stringData: { p: "hush" } }),
      "the manifest is Secret (v1), not a SealedSecret",
      "it is in clear: kseal seal -i FILE",
    ],
    [
      "an item that is no text",
      manifest({ p: 12 as unknown as string }),
      "spec.encryptedData.p is a number, not text",
      "put the value in quotes",
    ],
    [
      "two other objects",
      yamlOf({ kind: "ConfigMap" }) + yamlOf({ kind: "Deployment" }),
      "there is no SealedSecret in it",
      "a SealedSecret begins with: apiVersion: bitnami.com/v1alpha1, kind: SealedSecret",
    ],
    [
      "both kinds of data",
      yamlOf({
        apiVersion: "bitnami.com/v1alpha1",
        kind: "SealedSecret",
        metadata: { name: "db", namespace: "prod" },
        spec: { data: sealV1({}, old), encryptedData: { p: good } },
      }),
      "prod/db: cannot use the field 'encryptedData' and the deprecated field 'data' at the same time",
      "remove spec.data, or spec.encryptedData",
    ],
  ] as const)("%s", async ([, text, message, hint]) => {
    const bench = await workbench({ ...keyFiles, "a.yaml": text });

    expect(await failureOf(unseal(bench))).toMatchObject({ code: "SEALED_INVALID", message, hint });
  });
});

describe("S16: a template is somebody else's program", () => {
  test.for([
    ["loops", "{{ range $i := until 100000000 }}{{ end }}", /until|steps|more than/],
    [
      "recurses",
      '{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}',
      /exceeded maximum template depth \(1000\)/,
    ],
    ["prints a gigabyte", '{{ repeat 1000000000 "x" }}', /text of more than 4194304 characters/],
    [
      "doubles",
      `{{ $x := "x" }}${"{{ $x = print $x $x }}".repeat(40)}{{ $x }}`,
      /the text is longer than 4194304 characters/,
    ],
    [
      "nests loops",
      "{{ range until 1000 }}{{ range until 1000 }}{{ range until 1000 }}{{ end }}{{ end }}{{ end }}",
      /the templates take more than (5000000 steps|5 seconds)/,
    ],
    ["fails", '{{ fail "no" }}', /error calling fail: no/],
    ["does not parse", "{{ .a", /unclosed action/],
  ] as const)("one that %s ends in an error", async ([, template, message]) => {
    const sealed = manifest({ p: seal("hush", old) }, { template: { data: { t: template } } });
    const bench = await workbench({ ...keyFiles, "a.yaml": sealed });

    const failure = await failureOf(unseal(bench));

    expect(failure.code).toBe("SEALED_INVALID");
    expect(failure.message).toMatch(message);
    expect(failure.message).toMatch(/^prod\/db: template: t:.* \(t\)$/);
    expect(failure.message).not.toContain("hush");
  });
});

const kubeseal = peer("kubeseal");

test.skipIf(kubeseal === undefined)(
  "what kubeseal seals opens, and the Secret is the one that it recovers",
  async () => {
    const secret = yamlOf({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "db", namespace: "prod", labels: { app: "db" } },
      type: "kubernetes.io/basic-auth",
      stringData: { username: "admin", password: "correct" },
    });
    const bench = await workbench({ ...keyFiles, "cert.pem": newest.certificatePem, "secret.yaml": secret });
    const run = (input: string, ...args: string[]) =>
      spawnSync(kubeseal!, args, {
        cwd: bench.host.cwd,
        input,
        encoding: "utf8",
        env: { PATH: "", HOME: bench.host.homeDir },
      });
    await bench.write("a.yaml", run(secret, "--cert", "cert.pem", "-o", "yaml").stdout);

    const recovered = JSON.parse(
      run(await bench.read("a.yaml"), "--recovery-unseal", "--recovery-private-key", "keys.yaml").stdout,
    );
    delete recovered.metadata.ownerReferences;

    expect(JSON.parse(await opened(bench, { outputType: "json" }))).toEqual(recovered);
  },
);
