import { type KeyStates, keyStates, openSealed, sealedUnder, sealUnder } from "./key-states.ts";
import {
  type LoopbackAnswer,
  type LoopbackOptions,
  type LoopbackServer,
  serveLoopback,
} from "./loopback-server.ts";

/** Google Cloud KMS on 127.0.0.1, as REST. Every resource name is a key; what it seals the gRPC server opens. */
export interface GcpKmsServer extends LoopbackServer {
  readonly setKey: KeyStates["setKey"];
}

/** Tokens that are refused. Any other is good. */
export const badTokens = { expired: "ya29.expired" } as const;

export type GcpOperation = "encrypt" | "decrypt";

/** https://cloud.google.com/apis/design/errors: the status of HTTP goes with the name of that of gRPC. */
const httpStatus = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
} as const;

/** What the service says, in the words of both protocols. */
interface Refusal {
  readonly status: keyof typeof httpStatus;
  readonly message: string;
  readonly reason?: string;
}

export async function startGcpKms(options: LoopbackOptions = {}): Promise<GcpKmsServer> {
  const states = keyStates();
  const server = await serveLoopback(({ method, path, headers, body }) => {
    // The client for Go adds `?$alt=json`.
    const { pathname } = new URL(path, "http://localhost");
    const [, name, operation] =
      /^\/v1\/(projects\/.+):(encrypt|decrypt)$/.exec(decodeURIComponent(pathname)) ?? [];
    if (method !== "POST" || name === undefined || (operation !== "encrypt" && operation !== "decrypt")) {
      return refused({ status: "NOT_FOUND", message: "The requested URL was not found on this server." });
    }
    const { plaintext, ciphertext } = JSON.parse(body) as { plaintext?: string; ciphertext?: string };
    const bytes = Buffer.from(plaintext ?? ciphertext ?? "", "base64");
    const outcome = serveGcpKms({ name, operation, bytes, token: headers.authorization }, states);
    if ("status" in outcome) return refused(outcome);
    const field = operation === "encrypt" ? "ciphertext" : "plaintext";
    return { status: 200, body: { [field]: outcome.bytes.toString("base64"), protectionLevel: "SOFTWARE" } };
  }, options);
  return Object.assign(server, { setKey: states.setKey });
}

/** What the service does, whichever protocol the request came by. */
export function serveGcpKms(
  request: { name: string; operation: GcpOperation; bytes: Buffer; token: string | undefined },
  states: KeyStates,
): { readonly bytes: Buffer } | Refusal {
  const { name, operation, bytes } = request;
  const refusal = refusedToken(request.token) ?? refusedKey(name, operation, states);
  if (refusal) return refusal;
  if (operation === "encrypt") return { bytes: sealUnder(name, bytes, Buffer.alloc(0)) };
  const opened = sealedUnder(bytes) === name ? openSealed(bytes, Buffer.alloc(0)) : undefined;
  return opened
    ? { bytes: opened }
    : {
        status: "INVALID_ARGUMENT",
        message: "Decryption failed: verify that 'name' refers to the correct CryptoKey.",
      };
}

function refusedToken(authorization: string | undefined): Refusal | undefined {
  if (authorization === undefined) {
    return {
      status: "UNAUTHENTICATED",
      message:
        "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    };
  }
  if (authorization !== `Bearer ${badTokens.expired}`) return undefined;
  return {
    status: "UNAUTHENTICATED",
    message:
      "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    reason: "ACCESS_TOKEN_EXPIRED",
  };
}

function refusedKey(name: string, operation: GcpOperation, states: KeyStates): Refusal | undefined {
  const permission = operation === "encrypt" ? "useToEncrypt" : "useToDecrypt";
  switch (states.stateOf(name)) {
    case "enabled":
      return undefined;
    case "denied":
      return {
        status: "PERMISSION_DENIED",
        message: `Permission 'cloudkms.cryptoKeyVersions.${permission}' denied on resource '${name}' (or it may not exist).`,
        reason: "IAM_PERMISSION_DENIED",
      };
    case "missing":
      return { status: "NOT_FOUND", message: `CryptoKey ${name} not found.` };
    case "disabled":
      return notEnabled(name, "DISABLED");
    case "pending":
      return notEnabled(name, "DESTROY_SCHEDULED");
    case "throttled":
      return {
        status: "RESOURCE_EXHAUSTED",
        message:
          "Quota exceeded for quota metric 'Cryptographic requests' and limit 'Cryptographic requests per minute' of service 'cloudkms.googleapis.com' for consumer 'project_number:123456789012'.",
        reason: "RATE_LIMIT_EXCEEDED",
      };
  }
}

function notEnabled(name: string, state: string): Refusal {
  return {
    status: "FAILED_PRECONDITION",
    message: `${name}/cryptoKeyVersions/1 is not enabled, current state is: ${state}.`,
  };
}

function refused({ status, message, reason }: Refusal): LoopbackAnswer {
  const code = httpStatus[status];
  const details = reason && [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason }];
  return { status: code, body: { error: { code, message, status, ...(details && { details }) } } };
}
