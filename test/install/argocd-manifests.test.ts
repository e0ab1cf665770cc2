import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { nextStatus, readStatus, statusObject } from "../../controller/status.ts";
import { argocdInstall } from "../support/argocd-install.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { manifests, objectsOf, ofKind } from "../support/install.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

const kubectl = peer("kubectl");
const glua = peer("glua");

/** Argo CD with some of the components, as a kustomization of the user's own has them. */
async function argocdWith(...components: readonly string[]): Promise<string> {
  const folder = makeFolder({
    "argocd.yaml": argocdInstall,
  });
  onTestFinished(() => removeFolder(folder));
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: "argocd",
    resources: ["argocd.yaml"],
    components: components.map((name) => join("components", name)),
    images: ["kseal-argocd", "kseal-cli"].map((name) => ({
      name,
      newName: `registry.example/${name}`,
      newTag: "v1",
    })),
  };
  writeFileSync(join(folder, "kustomization.yaml"), stringify(kustomization));
  // Kustomize takes no component from outside of the folder by an absolute path.
  const copied = await runProgram(["cp", "-r", manifests("argocd"), join(folder, "components")], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "" },
  });
  expect(copied.status, copied.stderr).toBe(0);
  const built = await runProgram([kubectl ?? "", "kustomize", folder], {
    cwd: folder,
    env: { HOME: folder },
  });
  expect(built.status, built.stderr).toBe(0);
  return built.stdout.toString("utf8");
}

describe.skipIf(kubectl === undefined)("the sidecar for Argo CD", () => {
  test("gets the plugin's file, its image and its keys, and shares no temporary folder", async () => {
    const objects = objectsOf(await argocdWith("sidecar"));
    const config = ofKind(
      objects,
      "ConfigMap",
      objects.find(({ data }) => data?.["plugin.yaml"])?.metadata.name,
    );
    const { containers, volumes } = ofKind(objects, "Deployment").spec.template.spec;
    const sidecar = containers.find(({ name }: { name: string }) => name === "kseal");
    const volume = (name: string) => volumes.find((one: { name: string }) => one.name === name);

    expect(config.data["plugin.yaml"]).toBe(readFileSync(manifests("argocd/sidecar/plugin.yaml"), "utf8"));
    // A changed file changes the name, and so starts the repo-server anew.
    expect(config.metadata.name).toMatch(/^kseal-cmp-[a-z0-9]{10}$/);
    expect(volume("kseal-cmp").configMap.name).toBe(config.metadata.name);
    expect(sidecar).toMatchObject({
      image: "registry.example/kseal-argocd:v1",
      command: ["/var/run/argocd/argocd-cmp-server"],
      securityContext: { runAsUser: 999, readOnlyRootFilesystem: true },
    });
    const mounts = Object.fromEntries(
      sidecar.volumeMounts.map((mount: { mountPath: string; name: string }) => [mount.mountPath, mount.name]),
    );
    expect(mounts).toMatchObject({ "/tmp": "kseal-temp", "/kseal/keys": "kseal-keys" });
    expect(volume("kseal-temp").emptyDir).toEqual({ medium: "Memory" });
    for (const name of Object.values(mounts)) expect(volume(name as string), String(name)).toBeDefined();
    // What was there stays.
    expect(containers.map(({ name }: { name: string }) => name).toSorted()).toEqual([
      "argocd-repo-server",
      "kseal",
    ]);
  });
});

describe.skipIf(kubectl === undefined)("kseal beside the kustomize of the repo-server", () => {
  test("is installed before it starts, under the names that generators give", async () => {
    const objects = objectsOf(await argocdWith("init-container"));
    const { initContainers, containers } = ofKind(objects, "Deployment").spec.template.spec;

    expect(ofKind(objects, "ConfigMap", "argocd-cm").data).toEqual({
      "timeout.reconciliation": "180s",
      "kustomize.buildOptions": "--enable-alpha-plugins --enable-exec",
    });
    expect(initContainers).toMatchObject([
      { image: "registry.example/kseal-cli:v1", args: ["install", "/custom-tools"] },
    ]);
    expect(containers[0].volumeMounts).toEqual(
      expect.arrayContaining([
        { name: "custom-tools", mountPath: "/usr/local/bin/kseal", subPath: "kseal" },
        { name: "custom-tools", mountPath: "/usr/local/bin/ksops", subPath: "kseal" },
        { name: "tmp", mountPath: "/tmp" },
      ]),
    );
  });
});

describe.skipIf(!hasCluster)("the manifests for Argo CD, against a real API server", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ controllerManager: false });
    await cluster.createNamespace("argocd");
    // Which the controllers would make, and which is looked at before anything else of a pod.
    await cluster.serviceAccountToken("argocd", "default");
    const labels = ["enforce", "warn"].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
    await cluster.kubectl(["label", "namespace", "argocd", ...labels]);
  });
  afterAll(() => cluster?.stop());

  test.for(["sidecar", "init-container", "sidecar and health"])(
    "%s: every field is one, and pods pass the restricted standard",
    async (components) => {
      const yaml = await argocdWith(...components.split(" and "));
      const applied = await cluster.exec(
        [kubectl ?? "", "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"],
        { stdin: yaml },
      );
      expect(applied.stderr).toBe("");
      expect(applied.status).toBe(0);

      // A Deployment is only warned about; its pods are what is refused.
      const { metadata, spec } = ofKind(objectsOf(yaml), "Deployment").spec.template;
      const pod = {
        ...{ apiVersion: "v1", kind: "Pod", metadata: { ...metadata, name: "pod", namespace: "argocd" } },
        spec: { ...spec, automountServiceAccountToken: false },
      };
      const admitted = await cluster.exec(
        [kubectl ?? "", "create", "--dry-run=server", "--validate=strict", "-f", "-"],
        { stdin: JSON.stringify(pod) },
      );
      expect({ status: admitted.status, stderr: admitted.stderr }).toEqual({ status: 0, stderr: "" });
    },
  );
});

describe.skipIf(glua === undefined)("the health of SealedSecrets, by the Lua that Argo CD has in it", () => {
  const script = readFileSync(manifests("argocd/health/health.lua"), "utf8");
  // Argo CD opens what a script needs to load, to walk through tables and to convert; nothing else.
  const sandbox = [
    "io",
    "os",
    "string",
    "math",
    "debug",
    "coroutine",
    "channel",
    "dofile",
    "loadfile",
    "require",
  ];

  async function healthOf(object: object): Promise<object> {
    const folder = makeFolder({
      "run.lua": `local write = print
${sandbox.map((name) => `${name} = nil`).join("\n")}
obj = ${luaOf(object)}
local function run()
${script}
end
local result = run()
write(result.status)
write(result.message)
`,
    });
    onTestFinished(() => removeFolder(folder));
    const { status, stdout, stderr } = await runProgram([glua ?? "", "run.lua"], { cwd: folder, env: {} });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const [health, message] = stdout.toString("utf8").split("\n");
    return { status: health, message };
  }

  /** A status as the controller writes it. */
  const statusAfter = (failure: string | undefined, generation: number) => {
    const status = nextStatus(readStatus(undefined), { failure }, { generation, now: 0 });
    return status === undefined ? {} : statusObject(status);
  };
  const metadata = { name: "db", namespace: "shop", generation: 2 };
  const waiting = { status: "Progressing", message: "waiting for the controller to open it" };

  test.for<[string, object, object]>([
    ["no status yet", { metadata }, waiting],
    ["an empty status", { metadata, status: {} }, waiting],
    ["no conditions", { metadata, status: { observedGeneration: 2, conditions: [] } }, waiting],
    [
      "opened",
      { metadata, status: statusAfter(undefined, 2) },
      { status: "Healthy", message: "the Secret is in place" },
    ],
    [
      "refused",
      { metadata, status: statusAfter('no key opens "password"', 2) },
      { status: "Degraded", message: 'no key opens "password"' },
    ],
    [
      "opened before the last change",
      { metadata, status: statusAfter(undefined, 1) },
      { status: "Progressing", message: "waiting for the controller to see the last change" },
    ],
    [
      "refused before the last change",
      { metadata, status: statusAfter("no key", 1) },
      { status: "Progressing", message: "waiting for the controller to see the last change" },
    ],
    [
      "refused by a controller that does not say what it saw",
      { metadata, status: { conditions: [{ type: "Synced", status: "False" }] } },
      { status: "Degraded", message: "the controller could not make the Secret" },
    ],
    [
      "unknown, and conditions of others",
      {
        metadata,
        status: {
          observedGeneration: 2,
          conditions: [
            { type: "Other", status: "True" },
            { type: "Synced", status: "Unknown" },
          ],
        },
      },
      waiting,
    ],
    [
      "going",
      {
        metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" },
        status: statusAfter(undefined, 2),
      },
      { status: "Progressing", message: "is being deleted" },
    ],
  ])("%s", async ([, object, health]) => {
    expect(await healthOf(object)).toEqual(health);
  });

  test.skipIf(kubectl === undefined)(
    "is in Argo CD's configuration with the component, beside what is there",
    async () => {
      const objects = objectsOf(await argocdWith("health"));

      expect(ofKind(objects, "ConfigMap", "argocd-cm").data).toEqual({
        "timeout.reconciliation": "180s",
        "resource.customizations.health.bitnami.com_SealedSecret": script,
      });
    },
  );
});

function luaOf(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(luaOf).join(", ")}}`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, child]) => `[${JSON.stringify(key)}] = ${luaOf(child)}`)
      .join(", ")}}`;
  }
  return JSON.stringify(value);
}
