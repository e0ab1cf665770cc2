import { describe, expect, test } from "vitest";
import { KeyRenewal, type KeyRenewalOptions } from "../../controller/key-renewal.ts";
import { KeyStore } from "../../controller/key-store.ts";
import { limitRequests } from "../../controller/limit-requests.ts";
import { readOptions } from "../../controller/options.ts";
import { systemTimer } from "../../controller/timer.ts";
import { type JsonObject, type KubeApi, KubeError } from "../../src/kube/api.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { fakeTimer } from "../support/fake-timer.ts";
import { random } from "../support/sealed.ts";

const day = 24 * 3_600_000;

function renewal(options: Partial<KeyRenewalOptions> & { readonly flags?: readonly string[] } = {}) {
  const timer = fakeTimer();
  const abort = new AbortController();
  const created: JsonObject[] = [];
  const failures: unknown[] = [];
  const store = new KeyStore({ namespace: "kube-system", keyPrefix: "k", order: "CertNotBefore" });
  const made = new KeyRenewal({
    api: {
      create: async (_, object) => {
        created.push(object);
        return object;
      },
    },
    namespace: "kube-system",
    options: readOptions({
      arguments: ["--key-size", "2048", "--key-prefix", "k", ...(options.flags ?? [])],
      environment: {},
      serviceAccountNamespace: undefined,
      now: timer.now(),
    }),
    keys: () => store.current,
    isReady: () => true,
    refresh: async () => undefined,
    add: (secret) => store.put(secret),
    mayWrite: () => true,
    timer,
    now: timer.now,
    random,
    chance: () => 0,
    onFailure: (error, retryIn) => failures.push([String(error), retryIn]),
    signal: abort.signal,
    ...options,
  });
  const running = made.run();
  const end = async () => {
    abort.abort();
    await running;
  };
  const keys = (count: number) =>
    waitFor(`${count} keys`, async () => (store.current.keys.length === count ? true : undefined));
  /** Real time passes while a key is made. */
  const advanceUntil = (count: number, milliseconds: number) =>
    waitFor(`${count} keys`, async () => {
      await timer.advance(milliseconds);
      return store.current.keys.length === count ? true : undefined;
    });
  return { timer, created, failures, store, made, end, keys, advanceUntil };
}

describe("sealing keys are made", () => {
  test("at once when there is none, again after 30 days, and when somebody asks", async () => {
    const { timer, created, keys, made, end } = renewal({
      flags: ["--privatekey-labels", "team=a", "--privatekey-annotations", "note=b=c"],
    });
    await keys(1);
    expect(created[0]!["metadata"]).toMatchObject({
      name: expect.stringMatching(/^k[bcdfghjklmnpqrstvwxz2456789]{5}$/),
      namespace: "kube-system",
      labels: { "sealedsecrets.bitnami.com/sealed-secrets-key": "active", team: "a" },
      annotations: { note: "b=c" },
    });
    await timer.advance(30 * day - 60_000);
    expect(created).toHaveLength(1);
    await timer.advance(120_000);
    await keys(2);
    made.demand();
    await keys(3);
    await end();
  });

  test("S21: after a failure again soon, later and later, and the key that was made is kept for it", async () => {
    let attempts = 0;
    const names = new Set<string>();
    const { failures, created, advanceUntil, end, made } = renewal({
      backUp: async ({ metadata }) => {
        names.add(metadata.name);
        attempts += 1;
        if (attempts < 4) throw new Error("the backup place is away");
        return { "kseal.dev/backup-at": "2026-11-21T12:00:00Z" };
      },
    });
    await waitFor("a failure", async () => (failures.length > 0 ? true : undefined));
    expect(made.problem).toBe("the backup place is away");
    expect(created).toEqual([]);
    await advanceUntil(1, 500);
    expect(failures).toEqual([1000, 2000, 4000].map((wait) => ["Error: the backup place is away", wait]));
    expect(names.size).toBe(1);
    expect(created[0]!["metadata"]).toMatchObject({
      annotations: { "kseal.dev/backup-at": "2026-11-21T12:00:00Z" },
    });
    expect(made.problem).toBeUndefined();
    await end();
  });

  test("newer than the newest, also when the clock was ahead and is put right: whoever asks for a key seals for it", async () => {
    const { timer, store, keys, made, end } = renewal();
    timer.set(600_000);
    await keys(1);
    const ahead = store.current.sealing;
    timer.set(-600_000);
    made.demand();
    await keys(2);
    expect(store.current.sealing).not.toBe(ahead);
    expect(store.current.sealing!.certificate!.notBefore).toBe(ahead!.certificate!.notBefore + 1000);
    await end();
  });

  test("once, when the answer to the request was lost", async () => {
    const stored: JsonObject[] = [];
    const { store, advanceUntil, end } = renewal({
      api: {
        create: async (_, object) => {
          stored.push(object);
          throw new KubeError("CLUSTER_UNREACHABLE", "no answer");
        },
      },
      refresh: async () => store.replace(stored),
    });
    await advanceUntil(1, 500);
    expect(stored).toHaveLength(1);
    await end();
  });

  test("never by a replica that does not write, nor before the keys are listed", async () => {
    for (const no of [{ mayWrite: () => false }, { isReady: () => false }]) {
      const { timer, created, end } = renewal(no);
      await timer.advance(60 * day);
      expect(created).toEqual([]);
      await end();
    }
  });
});

test("a cluster that lost all of its keys has ten minutes to get them back before another one is made", async () => {
  const { timer, created, keys, made, store, advanceUntil, end } = renewal();
  await keys(1);
  const [first] = created;
  const lose = async () => {
    store.replace([]);
    made.wake();
    await timer.advance(9 * 60_000);
  };
  await lose();
  expect(made.problem).toBe(
    "all keys were deleted; restore them (kseal keys restore), or a new one is made after 10 minutes",
  );
  store.replace([first!]);
  made.wake();
  await timer.advance(20 * 60_000);
  expect([created.length, made.problem]).toEqual([1, undefined]);
  await lose();
  expect(created).toHaveLength(1);
  await advanceUntil(1, 61_000);
  expect(created).toHaveLength(2);
  store.replace([]);
  made.demand();
  await keys(1);
  expect(created).toHaveLength(3);
  await end();
});

test("a new key that is wrapped is stored so, after its backup was made of what is in it", async () => {
  const seen: string[] = [];
  const { created, keys, end } = renewal({
    backUp: async (secret) => {
      seen.push(new TextDecoder().decode(secret.data.get("tls.key")).slice(0, 31));
      return {};
    },
    wrap: async (secret) => ({
      ...secret,
      data: new Map([...secret.data, ["tls.key", new TextEncoder().encode('{"sops": {}}')]]),
    }),
    add: () => undefined,
  });
  await waitFor("the key", async () => (created.length === 1 ? true : undefined));
  expect(seen).toEqual(["-----BEGIN RSA PRIVATE KEY-----"]);
  expect(created[0]!["data"]).toMatchObject({ "tls.key": btoa('{"sops": {}}') });
  await keys(0);
  await end();
});

test("--kubeclient-qps: as many requests at once as the burst says, then one after the other", async () => {
  const timer = fakeTimer();
  let sent = 0;
  const get = async () => {
    sent += 1;
  };
  const api = { get } as unknown as KubeApi;
  const { signal } = new AbortController();
  const limited = limitRequests(api, { perSecond: 5, burst: 3, timer, signal });
  const path = { group: "", version: "v1", plural: "secrets" };
  void Promise.all(Array.from({ length: 10 }, () => limited.get(path)));
  await timer.advance(0);
  expect(sent).toBe(3);
  await timer.advance(1000);
  expect(sent).toBe(8);
  timer.set(-600_000);
  await timer.advance(1000);
  expect(sent).toBe(10);
  expect(limitRequests(api, { perSecond: -1, burst: 1, timer: systemTimer, signal })).toBe(api);
});

test("the first key is made when the list of keys comes after the lease", async () => {
  let listed = false;
  const { made, keys, created, timer, end } = renewal({ isReady: () => listed });
  await timer.advance(60_000);
  expect(created).toEqual([]);
  listed = true;
  made.wake();
  await keys(1);
  await end();
});
