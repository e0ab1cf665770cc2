import { expect, test } from "vitest";
import { KeyStore } from "../../controller/key-store.ts";
import type { JsonObject } from "../../src/kube/api.ts";
import { clusterKeys, currentKey } from "../../src/ops/keys-secrets.ts";
import { secretObject } from "../../src/sealed/secret.ts";
import { makeKey, type TestKey } from "../support/sealed-files.ts";
import { workbench } from "./workbench.ts";

const made = (await Promise.all([3, 2, 1].map((age) => makeKey({ age })))) as [TestKey, TestKey, TestKey];
// The newest certificate is in the oldest Secret, as when an old key was imported late.
const dates = ["2026-11-03T00:00:00Z", "2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z"];
const objects: readonly JsonObject[] = made.map(({ secret }, at) => {
  const object = secretObject(secret);
  return { ...object, metadata: { ...(object["metadata"] as JsonObject), creationTimestamp: dates[at] } };
});
const twins = objects.map((object, at) => ({
  ...object,
  metadata: {
    ...(object["metadata"] as JsonObject),
    name: `twin-${3 - at}`,
    creationTimestamp: "2026-11-01T00:00:00Z",
  },
}));

test.for([
  ["CertNotBefore", objects, ["sealed-secrets-key1", "sealed-secrets-key2", "sealed-secrets-key3"]],
  ["SecretCreationTimestamp", objects, ["sealed-secrets-key3", "sealed-secrets-key2", "sealed-secrets-key1"]],
  ["SecretCreationTimestamp", twins, ["twin-1", "twin-2", "twin-3"]],
] as const)("kseal keys has the keys in the controller's order: %s", async ([order, secrets, expected]) => {
  const { context } = await workbench({});
  const api = {
    list: async () => ({ items: secrets, resourceVersion: "1" }),
    get: async () => undefined,
  };
  const listed = await clusterKeys(api, "kube-system", context, order);
  expect(listed.map(({ name }) => name)).toEqual(expected);

  const store = new KeyStore({ namespace: "kube-system", keyPrefix: "sealed-secrets-key", order });
  store.replace(secrets);
  const { keys, sealing } = store.current;
  expect(keys.map(({ name }) => name)).toEqual(expected.map((name) => `kube-system/${name}`));
  expect(sealing?.fingerprint).toBe(currentKey(listed)?.fingerprint);
});
