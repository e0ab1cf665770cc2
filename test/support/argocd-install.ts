import { stringify } from "yaml";

const objects = [
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "argocd-repo-server", labels: { "app.kubernetes.io/name": "argocd-repo-server" } },
    spec: {
      selector: { matchLabels: { "app.kubernetes.io/name": "argocd-repo-server" } },
      template: {
        metadata: { labels: { "app.kubernetes.io/name": "argocd-repo-server" } },
        spec: {
          containers: [
            {
              name: "argocd-repo-server",
              image: "argocd",
              args: ["/usr/local/bin/argocd-repo-server"],
              env: [{ name: "ARGOCD_RECONCILIATION_TIMEOUT", value: "180s" }],
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                runAsNonRoot: true,
                capabilities: { drop: ["ALL"] },
                seccompProfile: { type: "RuntimeDefault" },
              },
              volumeMounts: [
                { name: "tmp", mountPath: "/tmp" },
                { name: "plugins", mountPath: "/home/argocd/cmp-server/plugins" },
              ],
            },
          ],
          volumes: [
            { name: "tmp", emptyDir: {} },
            { name: "var-files", emptyDir: {} },
            { name: "plugins", emptyDir: {} },
          ],
        },
      },
    },
  },
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "argocd-cm" },
    data: { "timeout.reconciliation": "180s" },
  },
];

/**
 * What stands in for the manifests of Argo CD: the parts of them that kseal's own count on, without what does not matter
 * to these.
 */
export const argocdInstall: string = objects.map((object) => stringify(object)).join("---\n");
