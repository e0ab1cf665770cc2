import type { TestKey } from "../test/support/sealed-files.ts";
import { type Running, type Side, startSide, until } from "./controller-side.ts";
import { openStage, plainNamespaces, type Stage, sealedNamespaces } from "./controller-stage.ts";

/** What was measured of one controller on its own cluster. Times are milliseconds, memory is MiB. */
interface FirstRun {
  /** From the start of the process until the last Secret is there. */
  readonly all: number;
  readonly readyAfter: number;
  readonly cpuSeconds: number;
  readonly rsaOperations: number;
}

interface Restart {
  /** From the start of the process until every object was looked at. */
  readonly all: number;
  readonly cpuSeconds: number;
  readonly rsaOperations: number;
  /** Requests that changed something other than the lease and the published certificate. */
  readonly writes: number;
}

const lookedAt = "sealed_secrets_controller_unseal_requests_total";
const rsaOperations = "kseal_controller_rsa_operations_total";
const writing = new Set(["create", "update", "patch", "delete"]);
/** Pages of metrics cost both of them time. */
const betweenPages = 50;

/** Objects that wait for a controller that has never run. */
export async function measureFirst(
  stage: Stage,
  side: Side,
  objects: number,
): Promise<FirstRun & { running: Running }> {
  await stage.addSealed(objects, "object");
  const running = await startSide(stage, side);
  await until(() => countSealed(stage) >= objects, 5);
  const last = [...stage.secrets].filter(([key]) => isSealed(key)).map(([, time]) => time);
  const all = Math.max(...last) - running.startedAt;
  const { readyAfter } = running;
  return {
    ...{ all, readyAfter, running },
    cpuSeconds: running.cpuSeconds(),
    rsaOperations: await running.metric(rsaOperations),
  };
}

/** A controller that starts where everything is as it should be. */
export async function measureRestart(
  stage: Stage,
  side: Side,
  objects: number,
): Promise<Restart & { running: Running }> {
  stage.requests();
  const running = await startSide(stage, side);
  await until(async () => (await running.metric(lookedAt)) >= objects, betweenPages);
  const all = performance.now() - running.startedAt;
  const requests = stage.requests();
  return {
    ...{ all, running },
    cpuSeconds: running.cpuSeconds(),
    rsaOperations: await running.metric(rsaOperations),
    writes: writesOf(requests),
  };
}

/** One object after the other, while nothing else is to be done. @returns Milliseconds of each. */
export async function measureIdle(stage: Stage, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    times.push(await stage.timeOne(`idle-${at}`));
    await pauseFor(100);
  }
  return times;
}

/** Deletes all Secrets and goes on creating objects. @returns Milliseconds of each until its Secret was there. */
export async function measureWhileRestoring(
  stage: Stage,
  { objects, news }: { readonly objects: number; readonly news: number },
): Promise<{ readonly latencies: readonly number[]; readonly restored: number }> {
  const began = performance.now();
  await stage.deleteSecrets(sealedNamespaces);
  const latencies: Promise<number>[] = [];
  for (let at = 0; at < news; at++) {
    latencies.push(stage.timeOne(`new-${at}`));
    await pauseFor(100);
  }
  const measured = await Promise.all(latencies);
  await until(() => countSealed(stage) >= objects + news, 20);
  return { latencies: measured, restored: performance.now() - began };
}

/** Starts a controller, and ends it as soon as it is ready. @returns Milliseconds. */
export async function measureReady(stage: Stage, side: Side): Promise<number> {
  const running = await startSide(stage, side);
  await running.stop();
  return running.readyAfter;
}

/** The peak of a controller that starts among Secrets that are none of its business. */
export async function measureForeign(
  stage: Stage,
  side: Side,
  { objects, secrets, bytes }: { readonly objects: number; readonly secrets: number; readonly bytes: number },
): Promise<number> {
  await stage.addSecrets(secrets, bytes);
  const { running } = await measureRestart(stage, side, objects);
  // What comes after the last object, such as the garbage of the lists.
  await pauseFor(2000);
  const peak = running.peakMemory();
  await running.stop();
  await stage.deleteSecrets(plainNamespaces);
  return peak;
}

/** Does something with a cluster of its own, which is gone afterwards. */
export async function withStage<T>(
  keys: readonly TestKey[],
  side: Side,
  work: (stage: Stage) => Promise<T>,
): Promise<T> {
  const stage = await openStage(keys, side.name);
  try {
    return await work(stage);
  } finally {
    await stage.close();
  }
}

function isSealed(key: string): boolean {
  return key.startsWith("sealed-");
}

function countSealed({ secrets }: Stage): number {
  let count = 0;
  for (const key of secrets.keys()) if (isSealed(key)) count += 1;
  return count;
}

function writesOf(requests: ReadonlyMap<string, number>): number {
  const counted = [...requests].filter(([key]) => {
    const [verb = "", resource = ""] = key.split(" ");
    return writing.has(verb) && resource !== "leases" && resource !== "configmaps";
  });
  return counted.reduce((sum, [, count]) => sum + count, 0);
}

async function pauseFor(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
