import { type GcpResource, gcloudArguments } from "./gcp-resource.ts";
import { KeyFailure } from "./key-failure.ts";
import { ownWords } from "./own-words.ts";
import { PassingFailure } from "./retries.ts";

export type GcpOperation = "encrypt" | "decrypt";

/** What the service answered instead of a result, over either protocol. */
export interface GcpRefusal {
  /** The name of the canonical status, `PERMISSION_DENIED`; empty when the answer has none. */
  readonly status: string;
  readonly message: string;
  /** Of `google.rpc.ErrorInfo`: `SERVICE_DISABLED`. */
  readonly reason?: string | undefined;
  /** Milliseconds. */
  readonly retryAfter?: number | undefined;
}

/** Which credentials were used, and for what. */
export interface GcpCall {
  readonly operation: GcpOperation;
  readonly resource: GcpResource;
  readonly credentials: string;
  /** What the user can check when the service is not well. */
  readonly hint: string | undefined;
}

/** The refusal in kseal's words. The statuses are those of https://cloud.google.com/apis/design/errors. */
export function gcpFailure(refusal: GcpRefusal, call: GcpCall): KeyFailure {
  const { status, retryAfter } = refusal;
  const { resource, operation } = call;
  const { project, cryptoKey } = resource;
  // The report names the key in full already.
  const message = ownWords(refusal.message.replaceAll(resource.name, cryptoKey));
  const refused = (kind: KeyFailure["kind"], hint: string): KeyFailure =>
    new KeyFailure(kind, message, { hint });
  switch (status) {
    case "UNAUTHENTICATED":
      return refused("credentials", logIn(call.credentials));
    case "PERMISSION_DENIED":
      return refused("denied", refusal.reason === "SERVICE_DISABLED" ? enableService(resource) : grant(call));
    case "NOT_FOUND":
      return refused("missing", `gcloud kms keys list ${gcloudArguments(resource)}`);
    case "FAILED_PRECONDITION":
      return refused("disabled", enableVersion(message, resource));
    case "INVALID_ARGUMENT":
      return operation === "decrypt"
        ? refused("mismatch", "take the key's entry of the sops block from Git: git log -p FILE")
        : refused("unsupported", `gcloud kms keys describe ${cryptoKey} ${gcloudArguments(resource)}`);
    case "RESOURCE_EXHAUSTED":
      return new PassingFailure("throttled", message, {
        hint: `try again in a minute, or raise the quota of project ${project}: https://console.cloud.google.com/iam-admin/quotas`,
        retryAfter,
      });
    case "UNAVAILABLE":
    case "DEADLINE_EXCEEDED":
    case "INTERNAL":
    case "ABORTED":
    case "UNKNOWN":
      return new PassingFailure("unreachable", message, { hint: call.hint, retryAfter });
    default:
      return new KeyFailure("unreachable", message, { hint: call.hint });
  }
}

/** @param credentials - Where the credentials that were refused came from. */
export function logIn(credentials: string): string {
  switch (credentials) {
    case "GOOGLE_OAUTH_ACCESS_TOKEN":
      return "export GOOGLE_OAUTH_ACCESS_TOKEN=$(gcloud auth print-access-token)";
    case "GOOGLE_CREDENTIALS":
      return "set GOOGLE_CREDENTIALS to a key file that is still good";
    default:
      return "gcloud auth application-default login";
  }
}

function grant({ operation, resource }: GcpCall): string {
  const role =
    operation === "decrypt" ? "roles/cloudkms.cryptoKeyDecrypter" : "roles/cloudkms.cryptoKeyEncrypter";
  const binding = `gcloud kms keys add-iam-policy-binding ${resource.cryptoKey} ${gcloudArguments(resource)}`;
  return `who owns the key can type: ${binding} --member user:YOU@example.com --role ${role}`;
}

function enableService({ project }: GcpResource): string {
  return `gcloud services enable cloudkms.googleapis.com --project ${project}`;
}

function enableVersion(message: string, resource: GcpResource): string {
  const [, version = "VERSION"] = /cryptoKeyVersions\/(\d+)/.exec(message) ?? [];
  const verb = message.includes("DESTROY_SCHEDULED") ? "restore" : "enable";
  const key = `--key ${resource.cryptoKey} ${gcloudArguments(resource)}`;
  // What is destroyed for good stays so.
  if (/\bDESTROYED\b/.test(message)) return `gcloud kms keys versions list ${key}`;
  return `gcloud kms keys versions ${verb} ${version} ${key}`;
}
