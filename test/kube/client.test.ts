import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import type { JsonObject, KubeApi } from "../../src/kube/api.ts";
import { clientOf, startKubeServer, statusAnswer } from "../support/kube-server.ts";

const secrets = { group: "", version: "v1", plural: "secrets", namespace: "team" } as const;
const secret = { ...secrets, name: "db" } as const;
const sealed = { group: "bitnami.com", version: "v1alpha1", plural: "sealedsecrets" } as const;
const object: JsonObject = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "db" },
  data: { a: "c2VjcmV0" },
};
const fieldManager = "kseal";

describe("requests", () => {
  test.for<[string, (api: KubeApi) => Promise<unknown>, string, string]>([
    ["get", (api) => api.get(secret), "GET", "/api/v1/namespaces/team/secrets/db"],
    [
      "get of another group",
      (api) => api.get({ ...sealed, namespace: "a", name: "b" }),
      "GET",
      "/apis/bitnami.com/v1alpha1/namespaces/a/sealedsecrets/b",
    ],
    [
      "create",
      (api) => api.create(secret, object, { fieldManager }),
      "POST",
      "/api/v1/namespaces/team/secrets?fieldManager=kseal&fieldValidation=Strict",
    ],
    [
      "create of a subresource",
      (api) =>
        api.create({ ...secret, plural: "serviceaccounts", subresource: "token" }, object, { fieldManager }),
      "POST",
      "/api/v1/namespaces/team/serviceaccounts/db/token?fieldManager=kseal&fieldValidation=Strict",
    ],
    [
      "apply",
      (api) => api.apply(secret, object, { fieldManager, force: false, dryRun: true }),
      "PATCH",
      "/api/v1/namespaces/team/secrets/db?fieldManager=kseal&dryRun=All&fieldValidation=Strict&force=false",
    ],
    [
      "update",
      (api) => api.update({ ...secret, subresource: "status" }, object, { fieldManager }),
      "PUT",
      "/api/v1/namespaces/team/secrets/db/status?fieldManager=kseal&fieldValidation=Strict",
    ],
    [
      "patch",
      (api) => api.patch(secret, [{ op: "test" }], { fieldManager, type: "json" }),
      "PATCH",
      "/api/v1/namespaces/team/secrets/db?fieldManager=kseal&fieldValidation=Strict",
    ],
    [
      "delete",
      (api) => api.delete(secret, { uid: "u", propagation: "Background" }),
      "DELETE",
      "/api/v1/namespaces/team/secrets/db",
    ],
  ])("%s", async ([, call, method, url]) => {
    const server = await startKubeServer(() => ({ body: object }));
    const { api } = await clientOf(server);
    await call(api);
    const [request] = server.requests;
    expect([request!.method, request!.url]).toEqual([method, url]);
    expect(request!.headers.authorization).toBe("Bearer t0ken");
  });

  test.for([
    ["apply", "application/apply-patch+yaml"],
    ["merge", "application/merge-patch+json"],
    ["json", "application/json-patch+json"],
  ] as const)("a patch by %s is sent as %s", async ([kind, type]) => {
    const server = await startKubeServer(() => ({ body: object }));
    const { api } = await clientOf(server);
    if (kind === "apply") await api.apply(secret, object, { fieldManager, force: true });
    else await api.patch(secret, object, { fieldManager, type: kind });
    expect(server.requests[0]!.headers["content-type"]).toBe(type);
    expect(JSON.parse(server.requests[0]!.body)).toEqual(object);
  });

  test("what is deleted only under conditions says so", async () => {
    const server = await startKubeServer(() => ({ body: { kind: "Status", status: "Success" } }));
    const { api } = await clientOf(server);
    expect(await api.delete(secret, { uid: "u1", resourceVersion: "7", propagation: "Orphan" })).toBe(true);
    expect(JSON.parse(server.requests[0]!.body)).toEqual({
      kind: "DeleteOptions",
      apiVersion: "v1",
      preconditions: { uid: "u1", resourceVersion: "7" },
      propagationPolicy: "Orphan",
    });
  });

  test("what is not there is no failure of get and delete", async () => {
    const server = await startKubeServer(() => statusAnswer(404, "NotFound", 'secrets "db" not found'));
    const { api } = await clientOf(server);
    expect(await api.get(secret)).toBeUndefined();
    expect(await api.delete(secret)).toBe(false);
  });

  test("metadata alone is asked for by its media type", async () => {
    const server = await startKubeServer(() => ({ body: { metadata: { resourceVersion: "1" } } }));
    const { api } = await clientOf(server);
    await api.get(secret, { metadataOnly: true });
    await api.list(secrets, { metadataOnly: true });
    expect(server.requests.map(({ headers }) => headers.accept)).toEqual([
      "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
      "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
    ]);
  });

  test.for(["..", ".", "", "a/b", "a%2fb"])("%j is no name, and nothing is sent", async (name) => {
    const server = await startKubeServer(() => ({}));
    const { api } = await clientOf(server);
    await expect((async () => api.get({ ...secret, name }))()).rejects.toMatchObject({
      code: "CLUSTER_CONFLICT",
      message: `${JSON.stringify(name)} is no name of an object in a cluster`,
    });
    expect(server.requests).toEqual([]);
  });

  test("a warning of the API server is passed on once", async () => {
    const headers = { "content-type": "application/json", warning: '299 - "v1 is \\"old\\"\u001b"' };
    const server = await startKubeServer(() => ({
      headers: { ...headers, warning: '299 - "v1 is \\"old\\""' },
      body: object,
    }));
    const { api, warnings } = await clientOf(server);
    await api.get(secret);
    await api.get(secret);
    expect(warnings).toEqual(['the cluster warns: v1 is "old"']);
  });

  test("a thousand requests, thirty-two at a time, share their connections", async () => {
    const server = await startKubeServer(() => ({ body: object }));
    const warned: string[] = [];
    const onWarning = (warning: Error) => warned.push(warning.name);
    process.on("warning", onWarning);
    onTestFinished(() => void process.off("warning", onWarning));
    const { api } = await clientOf(server, { client: { signal: new AbortController().signal } });
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 100 }, () => api.get(secret)));
    }
    expect(server.requests).toHaveLength(1000);
    expect(server.connections()).toBeLessThanOrEqual(32);
    expect(warned).toEqual([]);
  });
});

describe("lists", () => {
  const page = (from: number, next?: string) => ({
    body: {
      kind: "SecretList",
      apiVersion: "v1",
      metadata: { resourceVersion: "42", ...(next && { continue: next }) },
      items: [{ metadata: { name: `s${from}` } }],
    },
  });

  test("are followed from page to page, and their objects have a kind", async () => {
    const server = await startKubeServer((_, count) => page(count, count < 3 ? `c${count}/=` : undefined));
    const { api } = await clientOf(server);
    const list = await api.list(secrets, { labelSelector: "a=b", resourceVersion: "0" });
    expect(list).toEqual({
      resourceVersion: "42",
      items: [1, 2, 3].map((n) => ({ apiVersion: "v1", kind: "Secret", metadata: { name: `s${n}` } })),
    });
    expect(server.requests.map(({ url }) => url.split("?")[1])).toEqual([
      "labelSelector=a%3Db&limit=500&resourceVersion=0",
      "labelSelector=a%3Db&limit=500&continue=c1%2F%3D",
      "labelSelector=a%3Db&limit=500&continue=c2%2F%3D",
    ]);
  });

  test("keep of each object what they are told to, before the next page is asked for", async () => {
    const events: string[] = [];
    const server = await startKubeServer((_, count) => {
      events.push(`page ${count}`);
      return page(count, count < 2 ? "next" : undefined);
    });
    const { api } = await clientOf(server);
    const keep = ({ metadata }: JsonObject) => {
      const { name } = metadata as { name: string };
      events.push(`kept ${name}`);
      return { name };
    };
    const { items } = await api.list(secrets, { keep });
    expect(items).toEqual([{ name: "s1" }, { name: "s2" }]);
    expect(events).toEqual(["page 1", "kept s1", "page 2", "kept s2"]);
  });

  test("whose moment is forgotten between two pages are asked for at once", async () => {
    const server = await startKubeServer((request, count) => {
      if (count === 2) return statusAnswer(410, "Expired", "The provided continue parameter is too old");
      return request.url.includes("limit=") ? page(1, "c1") : page(9);
    });
    const { api } = await clientOf(server);
    const { items } = await api.list(secrets);
    expect(items.map((item) => item["metadata"])).toEqual([{ name: "s9" }]);
  });

  test("are compressed on the way, unless that is not wanted", async () => {
    const server = await startKubeServer(({ headers }) =>
      headers["accept-encoding"] === "gzip"
        ? { headers: { "content-encoding": "gzip" }, body: gzipSync(JSON.stringify(page(1).body)) }
        : page(1),
    );
    const { api } = await clientOf(server);
    const plain = await clientOf(server, { overrides: { disableCompression: true } });
    const lists = [await api.list(secrets), await plain.api.list(secrets), await api.list(secrets)];
    expect(lists.map(({ items }) => items.length)).toEqual([1, 1, 1]);
    expect(server.requests.map(({ headers }) => headers["accept-encoding"])).toEqual([
      "gzip",
      undefined,
      "gzip",
    ]);
    expect(server.connections()).toBe(2);
  });
});

describe("hostile objects", () => {
  test("a key named __proto__ is a key like any other", async () => {
    const body =
      '{"kind":"Secret","metadata":{},"data":{"__proto__":"x","constructor":"y"},"__proto__":{"polluted":1}}';
    const server = await startKubeServer(() => ({ body }));
    const { api } = await clientOf(server);
    const found = await api.get(secret);
    expect(Object.keys(found!["data"] as object)).toEqual(["__proto__", "constructor"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("what is nested too deep is left out of one object, and the others of the list are whole", async () => {
    const deep = `${"[".repeat(9000)}${"]".repeat(9000)}`;
    const items = `{"metadata":{"name":"a"},"spec":${deep}},{"metadata":{"name":"b"},"spec":{"x":[1]}}`;
    const body = `{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[${items}]}`;
    const server = await startKubeServer(() => ({ body }));
    const { api } = await clientOf(server);
    expect((await api.list(secrets)).items).toEqual([
      { apiVersion: "v1", kind: "Secret", metadata: { name: "a" } },
      { apiVersion: "v1", kind: "Secret", metadata: { name: "b" }, spec: { x: [1] } },
    ]);
  });
});
