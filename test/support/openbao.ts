import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { makeFolder, removeFolder } from "./folders.ts";
import { peer } from "./peers.ts";

/** A real OpenBao server on loopback, in memory, with the transit engine at `sops` and its keys `k1` and `k2`. */
export interface OpenBao {
  /** `http://127.0.0.1:port`; `https` when started so. */
  readonly url: string;
  /** The token that may do everything, and whose every write of a missing key creates one. */
  readonly rootToken: string;
  /** A file with the authority that signed the server's certificate; only with `https`. */
  readonly caFile: string;
  /** A folder for the command line of OpenBao and others, with nothing of the developer's in it. */
  readonly home: string;
  /**
   * Calls the server as root.
   *
   * @param path - Below `/v1/`.
   * @returns The field `data`, or `auth`, of the answer.
   * @throws Error with the server's words when it refuses.
   */
  call(
    method: string,
    path: string,
    body?: unknown,
    options?: { readonly namespace?: string },
  ): Promise<Readonly<Record<string, unknown>>>;
  /** A new token with nothing but these rights: `"sops/decrypt/k1"` may be updated. */
  tokenFor(paths: readonly string[]): Promise<string>;
  /** Stops it. The keys are lost. */
  close(): Promise<void>;
}

const rootToken = "root-of-the-tests";

/** Starts a server of its own; it takes half a second. */
export async function startOpenBao(options: { readonly https?: boolean } = {}): Promise<OpenBao> {
  const bao = peer("bao");
  if (bao === undefined) throw new Error('bao is missing: run "npm run peers"');
  const home = makeFolder();
  const tls = options.https ? ["-dev-tls", `-dev-tls-cert-dir=${home}`] : [];
  const args = ["server", "-dev", `-dev-root-token-id=${rootToken}`, "-dev-no-store-token", ...tls];
  const child = spawn(bao, [...args, "-dev-listen-address=127.0.0.1:0"], {
    env: { PATH: process.env["PATH"] ?? "", HOME: home },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const port = await listenPort(child);
  const caFile = join(home, "vault-ca.pem");
  const url = `${options.https ? "https" : "http"}://127.0.0.1:${port}`;
  const server = serverAt(url, options.https ? await readFile(caFile, "utf8") : undefined);
  await server.call("POST", "sys/mounts/sops", { type: "transit" });
  for (const key of ["k1", "k2"]) await server.call("POST", `sops/keys/${key}`);
  return {
    url,
    rootToken,
    caFile,
    home,
    ...server,
    close: async () => {
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
      removeFolder(home);
    },
  };
}

/** It listens on any free port, which it does not print, and on the next one for its cluster, which it does. */
async function listenPort(child: ChildProcess): Promise<number> {
  let port: number | undefined;
  for await (const line of createInterface({ input: child.stdout! })) {
    const cluster = /cluster address: "127\.0\.0\.1:(\d+)"/.exec(line)?.[1];
    if (cluster !== undefined) port = Number(cluster) - 1;
    if (line.includes("server started!") && port !== undefined) {
      child.stdout?.resume();
      return port;
    }
  }
  throw new Error("bao did not start");
}

function serverAt(url: string, ca: string | undefined): Pick<OpenBao, "call" | "tokenFor"> {
  let policies = 0;
  const call: OpenBao["call"] = async (method, path, body, options = {}) => {
    const { status, text } = await send(`${url}/v1/${path}`, { method, body, ca, ...options });
    const { data, auth, errors } = text === "" ? {} : JSON.parse(text);
    if (status > 299) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(errors)}`);
    return auth ?? data ?? {};
  };
  return {
    call,
    tokenFor: async (paths) => {
      const policy = paths.map((path) => `path "${path}" { capabilities = ["update"] }`).join("\n");
      const name = `policy-${++policies}`;
      await call("PUT", `sys/policies/acl/${name}`, { policy });
      const { client_token } = await call("POST", "auth/token/create", { policies: [name], ttl: "1h" });
      return String(client_token);
    },
  };
}

async function send(
  url: string,
  options: { method: string; body: unknown; ca: string | undefined; namespace?: string },
): Promise<{ status: number; text: string }> {
  const { request } = await (options.ca === undefined ? import("node:http") : import("node:https"));
  const headers = {
    "x-vault-token": rootToken,
    ...(options.namespace !== undefined && { "x-vault-namespace": options.namespace }),
  };
  return await new Promise((resolve, reject) => {
    const { method, ca } = options;
    const sent = request(url, { method, headers, ...(ca !== undefined && { ca }) }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () =>
        resolve({ status: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    sent.on("error", reject);
    sent.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  });
}
