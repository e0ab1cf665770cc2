import type { Readable } from "node:stream";
import { asObject, chunksOf, parseJson, withinDepth } from "./answer.ts";
import type { KubeError, ObjectPath, WatchEvent, WatchOptions } from "./api.ts";
import type { Connection } from "./connection.ts";
import { fieldOf, numberOf, textOf } from "./fields.ts";
import { AnswerMalformed, AnswerTooLong, networkFailure } from "./network-failure.ts";
import { objectUrl } from "./object-url.ts";
import { largestObject, type Requester } from "./requester.ts";
import { refuseIfInterrupted } from "./retries.ts";
import { serverFailure } from "./server-failure.ts";

/** What a watch is made of besides its path. */
export interface WatchParts {
  readonly requester: Requester;
  readonly connection: Connection;
  readonly signal: AbortSignal | undefined;
  readonly now: () => number;
  /**
   * How long nothing may be heard, milliseconds. API servers send a bookmark every minute: a connection on which none
   * comes leads nowhere, though neither end closed it.
   */
  readonly silenceMs: number;
}

const metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const shortest = 300;

/** Changes as they happen, until the server ends the watch or the reader stops. */
export async function* watchObjects(
  parts: WatchParts,
  path: ObjectPath,
  options: WatchOptions,
): AsyncGenerator<WatchEvent, void, undefined> {
  const { labelSelector, fieldSelector, resourceVersion, metadataOnly } = options;
  const refuse = (): void => {
    refuseIfInterrupted(parts.signal);
    refuseIfInterrupted(options.signal);
  };
  const url = objectUrl(path, {
    watch: true,
    allowWatchBookmarks: true,
    labelSelector,
    fieldSelector,
    resourceVersion,
    // Watches that began together must not end together.
    timeoutSeconds: options.timeoutSeconds ?? Math.floor(shortest * (1 + Math.random())),
  });
  const request = { method: "GET", verb: "watch", path, url, repeatable: true, isWatch: true } as const;
  const accept = metadataOnly === true ? metadata : undefined;
  const body = await parts.requester.exchange(
    { ...request, accept, signal: options.signal },
    async (answer) => answer.body,
  );
  const stop = (): void => {
    body.destroy();
  };
  const forget = parts.requester.onInterrupt(stop);
  options.signal?.addEventListener("abort", stop);
  try {
    refuse();
    yield* eventsOf(body, parts, path);
  } catch (error) {
    refuse();
    throw networkFailure(error, parts.connection) ?? error;
  } finally {
    forget();
    options.signal?.removeEventListener("abort", stop);
    body.destroy();
  }
  refuse();
}

async function* eventsOf(
  body: Readable,
  parts: WatchParts,
  path: ObjectPath,
): AsyncGenerator<WatchEvent, void, undefined> {
  for await (const line of linesOf(body, parts.silenceMs)) {
    const event = asObject(parseJson(line));
    const object = asObject(fieldOf(event, "object"));
    const type = textOf(event, "type");
    switch (type) {
      case "ADDED":
      case "MODIFIED":
      case "DELETED":
      case "BOOKMARK":
        yield { type, object: withinDepth(object) };
        break;
      case "ERROR":
        throw failureOf(object, parts, path);
      default:
        throw new AnswerMalformed("no event of a watch");
    }
  }
}

/** An error within a watch comes as an event, its status in its object: 410 when the version is too old. */
function failureOf(
  object: unknown,
  { connection, now }: Pick<WatchParts, "connection" | "now">,
  path: ObjectPath,
): KubeError {
  const status = numberOf(object, "code") ?? 500;
  const answer = { status, headers: {}, body: object };
  return serverFailure(answer, { verb: "watch", path }, { connection, now: now() });
}

/** Lines without their ends, none longer than an object may be. */
async function* linesOf(body: Readable, idleMs: number): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(body, idleMs)) {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, from)) {
      const line = Buffer.concat([...parts, chunk.subarray(from, end)]);
      parts = [];
      length = 0;
      from = end + 1;
      if (line.length > 0) yield line;
    }
    if (from < chunk.length) {
      length += chunk.length - from;
      if (length > largestObject) throw new AnswerTooLong();
      parts.push(chunk.subarray(from));
    }
  }
  // A server that is shut down may stop within a line; what the line said comes again with the next watch.
}
