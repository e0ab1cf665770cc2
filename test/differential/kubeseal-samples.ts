/** A Secret with everything that sealing has to carry over, as YAML. */
export const fullSecret = `# a comment
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  generateName: db-
  labels: { b: "1", a: "<&>" }
  annotations:
    note: "it's"
    kubectl.kubernetes.io/last-applied-configuration: '{"data":{"user":"clear"}}'
  finalizers: [z, a]
  creationTimestamp: "2020-01-01T00:00:00Z"
  resourceVersion: "5"
  uid: 6b0d3f9e
  generation: 3
  ownerReferences:
    - { apiVersion: v1, kind: Pod, name: p, uid: u }
type: Opaque
immutable: true
data:
  user: YWRtaW4=
  both: bG9zZXM=
  empty: ""
stringData:
  both: wins
  text: |
    two
    lines
`;

/** One Secret as JSON. */
export function secretJson(
  name: string,
  namespace?: string,
  more: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly data?: Record<string, string>;
  } = {},
): string {
  const { annotations, data = { password: "aHVudGVyMg==" } } = more;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(annotations && { annotations }),
  };
  return JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata, data });
}

/** One Secret as YAML. */
export function secretYaml(name: string, namespace = "shop", item = "password"): string {
  return `apiVersion: v1
kind: Secret
metadata:
  name: ${name}
  namespace: ${namespace}
stringData:
  ${item}: hunter2
`;
}

/** The annotation of a scope. */
export function scopeAnnotation(
  scope: "namespace-wide" | "cluster-wide",
  value = "true",
): Record<string, string> {
  return { [`sealedsecrets.bitnami.com/${scope}`]: value };
}

/** A kubeconfig whose cluster is never asked. */
export function kubeconfig(options: { readonly namespace?: string; readonly server?: string } = {}): string {
  const { namespace, server = "http://127.0.0.1:1" } = options;
  return `apiVersion: v1
kind: Config
current-context: one
clusters:
  - name: c
    cluster: { server: "${server}" }
  - name: other
    cluster: { server: "http://127.0.0.1:2" }
users:
  - name: u
    user: { token: of-the-file }
  - name: second
    user: { token: of-the-second }
contexts:
  - name: one
    context: { cluster: c, user: u${namespace === undefined ? "" : `, namespace: ${namespace}`} }
  - name: two
    context: { cluster: c, user: second, namespace: from-two }
`;
}
