import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";

// The work is mostly waiting for the disk, for key servers and for age plugins; the cryptography runs on one thread
// anyway. A key source gets no more than so many requests at a time either (keys/in-flight.ts).
const concurrency = 16;
const shownFailures = 20;

/** Several files failed. Nothing was written. */
export class FilesError extends KsealError {
  readonly failures: readonly KsealError[];

  constructor(failures: readonly [KsealError, ...KsealError[]], total: number, noun = "files") {
    const shown = failures.slice(0, shownFailures).map((failure) => `\n  ${describe(failure)}`);
    const more = failures.length > shownFailures ? `\n  and ${failures.length - shownFailures} more` : "";
    const hints = new Set(failures.map(({ hint }) => hint).filter((hint) => hint !== undefined));
    super(failures[0].code, `${failures.length} of ${total} ${noun} failed:${shown.join("")}${more}`, {
      hint: hints.size === 0 ? undefined : [...hints].slice(0, 3).join("\n"),
      cause: failures[0],
    });
    this.failures = failures;
  }
}

/**
 * Works on several files, a few at a time, and keeps their order.
 *
 * @throws The failure of the one file that failed, or a {@link FilesError} with all of them.
 */
export async function mapFiles<T extends { readonly file: string }, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  context: Pick<OpContext, "signal" | "onProgress"> & {
    /** What the items are called when several fail; files when left out. */
    readonly noun?: string | undefined;
    /** How many at a time. */
    readonly limit?: number | undefined;
  },
): Promise<readonly R[]> {
  const results = new Map<number, R>();
  const failures = new Map<number, KsealError>();
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      if (context.signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted");
      const item = items[index] as T;
      try {
        results.set(index, await work(item));
      } catch (error) {
        if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
        failures.set(index, error.where?.file === undefined ? error.at({ file: item.file }) : error);
      }
      done += 1;
      context.onProgress?.(done, items.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(context.limit ?? concurrency, items.length) }, worker));
  const [first, ...rest] = inOrder(failures);
  if (first !== undefined)
    throw rest.length === 0 ? first : new FilesError([first, ...rest], items.length, context.noun);
  return inOrder(results);
}

function inOrder<V>(found: ReadonlyMap<number, V>): V[] {
  return [...found].sort(([a], [b]) => a - b).map(([, value]) => value);
}

function describe({ where, message }: KsealError): string {
  const line = where?.line === undefined ? "" : `:${where.line}`;
  const path = where?.path === undefined ? "" : ` ${where.path}`;
  return `${where?.file ?? ""}${line}${path}: ${message}`;
}
