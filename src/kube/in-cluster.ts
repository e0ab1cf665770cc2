import type { KubeHost } from "./kubeconfig.ts";
import type { ClusterEntry, UserEntry } from "./kubeconfig-file.ts";

/** Where a pod finds what it may show to the API server. */
const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * How a program in a pod reaches the API server: by the address in its environment, with the token of its service
 * account, which is read again as it is rotated.
 *
 * @param folder - Where token, `ca.crt` and namespace lie.
 * @returns `undefined` outside of a cluster.
 */
export async function inCluster(
  host: KubeHost,
  folder: string = serviceAccountFolder,
): Promise<InCluster | undefined> {
  const { KUBERNETES_SERVICE_HOST: address = "", KUBERNETES_SERVICE_PORT: port = "" } = host.env;
  if (address === "" || port === "") return undefined;
  const tokenFile = `${folder}/token`;
  if ((await host.stat(tokenFile)) === undefined) return undefined;
  const named = host.env["POD_NAMESPACE"] || (await readText(host, `${folder}/namespace`));
  return {
    server: `https://${address.includes(":") ? `[${address}]` : address}:${port}`,
    context: undefined,
    namespace: named || "default",
    // The way is short: the API server would take longer to compress than to send.
    cluster: { certificateAuthority: `${folder}/ca.crt`, disableCompression: true },
    user: { tokenFile },
  };
}

export interface InCluster {
  readonly server: string;
  readonly context: undefined;
  readonly namespace: string;
  readonly cluster: ClusterEntry;
  readonly user: UserEntry;
}

async function readText(host: KubeHost, path: string): Promise<string | undefined> {
  if ((await host.stat(path)) === undefined) return undefined;
  return new TextDecoder().decode(await host.readFile(path)).trim();
}
