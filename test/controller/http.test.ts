import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { answerRequest, countedPaths, type HttpServices } from "../../controller/http.ts";
import { type RunningServer, serveHttp } from "../../controller/http-server.ts";
import { Opener } from "../../controller/opener.ts";
import { RateLimit } from "../../controller/rate-limit.ts";
import { opens, rotateSealed } from "../../controller/rotate.ts";
import { systemTimer } from "../../controller/timer.ts";
import { readManifest } from "../../src/formats/manifest.ts";
import { sealItem } from "../../src/sealed/envelope.ts";
import { readSealedSecret, type SealedSecret } from "../../src/sealed/sealed-secret.ts";
import { unsealSecret } from "../../src/sealed/unseal-secret.ts";
import { type KubeObject, recorded, sealedObject, testKey } from "../support/controller.ts";
import { random, vectorCertificate, vectorSealingKey } from "../support/sealed.ts";

const upstream = recorded("http");
const servers: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const newest = vectorSealingKey("rsa4096");
const keys = [newest, testKey];
const opener = new Opener({ workers: 2, acceptV1: true, now: Date.now, random });
const open = (sealed: SealedSecret) => opener.open(sealed, keys);

function services(change: Partial<HttpServices> = {}): HttpServices {
  return {
    certificate: () => ({ pem: testKey.certificate!.pem }),
    notReady: () => undefined,
    kubesealEndpoints: true,
    readDocuments: async (bytes) =>
      (await readManifest(bytes, { file: "the request" })).documents.map(({ object }) => object),
    opens: (sealed) => opens(sealed, open),
    rotate: (sealed) => rotateSealed(sealed, { open, publicKey: newest.certificate!.publicKey, random }),
    limit: new RateLimit({ perSecond: 1000, burst: 1000, timer: systemTimer }),
    largestBody: 100_000,
    ...change,
  };
}

async function serve(
  change: Partial<HttpServices> = {},
  timeouts = { readTimeout: 5000, writeTimeout: 5000 },
) {
  const using = services(change);
  const answered: object[] = [];
  const server = await serveHttp({
    listen: { host: "127.0.0.1", port: 0 },
    ...timeouts,
    countedPaths,
    answer: (question) => answerRequest(question, using),
    onAnswer: ({ method, path, code }) => answered.push({ method, path, code }),
  });
  servers.push(server);
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  return { ask, answered, port: server.port };
}

const post = (body: unknown) => ({
  method: "POST",
  body: typeof body === "string" ? body : JSON.stringify(body),
});

describe("what upstream answers, kseal answers:", () => {
  const object = sealedObject({ foo: "bar" });
  const elsewhere = sealedObject({ foo: "bar" }, { sealedFor: { namespace: "x", name: "y" } });
  const cases: readonly (readonly [string, string, RequestInit])[] = [
    ["healthz", "/healthz", {}],
    ["verify_ok", "/v1/verify", post(object)],
    ["verify_conflict", "/v1/verify", post(elsewhere)],
    ["verify_garbage", "/v1/verify", post("garbage")],
    ["rotate_bad", "/v1/rotate", post(elsewhere)],
    ["rotate_garbage", "/v1/rotate", post("garbage")],
    ["notfound", "/nothing", {}],
  ];
  test.for(cases)("%s", async ([name, path, init]) => {
    const { ask } = await serve();
    const { status, body, headers } = await ask(path, init);
    expect({ status, body }).toEqual({ status: upstream[name].status, body: upstream[name].body });
    expect(headers.get("content-type")).toBe(upstream[name].headers["Content-Type"] ?? null);
  });

  test("cert, with its type", async () => {
    const { ask } = await serve();
    const { status, body, headers } = await ask("/v1/cert.pem");
    expect(status).toBe(upstream["cert"].status);
    expect(headers.get("content-type")).toBe(upstream["cert"].headers["Content-Type"]);
    expect(body).toBe(testKey.certificate!.pem);
    expect(body.startsWith(upstream["cert"].body.slice(0, 28))).toBe(true);
  });

  test("limited: the fourth of five at once, with upstream's headers", async () => {
    const { ask } = await serve({
      limit: new RateLimit({ perSecond: 2, burst: 2, timer: { elapsed: () => 0 } }),
    });
    for (const { status, body, headers } of upstream["limited"]) {
      const ours = await ask("/v1/verify", post(object));
      expect({ status: ours.status, body: ours.body }).toEqual({ status, body });
      for (const name of ["X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Retry-After"]) {
        expect(ours.headers.get(name)).toBe(headers[name] ?? null);
      }
    }
  });
});

describe("S16:", () => {
  test("a method that does not fit is refused, where upstream takes any", async () => {
    const { ask, answered } = await serve();
    for (const [path, method, allow] of [
      ["/v1/verify", "GET", "POST"],
      ["/v1/rotate", "PUT", "POST"],
      ["/v1/cert.pem", "POST", "GET, HEAD"],
      ["/healthz", "DELETE", "GET, HEAD"],
    ] as const) {
      const { status, headers } = await ask(path, { method });
      expect({ status, allow: headers.get("allow") }).toEqual({ status: 405, allow });
    }
    await ask("/invented");
    // What is at no path of upstream's metrics is not counted.
    expect(answered).toEqual([
      { method: "get", path: "/v1/verify", code: 405 },
      { method: "put", path: "/v1/rotate", code: 405 },
      { method: "post", path: "/v1/cert.pem", code: 405 },
    ]);
  });

  test("a body has a largest size, told before it has arrived", async () => {
    const { port } = await serve();
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.write("POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n");
        const chunk = Buffer.alloc(64 * 1024, 0x20);
        const pump = () => {
          while (!socket.destroyed && socket.write(chunk));
          socket.once("drain", pump);
        };
        pump();
      });
      socket.once("data", (data) => {
        resolve(data.toString().split("\r\n")[0]!);
        socket.destroy();
      });
      socket.on("error", reject);
    });
    expect(answer).toBe("HTTP/1.1 413 Payload Too Large");
  });

  test("rotate is limited as well, by who is connected, whatever a header says; the certificate never is", async () => {
    const { ask } = await serve({ limit: new RateLimit({ perSecond: 0.001, burst: 0, timer: systemTimer }) });
    const asAnother = { ...post(sealedObject({ a: "b" })), headers: { "X-Forwarded-For": "10.0.0.9" } };
    expect((await ask("/v1/rotate", post(sealedObject({ a: "b" })))).status).toBe(200);
    expect((await ask("/v1/rotate", asAnother)).status).toBe(429);
    for (let at = 0; at < 20; at += 1) expect((await ask("/v1/cert.pem")).status).toBe(200);
  });

  test("a client that sends slowly is cut off", async () => {
    const { port } = await serve({}, { readTimeout: 300, writeTimeout: 300 });
    const answer = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connect(port, "127.0.0.1", () =>
        socket.write("POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Le"),
      );
      socket.on("data", (data) => {
        text += data.toString();
      });
      socket.on("close", () => resolve(text.split("\r\n")[0] ?? ""));
      socket.on("error", () => undefined);
    });
    expect(answer).toBe("HTTP/1.1 408 Request Timeout");
  });
});

describe("S1: verify", () => {
  test("runs no template: one that would fail, or not, tells nothing about the value", async () => {
    const { ask } = await serve();
    for (const data of [{ x: '{{ fail "no" }}' }, { x: "{{ .foo.bar }}" }, { x: "{{" }, { x: "fine" }]) {
      const { status } = await ask("/v1/verify", post(sealedObject({ foo: "bar" }, { template: { data } })));
      expect(status).toBe(200);
    }
  });

  test("takes YAML as well, one document of it", async () => {
    const { ask } = await serve();
    const yaml = `---\n${JSON.stringify(sealedObject({ foo: "bar" }))}\n`;
    expect((await ask("/v1/verify", post(yaml))).status).toBe(200);
    expect((await ask("/v1/verify", post(yaml + yaml))).status).toBe(500);
    expect(
      (await ask("/v1/verify", post({ apiVersion: "v1", kind: "Secret", metadata: { name: "x" } }))).status,
    ).toBe(500);
  });

  test("opens objects from before 0.7, too", async () => {
    const { ask } = await serve();
    expect((await ask("/v1/verify", post(v1Object("prod/db")))).status).toBe(200);
    expect((await ask("/v1/verify", post(v1Object("prod/other")))).status).toBe(409);
  });
});

function v1Object(label: string): KubeObject {
  const secret = JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: {},
    data: { password: "eA==" },
  });
  const data = sealItem(new TextEncoder().encode(secret), {
    publicKey: vectorCertificate("rsa2048").publicKey,
    label,
    sessionKey: random(32),
  });
  return { ...sealedObject({}), spec: { data: Buffer.from(data).toString("base64") } };
}

describe("S2: rotate", () => {
  const template = {
    metadata: {
      labels: { app: "x" },
      annotations: { note: "y", "sealedsecrets.bitnami.com/cluster-wide": "true" },
    },
    type: "example.com/x",
    immutable: true,
    data: { url: "postgres://{{ .foo }}@h", broken: '{{ fail "never run" }}' },
  };
  const render = (_: string, text: string) => text;

  test("seals for the newest key, and leaves template, labels and annotations as they are", async () => {
    const { ask } = await serve();
    const object = sealedObject({ foo: "bar", n: "42" }, { template, annotations: { wave: "3" } });
    object["metadata"].managedFields = [{}];
    const { status, body, headers } = await ask("/v1/rotate", post(object));
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/json");
    const rotated = JSON.parse(body) as KubeObject;
    expect(rotated["metadata"]).toEqual({ name: "db", namespace: "prod", annotations: { wave: "3" } });
    expect(rotated["spec"].template).toEqual(template);
    const { secret, openers } = unsealSecret(readSealedSecret(rotated), { keys, render, acceptV1: false });
    expect(new TextDecoder().decode(secret.data.get("foo"))).toBe("bar");
    expect([...openers.values()].every((key) => key === newest)).toBe(true);
  });

  test("never widens the scope: what the template claims counts for nothing", async () => {
    const { ask } = await serve();
    const { body } = await ask("/v1/rotate", post(sealedObject({ foo: "bar" }, { template })));
    const rotated = readSealedSecret(JSON.parse(body));
    const moved = { ...rotated, metadata: { ...rotated.metadata, name: "other" } };
    expect(await opens(rotated, open)).toBe(true);
    expect(await opens(moved, open)).toBe(false);
  });

  test("gives an object from before 0.7 a value for each item", async () => {
    const { ask } = await serve();
    const { body } = await ask("/v1/rotate", post(v1Object("prod/db")));
    expect(Object.keys((JSON.parse(body) as KubeObject)["spec"].encryptedData)).toEqual(["password"]);
    expect(await opens(readSealedSecret(JSON.parse(body)), open)).toBe(true);
  });
});

test("without the switch the two endpoints are not there, and say what switches them on", async () => {
  const { ask } = await serve({ kubesealEndpoints: false });
  const { status, body } = await ask("/v1/verify", post(sealedObject({ foo: "bar" })));
  expect({ status, body }).toEqual({
    status: 404,
    body: "/v1/verify is switched off; the controller's --kubeseal-endpoints switches it on\n",
  });
});

test("a controller that is not ready says why, and has no certificate to seal for; it is alive all the same", async () => {
  const why = "the new sealing key has no backup yet";
  const { ask } = await serve({ notReady: () => why, certificate: () => ({ missing: why }) });
  expect(await ask("/readyz")).toMatchObject({ status: 503, body: `${why}\n` });
  expect(await ask("/v1/cert.pem")).toMatchObject({ status: 503, body: `${why}\n` });
  expect(await ask("/healthz")).toMatchObject({ status: 200 });
});

test("an error that nobody expected is told to the log, and not to the caller", async () => {
  const errors: unknown[] = [];
  const error = new Error("a detail of the inside");
  const server = await serveHttp({
    listen: { host: "127.0.0.1", port: 0 },
    readTimeout: 1000,
    writeTimeout: 1000,
    countedPaths,
    answer: () => Promise.reject(error),
    onError: (found) => errors.push(found),
  });
  servers.push(server);
  const response = await fetch(`http://127.0.0.1:${server.port}/healthz`);
  expect({ status: response.status, body: await response.text() }).toEqual({ status: 500, body: "" });
  expect(errors).toEqual([error]);
});

test("closing waits for the answers that began", async () => {
  let finish = () => {};
  const began = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const server = await serveHttp({
    listen: { host: "127.0.0.1", port: 0 },
    readTimeout: 1000,
    writeTimeout: 5000,
    countedPaths,
    answer: async () => {
      await began;
      return { status: 200, headers: {}, body: "late" };
    },
  });
  const answer = fetch(`http://127.0.0.1:${server.port}/`).then((response) => response.text());
  await new Promise((resolve) => setTimeout(resolve, 50));
  const closing = server.close();
  finish();
  expect(await answer).toBe("late");
  await closing;
});
