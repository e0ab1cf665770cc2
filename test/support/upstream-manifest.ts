/*
 * What the manifest of a release of Sealed Secrets holds besides the definition: names, labels, rights and ports as in
 * 0.36.6, with which people have installed it since 2017.
 */

const namespace = "kube-system";
const name = "sealed-secrets-controller";
const labels = { name };
const apiGroup = "rbac.authorization.k8s.io";
const account = { kind: "ServiceAccount", name, namespace };

function rule(group: string, resources: string[], verbs: string[], resourceNames?: string[]): object {
  return { apiGroups: [group], resources, verbs, ...(resourceNames !== undefined && { resourceNames }) };
}

function rights(kind: "Role" | "ClusterRole", own: string, rules: readonly object[]): object {
  const metadata = { name: own, labels: { name: own }, ...(kind === "Role" && { namespace }) };
  return { apiVersion: `${apiGroup}/v1`, kind, metadata, rules };
}

function binding(kind: "Role" | "ClusterRole", own: string, role: string, subject: object): object {
  const metadata = { name: own, labels: { name: own }, ...(kind === "Role" && { namespace }) };
  const roleRef = { apiGroup, kind, name: role };
  return { apiVersion: `${apiGroup}/v1`, kind: `${kind}Binding`, metadata, roleRef, subjects: [subject] };
}

function service(own: string, port: number): object {
  const ports = [{ port, targetPort: port }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: own, namespace, labels },
    spec: { selector: labels, ports },
  };
}

const container = {
  name,
  image: "docker.io/bitnami/sealed-secrets-controller:0.36.6",
  command: ["controller"],
  args: [],
  ports: [
    { name: "http", containerPort: 8080 },
    { name: "metrics", containerPort: 8081 },
  ],
  livenessProbe: { httpGet: { path: "/healthz", port: "http" } },
  readinessProbe: { httpGet: { path: "/healthz", port: "http" } },
  volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
};

const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace, labels },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { serviceAccountName: name, containers: [container], volumes: [{ name: "tmp", emptyDir: {} }] },
    },
  },
};

const items: readonly object[] = [
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels } },
  rights("ClusterRole", "secrets-unsealer", [
    rule("bitnami.com", ["sealedsecrets"], ["get", "list", "watch"]),
    rule("bitnami.com", ["sealedsecrets/status"], ["update"]),
    rule("", ["secrets"], ["get", "list", "create", "update", "delete", "watch"]),
    rule("", ["events"], ["create", "patch"]),
    rule("", ["namespaces"], ["get"]),
  ]),
  binding("ClusterRole", name, "secrets-unsealer", account),
  rights("Role", "sealed-secrets-key-admin", [rule("", ["secrets"], ["create", "list"])]),
  binding("Role", name, "sealed-secrets-key-admin", account),
  rights("Role", "sealed-secrets-service-proxier", [
    rule("", ["services"], ["get"], [name]),
    rule("", ["services/proxy"], ["create", "get"], [`http:${name}:`, `http:${name}:http`, name]),
  ]),
  binding("Role", "sealed-secrets-service-proxier", "sealed-secrets-service-proxier", {
    apiGroup,
    kind: "Group",
    name: "system:authenticated",
  }),
  service(name, 8080),
  service(`${name}-metrics`, 8081),
  deployment,
];

/** All of it, for `kubectl apply`. */
export const upstreamManifest: string = JSON.stringify({ apiVersion: "v1", kind: "List", items });
