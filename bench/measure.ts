import { type SpawnOptions, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** One side of a comparison: command lines, run a given number at a time, with nothing of their output kept. */
export interface Side {
  readonly label: string;
  readonly commands: readonly (readonly [string, ...string[]])[];
  readonly atOnce?: number;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Before each run, outside of the time: for work that changes what it finds. */
  readonly prepare?: () => void;
}

export interface Spread {
  readonly median: number;
  /** First and third quartile. */
  readonly low: number;
  readonly high: number;
}

export interface Comparison {
  /** Milliseconds. */
  readonly ours: Spread;
  readonly theirs: Spread;
  /** Of each pair, ours by theirs. */
  readonly ratio: Spread;
  /** MiB; of the largest process. */
  readonly memory: { readonly ours: number; readonly theirs: number } | undefined;
}

/**
 * Runs the two sides in turn, so that whatever else the machine does hits both, and compares pair by pair.
 *
 * Each side runs once before for nothing: disk caches, and Node's compile cache, are warm, as they are on the second
 * call of a day.
 */
export async function compare(
  ours: Side,
  theirs: Side,
  options: {
    readonly pairs: number;
    readonly memory: boolean;
    /** 1 when left out. */
    readonly theirsTimes?: number | undefined;
  },
): Promise<Comparison> {
  const { theirsTimes = 1 } = options;
  await runSide(ours);
  await runSide(theirs);
  const pairs: { ours: number; theirs: number }[] = [];
  for (let pair = 0; pair < options.pairs; pair++) {
    // The second of a pair finds a warmer or a hotter machine: take turns.
    const first = pair % 2 === 0 ? ours : theirs;
    const firstTime = await runSide(first);
    const secondTime = await runSide(first === ours ? theirs : ours);
    const [oursTime, theirsTime] = first === ours ? [firstTime, secondTime] : [secondTime, firstTime];
    pairs.push({ ours: oursTime, theirs: theirsTime * theirsTimes });
  }
  return {
    ours: spreadOf(pairs.map((pair) => pair.ours)),
    theirs: spreadOf(pairs.map((pair) => pair.theirs)),
    ratio: spreadOf(pairs.map((pair) => pair.ours / pair.theirs)),
    memory: options.memory ? { ours: await peakMemory(ours), theirs: await peakMemory(theirs) } : undefined,
  };
}

async function runSide({ commands, atOnce = 1, prepare, ...side }: Side): Promise<number> {
  prepare?.();
  const waiting = commands.values();
  const started = process.hrtime.bigint();
  const worker = async (): Promise<void> => {
    for (const command of waiting) await runToEnd(command, side);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return Number(process.hrtime.bigint() - started) / 1e6;
}

function runToEnd(
  [program, ...args]: readonly [string, ...string[]],
  { cwd, env, stdin }: Pick<Side, "cwd" | "env" | "stdin">,
  watch: (pid: number) => () => void = () => () => {},
): Promise<void> {
  const options: SpawnOptions = {
    cwd,
    env,
    stdio: [stdin === undefined ? "ignore" : "pipe", "ignore", "pipe"],
  };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, options);
    const unwatch = watch(child.pid ?? 0);
    const stderr: Buffer[] = [];
    child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.stdin?.end(stdin);
    child.on("error", reject);
    child.on("close", (status) => {
      unwatch();
      if (status === 0) resolve();
      else reject(new Error(`${program} ${args.join(" ")} ended with ${status}: ${Buffer.concat(stderr)}`));
    });
  });
}

/**
 * The largest resident size of a side's first command, in runs of their own; the middle one of three, because it
 * depends on when the garbage collectors of both happen to run.
 *
 * The kernel's high-water mark is read while the process lives: `getrusage` of a child would also count the pages
 * that it shared with its parent before `exec`.
 */
async function peakMemory(side: Side): Promise<number> {
  const [command] = side.commands;
  if (command === undefined) return 0;
  const peaks: number[] = [];
  for (let run = 0; run < 3; run++) peaks.push(await peakOf(command, side));
  return spreadOf(peaks).median;
}

async function peakOf(command: readonly [string, ...string[]], side: Side): Promise<number> {
  let peak = 0;
  await runToEnd(command, side, (pid) => {
    const timer = setInterval(() => {
      peak = Math.max(peak, highWaterMark(pid));
    }, 2);
    return () => clearInterval(timer);
  });
  return peak;
}

function highWaterMark(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Median and quartiles. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

function quantile(sorted: readonly number[], part: number): number {
  const place = (sorted.length - 1) * part;
  const [below, above] = [sorted[Math.floor(place)] ?? 0, sorted[Math.ceil(place)] ?? 0];
  return below + (above - below) * (place - Math.floor(place));
}
