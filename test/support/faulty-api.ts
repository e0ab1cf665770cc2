import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent, request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Transform } from "node:stream";
import type { TestCluster } from "./cluster.ts";

/** Stands between a controller and the API server of a test cluster, and spoils what it hands on. */
export interface FaultyApi {
  /** A file for a controller that is to go this way. */
  readonly kubeconfig: string;
  /** Keeps bookmarks from those who watch; so that there are some, watches end soon. @returns How many it kept. */
  dropBookmarks(): () => number;
  /** Asked about every request: the status to answer in place of the API server. */
  fail(decide: ((request: ApiCall) => number | undefined) | undefined): void;
  /** How many watches run. */
  watches(): number;
  /** Breaks all watches that run. */
  cutWatches(): void;
  /** What was asked since the last time. */
  calls(): readonly ApiCall[];
  close(): Promise<void>;
}

export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly isWatch: boolean;
}

/** Opens it, with the rights of the administrator. */
export async function openFaultyApi(cluster: TestCluster): Promise<FaultyApi> {
  const agent = new Agent({ ca: cluster.caPem, ...cluster.admin, keepAlive: true });
  const watches = new Set<ServerResponse>();
  let decide: ((request: ApiCall) => number | undefined) | undefined;
  let seen: ApiCall[] = [];
  let dropsBookmarks = false;
  let dropped = 0;
  const server = createServer((incoming, response) => {
    const url = incoming.url ?? "";
    const call = {
      method: incoming.method ?? "",
      path: url,
      isWatch: /[?&]watch=(true|1)/.test(url),
    };
    seen.push(call);
    const status = decide?.(call);
    if (status !== undefined) return refuse(incoming, response, status);
    if (call.isWatch) watches.add(response);
    response.on("close", () => watches.delete(response));
    const { host: _, ...headers } = incoming.headers;
    const path = dropsBookmarks ? url.replace(/timeoutSeconds=\d+/, "timeoutSeconds=5") : url;
    const onward = request(`${cluster.server}${path}`, { method: call.method, agent, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("error", () => response.destroy());
      if (!call.isWatch) {
        answer.pipe(response);
        return;
      }
      const lines = withoutBookmarks(() => {
        if (dropsBookmarks) dropped += 1;
        return dropsBookmarks;
      });
      answer.pipe(lines).pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(cluster.folder, `through-${port}.kubeconfig`);
  writeFileSync(kubeconfig, kubeconfigText(`http://127.0.0.1:${port}`));
  return {
    kubeconfig,
    dropBookmarks: () => {
      dropsBookmarks = true;
      return () => dropped;
    },
    fail: (next) => {
      decide = next;
    },
    watches: () => watches.size,
    cutWatches: () => {
      for (const response of [...watches]) response.socket?.destroy();
    },
    calls: () => {
      const calls = seen;
      seen = [];
      return calls;
    },
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(incoming: IncomingMessage, response: ServerResponse, code: number): void {
  incoming.resume();
  const body = { apiVersion: "v1", kind: "Status", status: "Failure", code, message: `made up: ${code}` };
  // As API servers do when they have too much to do.
  const wait = code === 429 ? { "Retry-After": "1" } : {};
  response.writeHead(code, { "Content-Type": "application/json", ...wait });
  response.end(JSON.stringify(body));
}

/** Hands on whole lines, and leaves out those that are bookmarks when asked to. */
function withoutBookmarks(drop: () => boolean): Transform {
  let rest = "";
  return new Transform({
    decodeStrings: false,
    transform: (chunk: Buffer, _, done) => {
      const lines = (rest + chunk.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      const kept = lines.filter((line) => !line.startsWith('{"type":"BOOKMARK"') || !drop());
      done(null, Buffer.from(kept.map((line) => `${line}\n`).join(""), "latin1"));
    },
  });
}

// JSON is YAML.
function kubeconfigText(server: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "faulty", cluster: { server } }],
    users: [{ name: "faulty", user: {} }],
    contexts: [{ name: "faulty", context: { cluster: "faulty", user: "faulty" } }],
    "current-context": "faulty",
  });
}
