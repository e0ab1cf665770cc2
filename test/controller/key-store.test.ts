import { describe, expect, test } from "vitest";
import { type KeySet, keySetOf, renewalTime } from "../../controller/key-set.ts";
import { KeyStore } from "../../controller/key-store.ts";
import { RememberedOpeners } from "../../controller/remembered-openers.ts";
import { KsealError } from "../../src/errors.ts";
import { newSealingKey, type SealingKey } from "../../src/sealed/sealing-key.ts";
import { readSecret, type Secret, secretObject } from "../../src/sealed/secret.ts";
import { type KubeObject, recorded, testKey } from "../support/controller.ts";
import { fakeTimer } from "../support/fake-timer.ts";
import { random, sealedVector, vectorSealingKey } from "../support/sealed.ts";

const label = "sealedsecrets.bitnami.com/sealed-secrets-key";
const day = 86_400_000;
const now = Date.parse("2026-11-21T12:00:00Z");
const [small, large] = [vectorSealingKey("rsa2048"), vectorSealingKey("rsa4096")];

function keySecret(
  name: string,
  change: KubeObject = {},
  pair: "rsa2048" | "rsa4096" = "rsa2048",
): KubeObject {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return {
    metadata: {
      name,
      namespace: "kube-system",
      uid: name,
      resourceVersion: "1",
      labels: { [label]: "active" },
      creationTimestamp: "2026-11-01T00:00:00Z",
      ...change["metadata"],
    },
    type: "kubernetes.io/tls",
    data: {
      "tls.crt": base64(sealedVector(`${pair}.crt.pem`)),
      "tls.key": base64(sealedVector(`${pair}.key.pem`)),
      ...change["data"],
    },
  };
}

function storeOf(...secrets: KubeObject[]) {
  const changes: KeySet[] = [];
  const store = new KeyStore({
    namespace: "kube-system",
    keyPrefix: "sealed-secrets-key",
    order: "CertNotBefore",
    onChange: (set) => changes.push(set),
  });
  store.replace(secrets);
  return { store, changes };
}

function names({ keys }: KeySet) {
  return keys.map(({ name }) => name);
}

describe("the keys of a cluster", () => {
  test("are the Secrets with the label, and the one that controllers before 0.9 made", () => {
    const { store } = storeOf(
      keySecret("sealed-secrets-keyx7k2p"),
      keySecret("sealed-secrets-key", { metadata: { labels: {} } }, "rsa4096"),
      keySecret("other", { metadata: { labels: {} } }),
      keySecret("retired", { metadata: { labels: { [label]: "compromised" } } }),
      keySecret("elsewhere", { metadata: { namespace: "prod" } }),
    );
    expect(names(store.current).toSorted()).toEqual([
      "kube-system/sealed-secrets-key",
      "kube-system/sealed-secrets-keyx7k2p",
    ]);
  });

  test("S13: one that cannot be read is put aside by name, and the others work", () => {
    const broken = keySecret("broken", { data: { "tls.key": Buffer.from("no key").toString("base64") } });
    const { store } = storeOf(broken, keySecret("fine"));
    expect(names(store.current)).toEqual(["kube-system/fine"]);
    expect(store.current.refused).toMatchObject([
      {
        name: "kube-system/broken",
        error: { code: "CERTIFICATE_INVALID", message: "the private key of kube-system/broken is not PEM" },
      },
    ]);
  });

  test("S14: one whose certificate belongs to another key is refused", () => {
    const { data } = keySecret("x", {}, "rsa4096");
    const { store } = storeOf(keySecret("mixed", { data: { "tls.crt": data["tls.crt"] } }));
    expect(store.current).toMatchObject({
      keys: [],
      refused: [{ name: "kube-system/mixed" }],
      sealing: undefined,
    });
  });

  test("S20: come, change and go, each time as another set; who holds the one before goes on with it", () => {
    const { store, changes } = storeOf(keySecret("a"));
    const before = store.current;
    store.put(keySecret("b", {}, "rsa4096"));
    expect(store.current.keys).toHaveLength(2);
    expect(before.keys).toHaveLength(1);
    store.put(
      keySecret("b", { metadata: { labels: { [label]: "compromised" }, resourceVersion: "2" } }, "rsa4096"),
    );
    expect(names(store.current)).toEqual(["kube-system/a"]);
    store.remove(keySecret("a"));
    expect(store.current).toMatchObject({ keys: [], sealing: undefined });
    expect(changes.map(({ keys }) => keys.length)).toEqual([1, 2, 1, 0]);
  });

  test("S20: those that a new list does not name are gone", () => {
    const { store } = storeOf(keySecret("a"), keySecret("b", {}, "rsa4096"));
    store.replace([keySecret("b", {}, "rsa4096")]);
    expect(names(store.current)).toEqual(["kube-system/b"]);
  });

  describe("in envelopes", () => {
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const wrapped = (change: KubeObject = {}) =>
      keySecret("a", {
        metadata: { labels: { [label]: "wrapped" } },
        data: { "tls.key": base64('{"data": "ENC[]", "sops": {}}') },
        ...change,
      });
    function opening(open: (secret: Secret) => Promise<Secret>) {
      const changes: KeySet[] = [];
      const timer = fakeTimer();
      const abort = new AbortController();
      const store = new KeyStore({
        namespace: "kube-system",
        keyPrefix: "sealed-secrets-key",
        order: "CertNotBefore",
        onChange: (set) => changes.push(set),
        envelopes: { open, timer, chance: () => 0, signal: abort.signal },
      });
      return { store, changes, timer, abort };
    }
    const inClear = readSecret({ apiVersion: "v1", kind: "Secret", ...keySecret("a") });

    test("are tried until they open; their fingerprints count, and they are no reason for another key", async () => {
      let attempts = 0;
      const { store, timer } = opening(async () => {
        attempts += 1;
        if (attempts < 3) throw new KsealError("NO_KEY", `no identity, ${attempts}`);
        return inClear;
      });
      store.put(wrapped());
      expect(store.isSettled).toBe(false);
      expect(store.current).toMatchObject({
        keys: [],
        closed: [{ name: "kube-system/a", error: undefined }],
      });
      await timer.advance(0);
      expect(store.isSettled).toBe(true);
      const { closed, sealing, fingerprints } = store.current;
      expect({ sealing, message: closed[0]?.error?.message }).toEqual({
        sealing: undefined,
        message: "no identity, 1",
      });
      expect([...fingerprints]).toEqual([small.fingerprint]);
      const rule = { order: "CertNotBefore", period: 30 * day } as const;
      const made = closed[0]!.certificate.notBefore;
      expect(renewalTime(store.current, rule, made)).toBe(made + 30 * day);
      await timer.advance(1000);
      await timer.advance(2000);
      expect(store.current).toMatchObject({ closed: [], keys: [{ fingerprint: small.fingerprint }] });
      expect(attempts).toBe(3);
      store.put(wrapped({ metadata: { labels: { [label]: "wrapped" }, resourceVersion: "9" } }));
      await timer.advance(0);
      expect(attempts).toBe(3);
    });

    test("that hold a key which is in use are opened beside the work, and closed when they do not open", async () => {
      const { store, timer } = opening(() => Promise.reject(new KsealError("NO_KEY", "no identity")));
      store.put(keySecret("a"));
      store.put(wrapped());
      expect(names(store.current)).toEqual(["kube-system/a"]);
      await timer.advance(0);
      expect(store.current).toMatchObject({ keys: [], closed: [{ error: { message: "no identity" } }] });
      store.put(keySecret("a"));
      expect(store.current).toMatchObject({ keys: [{ name: "kube-system/a" }], closed: [] });
    });

    test("S13: without a certificate are refused", () => {
      const { store } = opening(async () => inClear);
      store.put(wrapped({ data: { "tls.crt": "", "tls.key": base64('{"sops": {}}') } }));
      expect(store.current).toMatchObject({ keys: [], closed: [], refused: [{ name: "kube-system/a" }] });
    });
  });

  test("a list that brings nothing new is no change, and reads no key again", () => {
    const { store, changes } = storeOf(keySecret("a"));
    const [key] = store.current.keys;
    store.replace([keySecret("a")]);
    expect(changes).toHaveLength(1);
    expect(store.current.keys[0]).toBe(key);
  });

  test("a key in two Secrets is one key", () => {
    const { store } = storeOf(keySecret("b"), keySecret("a"));
    expect(names(store.current)).toEqual(["kube-system/a"]);
  });

  test("a key that kseal makes has the shape of the one that the Bitnami controller made", async () => {
    const { secret } = recorded("key-secret");
    const made = await newSealingKey({
      bits: 2048,
      validFor: day,
      commonName: "",
      now,
      random,
      namespace: "kube-system",
      name: { generateName: "sealed-secrets-key" },
    });
    const object = secretObject(made) as KubeObject;
    expect(object["metadata"]).toEqual({
      namespace: secret.metadata.namespace,
      generateName: secret.metadata.generateName,
      labels: secret.metadata.labels,
    });
    expect(object["type"]).toBe(secret.type);
    expect(Object.keys(object["data"])).toEqual(Object.keys(secret.data));
  });
});

function key(name: string, notBefore: number | undefined, createdAt = notBefore): SealingKey {
  const base = name === "b" ? large : small;
  const { certificate: _, ...bare } = base;
  return {
    ...bare,
    name,
    fingerprint: name,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(notBefore === undefined ? {} : { certificate: { ...base.certificate!, notBefore } }),
  };
}

describe("the key that seals", () => {
  test("is the newest by the date of its certificate, or of its Secret", () => {
    const keys = [key("a", now - day, now), key("b", now, now - day)];
    expect(keySetOf(keys, { order: "CertNotBefore" }).sealing?.name).toBe("b");
    expect(keySetOf(keys, { order: "SecretCreationTimestamp" }).sealing?.name).toBe("a");
  });

  test("is none that has no certificate, but it opens", () => {
    const set = keySetOf([key("a", undefined, now), key("b", now - day)], {
      order: "SecretCreationTimestamp",
    });
    expect(set.sealing?.name).toBe("b");
    expect(set.keys.map(({ name }) => name)).toEqual(["a", "b"]);
  });
});

describe("the next key is made", () => {
  const rule = { order: "CertNotBefore", period: 30 * day } as const;
  const set = (...keys: SealingKey[]) => keySetOf(keys, rule);
  const times: readonly (readonly [string, number | undefined, number | undefined])[] = [
    ["at once when there is none", renewalTime(set(), rule, now), now],
    ["a period after the newest", renewalTime(set(key("a", now - 10 * day)), rule, now), now + 20 * day],
    ["at once when that is over", renewalTime(set(key("a", now - 40 * day)), rule, now), now],
    [
      "never when the period is 0",
      renewalTime(set(key("a", now - 40 * day)), { ...rule, period: 0 }, now),
      undefined,
    ],
    [
      "at once when the newest is from before the cutoff, whatever the period",
      renewalTime(set(key("a", now - 10 * day)), { ...rule, period: 0, cutoff: now - day }, now),
      now,
    ],
    [
      "as usual when the newest is from after the cutoff",
      renewalTime(set(key("a", now - day)), { ...rule, cutoff: now - 2 * day }, now),
      now + 29 * day,
    ],
    [
      "a period from now at most when a clock was wrong and the newest is from the future",
      renewalTime(set(key("a", now + 400 * day)), rule, now),
      now + 30 * day,
    ],
    [
      "at once when no key has a certificate to seal for",
      renewalTime(set(key("a", undefined, now)), rule, now),
      now,
    ],
  ];
  test.for(times)("%s", ([, time, expected]) => {
    expect(time).toBe(expected);
  });
});

describe("S15: the key that is tried first", () => {
  const set = keySetOf([key("a", now), key("b", now - day), testKey], { order: "CertNotBefore" });
  const keyOf = (fingerprint: string) => set.byFingerprint.get(fingerprint);
  /** Opens an object with what is tried first, or with another key. */
  const open = async (openers: RememberedOpeners, uid: string, noted?: string, opener?: SealingKey) => {
    let tried: SealingKey | undefined;
    await openers.open({ uid, set, noted }, (first) => {
      tried = first;
      return { last: opener ?? first };
    });
    return tried?.fingerprint;
  };

  test("is the one that opened the object last, then what its Secret says, then the last opener of all", async () => {
    const openers = new RememberedOpeners();
    expect(await open(openers, "1")).toBeUndefined();
    expect(await open(openers, "1", "gone,b")).toBe("b");
    await open(openers, "2", undefined, keyOf("a"));
    expect(await open(openers, "2", "b")).toBe("a");
    expect(await open(openers, "3")).toBe("a");
    expect(await open(openers, "4", "b")).toBe("b");
    openers.forget("2");
    expect(await open(openers, "2", "b")).toBe("b");
  });

  test("is none that is gone", async () => {
    const openers = new RememberedOpeners();
    await open(openers, "1", undefined, key("x", now));
    expect(await open(openers, "1")).toBeUndefined();
  });

  test("is found out once: while one object searches among all keys, the others wait for it", async () => {
    const openers = new RememberedOpeners();
    const tried: (string | undefined)[] = [];
    const found = Promise.withResolvers<{ last: SealingKey | undefined }>();
    const opened = ["1", "2", "3"].map((uid) =>
      openers.open({ uid, set }, (first) => {
        tried.push(first?.fingerprint);
        return first === undefined ? found.promise : { last: first };
      }),
    );
    // Whoever waits would have begun by now.
    await new Promise(setImmediate);
    expect(tried).toEqual([undefined]);
    found.resolve({ last: keyOf("b") });
    await Promise.all(opened);
    expect(tried).toEqual([undefined, "b", "b"]);
  });

  test("is waited for no longer once a search came to nothing", async () => {
    const openers = new RememberedOpeners();
    const begun: string[] = [];
    const never = Promise.withResolvers<{ last: undefined }>();
    const opened = ["1", "2", "3"].map((uid) =>
      openers.open({ uid, set }, () => {
        begun.push(uid);
        if (uid === "1") throw new Error("no key opens it");
        return never.promise;
      }),
    );
    await expect(opened[0]).rejects.toThrow("no key opens it");
    await new Promise(setImmediate);
    expect(begun).toEqual(["1", "2", "3"]);
    never.resolve({ last: undefined });
    await Promise.all(opened.slice(1));
  });
});
