import type { ClusterOptions } from "../kube/api.ts";

/** Which cluster is asked, and where in it the Sealed Secrets controller runs. */
export interface ClusterFlags {
  readonly options: ClusterOptions;
  /** `kube-system` when neither the flag nor the rule of `.sops.yaml` names one. */
  readonly controllerNamespace?: string | undefined;
  /** `sealed-secrets-controller` when neither names one. */
  readonly controllerName?: string | undefined;
}

/** A controller: the namespace and the name of its service. */
export interface ControllerPlace {
  readonly namespace: string;
  readonly name: string;
}

const usual: ControllerPlace = { namespace: "kube-system", name: "sealed-secrets-controller" };

/** Where the controller runs: as the flags say, else as the rule does, else where it usually is. */
export function controllerOf(
  flags: ClusterFlags | undefined,
  ruled?: ControllerPlace | undefined,
): ControllerPlace {
  return {
    namespace: flags?.controllerNamespace ?? ruled?.namespace ?? usual.namespace,
    name: flags?.controllerName ?? ruled?.name ?? usual.name,
  };
}
