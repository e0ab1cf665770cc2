import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import type { MasterKey } from "../../src/core/master-key.ts";
import type { Trust } from "../../src/core/trust.ts";
import { createAwsKmsProvider } from "../../src/keys/aws-kms.ts";
import { KeyFailure } from "../../src/keys/key-failure.ts";
import type { KeyContext } from "../../src/keys/provider.ts";
import { keyContext } from "../support/key-context.ts";
import {
  type AwsKmsServer,
  accessKeyOf,
  accessKeyOfRole,
  badAccessKeys,
  startAwsKms,
} from "../support/kms/aws-kms.ts";
import { makeCertificate } from "../support/kms/certificate.ts";
import { type Fault, startFaults } from "../support/kms/faults.ts";
import { serveLoopback } from "../support/kms/loopback-server.ts";
import { createTestHost, type TestHostOptions } from "../support/test-host.ts";

const dataKey = new DataKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const arn = "arn:aws:kms:eu-west-1:111122223333:key/0d5d7d3c-7c4d-4c0b-9d3e-5b1d1a6f2f10";
const role = "arn:aws:iam::111122223333:role/deploy/sops";
const key = { type: "kms", arn } as const;
const provider = createAwsKmsProvider({ requestTimeout: 200 });

let kms: AwsKmsServer;
beforeEach(async () => {
  kms = await startAwsKms();
  // What the SDK asks STS for on behalf of a profile or a web identity, it looks up in its own process.
  vi.stubEnv("AWS_ENDPOINT_URL_STS", kms.url);
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});
afterEach(() => kms.close());

interface Circumstances extends TestHostOptions {
  readonly trust?: Partial<Trust>;
  readonly listed?: readonly MasterKey[];
  readonly hostName?: string;
}

async function contextWith(given: Circumstances = {}): Promise<KeyContext> {
  const env = { AWS_ENDPOINT_URL: kms.url, AWS_EC2_METADATA_DISABLED: "true", ...given.env };
  const host = await createTestHost({ ...given, env });
  const named = { ...host, hostName: given.hostName ?? "laptop" };
  return { ...keyContext(named, given.trust), listed: async () => given.listed ?? [] };
}

const variables = { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "secret" };

/** Wraps a data key and says which access keys the requests were signed with. */
async function signersOf(
  used: Extract<MasterKey, { type: "kms" }>,
  context: KeyContext,
): Promise<readonly string[]> {
  await provider.wrap(used, dataKey, context);
  return kms.requests.map((request) => accessKeyOf(request) ?? "nobody");
}

async function failureOf(work: Promise<unknown>): Promise<KeyFailure> {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(KeyFailure);
  return error as KeyFailure;
}

describe("credentials come from", () => {
  const files = {
    credentials: "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n",
    config: [
      "[profile team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = s",
      `[profile lead]\nrole_arn = ${role}\nsource_profile = team`,
      `[profile program]\ncredential_process = echo '{"Version":1,"AccessKeyId":"AKIAPROGRAM","SecretAccessKey":"s"}'`,
      "[profile broken]\ncredential_process = false",
      "[profile region-only]\nregion = eu-west-1\n",
    ].join("\n"),
  };
  const onDisk = async (given: Circumstances = {}): Promise<KeyContext> => {
    const context = await contextWith(given);
    const { host } = context;
    await host.makeFolder(`${host.homeDir}/.aws`);
    for (const [name, text] of Object.entries(files)) {
      await host.createFile(`${host.homeDir}/.aws/${name}`, Buffer.from(text));
    }
    return context;
  };

  test.for<[string, Record<string, string>, readonly string[]]>([
    ["the variables", variables, ["AKIATEST"]],
    ["the default profile", {}, ["AKIADEFAULT"]],
    ["the profile of AWS_PROFILE", { AWS_PROFILE: "team" }, ["AKIATEAM"]],
    ["the variables also with AWS_PROFILE, as in sops", { ...variables, AWS_PROFILE: "team" }, ["AKIATEST"]],
    ["a program that a profile names", { AWS_PROFILE: "program" }, ["AKIAPROGRAM"]],
    ["the role of a profile", { AWS_PROFILE: "lead" }, ["AKIATEAM", accessKeyOfRole(role)]],
  ])("%s", async ([, env, signers]) => {
    expect(await signersOf(key, await onDisk({ env }))).toEqual(signers);
  });

  test("the profile that is named for the key, also when there are variables", async () => {
    const used = { ...key, awsProfile: "team" };
    expect(await signersOf(used, await onDisk({ env: variables, listed: [used] }))).toEqual(["AKIATEAM"]);
  });

  test("the files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name", async () => {
    const context = await contextWith({ files, env: { AWS_SHARED_CREDENTIALS_FILE: "/nonexistent" } });
    const { host } = context;
    const env = { ...host.env, AWS_CONFIG_FILE: host.resolve("config"), AWS_PROFILE: "team" };
    expect(await signersOf(key, { ...context, host: { ...host, env } })).toEqual(["AKIATEAM"]);
  });

  test("a web identity, before any profile", async () => {
    const context = await onDisk({ files: { token: "eyJ.a.b" } });
    const { host } = context;
    const own = { AWS_WEB_IDENTITY_TOKEN_FILE: host.resolve("token"), AWS_ROLE_ARN: role };
    const signers = await signersOf(key, { ...context, host: { ...host, env: { ...host.env, ...own } } });
    expect(signers).toEqual(["nobody", accessKeyOfRole(role)]);
    expect(kms.operations()).toEqual(["AssumeRoleWithWebIdentity", "Encrypt"]);
  });

  test("a container's endpoint, which is given its token", async () => {
    const body = {
      AccessKeyId: "ASIACONTAINER",
      SecretAccessKey: "s",
      Token: "t",
      Expiration: "2099-01-01T00:00:00Z",
    };
    const container = await serveLoopback(() => ({ status: 200, body }));
    onTestFinished(() => container.close());
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.url}/creds`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "container-token",
    };
    expect(await signersOf(key, await contextWith({ env }))).toEqual(["ASIACONTAINER"]);
    expect(container.requests[0]?.headers.authorization).toBe("container-token");
  });

  test("the machine's role", async () => {
    const machine = await serveLoopback(({ path }) => {
      if (path.endsWith("/api/token")) return { status: 200, body: "imds-token" };
      if (!path.endsWith("/node-role")) return { status: 200, body: "node-role" };
      const Expiration = "2099-01-01T00:00:00Z";
      return { status: 200, body: { AccessKeyId: "ASIANODE", SecretAccessKey: "s", Token: "t", Expiration } };
    });
    onTestFinished(() => machine.close());
    vi.stubEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.url);
    expect(await signersOf(key, await contextWith({ env: { AWS_EC2_METADATA_DISABLED: "false" } }))).toEqual([
      "ASIANODE",
    ]);
  });

  describe("nowhere", () => {
    test.for<[string, Record<string, string>, string, string | undefined]>([
      [
        "nothing is set",
        {},
        "no AWS credentials in AWS_ACCESS_KEY_ID, the profile default",
        "aws sso login, or export AWS_PROFILE=NAME",
      ],
      [
        "the profile is not there",
        { AWS_PROFILE: "tem" },
        "no AWS credentials in AWS_ACCESS_KEY_ID, the profile tem",
        "aws sso login, or export AWS_PROFILE=NAME",
      ],
      [
        "the token of the web identity is not there",
        { AWS_WEB_IDENTITY_TOKEN_FILE: "/nonexistent/token", AWS_ROLE_ARN: role },
        "AWS_WEB_IDENTITY_TOKEN_FILE cannot be read: ENOENT: no such file or directory, open '/nonexistent/token'",
        undefined,
      ],
    ])("%s", async ([, env, message, hint]) => {
      const failure = await failureOf(provider.wrap(key, dataKey, await contextWith({ env })));
      expect(failure).toMatchObject({ kind: "credentials", message, hint });
      expect(kms.requests).toHaveLength(0);
    });

    test("the profile that is named for the key: no other is taken", async () => {
      const used = { ...key, awsProfile: "tem" };
      const failure = await failureOf(provider.wrap(used, dataKey, await onDisk({ listed: [used] })));
      expect(failure).toMatchObject({
        kind: "credentials",
        message: 'no AWS credentials in the profile "tem"',
        hint: "aws configure list-profiles shows the profiles that are there",
      });
    });

    test("a profile's program fails: the machine's role is not taken instead", async () => {
      const context = await onDisk({ env: { AWS_PROFILE: "broken", AWS_EC2_METADATA_DISABLED: "false" } });
      const { kind, message } = await failureOf(provider.wrap(key, dataKey, context));
      expect(kind).toBe("credentials");
      expect(message).toBe("Command failed: false");
    });

    test("the machine has no role: the question takes no longer than two seconds", async () => {
      const machine = await startFaults("hang");
      onTestFinished(() => machine.close());
      vi.stubEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.url);
      const context = await contextWith({ env: { AWS_EC2_METADATA_DISABLED: "false" } });
      const started = performance.now();
      const { message } = await failureOf(provider.wrap(key, dataKey, context));
      expect(message).toBe(
        "no AWS credentials in AWS_ACCESS_KEY_ID, the profile default, the role of this machine",
      );
      expect(performance.now() - started).toBeLessThan(5000);
      // Nor is it asked again for another key.
      const asked = machine.requests.length;
      await failureOf(provider.wrap({ ...key, arn: arn.replace(/0$/, "1") }, dataKey, context));
      expect(machine.requests).toHaveLength(asked);
    });

    test("what is at hand is told without asking anybody", async () => {
      expect(await provider.holdings?.(await contextWith({ env: variables }))).toEqual([
        "you hold AWS credentials from AWS_ACCESS_KEY_ID",
      ]);
      expect(await provider.holdings?.(await contextWith({ env: { AWS_PROFILE: "team" } }))).toEqual([
        "AWS credentials are taken from the profile team",
      ]);
    });
  });
});

describe("a role", () => {
  const used = { ...key, role };
  const allowed = { env: variables, listed: [used] };

  test("is assumed, and the key is used with its credentials", async () => {
    expect(await signersOf(used, await contextWith(allowed))).toEqual(["AKIATEST", accessKeyOfRole(role)]);
    expect(kms.operations()).toEqual(["AssumeRole", "Encrypt"]);
    const asked = new URLSearchParams(kms.requests[0]?.body);
    expect(asked.get("RoleArn")).toBe(role);
    expect(asked.get("RoleSessionName")).toBe("sops@laptop");
    expect(kms.requests[0]?.headers.authorization).toContain("/eu-west-1/sts/");
    expect(kms.requests[1]?.headers["x-amz-security-token"]).toBe("t");
  });

  test.for([
    ["my-laptop.example.com", "sops@mylaptop.example.com"],
    ["Ann's Mac", "sops@AnnsMac"],
    ["x".repeat(80), `sops@${"x".repeat(59)}`],
  ] as const)("is used on %s in the session that sops would have", async ([hostName, session]) => {
    await provider.wrap(used, dataKey, await contextWith({ ...allowed, hostName }));
    expect(new URLSearchParams(kms.requests[0]?.body).get("RoleSessionName")).toBe(session);
  });

  test("is assumed once for all keys, in whatever region", async () => {
    const keys = Array.from({ length: 20 }, (_, i) => ({
      ...used,
      arn: `arn:aws:kms:${i % 2 === 0 ? "eu-west-1" : "us-east-1"}:111122223333:key/${i}`,
    }));
    const context = await contextWith({ env: variables, trust: { awsRoles: [role] } });
    await Promise.all(keys.map((one) => provider.wrap(one, dataKey, context)));
    expect(kms.operations().filter((name) => name === "AssumeRole")).toHaveLength(1);
    expect(kms.operations().filter((name) => name === "Encrypt")).toHaveLength(20);
  });

  test("is assumed again before its credentials expire", async () => {
    let now = Date.now();
    const context = await contextWith({ ...allowed, now: () => now });
    await provider.wrap(used, dataKey, context);
    now += 58 * 60_000;
    // The client of the same region keeps what it has as long as its own clock allows.
    await provider.wrap({ ...used, arn: arn.replace("eu-west-1", "us-east-1") }, dataKey, {
      ...context,
      trust: { ...context.trust!, awsRoles: [role] },
    });
    expect(kms.operations()).toEqual(["AssumeRole", "Encrypt", "AssumeRole", "Encrypt"]);
  });

  test("that is denied, is denied once for all keys", async () => {
    kms.setKey(role, "denied");
    const context = await contextWith({ env: variables, trust: { awsRoles: [role] } });
    const failure = await failureOf(provider.wrap(used, dataKey, context));
    expect(failure).toMatchObject({
      kind: "denied",
      message: `cannot assume the role: User: arn:aws:iam::123456789012:user/test is not authorized to perform: sts:AssumeRole on resource: ${role}`,
      hint: "aws sts get-caller-identity shows who you are to AWS; that user or role needs sts:AssumeRole",
    });
    await failureOf(provider.wrap({ ...used, arn: arn.replace(/0$/, "1") }, dataKey, context));
    expect(kms.operations()).toEqual(["AssumeRole"]);
  });

  test.for<[Fault, string, number]>([
    ["hang", "HOST: no answer within 0.2 s", 3],
    ["reset", "HOST: the connection was reset", 3],
    ["error", "HOST: the service failed with status 500", 3],
    ["throttle", "HOST: too many requests", 3],
    ["garbage", "the answer is not one of AWS", 1],
  ])("STS: %s, %s, after %i requests", async ([fault, words, requests]) => {
    const sts = await startFaults(fault);
    onTestFinished(() => sts.close());
    const context = await contextWith({ ...allowed, env: { ...variables, AWS_ENDPOINT_URL_STS: sts.url } });
    const { message } = await failureOf(provider.wrap(used, dataKey, context));
    expect(message).toBe(`cannot assume the role: ${words.replace("HOST", new URL(sts.url).host)}`);
    expect(sts.requests).toHaveLength(requests);
    expect(kms.requests).toHaveLength(0);
  });

  test("needs credentials that are good", async () => {
    const env = { ...variables, AWS_ACCESS_KEY_ID: badAccessKeys.expired };
    const { message } = await failureOf(provider.wrap(used, dataKey, await contextWith({ ...allowed, env })));
    expect(message).toBe("cannot assume the role: the AWS credentials have expired");
  });

  test("that is no ARN of one is refused", async () => {
    const { message } = await failureOf(
      provider.wrap({ ...key, role: "admin" }, dataKey, await contextWith({ env: variables })),
    );
    expect(message).toBe('"admin" is not the ARN of a role');
  });
});

describe("D43: a role or profile that only the file names is not used, and nothing is sent", () => {
  const asked = { ...key, role };
  const asProfile = { ...key, awsProfile: "admin" };
  const message = (what: string): string =>
    `the file wants the AWS ${what} to be used, which no creation rule names for this key`;

  test.for<[string, Extract<MasterKey, { type: "kms" }>, string, string]>([
    ["a role", asked, `role "${role}"`, `aws_roles: ["${role}"]`],
    ["a profile", asProfile, 'profile "admin"', 'aws_profiles: ["admin"]'],
    [
      "a profile whose name is made to deceive",
      { ...key, awsProfile: "a\u009b2K\n\u202eb" },
      'profile "a\\u009b2K\\n\\u202eb"',
      'aws_profiles: ["a\\u009b2K\\n\\u202eb"]',
    ],
  ])("%s", async ([, used, what, line]) => {
    const context = await contextWith({ env: variables });
    const failure = await failureOf(provider.unwrap({ key: used, enc: "AAAA" }, context));
    const path = context.host.resolve(context.host.configDir, "kseal", "config.yaml");
    expect(failure).toMatchObject({
      kind: "untrusted",
      message: message(what),
      hint: `to allow it, write into ${path}: trust: { ${line} }`,
    });
    expect(kms.requests).toHaveLength(0);
  });

  test.for<[string, Circumstances]>([
    ["the rule names another role", { listed: [{ ...asked, role: `${role}2` }] }],
    ["the rule names the role for another key", { listed: [{ ...asked, arn: `${arn}0` }] }],
    ["the user allows another role", { trust: { awsRoles: [role.slice(0, -1)] } }],
    ["the user allows a profile of that name", { trust: { awsProfiles: [role] } }],
  ])("also when %s", async ([, given]) => {
    const failure = await failureOf(
      provider.unwrap({ key: asked, enc: "AAAA" }, await contextWith({ env: variables, ...given })),
    );
    expect(failure.kind).toBe("untrusted");
    expect(kms.requests).toHaveLength(0);
  });

  test.for<[string, Circumstances]>([
    ["the rule names it for the key", { listed: [asked] }],
    ["the user allows it", { trust: { awsRoles: [role] } }],
  ])("a role is used when %s", async ([, given]) => {
    await provider.wrap(asked, dataKey, await contextWith({ env: variables, ...given }));
    expect(kms.operations()).toEqual(["AssumeRole", "Encrypt"]);
  });

  test("a profile is used when the user chose it for this run", async () => {
    const context = await contextWith({ env: { AWS_PROFILE: "admin" } });
    // Which is found out when it is looked for.
    expect((await failureOf(provider.wrap(asProfile, dataKey, context))).message).toBe(
      'no AWS credentials in the profile "admin"',
    );
  });
});

describe("the way to AWS", () => {
  test("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, a proxy and AWS_CA_BUNDLE", async () => {
    const certificate = makeCertificate();
    const behind = await startAwsKms({ tls: certificate });
    const proxy = await startProxy(behind.url);
    onTestFinished(async () => {
      await behind.close();
      certificate.remove();
    });
    const env = {
      ...variables,
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true",
      HTTPS_PROXY: proxy.address,
      AWS_CA_BUNDLE: certificate.file,
    };
    await provider.wrap(key, dataKey, await contextWith({ env }));
    expect(proxy.asked).toEqual(["kms.eu-west-1.amazonaws.com:443"]);
    expect(behind.operations()).toEqual(["Encrypt"]);
    expect(kms.requests).toHaveLength(0);

    const distrustful = await contextWith({ env: { ...env, AWS_CA_BUNDLE: undefined } });
    expect(await failureOf(provider.wrap(key, dataKey, distrustful))).toMatchObject({
      kind: "unreachable",
      message: "kms.eu-west-1.amazonaws.com: its certificate is not accepted (DEPTH_ZERO_SELF_SIGNED_CERT)",
      hint: "export AWS_CA_BUNDLE=ca.pem, with the authority that signed it",
    });
    expect(behind.requests).toHaveLength(1);
  });

  test("a bundle of certificates that is not there is named", async () => {
    const context = await contextWith({ env: { ...variables, AWS_CA_BUNDLE: "/nonexistent/ca.pem" } });
    expect(await failureOf(provider.wrap(key, dataKey, context))).toMatchObject({
      kind: "unreachable",
      message: "AWS_CA_BUNDLE cannot be used: /nonexistent/ca.pem does not exist",
    });
  });

  test.for<[string, Record<string, string>]>([
    ["its own", { AWS_ENDPOINT_URL: "http://127.0.0.1:1", AWS_ENDPOINT_URL_KMS: "KMS" }],
    ["that of all services", { AWS_ENDPOINT_URL: "KMS" }],
  ])("the address of KMS is %s", async ([, urls]) => {
    const env = Object.fromEntries(
      Object.entries(urls).map(([name, url]) => [name, url.replace("KMS", kms.url)]),
    );
    await provider.wrap(key, dataKey, await contextWith({ env: { ...variables, ...env } }));
    expect(kms.operations()).toEqual(["Encrypt"]);
  });
});

/** A proxy that brings every host to one server. Its address has no scheme, as people write them. */
async function startProxy(
  target: string,
): Promise<{ readonly address: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const proxy = createServer().on("connect", (request, client) => {
    asked.push(request.url ?? "");
    const server = connect(Number(new URL(target).port), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      client.pipe(server).pipe(client);
    });
    server.on("error", () => client.destroy());
    client.on("error", () => server.destroy());
  });
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void proxy.close());
  return { address: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}
