import type { HttpAnswer, HttpRequest } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { errorName } from "./file-errors.ts";
import { AnswerTooLong, isLoopback, type Send } from "./http-answer.ts";
import type { Machine } from "./machine.ts";

/** Sends one request and takes the whole answer. */
export async function sendRequest(machine: Machine, request: HttpRequest): Promise<HttpAnswer> {
  const deadline = AbortSignal.timeout(request.timeoutMs);
  const signal = request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]);
  try {
    return await attempt(machine, { ...request, signal });
  } catch (error) {
    if (request.signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted", { cause: error });
    const cause = deadline.aborted ? deadline.reason : error;
    const reason = reasonOf(cause);
    // What is no failure of the network is a bug of kseal and must look like one.
    throw reason === undefined ? cause : new KsealError("KEY_SOURCE_FAILED", reason, { cause });
  }
}

async function attempt(
  machine: Machine,
  request: HttpRequest & { readonly signal: AbortSignal },
): Promise<HttpAnswer> {
  const send = await senderFor(machine, request.url);
  try {
    return await send(machine, request);
  } catch (error) {
    if (request.tls?.ca !== undefined || !unknownIssuer.has(errorName(error) ?? "")) throw error;
    // The runtimes bring their own list of issuers. That of the system, where companies add theirs, takes long to read.
    const { getCACertificates } = await import("node:tls");
    const ca = [...getCACertificates("default"), ...getCACertificates("system")].join("\n");
    return await send(machine, { ...request, tls: { ...request.tls, ca } });
  }
}

async function senderFor(machine: Machine, url: string): Promise<Send> {
  // In Bun node:http takes 50 ms to load and fetch nothing; in Node fetch takes longer than node:http.
  const hasFetch = process.versions["bun"] !== undefined;
  // Bun's fetch would hand http to the proxy, and what is meant for this machine would leave it.
  const mayGoAstray = isLoopback(url) && Object.keys(machine.env).some((name) => /_proxy$/i.test(name));
  return hasFetch && !mayGoAstray
    ? (await import("./request-bun.ts")).sendWithFetch
    : (await import("./request-node.ts")).sendWithNode;
}

const unknownIssuer: ReadonlySet<string> = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
]);

function reasonOf(cause: unknown): string | undefined {
  if (cause instanceof AnswerTooLong) return "its answer is too long";
  if (cause instanceof DOMException && cause.name === "TimeoutError") return "no answer in time";
  const name = errorName(cause);
  // The words of Node's parser and of Bun's.
  if (name?.startsWith("HPE_") || name === "Malformed_HTTP_Response") return "its answer is not HTTP";
  return name === "EPROTO" ? "it does not speak TLS" : name && `no answer (${name})`;
}
