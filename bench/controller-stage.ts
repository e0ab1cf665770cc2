import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeHost } from "../src/host/node-host.ts";
import type { KubeApi } from "../src/kube/api.ts";
import { createKubeApi } from "../src/kube/client.ts";
import { secretObject } from "../src/sealed/secret.ts";
import { startCluster, type TestCluster } from "../test/support/cluster.ts";
import { installBitnamiRights, installDefinition } from "../test/support/cluster-bitnami.ts";
import { installControllerRights } from "../test/support/cluster-kseal.ts";
import { seal, type TestKey } from "../test/support/sealed-files.ts";

/** A cluster of its own with sealing keys, and one controller's rights: what one side of a comparison works on. */
export interface Stage {
  readonly cluster: TestCluster;
  /** When each Secret was seen, by `namespace/name`: milliseconds of `performance.now()`. Gone ones are not in it. */
  readonly secrets: ReadonlyMap<string, number>;
  /** Creates SealedSecrets of three values. @param prefix - Of their names. */
  addSealed(count: number, prefix: string): Promise<void>;
  /** Creates plain Secrets. @param bytes - The size of the one value of each. */
  addSecrets(count: number, bytes: number): Promise<void>;
  deleteSecrets(namespaces: readonly string[]): Promise<void>;
  /** Creates one SealedSecret. @returns Milliseconds from the request until its Secret is seen. */
  timeOne(name: string): Promise<number>;
  /** Requests of the controller since the last call, by verb and resource. */
  requests(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Where SealedSecrets are spread over. */
export const sealedNamespaces: readonly string[] = Array.from({ length: 10 }, (_, at) => `sealed-${at}`);
/** Where Secrets are that no SealedSecret made. */
export const plainNamespaces: readonly string[] = Array.from({ length: 10 }, (_, at) => `plain-${at}`);

export const controllerAccount = "sealed-secrets-controller";
const user = `system:serviceaccount:kube-system:${controllerAccount}`;
const sealedSecrets = (namespace: string) =>
  `/apis/bitnami.com/v1alpha1/namespaces/${namespace}/sealedsecrets`;
const atOnce = 16;

/** Starts a cluster that notes every request of the controller. @param keys - Oldest last; it seals everything. */
export async function openStage(keys: readonly TestKey[], rights: "kseal" | "upstream"): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "kseal-bench-audit-"));
  const audit = openAudit(folder);
  const cluster = await startCluster({ apiServerFlags: audit.flags });
  const sealer = keys.at(-1);
  if (sealer === undefined) throw new TypeError("no key was made");
  await installDefinition(cluster);
  await (rights === "kseal" ? installControllerRights(cluster) : installBitnamiRights(cluster));
  for (const name of [...sealedNamespaces, ...plainNamespaces]) await cluster.createNamespace(name);
  for (const { secret } of keys) {
    await cluster.api.call("POST", "/api/v1/namespaces/kube-system/secrets", secretObject(secret));
  }
  const api = await createKubeApi({
    host: createNodeHost(),
    cluster: { kubeconfig: cluster.kubeconfig },
    log: { warn: () => {} } as never,
  });
  const watched = await watchSecrets(api);
  const post = async (name: string, at: number): Promise<string> => {
    const namespace = sealedNamespaces[at % sealedNamespaces.length] ?? "";
    await cluster.api.call("POST", sealedSecrets(namespace), sealedObject(sealer, { namespace, name }));
    return `${namespace}/${name}`;
  };
  let sent = 0;
  return {
    cluster,
    secrets: watched.seen,
    addSealed: (count, prefix) => inParallel(count, async (at) => void (await post(`${prefix}-${at}`, at))),
    addSecrets: (count, bytes) =>
      inParallel(count, async (at) => {
        const namespace = plainNamespaces[at % plainNamespaces.length] ?? "";
        const data = { value: Buffer.alloc(bytes, at).toString("base64") };
        const object = { apiVersion: "v1", kind: "Secret", metadata: { name: `plain-${bytes}-${at}` }, data };
        await cluster.api.call("POST", `/api/v1/namespaces/${namespace}/secrets`, object);
      }),
    deleteSecrets: async (namespaces) => {
      await Promise.all(
        namespaces.map((namespace) =>
          cluster.api.call("DELETE", `/api/v1/namespaces/${namespace}/secrets`, {}),
        ),
      );
    },
    timeOne: async (name) => {
      const began = performance.now();
      const key = await post(name, sent++);
      return (await watched.when(key)) - began;
    },
    requests: audit.read,
    close: async () => {
      watched.stop();
      api.close();
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function sealedObject(key: TestKey, to: { readonly namespace: string; readonly name: string }): object {
  const items = ["password", "token", "user"];
  return {
    apiVersion: "bitnami.com/v1alpha1",
    kind: "SealedSecret",
    metadata: to,
    spec: {
      encryptedData: Object.fromEntries(items.map((item) => [item, seal(`${item} of ${to.name}`, key, to)])),
      template: { metadata: to },
    },
  };
}

async function inParallel(count: number, work: (at: number) => Promise<void>): Promise<void> {
  const waiting = Array.from({ length: count }, (_, at) => at).values();
  const worker = async (): Promise<void> => {
    for (const at of waiting) await work(at);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

interface WatchedSecrets {
  readonly seen: ReadonlyMap<string, number>;
  /** When a Secret was seen that may not be there yet. */
  when(key: string): Promise<number>;
  stop(): void;
}

async function watchSecrets(api: KubeApi): Promise<WatchedSecrets> {
  const seen = new Map<string, number>();
  const waiting = new Map<string, (time: number) => void>();
  const abort = new AbortController();
  const path = { group: "", version: "v1", plural: "secrets" };
  let { resourceVersion } = await api.list(path, { metadataOnly: true });
  const follow = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      const events = api.watch(path, { metadataOnly: true, resourceVersion, signal: abort.signal });
      for await (const { type, object } of events) {
        const metadata = object["metadata"] as { namespace: string; name: string; resourceVersion: string };
        resourceVersion = metadata.resourceVersion;
        const key = `${metadata.namespace}/${metadata.name}`;
        if (type === "DELETED") seen.delete(key);
        if (type !== "ADDED") continue;
        const time = performance.now();
        seen.set(key, time);
        waiting.get(key)?.(time);
        waiting.delete(key);
      }
    }
  };
  follow().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return {
    seen,
    when: async (key) => seen.get(key) ?? (await new Promise((resolve) => waiting.set(key, resolve))),
    stop: () => abort.abort(),
  };
}

/** The API server's own log of what one user asked of it. */
function openAudit(folder: string): { readonly flags: readonly string[]; readonly read: Stage["requests"] } {
  const log = join(folder, "audit.log");
  const policy = join(folder, "audit.json");
  writeFileSync(log, "");
  writeFileSync(
    policy,
    JSON.stringify({
      apiVersion: "audit.k8s.io/v1",
      kind: "Policy",
      omitStages: ["RequestReceived", "ResponseStarted"],
      rules: [{ level: "Metadata", users: [user] }, { level: "None" }],
    }),
  );
  let from = 0;
  return {
    flags: ["--audit-policy-file", policy, "--audit-log-path", log],
    read: () => {
      const text = readFrom(log, from);
      from += Buffer.byteLength(text);
      const counts = new Map<string, number>();
      for (const line of text.split("\n").filter((each) => each !== "")) {
        const { verb, objectRef } = JSON.parse(line);
        const { resource = "", subresource } = objectRef ?? {};
        const key = `${verb} ${resource}${subresource === undefined ? "" : `/${subresource}`}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return counts;
    },
  };
}

function readFrom(file: string, from: number): string {
  const bytes = readFileSync(file).subarray(from);
  return bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1).toString("utf8");
}
