import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";

/** A request as it arrived. */
export interface LoopbackRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface LoopbackAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Anything but a text is sent as JSON. */
  readonly body?: unknown;
}

/** A server on 127.0.0.1, inside the test's process. */
export interface LoopbackServer {
  readonly url: string;
  /** All requests so far, in the order in which they were complete. */
  readonly requests: readonly LoopbackRequest[];
  /** How many connections were opened so far. */
  readonly connections: number;
  /** The largest number of requests that waited for their answer at the same time. */
  readonly mostInFlight: number;
  /** Ends it together with the connections that are open. */
  close(): Promise<void>;
}

export interface LoopbackOptions {
  /** PEM texts, for https. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Awaited before each answer: requests pile up until it resolves. */
  readonly hold?: ((inFlight: number) => Promise<void>) | undefined;
}

/** What a handler does with the connection when it does not answer: nothing, or it resets it. */
export type NoAnswer = "hang" | "reset";

/** Serves on a free port. A handler that throws answers with status 500. */
export async function serveLoopback(
  handle: (request: LoopbackRequest) => LoopbackAnswer | NoAnswer | Promise<LoopbackAnswer | NoAnswer>,
  options: LoopbackOptions = {},
): Promise<LoopbackServer> {
  const requests: LoopbackRequest[] = [];
  const counts = { connections: 0, inFlight: 0, mostInFlight: 0 };
  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    counts.inFlight++;
    counts.mostInFlight = Math.max(counts.mostInFlight, counts.inFlight);
    response.once("close", () => {
      counts.inFlight--;
    });
    const serve = async (): Promise<void> => {
      const request = await received(incoming);
      requests.push(request);
      await options.hold?.(counts.inFlight);
      respond(response, await handle(request));
    };
    serve().catch((error: unknown) => {
      if (!response.headersSent) respond(response, { status: 500, body: String(error) });
    });
  };
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  server.on("connection", () => {
    counts.connections++;
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? "https" : "http"}://127.0.0.1:${port}`,
    requests,
    get connections() {
      return counts.connections;
    },
    get mostInFlight() {
      return counts.mostInFlight;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function received(incoming: IncomingMessage): Promise<LoopbackRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    headers: incoming.headers,
    body: Buffer.concat(chunks).toString("utf8"),
  };
}

function respond(response: ServerResponse, answer: LoopbackAnswer | NoAnswer): void {
  if (answer === "hang") return;
  if (answer === "reset") {
    const { socket } = response;
    // A connection with TLS can only be cut.
    if (socket instanceof TLSSocket) socket.destroy();
    else socket?.resetAndDestroy();
    return;
  }
  const { status, headers, body } = answer;
  const text = typeof body === "string" ? body : JSON.stringify(body ?? {});
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(text);
}
