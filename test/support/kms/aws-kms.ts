import { createHash, randomUUID } from "node:crypto";
import { type KeyStates, keyStates, openSealed, sealedUnder, sealUnder } from "./key-states.ts";
import {
  type LoopbackAnswer,
  type LoopbackOptions,
  type LoopbackRequest,
  type LoopbackServer,
  serveLoopback,
} from "./loopback-server.ts";

/** AWS KMS and STS on 127.0.0.1, web identities included. Every ARN is a key, an alias stands for a key of its own, every role can be taken. */
export interface AwsKmsServer extends LoopbackServer {
  /** For a role, `denied` refuses to assume it. */
  readonly setKey: KeyStates["setKey"];
  /** What was asked for, in order: `Decrypt`, `AssumeRole`. */
  operations(): readonly string[];
}

/** Key ids of AWS credentials that are refused. Any other is good, with any secret. */
export const badAccessKeys = {
  unknown: "AKIAUNKNOWN000000000",
  expired: "ASIAEXPIRED000000000",
  wrongSecret: "AKIAWRONGSECRET00000",
} as const;

export async function startAwsKms(options: LoopbackOptions = {}): Promise<AwsKmsServer> {
  const states = keyStates();
  const server = await serveLoopback((request) => {
    const operation = operationOf(request);
    return operation.startsWith("AssumeRole")
      ? assumeRole(operation, request, states)
      : kms(operation, request, states);
  }, options);
  // The counts of the server are getters, which a spread would freeze.
  return Object.assign(server, {
    setKey: states.setKey,
    operations: () => server.requests.map(operationOf),
  });
}

/** The key that an alias of this server stands for; a key's own ARN as it is. */
export function targetOfAlias(arn: string): string {
  return arn.replace(/:alias\/(.+)$/, (_, name: string) => {
    const hash = createHash("sha256").update(name).digest("hex");
    return `:key/${hash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5")}`;
  });
}

/** The credentials that {@link startAwsKms} hands out for a role. */
export function accessKeyOfRole(role: string): string {
  return `ASIA${createHash("sha256").update(role).digest("hex").slice(0, 16).toUpperCase()}`;
}

/** The access key id that a request was signed with. */
export function accessKeyOf({ headers }: LoopbackRequest): string | undefined {
  return /Credential=([^/]+)/.exec(headers.authorization ?? "")?.[1];
}

function operationOf({ headers, body }: LoopbackRequest): string {
  const target = headers["x-amz-target"];
  if (target !== undefined) return String(target).split(".").at(-1) ?? "";
  return new URLSearchParams(body).get("Action") ?? "";
}

interface KmsInput {
  readonly KeyId?: string;
  readonly Plaintext?: string;
  readonly CiphertextBlob?: string;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
}

function kms(operation: string, request: LoopbackRequest, states: KeyStates): LoopbackAnswer {
  const input: KmsInput = JSON.parse(request.body || "{}");
  const [, accessKey = "", region = ""] =
    /Credential=([^/]+)\/\d+\/([^/]+)\/kms\//.exec(request.headers.authorization ?? "") ?? [];
  const refused = refusedCredentials(accessKey);
  if (refused) return refused;
  if (operation !== "Encrypt" && operation !== "Decrypt") return failed("UnknownOperationException");
  const arn = input.KeyId ?? "";
  const key = targetOfAlias(arn);
  const state = arn.includes(`:kms:${region}:`) ? worse(states.stateOf(arn), key, arn, states) : "missing";
  const unusable = refusedKey(state, { operation, arn, key });
  if (unusable) return unusable;
  return operation === "Encrypt" ? encrypt(key, input) : decrypt(key, input);
}

function worse(state: ReturnType<KeyStates["stateOf"]>, key: string, arn: string, { stateOf }: KeyStates) {
  return state === "enabled" && key !== arn ? stateOf(key) : state;
}

function encrypt(key: string, input: KmsInput): LoopbackAnswer {
  const plaintext = Buffer.from(input.Plaintext ?? "", "base64");
  if (plaintext.length === 0 || plaintext.length > 4096) {
    return failed(
      "ValidationException",
      "1 validation error detected: Value at 'plaintext' failed to satisfy constraint",
    );
  }
  const CiphertextBlob = sealUnder(key, plaintext, contextBytes(input)).toString("base64");
  return answered({ CiphertextBlob, EncryptionAlgorithm: "SYMMETRIC_DEFAULT", KeyId: key });
}

function decrypt(key: string, input: KmsInput): LoopbackAnswer {
  const sealed = Buffer.from(input.CiphertextBlob ?? "", "base64");
  const id = sealedUnder(sealed);
  if (id !== undefined && id !== key) {
    return failed(
      "IncorrectKeyException",
      "The key ID in the request does not identify a CMK that can perform this operation.",
    );
  }
  const plaintext = openSealed(sealed, contextBytes(input));
  // The real service gives no message here.
  if (!plaintext) return failed("InvalidCiphertextException");
  const Plaintext = plaintext.toString("base64");
  return answered({ Plaintext, EncryptionAlgorithm: "SYMMETRIC_DEFAULT", KeyId: key });
}

function contextBytes({ EncryptionContext = {} }: KmsInput): Buffer {
  const sorted = Object.entries(EncryptionContext).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(JSON.stringify(sorted));
}

function refusedCredentials(accessKey: string): LoopbackAnswer | undefined {
  switch (accessKey) {
    case "":
      return failed("MissingAuthenticationTokenException", "Request is missing Authentication Token");
    case badAccessKeys.unknown:
      return failed("UnrecognizedClientException", "The security token included in the request is invalid.");
    case badAccessKeys.expired:
      return failed("ExpiredTokenException", "The security token included in the request is expired");
    case badAccessKeys.wrongSecret:
      return failed(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
      );
    default:
      return undefined;
  }
}

function refusedKey(
  state: ReturnType<KeyStates["stateOf"]>,
  { operation, arn, key }: { operation: string; arn: string; key: string },
): LoopbackAnswer | undefined {
  const account = "arn:aws:iam::123456789012:user/test";
  switch (state) {
    case "enabled":
      return undefined;
    case "denied":
      return failed(
        "AccessDeniedException",
        `User: ${account} is not authorized to perform: kms:${operation} on resource: ${key} because no identity-based policy allows the kms:${operation} action`,
      );
    case "missing":
      return failed(
        "NotFoundException",
        arn === key ? `Key '${arn}' does not exist` : `Alias ${arn} is not found.`,
      );
    case "disabled":
      return failed("DisabledException", `${key} is disabled.`);
    case "pending":
      return failed("KMSInvalidStateException", `${key} is pending deletion.`);
    case "throttled":
      return failed("ThrottlingException", "Rate exceeded");
  }
}

function answered(body: unknown): LoopbackAnswer {
  return { status: 200, headers: amazonHeaders(), body };
}

function failed(type: string, message?: string): LoopbackAnswer {
  return {
    status: 400,
    headers: amazonHeaders(),
    body: { __type: type, ...(message === undefined ? {} : { message }) },
  };
}

function amazonHeaders(): Record<string, string> {
  return { "content-type": "application/x-amz-json-1.1", "x-amzn-requestid": randomUUID() };
}

function assumeRole(operation: string, request: LoopbackRequest, states: KeyStates): LoopbackAnswer {
  const input = new URLSearchParams(request.body);
  const role = input.get("RoleArn") ?? "";
  const session = input.get("RoleSessionName") ?? "";
  if (!/^[\w+=,.@-]{2,64}$/.test(session)) {
    return refusedRole(
      "ValidationError",
      "1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint",
    );
  }
  if (accessKeyOf(request) === badAccessKeys.expired) {
    return refusedRole("ExpiredToken", "The security token included in the request is expired");
  }
  if (accessKeyOf(request) === badAccessKeys.unknown) {
    return refusedRole("InvalidClientTokenId", "The security token included in the request is invalid.");
  }
  if (states.stateOf(role) !== "enabled") {
    return refusedRole(
      "AccessDenied",
      `User: arn:aws:iam::123456789012:user/test is not authorized to perform: sts:AssumeRole on resource: ${role}`,
    );
  }
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  return {
    status: 200,
    headers: { "content-type": "text/xml" },
    body: `<${operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${operation}Result>
      <AssumedRoleUser><AssumedRoleId>AROA:${session}</AssumedRoleId><Arn>${role}/${session}</Arn></AssumedRoleUser>
      <Credentials><AccessKeyId>${accessKeyOfRole(role)}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
      <SessionToken>t</SessionToken><Expiration>${expiration}</Expiration></Credentials>
      </${operation}Result></${operation}Response>`,
  };
}

function refusedRole(code: string, message: string): LoopbackAnswer {
  return {
    status: 403,
    headers: { "content-type": "text/xml" },
    body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
  };
}
