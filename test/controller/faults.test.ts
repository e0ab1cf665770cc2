import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController } from "../support/cluster-bitnami.ts";
import { addController, controllerNamespace, type KsealController } from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import type { KubeObject } from "../support/controller.ts";
import { FaultLedger, sentinel } from "../support/fault-ledger.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

const secrets = `/api/v1/namespaces/${controllerNamespace}/secrets`;
const keyLabel = "sealedsecrets.bitnami.com/sealed-secrets-key";

/** What users, keys and strangers do to a controller. */
describe.skipIf(!hasBitnamiController)("faults of objects, keys and requests", () => {
  let cluster: TestCluster;
  let stage: Stage;
  let ledger: FaultLedger;
  let controller: KsealController;
  let certificate: string;

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.createNamespace("shop");
    stage = new Stage(cluster, "shop");
    ledger = new FaultLedger(cluster);
    const flags = ["--kubeseal-endpoints", "--log-level", "DEBUG", "--read-timeout", "10s"];
    controller = ledger.watch(await addController(cluster, { flags }));
    certificate = await controller.certificate();
  }, 120_000);
  afterEach(() => ledger.close());
  afterAll(async () => {
    await controller?.stop();
    await cluster?.stop();
  });

  const seal = (name: string, values: Record<string, string>, more: KubeObject = {}) =>
    sealers.kseal(stage.plain(name, values, more), { certificate, folder: cluster.folder });

  async function add(name: string, template: KubeObject = {}): Promise<KubeObject> {
    const values = { password: `${sentinel}-${name}` };
    ledger.expect(stage, name, values);
    const sealed = await seal(name, values);
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
    ledger.expect(stage, "frozen", { password: `${sentinel}-other` });
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
    ledger.expect(stage, "items", items);
    await stage.post(await seal("items", items));
    const large = { large: sentinel.repeat(40_000) };
    ledger.expect(stage, "large", large);
    await stage.post(await seal("large", large));
    const bad = await seal("bad", { good: sentinel, other: sentinel });
    bad["spec"].encryptedData.bad = bad["spec"].encryptedData.good.replace(/.{8}$/, "AAAAAAA=");
    ledger.expectFailure(stage, "bad", "(bad)");
    await stage.post(bad);
    await stage.synced("bad", "False", "(bad)");
    expect(await stage.secret("bad")).toBeUndefined();
    await stage.becomes("items", items);
    await stage.becomes("large", large);
    ledger.expect(stage, "bad", { good: sentinel, other: sentinel });
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
      ledger.expectFailure(stage, `bomb-${name}`, message);
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

  test("another manager takes a Secret over by force: its value goes, what is its own stays", async () => {
    await add("taken");
    await isRight("taken");
    const path = "/api/v1/namespaces/shop/secrets/taken";
    await cluster.api.apply(path, {
      ...{
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "taken", namespace: "shop", labels: { theirs: "1" } },
      },
      data: { password: "dGhlaXJz" },
    });
    const { metadata } = await isRight("taken");
    expect(metadata.labels).toEqual({ theirs: "1" });
    expect(metadata.ownerReferences).toHaveLength(1);
  });

  describe("strangers ask, and keep nobody from the certificate:", () => {
    const sockets: Socket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.destroy();
    });

    /** Connections that send this and then nothing. */
    function hold(count: number, text: string): void {
      const { hostname, port } = new URL(controller.url);
      for (let at = 0; at < count; at += 1) {
        const socket = connect(Number(port), hostname);
        socket.on("error", () => undefined);
        socket.write(text);
        socket.resume();
        sockets.push(socket);
      }
    }

    async function post(path: string, body: string): Promise<number> {
      try {
        const answer = await fetch(`${controller.url}${path}`, { method: "POST", body });
        await answer.text();
        return answer.status;
      } catch {
        // It may be refused before it was sent to its end.
        return 0;
      }
    }

    async function connected(): Promise<void> {
      await waitFor("the connections", async () =>
        sockets.every(({ connecting }) => !connecting) ? true : undefined,
      );
    }

    async function certificateIsThere(): Promise<void> {
      expect((await controller.ask("/v1/cert.pem")).status).toBe(200);
    }

    test("a flood for what opens values is limited, a flood for the certificate is answered", async () => {
      const began = Date.now();
      const statuses = await Promise.all(Array.from({ length: 200 }, () => post("/v1/verify", "garbage")));
      const read = statuses.filter((status) => status !== 429).length;
      // Three at once and two a second; what is more than these is left to the slowness of the machine.
      expect(read).toBeLessThan(10 + 2 * ((Date.now() - began) / 1000));
      for (let round = 0; round < 20; round += 1) {
        await Promise.all(Array.from({ length: 25 }, certificateIsThere));
      }
      expect(await controller.metric("kseal_controller_leader")).toBe(1);
    });

    test("slow clients: some send half of their headers, some half of a body, some nothing at all", async () => {
      hold(300, "GET /v1/cert.pem HTTP/1.1\r\nHost: x\r\nX-Slow: ");
      hold(300, "POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na");
      hold(300, "");
      await connected();
      await certificateIsThere();
      await waitFor("the end of who began and did not go on", async () =>
        sockets.slice(0, 600).every(({ readableEnded, destroyed }) => readableEnded || destroyed)
          ? true
          : undefined,
      );
      await certificateIsThere();
    });

    test("more connections than there may be: who comes new gets in, and the oldest has to go", async () => {
      hold(3000, "GET /v1/cert.pem HTTP/1.1\r\n");
      await connected();
      for (let at = 0; at < 10; at += 1) await certificateIsThere();
      await waitFor("the end of the oldest", async () =>
        sockets.filter(({ readableEnded, destroyed }) => readableEnded || destroyed).length >= 1900
          ? true
          : undefined,
      );
      await certificateIsThere();
    });

    test("bodies of 100 MiB, several at a time, are refused before they fill the memory", async () => {
      const rss = await controller.metric("process_resident_memory_bytes");
      const large = "x".repeat(100 * 1024 * 1024);
      const paths = ["/v1/verify", "/v1/rotate", "/v1/cert.pem", "/healthz"];
      const statuses = await Promise.all(paths.map((path) => post(path, large)));
      for (const [at, wanted] of [[413], [413], [405], [405]].entries()) {
        expect([0, 408, 429, ...wanted]).toContain(statuses[at]);
      }
      await certificateIsThere();
      expect((await controller.metric("process_resident_memory_bytes")) - rss).toBeLessThan(64 * 1024 * 1024);
    });
  });

  // Last, as the garbage collector takes half a minute to learn of a kind that is new to its cluster.
  test.for(["Background", "Foreground"])(
    "objects are deleted (%s) and made anew under their names, as Argo CD replaces them: their Secrets are there, and the new ones' own",
    async (propagationPolicy) => {
      const names = Array.from({ length: 8 }, (_, at) => `replaced-${propagationPolicy.toLowerCase()}-${at}`);
      for (const name of names) await add(name);
      for (const name of names) await isRight(name);
      const sealed = await Promise.all(
        names.map((name) => seal(name, { password: `${sentinel}-new-${name}` })),
      );
      await Promise.all(
        names.map(async (name, at) => {
          ledger.expect(stage, name, { password: `${sentinel}-new-${name}` });
          const path = `/apis/bitnami.com/v1alpha1/namespaces/shop/sealedsecrets/${name}`;
          await cluster.api.call("DELETE", path, { propagationPolicy });
          // In the foreground the Secret goes first, and the name is free only then.
          await waitFor("the name", () => stage.post(sealed[at]!));
        }),
      );
      await ledger.close();
      // Garbage collection has seen all of this when it has taken away what came last.
      const owner = await add(`last-${propagationPolicy.toLowerCase()}`);
      await isRight(owner["metadata"].name);
      ledger.drop(stage, owner["metadata"].name);
      await stage.delete(owner["metadata"].name);
      await waitFor("the garbage collection", async () =>
        (await stage.secret(owner["metadata"].name)) === undefined ? true : undefined,
      );
    },
  );
});
