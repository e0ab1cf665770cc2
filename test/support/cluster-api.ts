import type { IncomingHttpHeaders } from "node:http";
import { Agent, request } from "node:https";
import { setTimeout as pause } from "node:timers/promises";

/** An answer of the API server. */
export interface ClusterAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The API of a test cluster, as its administrator: to set up and to look, beside the client that is tested. */
export interface ClusterApi {
  /** @param path - From the root: `/api/v1/namespaces/default/secrets`. @param body - JSON, when it is no text. */
  request(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ClusterAnswer>;
  /** The same, and the object that was answered. @throws Error With the server's words when it refuses. */
  // biome-ignore lint/suspicious/noExplicitAny: objects of tests are looked into at any depth
  call(method: string, path: string, body?: unknown): Promise<any>;
  /** Server-side apply of an object, whatever was there. */
  apply(path: string, object: object): Promise<void>;
  /** Closes the connections that are kept open. */
  close(): void;
}

/** Connects with a client certificate. PEM texts. */
export function connectApi(
  server: string,
  credentials: { readonly ca: string; readonly cert: string; readonly key: string },
): ClusterApi {
  const agent = new Agent({ ...credentials, keepAlive: true });
  const send: ClusterApi["request"] = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const content = body === undefined || typeof body === "string" ? (body ?? "") : JSON.stringify(body);
      const all = {
        "content-type": "application/json",
        // Node sends the body of a DELETE without its length.
        "content-length": Buffer.byteLength(content),
        ...headers,
      };
      const sent = request(`${server}${path}`, { method, agent, headers: all }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      });
      sent.on("error", reject);
      sent.end(content);
    });
  const sendAgain: ClusterApi["request"] = async (...request) => {
    const answer = await send(...request);
    const seconds = answer.headers["retry-after"];
    // A resource is not there at once when its definition is.
    if (answer.status !== 429 || seconds === undefined) return answer;
    await pause(Number(seconds) * 1000);
    return await sendAgain(...request);
  };
  return {
    request: send,
    call: async (method, path, body) => {
      const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
      return parse(method, path, await sendAgain(method, path, body, { "content-type": type }));
    },
    apply: async (path, object) => {
      const headers = { "content-type": "application/apply-patch+yaml" };
      const query = "?fieldManager=tests&force=true";
      parse("PATCH", path, await sendAgain("PATCH", `${path}${query}`, object, headers));
    },
    close: () => agent.destroy(),
  };
}

function parse(method: string, path: string, { status, text }: ClusterAnswer): unknown {
  if (status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}
