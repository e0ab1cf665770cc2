import { describe, expect, test } from "vitest";
import type { ClusterOptions } from "../../src/kube/api.ts";
import { type Connection, findConnection } from "../../src/kube/connection.ts";
import { inCluster } from "../../src/kube/in-cluster.ts";
import { kubeconfigOf } from "../support/kube-server.ts";
import { createTestHost, type TestHostOptions } from "../support/test-host.ts";

const home = "../home/.kube/config";

async function find(cluster: ClusterOptions, host: TestHostOptions): Promise<Connection> {
  return await findConnection(await createTestHost(host), cluster);
}

function config(entries: {
  readonly current?: string;
  readonly clusters?: Readonly<Record<string, object>>;
  readonly users?: Readonly<Record<string, object>>;
  readonly contexts?: Readonly<Record<string, object>>;
}): string {
  const named = (key: string, values: Readonly<Record<string, object>> = {}) =>
    Object.entries(values).map(([name, value]) => ({ name, [key]: value }));
  return JSON.stringify({
    "current-context": entries.current,
    clusters: named("cluster", entries.clusters),
    users: named("user", entries.users),
    contexts: named("context", entries.contexts),
  });
}

const two = config({
  current: "a",
  clusters: {
    a: { server: "https://a.test:6443/" },
    b: { server: "https://b.test", "tls-server-name": "bee" },
  },
  users: { a: { token: "ta" }, b: { token: "tb" } },
  contexts: { a: { cluster: "a", user: "a", namespace: "team" }, b: { cluster: "b", user: "b" } },
});

describe("the cluster is found as kubectl finds it", () => {
  test.for<[string, ClusterOptions, object]>([
    [
      "by the current context",
      {},
      { server: "https://a.test:6443", context: "a", namespace: "team", user: { token: "ta" } },
    ],
    [
      "by --context",
      { context: "b" },
      { server: "https://b.test", context: "b", namespace: "default", user: { token: "tb" } },
    ],
    [
      "by --cluster and --user",
      { cluster: "b", user: "b" },
      { server: "https://b.test", context: "a", namespace: "team", user: { token: "tb" } },
    ],
    ["by --namespace", { namespace: "other" }, { namespace: "other" }],
    [
      "by --server, which drops the name in the kubeconfig",
      { context: "b", server: "https://c.test:1/k8s/clusters/c-1/" },
      { server: "https://c.test:1/k8s/clusters/c-1", cluster: { tlsServerName: undefined } },
    ],
    ["by --tls-server-name", { context: "b", tlsServerName: "x" }, { cluster: { tlsServerName: "x" } }],
    ["by --token", { token: "mine" }, { user: { token: "mine", tokenFile: undefined } }],
    [
      "by --as and its companions",
      { as: "eve", asUid: "7", asGroup: ["g", "h"] },
      { user: { as: "eve", asUid: "7", asGroups: ["g", "h"] } },
    ],
    [
      "by --proxy-url and --disable-compression",
      { proxyUrl: "socks5://p:1", disableCompression: true },
      { cluster: { proxyUrl: "socks5://p:1", disableCompression: true } },
    ],
    ["by --request-timeout in seconds", { requestTimeout: "30" }, { requestTimeoutMs: 30_000 }],
    ["by --request-timeout with units", { requestTimeout: "1m1.5s" }, { requestTimeoutMs: 61_500 }],
    ["by --request-timeout 0", { requestTimeout: "0" }, { requestTimeoutMs: undefined }],
  ])("%s", async ([, options, expected]) => {
    expect(await find(options, { files: { [home]: two } })).toMatchObject(expected);
  });

  test("by several files: the first that has an entry wins, and missing ones count for nothing", async () => {
    const first = config({
      users: { me: { token: "first" } },
      clusters: { c: { server: "https://first.test" } },
    });
    const second = config({
      current: "x",
      users: { me: { token: "second", "client-key": "k" } },
      contexts: { x: { cluster: "c", user: "me" } },
    });
    const third = config({ current: "y", contexts: { x: { cluster: "no", user: "no" } } });
    const files = { "1": first, "2": second, "3": third };
    const found = await find({}, { files, env: { KUBECONFIG: "missing::1:2:3:1" } });
    expect(found).toMatchObject({ context: "x", server: "https://first.test", user: { token: "first" } });
    expect(found.user.clientKey).toBeUndefined();
  });

  test("by --kubeconfig alone, whatever KUBECONFIG says; paths belong to the file that has them", async () => {
    const own = config({
      current: "x",
      clusters: { c: { server: "c.test", "certificate-authority": "../ca.pem" } },
      users: {
        u: {
          "client-certificate": "u.pem",
          "client-key": "/abs/u.key",
          tokenFile: "t",
          exec: { apiVersion: "v", command: "./bin/login" },
        },
      },
      contexts: { x: { cluster: "c", user: "u" } },
    });
    const host = await createTestHost({
      files: { "sub/config": own, other: two },
      env: { KUBECONFIG: "other" },
    });
    const found = await findConnection(host, { kubeconfig: "sub/config" });
    expect(found.server).toBe("https://c.test");
    expect(found.cluster.certificateAuthority).toBe(host.resolve("ca.pem"));
    expect(found.user).toMatchObject({
      clientCertificate: host.resolve("sub/u.pem"),
      clientKey: "/abs/u.key",
      tokenFile: host.resolve("sub/t"),
      exec: { command: host.resolve("sub/bin/login") },
    });
  });

  test("over http no password is sent", async () => {
    const plain = kubeconfigOf({ server: "http://127.0.0.1:8001", user: { token: "t", as: "eve" } });
    expect((await find({}, { files: { [home]: plain } })).user).toEqual({
      as: "eve",
      asUid: undefined,
      asGroups: [],
      asUserExtra: {},
    });
  });

  test("in a pod, by its service account", async () => {
    const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
    const host = await createTestHost({ env, files: { "sa/token": "t\n", "sa/namespace": "ns\n" } });
    const folder = host.resolve("sa");
    expect(await inCluster(host, folder)).toEqual({
      server: "https://[fd00::1]:443",
      context: undefined,
      namespace: "ns",
      cluster: { certificateAuthority: `${folder}/ca.crt`, disableCompression: true },
      user: { tokenFile: `${folder}/token` },
    });
    expect(await inCluster(host, host.resolve("elsewhere"))).toBeUndefined();
    expect(await inCluster(await createTestHost({}), folder)).toBeUndefined();
  });
});

describe("what does not say which cluster", () => {
  test.for<[string, ClusterOptions, string | undefined, object]>([
    [
      "no kubeconfig",
      {},
      undefined,
      {
        code: "CLUSTER_UNREACHABLE",
        message: expect.stringMatching(
          /^no cluster to ask: there is no current context in \/.*\/home\/\.kube\/config$/,
        ),
        hint: "set KUBECONFIG, or choose with --kubeconfig FILE and --context NAME; `kubectl config get-contexts` lists them",
      },
    ],
    ["an empty kubeconfig", {}, "", { code: "CLUSTER_UNREACHABLE" }],
    [
      "what kubectl prints for none",
      {},
      "clusters: null\nusers: null\ncontexts: null\ncurrent-context: ''\n",
      { code: "CLUSTER_UNREACHABLE" },
    ],
    [
      "a context that does not exist",
      { context: "z" },
      two,
      {
        code: "CLUSTER_UNREACHABLE",
        message: 'the kubeconfig has no context named "z"',
        hint: "`kubectl config get-contexts` lists them",
      },
    ],
    [
      "a cluster that does not exist",
      { cluster: "z" },
      two,
      { code: "CLUSTER_UNREACHABLE", message: 'the kubeconfig has no cluster named "z"' },
    ],
    [
      "a user that does not exist",
      { user: "z" },
      two,
      { code: "CLUSTER_UNREACHABLE", message: 'the kubeconfig has no user named "z"' },
    ],
    [
      "an address that is none",
      { server: "https://a:b@c.test" },
      two,
      { code: "CLUSTER_UNREACHABLE", message: "the server of the cluster is no https address" },
    ],
    [
      "a kubeconfig that is no YAML",
      {},
      "token: 'secret\n",
      { code: "FORMAT_INVALID", message: expect.stringMatching(/config is no YAML \([A-Z_]+\)$/) },
    ],
    [
      "a kubeconfig that is no object",
      {},
      "- a\n",
      { code: "FORMAT_INVALID", message: "the document of the kubeconfig is not an object" },
    ],
    [
      "a token that is a number",
      {},
      kubeconfigOf({ server: "https://a", user: { token: 123456 } }),
      {
        code: "FORMAT_INVALID",
        message: "users[0].user.token of the kubeconfig is not text: put it in quotes",
      },
    ],
    [
      "two users of one name",
      {},
      '{"users":[{"name":"a"},{"name":"a"}]}',
      { code: "FORMAT_INVALID", message: 'the kubeconfig has two users named "a"' },
    ],
    [
      "a time that is none",
      { requestTimeout: "soon" },
      two,
      { code: "USAGE", message: "--request-timeout is no time: 30, 30s or 2m" },
    ],
    [
      "groups without a user",
      { asGroup: ["g"] },
      two,
      { code: "USAGE", message: "who to act as is not said: --as-uid and --as-group need --as" },
    ],
    [
      "two ways to log in",
      { username: "u", password: "p" },
      two,
      { code: "USAGE", message: "a token and a user name with password exclude each other" },
    ],
    [
      "trust in one and in all",
      {},
      kubeconfigOf({
        server: "https://a",
        cluster: { "insecure-skip-tls-verify": true, "certificate-authority": "ca" },
      }),
      { code: "USAGE", message: "a certificate authority and insecure-skip-tls-verify exclude each other" },
    ],
  ])("%s", async ([, options, text, expected]) => {
    const files: Record<string, string> = text === undefined ? {} : { [home]: text };
    await expect(find(options, { files })).rejects.toMatchObject(expected);
  });

  test("a kubeconfig that was asked for by name has to exist", async () => {
    await expect(find({ kubeconfig: "none" }, {})).rejects.toMatchObject({ code: "NO_FILE" });
  });

  test("every prefix of a kubeconfig is read or refused, and no message quotes a token", async () => {
    const text = [
      "apiVersion: v1",
      "current-context: x",
      "clusters: [{name: c, cluster: {server: https://c}}]",
      "contexts: [{name: x, context: {cluster: c, user: u}}]",
      "users:",
      "- name: u",
      '  user: {token: "s3cret-token"}',
    ].join("\n");
    for (let end = 0; end < text.length; end += 3) {
      const outcome = await find({}, { files: { [home]: text.slice(0, end) } }).catch(
        (error: Error) => error,
      );
      if (!(outcome instanceof Error)) continue;
      expect(outcome).toMatchObject({
        code: expect.stringMatching(/^(FORMAT_INVALID|CLUSTER_UNREACHABLE)$/),
      });
      expect(outcome.message).not.toContain("s3cret");
    }
  });
});
