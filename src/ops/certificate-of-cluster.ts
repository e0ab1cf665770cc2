import type { SealingCluster } from "../config/sealing.ts";
import { KsealError } from "../errors.ts";
import type { KubeApi } from "../kube/api.ts";
import { fetchCertificatePem } from "../kube/sealed-secrets-service.ts";
import { type CertificateText, certificatesOf } from "./certificate-source.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";

/** Which cluster is asked: the flags say it, and the rule of `.sops.yaml` what they leave open. */
export interface AskedCluster {
  readonly flags: ClusterFlags | undefined;
  readonly cluster: SealingCluster | undefined;
}

/**
 * The certificate that a cluster's controller serves now.
 *
 * @throws KsealError `CLUSTER_*`, `CERTIFICATE_INVALID`.
 */
export async function certificateOfCluster(
  asked: AskedCluster,
  context: OpContext,
): Promise<CertificateText> {
  const api = await clusterApi(asked, context);
  try {
    const pem = await fetchCertificatePem(api, controllerOf(asked.flags, asked.cluster?.controller));
    return certificatesOf(pem, { origin: clusterName(api) });
  } finally {
    api.close();
  }
}

/** The API of the cluster that is asked. */
export async function clusterApi({ flags, cluster }: AskedCluster, { kube }: OpContext): Promise<KubeApi> {
  if (kube === undefined) {
    throw new KsealError("CLUSTER_UNREACHABLE", "no cluster can be asked here");
  }
  // Flags that choose a cluster of their own are not mixed with the rule's context.
  const choosesItself =
    flags?.options.context ?? flags?.options.server ?? flags?.options.cluster ?? flags?.options.kubeconfig;
  const context = choosesItself === undefined ? cluster?.context : undefined;
  return kube({ ...flags?.options, ...(context === undefined ? {} : { context }) });
}

/** How a cluster is called in messages. */
function clusterName({ context, server }: Pick<KubeApi, "context" | "server">): string {
  return context === undefined ? server : `the cluster of context ${context}`;
}
