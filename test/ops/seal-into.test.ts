import { describe, expect, test } from "vitest";
import { readManifest } from "../../src/formats/manifest.ts";
import type { OpContext } from "../../src/ops/context.ts";
import { sealFiles } from "../../src/ops/seal.ts";
import { type SealIntoOptions, sealInto } from "../../src/ops/seal-into.ts";
import { openItems } from "../../src/sealed/open-items.ts";
import { readSealedSecret } from "../../src/sealed/sealed-secret.ts";
import { expandList } from "../../src/sealed/secret.ts";
import { sealedVector, vectorSealingKey } from "../support/sealed.ts";
import { failureOf, type Workbench, workbench } from "./workbench.ts";

const pem = sealedVector("rsa2048.crt.pem");
const secretText = (metadata: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {${metadata}}\nstringData: {password: hunter2, user: root}\n`;

/** A workbench with a SealedSecret that people have worked on: comments, odd indentation, other documents. */
async function desk(
  metadata = "name: db, namespace: shop",
  change = (text: string): string => text,
): Promise<Workbench & { readonly before: string }> {
  const bench = await workbench({ "cluster.pem": pem, "secret.yaml": secretText(metadata) });
  const options = { paths: ["secret.yaml"], cert: "cluster.pem", namespace: "shop" } as const;
  const named = metadata.includes("namespace:") ? options : { ...options, namespace: undefined };
  const [file] = await sealFiles({ ...named, destination: { to: "caller" } }, bench.context);
  const sealed = new TextDecoder().decode(file!.content);
  const before = change(
    `# our database\n${sealed.replace("    password:", "    # rotated in May\n    password:").replace("kind:", "kind:   ")}---\nkind: ConfigMap   # stays\ndata: {a: b}\n`,
  );
  await bench.write("sealed.yaml", before);
  return { ...bench, before };
}

const into = (
  context: OpContext,
  source: SealIntoOptions["source"],
  options: Partial<SealIntoOptions> = {},
) => sealInto({ target: "sealed.yaml", cert: "cluster.pem", source, ...options }, context);
const item = (name: string, value: string) => ({
  item: name,
  value: { bytes: new TextEncoder().encode(value) },
});

/** What the SealedSecrets of a file hold; `namespace` where they name none. */
async function values({ host }: Workbench, namespace = ""): Promise<Record<string, string>[]> {
  const { documents } = await readManifest(await host.readFile("sealed.yaml"), { file: "sealed.yaml" });
  return documents
    .flatMap(({ object }) => (object === undefined ? [] : expandList(object)))
    .filter((object) => object["kind"] === "SealedSecret")
    .map((object) => {
      const sealed = readSealedSecret(object);
      const metadata = { ...sealed.metadata, namespace: sealed.metadata.namespace || namespace };
      const opened = openItems({ ...sealed, metadata }, { keys: [vectorSealingKey("rsa2048")] });
      expect(opened.failures).toEqual([]);
      return Object.fromEntries(
        [...opened.values].map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]),
      );
    });
}

describe("a value that goes into a SealedSecret", () => {
  test("S12: is added, and no other byte of the file changes", async () => {
    const bench = await desk();
    const result = await into(bench.context, item("token", "s3cret\n"));
    const after = await bench.read("sealed.yaml");

    expect(result).toMatchObject({
      file: "sealed.yaml",
      writtenTo: "sealed.yaml",
      objects: [
        { name: "db", namespace: "shop", scope: "strict", added: ["token"], replaced: [], unchanged: [] },
      ],
    });
    expect(await values(bench)).toEqual([{ password: "hunter2", token: "s3cret\n", user: "root" }]);
    expect(after.replace(/^ {4}token: .*\n/m, "")).toBe(bench.before);
    expect(after).toMatch(/password: .*\n {4}token: .*\n {4}user: /);
  });

  test("S12: is replaced, and no other byte of the file changes", async () => {
    const bench = await desk();
    const result = await into(bench.context, item("password", "new"));

    expect(result.objects).toMatchObject([{ added: [], replaced: ["password"] }]);
    expect(await values(bench)).toEqual([{ password: "new", user: "root" }]);
    const other = (text: string) => text.replace(/password: .*/, "");
    expect(other(await bench.read("sealed.yaml"))).toBe(other(bench.before));
  });

  test.for<[string, string]>([
    ["CRLF", "\r\n"],
    ["LF", "\n"],
  ])("S12: keeps line breaks of the kind %s", async ([, newline]) => {
    const bench = await desk(undefined, (text) => text.replaceAll("\n", newline));
    await into(bench.context, item("token", "x"));
    const after = await bench.read("sealed.yaml");

    expect(after.replace(/^ {4}token: .*\r?\n/m, "")).toBe(bench.before);
    expect(/(?<!\r)\n/.test(after)).toBe(newline === "\n");
  });

  test.for(["cluster-wide", "namespace-wide"])(
    "S12: has the scope of the SealedSecret, %s",
    async (scope) => {
      const bench = await desk(
        `name: db, namespace: shop, annotations: {sealedsecrets.bitnami.com/${scope}: "true"}`,
      );
      const { objects } = await into(bench.context, item("token", "x"));

      expect(objects).toMatchObject([{ scope }]);
      expect(await values(bench)).toEqual([{ password: "hunter2", token: "x", user: "root" }]);
    },
  );

  test("S12: goes into JSON as JSON", async () => {
    const bench = await desk();
    const [file] = await sealFiles(
      { paths: ["secret.yaml"], cert: "cluster.pem", outputType: "json", destination: { to: "caller" } },
      bench.context,
    );
    const before = `${new TextDecoder().decode(file!.content)}{"kind":"ConfigMap"}\n`;
    await bench.write("sealed.yaml", before);
    await into(bench.context, item("token", "x"));

    expect(await values(bench)).toEqual([{ password: "hunter2", token: "x", user: "root" }]);
    expect((await bench.read("sealed.yaml")).replace(/\n {6}"token": "[^"]*",/, "")).toBe(before);
  });

  test("S12: goes into a target without encryptedData, labels or annotations", async () => {
    const bench = await desk(
      undefined,
      () =>
        "kind: SealedSecret\napiVersion: bitnami.com/v1alpha1\nmetadata:\n  name: db\n  namespace: shop\nspec: {}\n",
    );
    await bench.write("secret.yaml", secretText("name: db, namespace: shop, labels: {app: shop}"));
    await into(bench.context, { paths: ["secret.yaml"] });

    expect(await values(bench)).toEqual([{ password: "hunter2", user: "root" }]);
    expect(await bench.read("sealed.yaml")).toContain("labels");
  });

  test("goes into one of several SealedSecrets, also into an item of a list", async () => {
    const bench = await desk(undefined, (text) => {
      const web = (text.split("---\n")[1] ?? "")
        .replaceAll("name: db", "name: web")
        .replaceAll(/^(?=.)/gm, "  ");
      return `${text}---\nkind: List\nitems:\n- ${web.trimStart()}`;
    });
    expect(await failureOf(into(bench.context, item("token", "x")))).toMatchObject({
      code: "USAGE",
      message: "several SealedSecrets may be meant: shop/db, shop/web",
      hint: "say which one: --name NAME, and --namespace NAMESPACE where that is not enough",
    });
    const { objects } = await into(bench.context, item("token", "x"), { name: "web" });
    const after = await bench.read("sealed.yaml");

    expect(objects).toMatchObject([{ name: "web", added: ["token"] }]);
    expect(after.replace(/^ {6}token: AQ.*\n/m, "")).toBe(bench.before);
  });

  test("is not written by a dry run", async () => {
    const bench = await desk();
    const { objects, content } = await into(bench.context, item("token", "x"), { dryRun: true });

    expect(objects).toMatchObject([{ added: ["token"] }]);
    expect(new TextDecoder().decode(content)).toContain("    token: AQ");
    expect(await bench.read("sealed.yaml")).toBe(bench.before);
  });

  test("needs --namespace where a tool adds the namespace later", async () => {
    const bench = await desk(undefined, (text) => text.replaceAll(/^ +namespace: shop\n/gm, ""));
    expect(await failureOf(into(bench.context, item("token", "x")))).toMatchObject({
      code: "SEALED_INVALID",
      message: "the SealedSecret db has no namespace",
      where: { file: "sealed.yaml", line: 3 },
    });
    await into(bench.context, item("token", "x"), { namespace: "shop" });

    expect(await values(bench, "shop")).toEqual([{ password: "hunter2", token: "x", user: "root" }]);
  });

  test.for(["password", "uuid", "ssh-key"] as const)("may be made up: %s", async (generate) => {
    const bench = await desk();
    const { publicKey } = await into(bench.context, { item: "made", value: { generate } });
    const [{ made = "" } = {}] = await values(bench);

    expect(made.length).toBeGreaterThan(30);
    expect(publicKey === undefined).toBe(generate !== "ssh-key");
  });

  test("of two runs at the same time none is lost", async () => {
    const bench = await desk();
    await Promise.all(["a", "b", "c"].map(async (name) => into(await bench.again(), item(name, name))));

    expect(await values(bench)).toEqual([{ a: "a", b: "b", c: "c", password: "hunter2", user: "root" }]);
  });
});

describe("a Secret that goes into a SealedSecret", () => {
  test("brings its values, and of its metadata what it says", async () => {
    const bench = await desk("name: db, namespace: shop, labels: {app: shop, tier: one}");
    const last = `kubectl.kubernetes.io/last-applied-configuration: '{"a":"hunter2"}'`;
    const text = `${secretText(`name: db, labels: {tier: two}, annotations: {note: x, ${last}}`)}type: Opaque\n`;
    await bench.write("secret.yaml", text.replace("user: root", "token: x"));
    const { objects } = await into(bench.context, { paths: ["secret.yaml"] });
    const after = await bench.read("sealed.yaml");

    expect(objects).toMatchObject([
      {
        added: ["token"],
        replaced: ["password"],
        stripped: ['metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]'],
      },
    ]);
    expect(await values(bench)).toEqual([{ password: "hunter2", token: "x", user: "root" }]);
    expect(after.slice(after.indexOf("  template:"))).toBe(
      "  template:\n    metadata:\n      annotations:\n        note: x\n      labels:\n        app: shop\n" +
        "        tier: two\n      name: db\n      namespace: shop\n    type: Opaque\n" +
        "---\nkind: ConfigMap   # stays\ndata: {a: b}\n",
    );
  });

  test("keeps unchanged values when keys are at hand, and then writes nothing", async () => {
    const bench = await desk();
    await bench.write("keys.pem", sealedVector("rsa2048.key.pem") + pem);
    const { objects, writtenTo } = await into(
      bench.context,
      { paths: ["secret.yaml"] },
      { keys: ["keys.pem"] },
    );

    expect(objects).toMatchObject([{ added: [], replaced: [], unchanged: ["password", "user"] }]);
    expect(writtenTo).toBe(undefined);
    expect(await bench.read("sealed.yaml")).toBe(bench.before);
  });
});

describe("what does not fit is refused, and the file stays as it is", () => {
  const insert = (field: string) => (text: string) => text.replace("spec:\n", `${field}spec:\n`);
  const below = (field: string) => (text: string) => text.replace("spec:\n", `spec:\n${field}`);
  test.for<[string, (text: string) => string, string]>([
    [
      "clear stringData",
      insert("stringData: {a: hunter3}\n"),
      "values stand in clear in stringData of the SealedSecret",
    ],
    ["clear data", insert("data: {a: aHVudGVyMw==}\n"), "values stand in clear in data of the SealedSecret"],
    [
      "clear spec.stringData",
      below("  stringData: {a: hunter3}\n"),
      "values stand in clear in spec.stringData of the SealedSecret",
    ],
    [
      "clear spec.data",
      below("  data: {a: hunter3}\n"),
      "values stand in clear in spec.data of the SealedSecret",
    ],
    [
      "clear spec.template.stringData",
      (text) => text.replace("  template:\n", "  template:\n    stringData: {a: hunter3}\n"),
      "values stand in clear in spec.template.stringData of the SealedSecret",
    ],
    ["one sealed value of old", below("  data: AQAA\n"), "shop/db was sealed before version 0.7"],
    [
      "no SealedSecret",
      (text) => text.replace(/^---.*?(?=---\nkind: Con)/ms, ""),
      "there is no SealedSecret in it",
    ],
    [
      "a value that is no text",
      (text) => text.replace(/user: .*/, "user: 5"),
      "spec.encryptedData.user is a number, not text",
    ],
    ["broken YAML elsewhere", (text) => `${text}---\na: b\n c: d\n`, "not valid YAML"],
    [
      "a key that stands twice",
      (text) => text.replace(/( +user: .*\n)/, "$1$1"),
      "a key stands twice in its mapping",
    ],
  ])("%s", async ([, change, message]) => {
    const bench = await desk(undefined, change);
    const failure = await failureOf(into(bench.context, item("token", "x")));

    expect(failure.message).toContain(message);
    expect(failure.code).toMatch(/^(SEALED|FORMAT)_INVALID$/);
    expect(failure.where?.file).toBe("sealed.yaml");
    expect(`${failure.message}${failure.hint}`).not.toContain("hunter3");
    expect(await bench.read("sealed.yaml")).toBe(bench.before);
  });

  test("clear values: the hint says what to do", async () => {
    const bench = await desk(undefined, insert("stringData: {a: hunter3}\n"));

    expect((await failureOf(into(bench.context, item("token", "x")))).hint).toBe(
      "move them into a Secret, seal that with --into sealed.yaml, remove stringData, and change what was committed",
    );
  });

  test("another name, namespace or scope", async () => {
    const bench = await desk();
    const wide = `name: db, annotations: {sealedsecrets.bitnami.com/cluster-wide: "true"}`;
    for (const [metadata, options, message] of [
      ["name: web", {}, "there is no SealedSecret web in it"],
      ["name: db, namespace: prod", {}, "there is no SealedSecret prod/db in it"],
      ["name: db", { namespace: "prod" }, "there is no SealedSecret prod/db in it"],
      [
        "name: db",
        { scope: "cluster-wide" },
        "the scope of shop/db is strict, and a value that is sealed cluster-wide does not open in it",
      ],
      [
        wide,
        {},
        "the scope of shop/db is strict, and a value that is sealed cluster-wide does not open in it",
      ],
    ] as const) {
      await bench.write("secret.yaml", secretText(metadata));
      expect(await failureOf(into(bench.context, { paths: ["secret.yaml"] }, options))).toMatchObject({
        code: "SEALED_INVALID",
        message,
      });
    }
    expect(await bench.read("sealed.yaml")).toBe(bench.before);
  });

  test("a name that no item can have", async () => {
    const bench = await desk();
    for (const name of ["", "a b", "a/b", "..", "ü"]) {
      expect(await failureOf(into(bench.context, item(name, "x")))).toMatchObject({
        code: "USAGE",
        message: `${JSON.stringify(name)} is no name for an item of a Secret`,
      });
    }
  });
});

describe("what may surprise is said", () => {
  test("a template that takes the place of the value", async () => {
    const bench = await desk(undefined, (text) =>
      text.replace("  template:\n", "  template:\n    data: {token: x}\n"),
    );
    await into(bench.context, item("token", "x"));

    expect(bench.log).toEqual([
      "warning: sealed.yaml: the template for token takes the place of the sealed value",
    ]);
  });

  test("a certificate of another size than that of the other values", async () => {
    const bench = await desk();
    await bench.write("other.pem", sealedVector("rsa4096.crt.pem"));
    await into(bench.context, item("token", "x"), { cert: "other.pem" });

    expect(bench.log).toEqual([
      "warning: sealed.yaml: its other values are sealed for a key of 2048 bits, and this certificate has 4096: is it the right cluster's?",
    ]);
  });
});
