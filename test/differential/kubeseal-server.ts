import {
  type LoopbackAnswer,
  type LoopbackRequest,
  type LoopbackServer,
  serveLoopback,
} from "../support/kms/loopback-server.ts";
import { sealedVector } from "../support/sealed.ts";

/** The controller's certificate, as it comes from the cluster. */
export const served: string = sealedVector("rsa2048.crt.pem");

/**
 * An API server with a Sealed Secrets controller behind its service proxy, as far as `kubeseal` asks: both tools talk to
 * the same one. Who it is decides what the controller says: `conflict`, `limited`, `broken` and `busy`
 * are names of objects.
 */
export async function serveCluster(tls?: {
  readonly cert: string;
  readonly key: string;
}): Promise<LoopbackServer> {
  let refusals = 0;
  return serveLoopback(
    (request) => {
      const isBusy = request.body.includes('"name":"busy"') && refusals++ % 2 === 0;
      return isBusy ? { status: 429, headers: { "retry-after": "1" }, body: "" } : answerTo(request);
    },
    { tls },
  );
}

function answerTo(request: LoopbackRequest): LoopbackAnswer {
  const path = request.path.split("?", 1)[0] ?? "";
  const [, namespace = "", name = ""] = /^\/api\/v1\/namespaces\/([^/]+)\/services\/([^/]+)/.exec(path) ?? [];
  const proxied = /^http:([^:]+):(\w*)$/.exec(decodeURIComponent(name));
  const service = proxied?.[1] ?? name;
  const refusal = refusalOf(namespace, service);
  if (refusal !== undefined) return refusal;
  if (proxied === null) {
    const spec = {
      ports: [
        { name: "web", port: 8080 },
        { name: "metrics", port: 8081 },
      ],
    };
    return { status: 200, body: { kind: "Service", apiVersion: "v1", metadata: { name, namespace }, spec } };
  }
  return controllerAnswer(path.replace(/^.*\/proxy/, ""), request);
}

function refusalOf(namespace: string, service: string): LoopbackAnswer | undefined {
  const details = { name: service, kind: "services" };
  const status = { kind: "Status", apiVersion: "v1", status: "Failure", details };
  if (service === "missing") {
    return {
      status: 404,
      body: { ...status, message: `services "${service}" not found`, reason: "NotFound", code: 404 },
    };
  }
  if (namespace === "forbidden") {
    const message = `services "${service}" is forbidden: User "u" cannot get resource "services" in API group "" in the namespace "${namespace}"`;
    return { status: 403, body: { ...status, message, reason: "Forbidden", code: 403 } };
  }
  return undefined;
}

function controllerAnswer(path: string, { body }: LoopbackRequest): LoopbackAnswer {
  if (path === "/v1/cert.pem") {
    return { status: 200, headers: { "content-type": "application/x-pem-file" }, body: served };
  }
  const object = JSON.parse(body);
  const plain = { "content-type": "text/plain; charset=utf-8" };
  switch (object.metadata.name) {
    case "conflict":
      return { status: 409, headers: plain, body: "" };
    case "limited":
      return { status: 422, headers: plain, body: "no" };
    case "broken":
      return { status: 500, headers: plain, body: "out of order" };
    default:
  }
  if (path === "/v1/verify") return { status: 200, headers: plain, body: "" };
  const metadata = { ...object.metadata, creationTimestamp: "2026-01-02T03:04:05Z", generation: 2 };
  return { status: 200, headers: plain, body: JSON.stringify({ ...object, metadata }) };
}

/** What a tool asked, without what is no concern of anybody. */
export function asked(requests: readonly LoopbackRequest[]) {
  return requests.map(({ method, path, headers, body }) => ({
    method,
    // The original asks the server, too, to be in time.
    path: decodeURIComponent(path).replace(/\?timeout=\d+s$/, ""),
    authorization: headers.authorization,
    user: headers["impersonate-user"],
    groups: headers["impersonate-group"],
    uid: headers["impersonate-uid"],
    body: body === "" ? "" : withoutNulls(JSON.parse(body)),
  }));
}

// The original sends `creationTimestamp: null` wherever metadata stands.
function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, one) => (one === null ? undefined : one)));
}
