import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Applied,
  type ApplyContext,
  applyPlan,
  deleteLeftOver,
  type WriteKind,
} from "../../controller/apply-plan.ts";
import { EventRecorder } from "../../controller/event-recorder.ts";
import { type Plan, reconcile } from "../../controller/reconcile.ts";
import { readSecretMetadata } from "../../controller/secret-metadata.ts";
import { readWatched } from "../../controller/watched-sealed-secret.ts";
import { createNodeHost } from "../../src/host/node-host.ts";
import type { KubeApi } from "../../src/kube/api.ts";
import { createKubeApi } from "../../src/kube/client.ts";
import { templateRenderer } from "../../src/ops/render-template.ts";
import { unsealSecret } from "../../src/sealed/unseal-secret.ts";
import { essence } from "../support/api-server-model.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { installDefinition } from "../support/cluster-bitnami.ts";
import { controllerKubeconfig } from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { type KubeObject, type SealedOptions, sealedObject, testKey } from "../support/controller.ts";
import { random } from "../support/sealed.ts";

/*
 * Plans against the real API server: what server-side apply, managedFields, preconditions and garbage collection make of
 * them. The loop that calls them is not here; each look is one call.
 */
describe.skipIf(!hasCluster)("at the real API server", () => {
  let cluster: TestCluster;
  let api: KubeApi;
  /** The controller's, with its rights alone. */
  let own: KubeApi;
  let namespaces = 0;
  const secrets = { group: "", version: "v1", plural: "secrets" };
  const sealedSecrets = { group: "bitnami.com", version: "v1alpha1", plural: "sealedsecrets" };

  beforeAll(async () => {
    cluster = await startCluster();
    await installDefinition(cluster);
    const client = (kubeconfig: string) =>
      createKubeApi({
        host: createNodeHost(),
        cluster: { kubeconfig },
        log: { info: () => undefined, warn: () => undefined },
      });
    [api, own] = await Promise.all([
      client(cluster.kubeconfig),
      controllerKubeconfig(cluster).then((kubeconfig) => client(kubeconfig)),
    ]);
  });
  afterAll(async () => {
    api?.close();
    own?.close();
    await cluster?.stop();
  });

  /** A namespace with one SealedSecret in it, and what the controller would do with it. */
  async function place(values: Record<string, string>, options: SealedOptions = {}) {
    namespaces += 1;
    const namespace = `ns-${namespaces}`;
    await cluster.createNamespace(namespace);
    const post = async (values: Record<string, string>, more: SealedOptions = {}) => {
      const { uid: _, ...metadata } = sealedObject(values, { ...options, ...more, namespace })["metadata"];
      const { spec } = sealedObject(values, { ...options, ...more, namespace });
      for (const field of ["resourceVersion", "generation", "creationTimestamp"]) delete metadata[field];
      return { apiVersion: "bitnami.com/v1alpha1", kind: "SealedSecret", metadata, spec };
    };
    const path = { ...sealedSecrets, namespace, name: "db" };
    const secretPath = { ...secrets, namespace, name: "db" };
    await api.create({ ...sealedSecrets, namespace }, await post(values), { fieldManager: "git" });
    const writes: WriteKind[] = [];
    const context: ApplyContext = {
      api: own,
      events: new EventRecorder(own),
      now: Date.now,
      mayWrite: () => true,
      updateStatus: true,
      dryRun: false,
      onWrite: (kind) => writes.push(kind),
    };
    const planNow = async (): Promise<{ plan: Plan; object: KubeObject; decrypts: number }> => {
      const object = (await api.get(path)) as KubeObject;
      const secret = await api.get(secretPath, { metadataOnly: true });
      let decrypts = 0;
      const input = {
        object,
        secret: secret && readSecretMetadata(secret),
        knownKeys: new Set([testKey.fingerprint]),
        now: Date.now(),
        settings: { annotate: true, drift: "repair" } as const,
      };
      const plan = await reconcile(input, {
        unseal: ({ sealed }) => {
          decrypts += 1;
          const render = templateRenderer({ now: Date.now, random });
          return unsealSecret(sealed, { keys: [testKey], render, acceptV1: true });
        },
        readData: async () => {
          const data = Object.entries(
            ((await api.get(secretPath)) as KubeObject)["data"] as Record<string, string>,
          );
          return new Map(data.map(([item, text]) => [item, Buffer.from(text, "base64")]));
        },
      });
      return { plan, object, decrypts };
    };
    const subjectOf = (object: KubeObject) => readWatched(object);
    const look = async (
      change: Partial<ApplyContext> = {},
    ): Promise<Applied & { plan: Plan; decrypts: number }> => {
      const { plan, object, decrypts } = await planNow();
      return { ...(await applyPlan(subjectOf(object), plan, { ...context, ...change })), plan, decrypts };
    };
    const secret = async () => (await api.get(secretPath)) as KubeObject | undefined;
    const text = async (item: string) =>
      Buffer.from((await secret())?.["data"][item] ?? "", "base64").toString();
    const status = async () => ((await api.get(path)) as KubeObject)["status"];
    const events = async () =>
      (await api.list({ group: "", version: "v1", plural: "events", namespace }))
        .items as readonly KubeObject[];
    const change = async (values: Record<string, string>, more: SealedOptions = {}) => {
      const current = (await api.get(path)) as KubeObject;
      const next = await post(values, more);
      const metadata = { ...next.metadata, resourceVersion: current["metadata"].resourceVersion };
      await api.update(path, { ...next, metadata }, { fieldManager: "git" });
    };
    const makeSecret = (body: KubeObject, fieldManager = "somebody") =>
      api.create(
        { ...secrets, namespace },
        {
          apiVersion: "v1",
          kind: "Secret",
          ...body,
          metadata: { name: "db", namespace, ...body["metadata"] },
        },
        { fieldManager },
      );
    const edit = (patch: KubeObject, fieldManager = "kubectl-edit") =>
      api.patch(secretPath, patch, { type: "merge", fieldManager });
    return {
      namespace,
      path,
      secretPath,
      writes,
      context,
      planNow,
      look,
      secret,
      text,
      status,
      events,
      change,
      makeSecret,
      edit,
      subjectOf,
    };
  }

  const base64 = (text: string) => Buffer.from(text).toString("base64");

  test("a Secret is made with one write, a status and an event; the next look does nothing", async () => {
    const template = { metadata: { labels: { app: "x" } }, data: { url: "postgres://{{ .password }}@h" } };
    const { look, writes, text, status, events, secret } = await place({ password: "bar" }, { template });
    expect(await look()).toMatchObject({ result: "done" });
    expect(writes.toSorted()).toEqual(["create", "event", "status"]);
    expect(await text("url")).toBe("postgres://bar@h");
    expect(await status()).toMatchObject({
      observedGeneration: 1,
      conditions: [
        { type: "Synced", status: "True" },
        { type: "Ready", status: "True" },
      ],
    });
    expect(await events()).toMatchObject([
      { reason: "Unsealed", message: "SealedSecret unsealed successfully", type: "Normal", count: 1 },
    ]);
    expect((await secret())!["metadata"].managedFields).toMatchObject([
      { manager: "kseal-controller", operation: "Update" },
    ]);
    expect(await look()).toMatchObject({ plan: { kind: "nothing", why: "unchanged" }, decrypts: 0 });
    expect(writes).toHaveLength(3);
  });

  test("what the next version no longer names goes, what others added stays", async () => {
    const template = { metadata: { labels: { app: "x" }, annotations: { note: "y" } } };
    const { look, change, secret, edit, writes, status } = await place({ a: "1", b: "2" }, { template });
    await look();
    await edit({ data: { theirs: base64("t") }, metadata: { labels: { team: "z" } } });
    await change({ a: "3" }, { template: {} });
    await look();
    expect((await secret())!["data"]).toEqual({ a: base64("3"), theirs: base64("t") });
    const { labels, annotations } = (await secret())!["metadata"];
    expect({ labels, note: annotations.note }).toEqual({ labels: { team: "z" }, note: undefined });
    expect(writes.slice(3, 5)).toEqual(["hand over", "apply"]);
    expect(await status()).toMatchObject({ observedGeneration: 2 });
    await change({ b: "4" }, { template: {} });
    await look();
    expect((await secret())!["data"]).toEqual({ b: base64("4"), theirs: base64("t") });
    // From now on one write is enough.
    expect(writes.filter((kind) => kind === "hand over")).toHaveLength(1);
    expect(await look()).toMatchObject({ plan: { kind: "nothing" }, decrypts: 0 });
  });

  test("S6: drift shows in the metadata and is repaired: another value, a removed key, under whatever name", async () => {
    const { look, text, edit, secret } = await place({ a: "1", b: "2" });
    await look();
    for (const [patch, manager] of [
      [{ data: { a: base64("tampered") } }, "kubectl-edit"],
      [{ data: { a: null } }, "somebody"],
      [{ data: { b: base64("by our name") } }, "kseal-controller"],
    ] as const) {
      await edit(patch, manager);
      const before = (await secret())!["metadata"].resourceVersion;
      const { plan } = await look();
      // Written under our own name by an update, and so as ours: only the full verification finds that before an apply.
      if (manager === "kseal-controller") continue;
      expect(plan.kind).toBe("apply");
      expect((await secret())!["metadata"].resourceVersion).not.toBe(before);
      expect([await text("a"), await text("b")]).toEqual(["1", "2"]);
    }
  });

  test("S25: with skip-set-owner-references it is known again, and the SealedSecret may go", async () => {
    const annotations = { "sealedsecrets.bitnami.com/skip-set-owner-references": "true" };
    const { look, status, secret } = await place({ a: "1" }, { template: { metadata: { annotations } } });
    await look();
    expect(await look()).toMatchObject({ plan: { kind: "nothing", why: "unchanged" } });
    expect((await status()).conditions[0]).toMatchObject({ status: "True" });
    expect((await secret())!["metadata"].ownerReferences).toBeUndefined();
  });

  test("scenario 5: an existing Secret with managed is overwritten and owned, its annotation gone", async () => {
    const { look, makeSecret, secret, planNow } = await place({ foo: "bar" });
    const annotations = { "sealedsecrets.bitnami.com/managed": "true", theirs: "1" };
    await makeSecret({
      metadata: { annotations, labels: { l: "1" } },
      data: { foo: base64("old"), keep: base64("old") },
    });
    expect(await look()).toMatchObject({ result: "done" });
    const { data, ownerReferences, annotations: left } = essence((await secret())!);
    expect(data).toEqual({ foo: base64("bar") });
    expect(ownerReferences).toMatchObject([{ kind: "SealedSecret", controller: true }]);
    expect(Object.keys(left)).toEqual(["kseal.dev/inputs", "kseal.dev/opened-by"]);
    expect((await planNow()).plan).toMatchObject({ kind: "nothing", why: "unchanged" });
  });

  test("scenarios 6 to 8: patch merges, with managed it is owned, and an empty Secret does as well", async () => {
    for (const [annotations, owners, data] of [
      [{ "sealedsecrets.bitnami.com/patch": "true" }, 0, { foo: base64("old"), keep: base64("old") }],
      [
        { "sealedsecrets.bitnami.com/patch": "true", "sealedsecrets.bitnami.com/managed": "true" },
        1,
        { keep: base64("old") },
      ],
      [{ "sealedsecrets.bitnami.com/patch": "true" }, 0, {}],
    ] as const) {
      const { look, makeSecret, secret } = await place({ foo: "bar" });
      await makeSecret({ metadata: { annotations }, data });
      expect(await look()).toMatchObject({ result: "done" });
      const after = (await secret())!;
      expect(after["data"]).toEqual({ ...data, foo: base64("bar") });
      expect(after["metadata"].ownerReferences ?? []).toHaveLength(owners);
      expect(after["metadata"].annotations).toMatchObject(annotations);
      expect(await look()).toMatchObject({ plan: { kind: "nothing", why: "unchanged" } });
    }
  });

  test("somebody else's Secret is not touched, also when it came between the look and the write", async () => {
    const { look, planNow, makeSecret, secret, context, subjectOf, status } = await place({ foo: "bar" });
    const { plan, object } = await planNow();
    await makeSecret({ data: { other: base64("theirs") } });
    expect(await applyPlan(subjectOf(object), plan, context)).toEqual({ result: "failed" });
    expect((await secret())!["data"]).toEqual({ other: base64("theirs") });
    expect(await look()).toMatchObject({ result: "waits", failure: { reason: "unmanaged" } });
    expect((await status()).conditions[0].message).toBe(
      'failed update: Resource "db" already exists and is not managed by SealedSecret',
    );
  });

  test("a Secret that was replaced between the look and the write is not touched", async () => {
    const { look, planNow, makeSecret, secret, secretPath, change, context, subjectOf } = await place({
      foo: "bar",
    });
    await look();
    await change({ foo: "baz" });
    const { plan, object } = await planNow();
    await api.delete(secretPath);
    await makeSecret({ data: { other: base64("theirs") } });
    expect(await applyPlan(subjectOf(object), plan, context)).toEqual({ result: "failed" });
    expect((await secret())!["data"]).toEqual({ other: base64("theirs") });
  });

  test("scenario 16 and S8: an immutable Secret keeps its values, and the event says what to do", async () => {
    const { look, change, status, events, text } = await place(
      { foo: "bar" },
      { template: { immutable: true } },
    );
    await look();
    await change({ foo: "new" });
    expect(await look()).toMatchObject({ result: "waits", failure: { reason: "update", retry: "later" } });
    expect(await status()).toMatchObject({
      observedGeneration: 2,
      conditions: [
        {
          status: "False",
          message: 'Secret "db" is invalid: data: Forbidden: field is immutable when `immutable` is set',
        },
        {},
        { type: "Stalled" },
      ],
    });
    expect((await events()).map(({ message }) => message)).toContainEqual(
      expect.stringContaining("the target Secret is immutable. Once a Secret is marked as immutable"),
    );
    expect(await text("foo")).toBe("bar");
    const again = await look();
    expect(again).toMatchObject({ result: "waits" });
    expect((await events()).filter(({ reason }) => reason === "ErrUpdateFailed")).toHaveLength(1);
  });

  test("S8: a change of type says so, in the API server's words and what to do", async () => {
    const { look, change, status, events } = await place({ foo: "bar" });
    await look();
    await change({ foo: "bar" }, { template: { type: "example.com/x" } });
    expect(await look()).toMatchObject({ result: "waits" });
    expect((await status()).conditions[0].message).toBe(
      'Secret "db" is invalid: type: Invalid value: "example.com/x": field is immutable',
    );
    expect((await events()).map(({ message }) => message)).toContainEqual(
      expect.stringContaining(
        "the type of a Secret cannot be changed. You can only delete and recreate the Secret.",
      ),
    );
  });

  test("a Secret of the Bitnami controller is taken over: values stay, and items can go later", async () => {
    const { look, change, planNow, secret, makeSecret, writes } = await place({ foo: "bar", old: "1" });
    const owner = readWatched((await planNow()).object);
    const ownerReferences = [
      {
        apiVersion: "bitnami.com/v1alpha1",
        kind: "SealedSecret",
        name: "db",
        uid: owner.uid,
        controller: true,
      },
    ];
    await makeSecret(
      { metadata: { ownerReferences }, data: { foo: base64("bar"), old: base64("1") } },
      "controller",
    );
    await look();
    expect(writes.slice(0, 2)).toEqual(["hand over", "apply"]);
    expect((await secret())!["metadata"].managedFields.map(({ manager }: KubeObject) => manager)).toEqual([
      "kseal-controller",
    ]);
    await change({ foo: "baz" });
    await look();
    expect((await secret())!["data"]).toEqual({ foo: base64("baz") });
  });

  test("#1599: a SealedSecret that is deleted and created anew has a Secret in the end, whatever the garbage collector does", async () => {
    const { look, path, text, namespace, secret } = await place({ foo: "bar" });
    await look();
    const { uid: old } = ((await api.get(path)) as KubeObject)["metadata"];
    await api.delete(path);
    const { spec } = sealedObject({ foo: "new" }, { namespace });
    const object = {
      apiVersion: "bitnami.com/v1alpha1",
      kind: "SealedSecret",
      metadata: { name: "db", namespace },
      spec,
    };
    await api.create({ ...sealedSecrets, namespace }, object, { fieldManager: "git" });
    await waitFor("the Secret of the new one", async () => {
      await look();
      const owners = (await secret())?.["metadata"].ownerReferences ?? [];
      return owners.length === 1 && owners[0].uid !== old ? true : undefined;
    });
    expect(await text("foo")).toBe("new");
  });

  test("a namespace on its way out is no failure that anybody is told of", async () => {
    const { look, namespace, path } = await place({ foo: "bar" }, { annotations: {} });
    await api.patch(
      path,
      { metadata: { finalizers: ["example.com/hold"] } },
      { type: "merge", fieldManager: "test" },
    );
    await api.delete({ group: "", version: "v1", plural: "namespaces", name: namespace });
    await waitFor("the namespace to terminate", async () => {
      const found = (await api.get({
        group: "",
        version: "v1",
        plural: "namespaces",
        name: namespace,
      })) as KubeObject;
      const object = await api.get(path);
      return found["status"].phase === "Terminating" && object !== undefined ? true : undefined;
    });
    const { plan, result } = await look();
    expect(["apply", "nothing"]).toContain(plan.kind);
    expect(["failed", "done"]).toContain(result);
    await api.patch(path, { metadata: { finalizers: null } }, { type: "merge", fieldManager: "test" });
  });

  test("what the API server refuses for good is told; what is wrong with an item's name, for one", async () => {
    const { look, status } = await place({ "a/b": "1" });
    expect(await look()).toMatchObject({ result: "waits", failure: { reason: "update" } });
    expect((await status()).conditions[0].message).toContain("data[a/b]");
  });

  test("a replica without the lease writes nothing", async () => {
    const { look, writes, secret } = await place({ foo: "bar" });
    expect(await look({ mayWrite: () => false })).toMatchObject({ result: "done" });
    expect(writes).toEqual([]);
    expect(await secret()).toBeUndefined();
  });

  test("--dry-run has everything checked, and nothing kept", async () => {
    const { look, secret, status, events } = await place({ foo: "bar" });
    expect(await look({ dryRun: true })).toMatchObject({ result: "done" });
    expect(await secret()).toBeUndefined();
    expect(await status()).toBeUndefined();
    expect(await events()).toEqual([]);
  });

  test("S19: with the old way of collecting, the Secret that is deleted is the one that was looked at", async () => {
    const { look, secret, secretPath, context, makeSecret } = await place({ foo: "bar" });
    await look();
    const seen = readSecretMetadata((await secret())!);
    await api.delete(secretPath);
    await makeSecret({ data: { other: base64("theirs") } });
    // The manifests give no right to delete: the chart does with `oldGcBehavior`.
    const deleting = { ...context, api };
    await expect(deleteLeftOver(seen, deleting)).rejects.toMatchObject({ status: 409 });
    expect(await secret()).toBeDefined();
    await deleteLeftOver(readSecretMetadata((await secret())!), deleting);
    expect(await secret()).toBeUndefined();
  });

  test("the status of an object is never written to another one of its name", async () => {
    const { planNow, context, path, subjectOf, namespace } = await place(
      { foo: "!" },
      { sealedFor: { namespace: "x", name: "y" } },
    );
    const { plan, object } = await planNow();
    await api.delete(path);
    await waitFor("the SealedSecret to go", async () =>
      (await api.get(path)) === undefined ? true : undefined,
    );
    const { metadata, spec } = sealedObject({ foo: "fine" }, { namespace });
    await api.create(
      { ...sealedSecrets, namespace },
      {
        apiVersion: "bitnami.com/v1alpha1",
        kind: "SealedSecret",
        metadata: { name: metadata.name, namespace },
        spec,
      },
      { fieldManager: "git" },
    );
    await applyPlan(subjectOf(object), plan, context);
    expect(((await api.get(path)) as KubeObject)["status"]).toBeUndefined();
  });

  test("the same event again is counted in the one that is there", async () => {
    const { planNow, subjectOf, context, events } = await place({ foo: "bar" });
    const { object } = await planNow();
    const event = { type: "Warning", reason: "ErrUnsealFailed", message: "no" } as const;
    for (let at = 0; at < 3; at += 1) await context.events.record(subjectOf(object), event, Date.now());
    expect(await events()).toMatchObject([
      { count: 3, involvedObject: { kind: "SealedSecret", name: "db" } },
    ]);
    // After a restart there is nothing to count on.
    await new EventRecorder(api).record(subjectOf(object), event, Date.now());
    expect(await events()).toHaveLength(1);
  });
});
