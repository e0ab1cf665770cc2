import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { ClusterOptions, KubeApi } from "../../src/kube/api.ts";
import { createKubeApi } from "../../src/kube/client.ts";
import { fetchCertificatePem, rotateSealed, verifySealed } from "../../src/kube/sealed-secrets-service.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { addBitnamiController, hasBitnamiController } from "../support/cluster-bitnami.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { createTestHost } from "../support/test-host.ts";

const kubeseal = peer("kubeseal");
const secrets = { group: "", version: "v1", plural: "secrets", namespace: "default" } as const;
const secret = (name: string) => ({ ...secrets, name });
const object = (name: string, data: object, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, ...more },
  data,
});
const silent = { info: () => undefined, warn: () => undefined };
const fieldManager = "kseal";

describe.skipIf(!hasCluster)("on a real API server", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ controllerManager: false });
  });
  afterAll(() => cluster?.stop());

  async function client(options: ClusterOptions = {}, silenceMs?: number): Promise<KubeApi> {
    const host = await createTestHost({});
    const api = await createKubeApi({
      host,
      cluster: { kubeconfig: cluster.kubeconfig, ...options },
      log: silent,
      silenceMs,
    });
    onTestFinished(() => api.close());
    return api;
  }

  test("an object is made, read, changed and deleted", async () => {
    const api = await client();
    await api.create(secrets, object("crud", { a: "MQ==" }), { fieldManager });
    expect(await api.get(secret("crud"))).toMatchObject({ kind: "Secret", data: { a: "MQ==" } });
    const patched = await api.patch(secret("crud"), { data: { b: "Mg==" } }, { type: "merge", fieldManager });
    expect(patched["data"]).toEqual({ a: "MQ==", b: "Mg==" });
    const remove = [{ op: "remove", path: "/data/a" }];
    expect((await api.patch(secret("crud"), remove, { type: "json", fieldManager }))["data"]).toEqual({
      b: "Mg==",
    });
    const updated = await api.update(
      secret("crud"),
      { ...patched, metadata: { name: "crud" } },
      { fieldManager },
    );
    expect(updated["data"]).toEqual({ a: "MQ==", b: "Mg==" });
    await expect(api.update(secret("crud"), patched, { fieldManager })).rejects.toMatchObject({
      code: "CLUSTER_CONFLICT",
      reason: "Conflict",
    });
    await expect(api.create(secrets, object("crud", {}), { fieldManager })).rejects.toMatchObject({
      code: "CLUSTER_CONFLICT",
      status: 409,
      reason: "AlreadyExists",
      message: 'secrets "crud" already exists',
    });
    await expect(
      api.delete(secret("crud"), { uid: "00000000-0000-0000-0000-000000000000" }),
    ).rejects.toMatchObject({
      code: "CLUSTER_CONFLICT",
    });
    expect(await api.delete(secret("crud"))).toBe(true);
    expect(await api.delete(secret("crud"))).toBe(false);
    expect(await api.get(secret("crud"))).toBeUndefined();
  });

  test("server-side apply keeps its fields apart from those of others", async () => {
    const api = await client();
    const dry = await api.apply(secret("ssa"), object("ssa", { a: "MQ==" }), {
      fieldManager,
      force: false,
      dryRun: true,
    });
    expect(dry["data"]).toEqual({ a: "MQ==" });
    expect(await api.get(secret("ssa"))).toBeUndefined();
    await api.apply(secret("ssa"), object("ssa", { a: "MQ==" }), { fieldManager, force: false });
    const other = { fieldManager: "other", force: false };
    await expect(api.apply(secret("ssa"), object("ssa", { a: "Mg==" }), other)).rejects.toMatchObject({
      code: "CLUSTER_CONFLICT",
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "kseal": .data.a',
    });
    const forced = await api.apply(secret("ssa"), object("ssa", { a: "Mg==" }), { ...other, force: true });
    expect(forced["data"]).toEqual({ a: "Mg==" });
  });

  test("no refusal quotes a value that was sent", async () => {
    const api = await client();
    const bad = { ...object("quotes", {}), stringData: { pin: 12345 } };
    const work = api.apply(secret("quotes"), bad, { fieldManager, force: false });
    const error: Error = await work.then(
      () => new Error("accepted"),
      (thrown: Error) => thrown,
    );
    expect(error.message).not.toContain("12345");
    expect(error).toMatchObject({
      name: "KubeError",
      serverMessage: expect.stringContaining("expected string"),
    });
  });

  test("a list of many pages is whole; metadata alone holds no data", async () => {
    const api = await client();
    const labels = { set: "many" };
    const names = Array.from({ length: 25 }, (_, index) => `many-${String(index).padStart(2, "0")}`);
    await Promise.all(
      names.map((name) => api.create(secrets, object(name, { a: "MQ==" }, { labels }), { fieldManager })),
    );
    const { items } = await api.list(secrets, { labelSelector: "set=many", limit: 10 });
    expect(items.map((item) => (item["metadata"] as { name: string }).name)).toEqual(names);
    expect(items[0]).toMatchObject({ apiVersion: "v1", kind: "Secret", data: { a: "MQ==" } });
    const bare = await api.list(
      { ...secrets, namespace: undefined },
      { labelSelector: "set=many", metadataOnly: true },
    );
    expect(bare.items).toHaveLength(25);
    expect(bare.items[0]).toMatchObject({ kind: "PartialObjectMetadata", metadata: { labels } });
    expect(JSON.stringify(bare.items)).not.toContain("MQ==");
    const one = await api.get(secret("many-00"), { metadataOnly: true });
    expect(one).not.toHaveProperty("data");
  });

  test("a watch sees what happens after the list, and ends when its time is over", async () => {
    const api = await client();
    const { resourceVersion } = await api.list(secrets);
    const options = {
      resourceVersion,
      fieldSelector: "metadata.name=seen",
      metadataOnly: true,
      timeoutSeconds: 1,
    };
    const events: [string, string][] = [];
    const watching = (async () => {
      for await (const { type, object: found } of api.watch(secrets, options))
        events.push([type, String(found["kind"])]);
    })();
    await api.create(secrets, object("seen", { a: "MQ==" }), { fieldManager });
    await api.patch(secret("seen"), { data: { a: null } }, { type: "merge", fieldManager });
    await api.delete(secret("seen"));
    await watching;
    const changes = events.filter(([type]) => type !== "BOOKMARK");
    expect(changes).toEqual(["ADDED", "MODIFIED", "DELETED"].map((type) => [type, "PartialObjectMetadata"]));
  });

  test("users with less rights are told which one is missing, in a command that says the same", async () => {
    const { cert, key } = cluster.authority.client("eve", ["devs"]);
    const data = (text: string) => Buffer.from(text).toString("base64");
    const user = { "client-certificate-data": data(cert), "client-key-data": data(key) };
    const eve = await client({ kubeconfig: cluster.kubeconfigFor("eve", user) });
    await expect(eve.get(secret("x"))).rejects.toMatchObject({
      code: "CLUSTER_FORBIDDEN",
      message:
        'secrets "x" is forbidden: User "eve" cannot get resource "secrets" in API group "" in the namespace "default"',
      hint: expect.stringMatching(
        /^`kubectl auth can-i get secrets\/x -n default --context \S+` asks for this right alone$/,
      ),
    });
    const acting = await client({ as: "eve", asGroup: ["devs"] });
    await expect(acting.get(secret("x"))).rejects.toMatchObject({
      message: expect.stringContaining('User "eve" cannot get'),
      hint: expect.stringContaining(" --as eve`"),
    });
    const nobody = await client({ kubeconfig: cluster.kubeconfigFor("nobody", { token: "wrong" }) });
    await expect(nobody.get(secret("x"))).rejects.toMatchObject({ code: "CLUSTER_FORBIDDEN", status: 401 });
  });

  test("a kind that the cluster does not have", async () => {
    const api = await client();
    const sealed = { group: "no.example.com", version: "v1", plural: "things" };
    await expect(api.list(sealed)).rejects.toMatchObject({
      code: "CLUSTER_CONFLICT",
      status: 404,
      message: "the server could not find the requested resource (404)",
    });
  });

  test("a service account's kubeconfig serves", async () => {
    const file = await cluster.serviceAccountKubeconfig("default", "reader");
    const api = await client({ kubeconfig: file });
    await expect(api.list(secrets)).rejects.toMatchObject({
      message: expect.stringContaining('User "system:serviceaccount:default:reader" cannot list'),
    });
  });

  test.skipIf(!hasBitnamiController || kubeseal === undefined)(
    "the real controller gives its certificate, opens what kubeseal sealed with it, and seals it again",
    async () => {
      const controller = await addBitnamiController(cluster);
      onTestFinished(() => controller.stop());
      const api = await client();
      const place = { namespace: "kube-system", name: "sealed-secrets-controller" };
      const pem = await fetchCertificatePem(api, place);
      expect(new X509Certificate(pem).publicKey.asymmetricKeyType).toBe("rsa");

      const host = await createTestHost({ files: { "cert.pem": pem } });
      const { stdout: printed, stderr } = await runProgram([kubeseal!, "--cert", "cert.pem"], {
        cwd: host.cwd,
        env: {},
        stdin: JSON.stringify(object("mine", { a: "MQ==" }, { namespace: "default" })),
      });
      const sealed = new Uint8Array(printed);
      const stdout = printed.toString("utf8");
      expect(stdout, stderr).not.toBe("");
      expect(await verifySealed(api, place, sealed)).toBe(true);
      const moved = JSON.parse(stdout);
      moved.metadata.namespace = "other";
      expect(await verifySealed(api, place, new TextEncoder().encode(JSON.stringify(moved)))).toBe(false);
      const again = JSON.parse(new TextDecoder().decode(await rotateSealed(api, place, sealed)));
      expect(again.spec.encryptedData.a).not.toBe(JSON.parse(stdout).spec.encryptedData.a);
    },
  );

  test("after the API server was away the next request works, and old versions are too old", async () => {
    const api = await client();
    await api.list(secrets);
    await cluster.stopApiServer();
    await expect(api.list(secrets)).rejects.toMatchObject({
      code: "CLUSTER_UNREACHABLE",
      message: `cannot reach the cluster at ${cluster.server}: connection refused (ECONNREFUSED)`,
    });
    await cluster.startApiServer();
    expect((await api.list(secrets)).items.length).toBeGreaterThan(0);
    // What it remembers of the past went with it.
    const watching = (async () => {
      for await (const _ of api.watch(secrets, { resourceVersion: "1", timeoutSeconds: 1 })) break;
    })();
    await expect(watching).rejects.toMatchObject({ status: 410, reason: "Expired" });
  });
});
