import { describe, expect, test } from "vitest";
import { proxyFor } from "../../src/kube/proxy.ts";
import { clientOf, startKubeServer } from "../support/kube-server.ts";
import { startHttpProxy, startSocksProxy } from "../support/test-proxy.ts";

const secret = { group: "", version: "v1", plural: "secrets", namespace: "team", name: "db" } as const;
const ok = () => ({ body: { kind: "Secret" } });
const portOf = (url: string) => new URL(url).port;
/** The server's certificate has this name, and no resolver knows it: only a proxy leads there. */
const named = (url: string) => url.replace("127.0.0.1", "api.test");

describe("the way to the cluster leads", () => {
  test("through the proxy of the kubeconfig, with its password, and connections are kept", async () => {
    const server = await startKubeServer(ok);
    const proxy = await startHttpProxy();
    const { api } = await clientOf(server, {
      overrides: { server: named(server.url), proxyUrl: `http://me:word@127.0.0.1:${proxy.port}` },
      host: { env: { NO_PROXY: "*" } },
    });
    for (let i = 0; i < 3; i++) await api.get(secret);
    expect(server.requests).toHaveLength(3);
    expect(proxy.asked).toEqual([
      `api.test:${portOf(server.url)} Basic ${Buffer.from("me:word").toString("base64")}`,
    ]);
  });

  test("through the proxy of the environment", async () => {
    const server = await startKubeServer(ok);
    const proxy = await startHttpProxy();
    const env = { HTTPS_PROXY: `127.0.0.1:${proxy.port}` };
    const { api } = await clientOf(server, { overrides: { server: named(server.url) }, host: { env } });
    await api.get(secret);
    expect(proxy.asked).toEqual([`api.test:${portOf(server.url)}`]);
  });

  test.for([undefined, "me:word"])(
    "through a SOCKS proxy that looks the name up (login %s)",
    async (login) => {
      const server = await startKubeServer(ok);
      const proxy = await startSocksProxy(login);
      const proxyUrl = `socks5://${login === undefined ? "" : `${login}@`}127.0.0.1:${proxy.port}`;
      const { api } = await clientOf(server, { overrides: { server: named(server.url), proxyUrl } });
      for (let i = 0; i < 3; i++) await api.get(secret);
      expect(server.requests).toHaveLength(3);
      expect(proxy.asked).toEqual([`api.test:${portOf(server.url)}`]);
    },
  );

  test("nowhere when the HTTP proxy refuses; its password is not shown", async () => {
    const server = await startKubeServer(ok);
    const proxy = await startHttpProxy(407);
    const proxyUrl = `http://me:word@127.0.0.1:${proxy.port}`;
    const { api } = await clientOf(server, { overrides: { server: named(server.url), proxyUrl } });
    await expect(api.get(secret)).rejects.toMatchObject({
      code: "CLUSTER_UNREACHABLE",
      message: `cannot reach the cluster at ${named(server.url)}: the proxy does not let it through`,
      hint: "check proxy-url, HTTPS_PROXY and NO_PROXY",
    });
  });

  test.for<[string, string, string | undefined]>([
    ["refuses the target", "refused.test", undefined],
    ["does not accept the password", "api.test", "me:other"],
    ["wants to be told who it is", "api.test", "none"],
  ])("nowhere when a SOCKS proxy %s", async ([, host, login]) => {
    const server = await startKubeServer(ok);
    const proxy = await startSocksProxy(login === undefined ? undefined : "me:word");
    const proxyUrl = `socks5://${login?.includes(":") === true ? `${login}@` : ""}127.0.0.1:${proxy.port}`;
    const url = server.url.replace("127.0.0.1", host);
    const { api } = await clientOf(server, { overrides: { server: url, proxyUrl } });
    await expect(api.get(secret)).rejects.toMatchObject({
      message: `cannot reach the cluster at ${url}: the proxy does not let it through`,
    });
  });

  test("nowhere when the proxy is not there", async () => {
    const server = await startKubeServer(ok);
    for (const scheme of ["http", "socks5"]) {
      const { api } = await clientOf(server, {
        overrides: { server: named(server.url), proxyUrl: `${scheme}://127.0.0.1:1` },
      });
      await expect(api.get(secret)).rejects.toMatchObject({ code: "CLUSTER_UNREACHABLE" });
    }
    expect(server.requests).toEqual([]);
  });
});

describe("NO_PROXY", () => {
  test.for<[string, string, boolean]>([
    ["https://api.example.com", "", true],
    ["https://api.example.com", "*", false],
    ["https://api.example.com", "example.com", false],
    ["https://example.com", "example.com", false],
    ["https://example.com", ".example.com", true],
    ["https://api.example.com", " .EXAMPLE.com ,x", false],
    ["https://api.example.com", "*.example.com", false],
    ["https://badexample.com", "example.com", true],
    ["https://api.example.com:6443", "example.com:6443", false],
    ["https://api.example.com:6443", "example.com:443", true],
    ["https://10.1.2.3", "10.0.0.0/8", false],
    ["https://11.1.2.3", "10.0.0.0/8", true],
    ["https://10.1.2.3:6443", "10.1.2.3", false],
    ["https://10.1.2.3:6443", "10.1.2.3:443", true],
    ["https://[fd00::1]:6443", "fd00::/8", false],
    ["https://[fd00::1]:6443", "[fd00:0::1]:6443", false],
    ["https://10.1.2.3", "10.1.2.0/99,x/y,:,/", true],
    ["https://localhost:6443", "", false],
    ["https://127.0.0.2:6443", "", false],
    ["https://[::1]:6443", "", false],
  ])("%s with %j: %s", ([url, exceptions, expected]) => {
    const proxy = proxyFor(url, undefined, { HTTPS_PROXY: "http://proxy:3128", NO_PROXY: exceptions });
    expect(proxy !== undefined).toBe(expected);
  });

  test("a proxy that is no address of one is refused without being shown", () => {
    expect(() => proxyFor("https://a.test", "ftp://me:word@x", {})).toThrow(
      "proxy-url is no address of a proxy",
    );
    expect(() => proxyFor("https://a.test", undefined, { https_proxy: "socks4://x" })).toThrow(
      "HTTPS_PROXY is no address of a proxy",
    );
  });
});
