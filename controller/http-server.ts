import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ConnectionLimit, limitConnections } from "./connection-limit.ts";
import type { Address } from "./flag-values.ts";
import type { HttpQuestion, HttpReply } from "./http.ts";

export interface HttpServerOptions {
  readonly listen: Address;
  /** Milliseconds for a whole request to arrive, and for an answer to be taken. */
  readonly readTimeout: number;
  readonly writeTimeout: number;
  readonly answer: (question: HttpQuestion) => Promise<HttpReply>;
  /** Paths that are counted by name: whoever asks for another must not make the metrics grow. */
  readonly countedPaths: readonly string[];
  /** Told of every answer on such a path; the method in lower case. */
  readonly onAnswer?: (answered: {
    readonly method: string;
    readonly path: string;
    readonly code: number;
    readonly seconds: number;
  }) => void;
  /** Told of an error that nobody expected; the caller gets 500 without a word. */
  readonly onError?: (error: unknown) => void;
}

/** A server that runs. */
export interface RunningServer {
  readonly port: number;
  /** Takes no more requests and resolves when those that began are answered, or have taken too long. */
  close(): Promise<void>;
}

const mostConnections = 1024;
/** Longest wait for the next request of a connection that is kept open; upstream waits for ever. */
const idleTimeout = 30_000;
const headersTimeout = 10_000;
const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

/** Serves HTTP without TLS, as clusters reach the controller through the API server's proxy. @throws when it cannot listen. */
export async function serveHttp(options: HttpServerOptions): Promise<RunningServer> {
  const server = createServer({
    requestTimeout: options.readTimeout,
    headersTimeout: Math.min(headersTimeout, options.readTimeout),
    keepAliveTimeout: idleTimeout,
    maxHeaderSize: 16 * 1024,
    connectionsCheckingInterval: Math.min(1000, options.readTimeout),
  });
  const connections = limitConnections(mostConnections);
  const state = { closing: false };
  server.on("connection", (socket) => connections.add(socket));
  server.on(
    "request",
    (request, response) => void respond(request, response, { ...options, state, connections }),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.listen.port, options.listen.host === "" ? undefined : options.listen.host, () =>
      resolve(),
    );
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      state.closing = true;
      return close(server, options.writeTimeout);
    },
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions & {
    readonly state: { readonly closing: boolean };
    readonly connections: ConnectionLimit;
  },
): Promise<void> {
  const { answer, onAnswer, onError, writeTimeout, state, countedPaths, connections } = options;
  const began = performance.now();
  // The request lets it go when its body is not read to the end.
  const { socket } = request;
  const method = request.method ?? "";
  const [path = ""] = (request.url ?? "").split("?");
  response.setTimeout(writeTimeout, () => request.destroy());
  let reply: HttpReply;
  try {
    reply = await answer({ method, path, peer: socket.remoteAddress ?? "", body: request });
  } catch (error) {
    onError?.(error);
    reply = { status: 500, headers: {}, body: "" };
  }
  const answered = {
    method: methods.includes(method) ? method.toLowerCase() : "unknown",
    path,
    code: reply.status,
    seconds: (performance.now() - began) / 1000,
  };
  if (countedPaths.includes(path)) onAnswer?.(answered);
  if (response.destroyed) return;
  connections.answered(socket);
  if (state.closing) response.setHeader("Connection", "close");
  response.writeHead(reply.status, { ...reply.headers, "Content-Length": Buffer.byteLength(reply.body) });
  // To HEAD the length is that of nothing, which is no lie to anybody who asks for the status.
  response.end(reply.body);
  // What was not read of a body that is too large would be taken for the next request.
  if (!request.complete) response.once("finish", () => request.destroy());
}

async function close(server: Server, patience: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const impatient = setTimeout(() => server.closeAllConnections(), patience);
  await closed;
  clearTimeout(impatient);
}
