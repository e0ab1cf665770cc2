import type { Readable } from "node:stream";
import type { JsonObject } from "./api.ts";
import { TooSlow } from "./connections.ts";
import { isObject } from "./fields.ts";
import { AnswerMalformed, AnswerTooLong } from "./network-failure.ts";

// No honest object is deeper, and functions that call themselves for each level still can read it.
const deepest = 500;

/**
 * The chunks of an answer. Not reading them to the end closes the connection.
 *
 * @param idleMs - How long the server may be silent; the time that the reader takes does not count.
 * @throws TooSlow, and what the connection says when it breaks.
 */
export async function* chunksOf(body: Readable, idleMs: number): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const timer = setTimeout(() => body.destroy(new TooSlow("no answer in time")), idleMs);
      const { value, done } = await chunks.next().finally(() => clearTimeout(timer));
      if (done === true) return;
      yield value;
    }
  } finally {
    // Has no effect on an answer that was read to its end.
    body.destroy();
  }
}

/**
 * The whole content of an answer.
 *
 * @param options.limit - Bytes.
 * @throws AnswerTooLong
 */
export async function readAll(
  body: Readable,
  { limit, idleMs }: { readonly limit: number; readonly idleMs: number },
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOf(body, idleMs)) {
    length += chunk.length;
    if (length > limit) throw new AnswerTooLong();
    parts.push(chunk);
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, length);
}

/** @throws AnswerMalformed */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The parser's message quotes the text, which may be a Secret.
    throw new AnswerMalformed("not JSON");
  }
}

/** @throws AnswerMalformed */
export function asObject(value: unknown): JsonObject {
  if (isObject(value)) return value;
  throw new AnswerMalformed("no object of Kubernetes");
}

/**
 * An object without the fields that are nested deeper than any honest one, so that whoever reads it finds a field
 * missing, and not the end of the stack. Metadata cannot be deep: API servers know its shape.
 */
export function withinDepth(object: JsonObject): JsonObject {
  const tooDeep = Object.keys(object).filter((key) => isTooDeep(object[key]));
  return tooDeep.length === 0
    ? object
    : Object.fromEntries(Object.entries(object).filter(([key]) => !tooDeep.includes(key)));
}

function isTooDeep(value: unknown): boolean {
  let level = isContainer(value) ? [value] : [];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return true;
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
