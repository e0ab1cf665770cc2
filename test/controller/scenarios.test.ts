import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newSealingKey } from "../../src/sealed/sealing-key.ts";
import { version } from "../../src/version.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController } from "../support/cluster-bitnami.ts";
import { addController, type KsealController } from "../support/cluster-kseal.ts";
import type { KubeObject } from "../support/controller.ts";
import { random } from "../support/sealed.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

const managed = { "sealedsecrets.bitnami.com/managed": "true" };
const patched = { "sealedsecrets.bitnami.com/patch": "true" };

/** What scenarios 7.1 of the reference ask: each in the same words for whoever seals. */
describe.skipIf(!hasBitnamiController).concurrent("the scenarios of Sealed Secrets", () => {
  let cluster: TestCluster;
  let controller: KsealController;
  let certificate: string;

  beforeAll(async () => {
    cluster = await startCluster();
    controller = await addController(cluster);
    certificate = await controller.certificate();
    for (const sealer of Object.keys(sealers)) {
      await cluster.createNamespace(sealer);
      await cluster.createNamespace(`${sealer}-other`);
    }
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  test("21: says its version", () => {
    const main = join(import.meta.dirname, "..", "..", "controller", "main.ts");
    for (const argument of ["--version", "version"]) {
      const text = execFileSync(process.execPath, [main, argument], { encoding: "utf8" });
      expect(text).toBe(`controller version: ${version}\n`);
    }
  });

  describe.for(["kubeseal", "kseal"] as const)("sealed by %s", (sealer) => {
    const stage = () => new Stage(cluster, sealer);
    const other = () => new Stage(cluster, `${sealer}-other`);
    const seal = (secret: KubeObject, more: { scope?: string; certificate?: string } = {}) =>
      sealers[sealer](secret, { certificate, folder: cluster.folder, ...more });

    /** Seals, and puts it into the cluster. */
    async function add(name: string, values: Record<string, string>, more: KubeObject = {}) {
      const sealed = await seal(stage().plain(name, values, more));
      await stage().post(sealed);
      return sealed;
    }

    const ownersOf = (secret: KubeObject | undefined) =>
      (secret?.["metadata"].ownerReferences ?? []).map(({ kind, name }: KubeObject) => `${kind} ${name}`);

    test("1: creates the Secret with its labels, says so in status and event", async () => {
      await add("create", { foo: "bar" }, { metadata: { labels: { mylabel: "myvalue" } } });
      const secret = await stage().becomes("create", { foo: "bar" });
      expect(secret["metadata"].labels).toEqual({ mylabel: "myvalue" });
      expect(ownersOf(secret)).toEqual(["SealedSecret create"]);
      const { status } = await stage().synced("create");
      expect(status.observedGeneration).toBe(1);
      expect(status.conditions[0]).toMatchObject({ type: "Synced", status: "True" });
      expect(status.conditions[0].lastTransitionTime).toBe(status.conditions[0].lastUpdateTime);
      await stage().event("create", "Unsealed", "SealedSecret unsealed successfully");
    });

    test("2, 3, 4: an update, a renamed item, an item that was sealed apart", async () => {
      const first = await add("update", { foo: "bar" });
      await stage().becomes("update", { foo: "bar" });
      const second = await seal(stage().plain("update", { foo: "baz" }));
      await stage().change("update", { spec: second["spec"] });
      await stage().becomes("update", { foo: "baz" });
      expect((await stage().synced("update"))["status"].observedGeneration).toBe(2);
      const renamed = first["spec"].encryptedData.foo;
      await stage().change("update", { spec: { encryptedData: { foo: null, renamed } } });
      await stage().becomes("update", { renamed: "bar" });
      const apart = await seal(stage().plain("update", { apart: "more" }));
      await stage().change("update", { spec: { encryptedData: apart["spec"].encryptedData } });
      await stage().becomes("update", { renamed: "bar", apart: "more" });
    });

    test("5: a Secret that is marked as managed is overwritten, owned, and no longer marked", async () => {
      await stage().postSecret("managed", {
        metadata: { annotations: managed, labels: { old: "label" } },
        stringData: { foo: "old", other: "old" },
      });
      await add("managed", { foo: "bar" });
      const secret = await stage().becomes("managed", { foo: "bar" });
      expect(ownersOf(secret)).toEqual(["SealedSecret managed"]);
      expect(secret["metadata"].annotations).not.toHaveProperty("sealedsecrets.bitnami.com/managed");
      expect(secret["metadata"].labels).toBeUndefined();
      await stage().synced("managed");
    });

    test.for([
      {
        name: "6: managed and patch: merged, owned, both marks kept",
        annotations: { ...managed, ...patched },
        owners: 1,
      },
      { name: "7: patch alone: merged, no owner", annotations: patched, owners: 0 },
    ])("$name", async ({ annotations, owners }) => {
      const name = `patch-${owners}`;
      await stage().postSecret(name, {
        metadata: { annotations, labels: { old: "label" } },
        stringData: { foo: "old", other: "old" },
      });
      await add(name, { foo: "bar" }, { metadata: { labels: { mine: "label" } } });
      const secret = await stage().becomes(name, { foo: "bar", other: "old" });
      expect(ownersOf(secret)).toHaveLength(owners);
      expect(secret["metadata"].labels).toEqual({ old: "label", mine: "label" });
      expect(secret["metadata"].annotations).toMatchObject(annotations);
      await stage().synced(name);
    });

    test("8: patch of a Secret without data and labels", async () => {
      await stage().postSecret("empty", { metadata: { annotations: patched } });
      await add("empty", { foo: "bar" });
      await stage().becomes("empty", { foo: "bar" });
    });

    test("9: an owned Secret that is deleted comes back, and is owned", async () => {
      await add("deleted", { foo: "bar" });
      const before = await stage().becomes("deleted", { foo: "bar" });
      await stage().deleteSecret("deleted");
      const after = await stage().becomes("deleted", { foo: "bar" });
      expect(after["metadata"].uid).not.toBe(before["metadata"].uid);
      expect(ownersOf(after)).toEqual(["SealedSecret deleted"]);
    });

    test("10: one without owner that is marked as managed comes back", async () => {
      const template = { "sealedsecrets.bitnami.com/skip-set-owner-references": "true", ...managed };
      await add("unowned", { foo: "bar" }, { metadata: { annotations: template } });
      const before = await stage().becomes("unowned", { foo: "bar" });
      expect(ownersOf(before)).toEqual([]);
      await stage().synced("unowned");
      await stage().deleteSecret("unowned");
      await stage().becomes("unowned", { foo: "bar" });
    });

    test.for([
      ["11: one that was never managed", "never", {}, "False"],
      ["12: one that was only patched", "only-patched", patched, "True"],
    ] as const)("%s does not come back", async ([, name, annotations, synced]) => {
      await stage().postSecret(name, { metadata: { annotations }, stringData: { mine: "1" } });
      await add(name, { foo: "bar" });
      await stage().synced(name, synced);
      await stage().deleteSecret(name);
      // Whatever was to come of it has come when another object is done that came later.
      await add(`${name}-later`, { foo: "bar" });
      await stage().synced(`${name}-later`);
      expect(await stage().secret(name)).toBeUndefined();
    });

    test("13: what is sealed for another key makes no Secret", async () => {
      const key = await newSealingKey({
        ...{ bits: 1024, validFor: 3_600_000, commonName: "", now: Date.now(), random },
        ...{ namespace: "elsewhere", name: "key" },
      });
      const wrong = new TextDecoder().decode(key.data.get("tls.crt"));
      await stage().post(await seal(stage().plain("wrong-key", { foo: "bar" }), { certificate: wrong }));
      await stage().event("wrong-key", "ErrUnsealFailed", "no key could decrypt secret (foo)");
      await stage().synced("wrong-key", "False", "no key could decrypt secret (foo)");
      expect(await stage().secret("wrong-key")).toBeUndefined();
    });

    test("14: the type of the template", async () => {
      const type = "kubernetes.io/dockerconfigjson";
      await add("typed", { ".dockerconfigjson": "{}" }, { type });
      expect((await stage().becomes("typed", { ".dockerconfigjson": "{}" }))["type"]).toBe(type);
    });

    test("15, 16: immutable is honoured, and a change of such a Secret says what to do", async () => {
      await add("fixed", { foo: "bar" }, { immutable: true });
      expect((await stage().becomes("fixed", { foo: "bar" }))["immutable"]).toBe(true);
      await stage().synced("fixed");
      const next = await seal(stage().plain("fixed", { foo: "baz" }, { immutable: true }));
      await stage().change("fixed", { spec: next["spec"] });
      await stage().event("fixed", "ErrUpdateFailed", "the target Secret is immutable");
      expect((await stage().synced("fixed", "False"))["status"].observedGeneration).toBe(2);
    });

    test.for([
      { name: "17: strict, another name", to: "renamed", scope: "strict", opens: false },
      { name: "18: strict, another namespace", namespace: true, scope: "strict", opens: false },
      { name: "19: cluster-wide, another name", to: "renamed", scope: "cluster-wide", opens: true },
      { name: "19: cluster-wide, another namespace", namespace: true, scope: "cluster-wide", opens: true },
      { name: "20: namespace-wide, another name", to: "renamed", scope: "namespace-wide", opens: true },
      {
        name: "20: namespace-wide, another namespace",
        namespace: true,
        scope: "namespace-wide",
        opens: false,
      },
    ])("$name", async ({ to, namespace = false, scope, opens }) => {
      const original = `moved-${scope}-${namespace}`;
      const sealed = await seal(stage().plain(original, { foo: "bar" }), { scope });
      const place = namespace ? other() : stage();
      const name = to === undefined ? original : `${to}-${scope}`;
      const template = { ...sealed["spec"].template, metadata: { name, namespace: place.namespace } };
      await place.post({
        ...sealed,
        metadata: { ...sealed["metadata"], name, namespace: place.namespace },
        spec: { ...sealed["spec"], template },
      });
      if (opens) {
        await place.becomes(name, { foo: "bar" });
        return;
      }
      await place.event(name, "ErrUnsealFailed", "no key could decrypt secret (foo)");
      await place.synced(name, "False");
      expect(await place.secret(name)).toBeUndefined();
    });
  });
});
