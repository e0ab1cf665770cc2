import {
  Agent as HttpAgent,
  type IncomingMessage,
  request as openHttp,
  type RequestOptions,
} from "node:http";
import { type AgentOptions, Agent as HttpsAgent, request as openHttps } from "node:https";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
} from "node:tls";
import { createGunzip } from "node:zlib";
import type { Credentials } from "./credentials.ts";
import { connectThroughSocks } from "./socks.ts";

/** One request, as it goes over the wire. */
interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array | undefined;
  /** Ends it at any time. */
  readonly signal: AbortSignal;
  readonly credentials: Credentials;
  /** Whether it stays open: then it takes no place among the connections for the others. */
  readonly isWatch: boolean;
  /** How long the server may take until its answer begins, once it is connected. */
  readonly answerMs: number;
}

/** An answer whose content is still on its way. */
export interface WireAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** How a server is reached. */
export interface Route {
  readonly server: string;
  readonly ca: string | undefined;
  readonly insecure: boolean;
  readonly serverName: string | undefined;
  readonly proxy: URL | undefined;
}

/** Connections to one server, which stay open for the next request. */
export interface Connections {
  send(request: WireRequest): Promise<WireAnswer>;
  close(): void;
}

/** A server that does not do its part in time. */
export class TooSlow extends Error {
  readonly code = "ETIMEDOUT";
}

// An API server that is there accepts within milliseconds; a proxy or a machine asleep may need some seconds.
const connectMs = 10_000;
// Load balancers close what is idle for a minute; a request on such a connection would fail.
const idleMs = 30_000;
const mostConnections = 32;

/** Opens connections as requests need them. @param trusted - More authorities to trust, where `ca` says nothing. */
export function openConnections(route: Route, trusted: string | undefined): Connections {
  const agents = new Map<string, HttpAgent>();
  let owner: string | undefined;
  let context: SecureContext | undefined;

  /** The agent for a request. Connections that were opened with another client certificate are not used again. */
  const agentFor = ({ credentials, isWatch }: WireRequest): HttpAgent => {
    const certificate = `${credentials.cert ?? ""}${credentials.key ?? ""}`;
    if (owner !== certificate) {
      closeAll();
      owner = certificate;
      context = undefined;
    }
    const kind = isWatch ? "watch" : "request";
    const certificates = certificatesOf(route, trusted, credentials);
    // It takes longer to make than a connection with it.
    if (route.server.startsWith("https:")) context ??= createSecureContext(certificates);
    const agent =
      agents.get(kind) ?? createAgent(route, { ...certificates, secureContext: context }, isWatch);
    agents.set(kind, agent);
    return agent;
  };
  const closeAll = (): void => {
    // Requests under way go on; their connections are closed when they end.
    for (const agent of agents.values()) agent.destroy();
    agents.clear();
  };
  return { send: (request) => send(route, agentFor(request), request), close: closeAll };
}

/** What is trusted, and what is shown. */
function certificatesOf(
  { ca }: Route,
  trusted: string | undefined,
  { cert, key }: Credentials,
): Pick<SecureContextOptions, "ca" | "cert" | "key"> {
  const authorities = ca ?? trusted;
  return {
    ...(authorities !== undefined && { ca: authorities }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** @param certificates - Both as they are and made into a context: the executable's runtime takes the former. */
function createAgent(
  { server, insecure, serverName, proxy }: Route,
  certificates: AgentOptions,
  isWatch: boolean,
): HttpAgent {
  const general = {
    keepAlive: true,
    timeout: idleMs,
    maxFreeSockets: mostConnections,
    ...(!isWatch && { maxSockets: mostConnections }),
    ...(proxy?.protocol.startsWith("http") === true && {
      proxyEnv: { HTTPS_PROXY: proxy.href, HTTP_PROXY: proxy.href },
    }),
  };
  const isSocks = proxy?.protocol.startsWith("socks") === true;
  if (server.startsWith("http:"))
    return isSocks ? new SocksHttpAgent(proxy, general) : new HttpAgent(general);
  const tls: AgentOptions = {
    ...general,
    ...certificates,
    ...(serverName !== undefined && { servername: serverName }),
    rejectUnauthorized: !insecure,
  };
  return isSocks ? new SocksHttpsAgent(proxy, tls) : new HttpsAgent(tls);
}

type Connected = (error: Error | null, socket: Duplex) => void;

class SocksHttpAgent extends HttpAgent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(options: object, connected?: Connected): undefined {
    throughSocks(this.#proxy, options, connected, async (socket) => socket);
  }
}

class SocksHttpsAgent extends HttpsAgent {
  readonly #proxy: URL;

  constructor(proxy: URL, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(options: object, connected?: Connected): undefined {
    throughSocks(this.#proxy, options, connected, (socket, signal) => encrypted(socket, options, signal));
  }
}

function throughSocks(
  proxy: URL,
  options: { readonly host?: unknown; readonly port?: unknown },
  connected: Connected | undefined,
  finish: (socket: Socket, signal: AbortSignal) => Promise<Socket>,
): void {
  const target = { host: String(options.host).replace(/^\[|\]$/g, ""), port: Number(options.port) };
  const signal = AbortSignal.timeout(connectMs);
  connectThroughSocks(proxy, target, signal)
    .then((socket) => finish(socket, signal))
    .then(
      (socket) => connected?.(null, socket),
      // The signature wants a socket even where there is none.
      (error: Error) => connected?.(error, undefined as unknown as Duplex),
    );
}

function encrypted(socket: Socket, options: object, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      socket.destroy(signal.reason);
    };
    const secured = connectTls({ ...options, socket }, () => {
      signal.removeEventListener("abort", stop);
      resolve(secured);
    });
    signal.addEventListener("abort", stop);
    secured.once("error", reject);
  });
}

function send(route: Route, agent: HttpAgent, request: WireRequest): Promise<WireAnswer> {
  const { protocol, hostname, port, pathname } = new URL(route.server);
  const prefix = pathname === "/" ? "" : pathname;
  const isTls = protocol === "https:";
  const { method, path, headers, body, signal } = request;
  const options: RequestOptions = {
    method,
    agent,
    protocol,
    signal,
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port || (isTls ? 443 : 80),
    path: `${prefix}${path}`,
    headers: headers as Record<string, string | string[]>,
  };
  return new Promise((resolve, reject) => {
    const opened = (isTls ? openHttps : openHttp)(options, (incoming) => {
      clearTimeout(timer);
      resolve(answerOf(incoming));
    });
    // With a proxy the socket comes when the way through it is open. Without one, it may have to wait for its turn.
    let timer = route.proxy === undefined ? undefined : limit(request.answerMs, "no connection in time");
    opened.once("socket", (socket) => {
      const connected = (): void => {
        clearTimeout(timer);
        timer = limit(request.answerMs, "no answer in time");
      };
      clearTimeout(timer);
      if (!socket.connecting) connected();
      else {
        timer = limit(connectMs, "no connection in time");
        socket.once(isTls ? "secureConnect" : "connect", connected);
      }
    });
    opened.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    opened.end(body);

    function limit(ms: number, text: string): NodeJS.Timeout {
      return setTimeout(() => opened.destroy(new TooSlow(text)), ms);
    }
  });
}

function answerOf(incoming: IncomingMessage): WireAnswer {
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as const),
  );
  return { status: incoming.statusCode ?? 0, headers, body: uncompressed(incoming, headers) };
}

function uncompressed(incoming: IncomingMessage, headers: Readonly<Record<string, string>>): Readable {
  if (headers["content-encoding"] !== "gzip") return incoming;
  const plain = createGunzip();
  incoming.once("error", (error) => plain.destroy(error));
  // An answer that is not read to its end must not keep its connection.
  plain.once("close", () => incoming.destroy());
  return incoming.pipe(plain);
}
