import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type ControllerOptions, flagNames, readOptions } from "../../controller/options.ts";
import {
  chartFolder,
  hasHelm,
  type InstalledObject,
  kustomize,
  objectsOf,
  ofKind,
  renderChart,
} from "../support/install.ts";
import { peer } from "../support/peers.ts";

/** Another value for every flag than its standard, as the chart takes it. */
const otherValues: Readonly<Record<string, readonly [values: object, flag: string]>> = {
  "key-prefix": [{ secretName: "team-key" }, "team-key"],
  "key-size": [{ keySize: 2048 }, "2048"],
  "key-ttl": [{ keyttl: "8760h" }, "8760h"],
  "my-cn": [{ keyCommonName: "prod" }, "prod"],
  "key-renew-period": [{ keyrenewperiod: "0" }, "0"],
  "key-order-priority": [{ keyOrderPriority: "SecretCreationTimestamp" }, "SecretCreationTimestamp"],
  "key-cutoff-time": [
    { keycutofftime: "Mon, 14 Oct 2024 21:45:30 +0200" },
    "Mon, 14 Oct 2024 21:45:30 +0200",
  ],
  "privatekey-annotations": [{ privateKeyAnnotations: { b: "2=3", a: "1" } }, "a=1,b=2=3"],
  "privatekey-labels": [{ privateKeyLabels: { team: "a" } }, "team=a"],
  "key-wrap-recipients": [{ keyWrapping: { recipients: ["age1a", "age1b"] } }, "age1a,age1b"],
  "backup-recipients": [{ backup: { recipients: ["age1a", "age1b"] } }, "age1a,age1b"],
  "backup-to": [{ backup: { to: ["folder:/backups"] } }, "folder:/backups"],
  "watch-for-secrets": [{ watchForSecrets: false }, "false"],
  "accept-deprecated-v1-data": [{ acceptDeprecatedV1Data: false }, "false"],
  "all-namespaces": [{ allNamespaces: false }, "false"],
  "additional-namespaces": [{ additionalNamespaces: ["a", "b"] }, "a,b"],
  "label-selector": [{ labelSelector: "team in (a, b)" }, "team in (a, b)"],
  drift: [{ drift: "report" }, "report"],
  "annotate-secrets": [{ annotateSecrets: false }, "false"],
  "skip-recreate": [{ skipRecreate: true }, "true"],
  "old-gc-behavior": [{ oldGcBehavior: true }, "true"],
  "update-status": [{ updateStatus: false }, "false"],
  "dry-run": [{ dryRun: true }, "true"],
  concurrency: [{ concurrency: 16 }, "16"],
  workers: [{ workers: 0 }, "0"],
  "resync-period": [{ resyncPeriod: "1h30m" }, "1h30m"],
  "full-verification-period": [{ fullVerificationPeriod: "24h" }, "24h"],
  "max-unseal-retries": [{ maxRetries: 0 }, "0"],
  "kubeclient-qps": [{ kubeClientQPS: 2.5 }, "2.5"],
  "kubeclient-burst": [{ kubeClientBurst: "20" }, "20"],
  "leader-election": [{ leaderElection: { enabled: false } }, "false"],
  "lease-name": [{ leaderElection: { leaseName: "writer" } }, "writer"],
  "lease-duration": [{ leaderElection: { leaseDuration: "30s" } }, "30s"],
  "listen-addr": [{ containerPorts: { http: 9090 } }, ":9090"],
  "listen-metrics-addr": [{ containerPorts: { metrics: 9091 } }, ":9091"],
  "read-timeout": [{ readTimeout: "10s" }, "10s"],
  "write-timeout": [{ writeTimeout: "10s" }, "10s"],
  "kubeseal-endpoints": [{ kubesealEndpoints: true }, "true"],
  "rate-limit": [{ rateLimit: 10 }, "10"],
  "rate-limit-burst": [{ rateLimitBurst: 20 }, "20"],
  "max-body-bytes": [{ maxBodyBytes: 16_777_216 }, "16777216"],
  "certificate-configmap": [{ certificateConfigMap: "certificate" }, "certificate"],
  "metrics-omit-secret-labels": [{ metrics: { omitSecretLabels: true } }, "true"],
  "log-info-stdout": [{ logInfoStdout: false }, "false"],
  "log-level": [{ logLevel: "DEBUG" }, "DEBUG"],
  "log-format": [{ logFormat: "json" }, "json"],
};

test("S26: every flag of the controller has a value in the chart", () => {
  // They are for people at a terminal.
  const wanted = flagNames.filter((name) => !["help", "version", "kubeconfig"].includes(name));
  expect(Object.keys(otherValues).toSorted()).toEqual(wanted.toSorted());
});

describe.skipIf(!hasHelm)("the chart", () => {
  test("as it comes starts the controller with its standards", async () => {
    expect(optionsOf(await render())).toEqual(optionsOf([]));
  });

  test("S26: hands every value to the controller, false ones too", async () => {
    const values = merged(Object.values(otherValues).map(([part]) => part));
    const args: string[] = containerOf(await render(values)).args;
    const expected = Object.entries(otherValues).map(([name, [, value]]) => `--${name}=${value}`);
    expect(args.toSorted()).toEqual(expected.toSorted());
    expect(() => optionsOf(args)).not.toThrow();
  });

  test("leaves out what is empty, so that the controller's standards count", async () => {
    const args: string[] = containerOf(
      await render({ keyttl: "", logLevel: "", rateLimit: "", certificateConfigMap: "", keySize: null }),
    ).args;
    const names = args.map((arg) => arg.slice(2, arg.indexOf("=")));
    // Empty means none, which is another thing than the standard.
    expect(["key-ttl", "log-level", "rate-limit", "key-size"].filter((name) => names.includes(name))).toEqual(
      [],
    );
    expect(args).toContain("--certificate-configmap=");
  });

  test("S26: has the same security context as the manifests", async () => {
    const chart = ofKind(await render(), "Deployment").spec.template.spec;
    const base = ofKind(objectsOf(await kustomize("base")), "Deployment").spec.template.spec;
    expect(chart.securityContext).toEqual(base.securityContext);
    expect(chart.containers[0].securityContext).toEqual(base.containers[0].securityContext);
    for (const field of ["livenessProbe", "readinessProbe"]) {
      expect(chart.containers[0][field].httpGet).toEqual(base.containers[0][field].httpGet);
    }
    expect(chart.containers[0].resources).toEqual(base.containers[0].resources);
    expect(chart.containers[0].image).toBe(base.containers[0].image);
  });

  test("S17: gives nobody the right to reach the service until somebody is named, and says whom on demand", async () => {
    const subjects = async (values: object, files: readonly string[] = []) => {
      const objects = objectsOf(await renderChart(values, files));
      return ofKind(objects, "RoleBinding", "sealed-secrets-controller-service-proxier")?.subjects;
    };
    const group = (name: string) => [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name }];
    expect(await subjects({})).toEqual(group("sealed-secrets:sealers"));
    expect(await subjects({}, ["migration-values.yaml"])).toEqual(group("system:authenticated"));
    // As upstream's values have it: a text with templates in it.
    const text = "- apiGroup: rbac.authorization.k8s.io\n  kind: Group\n  name: {{ .Release.Name }}";
    expect(await subjects({ rbac: { serviceProxier: { subjects: text } } })).toEqual(
      group("sealed-secrets-controller"),
    );
    expect(await subjects({ rbac: { serviceProxier: { bind: false } } })).toBeUndefined();
    expect(await renderChart({ rbac: { serviceProxier: { create: false } } })).not.toContain("proxier");
  });

  test("S17: nothing in it, or in the manifests, is for everybody who can log in", async () => {
    for (const yaml of [
      await renderChart(),
      await kustomize("base"),
      await kustomize("overlays/namespaced"),
    ]) {
      expect(yaml).not.toMatch(/\bsystem:/);
    }
  });

  test("does without rights in the whole cluster", async () => {
    const values = {
      rbac: { clusterRole: false, namespacedRoles: true },
      additionalNamespaces: ["team-a", "team-b"],
      backup: { recipients: ["age1a"], to: ["namespace:backups", "folder:/backups"] },
    };
    const objects = await render(values);
    expect(ofKind(objects, "ClusterRole")).toBeUndefined();
    expect(ofKind(objects, "ClusterRoleBinding")).toBeUndefined();
    const roles = objects.filter(
      ({ kind, metadata }) => kind === "Role" && metadata.name === "secrets-unsealer",
    );
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(["kube-system", "team-a", "team-b"]);
    const places = objects.filter(({ metadata }) => metadata.name.endsWith("-backup"));
    expect(places.map(({ kind, metadata }) => `${kind} ${metadata.namespace}`)).toEqual([
      "Role backups",
      "RoleBinding backups",
    ]);
    await expect(renderChart({ rbac: { clusterRole: false } })).rejects.toThrow(
      "without rbac.clusterRole the controller cannot look after all namespaces: set allNamespaces to false, or name additionalNamespaces",
    );
  });

  test.for([
    ["secrets", {}, "get list watch create patch"],
    ["secrets", { skipRecreate: true }, "get create patch"],
    ["secrets", { oldGcBehavior: true }, "get list watch create patch delete"],
    ["sealedsecrets/status", {}, "patch"],
    ["sealedsecrets/status", { updateStatus: false }, ""],
  ] as const)("asks for the rights on %s that %o needs", async ([resource, values, verbs]) => {
    const { rules } = ofKind(await render(values), "ClusterRole");
    const rule = rules.find(({ resources }: { resources: string[] }) => resources.includes(resource));
    expect((rule?.verbs ?? []).join(" ")).toBe(verbs);
  });

  test("has no budget that would keep the only replica where it is", async () => {
    expect(ofKind(await render(), "PodDisruptionBudget").spec.minAvailable).toBe(1);
    expect(ofKind(await render({ replicaCount: 1 }), "PodDisruptionBudget")).toBeUndefined();
    const { spec } = ofKind(await render({ pdb: { maxUnavailable: "50%" } }), "PodDisruptionBudget");
    expect(spec).toMatchObject({ maxUnavailable: "50%" });
    expect(spec).not.toHaveProperty("minAvailable");
  });

  test("lets through the ports of the containers, not those of the services", async () => {
    const values = { service: { port: 80 }, metrics: { service: { port: 81 } } };
    const { spec } = ofKind(await render(values), "NetworkPolicy");
    expect(spec.ingress).toEqual([{ ports: [{ port: 8080 }, { port: 8081 }] }]);
    const egress = { enabled: true, kubeapiCidr: "10.0.0.1/32", kubeapiPort: 6443 };
    expect(ofKind(await render({ networkPolicy: { egress } }), "NetworkPolicy").spec).toMatchObject({
      policyTypes: ["Ingress", "Egress"],
      egress: [{ ports: [{ port: 6443 }], to: [{ ipBlock: { cidr: "10.0.0.1/32" } }] }],
    });
  });

  test("names an image by registry and digest", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const values = { image: { registry: "registry.example", repository: "a/b", digest } };
    expect(containerOf(await render(values)).image).toBe(`registry.example/a/b@${digest}`);
    expect(containerOf(await render({ image: { tag: "1" } })).image).toBe("kseal-controller:1");
  });

  test.for([
    ["a name that is none of its values", { updatestatus: false }, "updatestatus"],
    ["a text where there is true and false", { updateStatus: "false" }, "updateStatus"],
    ["a duration without a unit", { keyrenewperiod: "30" }, "keyrenewperiod"],
    ["a level that is none", { logLevel: "TRACE" }, "logLevel"],
    ["a port that is none", { containerPorts: { http: 70_000 } }, "http"],
    [
      "a value of the Sealed Secrets chart that means nothing any more",
      { rbac: { pspEnabled: true } },
      "psp",
    ],
  ] as const)("refuses %s", async ([, values, named]) => {
    await expect(renderChart(values)).rejects.toThrow(named);
  });

  test("refuses a label of keys that could not be passed on whole", async () => {
    await expect(renderChart({ privateKeyLabels: { team: "a,b" } })).rejects.toThrow(
      "team: a value with a comma cannot be passed to the controller",
    );
  });

  test("has every value of the Sealed Secrets chart but those that mean nothing here", () => {
    const theirs = parse(
      readFileSync(join(dirname(peer("helm") ?? ""), "sealed-secrets", "values.yaml"), "utf8"),
    );
    const ours = parse(readFileSync(join(chartFolder, "values.yaml"), "utf8"));
    const has = (path: string) =>
      path
        .split(".")
        .slice(1)
        .reduce((at: InstalledObject, key) => at?.[key], ours) !== undefined;
    expect(leavesOf(theirs).filter((path) => !has(path))).toEqual([
      ".kubeVersion",
      // Said of the pod.
      ".containerSecurityContext.runAsUser",
      ".ingress.apiVersion",
      ".ingress.selfSigned",
      ".ingress.extraHosts",
      ".ingress.extraPaths",
      ".ingress.secrets",
      ".rbac.pspEnabled",
    ]);
  });

  test("describes every one of its values in the schema, and no others", () => {
    const values = parse(readFileSync(join(chartFolder, "values.yaml"), "utf8"));
    const schema = JSON.parse(readFileSync(join(chartFolder, "values.schema.json"), "utf8"));
    expect(pathsOfValues(values, schema)).toEqual(pathsOfSchema(schema));
  });
});

async function render(values: object = {}): Promise<readonly InstalledObject[]> {
  return objectsOf(await renderChart(values));
}

function containerOf(objects: readonly InstalledObject[]): InstalledObject {
  return ofKind(objects, "Deployment").spec.template.spec.containers[0];
}

function optionsOf(from: readonly InstalledObject[] | readonly string[]): ControllerOptions {
  const [first] = from;
  const args: readonly string[] =
    first === undefined || typeof first === "string" ? (from as readonly string[]) : containerOf(from).args;
  return readOptions({
    arguments: args,
    environment: {},
    serviceAccountNamespace: "kube-system",
    now: Date.now(),
  });
}

/** Paths of values that end where there is no map, or an empty one. */
function leavesOf(values: InstalledObject, path = ""): readonly string[] {
  const isMap = typeof values === "object" && values !== null && !Array.isArray(values);
  if (!isMap || Object.keys(values).length === 0) return [path];
  return Object.entries(values).flatMap(([key, value]) => leavesOf(value, `${path}.${key}`));
}

/** Objects in one, deeply. */
function merged(parts: readonly InstalledObject[]): InstalledObject {
  const result: Record<string, InstalledObject> = {};
  for (const part of parts) {
    for (const [key, value] of Object.entries<InstalledObject>(part)) {
      const isMap = typeof value === "object" && !Array.isArray(value);
      result[key] = isMap ? merged([result[key] ?? {}, value]) : value;
    }
  }
  return result;
}

/** Paths of values, down to where the schema says nothing more. */
function pathsOfValues(values: InstalledObject, schema: InstalledObject, path = ""): readonly string[] {
  if (schema?.properties === undefined || schema.additionalProperties !== false) return [path];
  return Object.entries(values)
    .flatMap(([key, value]) => pathsOfValues(value, schema.properties[key], `${path}.${key}`))
    .toSorted();
}

function pathsOfSchema(schema: InstalledObject, path = ""): readonly string[] {
  if (schema.properties === undefined || schema.additionalProperties !== false) return [path];
  return Object.entries(schema.properties)
    .filter(([key]) => key !== "global")
    .flatMap(([key, property]) => pathsOfSchema(property, `${path}.${key}`))
    .toSorted();
}
