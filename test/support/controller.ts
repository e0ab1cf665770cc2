import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Plan, type ReconcileInput, reconcile } from "../../controller/reconcile.ts";
import { readSecretMetadata } from "../../controller/secret-metadata.ts";
import { statusObject } from "../../controller/status.ts";
import type { JsonObject } from "../../src/kube/api.ts";
import { templateRenderer } from "../../src/ops/render-template.ts";
import { scopeOf } from "../../src/sealed/scope.ts";
import { sealValue } from "../../src/sealed/seal-secret.ts";
import type { SealingKey } from "../../src/sealed/sealing-key.ts";
import { unsealSecret } from "../../src/sealed/unseal-secret.ts";
import { random, vectorCertificate, vectorSealingKey } from "./sealed.ts";

const vectors = join(import.meta.dirname, "..", "vectors", "bitnami-controller-0.36.6");

/** The folder of what the real controller wrote. */
export const upstreamFolder: string = vectors;

/** A Kubernetes object of a test, loosely. */
// biome-ignore lint/suspicious/noExplicitAny: objects of tests are read and changed at any depth.
export type KubeObject = Record<string, any>;

/** One recorded situation. */
export function recorded(name: string): KubeObject {
  return JSON.parse(readFileSync(join(vectors, `${name}.json`), "utf8"));
}

export const testKey: SealingKey = {
  ...vectorSealingKey("rsa2048"),
  name: "kube-system/sealed-secrets-key1",
};

/** The time at which plans are made in tests. */
export const testNow: number = Date.parse("2026-11-21T12:00:00Z");

export interface SealedOptions {
  readonly namespace?: string;
  readonly name?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly template?: JsonObject;
  /** The place the values are sealed for, when it is another. */
  readonly sealedFor?: { readonly namespace: string; readonly name: string };
  readonly generation?: number;
  readonly uid?: string;
}

/** A SealedSecret as an API server sends it, with values sealed for the key of the tests. */
export function sealedObject(
  values: Readonly<Record<string, string>>,
  options: SealedOptions = {},
): KubeObject {
  const { namespace = "prod", name = "db", annotations = {}, template = {}, generation = 1 } = options;
  const place = options.sealedFor ?? { namespace, name };
  const scope = scopeOf(new Map(Object.entries(annotations)));
  const to = { publicKey: vectorCertificate("rsa2048").publicKey, random, scope, ...place };
  const encryptedData = Object.fromEntries(
    Object.entries(values).map(([item, value]) => [item, sealValue(new TextEncoder().encode(value), to)]),
  );
  return {
    apiVersion: "bitnami.com/v1alpha1",
    kind: "SealedSecret",
    metadata: {
      name,
      namespace,
      uid: options.uid ?? "11111111-1111-4111-8111-111111111111",
      resourceVersion: "100",
      generation,
      creationTimestamp: "2026-11-21T11:00:00Z",
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec: { encryptedData, template },
  };
}

/** The object of a recorded situation with its values sealed anew, as the recorded ones are for a key that is gone. */
export function sealedAnew(object: KubeObject, values: Readonly<Record<string, string>>): KubeObject {
  const { namespace, name } = object["metadata"];
  const annotations = object["metadata"].annotations ?? {};
  const { encryptedData } = sealedObject(values, { namespace, name, annotations })["spec"];
  const { status: _, ...rest } = structuredClone(object);
  return {
    ...rest,
    spec: { ...rest["spec"], encryptedData: { ...rest["spec"].encryptedData, ...encryptedData } },
  };
}

export interface Attempt {
  readonly plan: Plan;
  readonly decrypts: number;
  readonly reads: number;
}

/** Makes a plan as the controller does, and counts what it costs. */
export async function attempt(
  object: KubeObject,
  secret: KubeObject | undefined,
  options: Partial<Omit<ReconcileInput, "object" | "secret">> & {
    readonly keys?: readonly SealingKey[];
  } = {},
): Promise<Attempt> {
  const { keys = [testKey], ...rest } = options;
  let decrypts = 0;
  let reads = 0;
  const input: ReconcileInput = {
    object,
    secret: secret && readSecretMetadata(partial(secret)),
    knownKeys: new Set(keys.map(({ fingerprint }) => fingerprint)),
    now: testNow,
    settings: { annotate: true, drift: "repair" },
    ...rest,
  };
  const plan = await reconcile(input, {
    unseal: ({ sealed }) => {
      decrypts += 1;
      // A clock that runs fast: a template that takes for ever is stopped at once.
      let looks = 0;
      const render = templateRenderer({ now: () => testNow + 1000 * looks++, random });
      return unsealSecret(sealed, { keys, render, acceptV1: true });
    },
    readData: () => {
      reads += 1;
      const data = Object.entries((secret?.["data"] ?? {}) as Record<string, string>);
      return Promise.resolve(new Map(data.map(([item, text]) => [item, Buffer.from(text, "base64")])));
    },
  });
  return { plan, decrypts, reads };
}

/** What a watch of metadata hands out: no value at all. */
function partial({ metadata }: KubeObject): KubeObject {
  return { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata", metadata };
}

/** The SealedSecret after the status of a plan was published. */
export function published(object: KubeObject, plan: Plan): KubeObject {
  const status = plan.kind === "nothing" ? undefined : plan.status;
  return status === undefined ? object : { ...object, status: statusObject(status) };
}
