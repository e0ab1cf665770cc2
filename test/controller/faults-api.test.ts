import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController } from "../support/cluster-bitnami.ts";
import { addController, type KsealController } from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import type { KubeObject } from "../support/controller.ts";
import { FaultLedger, sentinel } from "../support/fault-ledger.ts";
import { type FaultyApi, openFaultyApi } from "../support/faulty-api.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

/** What the API server does to a controller. At the end of each everything is as it should be. */
describe.skipIf(!hasBitnamiController)("when the API server fails", () => {
  let cluster: TestCluster;
  let api: FaultyApi;
  let stage: Stage;
  let ledger: FaultLedger;
  let controller: KsealController;
  let certificate: string;

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.createNamespace("shop");
    stage = new Stage(cluster, "shop");
    api = await openFaultyApi(cluster);
    ledger = new FaultLedger(cluster);
    controller = ledger.watch(await addController(cluster, { flags: ["--kubeconfig", api.kubeconfig] }));
    certificate = await controller.certificate();
  }, 120_000);
  afterEach(async () => {
    api.fail(undefined);
    await ledger.close();
  });
  afterAll(async () => {
    await controller?.stop();
    await api?.close();
    await cluster?.stop();
  });

  async function add(names: readonly string[], to = stage): Promise<void> {
    for (const name of names) {
      const values = { password: `${sentinel}-${name}` };
      ledger.expect(to, name, values);
      await to.post(await sealers.kseal(to.plain(name, values), { certificate, folder: cluster.folder }));
    }
  }

  const some = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

  test("it is killed in the middle of the work and comes back", async () => {
    const names = some("killed", 15);
    const posting = add(names.slice(0, 10));
    await stage.becomes("killed-0", { password: `${sentinel}-killed-0` });
    await posting;
    await cluster.stopApiServer("SIGKILL");
    await waitFor("a complaint", async () =>
      controller.log().includes("the API server did not answer") || controller.log().includes("to be tried")
        ? true
        : undefined,
    );
    // The certificate is there all the same.
    expect((await controller.ask("/v1/cert.pem")).status).toBe(200);
    expect((await controller.ask("/readyz")).status).toBe(200);
    await cluster.startApiServer();
    await add(names.slice(10));
    await ledger.close();
  });

  test.for([429, 500, 503])("it answers %i to every write, and then no more", async (status) => {
    const names = some(`status-${status}`, 5);
    let refused = 0;
    api.fail(({ method, path }) => {
      if (method === "GET" || path.includes("/leases")) return undefined;
      refused += 1;
      return status;
    });
    await add(names);
    await waitFor("enough refusals", async () => (refused >= 10 ? true : undefined));
    for (const name of names) expect(await stage.secret(name)).toBeUndefined();
    api.fail(undefined);
    await ledger.close();
  });

  test("reads of everything fail while objects come, too", async () => {
    api.fail(({ path }) => (path.includes("/leases") ? undefined : 500));
    api.cutWatches();
    await add(["unread-0"]);
    await waitFor("an attempt", async () => (api.calls().length > 5 ? true : undefined));
    api.fail(undefined);
    await ledger.close();
  });

  test("watches are cut: nothing is missed, and nothing is listed again", async () => {
    await waitFor("all watches", async () => (api.watches() === 4 ? true : undefined));
    api.calls();
    api.cutWatches();
    const names = some("cut", 3);
    await add(names);
    await ledger.close();
    const lists = api
      .calls()
      .filter(({ method, path, isWatch }) => method === "GET" && !isWatch && /sealedsecrets\?/.test(path));
    expect(lists).toEqual([]);
  });

  test("a watch is told that its place is too old: it lists again", async () => {
    let gone = 0;
    api.fail(({ isWatch, path }) => {
      if (!isWatch || !path.includes("sealedsecrets") || gone >= 2) return undefined;
      gone += 1;
      return 410;
    });
    api.cutWatches();
    await add(["gone-0"]);
    await ledger.close();
    expect(gone).toBe(2);
  });

  test("the status cannot be written for a while: the Secret is there, and the status comes", async () => {
    let refused = 0;
    api.fail(({ path }) => {
      if (!path.includes("/status")) return undefined;
      refused += 1;
      return 500;
    });
    await add(["status-late"]);
    await stage.becomes("status-late", { password: `${sentinel}-status-late` });
    await waitFor("refusals", async () => (refused > 2 ? true : undefined));
    api.fail(undefined);
    await ledger.close();
  });

  test("the lease cannot be renewed: nothing is written until it can", async () => {
    api.fail(({ path }) => (path.includes("/leases") ? 500 : undefined));
    await waitFor("the end of the lease", async () => ((await controller.leads()) ? undefined : true));
    await add(["no-lease"]);
    await waitFor("another attempt", async () => {
      const calls = api.calls();
      expect(calls.filter(({ method, path }) => method !== "GET" && !path.includes("/leases"))).toEqual([]);
      return calls.some(({ path }) => path.includes("/leases")) ? true : undefined;
    });
    expect(await stage.secret("no-lease")).toBeUndefined();
    api.fail(undefined);
    await ledger.close();
  });

  test("a namespace is going: its objects are left alone, others go on", async () => {
    await cluster.createNamespace("going");
    const going = new Stage(cluster, "going");
    await add(["gone"], going);
    await ledger.close();
    ledger.expectEnd(going, "gone");
    await going.change("gone", { metadata: { finalizers: ["tests.example.com/hold"] } });
    await cluster.api.call("DELETE", "/api/v1/namespaces/going");
    await waitFor("the Secret to go", async () =>
      (await going.secret("gone")) === undefined ? true : undefined,
    );
    await add(["meanwhile"]);
    await ledger.close();
    await going.change("gone", { metadata: { finalizers: null } });
    await waitFor("the end of the namespace", async () => {
      const { status } = await cluster.api.request("GET", "/api/v1/namespaces/going");
      return status === 404 ? true : undefined;
    });
    ledger.drop(going, "gone");
  });

  test("a start waits for its lists alone; the watches and the election come after them", async () => {
    await controller.stop();
    api.calls();
    const flags = ["--kubeconfig", api.kubeconfig];
    controller = ledger.watch(await addController(cluster, { flags }));
    await waitFor("the lease", async () => ((await controller.leads()) ? true : undefined));
    const asked = api.calls().map(({ path, isWatch }) => {
      const [, plural] = /\/(sealedsecrets|secrets|leases)\b/.exec(path) ?? [];
      const [, selector = ""] = /(label|field)Selector/.exec(path) ?? [];
      return [isWatch ? "watch" : "", selector, plural].filter((word) => word !== "").join(" ");
    });
    const lists = ["field secrets", "label secrets", "sealedsecrets", "secrets"];
    expect(asked.slice(0, 4).toSorted()).toEqual(lists);
    expect(asked.slice(4)).toEqual(
      expect.arrayContaining([...lists.map((list) => `watch ${list}`), "leases"]),
    );
    await ledger.close();
  });

  test("at a start the keys cannot be listed while everything else can: nothing is said of any object until they are", async () => {
    const versions = async () =>
      (await cluster.api.call("GET", "/apis/bitnami.com/v1alpha1/sealedsecrets")).items.map(
        ({ metadata }: KubeObject) => [metadata.name, metadata.resourceVersion],
      );
    const before = await versions();
    await controller.stop();
    let refused = 0;
    api.fail(({ path }) => {
      if (!/labelSelector=[^&]*sealed-secrets-key/.test(path)) return undefined;
      refused += 1;
      return 500;
    });
    api.calls();
    const flags = ["--kubeconfig", api.kubeconfig];
    controller = ledger.watch(await addController(cluster, { flags, ready: false }));
    await waitFor("the lease, and attempts", async () =>
      (await controller.leads()) && refused > 3 ? true : undefined,
    );
    expect((await controller.ask("/readyz")).text).toBe("the sealing keys are not listed yet\n");
    const writes = api.calls().filter(({ method, path }) => method !== "GET" && !path.includes("/leases"));
    expect(writes).toEqual([]);
    api.fail(undefined);
    await waitFor("the keys", async () =>
      (await controller.ask("/readyz")).status === 200 ? true : undefined,
    );
    await add(["after-the-keys"]);
    await ledger.close();
    const now = new Map<string, string>(await versions());
    for (const [name, version] of before) expect([name, now.get(name)]).toEqual([name, version]);
  });

  test("bookmarks are missing, and the API server starts again without its memory: it is asked for everything anew", async () => {
    const dropped = api.dropBookmarks();
    api.calls();
    api.cutWatches();
    await waitFor("bookmarks that are kept away", async () => (dropped() > 3 ? true : undefined));
    const listed = () =>
      api
        .calls()
        .filter(
          ({ method, path, isWatch }) =>
            method === "GET" && !isWatch && /\/(sealedsecrets|secrets)\?/.test(path),
        ).length;
    expect(listed()).toBe(0);
    await cluster.stopApiServer("SIGKILL");
    await cluster.startApiServer();
    // Meanwhile the versions of others have moved on, and where a watch of a quiet kind stood is not known any more.
    await waitFor("lists", async () => (listed() > 0 ? true : undefined));
    await add(some("unmarked", 3));
    await stage.deleteSecret("killed-0");
    await ledger.close();
  });
});
