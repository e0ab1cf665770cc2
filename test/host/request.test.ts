import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HttpRequest } from "../../src/core/ports.ts";
import { makeCertificate } from "../support/kms/certificate.ts";
import { type LoopbackServer, serveLoopback } from "../support/kms/loopback-server.ts";
import { peer } from "../support/peers.ts";
import type { RequestOutcome } from "../support/request-check.ts";
import { runProgram } from "../support/run-program.ts";
import { createTestHost } from "../support/test-host.ts";

const bun = peer("bun");
const certificate = makeCertificate();
const other = makeCertificate();
const script = join(import.meta.dirname, "..", "support", "request-check.ts");
const proxied = "https://kv.vault.azure.net/over/there";
let plain: LoopbackServer;
let secure: LoopbackServer;
let rawPort: number;
let proxy: { readonly url: string; readonly asked: string[] };

beforeAll(async () => {
  const answer = ({ method, path, headers, body }: LoopbackServer["requests"][number]) => {
    if (path === "/elsewhere") return { status: 307, headers: { location: "/there" }, body: "go" };
    if (path === "/hang") return "hang";
    if (path === "/reset") return "reset";
    if (path === "/long") return { status: 200, body: "x".repeat((1 << 20) + 1) };
    return { status: 403, body: `${method} ${headers["x-vault-token"]} ${body}` };
  };
  plain = await serveLoopback(answer);
  secure = await serveLoopback(answer, { tls: certificate });
  rawPort = await listen((socket) => socket.once("data", () => socket.end("220 welcome to the hotel\r\n")));
  proxy = await startProxy(() => Number(new URL(secure.url).port));
});

afterAll(async () => {
  await Promise.all([plain.close(), secure.close()]);
  certificate.remove();
  other.remove();
});

const runtimes: readonly (readonly [string, string | undefined])[] = [
  ["Node", process.execPath],
  ["Bun", bun],
];

describe.for(runtimes)("a request in %s", ([, runtime]) => {
  async function send(
    requests: readonly (Partial<HttpRequest> & Pick<HttpRequest, "url">)[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<readonly RequestOutcome[]> {
    const full = requests.map((request) => ({ method: "PUT", timeoutMs: 20_000, ...request }));
    const { status, stdout, stderr } = await runProgram([runtime!, script, JSON.stringify(full)], {
      cwd: import.meta.dirname,
      env: { PATH: process.env["PATH"] ?? "", ...env },
    });
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout.toString("utf8"));
  }

  test.skipIf(!runtime)("gives the answer whatever its status, and follows no redirect", async () => {
    const connections = plain.connections;
    const headers = { "x-vault-token": "t" };
    const outcomes = await send([
      { url: `${plain.url}/a`, headers, body: "{}" },
      { url: `${plain.url}/elsewhere`, headers, body: "{}" },
      { url: `${plain.url}/b`, method: "GET" },
    ]);

    expect(outcomes).toEqual([
      { status: 403, body: "PUT t {}" },
      { status: 307, location: "/there", body: "go" },
      { status: 403, body: "GET undefined " },
    ]);
    expect(plain.connections - connections).toBe(1);
  });

  test.skipIf(!runtime)("that gets no answer says why", async () => {
    const outcomes = await send([
      { url: `${plain.url}/hang`, timeoutMs: 200 },
      { url: `${plain.url}/reset` },
      { url: `${plain.url}/long` },
      { url: "http://127.0.0.1:1/" },
      { url: plain.url.replace("http:", "https:") },
    ]);

    expect(outcomes).toEqual([
      { message: "no answer in time", code: "23" },
      { message: "no answer (ECONNRESET)", code: "ECONNRESET" },
      { message: "its answer is too long", code: "Error" },
      { message: "no answer (ECONNREFUSED)", code: "ECONNREFUSED" },
      { message: "it does not speak TLS", code: "EPROTO" },
    ]);
  });

  test.skipIf(!runtime)("to a server that does not speak HTTP says so", async () => {
    const [outcome] = await send([{ url: `http://127.0.0.1:${rawPort}/` }]);
    expect(outcome?.message).toBe("its answer is not HTTP");
  });

  test.skipIf(!runtime)("trusts the authorities that it is given, and no other", async () => {
    const url = `${secure.url}/a`;
    const outcomes = await send([
      { url, tls: { ca: certificate.cert } },
      { url },
      { url, tls: { ca: other.cert } },
      { url, tls: { ca: certificate.cert, serverName: "vault.example.com" } },
      { url, tls: { ca: certificate.cert, serverName: "kv.vault.azure.net" } },
    ]);

    const accepted = { status: 403, body: "PUT undefined " };
    expect(outcomes).toEqual([
      accepted,
      { message: expect.stringContaining("no answer"), code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
      { message: expect.stringContaining("no answer"), code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/) },
      { message: expect.stringContaining("no answer"), code: "ERR_TLS_CERT_ALTNAME_INVALID" },
      accepted,
    ]);
  });

  test.skipIf(!runtime)("trusts the authorities of the system", async () => {
    const outcomes = await send([{ url: `${secure.url}/a` }], { SSL_CERT_FILE: certificate.file });

    expect(outcomes).toEqual([{ status: 403, body: "PUT undefined " }]);
  });

  test.skipIf(!runtime)(
    "goes through the user's proxy over https, and straight to this machine",
    async () => {
      const asked = proxy.asked.length;
      const env = {
        HTTPS_PROXY: proxy.url,
        HTTP_PROXY: proxy.url,
        http_proxy: proxy.url,
        ALL_PROXY: proxy.url,
      };
      const outcomes = await send(
        [
          { url: proxied, tls: { ca: certificate.cert } },
          { url: `${plain.url}/a` },
          { url: `${plain.url.replace("127.0.0.1", "localhost")}/a` },
          { url: `${secure.url}/a`, tls: { ca: certificate.cert } },
        ],
        env,
      );

      const accepted = { status: 403, body: "PUT undefined " };
      expect(outcomes).toEqual([accepted, accepted, accepted, accepted]);
      expect(proxy.asked.slice(asked)).toEqual(["kv.vault.azure.net:443"]);
    },
  );
});

test("a request ends when the user ends the run", async () => {
  const host = await createTestHost();
  const ending = new AbortController();
  const request = host.request({
    method: "GET",
    url: `${plain.url}/hang`,
    timeoutMs: 20_000,
    signal: ending.signal,
  });
  await expect.poll(() => plain.requests.at(-1)?.path).toBe("/hang");
  ending.abort();

  await expect(request).rejects.toMatchObject({ code: "INTERRUPTED" });
});

async function listen(connected: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    connected(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A proxy that leads wherever it is asked to go to one port of this machine. */
async function startProxy(target: () => number): Promise<{ readonly url: string; readonly asked: string[] }> {
  const { createServer: createHttpServer } = await import("node:http");
  const { connect } = await import("node:net");
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(request.url ?? "");
    response.end("through the proxy");
  });
  server.on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    const there = connect(target(), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(there).pipe(socket);
    });
    for (const end of [socket, there]) end.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, asked };
}
