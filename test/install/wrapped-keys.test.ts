import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasHelm, type InstalledObject, objectsOf, ofKind, renderChart } from "../support/install.ts";
import { peer } from "../support/peers.ts";

const podOf = (yaml: string): InstalledObject =>
  ofKind(objectsOf(yaml), "Deployment").spec.template.spec as InstalledObject;
const identityOf = ({ volumes = [], containers: [container] }: InstalledObject) => ({
  env: container.env,
  mounts: container.volumeMounts,
  volumes,
});

test.skipIf(!hasHelm || peer("kubectl") === undefined)(
  "chart and component mount the identity of wrapped keys alike, and the chart beside what else is mounted",
  async () => {
    const keyWrapping = { recipients: ["age1a"], identitySecret: "sealed-secrets-identity" };
    const chart = podOf(await renderChart({ keyWrapping }));
    const folder = mkdtempSync(join(tmpdir(), "kseal-kustomize-"));
    try {
      symlinkSync(join(import.meta.dirname, "..", "..", "controller", "manifests"), join(folder, "kseal"));
      const text = "resources: [kseal/base]\ncomponents: [kseal/components/wrapped-keys]\n";
      writeFileSync(join(folder, "kustomization.yaml"), text);
      const component = execFileSync(peer("kubectl") ?? "", ["kustomize", folder], { encoding: "utf8" });
      expect(identityOf(podOf(component))).toEqual(identityOf(chart));
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(identityOf(chart)).toEqual({
      env: [{ name: "SOPS_AGE_KEY_FILE", value: "/etc/kseal/identity/keys.txt" }],
      mounts: [{ name: "identity", mountPath: "/etc/kseal/identity", readOnly: true }],
      volumes: [{ name: "identity", secret: { secretName: "sealed-secrets-identity", defaultMode: 0o440 } }],
    });
    expect(chart.containers[0].args).toContain("--key-wrap-recipients=age1a");
    const others = podOf(
      await renderChart({
        keyWrapping,
        extraEnv: [{ name: "A", value: "b" }],
        additionalVolumes: [{ name: "backups", emptyDir: {} }],
        additionalVolumeMounts: [{ name: "backups", mountPath: "/backups" }],
      }),
    );
    const names = (list: readonly InstalledObject[]) => list.map(({ name }) => name);
    const { env, mounts, volumes } = identityOf(others);
    expect([env, mounts, volumes].map(names)).toEqual([
      ["SOPS_AGE_KEY_FILE", "A"],
      ["identity", "backups"],
      ["identity", "backups"],
    ]);
  },
);
