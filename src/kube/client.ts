import type { Log } from "../core/ports.ts";
import { parseJson, readAll, withinDepth } from "./answer.ts";
import {
  type ApiResource,
  type ClusterOptions,
  type DeleteOptions,
  type JsonObject,
  type KubeApi,
  KubeError,
  type ObjectPath,
  type ServiceAnswer,
  type ServicePort,
  type ServiceRequest,
  type WriteOptions,
} from "./api.ts";
import { findConnection } from "./connection.ts";
import { fieldOf, listOf, textOf } from "./fields.ts";
import type { KubeHost } from "./kubeconfig.ts";
import { listObjects } from "./list-objects.ts";
import { groupVersionUrl, objectUrl, serviceUrl } from "./object-url.ts";
import { type ApiRequest, createRequester, largestObject, type Requester } from "./requester.ts";
import { serverFailure } from "./server-failure.ts";
import { watchObjects } from "./watch-objects.ts";

/** What a client is made for and of. */
export interface ClientOptions {
  readonly host: KubeHost;
  readonly cluster: ClusterOptions;
  /** Told the API server's warnings. */
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** How long a watch may be silent; 150 s when left out. */
  readonly silenceMs?: number | undefined;
}

const oneObject = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const idleMs = 65_000;
const defaultSilenceMs = 150_000;

/**
 * A client for the cluster that the kubeconfig and the overrides name. Nothing is sent before it is asked for something.
 *
 * @throws KubeError `CLUSTER_UNREACHABLE` when no cluster is configured.
 * @throws KsealError `NO_FILE`, `INPUT_UNREADABLE`, `FORMAT_INVALID` for the kubeconfig and the files it names, `USAGE`
 *   for options that do not fit.
 */
export async function createKubeApi(options: ClientOptions): Promise<KubeApi> {
  const { host, log, signal, silenceMs = defaultSilenceMs } = options;
  const connection = await findConnection(host, options.cluster);
  const requester = await createRequester({ host, connection, log, signal });
  const send = (request: ApiRequest): Promise<JsonObject> => requester.object(request).then(withinDepth);

  return {
    server: connection.server,
    namespace: connection.namespace,
    context: connection.context,
    get: (path, { metadataOnly } = {}) =>
      orMissing(
        send({
          method: "GET",
          verb: "get",
          path,
          url: objectUrl(path),
          accept: metadataOnly === true ? oneObject : undefined,
          repeatable: true,
        }),
      ),
    resources: (group, version) => orMissing(findResources(requester, group, version)),
    list: (path, listOptions) => listObjects(requester, path, listOptions),
    create: (path, object, write) => {
      const target = path.subresource === undefined ? { ...path, name: undefined } : path;
      return send({
        method: "POST",
        verb: "create",
        path: target,
        url: objectUrl(target, writeQuery(write)),
        ...json(object),
        repeatable: false,
      });
    },
    apply: (path, object, { force, ...write }) =>
      send({
        method: "PATCH",
        verb: "patch",
        path,
        url: objectUrl(path, { ...writeQuery(write), force }),
        // JSON is YAML, and a merge that is applied twice is applied.
        ...json(object, "application/apply-patch+yaml"),
        repeatable: true,
      }),
    update: (path, object, write) =>
      send({
        method: "PUT",
        verb: "update",
        path,
        url: objectUrl(path, writeQuery(write)),
        ...json(object),
        repeatable: false,
      }),
    patch: (path, patch, { type, ...write }) =>
      send({
        method: "PATCH",
        verb: "patch",
        path,
        url: objectUrl(path, writeQuery(write)),
        ...json(patch, type === "merge" ? "application/merge-patch+json" : "application/json-patch+json"),
        repeatable: false,
      }),
    delete: (path, deletion) => remove(requester, path, deletion),
    watch: (path, watch) =>
      watchObjects({ requester, connection, signal, now: host.now, silenceMs }, path, watch),
    proxyService: (service, request) =>
      askService(requester, { service, request }, (answer, attempt) =>
        serverFailure(answer, attempt, { connection, now: host.now() }),
      ),
    close: () => requester.close(),
  };
}

function writeQuery({ fieldManager, dryRun }: WriteOptions): Readonly<Record<string, string | undefined>> {
  return { fieldManager, dryRun: dryRun === true ? "All" : undefined, fieldValidation: "Strict" };
}

function json(
  content: unknown,
  contentType = "application/json",
): Pick<ApiRequest, "body" | "contentType" | "sent"> {
  return { body: new TextEncoder().encode(JSON.stringify(content)), contentType, sent: content };
}

async function orMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}

async function remove(
  requester: Requester,
  path: ObjectPath,
  { uid, resourceVersion, propagation }: DeleteOptions = {},
): Promise<boolean> {
  const preconditions =
    uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
  const options = {
    kind: "DeleteOptions",
    apiVersion: "v1",
    preconditions,
    propagationPolicy: propagation,
  };
  const request = {
    method: "DELETE",
    verb: "delete",
    path,
    url: objectUrl(path),
    repeatable: false,
  } as const;
  return (await orMissing(requester.object({ ...request, ...json(options) }))) !== undefined;
}

async function findResources(
  requester: Requester,
  group: string,
  version: string,
): Promise<readonly ApiResource[]> {
  const answer = await requester.object({
    method: "GET",
    verb: "get",
    path: { group, version, plural: "" },
    url: groupVersionUrl(group, version),
    repeatable: true,
  });
  return listOf(answer, "resources").flatMap((item) => {
    const [plural, kind] = [textOf(item, "name"), textOf(item, "kind")];
    // Those with a slash are parts of others: `pods/log`.
    if (plural === undefined || kind === undefined || plural.includes("/")) return [];
    return [{ kind, plural, namespaced: fieldOf(item, "namespaced") === true }];
  });
}

type Failure = (
  answer: Parameters<typeof serverFailure>[0],
  attempt: Parameters<typeof serverFailure>[1],
) => KubeError;

/** Hands a request on to a service. What the API server itself has to say comes as a `Status`, and is a failure. */
async function askService(
  requester: Requester,
  { service, request }: { readonly service: ServicePort; readonly request: ServiceRequest },
  failure: Failure,
): Promise<ServiceAnswer> {
  const name = `http:${service.name}:${service.port}`;
  const path = {
    group: "",
    version: "v1",
    plural: "services",
    namespace: service.namespace,
    name,
    subresource: "proxy",
  };
  const attempt = { verb: request.method === "GET" ? "get" : "create", path };
  const whole: ApiRequest = {
    ...attempt,
    method: request.method,
    url: serviceUrl(service, request.path),
    accept: "*/*",
    contentType: request.contentType,
    body: request.body,
    repeatable: request.method === "GET",
  };
  return await requester.exchange(
    whole,
    async ({ status, headers, body }) => {
      const content = await readAll(body, { limit: largestObject, idleMs });
      const said = status >= 300 ? statusObject(content) : undefined;
      if (said !== undefined) throw failure({ status, headers, body: said }, attempt);
      return { status, headers, body: content };
    },
    () => true,
  );
}

function statusObject(content: Uint8Array): unknown {
  try {
    const value = parseJson(content);
    return textOf(value, "kind") === "Status" && textOf(value, "apiVersion") === "v1" ? value : undefined;
  } catch {
    return undefined;
  }
}
