import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { ClusterOptions, KubeApi } from "../../src/kube/api.ts";
import { type ClientOptions, createKubeApi } from "../../src/kube/client.ts";
import { type Authority, makeAuthority } from "./cluster-certificates.ts";
import { createTestHost, type TestHost, type TestHostOptions } from "./test-host.ts";

/** A request as the server saw it, with its whole body. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** The common name of the client's certificate. */
  readonly client: string | undefined;
}

/** What the server does with a request: the whole answer, or anything with the raw response. */
export type Answer =
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | ((response: ServerResponse, request: IncomingMessage) => void);

/** An API server of a test's own, over TLS, with an authority that nobody else knows. */
export interface KubeServer {
  readonly url: string;
  readonly authority: Authority;
  readonly requests: readonly SeenRequest[];
  /** Connections that were opened so far. */
  readonly connections: () => number;
  /** Closes the connections on which nothing happens, as load balancers do. */
  dropIdle(): void;
}

const authority = makeAuthority();
const certificate = authority.server({ dns: ["localhost", "api.test"], ips: ["127.0.0.1"] });

/** Starts a server that answers as `handle` says, until the test ends. */
export async function startKubeServer(
  handle: (request: SeenRequest, count: number) => Answer,
): Promise<KubeServer> {
  const requests: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const options = { ...certificate, ca: authority.cert, requestCert: true, rejectUnauthorized: false };
  let connections = 0;
  const server: Server = createServer(options, async (request, response) => {
    const seen = await seenOf(request);
    requests.push(seen);
    const answer = handle(seen, requests.length);
    if (typeof answer === "function") return answer(response, request);
    const { status = 200, headers = { "content-type": "application/json" }, body = {} } = answer;
    response.writeHead(status, headers);
    response.end(typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body));
  });
  server.keepAliveTimeout = 60_000;
  server.on("secureConnection", (socket) => {
    connections++;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authority,
    requests,
    connections: () => connections,
    dropIdle: () => server.closeIdleConnections(),
  };
}

async function seenOf(request: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { socket } = request as IncomingMessage & { readonly socket: import("node:tls").TLSSocket };
  const subject = socket.getPeerCertificate()?.subject;
  return {
    method: request.method ?? "",
    url: request.url ?? "",
    headers: request.headers,
    body: Buffer.concat(chunks).toString("utf8"),
    client: typeof subject?.CN === "string" ? subject.CN : undefined,
  };
}

/** A failure as API servers put it. */
export function statusAnswer(code: number, reason: string, message: string, more: object = {}): Answer {
  const body = { kind: "Status", apiVersion: "v1", status: "Failure", message, reason, code, ...more };
  return { status: code, body };
}

/** A kubeconfig for one cluster and one user; what is given stands in their entries. */
export function kubeconfigOf(options: {
  readonly server: string;
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
}): string {
  const { server, cluster, user = {}, context = {} } = options;
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "here", cluster: { server, ...cluster } }],
    users: [{ name: "me", user }],
    contexts: [{ name: "test", context: { cluster: "here", user: "me", ...context } }],
  });
}

/** The authority of a server, as a kubeconfig holds it. */
export function trusting(server: KubeServer): object {
  return { "certificate-authority-data": Buffer.from(server.authority.cert).toString("base64") };
}

/** A client of a server that is trusted, with a token; closed after the test. */
export async function clientOf(
  server: KubeServer,
  options: {
    readonly user?: object;
    readonly cluster?: object;
    readonly context?: object;
    readonly overrides?: ClusterOptions;
    readonly host?: TestHostOptions;
    readonly client?: Partial<ClientOptions>;
  } = {},
): Promise<{ readonly api: KubeApi; readonly host: TestHost; readonly warnings: readonly string[] }> {
  const config = kubeconfigOf({
    server: server.url,
    cluster: { ...trusting(server), ...options.cluster },
    user: options.user ?? { token: "t0ken" },
    context: options.context ?? {},
  });
  const host = await createTestHost({
    ...options.host,
    files: { "../home/.kube/config": config, ...options.host?.files },
  });
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (text: string) => warnings.push(text) };
  const api = await createKubeApi({ host, cluster: options.overrides ?? {}, log, ...options.client });
  onTestFinished(() => api.close());
  return { api, host, warnings };
}
