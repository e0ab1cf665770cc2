import { KsealError } from "../errors.ts";
import { type ClusterOptions, KubeError } from "./api.ts";
import { inCluster } from "./in-cluster.ts";
import { type KubeHost, kubeconfigFiles, loadKubeconfig } from "./kubeconfig.ts";
import type { ClusterEntry, ContextEntry, Kubeconfig, UserEntry } from "./kubeconfig-file.ts";
import { parseTimeout } from "./request-timeout.ts";

/** Which server is asked, as whom, and how. */
export interface Connection {
  /** With scheme, without a slash at the end; may have a path (Rancher). */
  readonly server: string;
  /** `undefined` inside a cluster, and where only `--server` says which. */
  readonly context: string | undefined;
  readonly namespace: string;
  readonly cluster: ClusterEntry;
  readonly user: UserEntry;
  /** For one request from start to end; `undefined`: none. */
  readonly requestTimeoutMs: number | undefined;
}

/**
 * Finds the cluster as `kubectl` does: the kubeconfig with the overrides of the command line on top, else the service
 * account of the pod that kseal runs in.
 *
 * @throws KubeError `CLUSTER_UNREACHABLE` when nothing says which cluster.
 * @throws KsealError for a kubeconfig that cannot be read.
 */
export async function findConnection(host: KubeHost, options: ClusterOptions): Promise<Connection> {
  const requestTimeoutMs = parseTimeout(options.requestTimeout);
  const config = await loadKubeconfig(host, options.kubeconfig);
  const context = chooseContext(config, options.context);
  const cluster = overrideCluster(
    host,
    entryOf(config.clusters, "cluster", options.cluster ?? context.entry.cluster) ?? {},
    options,
  );
  const user = overrideUser(
    host,
    entryOf(config.users, "user", options.user ?? context.entry.user) ?? {},
    options,
  );
  if (cluster.server === undefined) {
    const inside = explicit(options) ? undefined : await inCluster(host);
    if (inside === undefined) throw nowhere(host, options, context.name);
    const asked = overrideUser(host, inside.user, options);
    return {
      ...inside,
      namespace: options.namespace ?? inside.namespace,
      user: checkUser(asked),
      requestTimeoutMs,
    };
  }
  const server = serverUrl(cluster.server, cluster);
  return {
    server,
    context: context.name,
    namespace: options.namespace ?? context.entry.namespace ?? "default",
    cluster: checkCluster(cluster),
    // What is sent in clear must not be a password.
    user: server.startsWith("https:") ? checkUser(user) : { ...impersonation(user) },
    requestTimeoutMs,
  };
}

function explicit(options: ClusterOptions): boolean {
  return [options.kubeconfig, options.context, options.cluster].some((value) => value !== undefined);
}

function nowhere(host: KubeHost, options: ClusterOptions, context: string | undefined): KubeError {
  const files = kubeconfigFiles(host, options.kubeconfig).join(", ");
  const what = context === undefined ? "no current context" : `no server for the context ${context}`;
  return new KubeError("CLUSTER_UNREACHABLE", `no cluster to ask: there is ${what} in ${files}`, {
    hint: "set KUBECONFIG, or choose with --kubeconfig FILE and --context NAME; `kubectl config get-contexts` lists them",
  });
}

function chooseContext(
  config: Kubeconfig,
  asked: string | undefined,
): { readonly name: string | undefined; readonly entry: ContextEntry } {
  const name = asked ?? config.currentContext;
  const entry = name === undefined ? undefined : entryOf(config.contexts, "context", name);
  return { name, entry: entry ?? { cluster: "", user: "" } };
}

function entryOf<T>(entries: ReadonlyMap<string, T>, kind: string, name: string): T | undefined {
  const entry = entries.get(name);
  if (entry === undefined && name !== "") {
    throw new KubeError(
      "CLUSTER_UNREACHABLE",
      `the kubeconfig has no ${kind} named ${JSON.stringify(name)}`,
      {
        hint: `\`kubectl config get-${kind}s\` lists them`,
      },
    );
  }
  return entry;
}

function overrideCluster(host: KubeHost, entry: ClusterEntry, options: ClusterOptions): ClusterEntry {
  const { server, insecureSkipTlsVerify, certificateAuthority, tlsServerName, proxyUrl } = options;
  const otherTrust = insecureSkipTlsVerify === true || certificateAuthority !== undefined;
  const otherName = tlsServerName !== undefined || server !== undefined;
  return {
    ...entry,
    ...(server !== undefined && { server }),
    ...(otherTrust && {
      insecureSkipTlsVerify,
      certificateAuthority: certificateAuthority && host.resolve(certificateAuthority),
      certificateAuthorityData: undefined,
    }),
    // The name in the kubeconfig belongs to the server in the kubeconfig.
    ...(otherName && { tlsServerName }),
    ...(proxyUrl !== undefined && { proxyUrl }),
    ...(options.disableCompression === true && { disableCompression: true }),
  };
}

function overrideUser(host: KubeHost, entry: UserEntry, options: ClusterOptions): UserEntry {
  const { clientCertificate, clientKey, token, username, password, as, asUid, asGroup } = options;
  return {
    ...entry,
    ...(clientCertificate !== undefined && {
      clientCertificate: host.resolve(clientCertificate),
      clientCertificateData: undefined,
    }),
    ...(clientKey !== undefined && { clientKey: host.resolve(clientKey), clientKeyData: undefined }),
    ...(token !== undefined && { token, tokenFile: undefined }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(as !== undefined && { as }),
    ...(asUid !== undefined && { asUid }),
    ...(asGroup !== undefined && asGroup.length > 0 && { asGroups: asGroup }),
  };
}

function checkCluster(cluster: ClusterEntry): ClusterEntry {
  const hasTrust =
    cluster.certificateAuthority !== undefined || cluster.certificateAuthorityData !== undefined;
  if (cluster.insecureSkipTlsVerify === true && hasTrust) {
    throw usage("a certificate authority and insecure-skip-tls-verify exclude each other");
  }
  return cluster;
}

function checkUser(user: UserEntry): UserEntry {
  const { as, asUid, asGroups = [], asUserExtra = {}, username, password, token } = user;
  const hasDetails = asUid !== undefined || asGroups.length > 0 || Object.keys(asUserExtra).length > 0;
  if (as === undefined && hasDetails) {
    throw usage("who to act as is not said: --as-uid and --as-group need --as");
  }
  if (token !== undefined && (username !== undefined || password !== undefined)) {
    throw usage("a token and a user name with password exclude each other");
  }
  return user;
}

function usage(message: string): KsealError {
  return new KsealError("USAGE", message);
}

function impersonation({ as, asUid, asGroups, asUserExtra }: UserEntry): UserEntry {
  return checkUser({ as, asUid, asGroups, asUserExtra });
}

/** The address of a server, which may come without a scheme. */
function serverUrl(text: string, cluster: ClusterEntry): string {
  const isTls =
    cluster.insecureSkipTlsVerify === true ||
    (cluster.certificateAuthority ?? cluster.certificateAuthorityData) !== undefined;
  const full = text.includes("://") ? text : `${isTls ? "https" : "http"}://${text}`;
  const url = URL.parse(full);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new KubeError("CLUSTER_UNREACHABLE", "the server of the cluster is no https address", {
      hint: "`kubectl config view` shows it; --server takes https://HOST:PORT",
    });
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}
