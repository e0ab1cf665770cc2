import { expect, test } from "vitest";
import { backoffDelay } from "../../controller/backoff.ts";
import { WorkQueue, type WorkQueueOptions, type WorkResult } from "../../controller/work-queue.ts";
import { fakeTimer } from "../support/fake-timer.ts";

interface Started {
  readonly key: string;
  readonly end: (result: WorkResult) => void;
  readonly fail: (error: Error) => void;
}

/** A queue whose work ends when the test says so. */
function manual(options: Partial<WorkQueueOptions> = {}) {
  const timer = fakeTimer();
  const started: Started[] = [];
  const waits: [string, number, string][] = [];
  const queue = new WorkQueue({
    concurrency: 1,
    backoff: { first: 100, longest: 1000 },
    timer,
    chance: () => 0,
    work: (key) => new Promise((end, fail) => started.push({ key, end, fail })),
    onStart: (key, waited, priority) => waits.push([key, waited, priority]),
    ...options,
  });
  const keys = () => started.map(({ key }) => key);
  const end = async (result: WorkResult = "done") => {
    started.at(-1)?.end(result);
    await timer.advance(0);
  };
  return { queue, timer, started, keys, waits, end };
}

test("a key stands in the queue once, however often it is added", async () => {
  const { queue, keys, timer, end } = manual();
  for (let at = 0; at < 5; at += 1) queue.add("a");
  await timer.advance(0);
  await end();
  expect(keys()).toEqual(["a"]);
  expect(queue.depth).toEqual({ new: 0, resync: 0, running: 0, delayed: 0 });
});

test("a key is never worked on twice at a time; what comes in meanwhile is worked on afterwards, once", async () => {
  const { queue, keys, timer, end } = manual({ concurrency: 3 });
  queue.add("a");
  await timer.advance(0);
  queue.add("a");
  queue.add("a");
  await timer.advance(0);
  expect(keys()).toEqual(["a"]);
  await end();
  expect(keys()).toEqual(["a", "a"]);
  await end();
  expect(keys()).toHaveLength(2);
});

test("new objects go before re-syncs, and a re-sync that becomes new moves up", async () => {
  const { queue, keys, timer, end } = manual();
  queue.add("first");
  await timer.advance(0);
  for (const key of ["old-1", "old-2", "old-3"]) queue.add(key, "resync");
  queue.add("new-1");
  queue.add("old-3", "new");
  queue.add("old-1", "resync");
  for (let at = 0; at < 5; at += 1) await end();
  expect(keys()).toEqual(["first", "new-1", "old-3", "old-1", "old-2"]);
});

test("no more keys are worked on at a time than it is told", async () => {
  const { queue, timer, started, keys } = manual({ concurrency: 3 });
  for (const key of "abcdefgh") queue.add(key);
  await timer.advance(0);
  expect(keys()).toEqual(["a", "b", "c"]);
  started[1]!.end("done");
  await timer.advance(0);
  expect(keys()).toEqual(["a", "b", "c", "d"]);
  expect(queue.depth).toMatchObject({ running: 3, new: 4 });
});

test("S3: what fails comes back for ever, later and later up to a longest wait", async () => {
  const { queue, timer } = manual({ work: () => Promise.resolve("failed") });
  const waits: number[] = [];
  queue.add("a");
  for (let at = 0; at < 20; at += 1) {
    await timer.advance(0);
    const [wait = 0] = timer.pending;
    waits.push(wait);
    await timer.advance(wait);
  }
  expect(waits.slice(0, 6)).toEqual([100, 200, 400, 800, 1000, 1000]);
  expect(waits.at(-1)).toBe(1000);
});

test("a success forgets the failures before it", async () => {
  const { queue, timer, end } = manual();
  queue.add("a");
  await timer.advance(0);
  await end("failed");
  await timer.advance(100);
  await end("failed");
  expect(timer.pending).toEqual([200]);
  await timer.advance(200);
  await end("done");
  queue.add("a");
  await timer.advance(0);
  await end("failed");
  expect(timer.pending).toEqual([100]);
});

test("an error that nobody expected is told, and tried again like any failure", async () => {
  const errors: unknown[] = [];
  const { queue, timer, started } = manual({ onError: (key, error) => errors.push([key, error]) });
  queue.add("a");
  await timer.advance(0);
  const error = new Error("unexpected");
  started[0]!.fail(error);
  await timer.advance(0);
  expect(errors).toEqual([["a", error]]);
  expect(timer.pending).toEqual([100]);
});

test("what waits for its next attempt is worked on at once when it is added", async () => {
  const { queue, timer, keys, end } = manual();
  queue.add("a");
  await timer.advance(0);
  await end("failed");
  queue.add("a");
  await timer.advance(0);
  expect(keys()).toEqual(["a", "a"]);
  expect(timer.pending).toEqual([]);
});

test("work may ask for another look later, which is no failure; the sooner of two looks counts", async () => {
  const { queue, timer, keys, end } = manual();
  queue.add("a");
  await timer.advance(0);
  await end(5000);
  expect(timer.pending).toEqual([5000]);
  queue.addLater("a", 9000);
  expect(timer.pending).toEqual([5000]);
  queue.addLater("a", 1000);
  expect(timer.pending).toEqual([1000]);
  await timer.advance(1000);
  expect(keys()).toHaveLength(2);
});

test("the wait of a key is measured from when it was due", async () => {
  const { queue, timer, waits, end } = manual();
  queue.add("a");
  queue.add("b", "resync");
  await timer.advance(250);
  await end();
  expect(waits).toEqual([
    ["a", 0, "new"],
    ["b", 250, "resync"],
  ]);
});

test("a key whose object is gone is forgotten with its failures", async () => {
  const { queue, timer, end } = manual();
  queue.add("a");
  await timer.advance(0);
  await end("failed");
  queue.forget("a");
  expect(timer.pending).toEqual([]);
});

test("closing ends what began, and starts nothing more", async () => {
  const { queue, timer, keys, started } = manual();
  queue.add("a");
  queue.add("b");
  await timer.advance(0);
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  await timer.advance(0);
  expect(closed).toBe(false);
  started[0]!.end("failed");
  await closing;
  queue.add("c");
  await timer.advance(0);
  expect(keys()).toEqual(["a"]);
  expect(timer.pending).toEqual([]);
});

test("ten thousand keys whose work ends at once do not run deeper and deeper", async () => {
  const timer = fakeTimer();
  let done = 0;
  const queue = new WorkQueue({
    concurrency: 4,
    backoff: { first: 1, longest: 1 },
    timer,
    chance: () => 0,
    work: () => {
      done += 1;
      return Promise.resolve("done");
    },
  });
  for (let at = 0; at < 10_000; at += 1) queue.add(`key-${at}`, "resync");
  await queue.idle();
  expect(done).toBe(10_000);
});

test("chance shortens a wait by a half at most", () => {
  const backoff = { first: 100, longest: 60_000 };
  expect([0, 0.5, 1].map((chance) => backoffDelay(backoff, 3, chance))).toEqual([400, 300, 200]);
  expect(backoffDelay(backoff, 5000, 0)).toBe(60_000);
});

test("re-syncs take half of the places: what is new finds one at once", async () => {
  const { queue, keys, timer, started } = manual({ concurrency: 4 });
  for (const key of ["r1", "r2", "r3", "r4"]) queue.add(key, "resync");
  await timer.advance(0);
  expect(keys()).toEqual(["r1", "r2"]);
  for (const key of ["n1", "n2", "n3"]) queue.add(key, "new");
  await timer.advance(0);
  expect(keys()).toEqual(["r1", "r2", "n1", "n2"]);
  started[0]?.end("done");
  await timer.advance(0);
  expect(keys()).toEqual(["r1", "r2", "n1", "n2", "n3"]);
  for (const at of [2, 3, 4]) started[at]?.end("done");
  await timer.advance(0);
  expect(keys().at(-1)).toBe("r3");
});
