import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController } from "../support/cluster-bitnami.ts";
import { addController, controllerNamespace, type KsealController } from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import type { KubeObject } from "../support/controller.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

const secrets = `/api/v1/namespaces/${controllerNamespace}/secrets`;
const keyLabel = "sealedsecrets.bitnami.com/sealed-secrets-key";
/** Stands in every value, and may stand nowhere but in Secrets. */
const sentinel = "sentinel-plaintext";

/** What users, keys and strangers do to a controller. */
describe.skipIf(!hasBitnamiController)("faults of objects, keys and requests", () => {
  let cluster: TestCluster;
  let stage: Stage;
  let controller: KsealController;
  let certificate: string;

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.createNamespace("shop");
    stage = new Stage(cluster, "shop");
    controller = await addController(cluster, { flags: ["--kubeseal-endpoints", "--log-level", "DEBUG"] });
    certificate = await controller.certificate();
  }, 120_000);
  afterAll(async () => {
    await controller?.stop();
    await cluster?.stop();
  });

  const seal = (name: string, values: Record<string, string>, more: KubeObject = {}) =>
    sealers.kseal(stage.plain(name, values, more), { certificate, folder: cluster.folder });

  async function add(name: string, template: KubeObject = {}): Promise<KubeObject> {
    const sealed = await seal(name, { password: `${sentinel}-${name}` });
    const spec = { ...sealed["spec"], template: { ...sealed["spec"].template, ...template } };
    return await stage.post({ ...sealed, spec });
  }

  const isRight = async (name: string) => {
    const secret = await stage.becomes(name, { password: `${sentinel}-${name}` });
    await stage.synced(name);
    return secret;
  };

  test("a Secret is edited, robbed of an item, and of its notes, and is put right each time", async () => {
    await add("edited");
    await isRight("edited");
    const changes: KubeObject[] = [
      { data: { password: "b3RoZXI=" } },
      { data: { password: null } },
      { metadata: { annotations: { "kseal.dev/inputs": "sha256:00" } } },
    ];
    for (const change of changes) {
      await stage.changeSecret("edited", change);
      await isRight("edited");
    }
    await stage.changeSecret("edited", {
      metadata: { annotations: { theirs: "stays" }, labels: { a: "b" } },
    });
    await stage.changeSecret("edited", { data: { password: "YWdhaW4=" } });
    const { metadata } = await isRight("edited");
    expect([metadata.annotations.theirs, metadata.labels.a]).toEqual(["stays", "b"]);
    expect(controller.log()).toContain('"fields":"data password","action":"repaired"');
    expect(
      await controller.metric("kseal_controller_drift_total", '{action="repaired",namespace="shop"}'),
    ).toBeGreaterThan(0);
  });

  test("somebody takes a Secret away from its SealedSecret, and gives it back", async () => {
    await add("freed");
    await isRight("freed");
    await stage.changeSecret("freed", { metadata: { ownerReferences: null }, data: { password: "bXk=" } });
    await stage.synced("freed", "False", "already exists and is not managed by SealedSecret");
    expect(await stage.values("freed")).toEqual({ password: "my" });
    const managed = { "sealedsecrets.bitnami.com/managed": "true" };
    await stage.changeSecret("freed", { metadata: { annotations: managed } });
    expect((await isRight("freed"))["metadata"].ownerReferences).toHaveLength(1);
  });

  test("a Secret is made immutable by somebody: it says what to do, and goes on when that is done", async () => {
    await add("frozen");
    await isRight("frozen");
    await stage.changeSecret("frozen", { immutable: true });
    const { spec } = await seal("frozen", { password: `${sentinel}-other` });
    await stage.change("frozen", { spec });
    await stage.event("frozen", "ErrUpdateFailed", "the target Secret is immutable");
    await stage.deleteSecret("frozen");
    await stage.becomes("frozen", { password: `${sentinel}-other` });
    await stage.synced("frozen");
  });

  test("a Secret with its name is somebody else's, until it is gone", async () => {
    await stage.postSecret("theirs", { stringData: { mine: "1" } });
    await add("theirs");
    await stage.synced("theirs", "False", "already exists and is not managed by SealedSecret");
    expect(await stage.values("theirs")).toEqual({ mine: "1" });
    await stage.deleteSecret("theirs");
    await stage.change("theirs", { metadata: { annotations: { "kseal.dev/force-sync": "now" } } });
    await isRight("theirs");
  });

  test("an object of 500 items, one of nearly a mebibyte, and one with a bad item among good ones", async () => {
    const items = Object.fromEntries(
      Array.from({ length: 500 }, (_, at) => [`item-${at}`, `${sentinel}${at}`]),
    );
    await stage.post(await seal("items", items));
    const large = { large: sentinel.repeat(40_000) };
    await stage.post(await seal("large", large));
    const bad = await seal("bad", { good: sentinel, other: sentinel });
    bad["spec"].encryptedData.bad = bad["spec"].encryptedData.good.replace(/.{8}$/, "AAAAAAA=");
    await stage.post(bad);
    await stage.synced("bad", "False", "(bad)");
    expect(await stage.secret("bad")).toBeUndefined();
    await stage.becomes("items", items);
    await stage.becomes("large", large);
    await stage.change("bad", { spec: { encryptedData: { bad: null } } });
    await stage.becomes("bad", { good: sentinel, other: sentinel });
  });

  test("template bombs end by themselves, others go on, and no message holds a value", async () => {
    const bombs: Record<string, [template: string, message: string]> = {
      loop: [
        "{{ range $i, $_ := until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}",
        "the templates take more than",
      ],
      flood: [
        '{{ repeat 100000000 "xxxxxxxxxx" }}',
        "error calling repeat: text of more than 4194304 characters",
      ],
      deep: ['{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}', "maximum template depth"],
      tell: ["{{ fail .password }}", "error calling fail: (left out, as it may hold a value)"],
      range: [
        "{{ range .password }}{{ end }}",
        "range can't iterate over (left out, as it may hold a value)",
      ],
      public: ['{{ fail "no" }}', "error calling fail: no"],
    };
    for (const [name, [text]] of Object.entries(bombs)) await add(`bomb-${name}`, { data: { out: text } });
    await add("beside-bombs");
    for (const [name, [, message]] of Object.entries(bombs)) {
      await stage.synced(`bomb-${name}`, "False", message);
    }
    await isRight("beside-bombs");
    expect((await controller.ask("/healthz")).status).toBe(200);
  });

  test("S13, S20: a key Secret is corrupted, put right, taken out of use and deleted, without a restart", async () => {
    await add("before-keys");
    await isRight("before-keys");
    const [key] = (await cluster.api.call("GET", `${secrets}?labelSelector=${keyLabel}%3Dactive`)).items;
    const path = `${secrets}/${key.metadata.name}`;
    const count = (wanted: number, refused: number) =>
      waitFor(`${wanted} keys, ${refused} refused`, async () => {
        const keys = await controller.metric("kseal_controller_sealing_keys");
        const bad = await controller.metric("kseal_controller_refused_key_secrets");
        return keys === wanted && bad === refused ? true : undefined;
      });
    controller.signal("SIGUSR1");
    await count(2, 0);
    await cluster.api.call("PATCH", path, { data: { "tls.key": "AAAA" } });
    await count(1, 1);
    await new Stage(cluster, controllerNamespace).event(key.metadata.name, "SealingKeyRefused", "is not PEM");
    await stage.deleteSecret("before-keys");
    await stage.synced("before-keys", "False", "no key could decrypt secret (password)");
    await cluster.api.call("PATCH", path, { data: key.data });
    await count(2, 0);
    await isRight("before-keys");
    await cluster.api.call("PATCH", path, { metadata: { labels: { [keyLabel]: "compromised" } } });
    await count(1, 0);
    await stage.synced("before-keys", "False");
    expect(await stage.values("before-keys")).toEqual({ password: `${sentinel}-before-keys` });
    await cluster.api.call("DELETE", path);
    const { uid: _, resourceVersion: __, ...metadata } = key.metadata;
    await cluster.api.call("POST", secrets, { ...key, metadata });
    await count(2, 0);
    await isRight("before-keys");
  });

  test("floods, slow clients and large bodies keep nobody from the certificate", async () => {
    const { hostname, port } = new URL(controller.url);
    const slow = Array.from({ length: 50 }, () => {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      socket.write("POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na");
      return socket;
    });
    const post = (body: string) =>
      fetch(`${controller.url}/v1/verify`, { method: "POST", body }).then(
        async (answer) => {
          await answer.text();
          return answer.status;
        },
        () => 0,
      );
    const statuses = await Promise.all(Array.from({ length: 200 }, () => post("garbage")));
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(150);
    expect((await controller.ask("/v1/cert.pem")).status).toBe(200);
    const rss = await controller.metric("process_resident_memory_bytes");
    // It may be refused before it was sent to its end.
    expect([0, 413, 429]).toContain(await post("x".repeat(100 * 1024 * 1024)));
    expect((await controller.metric("process_resident_memory_bytes")) - rss).toBeLessThan(64 * 1024 * 1024);
    expect((await controller.ask("/v1/cert.pem")).status).toBe(200);
    for (const socket of slow) socket.destroy();
  });

  test("after all of this no value stands in a log, a status, an event or a metric", async () => {
    const events = await cluster.kubectl(["get", "events", "--all-namespaces", "-o", "json"]);
    const objects = await cluster.kubectl(["get", "sealedsecrets", "--all-namespaces", "-o", "json"]);
    const metrics = await (await fetch(controller.metricsUrl)).text();
    const statuses = (JSON.parse(objects).items as KubeObject[]).map(({ status }) => status);
    for (const text of [events, JSON.stringify(statuses), metrics, controller.log()]) {
      expect(text.length).toBeGreaterThan(500);
      expect(text.includes(sentinel)).toBe(false);
    }
  });
});
