import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { waitFor } from "../support/cluster-processes.ts";
import {
  chartFolder,
  hasHelm,
  type InstalledObject,
  kustomize,
  manifests,
  objectsOf,
  ofKind,
  release,
  renderChart,
} from "../support/install.ts";
import { peer } from "../support/peers.ts";

const helm = peer("helm");
const overlays = ["namespaced", "single-replica", "monitoring", "migration"].map(
  (name) => `overlays/${name}`,
);

/** What the chart can be told, so that every template and every branch is rendered. */
const valueMatrix: readonly (readonly [name: string, values: object])[] = [
  ["nothing", {}],
  ["another name and namespace", { fullnameOverride: "sealer", namespace: "team-a" }],
  [
    "labels and annotations everywhere",
    { commonLabels: { team: "a" }, commonAnnotations: { "a/b": "{{ .Release.Name }}" } },
  ],
  [
    "no rights in the whole cluster",
    { rbac: { clusterRole: false, namespacedRoles: true }, additionalNamespaces: ["team-a"] },
  ],
  [
    "rights that somebody else gives",
    { rbac: { create: false }, serviceAccount: { create: false, name: "default" } },
  ],
  [
    "no lease, no certificate",
    { leaderElection: { enabled: false }, certificateConfigMap: "", replicaCount: 1 },
  ],
  ["low rights", { skipRecreate: true, updateStatus: false, watchForSecrets: false }],
  [
    "monitoring",
    {
      metrics: {
        serviceMonitor: {
          enabled: true,
          interval: "30s",
          scrapeTimeout: "10s",
          labels: { release: "prometheus" },
          relabelings: [{ action: "labeldrop", regex: "pod" }],
          metricRelabelings: [{ action: "labeldrop", regex: "instance" }],
        },
        prometheusRule: { enabled: true },
        dashboards: { create: true },
      },
    },
  ],
  [
    "ways in",
    {
      service: { type: "NodePort", nodePort: 30_080, annotations: { "a/b": "c" }, labels: { a: "b" } },
      metrics: { service: { type: "LoadBalancer", loadBalancerClass: "a/b" } },
      ingress: { enabled: true, tls: true, ingressClassName: "nginx", extraTls: [{ hosts: ["a.example"] }] },
      networkPolicy: { egress: { enabled: true, extraRules: [{ ports: [{ port: 53, protocol: "UDP" }] }] } },
      hostNetwork: true,
    },
  ],
  [
    "pods in every detail",
    {
      image: { pullSecrets: ["registry"], pullPolicy: "Always" },
      revisionHistoryLimit: 0,
      command: ["node"],
      args: "- {{ .Release.Name }}",
      extraEnv: [{ name: "AWS_REGION", value: "eu-west-1" }],
      extraEnvFrom: [{ secretRef: { name: "credentials" } }],
      startupProbe: { enabled: true },
      customLivenessProbe: { tcpSocket: { port: "http" } },
      podLabels: { a: "b" },
      podAnnotations: { a: "b" },
      priorityClassName: "system-cluster-critical",
      runtimeClassName: "gvisor",
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
      nodeSelector: { "kubernetes.io/os": "linux" },
      tolerations: [{ operator: "Exists" }],
      topologyKeys: [],
      additionalVolumes: [{ name: "backups", emptyDir: {} }],
      additionalVolumeMounts: [{ name: "backups", mountPath: "/backups" }],
      dnsPolicy: "ClusterFirst",
      hostPorts: { http: 8080 },
      pdb: { maxUnavailable: 1 },
      podSecurityContext: { enabled: false },
      containerSecurityContext: { enabled: false },
      extraDeploy: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "extra" } }],
    },
  ],
  ["nothing that runs", { createController: false }],
];

describe.skipIf(!hasCluster)("a cluster", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.createNamespace("team-a");
    await cluster.api.apply("/api/v1/namespaces/restricted", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "restricted", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
    });
  });
  afterAll(() => cluster?.stop());

  test.for(["crd", "namespace", "base", "namespace-rights", "backup-rights", ...overlays])(
    "takes manifests/%s, strictly",
    async (folder) => {
      await dryRun(withoutMonitoring(await kustomize(folder)));
    },
  );

  test("takes what the page about the manifests combines, all in one namespace", async () => {
    const page = readFileSync(manifests("README.md"), "utf8");
    const [, own = ""] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? [];
    const folder = join(cluster.folder, "own");
    mkdirSync(folder);
    symlinkSync(join(import.meta.dirname, "..", ".."), join(folder, "kseal"));
    writeFileSync(join(folder, "kustomization.yaml"), own);
    const yaml = await cluster.kubectl(["kustomize", folder]);
    expect(ofKind(objectsOf(yaml), "ServiceMonitor").metadata.namespace).toBe("sealed-secrets");
    expect(yaml).toContain("image: registry.example/kseal-controller:0.1.0");
    // In roles and bindings, too.
    expect(yaml).not.toContain("kube-system");
    await cluster.createNamespace("sealed-secrets");
    await dryRun(withoutMonitoring(yaml));
  });

  test("is strict", async () => {
    const yaml = (await kustomize("base")).replace("readinessProbe:", "readynessProbe:");
    await expect(dryRun(yaml)).rejects.toThrow(".readynessProbe: field not declared in schema");
  });

  test.skipIf(!hasHelm)(
    "takes the chart with every value, strictly, and the monitoring of both",
    async () => {
      await installMonitoring();
      await dryRun(await kustomize("overlays/monitoring"));
      for (const [name, values] of valueMatrix) {
        await dryRun(await renderChart(values)).catch((error) => {
          throw new Error(`with ${name}`, { cause: error });
        });
      }
      await dryRun(await renderChart({}, ["migration-values.yaml"]));
    },
  );

  test("lets the pods run where only restricted ones may", async () => {
    const templates = [ofKind(objectsOf(await kustomize("base")), "Deployment").spec.template];
    if (hasHelm) templates.push(ofKind(objectsOf(await renderChart()), "Deployment").spec.template);
    for (const template of templates) {
      expect(await runPod(template)).toMatchObject({ kind: "Pod" });
      const { securityContext: _, ...spec } = template.spec;
      spec.containers = spec.containers.map((container: InstalledObject) => ({
        ...container,
        securityContext: {},
      }));
      await expect(runPod({ ...template, spec })).rejects.toThrow("violates PodSecurity");
    }
  });

  test.skipIf(!hasHelm)(
    "loses nothing when the chart goes, and what it needs is there when it comes again",
    async () => {
      const chart = ["--namespace", "kube-system", release];
      await helmRun(["install", ...chart, chartFolder]);
      await definitionIsThere();
      const before = await makeObjects();
      await helmRun(["uninstall", ...chart]);
      expect(await deployments()).toEqual([]);
      expect(await countedObjects()).toEqual(before);

      // It takes back what it left.
      await helmRun(["install", ...chart, chartFolder]);
      // #600: a chart without the definition removed it, and every Secret went with it.
      await helmRun(["upgrade", ...chart, chartFolder, "--set", "crds.install=false"]);
      expect(await countedObjects()).toEqual(before);
      await helmRun(["uninstall", ...chart]);
      expect(await countedObjects()).toEqual(before);
    },
  );

  test("loses nothing when the base goes", async () => {
    await cluster.kubectl(["apply", "--server-side", "--force-conflicts", "-k", manifests("crd")]);
    await definitionIsThere();
    await cluster.kubectl(["apply", "--server-side", "-k", manifests("base")]);
    const before = await makeObjects();
    expect(await deployments()).toEqual(["deployment.apps/sealed-secrets-controller"]);
    await cluster.kubectl(["delete", "-k", manifests("base")]);
    expect(await deployments()).toEqual([]);
    expect(await countedObjects()).toEqual(before);
  });

  async function dryRun(yaml: string): Promise<void> {
    const flags = ["--server-side", "--force-conflicts", "--validate=strict", "--dry-run=server"];
    await cluster.kubectl(["apply", ...flags, "-f", "-"], { stdin: yaml });
  }

  async function installMonitoring(): Promise<void> {
    for (const plural of ["servicemonitors", "prometheusrules"]) {
      const file = join(dirname(helm ?? ""), `monitoring.coreos.com_${plural}.yaml`);
      await cluster.kubectl(["apply", "--server-side", "-f", "-"], { stdin: readFileSync(file, "utf8") });
      await served(`/apis/monitoring.coreos.com/v1/${plural}`);
    }
  }

  async function definitionIsThere(): Promise<void> {
    await served("/apis/bitnami.com/v1alpha1/sealedsecrets");
  }

  async function served(path: string): Promise<void> {
    // 429 while its storage is being prepared.
    const ask = async () => ((await cluster.api.request("GET", path)).status === 200 ? true : undefined);
    await waitFor(path, ask);
  }

  async function runPod(template: InstalledObject): Promise<InstalledObject> {
    const { serviceAccountName } = template.spec;
    await cluster.serviceAccountToken("restricted", serviceAccountName);
    const metadata = { ...template.metadata, name: "controller", namespace: "restricted" };
    const pod = { apiVersion: "v1", kind: "Pod", ...template, metadata };
    return await cluster.api.call("POST", "/api/v1/namespaces/restricted/pods?dryRun=All", pod);
  }

  async function helmRun(args: readonly string[]): Promise<void> {
    const { status, stderr } = await cluster.exec([helm ?? "", ...args]);
    if (status !== 0) throw new Error(stderr);
  }

  async function deployments(): Promise<readonly string[]> {
    const names = await cluster.kubectl(["get", "deployments", "-n", "kube-system", "-o", "name"]);
    return names.split("\n").filter((name) => name !== "");
  }

  /** A SealedSecret with its Secret, and a sealing key. */
  async function makeObjects(): Promise<Counted> {
    const path = "/apis/bitnami.com/v1alpha1/namespaces/team-a/sealedsecrets/db";
    await cluster.api.apply(path, {
      apiVersion: "bitnami.com/v1alpha1",
      kind: "SealedSecret",
      metadata: { name: "db", namespace: "team-a" },
      spec: { encryptedData: { password: "AgA=" } },
    });
    const { metadata } = await cluster.api.call("GET", path);
    const owner = {
      apiVersion: "bitnami.com/v1alpha1",
      kind: "SealedSecret",
      name: "db",
      uid: metadata.uid,
      controller: true,
    };
    await cluster.api.apply("/api/v1/namespaces/team-a/secrets/db", {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "db", namespace: "team-a", ownerReferences: [owner] },
      data: { password: "aHVudGVyMg==" },
    });
    await cluster.api.apply("/api/v1/namespaces/kube-system/secrets/sealed-secrets-key2fk9x", {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: "sealed-secrets-key2fk9x",
        namespace: "kube-system",
        labels: { "sealedsecrets.bitnami.com/sealed-secrets-key": "active" },
      },
    });
    return await countedObjects();
  }

  /** By uid: what was deleted and made anew does not count. */
  async function countedObjects(): Promise<Counted> {
    const uid = async (path: string) => {
      const { metadata } = await cluster.api.call("GET", path);
      expect(metadata.deletionTimestamp).toBeUndefined();
      return metadata.uid as string;
    };
    return {
      definition: await uid(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com",
      ),
      sealedSecret: await uid("/apis/bitnami.com/v1alpha1/namespaces/team-a/sealedsecrets/db"),
      secret: await uid("/api/v1/namespaces/team-a/secrets/db"),
      key: await uid("/api/v1/namespaces/kube-system/secrets/sealed-secrets-key2fk9x"),
    };
  }
});

interface Counted {
  readonly definition: string;
  readonly sealedSecret: string;
  readonly secret: string;
  readonly key: string;
}

function withoutMonitoring(yaml: string): string {
  const documents = yaml.split("---\n");
  return documents.filter((text) => !text.includes("monitoring.coreos.com/")).join("---\n");
}
