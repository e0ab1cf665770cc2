import { join } from "node:path";
import type { TestCluster } from "./cluster.ts";
import { installDefinition } from "./cluster-bitnami.ts";
import { type SmallFolder, startPod } from "./cluster-pod.ts";
import { type ServerProcess, waitFor } from "./cluster-processes.ts";

/** This project's controller in a test cluster. */
export interface KsealController {
  readonly process: ServerProcess;
  /** Where it answers: `http://127.x.y.z:port`. */
  readonly url: string;
  readonly metricsUrl: string;
  /** What it logged. */
  log(): string;
  /** The value of a metric that has no labels, or these. */
  metric(name: string, labels?: string): Promise<number>;
  /** Asks for a path. */
  ask(path: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Whether this replica writes. */
  leads(): Promise<boolean>;
  /** The certificate that it gives out. PEM. */
  certificate(): Promise<string>;
  /** Sends a signal and waits for nothing. */
  signal(signal: NodeJS.Signals): void;
  /** Ends it; its keys stay in the cluster. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface KsealControllerOptions {
  /** More flags. */
  readonly flags?: readonly string[];
  /** Where it runs, with keys and a lease of its own. Default `kube-system`. */
  readonly namespace?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node, before the program. */
  readonly nodeFlags?: readonly string[];
  /** A folder of a controller that stores backups there, with so little room. */
  readonly smallFolder?: SmallFolder;
  /** In place of Node and the sources: what the flags are appended to. */
  readonly program?: readonly [string, ...string[]];
  /** Several replicas have different names. Default `sealed-secrets-controller`. */
  readonly name?: string;
  /** The port of the service and, one above, that of the metrics. Default 8080. */
  readonly port?: number;
  /** Gives it the rights of the manifests' base first; without, it has what is there. Default true. */
  readonly rights?: boolean;
  /** Waits until it is ready. Default true. */
  readonly ready?: boolean;
}

/** As the Bitnami controller's, so that one takes over from the other. */
export const controllerNamespace = "kube-system";
const account = "sealed-secrets-controller";
const main = join(import.meta.dirname, "..", "..", "controller", "main.ts");
const manifests = join(import.meta.dirname, "..", "..", "controller", "manifests", "base");

/** Starts it as a pod of the cluster, with the rights that it needs and no others. */
export async function addController(
  cluster: TestCluster,
  options: KsealControllerOptions = {},
): Promise<KsealController> {
  const { flags = [], name = account, port = 8080, ready = true, nodeFlags = [] } = options;
  const { namespace = controllerNamespace, env = {}, smallFolder } = options;
  const { program = [process.execPath, ...nodeFlags, main] } = options;
  await installDefinition(cluster);
  if (options.rights ?? true) await installControllerRights(cluster, namespace);
  const process_ = await startPod(cluster, {
    name,
    namespace: controllerNamespace,
    serviceAccount: account,
    smallFolder,
    env: { POD_NAMESPACE: namespace, ...env },
    command: [
      ...program,
      ...["--key-size", "2048", "--lease-duration", "3s", "--log-format", "json"],
      ...["--listen-addr", `${cluster.host}:${port}`, "--listen-metrics-addr", `${cluster.host}:${port + 1}`],
      ...flags,
    ],
  });
  const url = `http://${cluster.host}:${port}`;
  const metricsUrl = `http://${cluster.host}:${port + 1}/metrics`;
  if (ready) {
    await waitFor(
      "readiness of the controller",
      async () => ((await ask(`${url}/readyz`)).status === 200 ? true : undefined),
      [process_],
    );
  }
  const metric: KsealController["metric"] = async (name_, labels = "") => {
    const { text } = await ask(metricsUrl);
    const line = text.split("\n").find((each) => each.startsWith(`${name_}${labels} `));
    return Number(line?.split(" ").at(-1));
  };
  return {
    process: process_,
    url,
    metricsUrl,
    log: process_.log,
    metric,
    ask: (path) => ask(`${url}${path}`),
    leads: async () => (await metric("kseal_controller_leader")) === 1,
    certificate: async () => {
      const { status, text } = await ask(`${url}/v1/cert.pem`);
      if (status !== 200) throw new Error(`${status} ${text}`);
      return text;
    },
    signal: (signal) => process.kill(process_.pid, signal),
    stop: (signal = "SIGTERM") => process_.stop(signal),
  };
}

/** An answer is read to its end, or its connection would stay in use; and one that does not come is asked for again. */
async function ask(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
  return { status: answer.status, text: await answer.text() };
}

/** The rights that its manifests give it. @param namespace - Where it keeps its keys. */
export async function installControllerRights(
  cluster: TestCluster,
  namespace: string = controllerNamespace,
): Promise<void> {
  const files = ["service-account.yaml", "cluster-role.yaml", "role.yaml", "service-proxier.yaml"];
  const named = files.flatMap((file) => ["-f", join(manifests, file)]);
  await cluster.kubectl([
    ...["apply", "--server-side", "--force-conflicts", "--namespace", controllerNamespace],
    ...named,
  ]);
  if (namespace === controllerNamespace) return;
  await cluster.createNamespace(namespace);
  const role = join(manifests, "role.yaml");
  await cluster.kubectl(["apply", "--server-side", "--namespace", namespace, "-f", role]);
}

/** A kubeconfig file of the controller's account, with the rights that its manifests give it and no others. */
export async function controllerKubeconfig(cluster: TestCluster): Promise<string> {
  await installControllerRights(cluster);
  const user = `system:serviceaccount:${controllerNamespace}:${account}`;
  const resourceAttributes = { verb: "patch", resource: "secrets", namespace: "default" };
  const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview" };
  const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
  // What was bound takes effect a moment later.
  await waitFor("rights of the controller", async () => {
    const { status } = await cluster.api.call("POST", path, {
      ...review,
      spec: { user, resourceAttributes },
    });
    return status.allowed === true ? true : undefined;
  });
  return await cluster.serviceAccountKubeconfig(controllerNamespace, account);
}
