import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { OpContext } from "../../src/ops/context.ts";
import { type ConvertOptions, convertFiles } from "../../src/ops/convert.ts";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { unsealFiles } from "../../src/ops/unseal.ts";
import { identities } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { sealedVector } from "../support/sealed.ts";
import { failureOf, inPlace, mine, toCaller, type Workbench, workbench } from "./workbench.ts";

const pem = sealedVector("rsa2048.crt.pem");
const keys = sealedVector("rsa2048.key.pem") + pem;

/** Rules for everything: who reads SOPS files, and for which cluster SealedSecrets are. */
const rules = `creation_rules:
  - path_regex: \\.env$
    age: ${mine}
  - path_regex: \\.ya?ml$|\\.json$
    encrypted_regex: ^(data|stringData)$
    age: ${mine}
kseal:
  clusters:
    - name: prod
      certificate: cluster.pem
  sealing:
    - cluster: prod
`;

const db = `# the database of the shop
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  labels:
    app: shop
  annotations:
    argocd.argoproj.io/sync-wave: "2"
type: Opaque
stringData:
  # only here
  password: hunter2
  empty: ""
data:
  bytes: /wA=
`;

function bench(files: Readonly<Record<string, string>>): Promise<Workbench> {
  return workbench({ "cluster.pem": pem, "keys.pem": keys, ".sops.yaml": rules, ...files });
}

const convert = (paths: readonly string[], context: OpContext, options: Partial<ConvertOptions>) =>
  convertFiles({ to: "sealed", destination: inPlace, sealingKeys: ["keys.pem"], paths, ...options }, context);

/** The values of the Secret in a file, whatever its form. */
async function valuesIn(path: string, { context, read }: Workbench): Promise<unknown> {
  const text = await read(path);
  if (text.includes("SealedSecret")) {
    const { content } = await unsealFiles(
      { paths: [path], keys: ["keys.pem"], destination: toCaller, outputType: "json" },
      context,
    );
    const { metadata, type, data } = JSON.parse(new TextDecoder().decode(content));
    return { metadata, type, data };
  }
  const { stream } = await decryptFiles(
    { paths: [path], destination: toCaller, outputType: "json" },
    context,
  );
  const { metadata, type, data = {}, stringData = {} } = JSON.parse(new TextDecoder().decode(stream));
  const base64 = Object.entries<string>(stringData).map(([item, text]) => [
    item,
    Buffer.from(text).toString("base64"),
  ]);
  return { metadata, type, data: { ...data, ...Object.fromEntries(base64) } };
}

const wanted = {
  metadata: {
    name: "db",
    namespace: "shop",
    labels: { app: "shop" },
    annotations: { "argocd.argoproj.io/sync-wave": "2" },
  },
  type: "Opaque",
  data: { bytes: "/wA=", empty: "", password: "aHVudGVyMg==" },
};

describe("one Secret", () => {
  test("goes from a SOPS file to a SealedSecret and back, and is the same", async () => {
    const desk = await bench({ "db.yaml": db });
    await encryptFiles({ paths: ["db.yaml"], destination: inPlace }, desk.context);

    const there = await convert(["db.yaml"], desk.context, { to: "sealed" });
    const sealed = await desk.read("db.yaml");
    expect(there.files).toMatchObject([
      { from: "sops", to: "sealed", writtenTo: "db.yaml", secrets: ["shop/db"] },
    ]);
    expect(there.files[0]?.lost).toEqual([
      "comments",
      "its recipients: only the cluster opens it from now on",
    ]);
    expect(sealed).toMatch(/^---\n# the database of the shop\napiVersion: bitnami.com\/v1alpha1\n/);
    expect(sealed).toContain(
      'metadata:\n  annotations:\n    argocd.argoproj.io/sync-wave: "2"\n  name: db\n',
    );
    expect(sealed).not.toMatch(/only here|hunter2/);
    expect(await valuesIn("db.yaml", desk)).toEqual(wanted);

    const back = await convert(["db.yaml"], await desk.again(), { to: "sops" });
    const text = await desk.read("db.yaml");
    expect(back.files).toMatchObject([{ from: "sealed", to: "sops", lost: [] }]);
    expect(text).toMatch(/^---\n# the database of the shop\napiVersion: v1\n/);
    // Text is text again, and base64 only what is none.
    expect(text).toMatch(/\ndata:\n +bytes: ENC\[[\s\S]*\nstringData:\n +empty: ""\n +password: ENC\[/);
    expect(await valuesIn("db.yaml", desk)).toEqual(wanted);
  });

  test.skipIf(peer("sops") === undefined)(
    "that came from a SealedSecret is opened by sops itself",
    async () => {
      const desk = await bench({ "db.yaml": db });
      await convert(["db.yaml"], desk.context, { to: "sealed" });
      await convert(["db.yaml"], desk.context, { to: "sops" });
      const { status, stdout } = spawnSync(
        peer("sops") ?? "",
        ["decrypt", "--extract", '["stringData"]["password"]', "db.yaml"],
        {
          cwd: desk.host.cwd,
          env: { SOPS_AGE_KEY: identities[0], SOPS_DISABLE_VERSION_CHECK: "1" },
          encoding: "utf8",
        },
      );
      expect({ status, stdout }).toEqual({ status: 0, stdout: "hunter2" });
    },
  );

  test.for<[string, string]>([
    ["namespace-wide", "sealedsecrets.bitnami.com/namespace-wide"],
    ["cluster-wide", "sealedsecrets.bitnami.com/cluster-wide"],
  ])("keeps the scope %s on the way there and back", async ([scope, annotation]) => {
    const desk = await bench({ "db.yaml": db });
    await convert(["db.yaml"], desk.context, { scope: scope as "cluster-wide" });
    await convert(["db.yaml"], desk.context, { to: "sops" });
    expect(await desk.read("db.yaml")).toContain(`${annotation}: "true"`);
    const { files } = await convert(["db.yaml"], desk.context, { to: "sealed", dryRun: true });
    expect(new TextDecoder().decode(files[0]?.content)).toContain(`${annotation}: "true"`);
  });

  test("in clear is written only where --out says", async () => {
    const desk = await bench({ "db.yaml": db });
    await convert(["db.yaml"], desk.context, {});
    for (const destination of [toCaller, inPlace]) {
      expect(
        await failureOf(convert(["db.yaml"], desk.context, { to: "secret", destination })),
      ).toMatchObject({
        code: "USAGE",
        message: "plain Secrets need a place of their own",
        hint: "name it with --out",
      });
    }
    await convert(["db.yaml"], desk.context, {
      to: "secret",
      destination: { to: "file", path: "plain.yaml" },
    });
    expect(await desk.read("plain.yaml")).toContain("password: aHVudGVyMg==");
    expect((await desk.host.stat("plain.yaml"))?.mode).toBe(0o600);
  });

  test("that was in clear loses its comments, which nobody has seen yet, and warns of the history", async () => {
    const desk = await bench({ "db.yaml": db });
    for (const args of [
      ["init", "-q"],
      ["add", "."],
      ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"],
    ]) {
      expect(spawnSync("git", args, { cwd: desk.host.cwd }).status).toBe(0);
    }
    const { files } = await convert(["db.yaml"], desk.context, {});
    expect(await desk.read("db.yaml")).not.toContain("#");
    expect(files[0]?.lost).toEqual(["comments"]);
    expect(desk.log).toEqual([
      "warning: db.yaml: its plaintext is in the Git history and stays there; change the credentials in it",
    ]);
  });

  test("says what the SealedSecret said and the Secret does not", async () => {
    const desk = await bench({ "db.yaml": db });
    await convert(["db.yaml"], desk.context, {});
    const text = (await desk.read("db.yaml"))
      .replace("metadata:\n  annotations:", 'metadata:\n  annotations:\n    team: "a"')
      .replace(/( +)template:\n/, '$1template:\n$1  data:\n$1    url: "db://{{ .password }}"\n');
    await desk.write("db.yaml", text);
    const { files } = await convert(["db.yaml"], desk.context, { to: "sops" });

    expect(files[0]?.lost).toEqual([
      "the template of url: its value is what it rendered to now",
      "the annotation team of the SealedSecret",
    ]);
    expect(await valuesIn("db.yaml", desk)).toMatchObject({
      data: { url: Buffer.from("db://hunter2").toString("base64") },
    });
  });

  test.for<[string, Partial<ConvertOptions>, string, string]>([
    ["a ConfigMap", {}, "apiVersion: v1\nkind: ConfigMap\n", "it holds no Secret"],
    [
      "one in this form already",
      { to: "secret", destination: { to: "file", path: "o" } },
      db,
      "it is in clear already",
    ],
  ])("%s is refused when it was named", async ([, options, text, message]) => {
    const { context, read } = await bench({ "a.yaml": text });
    expect(await failureOf(convert(["a.yaml"], context, options))).toMatchObject({
      code: "SEALED_INVALID",
      message,
      where: { file: "a.yaml" },
    });
    expect(await read("a.yaml")).toBe(text);
  });

  test("is not encrypted by a rule that hides what it is", async () => {
    const { context } = await workbench({
      "a.yaml": db,
      ".sops.yaml": `creation_rules:\n  - age: ${mine}\n    unencrypted_suffix: _x\n`,
    });
    expect(await failureOf(convert(["a.yaml"], context, { to: "sops" }))).toMatchObject({
      code: "NOTHING_SELECTED",
      message: "the rule would encrypt kind, apiVersion or the name of a Secret",
    });
  });
});

describe("a file", () => {
  const config = "apiVersion: v1\nkind: ConfigMap # of the shop\nmetadata: {name: web}\n";
  const other = db.replace("name: db", "name: web").replace("# the database of the shop\n", "");

  test("keeps its other objects as they are, in their order", async () => {
    const desk = await bench({ "all.yaml": `${db}---\n${config}---\n# empty\n---\n${other}` });
    await convert(["all.yaml"], desk.context, {});
    const sealed = await desk.read("all.yaml");
    expect(sealed.match(/^kind: .*/gm)).toEqual([
      "kind: SealedSecret",
      "kind: ConfigMap # of the shop",
      "kind: SealedSecret",
    ]);
    expect(sealed).toContain(`---\n${config}---\n`);

    const { files } = await convert(["all.yaml"], desk.context, {
      to: "secret",
      destination: { to: "file", path: "plain.yaml" },
    });
    expect(files[0]?.secrets).toEqual(["shop/db", "shop/web"]);
    expect((await desk.read("plain.yaml")).match(/^kind: .*/gm)).toEqual([
      "kind: Secret",
      "kind: ConfigMap # of the shop",
      "kind: Secret",
    ]);
  });

  test("in JSON stays JSON, and a list comes apart", async () => {
    const item = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "a", namespace: "b" },
      data: { c: "ZA==" },
    };
    const list = {
      apiVersion: "v1",
      kind: "List",
      items: [item, { ...item, kind: "ConfigMap", data: { c: "d" } }],
    };
    const desk = await bench({ "all.json": JSON.stringify(list) });
    await convert(["all.json"], desk.context, {});
    expect((await desk.read("all.json")).match(/^ {2}"kind": .*/gm)).toEqual([
      '  "kind": "SealedSecret",',
      '  "kind": "ConfigMap",',
    ]);
  });

  test("of several is converted, or none is", async () => {
    const desk = await bench({ "k/a.yaml": db, "k/b.yaml": db.replace("  namespace: shop\n", "") });
    const before = await desk.read("k/a.yaml");
    expect(await failureOf(convert(["k"], desk.context, {}))).toMatchObject({
      code: "SEALED_INVALID",
      message: "the Secret db has no namespace",
      where: { file: "k/b.yaml", line: 2 },
    });
    expect(await desk.read("k/a.yaml")).toBe(before);
    const dry = await convert(["k"], desk.context, { namespace: "shop", dryRun: true });
    expect(dry.files.map(({ file }) => file)).toEqual(["k/a.yaml", "k/b.yaml"]);
    expect(await desk.read("k/a.yaml")).toBe(before);
    await convert(["k"], desk.context, { namespace: "shop", destination: { to: "folder", path: "out" } });
    expect(await desk.read("out/b.yaml")).toContain("namespace: shop");
  });

  test("goes by the rules of the place that it is written to", async () => {
    const desk = await bench({ "db.yaml": db, "other.pem": sealedVector("rsa4096.crt.pem") });
    await desk.write(
      ".sops.yaml",
      rules.replace(
        "  sealing:\n",
        "    - {name: test, certificate: other.pem}\n  sealing:\n    - {path_regex: ^test/, cluster: test}\n",
      ),
    );
    const to = async (path: string) => {
      await convert(["db.yaml"], await desk.again(), { destination: { to: "file", path } });
      return (await desk.read(path)).match(/password: (A.)/)?.[1];
    };
    expect(await to("sealed.yaml")).toBe("AQ");
    await desk.host.makeFolder("test");
    expect(await to("test/sealed.yaml")).toBe("Ag");
  });
});

describe("a repository of Flux", () => {
  const flux = (more: string) =>
    `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./apps # of all teams
  prune: true
${more}`;
  const decryption = "  decryption:\n    provider: sops\n    secretRef:\n      name: sops-age\n";
  const kustomization = `namespace: prod
resources:
  - db.yaml # the database
secretGenerator:
  - name: web
    files: [config.yaml=config.enc.yaml]
    envs: [web.env]
    literals: ["mode='a b'"]
  - name: public
    literals: [a=b]
`;
  const noNamespace = db.replace("  namespace: shop\n", "");

  async function repository(files: Record<string, string> = {}): Promise<Workbench> {
    const desk = await bench({
      "clusters/prod/apps.yaml": `# what Flux applies\n${flux(decryption)}`,
      "apps/kustomization.yaml": kustomization,
      "apps/db.yaml": noNamespace,
      "apps/config.enc.yaml": "stringData: {a: 1}\n",
      "apps/web.env": '# comment\nTOKEN=s3cret=\nURL="x"\n',
      "README.md": "sops writes lastmodified\n",
      ...files,
    });
    const encrypted = ["apps/db.yaml", "apps/config.enc.yaml", "apps/web.env"];
    await encryptFiles({ paths: encrypted, destination: inPlace }, desk.context);
    return desk;
  }

  test("becomes one of SealedSecrets, generators and decryption included", async () => {
    const desk = await repository();
    const { files, edited, skipped, next } = await convert(["."], desk.context, {});

    expect(files.map(({ file, secrets }) => [file, secrets])).toEqual([
      ["apps/db.yaml", ["prod/db"]],
      ["apps/web.sealed.yaml", ["prod/web"]],
    ]);
    expect(files[1]?.lost).toContain("the hash in its name: a change does not restart the pods that use it");
    expect(edited).toEqual([
      {
        file: "apps/kustomization.yaml",
        what: "web.sealed.yaml in place of what secretGenerator made of encrypted files",
      },
      { file: "clusters/prod/apps.yaml", what: "apps: without spec.decryption" },
    ]);
    expect(skipped).toEqual([]);
    expect(next).toEqual([
      "git rm apps/config.enc.yaml",
      "git rm apps/web.env",
      "clusters/prod/apps.yaml: apps does not use the Secret sops-age any more",
    ]);
    expect(await desk.read("clusters/prod/apps.yaml")).toBe(`# what Flux applies\n${flux("")}`);
    expect(await desk.read("apps/kustomization.yaml")).toBe(`namespace: prod
resources:
  - db.yaml # the database
  - web.sealed.yaml
secretGenerator:
  - name: public
    literals: [a=b]
`);
    const text = (value: string) => Buffer.from(value).toString("base64");
    expect(await valuesIn("apps/web.sealed.yaml", desk)).toMatchObject({
      metadata: { name: "web", namespace: "prod" },
      data: {
        "config.yaml": text("stringData: {a: 1}\n"),
        TOKEN: text("s3cret="),
        URL: text('"x"'),
        mode: text("a b"),
      },
    });
    // Nothing is left to convert.
    expect((await failureOf(convert(["apps/kustomization.yaml"], desk.context, {}))).message).toBe(
      "it holds no Secret",
    );
  });

  test("goes on decrypting while something in it is encrypted", async () => {
    const desk = await repository({ "apps/values.yaml": "data: {a: b}\n" });
    await encryptFiles({ paths: ["apps/values.yaml"], destination: inPlace }, desk.context);
    const { skipped, next } = await convert(["."], desk.context, {});
    expect(skipped).toEqual([{ file: "apps/values.yaml", why: "it holds no Secret" }]);
    expect(next).toContain(
      "clusters/prod/apps.yaml: apps still decrypts: not every file that it applies was converted",
    );
    expect(await desk.read("clusters/prod/apps.yaml")).toContain("decryption:");
  });

  test("comes from one of SealedSecrets: what Flux decrypts, told to do so", async () => {
    const desk = await bench({
      "clusters/prod/apps.yaml": flux(""),
      "apps/db.yaml": db,
      "key.yaml": db.replace("password: hunter2", "age.agekey: AGE-SECRET-KEY-1"),
    });
    await convert(["apps", "key.yaml"], desk.context, {});

    const { next } = await convert(["."], desk.context, { to: "sops", dryRun: true });
    expect(next).toEqual([
      "clusters/prod/apps.yaml: apps does not decrypt: add spec.decryption with provider sops, or --decryption-secret NAME",
    ]);
    const { files, edited, skipped } = await convert(["."], desk.context, {
      to: "sops",
      decryptionSecret: "sops-age",
    });
    expect(files.map(({ file }) => file)).toEqual(["apps/db.yaml"]);
    expect(edited).toEqual([
      { file: "clusters/prod/apps.yaml", what: "apps: spec.decryption with the Secret sops-age" },
    ]);
    expect(skipped).toEqual([
      {
        file: "key.yaml",
        why: "it holds the key with which Flux opens SOPS files, and could not open this one before it has it",
      },
    ]);
    expect(await desk.read("clusters/prod/apps.yaml")).toMatch(
      /spec:\n {2}decryption:\n +provider: sops\n +secretRef:\n +name: sops-age\n {2}path: .\/apps # of all teams\n|prune: true\n {2}decryption:\n +provider: sops\n +secretRef:\n +name: sops-age\n/,
    );
    // What kustomize-controller looks for: a mac, everything but the values in clear, one block of metadata a document.
    const text = await desk.read("apps/db.yaml");
    expect(text).toMatch(/^apiVersion: v1$/m);
    expect(text).toMatch(/^kind: Secret$/m);
    expect(text).toMatch(/^ +mac: ENC\[AES256_GCM,/m);
    expect(text.match(/^sops:$/gm)).toHaveLength(1);
  });

  test.for<[string, Record<string, string>, string, string]>([
    [
      "a prefix changes names that values are bound to",
      { "apps/kustomization.yaml": "namePrefix: a-\nnamespace: prod\nresources: [db.yaml]\n" },
      "apps/kustomization.yaml changes the name of prod/db, and values that are bound to a name would not open",
      "bind them to the namespace alone: --scope namespace-wide",
    ],
    [
      "two overlays put it into two namespaces",
      {
        "apps/kustomization.yaml": "resources: [db.yaml]\n",
        "a/kustomization.yaml": "namespace: a\nresources: [../apps]\n",
        "b/kustomization.yaml": "namespace: b\nresources: [../apps]\n",
      },
      "the Secret db goes to several namespaces: a, b",
      "give each namespace a Secret of its own, or bind the values to nothing: --scope cluster-wide",
    ],
    [
      "the file for a generated Secret exists",
      { "apps/web.sealed.yaml": "# mine\n" },
      "the file exists already",
      "",
    ],
    [
      "a generator reads what lies outside of its folder",
      {
        "apps/kustomization.yaml":
          "secretGenerator: [{name: web, namespace: a, envs: [../other/web.env]}]\nnamespace: a\n",
      },
      "../other/web.env lies outside of the folder of the kustomization",
      "",
    ],
  ])("is refused where %s", async ([, files, message, hint]) => {
    const desk = await repository(files);
    const failure = await failureOf(convert(["."], desk.context, {}));
    expect(failure).toMatchObject({ code: "SEALED_INVALID", message });
    expect(failure.hint ?? "").toBe(hint);
    expect(await desk.read("apps/db.yaml")).toContain("sops:");
  });

  test("takes the namespace of the outer kustomization, and that of Flux before it", async () => {
    const desk = await repository({
      "apps/kustomization.yaml": "namespace: inner\nresources: [db.yaml]\n",
      "prod/kustomization.yaml": "namespace: outer\nresources: [../apps]\n",
    });
    const places = async () =>
      (await convert(["."], desk.context, { dryRun: true })).files.map(({ secrets }) => secrets);
    expect(await places()).toEqual([["inner/db"], ["outer/db"]].slice(1));
    writeFileSync(
      join(desk.host.cwd, "clusters/prod/apps.yaml"),
      flux("  targetNamespace: target\n").replace("./apps", "./prod"),
    );
    expect(await places()).toEqual([["target/db"]]);
  });
});
