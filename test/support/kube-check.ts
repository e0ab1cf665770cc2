/*
 * Talks to an API server through the client, in the runtime that it is run in, and prints what each call came to. The
 * tests run it in Bun, which the executable is built on.
 *
 * Input: the overrides of each call, as JSON. Output: for each the kind of an object, the names in a list and in a
 * watch, or the message of the failure.
 */

import { createNodeHost } from "../../src/host/node-host.ts";
import type { ClusterOptions, KubeApi } from "../../src/kube/api.ts";
import { createKubeApi } from "../../src/kube/client.ts";

/** What became of a call. */
export interface CheckOutcome {
  readonly kind?: unknown;
  readonly listed?: number;
  readonly watched?: readonly string[];
  readonly message?: string;
}

const calls: readonly ClusterOptions[] = JSON.parse(process.argv[2] ?? "[]");
const secrets = { group: "", version: "v1", plural: "secrets", namespace: "team" } as const;
const outcomes: CheckOutcome[] = [];
for (const cluster of calls) {
  const log = { info: () => undefined, warn: () => undefined };
  const api = await createKubeApi({ host: createNodeHost(), cluster, log, silenceMs: 2000 });
  outcomes.push(await outcomeOf(api));
  api.close();
}
process.stdout.write(JSON.stringify(outcomes));

async function outcomeOf(api: KubeApi): Promise<CheckOutcome> {
  try {
    const object = await api.get({ ...secrets, name: "db" });
    const manager = { fieldManager: "kseal", force: true };
    await Promise.all(Array.from({ length: 50 }, () => api.apply({ ...secrets, name: "db" }, {}, manager)));
    const { items } = await api.list(secrets);
    const watched: string[] = [];
    for await (const { type } of api.watch(secrets, {})) watched.push(type);
    return { kind: object?.["kind"], listed: items.length, watched };
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error) };
  }
}
