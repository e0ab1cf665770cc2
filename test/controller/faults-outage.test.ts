import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController } from "../support/cluster-bitnami.ts";
import {
  addController,
  type KsealController,
  type KsealControllerOptions,
} from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { FaultLedger, sentinel } from "../support/fault-ledger.ts";
import { openFaultyApi } from "../support/faulty-api.ts";
import { type Moto, motoServer, startMoto } from "../support/kms/moto.ts";
import { makeBucket } from "../support/kms/moto-s3.ts";
import { peer } from "../support/peers.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

/*
 * Faults that last: each a cluster of its own, and all at the same time, as hardly anything is done meanwhile. At the
 * end of each everything is as it should be.
 */

// They last half a minute and a minute; where every second of the tests counts, a third of that.
const share = process.env["SLOW"] === "1" ? 1 : 1 / 3;
const [halfMinute, minute] = [30_000 * share, 60_000 * share];

interface Scene {
  readonly stage: Stage;
  readonly ledger: FaultLedger;
  readonly controller: KsealController;
  /** Puts SealedSecrets of these names into the cluster. */
  add(names: readonly string[]): Promise<void>;
}

async function prepare(cluster: TestCluster, flags: readonly string[] = []): Promise<Scene> {
  await cluster.createNamespace("shop");
  const [stage, ledger] = [new Stage(cluster, "shop"), new FaultLedger(cluster)];
  const controller = ledger.watch(await addController(cluster, { flags }));
  const certificate = await controller.certificate();
  return {
    ...{ stage, ledger, controller },
    add: async (names) => {
      for (const name of names) {
        const values = { password: `${sentinel}-${name}` };
        const sealed = await sealers.kseal(stage.plain(name, values), {
          certificate,
          folder: cluster.folder,
        });
        ledger.expect(stage, name, values);
        // While etcd elects a leader it takes nothing, or takes it and says that it did not.
        await waitFor(`${name} to be taken`, async () => {
          if ((await stage.sealed(name)) === undefined) await stage.post(sealed);
          return true;
        });
      }
    },
  };
}

const some = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

/** What a controller owes to everybody else while its API server does nothing for it. */
async function stays({ controller }: Scene): Promise<void> {
  for (const path of ["/healthz", "/readyz", "/v1/cert.pem"]) {
    expect([path, (await controller.ask(path)).status]).toEqual([path, 200]);
  }
}

describe.skipIf(!hasBitnamiController).concurrent("members of etcd are lost", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ etcdMembers: 3 });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
  });

  test("one of three for half a minute, and then two: what can be written is, and the rest when they are back", {
    timeout: 150_000,
  }, async () => {
    const scene = await prepare(cluster);
    const { ledger, stage, controller, add } = scene;
    await add(some("before", 3));
    await ledger.close();

    await cluster.stopEtcd(2);
    const oneLost = Date.now();
    for (let at = 0; Date.now() - oneLost < halfMinute; at += 1) {
      await add([`one-lost-${at}`]);
      await stage.becomes(`one-lost-${at}`, { password: `${sentinel}-one-lost-${at}` });
      await pause(2000);
    }
    await ledger.close();
    expect(await controller.leads()).toBe(true);

    // This half is read from what the API server remembers, and nothing is written.
    await stage.changeSecret("before-0", { data: { password: "b3RoZXI=" } });
    await cluster.stopEtcd(1);
    const twoLost = Date.now();
    await waitFor("the end of the lease", async () => ((await controller.leads()) ? undefined : true));
    while (Date.now() - twoLost < halfMinute) {
      await stays(scene);
      await pause(1000);
    }
    cluster.startEtcd(1);
    cluster.startEtcd(2);
    await waitFor("the API server", async () =>
      (await cluster.api.request("GET", "/readyz")).status === 200 ? true : undefined,
    );
    await add(some("after", 3));
    await ledger.close();
  });
});

describe.skipIf(!hasBitnamiController).concurrent("the API server refuses everything for a minute", () => {
  const clusters: TestCluster[] = [];
  afterAll(async () => {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  });

  test.for([429, 500])(
    "with %i: it is not flooded, and all is done when that is over",
    { timeout: 150_000 },
    async (status) => {
      const cluster = await startCluster();
      clusters.push(cluster);
      const api = await openFaultyApi(cluster);
      const scene = await prepare(cluster, ["--kubeconfig", api.kubeconfig]);
      const { ledger, stage, controller, add } = scene;
      await add(some("before", 3));
      await ledger.close();

      api.fail(() => status);
      api.cutWatches();
      api.calls();
      const began = Date.now();
      await add(some("meanwhile", 5));
      await stage.changeSecret("before-0", { data: { password: "b3RoZXI=" } });
      await stage.deleteSecret("before-1");
      while (Date.now() - began < minute) {
        await stays(scene);
        await pause(1000);
      }
      const calls = api.calls();
      expect(calls.length).toBeGreaterThan(10);
      // Four watches and the lease, each with its own patience.
      expect(calls.length / (minute / 1000)).toBeLessThan(15);
      expect(await controller.leads()).toBe(false);
      expect(await stage.secret("meanwhile-0")).toBeUndefined();
      api.fail(undefined);
      const over = Date.now();
      await ledger.close();
      // The longest wait of a watch is five seconds; of an object it would be five minutes.
      expect(Date.now() - over).toBeLessThan(20_000);
      await api.close();
    },
  );
});

const alerts = readFileSync(
  join(import.meta.dirname, "../../controller/manifests/components/monitoring/alerts.yaml"),
  "utf8",
);

describe.skipIf(!hasBitnamiController || motoServer === undefined)(
  "when a new key cannot be backed up",
  () => {
    let cluster: TestCluster;
    let stage: Stage;
    let ledger: FaultLedger;
    let recipient: string;
    let moto: Moto;
    let controller: KsealController | undefined;

    beforeAll(async () => {
      [cluster, moto] = await Promise.all([startCluster(), startMoto()]);
      await cluster.createNamespace("shop");
      [stage, ledger] = [new Stage(cluster, "shop"), new FaultLedger(cluster)];
      const identity = join(cluster.folder, "recovery.txt");
      execFileSync(peer("age-keygen") ?? "", ["-o", identity], { stdio: "ignore" });
      recipient = /public key: (age1\w+)/.exec(readFileSync(identity, "utf8"))![1]!;
    }, 120_000);
    afterEach(async () => {
      try {
        await ledger.close();
      } finally {
        await controller?.stop();
      }
    });
    afterAll(async () => {
      await moto?.close();
      await cluster?.stop();
    });

    async function run(place: string, more: KsealControllerOptions = {}): Promise<KsealController> {
      const flags = ["--backup-recipients", recipient, "--backup-to", place];
      controller = ledger.watch(await addController(cluster, { ...more, flags }));
      return controller;
    }

    async function add(name: string, certificate: string): Promise<void> {
      const values = { password: `${sentinel}-${name}` };
      ledger.expect(stage, name, values);
      await stage.post(
        await sealers.kseal(stage.plain(name, values), { certificate, folder: cluster.folder }),
      );
    }

    /** A new key is asked for and cannot be backed up: it waits, the old one seals, and the alert has what it fires on. */
    async function waits(of: KsealController): Promise<void> {
      const [keys, certificate] = [await of.metric("kseal_controller_sealing_keys"), await of.certificate()];
      const failures = "kseal_controller_key_renewal_failures_total";
      expect(alerts).toContain(`increase(${failures}[`);
      const before = await of.metric(failures);
      of.signal("SIGUSR1");
      await waitFor("two attempts", async () =>
        (await of.metric(failures)) >= before + 2 ? true : undefined,
      );
      expect(of.log()).toContain("no new sealing key");
      expect(await of.metric("kseal_controller_sealing_keys")).toBe(keys);
      expect(await of.certificate()).toBe(certificate);
      expect((await of.ask("/readyz")).status).toBe(200);
      await add(`sealed-meanwhile-${keys}`, certificate);
      await stage.becomes(`sealed-meanwhile-${keys}`, {
        password: `${sentinel}-sealed-meanwhile-${keys}`,
      });
    }

    /** The target is back: the key that waited is there, backed up, and seals. */
    async function goesOn(of: KsealController, keys: number): Promise<void> {
      await waitFor("the new key", async () =>
        (await of.metric("kseal_controller_sealing_keys")) === keys + 1 ? true : undefined,
      );
      await add(`sealed-anew-${keys}`, await of.certificate());
    }

    test("the disk of a folder is full: nothing half-written stays, and the key comes when there is room", {
      concurrent: false,
    }, async () => {
      const folder = join(cluster.folder, "backups");
      mkdirSync(folder);
      const of = await run(`folder:${folder}`, { smallFolder: { path: folder, bytes: 256 * 1024 } });
      // The file system is the controller's own: this is how others look into it.
      const inside = join("/proc", String(of.process.pid), "root", folder);
      const before = readdirSync(inside);
      expect(before).toHaveLength(1);
      const filler = join(inside, "filler");
      expect(() => writeFileSync(filler, Buffer.alloc(1024 * 1024))).toThrow("ENOSPC");
      await waits(of);
      expect(of.log()).toMatch(/ENOSPC|no space left/);
      expect(readdirSync(inside).toSorted()).toEqual([...before, "filler"].toSorted());
      rmSync(filler);
      await goesOn(of, 1);
      expect(readdirSync(inside)).toHaveLength(2);
    });

    test("a store is out of reach: the old key seals, and the new one comes when it can be reached", {
      concurrent: false,
    }, async () => {
      const user = await makeBucket(moto, "key-backups", ["s3:PutObject", "s3:GetObject", "s3:ListBucket"]);
      const door = await openDoor(moto.url);
      const of = await run("s3://key-backups/cluster", {
        env: { ...user, AWS_ENDPOINT_URL_S3: door.url, AWS_REGION: "eu-west-1" },
      });
      const keys = await of.metric("kseal_controller_sealing_keys");
      await door.shut();
      await waits(of);
      await door.open();
      await goesOn(of, keys);
      await door.shut();
    });
  },
);

/** A way to a server that can be shut: connections are refused, as by a machine that is off. */
async function openDoor(target: string) {
  const { hostname, port } = new URL(target);
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((client) => {
    const onward = connect(Number(port), hostname);
    for (const socket of [client, onward]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => [client, onward].forEach((each) => void each.destroy()));
    }
    client.pipe(onward).pipe(client);
  });
  let own = 0;
  const open = async () => {
    await new Promise<void>((resolve) => server.listen(own, "127.0.0.1", resolve));
    own = (server.address() as AddressInfo).port;
  };
  await open();
  return {
    url: `http://127.0.0.1:${own}`,
    open,
    shut: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
