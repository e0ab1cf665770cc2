import type { HttpAnswer } from "../core/ports.ts";
import { KeyFailure, type KeyFailureKind } from "./key-failure.ts";
import { ownWords } from "./own-words.ts";
import { PassingFailure } from "./retries.ts";

/** The request that was refused. */
export interface VaultRequest {
  readonly origin: string;
  /** `transit/decrypt/name`. */
  readonly path: string;
  readonly engine: string;
  readonly keyName: string;
  readonly namespace: string | undefined;
  readonly token: string;
}

/** The content of an answer that is a JSON object, as all of Vault's are. */
export function jsonOf({ body }: Pick<HttpAnswer, "body">): Readonly<Record<string, unknown>> | undefined {
  try {
    const content: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof content === "object" && content !== null && !Array.isArray(content)
      ? { ...content }
      : undefined;
  } catch {
    return undefined;
  }
}

/** An answer that is no refusal, and holds nothing that a transit engine says. */
export function notTransit({ status, body }: HttpAnswer, { engine }: VaultRequest): KeyFailure {
  // A KV engine of version 1 takes anything and says nothing.
  return status === 204 || jsonOf({ body }) !== undefined
    ? new KeyFailure("missing", `the secrets engine at ${engine} is not a transit engine`, {
        hint: "vault secrets list",
      })
    : new KeyFailure("unreachable", "the answer is not one of Vault");
}

/** Why Vault did not serve a request, from its status and its words. */
export function vaultFailure(answer: HttpAnswer, request: VaultRequest): KeyFailure {
  const errors = errorsOf(answer);
  const words = wordsOf(errors, request.token);
  const because = words === "" ? "" : `: ${words}`;
  switch (answer.status) {
    case 400:
      return badRequest(words, request);
    case 403:
      return errors.some((text) => /^permission denied$|invalid token|bad token/.test(text))
        ? badToken(because, request)
        : noCapability(because, request);
    case 404:
      return notFound(errors, because, request);
    case 429:
      return new PassingFailure("throttled", `too many requests${because}`, {
        retryAfter: secondsOf(answer.headers["retry-after"]),
      });
    case 503:
      if (!/sealed/i.test(words)) break;
      return new KeyFailure("unreachable", `the server is sealed${because}`, {
        hint: "vault operator unseal",
      });
  }
  const text = `the server answered with status ${answer.status}${because}`;
  return [500, 502, 503, 504].includes(answer.status)
    ? new PassingFailure("unreachable", text)
    : new KeyFailure("unreachable", text);
}

// What a transit engine says with status 400, and what it means.
const refusals: readonly (readonly [RegExp, KeyFailureKind])[] = [
  [/encryption key not found/, "missing"],
  [/too old|disallowed|deleted/, "disabled"],
  [/not supported|derived|context/, "unsupported"],
];

function badRequest(words: string, { engine, keyName, path }: VaultRequest): KeyFailure {
  const otherwise = isEncryption(path) ? "unsupported" : "mismatch";
  const kind = refusals.find(([pattern]) => pattern.test(words))?.[1] ?? otherwise;
  switch (kind) {
    case "missing":
      return new KeyFailure(kind, words, { hint: `vault write -f ${engine}/keys/${keyName}` });
    case "disabled":
    case "unsupported":
      return new KeyFailure(kind, words || "bad request", { hint: `vault read ${engine}/keys/${keyName}` });
    default:
      return new KeyFailure("mismatch", `this key did not encrypt it: ${words || "bad request"}`);
  }
}

function isEncryption(path: string): boolean {
  return path.includes("/encrypt/");
}

function badToken(because: string, { origin }: VaultRequest): KeyFailure {
  return new KeyFailure("credentials", `the token is not valid there, or no longer${because}`, {
    hint: `vault login -address=${origin}`,
  });
}

function noCapability(because: string, { path }: VaultRequest): KeyFailure {
  // To a token that may not create keys, Vault does not say that there is none.
  const orMissing = isEncryption(path) ? ", or there is no such key" : "";
  return new KeyFailure("denied", `no policy of the token allows update on ${path}${orMissing}${because}`, {
    hint: `a line for its policy: path "${path}" { capabilities = ["update"] }`,
  });
}

function notFound(errors: readonly string[], because: string, request: VaultRequest): KeyFailure {
  const { engine, namespace } = request;
  const where = namespace === undefined ? "" : ` in the namespace ${namespace}`;
  if (errors.some((text) => text.includes("namespace not found"))) {
    return new KeyFailure("missing", `there is no namespace ${namespace ?? ""}`, {
      hint: "set VAULT_NAMESPACE to the path of a namespace",
    });
  }
  // Without errors it is another engine that does not know the path.
  const what =
    errors.length > 0 ? `no secrets engine at ${engine}${where}` : `no transit engine at ${engine}${where}`;
  return new KeyFailure("missing", `there is ${what}${errors.length > 0 ? "" : because}`, {
    hint: `vault secrets enable -path=${engine} transit`,
  });
}

function errorsOf(answer: HttpAnswer): readonly string[] {
  const errors = jsonOf(answer)?.["errors"];
  return Array.isArray(errors) ? errors.filter((text) => typeof text === "string") : [];
}

/** `1 error occurred:\n\t* permission denied\n\n` is a list; its items are what counts. */
function wordsOf(errors: readonly string[], token: string): string {
  const lines = errors.flatMap((text) => {
    const items = [...text.matchAll(/^\s*\* (.+)$/gm)].map(([, item]) => item ?? "");
    return items.length > 0 ? items : [text];
  });
  const text = lines.join("; ");
  // The token of a development server may be any word, `root` above all.
  return ownWords(token.length < 8 ? text : text.replaceAll(token, "[redacted]"));
}

function secondsOf(retryAfter: string | undefined): number | undefined {
  return retryAfter !== undefined && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined;
}
