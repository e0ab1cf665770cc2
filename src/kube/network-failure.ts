import { KsealError } from "../errors.ts";
import { KubeError } from "./api.ts";
import type { Connection } from "./connection.ts";
import { shellWord } from "./server-text.ts";

/** What ends an answer that is longer than any honest one. */
export class AnswerTooLong extends Error {}

/** What ends an answer that is not what an API server sends. */
export class AnswerMalformed extends Error {}

const unknownIssuer: ReadonlySet<string> = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_UNTRUSTED",
]);

/** Whether a server's certificate is by an authority that is not trusted. */
export function isUnknownIssuer(error: unknown): boolean {
  return unknownIssuer.has(codeOf(error) ?? "");
}

const broken: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "ECONNABORTED",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

/** Whether a connection broke, so that another one may hold. */
export function isBrokenConnection(error: unknown): boolean {
  return broken.has(codeOf(error) ?? "");
}

/**
 * Why there was no answer, or none to the end.
 *
 * @returns `undefined` for what is no failure of the network: a bug, which must look like one.
 */
export function networkFailure(cause: unknown, connection: Connection): KubeError | undefined {
  const why = cause instanceof KsealError ? undefined : reasonOf(cause);
  if (why === undefined) return undefined;
  const { server, context } = connection;
  const flags = context === undefined ? "" : ` --context ${shellWord(context)}`;
  const hint = why.hint ?? `\`kubectl cluster-info${flags}\` asks the same server`;
  return new KubeError("CLUSTER_UNREACHABLE", `cannot reach the cluster at ${server}: ${why.text}`, {
    hint,
    cause,
  });
}

interface Reason {
  readonly text: string;
  readonly hint?: string;
}

function reasonOf(cause: unknown): Reason | undefined {
  if (cause instanceof AnswerTooLong) return { text: "its answer is too long" };
  if (cause instanceof AnswerMalformed) {
    return {
      text: `its answer is ${cause.message}`,
      hint: "check the server in the kubeconfig, and the proxy",
    };
  }
  if (cause instanceof DOMException && cause.name === "TimeoutError") {
    return { text: "no answer in time", hint: "--request-timeout 2m gives it longer" };
  }
  const code = codeOf(cause);
  if (code === undefined) return undefined;
  if (isUnknownIssuer(cause)) {
    return {
      text: `its certificate is by an authority that is not trusted (${code})`,
      hint: "the kubeconfig names it in certificate-authority or certificate-authority-data, --certificate-authority FILE too",
    };
  }
  return known[code] ?? general(code);
}

const known: Readonly<Record<string, Reason>> = {
  ECONNREFUSED: { text: "connection refused (ECONNREFUSED)" },
  ENOTFOUND: { text: "there is no host of this name (ENOTFOUND)" },
  EAI_AGAIN: { text: "its name cannot be looked up now (EAI_AGAIN)" },
  ETIMEDOUT: { text: "no answer in time" },
  ECONNRESET: { text: "the connection broke (ECONNRESET)" },
  ERR_STREAM_PREMATURE_CLOSE: { text: "the connection broke" },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    text: "its certificate is for another name (ERR_TLS_CERT_ALTNAME_INVALID)",
    hint: "--tls-server-name NAME says which one to expect",
  },
  CERT_HAS_EXPIRED: { text: "its certificate has expired (CERT_HAS_EXPIRED)" },
  ERR_PROXY_TUNNEL: {
    text: "the proxy does not let it through",
    hint: "check proxy-url, HTTPS_PROXY and NO_PROXY",
  },
  ERR_INVALID_CHAR: {
    text: "a token or user name in the kubeconfig has characters that no request can hold",
    hint: "`kubectl config view` shows which user it is",
  },
  EPROTO: { text: "it does not speak TLS", hint: "check https:// and the port of the server" },
};

function general(code: string): Reason {
  // The words of Node's parser and of Bun's.
  if (code.startsWith("HPE_") || code === "Malformed_HTTP_Response")
    return { text: "its answer is not HTTP" };
  if (/^Z_|^ERR_ZLIB/.test(code)) return { text: "its answer is not compressed as it says" };
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(code)) return known["EPROTO"] ?? { text: code };
  if (/^ERR_(OSSL|CRYPTO)/.test(code)) {
    return {
      text: `the certificates in the kubeconfig do not serve (${code})`,
      hint: "compare client-certificate, client-key and certificate-authority",
    };
  }
  if (/^ERR_SSL/.test(code)) {
    return {
      text: `it refuses the TLS connection (${code})`,
      hint: "the client certificate in the kubeconfig may have expired",
    };
  }
  return { text: `no answer (${code})` };
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
