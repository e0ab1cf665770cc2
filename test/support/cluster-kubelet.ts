import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { TestCluster } from "./cluster.ts";
import { startPod } from "./cluster-pod.ts";
import { type ServerProcess, waitFor } from "./cluster-processes.ts";
import { peer } from "./peers.ts";

/** Runs what one Deployment says, in place of nodes: one replica, reachable through the Service of its name. */
export interface Kubelet {
  /** Which controller runs, once it is the one that the Deployment says. */
  running(): Promise<"bitnami" | "kseal">;
  stop(): Promise<void>;
}

interface Running {
  readonly what: "bitnami" | "kseal";
  /** Of the Deployment: the uid and the generation. */
  readonly version: string;
  readonly process: ServerProcess;
  readonly address: string;
}

// biome-ignore lint/suspicious/noExplicitAny: as in cluster-api.ts
type ClusterObject = any;

const main = join(import.meta.dirname, "..", "..", "controller", "main.ts");

/**
 * Follows a Deployment of one of the two controllers until {@link Kubelet.stop}. Its arguments are those of the process,
 * but for the address, and for keys and pauses that are shorter, so that it is quick.
 */
export function startKubelet(
  cluster: TestCluster,
  place: { readonly namespace: string; readonly name: string },
): Kubelet {
  const { api, egress, host } = cluster;
  const core = `/api/v1/namespaces/${place.namespace}`;
  const deploymentPath = `/apis/apps/v1/namespaces/${place.namespace}/deployments/${place.name}`;
  const podPath = `${core}/pods/${place.name}-0`;
  const endpointsPath = `${core}/endpoints/${place.name}`;
  let current: Running | undefined;
  let starts = 0;
  let failure: unknown;

  const deployment = async (): Promise<ClusterObject> => {
    const { status, text } = await api.request("GET", deploymentPath);
    return status === 200 ? JSON.parse(text) : undefined;
  };
  const end = async (): Promise<void> => {
    const ended = current;
    if (ended === undefined) return;
    current = undefined;
    await ended.process.stop("SIGTERM");
    egress.removePod(ended.address);
    await api.request("DELETE", podPath, { gracePeriodSeconds: 0 });
    await api.request("DELETE", endpointsPath);
  };
  const begin = async (wanted: ClusterObject): Promise<void> => {
    const { serviceAccountName, containers } = wanted.spec.template.spec;
    const [{ image, args = [] }] = containers;
    const what = image.includes("bitnami") ? "bitnami" : "kseal";
    const quick =
      what === "bitnami" ? ["--kubeclient-qps", "-1"] : ["--lease-duration", "3s", "--log-format", "json"];
    const process_ = await startPod(cluster, {
      name: `${what}-${starts++}`,
      namespace: place.namespace,
      serviceAccount: serviceAccountName,
      command: [
        ...(what === "bitnami" ? ([peer("controller") ?? ""] as const) : ([process.execPath, main] as const)),
        ...args,
        ...quick,
        ...["--key-size", "2048"],
        ...["--listen-addr", `${host}:8080`, "--listen-metrics-addr", `${host}:8081`],
      ],
    });
    const address = egress.addPod({ host });
    const { containers: _, ...spec } = wanted.spec.template.spec;
    await publish(address, { ...spec, containers: [{ name: "controller", image }] });
    current = { what, version: versionOf(wanted), process: process_, address };
  };
  const publish = async (address: string, spec: object): Promise<void> => {
    const metadata = { name: `${place.name}-0`, namespace: place.namespace };
    await api.apply(podPath, {
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: { ...spec, nodeName: "no-node", automountServiceAccountToken: false, volumes: [] },
    });
    const podIPs = [{ ip: address }];
    const conditions = [{ type: "Ready", status: "True" }];
    const status = { phase: "Running", podIP: address, podIPs, conditions };
    await api.call("PATCH", `${podPath}/status`, { status });
    const service = await api.call("GET", `${core}/services/${place.name}`);
    const [{ name }] = service.spec.ports;
    const port = name === undefined ? {} : { name };
    const targetRef = { kind: "Pod", namespace: place.namespace, name: metadata.name };
    // The API server's proxy looks at these, and not at their slices.
    await api.apply(endpointsPath, {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { ...metadata, name: place.name },
      subsets: [
        { addresses: [{ ip: address, targetRef }], ports: [{ ...port, port: 8080, protocol: "TCP" }] },
      ],
    });
  };
  const report = async (wanted: ClusterObject): Promise<void> => {
    const { replicas } = wanted.spec;
    if (wanted.status?.observedGeneration === wanted.metadata.generation) return;
    const path = current?.what === "kseal" ? "readyz" : "healthz";
    if ((await fetch(`http://${host}:8080/${path}`).catch(() => undefined))?.status !== 200) return;
    const counts = {
      replicas,
      updatedReplicas: replicas,
      readyReplicas: replicas,
      availableReplicas: replicas,
    };
    const status = { observedGeneration: wanted.metadata.generation, ...counts };
    await api.call("PATCH", `${deploymentPath}/status`, { status });
  };
  const look = async (): Promise<void> => {
    const wanted = await deployment();
    if (current !== undefined && (wanted === undefined || current.version !== versionOf(wanted))) await end();
    if (wanted === undefined) return;
    if (current === undefined) await begin(wanted);
    await report(wanted);
  };
  const abort = new AbortController();
  const loop = (async () => {
    while (!abort.signal.aborted) {
      await look().catch((error: unknown) => {
        failure = error;
      });
      await pause(200);
    }
  })();
  return {
    running: async () => {
      const what = await waitFor("controller of the Deployment", async () => {
        const wanted = await deployment();
        const isThere = wanted !== undefined && current?.version === versionOf(wanted);
        return isThere && wanted.status?.observedGeneration === wanted.metadata.generation
          ? current?.what
          : undefined;
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}; ${String(failure)}\n${current?.process.log() ?? ""}`);
      });
      return what;
    },
    stop: async () => {
      abort.abort();
      await loop;
      await end();
    },
  };
}

/** Changes with what is to run, and not with how it fares. */
function versionOf({ metadata, spec }: ClusterObject): string {
  return `${metadata.uid} ${JSON.stringify(spec.template)}`;
}
