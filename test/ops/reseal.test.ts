import { describe, expect, test } from "vitest";
import { type KubeApi, KubeError, type ServiceAnswer } from "../../src/kube/api.ts";
import { type ResealOptions, resealFiles } from "../../src/ops/reseal.ts";
import { unsealFiles } from "../../src/ops/unseal.ts";
import { labelOf, openItems } from "../../src/sealed/open-items.ts";
import { scopeOf } from "../../src/sealed/scope.ts";
import { readSealedSecret, sealedSecretObject } from "../../src/sealed/sealed-secret.ts";
import { makeKey, manifest, seal, sealV1, type TestKey, yamlOf } from "../support/sealed-files.ts";
import { failureOf, type Workbench, workbench } from "./workbench.ts";

const [old, newest, foreign] = (await Promise.all([
  makeKey({ age: 60 }),
  makeKey({ age: 1 }),
  makeKey({ age: 10 }),
])) as [TestKey, TestKey, TestKey];
const keyFiles = { "keys.yaml": old.yaml + newest.yaml, "cert.pem": newest.certificatePem };
const toCaller = { to: "caller" } as const;

function reseal({ context }: Workbench, options: Partial<ResealOptions> = {}) {
  return resealFiles({ paths: ["a.yaml"], keys: ["keys.yaml"], cert: "cert.pem", ...options }, context);
}

async function opened({ context }: Workbench, path = "a.yaml", keys = ["new.yaml"]): Promise<string> {
  const { content } = await unsealFiles({ paths: [path], keys, destination: toCaller }, context);
  return new TextDecoder().decode(content);
}

/** The text with every sealed value replaced by a mark. */
const masked = (text: string) => text.replaceAll(/[A-Za-z0-9+/]{300,}={0,2}/g, "SEALED");

const bench = (files: Readonly<Record<string, string>>) =>
  workbench({ ...keyFiles, "new.yaml": newest.yaml, ...files });

describe("S2: nothing but ciphertext changes", () => {
  const head =
    "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: prod}\n";
  const a = seal("one", old);
  const b = seal("two", old);
  test.for([
    [
      "comments, blank lines and odd indentation",
      `# who: me\n${head}spec:\n      encryptedData:   # values\n\n            # the first\n            a: ${a}   # behind\n            b: "${b}"\n      template:\n         data:\n            c: |\n              x={{ .a }}\n         type: Opaque\n# end`,
    ],
    [
      "anchors and aliases around",
      `${head}spec:\n  encryptedData:\n    a: ${a}\n  template:\n    metadata:\n      labels: &l\n        app: db\n      annotations: *l\n`,
    ],
    [
      "several documents",
      `---\n# first\nkind: ConfigMap\ndata: { x: 1 }\n---\n${head}spec: { encryptedData: { a: ${a} } }\n...\n---\n# nothing\n---\n${head}spec:\n  encryptedData:\n    a: ${b}\n`,
    ],
    ["line breaks of Windows", `${head}spec:\n  encryptedData:\n    a: ${a}\n`.replaceAll("\n", "\r\n")],
    [
      "a list",
      `apiVersion: v1\nkind: List\nitems:\n- ${head.trim().replaceAll("\n", "\n  ")}\n  spec:\n    encryptedData:\n      a: ${a}\n`,
    ],
    [
      "JSON",
      `{"kind":"SealedSecret",  "apiVersion": "bitnami.com/v1alpha1",\n\t"metadata": {"namespace":"prod","name":"db"},\n "spec":{"encryptedData":{"a" : "${a}","b":"${b}"}, "template":{"data":{"c":"{{ .a }}\\u003c"}}}}\n`,
    ],
  ] as const)("with %s", async ([name, text]) => {
    const file = name === "JSON" ? "a.json" : "a.yaml";
    const here = await bench({ [file]: text });

    const [result] = await reseal(here, { paths: [file] });

    const after = await here.read(file);
    expect(result).toMatchObject({ file, changed: true });
    expect(masked(after)).toBe(masked(text));
    expect(after).not.toContain(a);
    expect(await opened(here, file)).toContain(name === "JSON" ? '"a": "b25l"' : "  a: b25l\n");
  });

  test("an anchored value that an alias repeats is sealed anew in both places", async () => {
    const here = await bench({ "a.yaml": `${head}spec:\n  encryptedData:\n    a: &v ${a}\n    b: *v\n` });

    await reseal(here);

    expect(await opened(here)).toContain("  a: b25l\n  b: b25l\n");
  });

  test("templates are not rendered into the values, and status and labels stay", async () => {
    const text = yamlOf({
      apiVersion: "bitnami.com/v1alpha1",
      kind: "SealedSecret",
      metadata: {
        name: "db",
        namespace: "prod",
        labels: { app: "db" },
        annotations: { "argocd.argoproj.io/sync-wave": "1" },
      },
      spec: {
        encryptedData: { a },
        template: { data: { a: "{{ .a }}!", line: "{{ .a }}" }, metadata: { labels: { x: "y" } } },
      },
      status: { observedGeneration: 3 },
    });
    const here = await bench({ "a.yaml": text });

    await reseal(here);

    expect(masked(await here.read("a.yaml"))).toBe(masked(text));
    expect(await opened(here)).toContain("  a: b25lIQ==\n  line: b25l\n");
  });
});

test("what is sealed for the certificate already keeps its ciphertext, unless forced", async () => {
  const current = seal("2", newest);
  const here = await bench({ "a.yaml": manifest({ a: seal("1", old), b: current }) });

  const [result] = await reseal(here);

  expect(result?.objects[0]?.items).toEqual([
    {
      item: "a",
      fingerprint: old.key.fingerprint,
      key: "kube-system/sealed-secrets-key60",
      old: true,
      resealed: true,
    },
    {
      item: "b",
      fingerprint: newest.key.fingerprint,
      key: "kube-system/sealed-secrets-key1",
      old: false,
      resealed: false,
    },
  ]);
  const after = await here.read("a.yaml");
  expect(after).toContain(current);
  expect(await reseal(here)).toMatchObject([{ changed: false }]);
  expect(await here.read("a.yaml")).toBe(after);
  await reseal(here, { force: true });
  expect(await here.read("a.yaml")).not.toContain(current);
});

test("without a certificate the newest key at hand is sealed for, which is said", async () => {
  const here = await bench({ "a.yaml": manifest({ a: seal("1", old) }) });

  await reseal(here, { cert: undefined });

  expect(here.log).toEqual(["note: sealing for the newest key at hand, kube-system/sealed-secrets-key1"]);
  expect(await opened(here)).toContain("  a: MQ==\n");
});

test("the rule for a path names the certificate", async () => {
  const here = await bench({
    ".sops.yaml":
      "kseal:\n  clusters:\n    - {name: prod, certificate: cert.pem}\n  sealing:\n    - {path_regex: ^prod/, cluster: prod}\n",
    "prod/a.yaml": manifest({ a: seal("1", old) }),
  });

  await reseal(here, { paths: ["prod"], cert: undefined });

  expect(here.log).toEqual([]);
  expect(await opened(here, "prod/a.yaml")).toContain("  a: MQ==\n");
});

test("a dry run says what is on an old key, and changes nothing", async () => {
  const text = manifest({ a: seal("1", old) });
  const here = await bench({ "a.yaml": text });

  expect(await reseal(here, { dryRun: true })).toMatchObject([
    { changed: true, objects: [{ items: [{ old: true }] }] },
  ]);
  expect(await here.read("a.yaml")).toBe(text);
});

test("an object of before version 0.7 is written as encryptedData", async () => {
  const inner = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: "db",
      labels: { app: "db" },
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": '{"data":{"user":"hush"}}' },
    },
    type: "Opaque",
    data: { user: "YWRtaW4=" },
  };
  const here = await bench({
    "a.yaml": `# mine\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db   # the name\n  namespace: prod\nspec:\n  data: ${sealV1(inner, old)}\n`,
  });

  expect(await reseal(here)).toMatchObject([
    { objects: [{ upgraded: true, items: [{ item: "user", old: true }] }] },
  ]);
  expect(masked(await here.read("a.yaml"))).toBe(
    [
      "# mine",
      "apiVersion: bitnami.com/v1alpha1",
      "kind: SealedSecret",
      "metadata:",
      "  name: db   # the name",
      "  namespace: prod",
      "spec:",
      "  encryptedData:",
      "    user: SEALED",
      "  template:",
      "    metadata:",
      "      name: db",
      "      namespace: prod",
      "      labels:",
      "        app: db",
      "    type: Opaque",
      "",
    ].join("\n"),
  );
  expect(await opened(here)).toContain("  user: YWRtaW4=\n");
});

describe("S2: the scope never gets wider", () => {
  const wide = (scope: string) => ({ [`sealedsecrets.bitnami.com/${scope}`]: "true" });
  const text = (scope: "namespace-wide" | "cluster-wide") =>
    manifest(
      { a: seal("1", old, { scope }) },
      {
        annotations: { ...wide(scope), note: "x" },
        template: { metadata: { annotations: wide(scope), labels: { app: "db" } } },
      },
    );

  test("each value keeps the scope that it opened with", async () => {
    const here = await bench({ "a.yaml": text("cluster-wide") });

    await reseal(here);

    expect(masked(await here.read("a.yaml"))).toBe(masked(text("cluster-wide")));
    expect(await opened(here)).toContain("  a: MQ==\n");
  });

  test("an annotation that claims a wider scope opens nothing", async () => {
    const changed = manifest({ a: seal("1", old) }, { annotations: wide("cluster-wide") });
    const here = await bench({ "a.yaml": changed });

    expect(await failureOf(reseal(here))).toMatchObject({
      code: "SEALED_NO_KEY",
      message: "prod/db: no key could decrypt secret (a)",
    });
    expect(await here.read("a.yaml")).toBe(changed);
  });

  test("--scope makes it narrower, with the annotations", async () => {
    const here = await bench({ "a.yaml": text("cluster-wide") });

    await reseal(here, { scope: "namespace-wide" });
    const between = await here.read("a.yaml");
    await reseal(here, { scope: "strict" });

    expect(between).toContain('sealedsecrets.bitnami.com/namespace-wide: "true"');
    expect(between).not.toContain("cluster-wide");
    const after = await here.read("a.yaml");
    expect(after).not.toContain("-wide");
    expect(after).toContain("    note: x\n");
    expect(after).toContain("        app: db\n");
    expect(await opened(here)).toContain("  a: MQ==\n");
  });

  test("--scope does not make it wider", async () => {
    const here = await bench({ "a.yaml": text("namespace-wide") });

    expect(await failureOf(reseal(here, { scope: "cluster-wide" }))).toMatchObject({
      code: "USAGE",
      message: "prod/db: it is sealed with the scope namespace-wide, which cluster-wide would widen",
      hint: "a wider scope is for who has the Secret: kseal seal --scope",
    });
  });
});

test("S10: of a folder nothing is replaced when one value does not open", async () => {
  const good = manifest({ a: seal("1", old) });
  const bad = manifest({ a: seal("1", foreign) });
  const here = await bench({ "in/a.yaml": good, "in/b.yaml": bad, "in/c/d.yaml": good });

  expect(await failureOf(reseal(here, { paths: ["in"] }))).toMatchObject({
    code: "SEALED_NO_KEY",
    where: { file: "in/b.yaml", line: 2 },
  });
  expect(await here.read("in/a.yaml")).toBe(good);
  expect(await here.read("in/c/d.yaml")).toBe(good);
});

test("without keys and without a cluster it is said what is missing", async () => {
  const here = await bench({ "a.yaml": manifest({ a: seal("1", old) }) });

  expect(await failureOf(reseal(here, { keys: [] }))).toMatchObject({
    code: "USAGE",
    message: "nothing is named that opens the values",
  });
});

describe("through the cluster", () => {
  /** As the original controller answers: templates rendered into the values, labels and kind lost. */
  function controller(change: Readonly<Record<string, string>> = {}) {
    const asked: unknown[] = [];
    const api: Partial<KubeApi> = {
      server: "https://cluster",
      context: "prod",
      namespace: "prod",
      get: async () => ({ spec: { ports: [{ name: "http" }] } }),
      async proxyService(_service, { body }): Promise<ServiceAnswer> {
        const object: unknown = JSON.parse(new TextDecoder().decode(body));
        asked.push(object);
        const sealed = readSealedSecret(object);
        const scope = scopeOf(sealed.template.metadata.annotations);
        const { values } = openItems(sealed, { keys: [old.key] });
        const items = Object.fromEntries(
          [...values].map(([item, value]) => [item, seal(value, newest, { scope })]),
        );
        for (const item of sealed.template.data.keys()) items[item] = seal("rendered", newest, { scope });
        Object.assign(items, change);
        const { kind, apiVersion, ...answer } = sealedSecretObject({
          ...sealed,
          encryptedData: new Map(Object.entries(items)),
        });
        return {
          status: 200,
          headers: {},
          body: new TextEncoder().encode(JSON.stringify(answer)),
        } as ServiceAnswer;
      },
    };
    return { api: api as KubeApi, asked };
  }

  async function throughCluster(text: string, change?: Readonly<Record<string, string>>) {
    const here = await bench({ "a.yaml": text });
    const { api, asked } = controller(change);
    const context = { ...here.context, kube: async () => api };
    const run = (more: Partial<ResealOptions> = {}) =>
      resealFiles(
        { paths: ["a.yaml"], keys: [], cluster: { options: { context: "prod" } }, ...more },
        context,
      );
    return { here, asked, run };
  }

  const text = manifest(
    { a: seal("1", old, { scope: "cluster-wide" }) },
    {
      annotations: { "sealedsecrets.bitnami.com/cluster-wide": "true", note: "x" },
      template: { data: { a: "{{ .a }}!", b: "{{ .a }}" }, metadata: { labels: { app: "db" } } },
    },
  );

  test("S2: only the values go there, and only the values come back", async () => {
    const { here, asked, run } = await throughCluster(text);

    expect(await run()).toMatchObject([
      { changed: true, objects: [{ items: [{ item: "a", resealed: true }] }] },
    ]);

    expect(JSON.stringify(asked)).not.toMatch(/app|note|\{\{/);
    expect(masked(await here.read("a.yaml"))).toBe(masked(text));
    expect(await opened(here)).toContain("  a: MSE=\n  b: MQ==\n");
  });

  test.for([
    ["more items", { b: seal("x", newest) }, "it has other items"],
    ["a longer value", { a: seal("12", newest) }, 'the value of "a" has another length'],
    ["no base64", { a: "!" }, 'the value of "a" has another length'],
  ] as const)("an answer with %s is refused", async ([, change, why]) => {
    const { here, run } = await throughCluster(text, change);

    expect(await failureOf(run())).toMatchObject({
      code: "SEALED_INVALID",
      message: `prod/db: the answer of the controller does not fit: ${why}`,
      where: { file: "a.yaml", line: 2 },
    });
    expect(await here.read("a.yaml")).toBe(text);
  });

  test("a scope does not change there, and nothing can be foretold", async () => {
    const { run } = await throughCluster(text);

    expect(await failureOf(run({ scope: "strict" }))).toMatchObject({ code: "USAGE" });
    expect(await failureOf(run({ dryRun: true }))).toMatchObject({ code: "USAGE" });
  });

  test("what the cluster refuses is said with the object", async () => {
    const here = await bench({ "a.yaml": text });
    const { api } = controller();
    const failing: KubeApi = {
      ...api,
      proxyService: async () => {
        throw new KubeError("CLUSTER_FORBIDDEN", "no", { status: 403 });
      },
    };
    const context = { ...here.context, kube: async () => failing };
    const run = resealFiles({ paths: ["a.yaml"], keys: [], cluster: { options: {} } }, context);

    expect(await failureOf(run)).toMatchObject({ code: "CLUSTER_FORBIDDEN", message: "prod/db: no" });
    expect(
      labelOf(
        readSealedSecret({
          apiVersion: "bitnami.com/v1alpha1",
          kind: "SealedSecret",
          metadata: { name: "x" },
        }),
      ),
    ).toBe("/x");
  });
});
