import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import { createAwsKmsProvider } from "../../src/keys/aws-kms.ts";
import type { KeyFailureKind } from "../../src/keys/key-failure.ts";
import { KeyFailure } from "../../src/keys/key-failure.ts";
import type { KeyContext } from "../../src/keys/provider.ts";
import { keyContext } from "../support/key-context.ts";
import {
  type AwsKmsServer,
  accessKeyOf,
  badAccessKeys,
  startAwsKms,
  targetOfAlias,
} from "../support/kms/aws-kms.ts";
import { type Fault, type FaultOptions, startFaults } from "../support/kms/faults.ts";
import type { KeyState } from "../support/kms/key-states.ts";
import type { LoopbackServer } from "../support/kms/loopback-server.ts";
import { createTestHost } from "../support/test-host.ts";

const dataKey = new DataKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const arn = "arn:aws:kms:eu-west-1:111122223333:key/0d5d7d3c-7c4d-4c0b-9d3e-5b1d1a6f2f10";
const alias = "arn:aws:kms:eu-west-1:111122223333:alias/sops";
const key = { type: "kms", arn } as const;
const secret = "the-secret-access-key";
const provider = createAwsKmsProvider({ requestTimeout: 200 });

let kms: AwsKmsServer;
beforeEach(async () => {
  kms = await startAwsKms();
});
afterEach(() => kms.close());

async function contextFor(
  server: Pick<LoopbackServer, "url">,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<ReturnType<typeof keyContext>> {
  const credentials = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: secret };
  const own = { AWS_ENDPOINT_URL_KMS: server.url, AWS_EC2_METADATA_DISABLED: "true" };
  return keyContext(await createTestHost({ env: { ...credentials, ...own, ...env } }));
}

async function faulty(fault: Fault, options: FaultOptions = {}): Promise<LoopbackServer> {
  const server = await startFaults(fault, options);
  onTestFinished(() => server.close());
  return server;
}

async function failureOf(work: Promise<unknown>): Promise<KeyFailure> {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(KeyFailure);
  const failure = error as KeyFailure;
  const text = `${failure.message} ${failure.hint}`;
  expect(text).not.toContain(secret);
  expect(text).not.toContain(Buffer.from(dataKey.reveal()).toString("base64"));
  expect(text).not.toMatch(/\p{Cc}/u);
  return failure;
}

describe("a data key", () => {
  test.for([
    ["a key", key],
    ["an alias", { ...key, arn: alias }],
    ["a key with an encryption context", { ...key, context: { Environment: "prod", Team: "database" } }],
  ] as const)("is wrapped and opened again with %s", async ([, used]) => {
    const context = await contextFor(kms);
    const enc = await provider.wrap(used, dataKey, context);
    const opened = await provider.unwrap({ key: used, enc }, context);

    expect(opened?.reveal()).toEqual(dataKey.reveal());
    expect(kms.operations()).toEqual(["Encrypt", "Decrypt"]);
    const [encrypt, decrypt] = kms.requests.map(({ body }) => JSON.parse(body));
    const EncryptionContext = "context" in used ? used.context : {};
    expect(encrypt).toEqual({ KeyId: used.arn, Plaintext: expect.anything(), EncryptionContext });
    expect(decrypt).toEqual({ KeyId: used.arn, CiphertextBlob: enc, EncryptionContext });
  });

  test("a share of 33 bytes is wrapped like a whole one", async () => {
    const share = new DataKey(new Uint8Array(33).fill(7));
    const context = await contextFor(kms);
    const enc = await provider.wrap(key, share, context);
    expect((await provider.unwrap({ key, enc }, context))?.reveal()).toEqual(share.reveal());
  });

  test("the request is signed for the region of the ARN, whatever AWS_REGION says", async () => {
    await provider.wrap(key, dataKey, await contextFor(kms, { AWS_REGION: "us-east-1" }));
    expect(kms.requests[0]?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d+\/eu-west-1\/kms\//,
    );
  });

  test("a session token goes along with its access key", async () => {
    await provider.wrap(key, dataKey, await contextFor(kms, { AWS_SESSION_TOKEN: "token" }));
    expect(kms.requests[0]?.headers["x-amz-security-token"]).toBe("token");
    expect(accessKeyOf(kms.requests[0]!)).toBe("AKIATEST");
  });
});

describe("a refusal of KMS is told in one line, with what to do next, after one request", () => {
  const resource = targetOfAlias(arn);
  test.for<[KeyState, KeyFailureKind, string, string]>([
    [
      "denied",
      "denied",
      "User: arn:aws:iam::123456789012:user/test is not authorized to perform: kms:Encrypt because no identity-based policy allows the kms:Encrypt action",
      "aws sts get-caller-identity shows who you are to AWS; that user or role needs kms:Encrypt",
    ],
    [
      "missing",
      "missing",
      "there is no such key in eu-west-1",
      `aws kms describe-key --region eu-west-1 --key-id ${arn}`,
    ],
    [
      "disabled",
      "disabled",
      "the key is disabled",
      `aws kms enable-key --region eu-west-1 --key-id ${resource}`,
    ],
    [
      "pending",
      "disabled",
      "the key is pending deletion",
      `aws kms cancel-key-deletion --region eu-west-1 --key-id ${resource}`,
    ],
  ])("a key that is %s", async ([state, kind, message, hint]) => {
    kms.setKey(arn, state);
    const failure = await failureOf(provider.wrap(key, dataKey, await contextFor(kms)));
    expect(failure).toMatchObject({ code: "KEY_SOURCE_FAILED", kind, message, hint });
    expect(kms.requests).toHaveLength(1);
  });

  test("an alias that does not exist", async () => {
    kms.setKey(alias, "missing");
    expect(
      await failureOf(provider.wrap({ ...key, arn: alias }, dataKey, await contextFor(kms))),
    ).toMatchObject({
      kind: "missing",
      message: "there is no such alias in eu-west-1",
      hint: `aws kms describe-key --region eu-west-1 --key-id ${alias}`,
    });
  });

  test("what can only be done to the key behind an alias names that key", async () => {
    kms.setKey(targetOfAlias(alias), "disabled");
    const { hint } = await failureOf(provider.wrap({ ...key, arn: alias }, dataKey, await contextFor(kms)));
    expect(hint).toBe(`aws kms enable-key --region eu-west-1 --key-id ${targetOfAlias(alias)}`);
  });

  test.for<[keyof typeof badAccessKeys, string, string]>([
    [
      "unknown",
      "AWS does not know the access key, or not with this session token",
      "aws sts get-caller-identity tries the same credentials",
    ],
    ["expired", "the AWS credentials have expired", "aws sso login, or get new ones"],
    [
      "wrongSecret",
      "the secret access key does not belong to the access key",
      "aws sts get-caller-identity tries the same credentials",
    ],
  ])("credentials: %s", async ([name, message, hint]) => {
    const context = await contextFor(kms, { AWS_ACCESS_KEY_ID: badAccessKeys[name] });
    const failure = await failureOf(provider.wrap(key, dataKey, context));
    expect(failure).toMatchObject({ kind: "credentials", message, hint });
    expect(kms.requests).toHaveLength(1);
  });

  test("a wrapped key that is of another key, of another context, changed, or no base64", async () => {
    const context = await contextFor(kms);
    const enc = await provider.wrap(key, dataKey, context);
    const other = arn.replace(/0$/, "1");
    const messages = await Promise.all(
      [
        { key: { ...key, arn: other }, enc },
        { key: { ...key, context: { Environment: "prod" } }, enc },
        { key, enc: `${enc.slice(0, -8)}AAAAAAA=` },
        { key, enc: enc.slice(0, 40) },
        { key, enc: "not base64!" },
      ].map(async (wrapped) => {
        const { kind, message, hint } = await failureOf(provider.unwrap(wrapped, context));
        expect(kind).toBe("mismatch");
        return [message, hint];
      }),
    );
    const history = "git log -p FILE shows what was changed in the sops block";
    expect(messages).toEqual([
      [
        "the data key was wrapped with another KMS key",
        `aws kms describe-key --region eu-west-1 --key-id ${other}`,
      ],
      ["the wrapped key was changed, or its encryption context (Environment) was", history],
      ["the wrapped key was changed, or its encryption context was", history],
      ["the wrapped key was changed, or its encryption context was", history],
      ["the wrapped key is not base64 text", history],
    ]);
  });

  test("a refusal that kseal does not know is told in the words of AWS", async () => {
    const answer = {
      status: 400,
      headers: { "content-type": "application/x-amz-json-1.1" },
      body: { __type: "ValidationException", message: "Value at 'x' failed\nto satisfy" },
    };
    const server = await faulty("error", { answer });
    const failure = await failureOf(provider.wrap(key, dataKey, await contextFor(server)));
    expect(failure).toMatchObject({
      kind: "unsupported",
      message: `${hostOf(server)}: ValidationException: Value at 'x' failed`,
    });
  });
});

describe("a server that does not serve", () => {
  test.for<[Fault, KeyFailureKind, string, number]>([
    ["hang", "unreachable", "no answer within 0.2 s", 3],
    ["reset", "unreachable", "the connection was reset", 3],
    ["error", "unreachable", "the service failed with status 500", 3],
    ["throttle", "throttled", "too many requests", 3],
    ["garbage", "unreachable", "the answer is not one of AWS", 1],
  ])("%s: %s, %s, after %i requests", async ([fault, kind, words, requests]) => {
    const server = await faulty(fault);
    const failure = await failureOf(provider.wrap(key, dataKey, await contextFor(server)));
    expect(failure).toMatchObject({ kind, message: `${hostOf(server)}: ${words}` });
    expect(server.requests).toHaveLength(requests);
  });

  test.for<Fault>(["reset", "error", "throttle"])("%s: two times, and then it serves", async (fault) => {
    const server = await faulty(fault, { times: 2, target: kms.url });
    const enc = await provider.wrap(key, dataKey, await contextFor(server));
    expect((await provider.unwrap({ key, enc }, await contextFor(kms)))?.reveal()).toEqual(dataKey.reveal());
    expect(server.requests).toHaveLength(3);
  });

  test("throttled in the words of KMS", async () => {
    kms.setKey(arn, "throttled");
    const failure = await failureOf(provider.wrap(key, dataKey, await contextFor(kms)));
    expect(failure).toMatchObject({
      kind: "throttled",
      message: `${hostOf(kms)}: too many requests`,
      hint: "wait a minute, or ask AWS for a higher quota of cryptographic operations",
    });
    expect(kms.requests).toHaveLength(3);
  });

  test("an answer without what was asked for", async () => {
    const server = await faulty("error", { answer: { status: 200, body: {} } });
    const failure = await failureOf(provider.unwrap({ key, enc: "AAAA" }, await contextFor(server)));
    expect(failure.message).toBe(`${hostOf(server)}: the answer is not one of AWS`);
  });

  test("nothing listens, or there is no such host", async () => {
    const closed = await faulty("hang");
    await closed.close();
    const refused = await failureOf(provider.wrap(key, dataKey, await contextFor(closed)));
    expect(refused).toMatchObject({
      kind: "unreachable",
      message: `${hostOf(closed)}: the connection was refused`,
      hint: `curl -v ${closed.url}`,
    });
    const nowhere = await contextFor({ url: "https://kms.example.invalid" });
    expect((await failureOf(provider.wrap(key, dataKey, nowhere))).message).toMatch(
      /^kms\.example\.invalid: (there is no such host|the name server does not answer)$/,
    );
  });

  test("who interrupts does not wait for it", async () => {
    const server = await faulty("hang");
    const stop = new AbortController();
    const context: KeyContext = { ...(await contextFor(server)), signal: stop.signal };
    const slow = createAwsKmsProvider({ requestTimeout: 60_000 });
    const work = slow.wrap(key, dataKey, context).catch((thrown: unknown) => thrown);
    await expect.poll(() => server.requests.length).toBe(1);
    stop.abort();
    expect(await work).toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("nothing is sent", () => {
  test.for([
    "0d5d7d3c-7c4d-4c0b-9d3e-5b1d1a6f2f10",
    "arn:aws:kms:eu-west-1:111122223333:0d5d7d3c",
    // It would make the host kms.evil.example, which would be sent the data key.
    "arn:aws:kms:evil.example/#:111122223333:key/1",
    "arn:aws:kms::111122223333:key/1",
    "arn:aws:s3:eu-west-1:111122223333:key/1",
  ])("to the region of what is no ARN of a key: %s", async (text) => {
    const failure = await failureOf(provider.wrap({ ...key, arn: text }, dataKey, await contextFor(kms)));
    expect(failure).toMatchObject({
      kind: "unsupported",
      message: "this is not the ARN of a KMS key or alias",
      hint: "write it as arn:aws:kms:REGION:ACCOUNT:key/ID or arn:aws:kms:REGION:ACCOUNT:alias/NAME",
    });
    expect(kms.requests).toHaveLength(0);
  });

  test("over plain http to another machine", async () => {
    const failure = await failureOf(
      provider.wrap(key, dataKey, await contextFor({ url: "http://kms.example.com" })),
    );
    expect(failure).toMatchObject({
      kind: "untrusted",
      message: "AWS_ENDPOINT_URL_KMS is not an https address, and not on this machine",
      hint: "export AWS_ENDPOINT_URL_KMS=https://...",
    });
  });
});

test("a hundred keys share one client, with 16 requests in flight at most", async () => {
  let waiting = 0;
  const gate = Promise.withResolvers<void>();
  const busy = await startAwsKms({
    // Held until no more are coming than are allowed at once.
    hold: async () => {
      if (++waiting === 16) gate.resolve();
      await gate.promise;
    },
  });
  onTestFinished(() => busy.close());
  const context = await contextFor(busy);
  const keys = Array.from({ length: 100 }, (_, i) => ({ ...key, arn: arn.replace(/10$/, String(100 + i)) }));
  const patient = createAwsKmsProvider({ requestTimeout: 10_000 });
  await Promise.all(keys.map((one) => patient.wrap(one, dataKey, context)));

  expect(busy.requests).toHaveLength(100);
  expect(busy.mostInFlight).toBe(16);
  expect(busy.connections).toBeLessThanOrEqual(16);
});

describe("D42: what sops wrapped before 3.3.0 with several context values", () => {
  const damaged = { ...key, context: { Environment: "prod", Team: "database" } };
  // It gave KMS one of the values under all names.
  const asWrapped = { ...key, context: { Environment: "database", Team: "database" } };

  test("opens, with a warning that names the repair, and nothing is written", async () => {
    const context = await contextFor(kms);
    const enc = await provider.wrap(asWrapped, dataKey, context);
    expect((await provider.unwrap({ key: damaged, enc }, context))?.reveal()).toEqual(dataKey.reveal());
    expect(context.said).toEqual([
      `warning: the data key is wrapped for ${arn} with a wrong encryption context, as sops did before 3.3.0; repair it with: kseal rotate -i FILE`,
    ]);
    expect(kms.operations()).not.toContain("ReEncrypt");
    expect(kms.operations().slice(1)).toEqual(["Decrypt", "Decrypt", "Decrypt"]);
  });

  test("a wrong context of another kind is refused as ever", async () => {
    const context = await contextFor(kms);
    const enc = await provider.wrap(
      { ...key, context: { Environment: "test", Team: "web" } },
      dataKey,
      context,
    );
    const { message } = await failureOf(provider.unwrap({ key: damaged, enc }, context));
    expect(message).toBe("the wrapped key was changed, or its encryption context (Environment, Team) was");
    expect(context.said).toEqual([]);
  });

  test("a single value is not tried twice", async () => {
    const context = await contextFor(kms);
    const one = { ...key, context: { Environment: "prod" } };
    const enc = await provider.wrap(key, dataKey, context);
    await failureOf(provider.unwrap({ key: one, enc }, context));
    expect(kms.operations()).toEqual(["Encrypt", "Decrypt"]);
  });
});

function hostOf({ url }: Pick<LoopbackServer, "url">): string {
  return new URL(url).host;
}
