import { KsealError } from "../src/errors.ts";
import { readSealedSecret, type SealedSecret, sealedSecretObject } from "../src/sealed/sealed-secret.ts";
import type { RateLimit } from "./rate-limit.ts";

/** A request, as far as it matters. */
export interface HttpQuestion {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** The address of who is connected. */
  readonly peer: string;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the answers come from. */
export interface HttpServices {
  /** The certificate to seal for, as PEM, or why there is none yet. */
  readonly certificate: () => { readonly pem: string } | { readonly missing: string };
  /** Why the controller cannot do its work yet; `undefined` when it can. */
  readonly notReady: () => string | undefined;
  /** Whether `/v1/verify` and `/v1/rotate` exist. */
  readonly kubesealEndpoints: boolean;
  /** The documents of a body in YAML or JSON. @throws KsealError */
  readonly readDocuments: (bytes: Uint8Array) => Promise<readonly unknown[]>;
  /** Whether every value opens; templates are not run. */
  readonly opens: (sealed: SealedSecret) => Promise<boolean>;
  /** Seals it for the newest key. @throws KsealError `SEALED_*` when it does not open. */
  readonly rotate: (sealed: SealedSecret) => Promise<SealedSecret>;
  readonly limit: RateLimit;
  /** Bytes. */
  readonly largestBody: number;
}

type Handler = (question: HttpQuestion, services: HttpServices) => Promise<HttpReply> | HttpReply;

const plain = { "Content-Type": "text/plain; charset=utf-8" };
const nosniff = { ...plain, "X-Content-Type-Options": "nosniff" };

const routes: Readonly<Record<string, readonly [methods: readonly string[], handler: Handler]>> = {
  "/healthz": [["GET", "HEAD"], () => ({ status: 200, headers: plain, body: "ok\n" })],
  "/readyz": [["GET", "HEAD"], answerReady],
  // Never limited: whoever cannot seal cannot deploy.
  "/v1/cert.pem": [["GET", "HEAD"], answerCertificate],
  "/v1/verify": [["POST"], (question, services) => limited(question, services, verify)],
  "/v1/rotate": [["POST"], (question, services) => limited(question, services, rotate)],
};

/** The paths whose answers upstream counts. */
export const countedPaths: readonly string[] = ["/v1/cert.pem", "/v1/verify", "/v1/rotate"];

/**
 * Answers a request. Paths, statuses and texts are the Bitnami controller's, with these differences: templates are not
 * run (S1, S2), bodies have a largest size, both endpoints that decrypt are limited by who is connected, and a method
 * that does not fit is refused (S16).
 *
 * Why something does not open is told to nobody.
 */
export async function answerRequest(question: HttpQuestion, services: HttpServices): Promise<HttpReply> {
  const [methods, handler] = Object.hasOwn(routes, question.path) ? (routes[question.path] ?? []) : [];
  if (methods === undefined || handler === undefined) {
    return { status: 404, headers: nosniff, body: "404 page not found\n" };
  }
  if (!methods.includes(question.method)) {
    return { status: 405, headers: { ...nosniff, Allow: methods.join(", ") }, body: "method not allowed\n" };
  }
  if (methods.includes("POST") && !services.kubesealEndpoints) {
    const body = `${question.path} is switched off; the controller's --kubeseal-endpoints switches it on\n`;
    return { status: 404, headers: nosniff, body };
  }
  const reply = await handler(question, services);
  return question.method === "HEAD" ? { ...reply, body: "" } : reply;
}

function answerReady(_: HttpQuestion, { notReady }: HttpServices): HttpReply {
  const why = notReady();
  return why === undefined
    ? { status: 200, headers: plain, body: "ok\n" }
    : { status: 503, headers: nosniff, body: `${why}\n` };
}

function answerCertificate(_: HttpQuestion, { certificate }: HttpServices): HttpReply {
  const found = certificate();
  if ("missing" in found) return { status: 503, headers: nosniff, body: `${found.missing}\n` };
  return { status: 200, headers: { "Content-Type": "application/x-pem-file" }, body: found.pem };
}

async function limited(
  question: HttpQuestion,
  services: HttpServices,
  handler: (sealed: SealedSecret, services: HttpServices) => Promise<HttpReply>,
): Promise<HttpReply> {
  const decision = services.limit.take(`${question.peer} ${question.path}`);
  if (decision.limited) {
    return { status: 429, headers: { ...nosniff, ...decision.headers }, body: "limit exceeded\n" };
  }
  const body = await readBody(question.body, services.largestBody);
  if (!(body instanceof Uint8Array)) return { ...body, headers: { ...decision.headers, ...body.headers } };
  const reply = await judge(body, services, handler);
  return { ...reply, headers: { ...decision.headers, ...reply.headers } };
}

async function judge(
  body: Uint8Array,
  services: HttpServices,
  handler: (sealed: SealedSecret, services: HttpServices) => Promise<HttpReply>,
): Promise<HttpReply> {
  try {
    const [document, ...more] = await services.readDocuments(body);
    if (more.length > 0) return { status: 500, headers: {}, body: "" };
    return await handler(readSealedSecret(document), services);
  } catch (error) {
    // As upstream: it could not be read, or opened, and no word about why.
    if (error instanceof KsealError) return { status: 500, headers: {}, body: "" };
    throw error;
  }
}

async function verify(sealed: SealedSecret, { opens }: HttpServices): Promise<HttpReply> {
  return { status: (await opens(sealed)) ? 200 : 409, headers: {}, body: "" };
}

async function rotate(sealed: SealedSecret, { rotate }: HttpServices): Promise<HttpReply> {
  const rotated = sealedSecretObject(await rotate(sealed));
  return {
    status: 200,
    headers: { "Content-Type": "application/json" },
    body: `${JSON.stringify(rotated)}\n`,
  };
}

async function readBody(chunks: AsyncIterable<Uint8Array>, largest: number): Promise<Uint8Array | HttpReply> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of chunks) {
      length += chunk.length;
      if (length > largest) {
        return {
          status: 413,
          headers: { ...nosniff, Connection: "close" },
          body: "request body too large\n",
        };
      }
      parts.push(chunk);
    }
  } catch {
    return { status: 400, headers: { ...nosniff, Connection: "close" }, body: "" };
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
