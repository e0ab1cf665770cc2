import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestCluster } from "./cluster.ts";
import type { PodTarget } from "./cluster-egress.ts";
import type { ServerProcess } from "./cluster-processes.ts";

// Root may mount; others may in a user namespace, where the system lets them have one.
const unshare = ["unshare", "--mount", "--propagation", "private"] as const;
const unshareAsUser = [...unshare, "--map-root-user"] as const;
const unshareCommand = [unshare, unshareAsUser].find(
  ([program, ...args]) => spawnSync(program, [...args, "true"], { stdio: "ignore" }).status === 0,
);

/** Whether {@link startPod} works here: it needs a mount namespace, so Linux, and root or user namespaces. */
export const hasPods: boolean = canHavePods();

/** A file system of its own. */
export interface SmallFolder {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Runs a program as in a container of a pod: with the files of a service account where clients inside a cluster look for
 * them, and the address of the API server in its environment. The files are in no other process's view.
 */
export async function startPod(
  cluster: TestCluster,
  pod: {
    /** Of the process and its log. */
    readonly name: string;
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly command: readonly [string, ...string[]];
    readonly env?: Readonly<Record<string, string>>;
    /** A folder that is there already, and has so little room for this process: others see what lies under it. */
    readonly smallFolder?: SmallFolder | undefined;
  },
): Promise<ServerProcess> {
  if (unshareCommand === undefined) throw new Error("this system gives no mount namespace");
  const run = join(cluster.folder, `${pod.name}-run`);
  const secrets = join(run, "secrets", "kubernetes.io", "serviceaccount");
  mkdirSync(secrets, { recursive: true });
  const files = {
    token: await cluster.serviceAccountToken(pod.namespace, pod.serviceAccount),
    "ca.crt": cluster.caPem,
    namespace: pod.namespace,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(secrets, name), content);
  const { path = "", bytes = 0 } = pod.smallFolder ?? {};
  const script = `
    mount --bind "$1" /var/run || exit
    if [ -n "$2" ]; then mount -t tmpfs -o "size=$3,mode=700" tmpfs "$2" || exit; fi
    shift 3 && exec "$@"
  `;
  return cluster.servers.start(
    pod.name,
    [...unshareCommand, "/bin/sh", "-c", script, "pod", run, path, String(bytes), ...pod.command],
    {
      KUBERNETES_SERVICE_HOST: cluster.host,
      KUBERNETES_SERVICE_PORT: new URL(cluster.server).port,
      ...pod.env,
    },
  );
}

/** A service of a test cluster, behind which a process of this machine stands. */
export interface PublishedService {
  /** Takes pod and service away. */
  remove(): Promise<void>;
}

/**
 * Makes a Service with one ready Pod, so that the API server's service proxy reaches whatever listens at the target. The
 * API server forwards only to an address that the status of a Pod of the same namespace has.
 */
export async function publishService(
  cluster: TestCluster,
  service: {
    readonly namespace: string;
    readonly name: string;
    /** Default 8080, without a name, as the manifest of Sealed Secrets has it. */
    readonly port?: number;
    readonly portName?: string;
    /** Default: the same port at the cluster's own address. */
    readonly target?: PodTarget;
  },
): Promise<PublishedService> {
  const { api, egress } = cluster;
  const { namespace, name, port = 8080, portName, target = { host: cluster.host } } = service;
  const core = `/api/v1/namespaces/${namespace}`;
  const address = egress.addPod(target);
  const metadata = (own: string) => ({ name: own, namespace, labels: { name } });
  const ports = [{ port, ...(portName !== undefined && { name: portName }) }];
  const [podName, account] = [`${name}-0`, `${core}/serviceaccounts/${name}`];
  // Without the account the pod would be refused.
  await api.apply(account, { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata(name) });
  await api.apply(`${core}/pods/${podName}`, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: metadata(podName),
    spec: {
      serviceAccountName: name,
      automountServiceAccountToken: false,
      nodeName: "no-node",
      containers: [{ name, image: "none" }],
    },
  });
  await api.call("PATCH", `${core}/pods/${podName}/status`, {
    status: {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  });
  await api.apply(`${core}/services/${name}`, {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(name),
    spec: { type: "ClusterIP", ports: ports.map((each) => ({ ...each, targetPort: port })) },
  });
  const targetRef = { kind: "Pod", namespace, name: podName };
  await api.apply(`${core}/endpoints/${name}`, {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: metadata(name),
    subsets: [{ addresses: [{ ip: address, targetRef }], ports }],
  });
  return {
    remove: async () => {
      egress.removePod(address);
      // Its endpoints go with it.
      await api.call("DELETE", `${core}/services/${name}`);
      await api.call("DELETE", `${core}/pods/${podName}`, { gracePeriodSeconds: 0 });
    },
  };
}

function canHavePods(): boolean {
  if (unshareCommand !== undefined) return true;
  if (process.env["KSEAL_REQUIRE_PEERS"] === "1") {
    throw new Error("a controller in a cluster needs a mount namespace: root, or user namespaces");
  }
  return false;
}
