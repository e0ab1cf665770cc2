import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { type KubeApi, KubeError } from "../../src/kube/api.ts";
import { createKubeApi } from "../../src/kube/client.ts";
import {
  type Answer,
  clientOf,
  kubeconfigOf,
  startKubeServer,
  statusAnswer,
} from "../support/kube-server.ts";
import { createTestHost } from "../support/test-host.ts";

const secret = { group: "", version: "v1", plural: "secrets", namespace: "team", name: "db" } as const;
const html = { headers: { "content-type": "text/html" }, body: "<html>secret-of-a-proxy</html>" };
const silent = { info: () => undefined, warn: () => undefined };

async function failureOf(work: Promise<unknown>): Promise<KubeError> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(KubeError);
  return error;
}

describe("what the API server refuses", () => {
  const get = (api: KubeApi) => api.get(secret);
  const apply = (api: KubeApi) =>
    api.apply(
      secret,
      { data: { a: "c2VjcmV0" }, stringData: { pin: 12345 } },
      { fieldManager: "kseal", force: false },
    );
  const forbidden =
    'secrets "db" is forbidden: User "eve" cannot get resource "secrets" in API group "" in the namespace "team"';

  test.for<
    [string, (api: KubeApi) => Promise<unknown>, Answer, string, (url: string) => string, string | undefined]
  >([
    [
      "401",
      get,
      statusAnswer(401, "Unauthorized", "Unauthorized"),
      "CLUSTER_FORBIDDEN",
      (url) => `${url} does not accept the credentials of the context test: Unauthorized`,
      "`kubectl auth whoami --context test` asks the same server who you are",
    ],
    [
      "403",
      get,
      statusAnswer(403, "Forbidden", forbidden),
      "CLUSTER_FORBIDDEN",
      () => forbidden,
      "`kubectl auth can-i get secrets/db -n team --context test` asks for this right alone",
    ],
    [
      "403 of a list everywhere",
      (api) => api.list({ group: "bitnami.com", version: "v1alpha1", plural: "sealedsecrets" }),
      { status: 403, ...html },
      "CLUSTER_FORBIDDEN",
      () => "forbidden (403)",
      "`kubectl auth can-i list sealedsecrets.bitnami.com -A --context test` asks for this right alone",
    ],
    [
      "404 of a kind",
      (api) => api.list({ group: "bitnami.com", version: "v1alpha1", plural: "sealedsecrets" }),
      { status: 404, body: "404 page not found\n" },
      "CLUSTER_CONFLICT",
      () => "the server could not find the requested resource (404)",
      "`kubectl api-resources --api-group=bitnami.com --context test` shows what the cluster has",
    ],
    [
      "409",
      apply,
      statusAnswer(409, "Conflict", 'Apply failed with 1 conflict: conflict with "helm": .data.a'),
      "CLUSTER_CONFLICT",
      () => 'Apply failed with 1 conflict: conflict with "helm": .data.a',
      "`kubectl get secrets/db -n team --context test -o yaml --show-managed-fields` shows who changed what",
    ],
    [
      "410",
      get,
      statusAnswer(410, "Expired", "too old resource version"),
      "CLUSTER_CONFLICT",
      () => "too old resource version",
      undefined,
    ],
    [
      "422",
      apply,
      statusAnswer(422, "Invalid", 'Secret "db" is invalid: type: field is immutable'),
      "CLUSTER_CONFLICT",
      () => 'Secret "db" is invalid: type: field is immutable',
      undefined,
    ],
    [
      "a message that quotes a value of the object",
      apply,
      statusAnswer(500, "", ".stringData.pin: expected string, got &value.valueUnstructured{Value:12345}"),
      "CLUSTER_UNREACHABLE",
      (url) => `${url} cannot do it now: .stringData.pin: expected string, got &[value]`,
      undefined,
    ],
    [
      "a message that quotes a value in another way",
      apply,
      statusAnswer(422, "Invalid", 'data[a]: Invalid value: "secret"'),
      "CLUSTER_CONFLICT",
      () => "it does not accept the object; its message quotes a value and is not shown",
      undefined,
    ],
    [
      "a message with control characters",
      get,
      statusAnswer(422, "Invalid", "a\u001b[31m\nb\u202e"),
      "CLUSTER_CONFLICT",
      () => "a\ufffd[31m b\ufffd",
      undefined,
    ],
    [
      "500",
      get,
      statusAnswer(500, "InternalError", "etcdserver: no leader"),
      "CLUSTER_UNREACHABLE",
      (url) => `${url} cannot do it now: etcdserver: no leader`,
      undefined,
    ],
    [
      "502 of a load balancer",
      get,
      { status: 502, ...html },
      "CLUSTER_UNREACHABLE",
      (url) => `${url} cannot do it now: bad gateway (502)`,
      undefined,
    ],
    [
      "a redirection",
      get,
      { status: 302, headers: { location: "https://login.example.com" } },
      "CLUSTER_UNREACHABLE",
      (url) => `${url} cannot do it now: status 302`,
      undefined,
    ],
  ])("%s", async ([, call, answer, code, message, hint]) => {
    const server = await startKubeServer(() => answer);
    const { api } = await clientOf(server);
    const error = await failureOf(call(api));
    expect({ code: error.code, message: error.message, hint: error.hint }).toEqual({
      code,
      message: message(server.url),
      hint,
    });
    expect(server.requests).toHaveLength(1);
  });

  test("a failure carries status, reason, the server's words and how long to wait", async () => {
    const server = await startKubeServer(() => ({
      ...(statusAnswer(429, "TooManyRequests", "storage is (re)initializing") as object),
      headers: { "retry-after": "60" },
    }));
    const { api } = await clientOf(server);
    expect(await failureOf(api.get(secret))).toMatchObject({
      exitCode: 34,
      status: 429,
      reason: "TooManyRequests",
      serverMessage: "storage is (re)initializing",
      retryAfterMs: 60_000,
    });
    expect(server.requests).toHaveLength(1);
  });
});

describe("what is tried again", () => {
  const busy = { status: 429, headers: { "retry-after": "0" }, body: "busy" };
  const reset: Answer = (response) => response.socket?.destroy();

  test.for<[string, (api: KubeApi) => Promise<unknown>, Answer, number]>([
    ["a read that the server has no time for", (api) => api.get(secret), busy, 3],
    [
      "a write that the server has no time for",
      (api) => api.create(secret, {}, { fieldManager: "k" }),
      busy,
      3,
    ],
    ["a read whose connection breaks", (api) => api.get(secret), reset, 3],
    [
      "an apply whose connection breaks",
      (api) => api.apply(secret, {}, { fieldManager: "k", force: false }),
      reset,
      3,
    ],
    [
      "a read within a time that the server names",
      (api) => api.get(secret),
      { status: 503, headers: { "retry-after": "1" } },
      2,
    ],
  ])("%s", async ([, call, answer, attempts]) => {
    const server = await startKubeServer((_, count) =>
      count < attempts ? answer : { body: { kind: "Secret" } },
    );
    const { api } = await clientOf(server);
    expect(await call(api)).toEqual({ kind: "Secret" });
    expect(server.requests).toHaveLength(attempts);
  });

  test("a write whose connection breaks is not: nobody knows whether it was done", async () => {
    const server = await startKubeServer(() => reset);
    const { api } = await clientOf(server);
    const error = await failureOf(api.create(secret, {}, { fieldManager: "k" }));
    expect(error.message).toBe(
      `cannot reach the cluster at ${server.url}: the connection broke (ECONNRESET)`,
    );
    expect(server.requests).toHaveLength(1);
  });

  test("a server that stays busy is asked five times", async () => {
    const server = await startKubeServer(() => ({ status: 429, headers: { "retry-after": "0" } }));
    const { api } = await clientOf(server);
    expect((await failureOf(api.get(secret))).message).toBe(
      `${server.url} cannot do it now: too many requests (429)`,
    );
    expect(server.requests).toHaveLength(5);
  });

  test("idle connections that the other end closed are no failure", async () => {
    const server = await startKubeServer(() => ({ body: {} }));
    const { api } = await clientOf(server);
    for (let i = 0; i < 3; i++) {
      await api.get(secret);
      server.dropIdle();
    }
    expect(server.requests).toHaveLength(3);
  });
});

describe("answers that no API server gives", () => {
  const list = { group: "", version: "v1", plural: "secrets" } as const;
  test.for<[string, (api: KubeApi) => Promise<unknown>, Answer, string]>([
    ["a page", (api) => api.get(secret), html, "its answer is not JSON"],
    [
      "half of an object",
      (api) => api.get(secret),
      { body: '{"kind":"Secret","data":{"a":"c2Vj' },
      "its answer is not JSON",
    ],
    [
      "bytes that are no UTF-8",
      (api) => api.get(secret),
      { body: Buffer.from([0x22, 0xff, 0x22]) },
      "its answer is not JSON",
    ],
    [
      "a list instead of an object",
      (api) => api.get(secret),
      { body: "[]" },
      "its answer is no object of Kubernetes",
    ],
    [
      "an object instead of a list",
      (api) => api.list(list),
      { body: {} },
      "its answer is no list of Kubernetes",
    ],
    [
      "an object of 9 MiB",
      (api) => api.get(secret),
      { body: Buffer.alloc(9 << 20, 0x20) },
      "its answer is too long",
    ],
    [
      "a list that grows when it is unpacked",
      (api) => api.list(list),
      { headers: { "content-encoding": "gzip" }, body: bomb() },
      "its answer is too long",
    ],
    [
      "a list that is not compressed as it says",
      (api) => api.list(list),
      { headers: { "content-encoding": "gzip" }, body: "{}" },
      "its answer is not compressed as it says",
    ],
  ])("%s", async ([, call, answer, why]) => {
    const server = await startKubeServer(() => answer);
    const { api } = await clientOf(server);
    const error = await failureOf(call(api));
    expect([error.code, error.message]).toEqual([
      "CLUSTER_UNREACHABLE",
      `cannot reach the cluster at ${server.url}: ${why}`,
    ]);
    // Neither the message nor its causes quote what was sent.
    expect(JSON.stringify([error.message, String(error.cause)])).not.toMatch(/secret-of-a-proxy|c2Vj/);
  });

  test("an answer that breaks off is asked for again, then said to be broken", async () => {
    const server = await startKubeServer(() => (response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write('{"kind":');
      setImmediate(() => response.socket?.destroy());
    });
    const { api } = await clientOf(server);
    const error = await failureOf(api.get(secret));
    expect(error.message).toBe(
      `cannot reach the cluster at ${server.url}: the connection broke (ECONNRESET)`,
    );
    expect(server.requests).toHaveLength(3);
  });

  test.for<[string, string, string]>([
    ["no HTTP", "SSH-2.0-OpenSSH_9\r\n", "http"],
    ["no TLS", "HTTP/1.1 400 Bad Request\r\n\r\n", "https"],
  ])("%s", async ([, greeting, scheme]) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end(greeting);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const error = await failureOf((await bare(url)).get(secret));
    expect(error.message).toBe(
      `cannot reach the cluster at ${url}: ${scheme === "http" ? "its answer is not HTTP" : "it does not speak TLS"}`,
    );
  });
});

describe("servers that are not there, or somebody else", () => {
  test("nobody listens", async () => {
    const url = "https://127.0.0.1:1";
    const error = await failureOf((await bare(url)).get(secret));
    expect(error).toMatchObject({
      code: "CLUSTER_UNREACHABLE",
      message: `cannot reach the cluster at ${url}: connection refused (ECONNREFUSED)`,
      hint: "`kubectl cluster-info --context test` asks the same server",
    });
  });

  test("the authority is not trusted", async () => {
    const server = await startKubeServer(() => ({}));
    const error = await failureOf((await bare(server.url)).get(secret));
    expect(error.message).toMatch(/its certificate is by an authority that is not trusted \([A-Z_]+\)$/);
    expect(server.requests).toEqual([]);
  });

  test("the certificate is for another name, until the kubeconfig says which", async () => {
    const server = await startKubeServer(() => ({ body: {} }));
    const other = await clientOf(server, { overrides: { tlsServerName: "other.test" } });
    const right = await clientOf(server, { cluster: { "tls-server-name": "api.test" } });
    const error = await failureOf(other.api.get(secret));
    expect([error.message, error.hint]).toEqual([
      `cannot reach the cluster at ${server.url}: its certificate is for another name (ERR_TLS_CERT_ALTNAME_INVALID)`,
      "--tls-server-name NAME says which one to expect",
    ]);
    expect(await right.api.get(secret)).toEqual({});
  });

  test("a server that never answers is given up after the time that the user set", async () => {
    const server = await startKubeServer(() => () => undefined);
    const { api } = await clientOf(server, { overrides: { requestTimeout: "200ms" } });
    expect(await failureOf(api.get(secret))).toMatchObject({
      message: `cannot reach the cluster at ${server.url}: no answer in time`,
      hint: "--request-timeout 2m gives it longer",
    });
  });

  test("a run that is interrupted ends at once", async () => {
    const stop = new AbortController();
    const server = await startKubeServer(() => () => stop.abort());
    const { api } = await clientOf(server, { client: { signal: stop.signal } });
    await expect(api.get(secret)).rejects.toMatchObject({ code: "INTERRUPTED" });
    await expect(api.get(secret)).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(server.requests).toHaveLength(1);
  });
});

/** 300 MiB of blanks in 300 KiB. */
function bomb(): Uint8Array {
  const part = gzipSync(Buffer.alloc(30 << 20, 0x20));
  return Buffer.concat(Array.from({ length: 10 }, () => part));
}

async function bare(server: string): Promise<KubeApi> {
  const host = await createTestHost({ files: { "../home/.kube/config": kubeconfigOf({ server }) } });
  const api = await createKubeApi({ host, cluster: {}, log: silent });
  onTestFinished(() => api.close());
  return api;
}
