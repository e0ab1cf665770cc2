import type { TestKey } from "../test/support/sealed-files.ts";
import {
  measureFirst,
  measureForeign,
  measureIdle,
  measureReady,
  measureRestart,
  measureWhileRestoring,
  withStage,
} from "./controller-rows.ts";
import type { Side } from "./controller-side.ts";
import type { Stage } from "./controller-stage.ts";
import { memoryText, type ResultRow, ratioOf, timeText } from "./controller-table.ts";
import { spreadOf } from "./measure.ts";

interface Sides {
  readonly kseal: Side;
  readonly upstream: Side;
}

/** One side, from the first start to the last, with some objects. */
async function oneSide(keys: readonly TestKey[], side: Side, size: { few: number; samples: number }) {
  return await withStage(keys, side, async (stage) => {
    const { running: before, ...first } = await measureFirst(stage, side, size.few);
    const idle = await measureIdle(stage, size.samples);
    await before.stop();
    const { running, ...restart } = await measureRestart(stage, side, size.few + size.samples);
    await running.stop();
    return { first, restart, idle: spreadOf(idle).median };
  });
}

/** First start, restart, and one object on an idle controller. */
export async function compareOnEmptyQueue(
  keys: readonly TestKey[],
  { kseal, upstream }: Sides,
  size: { readonly few: number; readonly samples: number },
): Promise<{ readonly rows: readonly ResultRow[]; readonly first: number }> {
  const ours = await oneSide(keys, kseal, size);
  const theirs = await oneSide(keys, upstream, size);
  const times = (a: number, b: number) => ({ ours: timeText(a), theirs: timeText(b) });
  const { rsaOperations, writes } = ours.restart;
  const restarted = ratioOf(theirs.restart.all / ours.restart.all, { atLeast: 10 });
  const rows = [
    {
      work: `${size.few} new objects until every Secret exists; its limits lifted`,
      ...times(ours.first.all, theirs.first.all),
      ...ratioOf(theirs.first.all / ours.first.all, { atLeast: 3 }),
    },
    {
      work: `restart with ${size.few} reconciled objects until all are known good; its limits lifted`,
      ...times(ours.restart.all, theirs.restart.all),
      reached: `${restarted.reached}, ${rsaOperations} decryptions, ${writes} writes`,
      wanted: `${restarted.wanted}, none, none`,
      isMet: restarted.isMet && rsaOperations === 0 && writes === 0,
    },
    {
      work: "POST of one object until its Secret is seen, idle, median",
      ...times(ours.idle, theirs.idle),
      ...ratioOf(ours.idle / theirs.idle, { atMost: 1 }),
    },
  ];
  return { rows, first: ours.first.all };
}

/** What a start takes where there are keys and nothing else. */
export async function readyRow(
  keys: readonly TestKey[],
  { kseal, upstream }: Sides,
  samples: number,
): Promise<ResultRow> {
  const ready = (side: Side) =>
    withStage(keys, side, async (stage) => {
      const times: number[] = [];
      for (let at = 0; at < samples; at++) times.push(await measureReady(stage, side));
      return spreadOf(times).median;
    });
  const [ours, theirs] = [await ready(kseal), await ready(upstream)];
  return {
    work: "start until ready with an existing key, median",
    ours: timeText(ours),
    theirs: timeText(theirs),
    ...ratioOf(ours / theirs, { atMost: 3 }),
  };
}

/**
 * Upstream with its standard limit of five requests a second: it makes (4N - 8)/5 seconds of N objects, so a few of them
 * tell of many. @param size.ours - Seconds for all of `few`, where they were measured.
 */
export async function limitedRow(
  keys: readonly TestKey[],
  limited: Side,
  size: { readonly few: number; readonly limited: number; readonly ours: number | undefined },
): Promise<ResultRow> {
  const measured = await withStage(keys, limited, async (stage) => {
    const { all, running } = await measureFirst(stage, limited, size.limited);
    await running.stop();
    return all / 1000;
  });
  const formula = (objects: number) => (4 * objects - 8) / 5;
  const theirs = formula(size.few);
  const ours = size.ours ?? Number.NaN;
  return {
    work: `${size.few} new objects; its standard limits`,
    ours: timeText(ours * 1000),
    theirs: `${theirs.toFixed(0)} s by (4N - 8)/5; ${size.limited} objects: ${measured.toFixed(1)} s, ${formula(size.limited).toFixed(1)} s by that`,
    ...ratioOf(theirs / ours, { atLeast: 20 }),
  };
}

/** The oldest of many keys opens everything. */
export async function keysRow(
  keys: { readonly one: readonly TestKey[]; readonly all: readonly TestKey[] },
  kseal: Side,
  objects: number,
): Promise<ResultRow> {
  const first = (set: readonly TestKey[]) =>
    withStage(set, kseal, async (stage) => {
      const { running, all } = await measureFirst(stage, kseal, objects);
      await running.stop();
      return all;
    });
  const many = await first(keys.all);
  const one = await first(keys.one);
  return {
    work: `first start on ${objects} objects with ${keys.all.length} keys, the oldest opens, against one key`,
    ours: `${timeText(many)} against ${timeText(one)}`,
    theirs: "",
    ...ratioOf(many / one, { atMost: 1.2 }),
  };
}

/** New objects while Secrets are restored, and what many objects take of memory. */
export async function compareRestoring(
  keys: readonly TestKey[],
  { kseal, upstream }: Sides,
  size: { readonly many: number; readonly theirs: number; readonly news: number; readonly foreign: number },
): Promise<readonly ResultRow[]> {
  const secrets = { secrets: size.foreign, bytes: 10 * 1024 };
  const restore = async (stage: Stage, side: Side, objects: number) => {
    const { running } = await measureFirst(stage, side, objects);
    const firstPeak = running.peakMemory();
    const { latencies } = await measureWhileRestoring(stage, { objects, news: size.news });
    const restorePeak = running.peakMemory();
    await running.stop();
    const p99 = latencies.toSorted((a, b) => a - b)[Math.ceil(latencies.length * 0.99) - 1] ?? Number.NaN;
    return { p99, firstPeak, restorePeak };
  };
  const ours = await withStage(keys, kseal, async (stage) => {
    const restored = await restore(stage, kseal, size.many);
    const foreignPeak = await measureForeign(stage, kseal, { objects: size.many + size.news, ...secrets });
    return { ...restored, foreignPeak };
  });
  const theirs = await withStage(keys, upstream, (stage) => restore(stage, upstream, size.theirs));
  // It need not open all of them: its memory is full of Secrets soon after the start, and only grows.
  const theirPeak = await withStage(keys, upstream, async (stage) => {
    await stage.addSealed(size.many, "object");
    return await measureForeign(stage, upstream, { objects: 50, ...secrets });
  });
  // It works on one object after the other, so that a new one waits for all that were there before.
  const scaled = (theirs.p99 * size.many) / size.theirs;
  const peak = Math.max(ours.firstPeak, ours.restorePeak);
  return [
    {
      work: `a new object while ${size.many} deleted Secrets are being restored, p99 of ${size.news}`,
      ours: timeText(ours.p99),
      theirs: `${timeText(scaled)}, as ${timeText(theirs.p99)} with ${size.theirs}`,
      reached: `1/${(scaled / ours.p99).toFixed(0)}`,
      wanted: "<= 1/100, <= 1 s",
      isMet: ours.p99 <= scaled / 100 && ours.p99 <= 1000,
    },
    {
      work: `peak memory with ${size.many} SealedSecrets: first start; then all their Secrets restored`,
      ours: `${memoryText(ours.firstPeak)}; ${memoryText(ours.restorePeak)}`,
      theirs: `${memoryText(theirs.firstPeak)}; ${memoryText(theirs.restorePeak)} with ${size.theirs}`,
      reached: memoryText(peak),
      wanted: "<= 128 MiB",
      isMet: peak <= 128,
    },
    {
      work: `peak memory, restart with ${size.many} SealedSecrets and ${size.foreign} other Secrets of 10 KiB`,
      ours: memoryText(ours.foreignPeak),
      theirs: `${memoryText(theirPeak)} at least`,
      ...ratioOf(ours.foreignPeak / theirPeak, { atMost: 1 }),
    },
  ];
}

/** What the size of Secrets does to memory. */
export async function sizesRow(
  keys: readonly TestKey[],
  kseal: Side,
  size: { readonly samples: number; readonly large: number },
): Promise<ResultRow> {
  const [small, large] = await withStage(keys, kseal, async (stage) => {
    const { running } = await measureFirst(stage, kseal, size.samples);
    await running.stop();
    const peak = (bytes: number) =>
      measureForeign(stage, kseal, { objects: size.samples, secrets: size.large, bytes });
    return [await peak(1024), await peak(100 * 1024)] as const;
  });
  return {
    work: `peak memory, start among ${size.large} other Secrets of 100 KiB, against 1 KiB`,
    ours: `${memoryText(large)} against ${memoryText(small)}`,
    theirs: "",
    ...ratioOf(large / small, { atMost: 1.05 }),
  };
}
