import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hasCluster, type TestCluster } from "./cluster.ts";
import { hasPods, type PublishedService, publishService, startPod } from "./cluster-pod.ts";
import { type ServerProcess, waitFor } from "./cluster-processes.ts";
import { peer } from "./peers.ts";

/** The real Sealed Secrets controller in a test cluster, at `kube-system/sealed-secrets-controller`. */
export interface BitnamiController {
  /** What it logged. */
  log(): string;
  /** The certificate that it gives out. PEM. */
  certificate(): Promise<string>;
  /** Ends it; its keys stay in the cluster. */
  stop(): Promise<void>;
}

const controller = peer("controller");
const namespace = "kube-system";
const name = "sealed-secrets-controller";
const rbac = "/apis/rbac.authorization.k8s.io/v1";

/** Whether it can run here. */
export const hasBitnamiController: boolean = hasCluster && controller !== undefined && hasPods;

/**
 * Starts it with the rights that its manifest gives it, and waits until it answers through the service proxy.
 *
 * @param flags - More flags. So that it is quick, its keys have 2048 bits here, and it may ask the API server as often
 *   as it likes; its own default is five times a second.
 */
export async function addBitnamiController(
  cluster: TestCluster,
  flags: readonly string[] = [],
): Promise<BitnamiController> {
  await installDefinition(cluster);
  await installBitnamiRights(cluster);
  const process = await startPod(cluster, {
    name,
    namespace,
    serviceAccount: name,
    command: [
      controller ?? "",
      ...["--key-size", "2048", "--kubeclient-qps", "-1"],
      ...["--listen-addr", `${cluster.host}:8080`, "--listen-metrics-addr", `${cluster.host}:8081`],
      ...flags,
    ],
  });
  const service = await publishService(cluster, { namespace, name });
  const certificate = () => fetchCertificate(cluster);
  await waitFor("certificate of the controller", certificate, [process]);
  return { log: process.log, certificate, stop: () => stop(process, service) };
}

/** The definition of SealedSecrets that upstream ships, and which this project's own is equal to in its schema. */
export async function installDefinition(cluster: TestCluster): Promise<void> {
  const file = join(dirname(controller ?? ""), "bitnami.com_sealedsecrets.yaml");
  await cluster.kubectl(["apply", "--server-side", "-f", "-"], { stdin: readFileSync(file, "utf8") });
  await waitFor("definition of SealedSecrets", async () => {
    const { status } = await cluster.api.request("GET", "/apis/bitnami.com/v1alpha1/sealedsecrets");
    // 429 while its storage is being prepared.
    return status === 200 ? true : undefined;
  });
}

async function fetchCertificate({ api }: TestCluster): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/services/http:${name}:/proxy/v1/cert.pem`;
  const { status, text } = await api.request("GET", path);
  if (status !== 200) throw new Error(`${status} ${text}`);
  return text;
}

async function stop(process: ServerProcess, service: PublishedService): Promise<void> {
  await process.stop("SIGTERM");
  await service.remove();
}

/** Names and rules are those of the manifest of Sealed Secrets 0.36. */
export async function installBitnamiRights({ api }: TestCluster): Promise<void> {
  const rule = (apiGroup: string, resources: string[], verbs: string[], resourceNames?: string[]) => ({
    apiGroups: [apiGroup],
    resources,
    verbs,
    ...(resourceNames !== undefined && { resourceNames }),
  });
  const apply = async (kind: string, plural: string, own: string, content: object, cluster = false) => {
    const metadata = { name: own, ...(!cluster && { namespace }) };
    const path = cluster ? `${rbac}/${plural}/${own}` : `${rbac}/namespaces/${namespace}/${plural}/${own}`;
    await api.apply(path, { apiVersion: "rbac.authorization.k8s.io/v1", kind, metadata, ...content });
  };
  const bind = (kind: "ClusterRole" | "Role", role: string, subject: object) => ({
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: role },
    subjects: [subject],
  });
  const account = { kind: "ServiceAccount", name, namespace };
  const everyone = { kind: "Group", name: "system:authenticated", apiGroup: "rbac.authorization.k8s.io" };
  const unsealer = [
    rule("bitnami.com", ["sealedsecrets"], ["get", "list", "watch"]),
    rule("bitnami.com", ["sealedsecrets/status"], ["update"]),
    rule("", ["secrets"], ["get", "list", "create", "update", "delete", "watch"]),
    rule("", ["events"], ["create", "patch"]),
    rule("", ["namespaces"], ["get"]),
  ];
  const proxied = [`http:${name}:`, `http:${name}:http`, name];
  const proxier = [
    rule("", ["services"], ["get"], [name]),
    rule("", ["services/proxy"], ["create", "get"], proxied),
  ];
  const keyAdmin = [rule("", ["secrets"], ["create", "list"])];
  await apply("ClusterRole", "clusterroles", "secrets-unsealer", { rules: unsealer }, true);
  const unsealerBinding = bind("ClusterRole", "secrets-unsealer", account);
  await apply("ClusterRoleBinding", "clusterrolebindings", name, unsealerBinding, true);
  await apply("Role", "roles", "sealed-secrets-key-admin", { rules: keyAdmin });
  await apply("RoleBinding", "rolebindings", name, bind("Role", "sealed-secrets-key-admin", account));
  await apply("Role", "roles", "sealed-secrets-service-proxier", { rules: proxier });
  const proxierBinding = bind("Role", "sealed-secrets-service-proxier", everyone);
  await apply("RoleBinding", "rolebindings", "sealed-secrets-service-proxier", proxierBinding);
}
