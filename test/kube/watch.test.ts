import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { type KubeApi, KubeError, type WatchEvent, type WatchOptions } from "../../src/kube/api.ts";
import { type Answer, clientOf, startKubeServer, statusAnswer } from "../support/kube-server.ts";

const secrets = { group: "", version: "v1", plural: "secrets" } as const;
const event = (type: string, name: string) => ({ type, object: { kind: "Secret", metadata: { name } } });
const line = (value: unknown) => `${JSON.stringify(value)}\n`;

async function collect(api: KubeApi, options: WatchOptions = {}): Promise<readonly WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const each of api.watch(secrets, options)) events.push(each);
  return events;
}

/** Writes parts one after the other, each in a packet of its own, and ends. */
function inParts(...parts: readonly (string | Uint8Array)[]): Answer {
  return async (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    for (const part of parts) {
      await new Promise((resolve) => response.write(part, resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  };
}

/** Writes parts, and then nothing any more. */
function thenSilence(text: string, then?: (response: ServerResponse) => void): Answer {
  return (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write(text);
    then?.(response);
  };
}

describe("a watch", () => {
  test("gives every change and bookmark, wherever the packets end", async () => {
    const text = ["ADDED", "MODIFIED", "BOOKMARK", "DELETED"]
      .map((type) => line(event(type, `é-${type}`)))
      .join("");
    const bytes = Buffer.from(text);
    const cuts = [1, 10, 57, 58, 60, 140, bytes.length];
    const parts = cuts.map((end, index) => bytes.subarray(cuts[index - 1] ?? 0, end));
    const server = await startKubeServer(() => inParts(...parts));
    const { api } = await clientOf(server);
    const events = await collect(api, {
      resourceVersion: "5",
      labelSelector: "a=b",
      timeoutSeconds: 9,
      metadataOnly: true,
    });
    expect(events.map(({ type, object }) => [type, object["metadata"]])).toEqual(
      ["ADDED", "MODIFIED", "BOOKMARK", "DELETED"].map((type) => [type, { name: `é-${type}` }]),
    );
    expect(server.requests[0]).toMatchObject({
      url: "/api/v1/secrets?watch=true&allowWatchBookmarks=true&labelSelector=a%3Db&resourceVersion=5&timeoutSeconds=9",
      headers: { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json" },
    });
  });

  test("ends on the server's side after five to ten minutes when nothing else is said", async () => {
    const server = await startKubeServer(() => inParts());
    const { api } = await clientOf(server);
    await collect(api);
    const seconds = Number(new URL(server.requests[0]!.url, server.url).searchParams.get("timeoutSeconds"));
    expect(seconds).toBeGreaterThanOrEqual(300);
    expect(seconds).toBeLessThan(600);
  });

  test.for<[string, Answer]>([
    ["with the answer", statusAnswer(410, "Expired", "too old resource version: 1 (9)")],
    [
      "with an event",
      inParts(
        line({
          type: "ERROR",
          object: {
            kind: "Status",
            code: 410,
            reason: "Expired",
            message: "too old resource version: 1 (9)",
          },
        }),
      ),
    ],
  ])("whose version is too old says so: %s", async ([, answer]) => {
    const server = await startKubeServer(() => answer);
    const { api } = await clientOf(server);
    await expect(collect(api, { resourceVersion: "1" })).rejects.toMatchObject({
      code: "CLUSTER_CONFLICT",
      status: 410,
      reason: "Expired",
      message: "too old resource version: 1 (9)",
    });
  });

  test("is opened again when the server has no time yet", async () => {
    const busy: Answer = { status: 429, headers: { "retry-after": "0" } };
    const server = await startKubeServer((_, count) =>
      count < 3 ? busy : inParts(line(event("ADDED", "a"))),
    );
    const { api } = await clientOf(server);
    expect(await collect(api)).toHaveLength(1);
  });

  test("that is silent for too long is given up: nobody is at the other end", async () => {
    const server = await startKubeServer(() => thenSilence(line(event("ADDED", "a"))));
    const { api } = await clientOf(server, { client: { silenceMs: 100 } });
    const seen: string[] = [];
    const work = (async () => {
      for await (const { type } of api.watch(secrets, {})) seen.push(type);
    })();
    await expect(work).rejects.toMatchObject({
      code: "CLUSTER_UNREACHABLE",
      message: `cannot reach the cluster at ${server.url}: no answer in time`,
    });
    expect(seen).toEqual(["ADDED"]);
  });

  test("does not count the time that its reader takes as silence", async () => {
    const server = await startKubeServer(() => inParts(line(event("ADDED", "a")), line(event("ADDED", "b"))));
    const { api } = await clientOf(server, { client: { silenceMs: 60 } });
    let count = 0;
    for await (const _ of api.watch(secrets, {})) {
      count++;
      const until = performance.now() + 120;
      while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(count).toBe(2);
  });

  test.for<[string, (response: ServerResponse) => void]>([
    ["the connection breaks", (response) => setImmediate(() => response.socket?.destroy())],
    ["an event is no event", (response) => response.write("{}\n")],
    ["an event is of a kind that nobody knows", (response) => response.write('{"type":"NEW","object":{}}\n')],
    ["a line is not JSON", (response) => response.write("<html>\n")],
    ["a line does not end", (response) => void response.write(Buffer.alloc(9 << 20, 0x20))],
  ])("fails when %s", async ([, then]) => {
    const server = await startKubeServer(() => thenSilence(line(event("ADDED", "a")), then));
    const { api } = await clientOf(server);
    const error: unknown = await collect(api).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(KubeError);
    expect((error as KubeError).code).toBe("CLUSTER_UNREACHABLE");
  });

  test.for(["the watch's", "the run's"])(
    "ends as interrupted by %s signal, and closes its connection",
    async (whose) => {
      const stop = new AbortController();
      let closed: Promise<void> | undefined;
      const server = await startKubeServer(() =>
        thenSilence(line(event("ADDED", "a")), (response) => {
          closed = new Promise((resolve) => response.once("close", resolve));
        }),
      );
      const { api } = await clientOf(
        server,
        whose === "the run's" ? { client: { signal: stop.signal } } : {},
      );
      const work = (async () => {
        const options = whose === "the run's" ? {} : { signal: stop.signal };
        for await (const _ of api.watch(secrets, options)) stop.abort();
      })();
      await expect(work).rejects.toMatchObject({ code: "INTERRUPTED" });
      await closed;
    },
  );

  test("that is left closes its connection", async () => {
    let closed: Promise<void> | undefined;
    const server = await startKubeServer(() =>
      thenSilence(line(event("ADDED", "a")), (response) => {
        closed = new Promise((resolve) => response.once("close", resolve));
      }),
    );
    const { api } = await clientOf(server);
    for await (const _ of api.watch(secrets, {})) break;
    await closed;
  });

  test("takes no connection away from other requests: forty watches and a read", async () => {
    const server = await startKubeServer(({ url }) =>
      url.includes("watch=") ? thenSilence(line(event("ADDED", "a"))) : { body: { kind: "Secret" } },
    );
    const { api } = await clientOf(server);
    const watches = Array.from({ length: 40 }, () => api.watch(secrets, {})[Symbol.asyncIterator]());
    await Promise.all(watches.map((watch) => watch.next()));
    expect(await api.get({ ...secrets, namespace: "a", name: "b" })).toEqual({ kind: "Secret" });
    await Promise.all(watches.map((watch) => watch.return?.()));
  });
});
