import { KsealError } from "../errors.ts";
import { isAlias } from "./aws-arn.ts";
import type { AwsRequest } from "./aws-request.ts";
import { KeyFailure, type KeyFailureKind } from "./key-failure.ts";
import { isNetworkError, networkFailure } from "./network-failure.ts";
import { ownWords } from "./own-words.ts";
import { PassingFailure } from "./retries.ts";

/** What the SDK throws, as far as it is looked at: names of the service, codes of the network. */
interface AwsError extends Error {
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

type Words = readonly [kind: KeyFailureKind, message: string, hint?: string];

/**
 * A failure of the SDK in kseal's words.
 *
 * @throws The error itself when it is none of AWS, of the network or of the credentials: a bug must come out as one.
 */
export function awsFailure(error: unknown, request: AwsRequest): KsealError {
  if (error instanceof KsealError) return error;
  if (!(error instanceof Error)) throw error;
  if (error.name === "AbortError") return new KsealError("INTERRUPTED", "interrupted");
  const words = refusedIdentity(error) ?? refusedKey(error, request);
  if (words) {
    const [kind, message, hint] = words;
    return new KeyFailure(kind, message, { hint, cause: error });
  }
  return failedService(error, request);
}

/** The failure of a request that was answered, but not as AWS does: by a proxy's login page, or by mistake. */
export function notAws({ url }: AwsRequest): KeyFailure {
  const { host } = new URL(url);
  return new KeyFailure("unreachable", `${host}: the answer is not one of AWS`, { hint: `curl -v ${url}` });
}

const trySame = "aws sts get-caller-identity tries the same credentials";

// The same refusals have other names in KMS (JSON) than in STS (XML).
function refusedIdentity(error: AwsError): Words | undefined {
  const { name, message } = error;
  switch (name) {
    case "AccessDeniedException":
    case "AccessDenied": {
      const needed = /to perform: ([\w:]+)/.exec(message)?.[1] ?? "the permission";
      const who = `aws sts get-caller-identity shows who you are to AWS; that user or role needs ${needed}`;
      return ["denied", ownWords(message.replace(/ on resource: arn:\S+:kms:\S+/, "")), who];
    }
    case "ExpiredTokenException":
    case "ExpiredToken":
      return ["credentials", "the AWS credentials have expired", "aws sso login, or get new ones"];
    case "UnrecognizedClientException":
    case "InvalidClientTokenId":
      return ["credentials", "AWS does not know the access key, or not with this session token", trySame];
    case "InvalidSignatureException":
    case "SignatureDoesNotMatch":
      if (isOfWrongTime(error)) return undefined;
      return ["credentials", "the secret access key does not belong to the access key", trySame];
    // Credentials that are there and cannot be used: a session that ended, a program that failed.
    case "CredentialsProviderError":
    case "TokenProviderError":
      if (message.startsWith("Invalid response from STS")) {
        return ["unreachable", "the answer is not one of AWS"];
      }
      return ["credentials", ownWords(message), trySame];
    default:
      return undefined;
  }
}

function refusedKey({ name, message }: AwsError, { key, region }: AwsRequest): Words | undefined {
  if (key === undefined) return undefined;
  const describe = `aws kms describe-key --region ${region} --key-id ${key.arn}`;
  // What concerns an alias is told about the key behind it, and some commands take nothing but that key.
  const real = `--region ${region} --key-id ${/^arn:[\w:/-]+/.exec(message)?.[0] ?? key.arn}`;
  switch (name) {
    case "NotFoundException":
      return ["missing", `there is no such ${isAlias(key.arn) ? "alias" : "key"} in ${region}`, describe];
    case "DisabledException":
      return ["disabled", "the key is disabled", `aws kms enable-key ${real}`];
    case "KMSInvalidStateException": {
      const isDoomed = message.includes("pending deletion");
      const state = ownWords(message.replace(/^arn:\S+ /, "the key "));
      return ["disabled", state, isDoomed ? `aws kms cancel-key-deletion ${real}` : describe];
    }
    case "IncorrectKeyException":
      return ["mismatch", "the data key was wrapped with another KMS key", describe];
    case "InvalidCiphertextException": {
      const names = Object.keys(key.context ?? {})
        .map(ownWords)
        .join(", ");
      const context = `its encryption context${names === "" ? "" : ` (${names})`}`;
      const hint = "git log -p FILE shows what was changed in the sops block";
      return ["mismatch", `the wrapped key was changed, or ${context} was`, hint];
    }
    case "InvalidKeyUsageException":
      return ["unsupported", "the key is not one for symmetric encryption", describe];
    default:
      return undefined;
  }
}

function failedService(error: AwsError, request: AwsRequest): KeyFailure {
  const { url, timeout } = request;
  const { host } = new URL(url);
  const status = error.$metadata?.httpStatusCode;
  if (status === undefined) {
    if (!isNetworkError(error) && typeof error.code !== "string") throw error;
    const certificateHint = "export AWS_CA_BUNDLE=ca.pem, with the authority that signed it";
    return networkFailure(error, { host, timeout, hint: `curl -v ${url}`, certificateHint });
  }
  if (status === 429 || error.name.startsWith("Throttling")) {
    const hint = "wait a minute, or ask AWS for a higher quota of cryptographic operations";
    return new PassingFailure("throttled", `${host}: too many requests`, { hint });
  }
  if (error instanceof SyntaxError) return notAws(request);
  if (status >= 500) {
    const hint = "see https://health.aws.amazon.com";
    return new PassingFailure("unreachable", `${host}: the service failed with status ${status}`, { hint });
  }
  if (isOfWrongTime(error)) {
    return new PassingFailure("credentials", "the clock of this machine is wrong", { hint: "date" });
  }
  const kind = status === 403 ? "denied" : "unsupported";
  return new KeyFailure(kind, `${host}: ${ownWords(`${error.name}: ${error.message}`)}`);
}

// The next try is right: the SDK takes the time from the answer.
function isOfWrongTime({ name, message }: AwsError): boolean {
  return (
    /^InvalidSignature|^SignatureDoesNot/.test(name) && /signature expired|not yet current/i.test(message)
  );
}
