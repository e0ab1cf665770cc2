import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { WriteKind } from "../../controller/apply-plan.ts";
import { EventRecorder } from "../../controller/event-recorder.ts";
import { keySetOf } from "../../controller/key-set.ts";
import { readOptions } from "../../controller/options.ts";
import { Reconciler } from "../../controller/reconciler.ts";
import { systemTimer } from "../../controller/timer.ts";
import { createNodeHost } from "../../src/host/node-host.ts";
import type { KubeApi } from "../../src/kube/api.ts";
import { createKubeApi } from "../../src/kube/client.ts";
import { templateRenderer } from "../../src/ops/render-template.ts";
import { unsealSecret } from "../../src/sealed/unseal-secret.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { installDefinition } from "../support/cluster-bitnami.ts";
import { controllerKubeconfig } from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { type KubeObject, sealedObject, testKey } from "../support/controller.ts";
import { random } from "../support/sealed.ts";

describe.skipIf(!hasCluster)("the loop at a real API server", () => {
  let cluster: TestCluster;
  let api: KubeApi;
  let controllerConfig: string;
  const namespace = "loop";
  const sealedPath = { group: "bitnami.com", version: "v1alpha1", plural: "sealedsecrets", namespace };
  const secretPath = { group: "", version: "v1", plural: "secrets", namespace };

  beforeAll(async () => {
    cluster = await startCluster();
    await installDefinition(cluster);
    await cluster.createNamespace(namespace);
    api = await client();
    controllerConfig = await controllerKubeconfig(cluster);
  });
  afterAll(async () => {
    api?.close();
    await cluster?.stop();
  });

  function client(kubeconfig = cluster.kubeconfig): Promise<KubeApi> {
    const log = { info: () => undefined, warn: () => undefined };
    return createKubeApi({ host: createNodeHost(), cluster: { kubeconfig }, log });
  }

  async function run(flags: readonly string[] = [], keysListed = () => true) {
    const writes: WriteKind[] = [];
    const errors: unknown[] = [];
    const counts = { decrypts: 0 };
    const abort = new AbortController();
    const own = await client(controllerConfig);
    const options = readOptions({
      arguments: flags,
      environment: {},
      serviceAccountNamespace: undefined,
      now: Date.now(),
    });
    const reconciler = new Reconciler({
      api: own,
      options,
      keys: () => keySetOf([testKey], { order: "CertNotBefore" }),
      keysListed,
      unseal: (sealed, keys, first) => {
        counts.decrypts += 1;
        const render = templateRenderer({ now: Date.now, random });
        return unsealSecret(sealed, { keys, first, render, acceptV1: true });
      },
      writer: {
        api: own,
        events: new EventRecorder(own),
        now: Date.now,
        mayWrite: () => true,
        updateStatus: true,
        dryRun: false,
        onWrite: (kind) => writes.push(kind),
      },
      timer: systemTimer,
      chance: Math.random,
      onError: (key, error) => errors.push([key, error]),
      signal: abort.signal,
    });
    const running = reconciler.run();
    let stopped = false;
    const stop = async () => {
      if (stopped) return;
      stopped = true;
      abort.abort();
      await running;
      own.close();
    };
    onTestFinished(stop);
    if (keysListed()) await waitFor("the lists", async () => (reconciler.isReady ? true : undefined));
    await reconciler.queue.idle();
    return { reconciler, writes, errors, counts, stop };
  }

  async function post(name: string, values: Record<string, string>, more: KubeObject = {}) {
    const { spec } = sealedObject(values, { namespace, name });
    const object = {
      apiVersion: "bitnami.com/v1alpha1",
      kind: "SealedSecret",
      metadata: { name, namespace, ...more },
      spec,
    };
    return await api.create(sealedPath, object, { fieldManager: "git" });
  }

  async function secret(name: string): Promise<KubeObject | undefined> {
    return (await api.get({ ...secretPath, name })) as KubeObject | undefined;
  }

  const valueIs = (name: string, value: string) =>
    waitFor(`${name} to be ${value}`, async () =>
      (await secret(name))?.["data"]?.password === Buffer.from(value).toString("base64") ? true : undefined,
    );

  const isSynced = (name: string, wanted = "True") =>
    waitFor(`${name} to be Synced=${wanted}`, async () => {
      const object = (await api.get({ ...sealedPath, name })) as KubeObject;
      return object["status"]?.conditions[0].status === wanted ? true : undefined;
    });

  test("makes what is missing, with one write each; a restart opens nothing and writes nothing", async () => {
    const names = Array.from({ length: 20 }, (_, at) => `many-${at}`);
    for (const name of names) await post(name, { password: name });
    const { writes, counts, stop, reconciler } = await run();
    await reconciler.queue.idle();
    for (const name of names) await isSynced(name);
    await reconciler.queue.idle();
    expect(counts.decrypts).toBe(20);
    expect(writes.filter((kind) => kind === "create")).toHaveLength(20);
    expect(writes.filter((kind) => kind === "status")).toHaveLength(20);
    expect(writes).toHaveLength(60);
    await stop();
    const again = await run();
    expect({ decrypts: again.counts.decrypts, writes: again.writes, errors: again.errors }).toEqual({
      decrypts: 0,
      writes: [],
      errors: [],
    });
  });

  test("sees new objects, changes, deletions and drift, and puts everything right", async () => {
    await run();
    await post("live", { password: "one" });
    await valueIs("live", "one");
    await isSynced("live");
    await api.delete({ ...secretPath, name: "live" });
    await valueIs("live", "one");
    const patch = { data: { password: Buffer.from("tampered").toString("base64") } };
    await api.patch({ ...secretPath, name: "live" }, patch, { type: "merge", fieldManager: "kubectl-edit" });
    await valueIs("live", "one");
    const { spec } = sealedObject({ password: "two" }, { namespace, name: "live" });
    await api.patch({ ...sealedPath, name: "live" }, { spec }, { type: "merge", fieldManager: "git" });
    await valueIs("live", "two");
  });

  test("says and writes nothing before the keys are listed: nothing would open", async () => {
    await post("early", { password: "x" });
    let listed = false;
    const { reconciler, writes, counts } = await run([], () => listed);
    await post("early-too", { password: "x" });
    await waitFor("both", async () => ([...reconciler.objects()].length >= 2 ? true : undefined));
    reconciler.resync();
    await reconciler.queue.idle();
    expect([writes, counts.decrypts, reconciler.isReady]).toEqual([[], 0, false]);
    listed = true;
    reconciler.resync();
    await valueIs("early", "x");
    await valueIs("early-too", "x");
  });

  test("contradicts who says that an object does not open, when it does", async () => {
    await run();
    await post("doubted", { password: "x" });
    await isSynced("doubted");
    const status = {
      observedGeneration: 1,
      conditions: [{ type: "Synced", status: "False", message: "no key could decrypt secret (password)" }],
    };
    const path = { ...sealedPath, name: "doubted", subresource: "status" };
    await api.patch(path, { status }, { type: "merge", fieldManager: "another controller" });
    await isSynced("doubted");
  });

  test("S4: opens an object when its scope is put right", async () => {
    await run();
    const { spec } = sealedObject(
      { password: "x" },
      { annotations: { "sealedsecrets.bitnami.com/cluster-wide": "true" } },
    );
    const object = {
      apiVersion: "bitnami.com/v1alpha1",
      kind: "SealedSecret",
      metadata: { name: "scope", namespace },
      spec,
    };
    await api.create(sealedPath, object, { fieldManager: "git" });
    await isSynced("scope", "False");
    const annotations = { "sealedsecrets.bitnami.com/cluster-wide": "true" };
    await api.patch(
      { ...sealedPath, name: "scope" },
      { metadata: { annotations } },
      { type: "merge", fieldManager: "git" },
    );
    await valueIs("scope", "x");
  });

  test("#1599: an object that is replaced again and again has its Secret in the end", async () => {
    await run();
    for (let at = 0; at < 5; at += 1) {
      await post("replaced", { password: `v${at}` });
      if (at % 2 === 0) await valueIs("replaced", `v${at}`);
      if (at < 4) await api.delete({ ...sealedPath, name: "replaced" });
    }
    await valueIs("replaced", "v4");
    // Longer than the collector needs to find what belongs to objects that are gone.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await valueIs("replaced", "v4");
    await isSynced("replaced");
  });

  test("takes a foreign Secret when it is marked as managed, and not before", async () => {
    await run();
    const foreign = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "taken", namespace },
      data: { other: "eA==" },
    };
    await api.create(secretPath, foreign, { fieldManager: "somebody" });
    await post("taken", { password: "mine" });
    await isSynced("taken", "False");
    expect((await secret("taken"))!["data"]).toEqual({ other: "eA==" });
    const annotations = { "sealedsecrets.bitnami.com/managed": "true" };
    await api.patch(
      { ...secretPath, name: "taken" },
      { metadata: { annotations } },
      { type: "merge", fieldManager: "somebody" },
    );
    await valueIs("taken", "mine");
    await isSynced("taken");
  });

  test("goes on when the API server was killed and came back", async () => {
    const { errors } = await run();
    await post("before", { password: "1" });
    await valueIs("before", "1");
    await cluster.stopApiServer("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await cluster.startApiServer();
    await post("after", { password: "2" });
    await valueIs("after", "2");
    await isSynced("after");
    expect(errors.length).toBeGreaterThan(0);
  });
});
