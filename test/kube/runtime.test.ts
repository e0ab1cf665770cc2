import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { kubeconfigOf, type SeenRequest, startKubeServer, trusting } from "../support/kube-server.ts";
import { peer } from "../support/peers.ts";
import { createTestHost } from "../support/test-host.ts";
import { startHttpProxy, startSocksProxy } from "../support/test-proxy.ts";

const bun = peer("bun");
const list = {
  kind: "SecretList",
  apiVersion: "v1",
  metadata: { resourceVersion: "1" },
  items: [{}, {}, {}],
};
const event = '{"type":"ADDED","object":{}}\n{"type":"BOOKMARK","object":{}}\n';

function answer({ url, method }: SeenRequest) {
  if (url.includes("watch=")) return { body: event };
  if (url.includes("/db") || method === "PATCH") return { body: { kind: "Secret" } };
  return { headers: { "content-encoding": "gzip" }, body: gzipSync(JSON.stringify(list)) };
}

describe.skipIf(!bun)("in the runtime of the executable", () => {
  test("the client has private authorities, client certificates, names, proxies, plugins and time limits", async () => {
    const server = await startKubeServer(answer);
    const silent = await startKubeServer(() => () => undefined);
    const reset = await startKubeServer(() => (response) => response.socket?.destroy());
    const { cert, key } = server.authority.client("alice");
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      interactiveMode: "Never",
      command: process.execPath,
      args: [
        "-e",
        `console.log('{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"x"}}')`,
      ],
    };
    const config = (more: object) => kubeconfigOf({ server: server.url, cluster: trusting(server), ...more });
    const files = {
      certificate: config({ user: { "client-certificate": "c.pem", "client-key": "c.key" } }),
      plugin: config({ user: { exec } }),
      "c.pem": cert,
      "c.key": key,
      untrusted: kubeconfigOf({ server: server.url }),
    };
    const host = await createTestHost({ files });
    const named = server.url.replace("127.0.0.1", "api.test");
    const http = await startHttpProxy();
    const socks = await startSocksProxy("me:word");
    const calls = [
      { kubeconfig: "certificate" },
      { kubeconfig: "plugin", tlsServerName: "api.test" },
      { kubeconfig: "certificate", server: named, proxyUrl: `http://127.0.0.1:${http.port}` },
      { kubeconfig: "certificate", server: named, proxyUrl: `socks5://me:word@127.0.0.1:${socks.port}` },
      { kubeconfig: "untrusted", insecureSkipTlsVerify: true },
      { kubeconfig: "untrusted" },
      { kubeconfig: "certificate", tlsServerName: "other.test" },
      { kubeconfig: "certificate", server: silent.url, requestTimeout: "300ms" },
      { kubeconfig: "certificate", server: reset.url },
      { kubeconfig: "certificate", server: "https://127.0.0.1:1" },
    ];
    const script = join(import.meta.dirname, "..", "support", "kube-check.ts");

    const { status, stdout, stderr } = await host.exec([bun!, script, JSON.stringify(calls)]);

    expect(status, stderr).toBe(0);
    const good = { kind: "Secret", listed: 3, watched: ["ADDED", "BOOKMARK"] };
    const failed = (url: string, why: string) => ({ message: `cannot reach the cluster at ${url}: ${why}` });
    expect(JSON.parse(new TextDecoder().decode(stdout))).toEqual([
      ...[good, good, good, good, good],
      {
        message: expect.stringMatching(
          /: its certificate is by an authority that is not trusted \([A-Z_]+\)$/,
        ),
      },
      failed(server.url, "its certificate is for another name (ERR_TLS_CERT_ALTNAME_INVALID)"),
      failed(silent.url, "no answer in time"),
      failed(reset.url, "the connection broke (ECONNRESET)"),
      failed("https://127.0.0.1:1", "connection refused (ECONNREFUSED)"),
    ]);
    expect(server.requests[0]!.client).toBe("alice");
    expect(server.requests.some(({ headers }) => headers.authorization === "Bearer x")).toBe(true);
    expect(http.asked.length).toBeGreaterThan(0);
    expect(socks.asked.length).toBeGreaterThan(0);
    // Connections are kept, though Bun opens more of them than Node.
    expect(server.connections()).toBeLessThan(5 * 53);
  });
});
