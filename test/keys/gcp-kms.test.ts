import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import { createGcpKms } from "../../src/keys/gcp-kms.ts";
import { KeyFailure } from "../../src/keys/key-failure.ts";
import { keyContext } from "../support/key-context.ts";
import { makeCertificate, type TestCertificate } from "../support/kms/certificate.ts";
import { type Fault, type FaultOptions, startFaults } from "../support/kms/faults.ts";
import { badTokens, type GcpKmsServer, startGcpKms } from "../support/kms/gcp-kms.ts";
import type { GcpKmsGrpcServer } from "../support/kms/gcp-kms-grpc.ts";
import { serveLoopback } from "../support/kms/loopback-server.ts";
import { createTestHost } from "../support/test-host.ts";

const resourceId = "projects/team/locations/europe-west3/keyRings/sops/cryptoKeys/prod";
const key = { type: "gcp_kms", resourceId } as const;
const dataKey = new DataKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const token = "ya29.a-token-of-the-tests";
const arguments_ = "--keyring sops --location europe-west3 --project team";

const provider = createGcpKms();
let certificate: TestCertificate;
let rest: GcpKmsServer;
let grpc: GcpKmsGrpcServer;

beforeAll(async () => {
  certificate = makeCertificate();
  // The library for gRPC reads it when it is loaded.
  process.env["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = certificate.file;
  rest = await startGcpKms();
  const { startGcpKmsGrpc } = await import("../support/kms/gcp-kms-grpc.ts");
  grpc = await startGcpKmsGrpc(certificate);
});
afterAll(async () => {
  await rest.close();
  await grpc.close();
  certificate.remove();
});
beforeEach(() => {
  // Nothing of this machine may be found: no file, no metadata server, no proxy.
  for (const name of Object.keys(process.env)) {
    if (/^(GOOGLE_|CLOUDSDK_|GCLOUD_|SOPS_|https?_proxy$|no_proxy$)/i.test(name)) vi.stubEnv(name, undefined);
  }
  vi.stubEnv("METADATA_SERVER_DETECTION", "none");
  vi.stubEnv("HOME", "/nonexistent");
});

async function contextWith(env: Readonly<Record<string, string | undefined>>) {
  return keyContext(await createTestHost({ env }));
}

const overRest = (url: string) => ({ SOPS_GCP_KMS_ENDPOINT: url, GOOGLE_OAUTH_ACCESS_TOKEN: token });
const overGrpc = (address: string) => ({ ...overRest(address), SOPS_GCP_KMS_CLIENT_TYPE: "grpc" });

/** What a refused attempt says; fails when it was none. */
async function refusalOf(work: Promise<unknown>): Promise<Pick<KeyFailure, "kind" | "message" | "hint">> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KeyFailure)) throw error ?? new Error("it was not refused");
  expect(error.message + error.hint, "a token in a message").not.toContain(token);
  expect(error.cause, "the request holds the token and the data key").toBeUndefined();
  return { kind: error.kind, message: error.message, hint: error.hint };
}

describe.for(["rest", "grpc"] as const)("over %s", (protocol) => {
  const env = () => (protocol === "rest" ? overRest(rest.url) : overGrpc(grpc.address));
  const setKey: GcpKmsServer["setKey"] = (...state) => (protocol === "rest" ? rest : grpc).setKey(...state);
  const count = () => (protocol === "rest" ? rest.requests : grpc.calls).length;

  test("what is wrapped opens again, and is the base64 of what the service gave", async () => {
    const context = await contextWith(env());
    const enc = await provider.wrap(key, dataKey, context);
    const opened = await provider.unwrap({ key, enc }, context);

    expect(opened?.reveal()).toEqual(dataKey.reveal());
    expect(Buffer.from(enc, "base64").toString("base64")).toBe(enc);
  });

  test.for([
    [
      "denied",
      {
        kind: "denied",
        message:
          "Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource 'prod' (or it may not exist)",
        hint: `who owns the key can type: gcloud kms keys add-iam-policy-binding prod ${arguments_} --member user:YOU@example.com --role roles/cloudkms.cryptoKeyDecrypter`,
      },
    ],
    [
      "missing",
      { kind: "missing", message: "CryptoKey prod not found", hint: `gcloud kms keys list ${arguments_}` },
    ],
    [
      "disabled",
      {
        kind: "disabled",
        message: "prod/cryptoKeyVersions/1 is not enabled, current state is: DISABLED",
        hint: `gcloud kms keys versions enable 1 --key prod ${arguments_}`,
      },
    ],
    [
      "pending",
      {
        kind: "disabled",
        message: "prod/cryptoKeyVersions/1 is not enabled, current state is: DESTROY_SCHEDULED",
        hint: `gcloud kms keys versions restore 1 --key prod ${arguments_}`,
      },
    ],
  ] as const)(
    "a key that is %s is refused at once, in the words of the service",
    async ([state, refusal]) => {
      const context = await contextWith(env());
      const enc = await provider.wrap(key, dataKey, context);
      const before = count();
      setKey("prod", state, 1);

      expect(await refusalOf(provider.unwrap({ key, enc }, context))).toEqual(refusal);
      expect(count() - before).toBe(1);
    },
  );

  test("who may not encrypt is told the role for that", async () => {
    setKey("prod", "denied", 1);

    expect((await refusalOf(provider.wrap(key, dataKey, await contextWith(env())))).hint).toMatch(
      /--role roles\/cloudkms\.cryptoKeyEncrypter$/,
    );
  });

  test("the ciphertext of another key is a mismatch", async () => {
    const context = await contextWith(env());
    const other = { ...key, resourceId: `${resourceId}-2` };
    const enc = await provider.wrap(other, dataKey, context);

    expect(await refusalOf(provider.unwrap({ key, enc }, context))).toEqual({
      kind: "mismatch",
      message: "Decryption failed: verify that 'name' refers to the correct CryptoKey",
      hint: "take the key's entry of the sops block from Git: git log -p FILE",
    });
  });

  test("an expired token is a matter of credentials", async () => {
    const context = await contextWith({ ...env(), GOOGLE_OAUTH_ACCESS_TOKEN: badTokens.expired });

    expect(await refusalOf(provider.wrap(key, dataKey, context))).toEqual({
      kind: "credentials",
      message:
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project",
      hint: "export GOOGLE_OAUTH_ACCESS_TOKEN=$(gcloud auth print-access-token)",
    });
  });

  test("what is throttled is asked for again, three times at most", async () => {
    const context = await contextWith(env());
    setKey("prod", "throttled", 2);
    await provider.wrap(key, dataKey, context);
    const before = count();
    setKey("prod", "throttled", 3);

    expect(await refusalOf(provider.wrap(key, dataKey, context))).toEqual({
      kind: "throttled",
      message: expect.stringMatching(/^Quota exceeded for quota metric 'Cryptographic requests'/),
      hint: "try again in a minute, or raise the quota of project team: https://console.cloud.google.com/iam-admin/quotas",
    });
    expect(count() - before).toBe(3);
  });
});

describe("a server that", () => {
  const quick = createGcpKms({ timeout: 150 });
  const faulty = async (fault: Fault, options?: FaultOptions) => {
    const server = await startFaults(fault, options);
    onTestFinished(() => server.close());
    return { server, host: new URL(server.url).host };
  };

  test.for<[Fault, string, number]>([
    ["hang", "no answer within 0.15 s", 3],
    ["reset", "the connection was reset", 3],
    ["garbage", "the answer is not one of Google Cloud KMS", 1],
    ["error", "answers with HTTP status 500", 3],
  ])("has the fault %s is unreachable: %s", async ([fault, reason, attempts]) => {
    const { server, host } = await faulty(fault);
    const refusal = await refusalOf(quick.wrap(key, dataKey, await contextWith(overRest(server.url))));

    expect(refusal).toEqual({
      kind: "unreachable",
      message: fault === "error" ? `${host} ${reason}` : `${host}: ${reason}`,
      hint: "check SOPS_GCP_KMS_ENDPOINT",
    });
    expect(server.requests).toHaveLength(attempts);
  });

  test("does not answer over gRPC is unreachable", async () => {
    const { startGcpKmsGrpc } = await import("../support/kms/gcp-kms-grpc.ts");
    const server = await startGcpKmsGrpc(certificate, { hang: true });
    onTestFinished(() => server.close());

    expect(await refusalOf(quick.wrap(key, dataKey, await contextWith(overGrpc(server.address))))).toEqual({
      kind: "unreachable",
      message: `${server.address}: no answer within 0.15 s`,
      hint: "check SOPS_GCP_KMS_ENDPOINT",
    });
  });

  test("has a certificate of nobody's, over gRPC, is told how to be trusted", async () => {
    const { startGcpKmsGrpc } = await import("../support/kms/gcp-kms-grpc.ts");
    const other = makeCertificate();
    const server = await startGcpKmsGrpc(other);
    onTestFinished(async () => {
      await server.close();
      other.remove();
    });

    expect(await refusalOf(provider.wrap(key, dataKey, await contextWith(overGrpc(server.address))))).toEqual(
      {
        kind: "unreachable",
        message: expect.stringMatching(
          /^localhost:\d+: self-signed certificate; GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=ca\.pem adds the authority that signed it$/,
        ),
        hint: "check SOPS_GCP_KMS_ENDPOINT",
      },
    );
  });

  test("throttles without words is asked again when it said", async () => {
    const throttle = { status: 429, headers: { "retry-after": "0" }, body: "" };
    const { server, host } = await faulty("throttle", { answer: throttle, times: 2, target: rest.url });
    const context = await contextWith(overRest(server.url));

    expect(await provider.wrap(key, dataKey, context)).toMatch(/^[\w+/]+=*$/);
    expect(server.requests).toHaveLength(3);
    const { server: busy } = await faulty("throttle", { answer: throttle });
    const refusal = await refusalOf(provider.wrap(key, dataKey, await contextWith(overRest(busy.url))));
    expect(refusal).toMatchObject({
      kind: "throttled",
      message: expect.stringMatching(/answers with HTTP status 429$/),
    });
    expect(host).not.toBe(busy.url);
  });

  test("repeats the token in its refusal does not get it into the message", async () => {
    const answer = {
      status: 400,
      body: { error: { status: "OUT_OF_RANGE", message: `Bearer ${token} is\nodd` } },
    };
    const { server } = await faulty("error", { answer });
    const refusal = await refusalOf(provider.wrap(key, dataKey, await contextWith(overRest(server.url))));

    expect(refusal).toEqual({
      kind: "unreachable",
      message: "[redacted] is",
      hint: "check SOPS_GCP_KMS_ENDPOINT",
    });
  });

  test("redirects is not followed, for the token would go along", async () => {
    const answer = { status: 307, headers: { location: `${rest.url}/v1/${resourceId}:encrypt` }, body: "" };
    const { server } = await faulty("error", { answer });
    const before = rest.requests.length;
    const refusal = await refusalOf(provider.wrap(key, dataKey, await contextWith(overRest(server.url))));

    expect(refusal.kind).toBe("unreachable");
    expect(rest.requests.length).toBe(before);
  });

  test("is not there is unreachable, and is not asked again", async () => {
    const { server, host } = await faulty("error");
    await server.close();

    for (const env of [overRest(server.url), overGrpc(host)]) {
      expect(await refusalOf(provider.wrap(key, dataKey, await contextWith(env)))).toEqual({
        kind: "unreachable",
        message: `${host}: the connection was refused`,
        hint: "check SOPS_GCP_KMS_ENDPOINT",
      });
    }
  });

  test("hangs does not keep an interrupted run", async () => {
    const { server } = await faulty("hang");
    const controller = new AbortController();
    const context = { ...(await contextWith(overRest(server.url))), signal: controller.signal };
    const work = provider.wrap(key, dataKey, context);
    await vi.waitFor(() => expect(server.requests).toHaveLength(1));
    controller.abort();

    await expect(work).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("an endpoint", () => {
  test("that is plain http on another machine gets no byte", async () => {
    const context = await contextWith(overRest("http://kms.example.com"));

    expect(await refusalOf(provider.wrap(key, dataKey, context))).toEqual({
      kind: "untrusted",
      message: "SOPS_GCP_KMS_ENDPOINT is not https, which only this machine may do without",
      hint: "SOPS_GCP_KMS_ENDPOINT=https://HOST:PORT",
    });
  });

  test.for([
    [{ SOPS_GCP_KMS_ENDPOINT: "https://" }, "unreachable", "SOPS_GCP_KMS_ENDPOINT is no address"],
    [
      { SOPS_GCP_KMS_CLIENT_TYPE: "soap" },
      "unsupported",
      "SOPS_GCP_KMS_CLIENT_TYPE is neither grpc nor rest",
    ],
  ] as const)("or protocol that is none is refused: %o", async ([env, kind, message]) => {
    const context = await contextWith({ GOOGLE_OAUTH_ACCESS_TOKEN: token, ...env });

    expect(await refusalOf(provider.wrap(key, dataKey, context))).toMatchObject({ kind, message });
  });

  test("without a scheme is https, and one with a path keeps it", async () => {
    const { host } = new URL(rest.url);
    const plain = await refusalOf(provider.wrap(key, dataKey, await contextWith(overRest(host))));
    expect(plain).toMatchObject({ kind: "unreachable", message: expect.stringContaining(host) });

    const before = rest.requests.length;
    await refusalOf(provider.wrap(key, dataKey, await contextWith(overRest(`${rest.url}/gateway/`))));
    expect(rest.requests[before]?.path).toBe(`/gateway/v1/${resourceId}:encrypt`);
  });

  test("of another universe is where the user says it is", async () => {
    const env = { GOOGLE_OAUTH_ACCESS_TOKEN: token, SOPS_GCP_KMS_UNIVERSE_DOMAIN: "universe.invalid" };

    expect(await refusalOf(provider.wrap(key, dataKey, await contextWith(env)))).toEqual({
      kind: "unreachable",
      message: "cloudkms.universe.invalid: there is no such host",
      hint: "check SOPS_GCP_KMS_UNIVERSE_DOMAIN",
    });
  });
});

test.for([
  "projects/team/locations/global/keyRings/sops",
  `${resourceId}/cryptoKeyVersions/1`,
  "projects/../locations/global/keyRings/r/cryptoKeys/k",
  "projects/p/locations/l/keyRings/r/cryptoKeys/k?x=1",
  "projects/p/locations/l/keyRings/r/cryptoKeys/..",
])("%s is no key, and nothing is sent for it", async (name) => {
  const before = rest.requests.length;
  const context = await contextWith(overRest(rest.url));

  expect(await refusalOf(provider.wrap({ ...key, resourceId: name }, dataKey, context))).toMatchObject({
    kind: "missing",
    message: "this is not the name of a key in Google Cloud KMS",
  });
  expect(rest.requests.length).toBe(before);
});

test("a wrapped data key that was damaged is not sent; one with line breaks is read as sops reads it", async () => {
  const context = await contextWith(overRest(rest.url));
  const enc = await provider.wrap(key, dataKey, context);

  expect(
    (await provider.unwrap({ key, enc: `${enc.slice(0, 8)}\n${enc.slice(8)}\n` }, context))?.reveal(),
  ).toEqual(dataKey.reveal());
  expect(await refusalOf(provider.unwrap({ key, enc: `${enc}!` }, context))).toMatchObject({
    kind: "mismatch",
    message: "the wrapped data key is not base64",
  });
});

describe("credentials", () => {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const account = JSON.stringify({
    type: "service_account",
    project_id: "team",
    private_key_id: "1",
    private_key: privateKey,
    client_email: "ci@team.iam.gserviceaccount.com",
  });
  const endpoint = () => ({ SOPS_GCP_KMS_ENDPOINT: rest.url, METADATA_SERVER_DETECTION: "none" });
  const claims = () => {
    const [, payload = ""] = String(rest.requests.at(-1)?.headers.authorization).split(".");
    return JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  };
  const signed = {
    iss: "ci@team.iam.gserviceaccount.com",
    scope: "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/cloudkms",
  };

  test("in GOOGLE_CREDENTIALS, as JSON, sign the token themselves: no further request", async () => {
    const before = rest.requests.length;
    await provider.wrap(key, dataKey, await contextWith({ ...endpoint(), GOOGLE_CREDENTIALS: account }));

    expect(claims()).toMatchObject(signed);
    expect(rest.requests.length - before).toBe(1);
  });

  test("in GOOGLE_CREDENTIALS, as the path of a file, win over a token", async () => {
    const env = { ...overRest(rest.url), GOOGLE_CREDENTIALS: "key.json" };
    const host = await createTestHost({ env, files: { "key.json": account } });
    await provider.wrap(key, dataKey, keyContext(host));

    expect(claims()).toMatchObject(signed);
  });

  test.for(["GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"])("are found through %s", async (name) => {
    const host = await createTestHost({
      env: endpoint(),
      files: { "application_default_credentials.json": account },
    });
    const file = host.resolve("application_default_credentials.json");
    vi.stubEnv(name, name === "CLOUDSDK_CONFIG" ? host.cwd : file);
    await provider.wrap(key, dataKey, keyContext(host));

    expect(claims()).toMatchObject(signed);
  });

  test("of the machine come from its metadata server", async () => {
    const metadata = await serveLoopback(({ path }) => ({
      status: path.includes("/service-accounts/default/token") ? 200 : 404,
      headers: { "metadata-flavor": "Google" },
      body: { access_token: "of-the-machine", expires_in: 3599, token_type: "Bearer" },
    }));
    onTestFinished(() => metadata.close());
    const variables = {
      METADATA_SERVER_DETECTION: "ping-only",
      GCE_METADATA_HOST: new URL(metadata.url).host,
    };
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    await provider.wrap(key, dataKey, await contextWith({ ...endpoint(), ...variables }));

    expect(rest.requests.at(-1)?.headers.authorization).toBe("Bearer of-the-machine");
  });

  test("that are nowhere are asked for with the command that makes them", async () => {
    const context = await contextWith(endpoint());

    expect(await refusalOf(provider.wrap(key, dataKey, context))).toEqual({
      kind: "credentials",
      message: "there are no credentials for Google Cloud",
      hint: "gcloud auth application-default login",
    });
  });

  test.for([
    ["no.json", /^GOOGLE_CREDENTIALS cannot be used: .*no\.json.*/],
    ["{", /^GOOGLE_CREDENTIALS is no JSON$/],
    ["{}", /^GOOGLE_CREDENTIALS holds no credentials that Google knows$/],
    ['{"type": "service_account"}', /^GOOGLE_CREDENTIALS does not hold what credentials of its type need$/],
  ] as const)(
    "that cannot be read are refused without a word of what is in them: %s",
    async ([value, message]) => {
      const context = await contextWith({ ...endpoint(), GOOGLE_CREDENTIALS: value });

      expect(await refusalOf(provider.wrap(key, dataKey, context))).toEqual({
        kind: "credentials",
        message: expect.stringMatching(message),
        hint: "GOOGLE_CREDENTIALS=key.json, or gcloud auth application-default login without it",
      });
    },
  );

  describe("of another identity provider", () => {
    const federated = (tokenUrl: string) =>
      JSON.stringify({
        type: "external_account",
        audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/ci",
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        token_url: tokenUrl,
        credential_source: { file: "subject" },
      });

    test.for([
      [
        { status: 400, body: { error: "invalid_grant", error_description: "The ID Token is expired." } },
        "credentials",
        "GOOGLE_CREDENTIALS: The ID Token is expired",
      ],
      [{ status: 403, body: {} }, "credentials", "GOOGLE_CREDENTIALS: the token service refused them"],
    ] as const)("that are refused are a matter of credentials", async ([answer, kind, message]) => {
      const server = await startFaults("error", { answer });
      onTestFinished(() => server.close());
      const subject = await createTestHost({ files: { subject: "eyJhbGciOiJub25lIn0.e30." } });
      const content = federated(`${server.url}/v1/token`).replace(
        '"subject"',
        JSON.stringify(subject.resolve("subject")),
      );

      const refusal = await refusalOf(
        provider.wrap(key, dataKey, await contextWith({ ...endpoint(), GOOGLE_CREDENTIALS: content })),
      );
      expect(refusal).toEqual({
        kind,
        message,
        hint: "set GOOGLE_CREDENTIALS to a key file that is still good",
      });
    });

    test("that do not answer are named as what does not answer", async () => {
      const server = await startFaults("hang");
      onTestFinished(() => server.close());
      const subject = await createTestHost({ files: { subject: "eyJhbGciOiJub25lIn0.e30." } });
      const content = federated(`${server.url}/v1/token`).replace(
        '"subject"',
        JSON.stringify(subject.resolve("subject")),
      );
      const context = await contextWith({ ...endpoint(), GOOGLE_CREDENTIALS: content });

      expect(await refusalOf(createGcpKms({ timeout: 150 }).wrap(key, dataKey, context))).toEqual({
        kind: "unreachable",
        message: "GOOGLE_CREDENTIALS: no answer within 0.45 s",
        hint: undefined,
      });
    });
  });

  test("that failed once are looked for again, in a program that goes on", async () => {
    const env: Record<string, string | undefined> = { ...endpoint() };
    const context = await contextWith(env);
    await refusalOf(provider.wrap(key, dataKey, context));
    vi.stubEnv("CLOUDSDK_CONFIG", context.host.cwd);
    await context.host.createFile("application_default_credentials.json", Buffer.from(account));

    await expect(provider.wrap(key, dataKey, context)).resolves.toMatch(/=$/);
  });
});

test("many keys share one client, and 16 requests at most are on their way", async () => {
  const waiting = { release: (): void => {} };
  const full = new Promise<void>((resolve) => {
    waiting.release = resolve;
  });
  const server = await startGcpKms({
    hold: (inFlight) => {
      if (inFlight === 16) waiting.release();
      return full;
    },
  });
  onTestFinished(() => server.close());
  const context = await contextWith(overRest(server.url));
  await Promise.all(Array.from({ length: 60 }, () => provider.wrap(key, dataKey, context)));

  expect(server.mostInFlight).toBe(16);
  expect(server.requests).toHaveLength(60);
});
