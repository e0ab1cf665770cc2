import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import { quote } from "../../gotemplate/quote.ts";
import type { ClusterOptions } from "../../kube/api.ts";
import { inCluster } from "../../kube/in-cluster.ts";
import { loadKubeconfig } from "../../kube/kubeconfig.ts";
import type { ClusterEntry, ContextEntry, UserEntry } from "../../kube/kubeconfig-file.ts";
import { KubesealError } from "./kubeseal-error.ts";

const nothing = "no configuration has been provided, try setting KUBERNETES_MASTER environment variable";

/**
 * The namespace that commands without `-n` are for: that of the context, or `default`.
 *
 * @throws KubesealError When no cluster is configured, although none is asked.
 */
export async function namespaceOf(options: ClusterOptions, host: Host): Promise<string> {
  const chosen = await choose(options, host);
  const problems = await problemsOf(chosen, host);
  const isEmpty = problems.length === 1 && problems[0] === nothing;
  if (problems.length > 0 && !isEmpty) throw unusable(problems);
  const named = chosen.context?.namespace ?? "";
  if (isEmpty || named === "") {
    const pod = await inCluster(host);
    if (pod !== undefined) return pod.namespace;
    if (isEmpty) throw unusable(problems);
  }
  return named || "default";
}

/** Refuses in the original's words when no cluster is configured, or a part of it is missing. */
export async function checkConfigured(options: ClusterOptions, host: Host): Promise<void> {
  const chosen = await choose(options, host);
  const missing: readonly (readonly [string, string | undefined, unknown])[] = [
    ["auth info", options.user, chosen.user],
    ["context", options.context, chosen.context],
    ["cluster", options.cluster, chosen.cluster],
  ];
  for (const [what, name, found] of missing) {
    if (name !== undefined && found === undefined)
      throw new KubesealError(`${what} ${quote(name)} does not exist`);
  }
  const problems = await problemsOf(chosen, host);
  if (problems.length === 0) return;
  if (problems.length > 1 || problems[0] !== nothing || (await inCluster(host)) === undefined) {
    throw unusable(problems);
  }
}

/** The entries of the kubeconfig that count, with their names; what is not there is `undefined`. */
interface Chosen {
  readonly options: ClusterOptions;
  readonly contextName: string;
  readonly context: ContextEntry | undefined;
  readonly clusterName: string;
  readonly cluster: ClusterEntry | undefined;
  readonly userName: string;
  readonly user: UserEntry | undefined;
}

async function choose(options: ClusterOptions, host: Host): Promise<Chosen> {
  const config = await load(options, host);
  const contextName = options.context ?? config.currentContext ?? "";
  const context = config.contexts.get(contextName);
  const clusterName = options.cluster ?? context?.cluster ?? "";
  const userName = options.user ?? context?.user ?? "";
  const [cluster, user] = [config.clusters.get(clusterName), config.users.get(userName)];
  return { options, contextName, context, clusterName, cluster, userName, user };
}

async function load(options: ClusterOptions, host: Host) {
  try {
    return await loadKubeconfig(host, options.kubeconfig);
  } catch (error) {
    if (error instanceof KsealError && error.code === "NO_FILE" && options.kubeconfig !== undefined) {
      throw new KubesealError(`stat ${options.kubeconfig}: no such file or directory`);
    }
    throw error;
  }
}

async function problemsOf(chosen: Chosen, host: Host): Promise<readonly string[]> {
  const { contextName, context } = chosen;
  const all = [
    ...(contextName !== "" && context === undefined
      ? [`context was not found for specified context: ${contextName}`]
      : []),
    ...(await userProblems(chosen, host)),
    ...(await clusterProblems(chosen, host)),
  ];
  return all.length === 1 && all[0] === noServer ? [nothing] : all;
}

const noServer = "cluster has no server defined";

async function clusterProblems(
  { options, clusterName, cluster }: Chosen,
  host: Host,
): Promise<readonly string[]> {
  // A cluster that was asked for and is not there gets no server from elsewhere.
  const server =
    (options.cluster !== undefined && cluster === undefined ? "" : options.server) ?? cluster?.server;
  if (server === undefined || server === "") {
    const isNamed = options.cluster !== undefined || cluster !== undefined;
    return [isNamed ? `no server found for cluster ${quote(clusterName)}` : noServer];
  }
  const file = options.certificateAuthority;
  if (file === undefined || (await host.stat(file)) !== undefined) return [];
  return [unreadable("certificate-authority", file, clusterName)];
}

async function userProblems({ options, userName, user }: Chosen, host: Host): Promise<readonly string[]> {
  const methods = [
    ...((options.token ?? user?.token) ? ["token"] : []),
    ...((options.username ?? options.password ?? user?.username ?? user?.password) ? ["basicAuth"] : []),
  ];
  const { clientCertificate, clientKey } = options;
  const hasKey =
    clientKey !== undefined || user?.clientKey !== undefined || user?.clientKeyData !== undefined;
  const files = [
    ["client-cert", clientCertificate],
    ["client-key", clientCertificate === undefined ? undefined : clientKey],
  ] as const;
  const missing: string[] = [];
  for (const [what, file] of files) {
    if (file !== undefined && (await host.stat(file)) === undefined)
      missing.push(unreadable(what, file, userName));
  }
  return [
    ...(clientCertificate !== undefined && !hasKey
      ? [
          `client-key-data or client-key must be specified for ${userName} to use the clientCert authentication method.`,
        ]
      : []),
    ...missing,
    ...(methods.length > 1
      ? [
          `more than one authentication method found for ${userName}; found [${methods.join(" ")}], only one is allowed`,
        ]
      : []),
  ];
}

function unreadable(what: string, file: string, name: string): string {
  return `unable to read ${what} ${file} for ${name} due to open ${file}: no such file or directory`;
}

function unusable(problems: readonly string[]): KubesealError {
  const list = problems.length === 1 ? (problems[0] ?? "") : `[${problems.join(", ")}]`;
  return new KubesealError(`invalid configuration: ${list}`);
}
