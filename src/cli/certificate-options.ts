import type { CertificateFlags } from "../ops/certificate.ts";
import type { ClusterFlags } from "../ops/cluster-flags.ts";
import { cluster, clusterOptionsOf } from "./cluster-options.ts";
import type { OptionSpec, OptionValues } from "./command.ts";

const group = "Certificate, instead of that of the rules";

/** For which certificate values are sealed. */
export const certificate: readonly OptionSpec[] = [
  { flags: "--cert <place>", summary: "the cluster's certificate: a file or an address with https", group },
  {
    flags: "--cert-fingerprint <sha256>",
    summary: "refuse any other certificate; needed for an address",
    group,
  },
  { flags: "--fetch", summary: "ask the cluster for its certificate", group },
  {
    flags: "--controller-namespace <namespace>",
    summary: "where the Sealed Secrets controller runs; kube-system when left out",
    group,
  },
  {
    flags: "--controller-name <name>",
    summary: "its service; sealed-secrets-controller when left out",
    group,
  },
  ...cluster,
];

/** What the flags of {@link certificate} say. A cluster is asked when one of them chooses it. */
export function certificateFlagsOf(options: OptionValues): CertificateFlags {
  return {
    cert: options.text("cert"),
    certFingerprint: options.text("certFingerprint"),
    fetch: options.flag("fetch"),
    cluster: clusterFlagsOf(options),
  };
}

function clusterFlagsOf(options: OptionValues): ClusterFlags | undefined {
  // A namespace is that of the Secrets, and chooses nothing.
  const { namespace: _, ...chosen } = clusterOptionsOf(options);
  const controllerNamespace = options.text("controllerNamespace");
  const controllerName = options.text("controllerName");
  const all = [...Object.values(chosen), controllerNamespace, controllerName];
  if (all.every((value) => value === undefined)) return undefined;
  return { options: chosen, controllerNamespace, controllerName };
}
