import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController } from "../support/cluster-bitnami.ts";
import {
  addController,
  controllerNamespace,
  type KsealController,
  type KsealControllerOptions,
} from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import type { KubeObject } from "../support/controller.ts";
import { FaultLedger, sentinel } from "../support/fault-ledger.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { peer } from "../support/peers.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

const wrongClock = join(import.meta.dirname, "..", "support", "wrong-clock.ts");
const tenMinutes = 600_000;

/** What happens to one of several controllers. At the end of each everything is as it should be. */
describe.skipIf(!hasBitnamiController)("of several controllers", () => {
  const folder = makeFolder();
  let cluster: TestCluster;
  let stage: Stage;
  let ledger: FaultLedger;
  let running: KsealController[] = [];

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.createNamespace("shop");
    stage = new Stage(cluster, "shop");
    ledger = new FaultLedger(cluster);
  }, 120_000);
  afterEach(async () => {
    try {
      await ledger.close();
    } finally {
      await Promise.all(running.map((controller) => controller.stop()));
      running = [];
    }
  }, 60_000);
  afterAll(async () => {
    await cluster?.stop();
    removeFolder(folder);
  });

  async function run(options: KsealControllerOptions): Promise<KsealController> {
    const controller = ledger.watch(await addController(cluster, options));
    running.push(controller);
    return controller;
  }

  /** Two replicas; the one that writes first. */
  async function replicas(more: KsealControllerOptions = {}): Promise<[KsealController, KsealController]> {
    const [a, b] = await Promise.all([
      run({ ...more, name: "replica-a", env: clockOf("replica-a") }),
      run({ ...more, name: "replica-b", env: clockOf("replica-b"), port: 8082 }),
    ]);
    return await waitFor("one that writes", async () => {
      const leads = await Promise.all([a.leads(), b.leads()]);
      if (leads.every((each) => each)) throw new Error("both of them write");
      return leads[0] ? [a, b] : leads[1] ? [b, a] : undefined;
    });
  }

  function clockOf(name: string): Readonly<Record<string, string>> {
    writeFileSync(join(folder, name), "0");
    return { WRONG_CLOCK: join(folder, name) };
  }

  async function seal(names: readonly string[], certificate: string): Promise<readonly KubeObject[]> {
    return await Promise.all(
      names.map((name) =>
        sealers.kseal(stage.plain(name, { password: `${sentinel}-${name}` }), {
          certificate,
          folder: cluster.folder,
        }),
      ),
    );
  }

  async function post(sealed: readonly KubeObject[]): Promise<void> {
    const names = sealed.map(({ metadata }) => metadata.name as string);
    for (const name of names) ledger.expect(stage, name, { password: `${sentinel}-${name}` });
    await Promise.all(sealed.map((object) => stage.post(object)));
  }

  /** Notes every version of the objects of a kind that the API server has from now on. */
  function noteVersions(plural: string): {
    count(name: string, change: "ADDED" | "MODIFIED" | "DELETED"): number;
  } {
    const command = [
      ...["get", plural, "--namespace", "shop", "--watch-only", "--output-watch-events", "--no-headers"],
    ];
    const { log } = cluster.servers.start(`versions-of-${plural}`, [peer("kubectl") ?? "", ...command], {
      KUBECONFIG: cluster.kubeconfig,
    });
    return {
      count: (name, change) =>
        log()
          .split("\n")
          .filter((line) => line.split(/\s+/, 2).join() === `${change},${name}`).length,
    };
  }

  const some = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

  test("the one that writes is killed in the middle of it: the other goes on within the lease, nothing is written twice or lost", {
    timeout: 120_000,
  }, async () => {
    // One after another, so that there is a middle.
    const [leader, follower] = await replicas({ flags: ["--concurrency", "1"] });
    const [secrets, sealedSecrets] = [noteVersions("secrets"), noteVersions("sealedsecrets")];
    const names = some("killed", 60);
    const [begin, end, ...sealed] = await seal(["begin", "end", ...names], await leader.certificate());
    await waitFor("both to be noted", async () => {
      if ((await stage.sealed("begin")) === undefined) await post([begin!]);
      await stage.change("begin", { metadata: { annotations: { at: String(Date.now()) } } });
      return secrets.count("begin", "ADDED") + sealedSecrets.count("begin", "MODIFIED") > 1
        ? true
        : undefined;
    });
    const posting = post(sealed);
    await stage.becomes("killed-0", { password: `${sentinel}-killed-0` });
    await leader.stop("SIGKILL");
    const killed = Date.now();
    await posting;
    const { items } = await cluster.api.call("GET", "/api/v1/namespaces/shop/secrets");
    // Else it was not in the middle.
    expect(items.length).toBeLessThan(names.length);
    await waitFor("the other's turn", async () => ((await follower.leads()) ? true : undefined));
    // The lease, and the quarter of it between two looks; what is more is the slowness of the machine.
    expect(Date.now() - killed).toBeLessThan(3000 + 750 + 2000);
    await ledger.close();
    await post([end!]);
    // Versions come in their order, so what stands in front of these is complete.
    await waitFor("the notes to be complete", async () => {
      const noted = [secrets.count("end", "ADDED"), sealedSecrets.count("end", "MODIFIED")];
      if (noted.includes(0)) throw new Error(`noted of the last object: ${noted.join(" and ")}`);
      return true;
    });
    // Every Secret is made once and never changed, and every status is written once.
    for (const name of names) {
      const of = [secrets, sealedSecrets].map(({ count }) =>
        (["ADDED", "MODIFIED", "DELETED"] as const).map((change) => count(name, change)),
      );
      expect([name, ...of]).toEqual([name, [1, 0, 0], [1, 1, 0]]);
    }
    expect(leader.log()).not.toContain("ErrUnsealFailed");
  });

  test("their clocks are set ten minutes forward and back: the lease stays where it is, keys are made and seal", {
    timeout: 120_000,
  }, async () => {
    const [leader, follower] = await replicas({ nodeFlags: ["--import", wrongClock] });
    const nameOf = (controller: KsealController) =>
      controller.url.endsWith(":8080") ? "replica-a" : "replica-b";
    const lease = async () => {
      const path = `/apis/coordination.k8s.io/v1/namespaces/${controllerNamespace}/leases/sealed-secrets-controller`;
      return (await cluster.api.call("GET", path)).spec;
    };
    const { holderIdentity, leaseTransitions } = await lease();
    const set = (controller: KsealController, milliseconds: number) => {
      writeFileSync(join(folder, nameOf(controller)), String(milliseconds));
      controller.signal("SIGUSR2");
    };
    const renewedAround = (time: () => number) =>
      waitFor("a renewal by the wrong clock", async () => {
        const { renewTime } = await lease();
        return Math.abs(Date.parse(renewTime) - time()) < 60_000 ? true : undefined;
      });
    let made = 0;
    for (const wrongBy of [tenMinutes, -tenMinutes, 0]) {
      set(leader, wrongBy);
      await renewedAround(() => Date.now() + wrongBy);
      const keys = await leader.metric("kseal_controller_sealing_keys");
      const before = await leader.certificate();
      leader.signal("SIGUSR1");
      await waitFor("one more key, which seals", async () => {
        const more = (await leader.metric("kseal_controller_sealing_keys")) === keys + 1;
        return more && (await leader.certificate()) !== before ? true : undefined;
      });
      made += 1;
      await post(await seal(some(`clock${made}`, 3), await leader.certificate()));
      await stage.synced(`clock${made}-2`);
    }
    for (const wrongBy of [tenMinutes, -tenMinutes]) {
      set(follower, wrongBy);
      // It looks at the lease four times in its duration.
      const looks = (await lease()).renewTime;
      await waitFor("some renewals", async () =>
        Date.parse((await lease()).renewTime) - Date.parse(looks) > 2000 ? true : undefined,
      );
      expect(await follower.leads()).toBe(false);
      expect(await leader.leads()).toBe(true);
    }
    expect(await lease()).toMatchObject({ holderIdentity, leaseTransitions });
    // And one whose clock is wrong takes over like any other.
    await leader.stop("SIGKILL");
    await waitFor("the other's turn", async () => ((await follower.leads()) ? true : undefined));
    await post(await seal(["clock-after"], await follower.certificate()));
    await ledger.close();
  });

  test("two controllers with different keys: what one opens is synced, and neither contradicts the other for ever", {
    timeout: 120_000,
  }, async () => {
    const flags = ["--resync-period", "10s"];
    const [ours, theirs] = await Promise.all([
      run({ flags, name: "ours" }),
      run({ flags, name: "theirs", namespace: "other-keys", port: 8090 }),
    ]);
    expect(await theirs.certificate()).not.toBe(await ours.certificate());
    await Promise.all([
      post(await seal(some("for-us", 5), await ours.certificate())),
      post(await seal(some("for-them", 5), await theirs.certificate())),
    ]);
    await ledger.close();
    const versions = async () => {
      const { items } = await cluster.api.call("GET", "/apis/bitnami.com/v1alpha1/sealedsecrets");
      return (items as KubeObject[]).map(({ metadata }) => [metadata.name, metadata.resourceVersion]);
    };
    const count = (controller: KsealController) =>
      controller.metric("sealed_secrets_controller_unseal_requests_total");
    const looks = async () => await Promise.all([count(ours), count(theirs)]);
    // Both look at everything again, and once more.
    const settle = async () => {
      const [before, objects] = [await looks(), (await versions()).length];
      await waitFor("a look of both at everything", async () =>
        (await looks()).every((now, at) => now - before[at]! >= objects) ? true : undefined,
      );
    };
    const before = await versions();
    await settle();
    expect(await versions()).toEqual(before);
    // Each repairs its own.
    await stage.changeSecret("for-us-0", { data: { password: "b3RoZXI=" } });
    await stage.deleteSecret("for-them-0");
    await ledger.close();
    // Another start says once more what does not open, and is contradicted once more.
    await theirs.stop();
    await run({ flags, name: "theirs-again", namespace: "other-keys", port: 8090 });
    await ledger.close();
  });
});
