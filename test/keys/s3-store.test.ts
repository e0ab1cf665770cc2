import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { trustOf } from "../../src/config/trust.ts";
import { noTrust } from "../../src/core/trust.ts";
import { s3Address } from "../../src/keys/s3-address.ts";
import { signS3 } from "../../src/keys/s3-signature.ts";
import { openS3Store } from "../../src/keys/s3-store.ts";
import { makeCertificate } from "../support/kms/certificate.ts";
import { type LoopbackAnswer, type LoopbackRequest, serveLoopback } from "../support/kms/loopback-server.ts";
import { type Moto, motoServer, startMoto } from "../support/kms/moto.ts";
import { checkRights, makeBucket, type S3User } from "../support/kms/moto-s3.ts";
import { createTestHost } from "../support/test-host.ts";

const credentials = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "s" };

// From the documentation of S3: "Signature Calculations for the Authorization Header", GET Bucket Lifecycle and GET Bucket.
test.for([
  [
    "GET",
    "https://examplebucket.s3.amazonaws.com/?lifecycle=",
    {},
    "",
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  ],
  [
    "GET",
    "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
    {},
    "",
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  ],
] as const)(
  "%s %s is signed as the documentation of S3 says",
  async ([method, url, headers, body, signature]) => {
    const signed = await signS3(
      { method, url, headers, body, now: Date.UTC(2013, 4, 24) },
      {
        region: "us-east-1",
        credentials: {
          accessKeyId: "AKIAIOSFODNN7EXAMPLE",
          secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        },
      },
    );

    expect(signed.headers["authorization"]).toMatch(new RegExp(`Signature=${signature}$`));
    expect(signed.headers["x-amz-content-sha256"]).toBe(createHash("sha256").update(body).digest("hex"));
  },
);

test.for([
  [
    "Amazon's, by the server's name",
    { url: "s3://keys/prod" },
    {},
    "https://keys.s3.us-east-1.amazonaws.com",
    "prod/",
  ],
  [
    "a region of the environment",
    { url: "s3://keys" },
    { AWS_REGION: "eu-west-1" },
    "https://keys.s3.eu-west-1.amazonaws.com",
    "",
  ],
  [
    "China",
    { url: "s3://keys", region: "cn-north-1" },
    {},
    "https://keys.s3.cn-north-1.amazonaws.com.cn",
    "",
  ],
  [
    "a bucket with dots, by the path",
    { url: "s3://a.b.c/x/y/" },
    {},
    "https://s3.us-east-1.amazonaws.com/a.b.c",
    "x/y/",
  ],
  [
    "another store, by the path",
    { url: "s3://keys", endpoint: "https://minio.test:9000" },
    {},
    "https://minio.test:9000/keys",
    "",
  ],
  [
    "another store, by the server's name",
    { url: "s3://keys", endpoint: "https://store.test/base/", addressing: "virtual-host" },
    {},
    "https://keys.store.test/base",
    "",
  ],
  [
    "the store of the environment",
    { url: "s3://keys" },
    { AWS_ENDPOINT_URL: "https://other.test", AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9000" },
    "http://127.0.0.1:9000/keys",
    "",
  ],
] as const)("the address of a bucket: %s", ([, options, env, bucketUrl, prefix]) => {
  expect(s3Address(options, env, noTrust)).toMatchObject({ bucketUrl, prefix });
});

test("plain http to another machine is for stores that the user allows, and no other", () => {
  const endpoint = "http://minio.test:9000";
  const trust = trustOf({ KSEAL_S3_PLAIN_HTTP: `https://a.test, ${endpoint}/` }, undefined);
  expect(s3Address({ url: "s3://keys", endpoint }, {}, trust).bucketUrl).toBe(`${endpoint}/keys`);
  expect(s3Address({ url: "s3://keys" }, { AWS_ENDPOINT_URL_S3: endpoint }, trust).bucketUrl).toBe(
    `${endpoint}/keys`,
  );
  const refused = { message: expect.stringContaining("not an https address"), code: "KEY_SOURCE_FAILED" };
  for (const other of ["http://minio.test", "http://evil.test:9000"]) {
    expect(() => s3Address({ url: "s3://keys", endpoint: other }, {}, trust)).toThrow(
      expect.objectContaining({
        ...refused,
        hint: `write it as https://HOST:PORT; or allow this store: export KSEAL_S3_PLAIN_HTTP=${other}`,
      }),
    );
    expect(() => s3Address({ url: "s3://keys" }, { AWS_ENDPOINT_URL_S3: other }, trust)).toThrow(
      expect.objectContaining(refused),
    );
  }
});

test.for([
  ["https://keys", {}, '"https://keys" is no address of a bucket'],
  ["s3://Keys", {}, '"s3://Keys" is no address of a bucket'],
  ["s3://keys/../x", {}, '"s3://keys/../x" is no address of a bucket'],
  ["s3://keys/a b", {}, '"s3://keys/a b" is no address of a bucket'],
  [
    "s3://keys",
    { endpoint: "http://minio.test:9000" },
    "the address of the store is not an https address, and not on this machine",
  ],
  [
    "s3://keys",
    { endpoint: "https://user@minio.test" },
    "the address of the store is not an https address, and not on this machine",
  ],
  ["s3://keys", { region: "a/b" }, '"a/b" is no region'],
] as const)("what is no address of a bucket is refused: %s %o", ([url, more, message]) => {
  expect(() => s3Address({ url, ...more }, {}, noTrust)).toThrow(message);
});

async function storeThat(
  answer: (request: LoopbackRequest) => LoopbackAnswer | "hang" | "reset",
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly tls?: { cert: string; key: string };
  } = {},
) {
  const server = await serveLoopback(answer, { tls: options.tls });
  onTestFinished(() => server.close());
  const host = await createTestHost({ env: { ...credentials, ...options.env } });
  const store = openS3Store({ url: "s3://keys/a", endpoint: server.url }, { host, trust: noTrust });
  return { server, store, host };
}

const failed = (status: number, code: string, message = "x"): LoopbackAnswer => ({
  status,
  headers: { "content-type": "application/xml" },
  body: `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

test.for([
  [failed(403, "AccessDenied"), "these credentials may not use s3:GetObject on keys"],
  [failed(403, "RequestTimeTooSkewed"), "the clock of this machine is wrong"],
  [failed(301, "PermanentRedirect"), "the bucket keys is not in the region us-east-1"],
  [failed(400, "ExpiredToken"), "the AWS credentials have expired"],
  [failed(501, "NotImplemented"), "the store does not know conditional writes (If-None-Match)"],
  [failed(400, "InvalidRequest", "Missing\nheader"), "127.0.0.1:PORT: InvalidRequest: Missing"],
  [{ status: 404, body: "<html>" }, "127.0.0.1:PORT: the answer is not one of AWS"],
  [
    { status: 302, body: "<html>", headers: { location: "https://login.test" } },
    "127.0.0.1:PORT: the answer is not one of AWS",
  ],
] as const)("%o is said as: %s", async ([answer, message]) => {
  const { server, store } = await storeThat(() => answer);

  const error = await store.get("x").catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({
    code: "KEY_SOURCE_FAILED",
    message: message.replace("PORT", new URL(server.url).port),
  });
});

test("a store that is busy for a moment is asked again", async () => {
  let asked = 0;
  const { store } = await storeThat(() =>
    ++asked < 3 ? failed(503, "SlowDown") : { status: 200, body: "a: 1" },
  );

  expect(new TextDecoder().decode(await store.get("x"))).toBe("a: 1");
  expect(asked).toBe(3);
});

test("a list of many pages is followed to its end, and names are decoded", async () => {
  const { server, store } = await storeThat(({ path }) => {
    const next = new URL(path, "http://x").searchParams.get("continuation-token");
    const page =
      next === null
        ? "<Key>a/one</Key><NextContinuationToken>t+/=&amp;</NextContinuationToken>"
        : "<Key>a/t%C3%A4%20x</Key><Key>a/</Key>";
    return { status: 200, body: `<ListBucketResult>${page}</ListBucketResult>` };
  });

  expect(await store.list()).toEqual(["one", "tä x"]);
  expect(
    server.requests.map(({ path }) => new URL(path, "http://x").searchParams.get("continuation-token")),
  ).toEqual([null, "t+/=&"]);
});

test("a store with an authority of its own is trusted when AWS_CA_BUNDLE says so", async () => {
  const { cert, key } = makeCertificate();
  const { store, host } = await storeThat(() => ({ status: 200, body: "a: 1" }), { tls: { cert, key } });
  const error = await store.get("x").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    message: expect.stringContaining("its certificate is not accepted"),
    hint: "export AWS_CA_BUNDLE=ca.pem, with the authority that signed it",
  });
  await host.createFile("ca.pem", new TextEncoder().encode(cert));
  const trusting = await storeThat(() => ({ status: 200, body: "a: 1" }), {
    tls: { cert, key },
    env: { AWS_CA_BUNDLE: host.resolve("ca.pem") },
  });

  expect(new TextDecoder().decode(await trusting.store.get("x"))).toBe("a: 1");
});

describe.skipIf(!motoServer)("against moto, which checks signatures", () => {
  let moto: Moto;
  let user: S3User;
  beforeAll(async () => {
    moto = await startMoto();
    user = await makeBucket(moto, "keys", ["s3:PutObject", "s3:GetObject", "s3:ListBucket"]);
    await checkRights(moto, true);
  });
  afterAll(() => moto?.close());

  test("nothing is replaced, and what is not there is not there", async () => {
    const host = await createTestHost({ env: user });
    const store = openS3Store({ url: "s3://keys/a=b/c+d", endpoint: moto.url }, { host, trust: noTrust });

    expect(await store.get("x.yaml")).toBe(undefined);
    expect(await store.put("x.yaml", "a: ü")).toBe(true);
    expect(await store.put("x.yaml", "b: 2")).toBe(false);
    expect(new TextDecoder().decode(await store.get("x.yaml"))).toBe("a: ü");
    expect(await store.list()).toEqual(["x.yaml"]);
    expect(
      await openS3Store({ url: "s3://keys", endpoint: moto.url }, { host, trust: noTrust }).list(),
    ).toEqual([]);
  });

  test("the credentials of a web identity", async () => {
    await checkRights(moto, false);
    const host = await createTestHost({
      env: { AWS_WEB_IDENTITY_TOKEN_FILE: "token", AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/backup" },
      files: { token: "eyJ.a.b" },
    });
    vi.stubEnv("AWS_ENDPOINT_URL_STS", moto.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    const env = { ...host.env, AWS_WEB_IDENTITY_TOKEN_FILE: host.resolve("token") };
    const store = openS3Store(
      { url: "s3://keys/w", endpoint: moto.url },
      { host: { ...host, env }, trust: noTrust },
    );

    expect(await store.put("x", "1")).toBe(true);
  });
});
