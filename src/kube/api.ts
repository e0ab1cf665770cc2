import { type ErrorCode, KsealError, type KsealErrorOptions } from "../errors.ts";

/**
 * A JSON object from an API server, which may hold what a stranger put into the cluster. It is read field by field, own
 * fields only: a key named `__proto__` or `constructor` is a key like any other.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Where objects stand in the API of Kubernetes. Without `name`: all of them; without `namespace`: everywhere. */
export interface ObjectPath {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** The resource, as URLs and roles name it: `sealedsecrets`. */
  readonly plural: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** Which objects of a list or a watch are wanted. */
interface ObjectSelection {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** The objects come with `metadata` alone: no value of a Secret leaves the API server. */
  readonly metadataOnly?: boolean | undefined;
}

export interface ListOptions extends ObjectSelection {
  /** `"0"` takes what the API server has in memory; the newest when left out. */
  readonly resourceVersion?: string | undefined;
  /** Objects in one answer, 500 when left out; the list is always whole. */
  readonly limit?: number | undefined;
  /** What is kept of each object; the rest is let go before the next page comes. */
  readonly keep?: ((object: JsonObject) => JsonObject) | undefined;
}

/** All objects of a path at one moment. */
export interface ObjectList {
  readonly items: readonly JsonObject[];
  /** Where a watch goes on without a gap. */
  readonly resourceVersion: string;
}

/** A kind of objects that a cluster has. */
export interface ApiResource {
  readonly kind: string;
  readonly plural: string;
  /** Whether its objects live in namespaces. */
  readonly namespaced: boolean;
}

export interface WatchOptions extends ObjectSelection {
  readonly resourceVersion?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** When the API server ends it; some minutes when left out. */
  readonly timeoutSeconds?: number | undefined;
}

/** One change. A bookmark has an object with nothing but the resource version that was reached. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: JsonObject;
}

/** Who writes, as the API server notes it in `managedFields`. */
export interface WriteOptions {
  readonly fieldManager: string;
  /** Everything is checked and nothing is kept. */
  readonly dryRun?: boolean | undefined;
}

export interface DeleteOptions {
  /** Deletes only this very object: `CLUSTER_CONFLICT` when another one has its name by now. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagation?: "Background" | "Foreground" | "Orphan" | undefined;
}

/** A service of the cluster, for a request that the API server hands on to it. */
export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  /** Name or number; empty for a service whose only port has no name. */
  readonly port: string;
}

export interface ServiceRequest {
  readonly method: "GET" | "POST";
  /** Such as `/v1/cert.pem`. */
  readonly path: string;
  readonly body?: Uint8Array | undefined;
  readonly contentType?: string | undefined;
}

/** What a service said. */
export interface ServiceAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** At most 8 MiB. */
  readonly body: Uint8Array;
}

/**
 * The API of one cluster, with the rights of one user.
 *
 * Everything fails with a {@link KubeError}, and with `INTERRUPTED` once the signal of the run says so: no answer, 429 and
 * 5xx are `CLUSTER_UNREACHABLE`, 401 and 403 `CLUSTER_FORBIDDEN`, everything else (404 where it is not a result, 409, 410,
 * 422) `CLUSTER_CONFLICT`; `status` and `reason` tell them apart. Requests that are
 * refused because the server is busy are sent again, and those that only read when the connection breaks.
 *
 * Objects come as the server sent them. What is nested deeper than any honest object is left out of them, so that one
 * object cannot stop the reading of all others.
 */
export interface KubeApi {
  /** The address of the API server, for messages. */
  readonly server: string;
  /** The namespace of the context, `default` when it names none. */
  readonly namespace: string;
  /** The name of the context, for messages and commands to type; none inside a cluster. */
  readonly context: string | undefined;
  /** @returns `undefined` when there is no such object. */
  get(
    path: ObjectPath,
    options?: { readonly metadataOnly?: boolean | undefined },
  ): Promise<JsonObject | undefined>;
  /** The kinds of one version of an API group. @returns `undefined` when the cluster does not have it. */
  resources(group: string, version: string): Promise<readonly ApiResource[] | undefined>;
  /** Follows the pages of the list to its end. Items have their `apiVersion` and `kind`. */
  list(path: ObjectPath, options?: ListOptions): Promise<ObjectList>;
  create(path: ObjectPath, object: JsonObject, options: WriteOptions): Promise<JsonObject>;
  /** Server-side apply. @param options.force - Takes fields over that others manage. */
  apply(
    path: ObjectPath,
    object: JsonObject,
    options: WriteOptions & { readonly force: boolean },
  ): Promise<JsonObject>;
  /** Replaces the object; with `metadata.resourceVersion` only if nobody changed it meanwhile. */
  update(path: ObjectPath, object: JsonObject, options: WriteOptions): Promise<JsonObject>;
  /** @param patch - A merge patch, or the operations of a JSON patch. */
  patch(
    path: ObjectPath,
    patch: JsonObject | readonly JsonObject[],
    options: WriteOptions & { readonly type: "merge" | "json" },
  ): Promise<JsonObject>;
  /** @returns Whether it was there. */
  delete(path: ObjectPath, options?: DeleteOptions): Promise<boolean>;
  /**
   * Changes as they happen, from a resource version on. Ends when the server ends it, which it does every few minutes.
   *
   * @throws KubeError With status 410 when the version is too old: list again. `CLUSTER_UNREACHABLE` when the connection
   *   broke or nothing was heard for too long: watch again from the last version.
   */
  watch(path: ObjectPath, options: WatchOptions): AsyncIterable<WatchEvent>;
  /**
   * Asks a service through the API server.
   *
   * @returns The service's own answer, whatever its status.
   * @throws KubeError When the API server did not reach it or refused to.
   */
  proxyService(service: ServicePort, request: ServiceRequest): Promise<ServiceAnswer>;
  /** Closes the connections that are kept open. */
  close(): void;
}

/** Which cluster, and as whom: every override that `kubectl` has. What is left out comes from the kubeconfig. */
export interface ClusterOptions {
  /** In place of `KUBECONFIG` and `~/.kube/config`. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly cluster?: string | undefined;
  readonly user?: string | undefined;
  readonly namespace?: string | undefined;
  readonly server?: string | undefined;
  /** Files, relative to the working folder. */
  readonly certificateAuthority?: string | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
  readonly token?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly as?: string | undefined;
  readonly asUid?: string | undefined;
  readonly asGroup?: readonly string[] | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  readonly tlsServerName?: string | undefined;
  readonly proxyUrl?: string | undefined;
  readonly disableCompression?: boolean | undefined;
  /** As `kubectl` takes it: `30`, `30s`, `2m`; `0` for no limit. */
  readonly requestTimeout?: string | undefined;
}

/** One of several reasons that the API server gives, in its own words and without values that were sent. */
export interface FailureCause {
  /** Such as `FieldManagerConflict` or `FieldValueInvalid`. */
  readonly reason: string;
  readonly message: string;
  /** The place in the object, as the server writes it: `.data.password`. */
  readonly field: string;
}

export interface KubeErrorOptions extends KsealErrorOptions {
  readonly causes?: readonly FailureCause[] | undefined;
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly serverMessage?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** A cluster that cannot be reached, or does not do what it was asked for: `CLUSTER_*`. */
export class KubeError extends KsealError {
  override readonly name: string = "KubeError";
  /** The HTTP status; `undefined` when there was no answer. */
  readonly status: number | undefined;
  /** The API server's word for it: `NotFound`, `AlreadyExists`, `Conflict`, `Expired`. */
  readonly reason: string | undefined;
  /** The API server's own sentence, without control characters and without values that were sent. */
  readonly serverMessage: string | undefined;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;
  /** The single reasons, where the server gives them: each field that another manager owns, each that is invalid. */
  readonly causes: readonly FailureCause[];

  constructor(code: ErrorCode & `CLUSTER_${string}`, message: string, options: KubeErrorOptions = {}) {
    super(code, message, options);
    this.status = options.status;
    this.reason = options.reason;
    this.serverMessage = options.serverMessage;
    this.retryAfterMs = options.retryAfterMs;
    this.causes = options.causes ?? [];
  }
}
