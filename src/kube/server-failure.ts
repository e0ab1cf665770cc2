import type { FailureCause, JsonObject, ObjectPath } from "./api.ts";
import { KubeError } from "./api.ts";
import type { Connection } from "./connection.ts";
import { fieldOf, listOf, numberOf, textOf } from "./fields.ts";
import { oneLine, shellWord } from "./server-text.ts";

/** What was asked, as `kubectl auth can-i` names it. */
export interface Attempt {
  readonly verb: string;
  readonly path: ObjectPath;
  /** What was sent: no value in it may come back in a message. */
  readonly sent?: unknown;
}

/**
 * What the API server's refusal means.
 *
 * @param headers - By lower-case name.
 * @param now - Epoch milliseconds.
 */
export function serverFailure(
  { status, headers, body }: { readonly status: number; readonly headers: Headers; readonly body: unknown },
  attempt: Attempt,
  { connection, now }: { readonly connection: Connection; readonly now: number },
): KubeError {
  const isStatus = textOf(body, "kind") === "Status";
  const said = isStatus ? textOf(body, "message") : undefined;
  const serverMessage = said === undefined ? undefined : withoutValues(oneLine(said), attempt.sent);
  const reason = isStatus ? textOf(body, "reason") : undefined;
  const details = {
    status,
    reason,
    serverMessage,
    retryAfterMs: retryAfter(headers["retry-after"], body, now),
    hint: hintFor(status, attempt, connection),
    causes: isStatus ? causesOf(body, attempt.sent) : [],
  };
  const { server } = connection;
  const words = serverMessage ?? statusText(status);
  if (status === 401) {
    const who = connection.context === undefined ? "" : ` of the context ${connection.context}`;
    return new KubeError(
      "CLUSTER_FORBIDDEN",
      `${server} does not accept the credentials${who}: ${words}`,
      details,
    );
  }
  if (status === 403) return new KubeError("CLUSTER_FORBIDDEN", words, details);
  if (status === 429 || status >= 500 || status < 400) {
    return new KubeError("CLUSTER_UNREACHABLE", `${server} cannot do it now: ${words}`, details);
  }
  return new KubeError("CLUSTER_CONFLICT", words, details);
}

// An object with more wrong places than this is wrong as a whole.
const mostCauses = 200;

function causesOf(body: unknown, sent: unknown): readonly FailureCause[] {
  return listOf(fieldOf(body, "details"), "causes")
    .slice(0, mostCauses)
    .map((cause) => ({
      reason: oneLine(textOf(cause, "reason") ?? ""),
      message: withoutValues(oneLine(textOf(cause, "message") ?? ""), sent),
      field: oneLine(textOf(cause, "field") ?? ""),
    }));
}

type Headers = Readonly<Record<string, string | undefined>>;

function statusText(status: number): string {
  const known: Readonly<Record<number, string>> = {
    401: "unauthorized",
    403: "forbidden",
    404: "the server could not find the requested resource",
    409: "conflict",
    410: "the requested version is too old",
    413: "the request is too large",
    429: "too many requests",
    500: "internal error",
    502: "bad gateway",
    503: "the server is currently unable to handle the request",
    504: "the server did not answer in time",
  };
  const text = known[status];
  return text === undefined ? `status ${status}` : `${text} (${status})`;
}

function retryAfter(header: string | undefined, body: unknown, now: number): number | undefined {
  const seconds =
    header === undefined ? numberOf(fieldOf(body, "details"), "retryAfterSeconds") : Number(header);
  if (seconds !== undefined && Number.isFinite(seconds)) return seconds > 0 ? seconds * 1000 : undefined;
  const date = Date.parse(header ?? "");
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0);
}

function hintFor(status: number, { verb, path }: Attempt, connection: Connection): string | undefined {
  const flags = connection.context === undefined ? "" : ` --context ${shellWord(connection.context)}`;
  switch (status) {
    case 401:
      return `\`kubectl auth whoami${flags}\` asks the same server who you are`;
    case 403: {
      const resource = path.group === "" ? path.plural : `${path.plural}.${path.group}`;
      const object = path.name === undefined ? resource : `${resource}/${path.name}`;
      const where = path.namespace === undefined ? " -A" : ` -n ${shellWord(path.namespace)}`;
      const part = path.subresource === undefined ? "" : ` --subresource=${path.subresource}`;
      const { as } = connection.user;
      const who = as === undefined ? "" : ` --as ${shellWord(as)}`;
      return `\`kubectl auth can-i ${verb} ${shellWord(object)}${part}${where}${flags}${who}\` asks for this right alone`;
    }
    case 404:
      return `\`kubectl api-resources --api-group=${shellWord(path.group)}${flags}\` shows what the cluster has`;
    case 409: {
      const object = path.name === undefined ? path.plural : `${path.plural}/${path.name}`;
      const where = path.namespace === undefined ? "" : ` -n ${shellWord(path.namespace)}`;
      return `\`kubectl get ${shellWord(object)}${where}${flags} -o yaml --show-managed-fields\` shows who changed what`;
    }
    default:
      return undefined;
  }
}

/**
 * The server's words, unless they hold a value of a Secret that was sent: type errors of a server-side apply quote
 * the value that does not fit.
 */
function withoutValues(message: string, sent: unknown): string {
  const plain = message.replaceAll(/value\.valueUnstructured\{[^}]*\}?/g, "[value]");
  const values = ["data", "stringData"].flatMap((key) => leaves(fieldOf(sent, key)));
  const quotes = values.some((value) => value.length > 2 && plain.includes(oneLine(value)));
  return quotes ? "it does not accept the object; its message quotes a value and is not shown" : plain;
}

function leaves(value: unknown): readonly string[] {
  if (typeof value === "string") return [value, Buffer.from(value, "base64").toString("utf8")];
  if (typeof value === "number") return [String(value)];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value as JsonObject).flatMap(leaves);
}
