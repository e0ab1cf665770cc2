import { describe, expect, test } from "vitest";
import type { OpContext } from "../../src/ops/context.ts";
import { type SealFilesOptions, sealFiles } from "../../src/ops/seal.ts";
import { openItems } from "../../src/sealed/open-items.ts";
import { isSyncName } from "../../src/sealed/seal-secret.ts";
import { readSealedSecret } from "../../src/sealed/sealed-secret.ts";
import { sealedVector, type VectorKey, vectorSealingKey } from "../support/sealed.ts";
import { failureOf, inPlace, toCaller, type Workbench, workbench } from "./workbench.ts";

const pem = sealedVector("rsa2048.crt.pem");
const keys = sealedVector("rsa2048.key.pem") + pem;
const secretOf = (name: string, more = ""): string =>
  `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${name}\n  namespace: shop\n${more}stringData:\n  password: hunter2\n`;
const db = secretOf("db");
const config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n";

function bench(
  files: Readonly<Record<string, string>>,
  options?: Parameters<typeof workbench>[1],
): Promise<Workbench> {
  return workbench({ "cluster.pem": pem, ...files }, options);
}

const seal = (paths: readonly string[], context: OpContext, options: Partial<SealFilesOptions> = {}) =>
  sealFiles({ cert: "cluster.pem", destination: toCaller, paths, ...options }, context);

/** What the SealedSecrets of a JSON text hold, and as what. */
function opened(json: string, key: VectorKey = "rsa2048") {
  return JSON.parse(`[${json.trim().replaceAll("\n}\n{", "\n},{")}]`).map((object: unknown) => {
    const sealed = readSealedSecret(object);
    const { values } = openItems(sealed, { keys: [vectorSealingKey(key)] });
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return {
      ...sealed,
      values: Object.fromEntries([...values].map(([item, bytes]) => [item, text(bytes)])),
    };
  });
}

async function sealedJson(
  text: string,
  options: Partial<SealFilesOptions> = {},
  files: Record<string, string> = {},
) {
  const { context, log } = await bench({ "secret.yaml": text, ...files });
  const [file] = await seal(["secret.yaml"], context, { outputType: "json", ...options });
  const [object] = opened(new TextDecoder().decode(file!.content));
  return { file: file!, object, log };
}

describe("sealing", () => {
  test("makes a SealedSecret of a Secret, in place", async () => {
    const { context, read } = await bench({
      "secret.yaml": `# hunter2 was the old one\n${db}type: Opaque\n`,
    });
    const [file] = await seal(["secret.yaml"], context, { destination: inPlace });

    expect(file).toMatchObject({
      file: "secret.yaml",
      writtenTo: "secret.yaml",
      objects: [{ name: "db", namespace: "shop", scope: "strict", values: 1, kept: 0, stripped: [] }],
      certificate: { origin: "cluster.pem" },
    });
    expect((await read("secret.yaml")).replace(/AQ\S+/, "AQ")).toBe(
      "---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db\n  namespace: shop\n" +
        "spec:\n  encryptedData:\n    password: AQ\n  template:\n    metadata:\n      name: db\n" +
        "      namespace: shop\n    type: Opaque\n",
    );
  });

  test("keeps the order of documents and of the items of lists", async () => {
    const list = { apiVersion: "v1", kind: "List", items: ["b", "c"].map((name) => ({ ...json(name) })) };
    const text = `${secretOf("a")}---\n${JSON.stringify(list)}\n---\n# nothing\n---\n${secretOf("d")}`;
    const { context } = await bench({ "secret.yaml": text });
    const [file] = await seal(["secret.yaml"], context, { outputType: "json" });
    const objects = opened(new TextDecoder().decode(file!.content));

    expect(objects.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual([
      "a",
      "b",
      "c",
      "d",
    ]);
    for (const { values } of objects) expect(values).toEqual({ password: "hunter2" });
  });

  test.for<[string, Partial<SealFilesOptions>, string]>([
    ["JSON stays JSON", {}, "{"],
    ["the flag decides", { outputType: "yaml" }, "---"],
    ["the name of the output decides", { destination: { to: "file", path: "out.yml" } }, "---"],
  ])("%s", async ([, options, start]) => {
    const { context } = await bench({ secret: JSON.stringify(json("a")) });
    const [file] = await seal(["secret"], context, options);

    expect(new TextDecoder().decode(file!.content).startsWith(start)).toBe(true);
  });

  test("of several files to one stream prints one format", async () => {
    const { context } = await bench({ "a.json": JSON.stringify(json("a")), "b.yaml": secretOf("b") });
    const files = await seal(["a.json", "b.yaml"], context);

    for (const { content } of files) expect(new TextDecoder().decode(content)).toMatch(/^---\n/);
  });

  test("of a folder takes the Secrets in clear in it, and nothing else", async () => {
    const { context, read } = await bench({
      "k/a.yaml": secretOf("a"),
      "k/deep/b.json": JSON.stringify(json("b")),
      "k/deep/c.json": JSON.stringify({ metadata: {}, type: "Opaque", ...json("c") }),
      "k/deep/d.yaml":
        "{apiVersion: v1, kind: Secret, metadata: {name: d, namespace: shop}, data: {a: YQ==}}\n",
      "k/web.yaml": config,
      "k/sealed.yaml": "kind: SealedSecret\n",
      "k/ref.yaml": "kind: Deployment\nspec: {ref: {kind: SecretStore}}\n",
      "k/sops.yaml": `${db}sops:\n  lastmodified: x\n`,
    });
    const files = await seal(["k"], context, { destination: inPlace });

    expect(files.map(({ file }) => file)).toEqual([
      "k/a.yaml",
      "k/deep/b.json",
      "k/deep/c.json",
      "k/deep/d.yaml",
    ]);
    expect(await read("k/web.yaml")).toBe(config);
    expect((await failureOf(seal(["k"], context))).message).toBe("no Secret in this folder");
  });

  test("refuses the certificate's own key, which would be lost", async () => {
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const keyOf = (name: VectorKey) => {
      const [key, crt] = [sealedVector(`${name}.key.pem`), sealedVector(`${name}.crt.pem`)];
      const data = { "tls.key": base64(key), "tls.crt": base64(crt) };
      return JSON.stringify({ ...json("key"), stringData: undefined, data, type: "kubernetes.io/tls" });
    };
    const { context, read } = await bench({ "own.json": keyOf("rsa2048"), "other.json": keyOf("rsa4096") });

    expect(await failureOf(seal(["own.json"], context, { destination: inPlace }))).toMatchObject({
      code: "SEALED_INVALID",
      message: "the Secret is the key of this very certificate, and nothing else would open it",
      hint: "keep it out of the folder, or encrypt it for people: kseal encrypt -i FILE",
      where: { file: "own.json" },
    });
    expect(await read("own.json")).toBe(keyOf("rsa2048"));
    // Of another cluster, it is a Secret as any other.
    expect(await seal(["other.json"], context)).toHaveLength(1);
  });

  test("goes by the rule of the place that is written to, and without one by that of the file", async () => {
    const config = `kseal:
  clusters: [{name: a, certificate: cluster.pem}, {name: b, certificate: other.pem}]
  sealing: [{path_regex: ^plain/, cluster: a}, {path_regex: ^b/, cluster: b}]
`;
    const files = { ".sops.yaml": config, "other.pem": sealedVector("rsa4096.crt.pem"), "plain/db.yaml": db };
    const { context } = await bench({ ...files, "b/.keep": "" });
    const cluster = async (destination: SealFilesOptions["destination"]) => {
      const [file] = await sealFiles({ paths: ["plain/db.yaml"], destination, dryRun: true }, context);
      return file?.certificate.cluster;
    };
    expect(await cluster(toCaller)).toBe("a");
    expect(await cluster({ to: "file", path: "b/sealed.yaml" })).toBe("b");
    expect(await cluster({ to: "folder", path: "b" })).toBe("b");
    expect(await cluster({ to: "file", path: "elsewhere.yaml" })).toBe("a");
  });

  test("of many files reads the certificate once", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`k/${n}.yaml`, secretOf(`s${n}`)]),
    );
    const { context } = await bench(files);
    const reads: string[] = [];
    const host = new Proxy(context.host, {
      get: (target, name, receiver) =>
        name === "readFile"
          ? (path: string) => {
              reads.push(path);
              return target.readFile(path);
            }
          : Reflect.get(target, name, receiver),
    });
    const sealed = await seal(["k"], { ...context, host }, { destination: { to: "folder", path: "out" } });

    expect(sealed).toHaveLength(60);
    expect(reads.filter((path) => path.endsWith("cluster.pem"))).toHaveLength(1);
  });

  test("reads plain keys and values as Kubernetes does, and says so", async () => {
    const text = db.replace("password: hunter2", 'y: "no"');
    const { object, log } = await sealedJson(text);

    expect(object.values).toEqual({ true: "no" });
    expect(log).toEqual(["warning: secret.yaml:7: Kubernetes reads the key y as true; put it in quotes"]);
  });
});

describe("what is no Secret is refused, and no file is touched", () => {
  const refused = "SEALED_INVALID";
  test.for<[string, string, string, number | undefined]>([
    ["S11: a ConfigMap", config, "the manifest is ConfigMap (v1), not a Secret", 1],
    [
      "S11: a ConfigMap behind a Secret",
      `${db}---\n${config}`,
      "document 2: the manifest is ConfigMap (v1), not a Secret",
      9,
    ],
    [
      "S11: a SealedSecret",
      "kind: SealedSecret\napiVersion: bitnami.com/v1alpha1\n",
      "the manifest is SealedSecret (bitnami.com/v1alpha1), not a Secret",
      1,
    ],
    [
      "S11: a list with something else",
      "kind: List\nitems:\n- kind: Secret\n  apiVersion: v1\n- kind: Pod\n",
      "item 2: the manifest is Pod (), not a Secret",
      1,
    ],
    ["S11: an object without kind", "a: b\n", "the manifest is an object without kind, not a Secret", 1],
    ["nothing", "---\n---\n", "there is no Secret in it", undefined],
    ["an empty list", "kind: List\nitems: []\n", "there is no Secret in it", undefined],
    ["a number for a text", db.replace("hunter2", "4711"), "stringData.password is a number, not text", 1],
    ["a truth for a text", db.replace("hunter2", "yes"), "stringData.password is true or false, not text", 1],
    [
      "broken base64",
      db.replace("stringData", "data").replace("hunter2", "aHVudGVyMg"),
      "data.password: illegal base64 data at input byte 8",
      1,
    ],
    ["no values", db.replace(/stringData.*/s, ""), "the Secret shop/db has no values", 1],
    ["no name", db.replace("name: db", "labels: {}"), "metadata.name is missing in the Secret", 1],
    ["no namespace", db.replace("  namespace: shop\n", ""), "the Secret db has no namespace", 1],
  ])("%s", async ([, text, message, line]) => {
    const files = { "a.yaml": db, "bad.yaml": text };
    const { context, read } = await bench(files);
    const failure = await failureOf(seal(["a.yaml", "bad.yaml"], context, { destination: inPlace }));

    expect(failure).toMatchObject({ code: refused, message });
    expect(failure.where).toEqual({ file: "bad.yaml", ...(line === undefined ? {} : { line }) });
    expect(failure.hint).toBeTruthy();
    expect(`${failure.message} ${failure.hint}`).not.toMatch(/hunter2|4711|aHVudGVyMg/);
    for (const [path, content] of Object.entries(files)) expect(await read(path)).toBe(content);
  });

  test.for<[string, string, string, string]>([
    [
      "S10: broken YAML among good documents",
      `${db}---\na: b\n c: d\n---\n${db}`,
      "FORMAT_INVALID",
      "not valid YAML",
    ],
    [
      "a key that stands twice",
      `${db}  password: other\n`,
      "FORMAT_INVALID",
      "a key stands twice in its mapping",
    ],
    ["conflict markers", `<<<<<<< HEAD\n${db}=======\n>>>>>>> other\n`, "FORMAT_INVALID", "not valid YAML"],
    ["nothing at all", "", "EMPTY_INPUT", "the file is empty"],
  ])("%s", async ([, text, code, message]) => {
    const { context, read } = await bench({ "bad.yaml": text });
    const failure = await failureOf(seal(["bad.yaml"], context, { destination: inPlace }));

    expect(failure.code).toBe(code);
    expect(failure.message.startsWith(message)).toBe(true);
    expect(failure.where?.file).toBe("bad.yaml");
    expect(await read("bad.yaml")).toBe(text);
  });

  test("a file that SOPS encrypted is to be opened first", async () => {
    const { recipients } = await import("../support/identities.ts");
    const { encryptFiles } = await import("../../src/ops/encrypt.ts");
    const { context } = await bench({ "s.yaml": db });
    await encryptFiles({ paths: ["s.yaml"], destination: inPlace, keys: { age: [recipients[0]!] } }, context);

    expect(await failureOf(seal(["s.yaml"], context))).toMatchObject({
      code: "ALREADY_ENCRYPTED",
      message: "the file is encrypted with SOPS",
      hint: "open it first: kseal decrypt s.yaml",
    });
  });

  test("all files that fail are named at once", async () => {
    const { context } = await bench({ "a.yaml": config, "b.yaml": db, "c.yaml": "a: [" });
    const failure = await failureOf(seal(["a.yaml", "b.yaml", "c.yaml"], context));

    expect(failure.message).toMatch(/^2 of 3 files failed:\n {2}a\.yaml:1: .*\n {2}c\.yaml:1: /);
  });
});

describe("the place of a Secret", () => {
  const homeless = db.replace("  namespace: shop\n", "");

  test("--namespace is for Secrets that name none", async () => {
    expect((await sealedJson(homeless, { namespace: "prod" })).object).toMatchObject({
      metadata: { namespace: "prod" },
      template: { metadata: { namespace: "prod" } },
      values: { password: "hunter2" },
    });
    expect((await sealedJson(db, { namespace: "shop" })).object.metadata.namespace).toBe("shop");
  });

  test("a Secret in another namespace is refused", async () => {
    const { context } = await bench({ "secret.yaml": db });

    expect(await failureOf(seal(["secret.yaml"], context, { namespace: "prod" }))).toMatchObject({
      code: "SEALED_INVALID",
      message: "the Secret shop/db is in the namespace shop, not prod",
      hint: "leave out --namespace, or change metadata.namespace",
      where: { file: "secret.yaml", line: 1 },
    });
  });

  test("--name takes the place of the name, also for the label", async () => {
    expect((await sealedJson(db, { name: "web" })).object).toMatchObject({
      metadata: { name: "web" },
      template: { metadata: { name: "web" } },
      values: { password: "hunter2" },
    });
  });

  test("cluster-wide needs no namespace", async () => {
    const { object } = await sealedJson(homeless, { scope: "cluster-wide" });

    expect(object.metadata.namespace).toBe("");
    expect(object.values).toEqual({ password: "hunter2" });
  });

  const annotated = (scope: string) =>
    db.replace("  namespace", `  annotations: {sealedsecrets.bitnami.com/${scope}: "true"}\n  namespace`);
  const rules = (scope: string) => ({
    ".sops.yaml": `kseal:\n  clusters:\n  - name: prod\n    certificate: cluster.pem\n  sealing:\n  - cluster: prod\n    scope: ${scope}\n`,
  });
  test.for<[string, string, Partial<SealFilesOptions>, Record<string, string>, string]>([
    ["nothing: strict", db, {}, {}, "strict"],
    ["the annotation of the Secret", annotated("namespace-wide"), {}, {}, "namespace-wide"],
    ["the flag, also to make it narrower", annotated("cluster-wide"), { scope: "strict" }, {}, "strict"],
    ["the rule for its path", db, { cert: undefined }, rules("namespace-wide"), "namespace-wide"],
    [
      "the annotation within what the rule allows",
      annotated("namespace-wide"),
      { cert: undefined },
      rules("cluster-wide"),
      "namespace-wide",
    ],
    ["the flag over the rule", db, { scope: "cluster-wide" }, rules("strict"), "cluster-wide"],
  ])("its scope is that of %s", async ([, text, options, files, scope]) => {
    const { file, object } = await sealedJson(text, options, files);

    expect(file.objects[0]!.scope).toBe(scope);
    expect(object.values).toEqual({ password: "hunter2" });
  });

  test("a Secret does not widen the scope of the rule", async () => {
    const { context } = await bench({ "secret.yaml": annotated("cluster-wide"), ...rules("strict") });

    expect(await failureOf(seal(["secret.yaml"], context, { cert: undefined }))).toMatchObject({
      code: "SEALED_INVALID",
      message: "the Secret shop/db asks for the scope cluster-wide, and the rule for its path says strict",
      hint: "remove its annotation, or say that it is meant: --scope cluster-wide",
    });
  });

  test("an empty Secret is sealed when that is meant", async () => {
    const { object } = await sealedJson(db.replace(/stringData.*/s, ""), { allowEmpty: true });

    expect(object.values).toEqual({});
  });
});

describe("metadata", () => {
  const text = secretOf(
    "db",
    [
      "  labels: {app: shop, argocd.argoproj.io/instance: shop, kustomize.toolkit.fluxcd.io/prune: disabled}",
      "  annotations:",
      "    argocd.argoproj.io/sync-wave: '2'",
      "    note: hello",
      `    kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"password":"hunter2"}}'`,
      "  managedFields: [{manager: kubectl}]",
      "  uid: 1-2-3\n",
    ].join("\n"),
  );

  test("S24: what holds values in clear or comes from a cluster is left out, and said", async () => {
    const { file, object } = await sealedJson(text);

    expect(file.objects[0]!.stripped).toEqual([
      'metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]',
      "metadata.managedFields",
      "metadata.uid",
    ]);
    expect(JSON.stringify([...object.template.metadata.annotations])).not.toContain("hunter2");
    expect(object.metadata.annotations.size + object.metadata.labels.size).toBe(0);
  });

  test("S24: what steers Argo CD and Flux goes to the SealedSecret when asked", async () => {
    const { object } = await sealedJson(text, { keepSync: true });

    expect([...object.metadata.annotations]).toEqual([["argocd.argoproj.io/sync-wave", "2"]]);
    expect([...object.metadata.labels]).toEqual([["kustomize.toolkit.fluxcd.io/prune", "disabled"]]);
    expect([...object.template.metadata.labels.keys()]).toHaveLength(3);
    expect(isSyncName("argocd.argoproj.io/instance")).toBe(false);
  });
});

describe("values that did not change", () => {
  const out = { to: "file", path: "out.yaml" } as const;
  const two = `${db}  user: root\n`;
  const ciphertexts = async ({ read }: Workbench) =>
    Object.fromEntries(
      [...(await read("out.yaml")).matchAll(/^ {4}(\w+): (AQ\S+)$/gm)].map(([, item, text]) => [item, text]),
    );

  async function sealTwice(options: Partial<SealFilesOptions>, files: Record<string, string> = {}) {
    const desk = await bench({ "secret.yaml": two, "keys.pem": keys, ...files });
    await seal(["secret.yaml"], desk.context, { destination: out });
    const before = await ciphertexts(desk);
    await desk.write("secret.yaml", two.replace("root", "admin"));
    const [file] = await seal(["secret.yaml"], desk.context, { destination: out, ...options });
    return { before, after: await ciphertexts(desk), kept: file!.objects[0]!.kept };
  }

  test("keep their ciphertext when keys are at hand", async () => {
    const { before, after, kept } = await sealTwice({ keys: ["keys.pem"] });

    expect(kept).toBe(1);
    expect(after["password"]).toBe(before["password"]);
    expect(after["user"]).not.toBe(before["user"]);
  });

  test.for<[string, Partial<SealFilesOptions>, Record<string, string>]>([
    ["without keys", {}, {}],
    [
      "when the keys are not those of the certificate's cluster",
      { keys: ["keys.pem", "other.pem"], cert: "other.crt.pem" },
      {},
    ],
    ["in another scope", { keys: ["keys.pem"], scope: "cluster-wide" }, {}],
    ["in another place", { keys: ["keys.pem"], name: "web" }, {}],
  ])("are sealed anew %s", async ([, options]) => {
    const other = sealedVector("rsa4096.crt.pem");
    const files = { "other.crt.pem": other, "other.pem": sealedVector("rsa4096.key.pem") + other };
    const { before, after, kept } = await sealTwice(options, files);

    expect(kept).toBe(0);
    expect(after["password"]).not.toBe(before["password"]);
  });
});

describe("a certificate that does not fit", () => {
  const ec = "-----BEGIN CERTIFICATE-----\nMIIBdjCCAR2gAwIBAgIUQhXl4Q==\n-----END CERTIFICATE-----\n";
  test.for<[string, number | undefined, string | undefined, string]>([
    ["expired", Date.UTC(2099, 0), undefined, "the certificate expired on 20"],
    ["not yet valid", Date.UTC(2001, 0), undefined, "the certificate is not valid before 20"],
    ["broken", undefined, ec, "the certificate cannot be read"],
    ["missing", undefined, "no PEM\n", "failed to read any certificates"],
  ])("%s: nothing is sealed", async ([, now, text, message]) => {
    const files = { "secret.yaml": db, ...(text === undefined ? {} : { "cluster.pem": text }) };
    const { context, read } = await bench(files);
    const host = new Proxy(context.host, {
      get: (target, name, receiver) =>
        name === "now" && now !== undefined ? () => now : Reflect.get(target, name, receiver),
    });
    const failure = await failureOf(seal(["secret.yaml"], { ...context, host }, { destination: inPlace }));

    expect(failure.code).toBe("CERTIFICATE_INVALID");
    expect(failure.message).toContain(message);
    expect(await read("secret.yaml")).toBe(db);
  });
});

function json(name: string): Record<string, unknown> {
  const metadata = { name, namespace: "shop" };
  return { kind: "Secret", apiVersion: "v1", metadata, data: { password: btoa("hunter2") } };
}
