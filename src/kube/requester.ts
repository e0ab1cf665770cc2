import type { Log } from "../core/ports.ts";
import { asObject, parseJson, readAll } from "./answer.ts";
import type { JsonObject } from "./api.ts";
import type { Connection } from "./connection.ts";
import { type Connections, openConnections, type Route, type WireAnswer } from "./connections.ts";
import { type CredentialSource, credentialSource } from "./credentials.ts";
import type { KubeHost } from "./kubeconfig.ts";
import { isUnknownIssuer, networkFailure } from "./network-failure.ts";
import { readPem } from "./pem-source.ts";
import { proxyFor } from "./proxy.ts";
import { refuseIfInterrupted, withRetries } from "./retries.ts";
import { type Attempt, serverFailure } from "./server-failure.ts";
import { oneLine } from "./server-text.ts";

/** What is sent to the API server. */
export interface ApiRequest extends Attempt {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query. */
  readonly url: string;
  readonly accept?: string | undefined;
  readonly contentType?: string | undefined;
  readonly body?: Uint8Array | undefined;
  /** Whether sending it twice comes to the same as once. */
  readonly repeatable: boolean;
  /** Whether a compressed answer is worth it. */
  readonly large?: boolean | undefined;
  /** For an answer that goes on: no limit for the whole. */
  readonly isWatch?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The longest content of an answer that is one object; bytes. etcd holds 1.5 MiB, managed fields and all. */
export const largestObject: number = 8 * 1024 * 1024;

/** How long the server may be silent: API servers give themselves a minute. */
const answerMs = 65_000;

/** Sends requests with the user's credentials, and turns refusals into errors. */
export interface Requester {
  /**
   * Sends a request and gives the answer to `read` as soon as it begins.
   *
   * @param read - Sees every answer with a status below 300, and those that `accepts` lets pass.
   * @throws KubeError
   */
  exchange<T>(
    request: ApiRequest,
    read: (answer: WireAnswer) => Promise<T>,
    accepts?: (status: number) => boolean,
  ): Promise<T>;
  /** Calls `stop` when the run is interrupted, until what it returns is called. */
  onInterrupt(stop: () => void): () => void;
  /** Sends a request whose answer is one object. */
  object(request: ApiRequest): Promise<JsonObject>;
  close(): void;
}

/** What a requester is made of. */
export interface RequesterParts {
  readonly host: KubeHost;
  readonly connection: Connection;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
}

/** @throws KsealError for certificates and proxies that cannot be read. */
export async function createRequester(parts: RequesterParts): Promise<Requester> {
  const { host, connection } = parts;
  const { cluster, server } = connection;
  const route: Route = {
    server,
    ca: await readPem(
      host,
      "certificate authority",
      cluster.certificateAuthority,
      cluster.certificateAuthorityData,
    ),
    insecure: cluster.insecureSkipTlsVerify === true,
    serverName: cluster.tlsServerName,
    proxy: proxyFor(server, cluster.proxyUrl, host.env),
  };
  const credentials = credentialSource(host, connection);
  let connections = openConnections(route, undefined);
  let knowsSystem = route.ca !== undefined;
  const trustSystem = async (): Promise<Connections> => {
    // The runtimes bring their own list of issuers. That of the system, where companies add theirs, takes long to read.
    const { getCACertificates } = await import("node:tls");
    knowsSystem = true;
    connections.close();
    connections = openConnections(
      route,
      [...getCACertificates("default"), ...getCACertificates("system")].join("\n"),
    );
    return connections;
  };
  const send = async (wire: Parameters<Connections["send"]>[0]): Promise<WireAnswer> => {
    try {
      return await connections.send(wire);
    } catch (error) {
      if (knowsSystem || !isUnknownIssuer(error)) throw error;
      return await (await trustSystem()).send(wire);
    }
  };
  const warned = new Set<string>();

  const stops = listenOnce(parts.signal);

  const exchange: Requester["exchange"] = async (request, read, accepts = () => false) => {
    const refuse = (): void => {
      refuseIfInterrupted(parts.signal);
      refuseIfInterrupted(request.signal);
    };
    refuse();
    const { signal, done } = deadlineOf(request, connection.requestTimeoutMs, stops);
    try {
      const { repeatable } = request;
      return await withRetries(() => attempt(request, read, { accepts, signal }), {
        repeatable,
        signal,
        refuse,
      });
    } finally {
      done();
    }
  };

  async function attempt<T>(
    request: ApiRequest,
    read: (answer: WireAnswer) => Promise<T>,
    { accepts, signal }: { accepts: (status: number) => boolean; signal: AbortSignal },
  ): Promise<T> {
    try {
      const answer = await authorized(request, signal, credentials);
      warn(answer, parts.log, warned);
      if (answer.status < 300 && answer.status >= 200) return await read(answer);
      if (accepts(answer.status)) return await read(answer);
      throw await refusal(answer, request);
    } catch (error) {
      refuseIfInterrupted(parts.signal);
      refuseIfInterrupted(request.signal);
      const cause = signal.aborted ? signal.reason : error;
      throw networkFailure(cause, connection) ?? cause;
    }
  }

  /** Sends with the credentials of the moment; those that are refused are renewed once, where that is possible. */
  async function authorized(
    request: ApiRequest,
    signal: AbortSignal,
    source: CredentialSource,
  ): Promise<WireAnswer> {
    for (let again = false; ; again = true) {
      const current = await source.current();
      const answer = await send({
        method: request.method,
        path: request.url,
        headers: headersOf(request, connection, current.authorization),
        body: request.body,
        signal,
        credentials: current,
        isWatch: request.isWatch === true,
        answerMs,
      });
      if (answer.status !== 401 || again || !source.refused()) return answer;
      answer.body.destroy();
    }
  }

  async function refusal(answer: WireAnswer, request: Attempt): Promise<Error> {
    const bytes = await readAll(answer.body, { limit: largestObject, idleMs: answerMs });
    let body: unknown;
    try {
      body = parseJson(bytes);
    } catch {
      // A page of a load balancer says less than its status.
    }
    const { status, headers } = answer;
    return serverFailure({ status, headers, body }, request, { connection, now: host.now() });
  }

  return {
    exchange,
    onInterrupt(stop) {
      stops.add(stop);
      return () => stops.delete(stop);
    },
    object: (request) =>
      exchange(request, async ({ body }) =>
        asObject(parseJson(await readAll(body, { limit: largestObject, idleMs: answerMs }))),
      ),
    close: () => connections.close(),
  };
}

function headersOf(
  { accept = "application/json", contentType, body, large, isWatch }: ApiRequest,
  { user, cluster }: Connection,
  authorization: string | undefined,
): Readonly<Record<string, string | readonly string[]>> {
  const { as, asUid, asGroups = [], asUserExtra = {} } = user;
  const extra = Object.entries(asUserExtra).map(
    ([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, values] as const,
  );
  const compressed = large === true && isWatch !== true && cluster.disableCompression !== true;
  return {
    accept,
    "user-agent": "kseal",
    ...(compressed && { "accept-encoding": "gzip" }),
    ...(authorization !== undefined && { authorization }),
    ...(body !== undefined && {
      "content-length": String(body.length),
      "content-type": contentType ?? "application/json",
    }),
    ...(as !== undefined && { "Impersonate-User": as }),
    ...(asUid !== undefined && { "Impersonate-Uid": asUid }),
    ...(asGroups.length > 0 && { "Impersonate-Group": asGroups }),
    ...Object.fromEntries(extra),
  };
}

/** Those who want to know when the run is interrupted. The signal has one listener: the runtime warns of many. */
function listenOnce(signal: AbortSignal | undefined): Set<() => void> {
  const stops = new Set<() => void>();
  signal?.addEventListener("abort", () => {
    for (const stop of stops) stop();
  });
  return stops;
}

/** What ends a request: the run, its own signal, and the time that the user gives it. */
function deadlineOf(
  request: ApiRequest,
  timeoutMs: number | undefined,
  stops: Set<() => void>,
): { readonly signal: AbortSignal; readonly done: () => void } {
  const controller = new AbortController();
  const late = (): void => controller.abort(new DOMException("no answer in time", "TimeoutError"));
  const hasLimit = timeoutMs !== undefined && request.isWatch !== true;
  const timer = hasLimit ? setTimeout(late, timeoutMs) : undefined;
  const stop = (): void => controller.abort();
  stops.add(stop);
  request.signal?.addEventListener("abort", stop);
  return {
    signal: controller.signal,
    done: () => {
      clearTimeout(timer);
      stops.delete(stop);
      request.signal?.removeEventListener("abort", stop);
    },
  };
}

/** Passes a warning of the API server on, once each: `299 - "text"`. */
function warn({ headers }: WireAnswer, log: Log, warned: Set<string>): void {
  const { warning } = headers;
  if (warning === undefined || warned.has(warning) || warned.size > 100) return;
  warned.add(warning);
  const text = /^299 \S+ "(?<text>(?:[^"\\]|\\.)*)"/.exec(warning)?.groups?.["text"];
  if (text !== undefined) log.warn(`the cluster warns: ${oneLine(text.replaceAll(/\\(.)/g, "$1"))}`);
}
