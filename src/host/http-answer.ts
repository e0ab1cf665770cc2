import type { HttpAnswer, HttpRequest } from "../core/ports.ts";
import type { Machine } from "./machine.ts";

/** How one runtime sends a request. `signal` ends it. */
export type Send = (
  machine: Machine,
  request: HttpRequest & { readonly signal: AbortSignal },
) => Promise<HttpAnswer>;

/** No answer that kseal asks for is longer; bytes. */
const longestAnswer = 1 << 20;

/** An answer that is longer than any honest one. */
export class AnswerTooLong extends Error {}

/**
 * The content of an answer.
 *
 * @throws AnswerTooLong
 */
export async function readAnswer(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > longestAnswer) throw new AnswerTooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Whether a URL leads to this machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
