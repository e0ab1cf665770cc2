import { describe, expect, test } from "vitest";
import { LeaderElection } from "../../controller/leader.ts";
import { type KubeApi, KubeError } from "../../src/kube/api.ts";
import type { KubeObject } from "../support/controller.ts";
import { fakeTimer } from "../support/fake-timer.ts";

const conflict = () => new KubeError("CLUSTER_CONFLICT", "conflict", { status: 409 });

/** An API server that holds one Lease, with the check of versions that the real one makes. */
function leaseServer() {
  let lease: KubeObject | undefined;
  let version = 0;
  let down = false;
  const store = (object: KubeObject) => {
    version += 1;
    lease = { ...object, metadata: { ...object["metadata"], resourceVersion: String(version) } };
    return lease;
  };
  const reach = () => {
    if (down) throw new KubeError("CLUSTER_UNREACHABLE", "no answer");
  };
  const api: Pick<KubeApi, "get" | "create" | "update"> = {
    get: async () => {
      reach();
      return lease;
    },
    create: async (_, object) => {
      reach();
      if (lease !== undefined) throw conflict();
      return store(object);
    },
    update: async (_, object) => {
      reach();
      if ((object as KubeObject)["metadata"].resourceVersion !== lease?.["metadata"].resourceVersion)
        throw conflict();
      return store(object);
    },
  };
  return {
    api,
    get lease() {
      return lease;
    },
    cut: (state: boolean) => {
      down = state;
    },
  };
}

function replica(
  identity: string,
  server: ReturnType<typeof leaseServer>,
  timer: ReturnType<typeof fakeTimer>,
  cutOff = () => false,
) {
  const abort = new AbortController();
  const changes: boolean[] = [];
  const through = async <T>(call: () => Promise<T>) => {
    if (cutOff()) throw new KubeError("CLUSTER_UNREACHABLE", "no answer");
    return await call();
  };
  const election = new LeaderElection({
    api: {
      get: (...asked) => through(() => server.api.get(...asked)),
      create: (...asked) => through(() => server.api.create(...asked)),
      update: (...asked) => through(() => server.api.update(...asked)),
    },
    namespace: "kube-system",
    name: "sealed-secrets-controller",
    identity,
    duration: 15_000,
    timer,
    signal: abort.signal,
    onChange: (leads) => changes.push(leads),
  });
  const running = election.run();
  return {
    election,
    changes,
    stop: async () => {
      abort.abort();
      await running;
    },
  };
}

describe("of several replicas", () => {
  test("one writes, for as long as it is there", async () => {
    const [server, timer] = [leaseServer(), fakeTimer()];
    const replicas = ["a", "b", "c"].map((name) => replica(name, server, timer));
    for (let at = 0; at < 100; at += 1) {
      await timer.advance(1000);
      expect(replicas.map(({ election }) => election.isLeader)).toEqual([true, false, false]);
    }
    expect(server.lease?.["spec"]).toMatchObject({
      holderIdentity: "a",
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
    });
    await Promise.all(replicas.map(({ stop }) => stop()));
  });

  test("another takes over when one dies, within the lease and a little; never do two write", async () => {
    const [server, timer] = [leaseServer(), fakeTimer()];
    let dead = false;
    const first = replica("a", server, timer, () => dead);
    await timer.advance(5000);
    const second = replica("b", server, timer);
    await timer.advance(5000);
    dead = true;
    let taken = 0;
    for (let at = 0; at < 30 && !second.election.isLeader; at += 1) {
      await timer.advance(1000);
      taken += 1;
      expect(first.election.isLeader && second.election.isLeader).toBe(false);
    }
    expect(taken).toBeLessThanOrEqual(20);
    expect(server.lease?.["spec"]).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
    expect(first.changes).toEqual([true, false]);
    await Promise.all([first.stop(), second.stop()]);
  });

  test("the one that cannot renew stops writing before another may begin", async () => {
    const [server, timer] = [leaseServer(), fakeTimer()];
    const only = replica("a", server, timer);
    await timer.advance(1000);
    server.cut(true);
    await timer.advance(12_000);
    expect(only.election.isLeader).toBe(false);
    server.cut(false);
    await timer.advance(5000);
    expect(only.election.isLeader).toBe(true);
    await only.stop();
  });

  test("a clock that is wrong by ten minutes does no harm: nobody believes what a lease says about the time", async () => {
    const server = leaseServer();
    const [right, ahead] = [fakeTimer(), fakeTimer(Date.parse("2026-11-21T12:10:00Z"))];
    const first = replica("a", server, right);
    await right.advance(1000);
    const second = replica("b", server, ahead);
    for (let at = 0; at < 120; at += 1) {
      await Promise.all([right.advance(1000), ahead.advance(1000)]);
      expect([first.election.isLeader, second.election.isLeader]).toEqual([true, false]);
    }
    await Promise.all([first.stop(), second.stop()]);
  });

  test.for([600_000, -600_000])("nor when it is set by %i ms while they run", async (wrongBy) => {
    const server = leaseServer();
    const [one, other] = [fakeTimer(), fakeTimer()];
    const first = replica("a", server, one);
    await one.advance(1000);
    const second = replica("b", server, other);
    await other.advance(1000);
    for (const timer of [one, other, one, other]) {
      timer.set(wrongBy);
      for (let at = 0; at < 40; at += 1) {
        await Promise.all([one.advance(1000), other.advance(1000)]);
        expect(second.election.isLeader).toBe(false);
      }
      expect(first.election.isLeader).toBe(true);
    }
    expect(server.lease?.["spec"]).toMatchObject({ holderIdentity: "a", leaseTransitions: 0 });
    await Promise.all([first.stop(), second.stop()]);
  });

  test("a clock that was set back does not make a lease last longer", async () => {
    const [server, timer] = [leaseServer(), fakeTimer()];
    const only = replica("a", server, timer);
    await timer.advance(1000);
    server.cut(true);
    timer.set(-600_000);
    await timer.advance(12_000);
    expect(only.election.isLeader).toBe(false);
    server.cut(false);
    await only.stop();
  });

  test("a machine that was asleep does not write when it wakes up: its own time stood still, that of the others did not", async () => {
    const [server, timer] = [leaseServer(), fakeTimer()];
    const only = replica("a", server, timer);
    await timer.advance(1000);
    expect(only.election.isLeader).toBe(true);
    timer.set(20_000);
    expect(only.election.isLeader).toBe(false);
    await timer.advance(4000);
    expect(only.election.isLeader).toBe(true);
    // What was not written meanwhile is done again.
    expect(only.changes).toEqual([true, false, true]);
    await only.stop();
  });

  test("a lease that lapses stops writes between two looks at it, at once and not at the next look", async () => {
    const [server, timer] = [leaseServer(), fakeTimer()];
    const only = replica("a", server, timer);
    await timer.advance(0);
    server.cut(true);
    await timer.advance(11_999);
    expect(only.election.isLeader).toBe(true);
    await timer.advance(1);
    expect(only.election.isLeader).toBe(false);
    server.cut(false);
    await only.stop();
  });

  test("one that hears that another holds the lease stops at once, however long its own would have lasted", async () => {
    const [server, timer] = [leaseServer(), fakeTimer()];
    const first = replica("a", server, timer);
    await timer.advance(1000);
    const { metadata, spec } = server.lease!;
    await server.api.update(
      { group: "", version: "", plural: "" },
      { metadata, spec: { ...spec, holderIdentity: "b" } },
      { fieldManager: "tests" },
    );
    await timer.advance(3750);
    expect([first.election.isLeader, first.changes]).toEqual([false, [true, false]]);
    await first.stop();
    // It gives nothing back that is not its own.
    expect(server.lease?.["spec"].holderIdentity).toBe("b");
  });

  test("one that ends in peace gives the lease back, so that nobody has to wait for it", async () => {
    const [server, timer] = [leaseServer(), fakeTimer()];
    const first = replica("a", server, timer);
    await timer.advance(1000);
    const second = replica("b", server, timer);
    await first.stop();
    expect(first.changes).toEqual([true, false]);
    expect(server.lease?.["spec"].holderIdentity).toBe("");
    await timer.advance(4000);
    expect(second.election.isLeader).toBe(true);
    await second.stop();
  });

  test("one that starts again under its name goes on", async () => {
    const [server, timer] = [leaseServer(), fakeTimer()];
    await replica("a", server, timer, () => false).stop();
    const again = replica("a", server, timer);
    await timer.advance(0);
    expect(again.election.isLeader).toBe(true);
    await again.stop();
  });
});
