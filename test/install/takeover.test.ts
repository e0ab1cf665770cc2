import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController, installDefinition } from "../support/cluster-bitnami.ts";
import { type Kubelet, startKubelet } from "../support/cluster-kubelet.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { consoleSections } from "../support/console-blocks.ts";
import { hasHelm, type InstalledObject } from "../support/install.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { upstreamManifest } from "../support/upstream-manifest.ts";

/*
 * A Bitnami installation with keys and objects is taken over and given back with the commands of the manual, as they
 * stand there. In place of nodes, a kubelet of the tests runs what the Deployment says.
 */

const page = "migrate-from-sealed-secrets.md";
const kubeseal = peer("kubeseal");
const upstreamChart = join(dirname(peer("helm") ?? ""), "sealed-secrets");
const hasAll = hasCluster && hasBitnamiController && hasHelm && kubeseal !== undefined;

describe.skipIf(!hasAll)("an installation of Sealed Secrets", () => {
  let cluster: TestCluster;
  let kubelet: Kubelet;
  beforeEach(async () => {
    cluster = await startCluster();
    kubelet = startKubelet(cluster, { namespace: "kube-system", name: "sealed-secrets-controller" });
    prepareFolder(cluster);
  });
  afterEach(async () => {
    await kubelet?.stop();
    await cluster?.stop();
  });

  test("by Helm is taken over and given back, and no object is sealed again", async () => {
    const release = ["sealed-secrets", "--namespace", "kube-system"];
    const names = ["--set", "fullnameOverride=sealed-secrets-controller"];
    await run(`helm install ${[...release, ...names].join(" ")} ${upstreamChart}`);
    await passesThrough("with Helm");
    await run(`helm uninstall ${release.join(" ")}`);
  }, 120_000);

  test("by its manifest is taken over and given back, and no object is sealed again", async () => {
    writeFileSync(join(cluster.folder, "controller.yaml"), upstreamManifest);
    await installDefinition(cluster);
    await run("kubectl apply -f controller.yaml");
    await passesThrough("with the manifest");
    await run("kubectl delete -f controller.yaml --ignore-not-found");
  }, 120_000);

  async function passesThrough(way: string): Promise<void> {
    const sections = consoleSections(page);
    const commands = (heading: string) =>
      sections.find((section) => section.heading === heading)?.steps.map(({ command }) => command) ?? [];
    const [before, there, after] = [commands("Before"), commands(`Installed ${way}`), commands("After")];
    const back = commands(`Back ${way}`);
    expect([before, there, back, after].map(({ length }) => length > 1)).toEqual([true, true, true, true]);
    const [firstCheck = "", secondCheck = "", ...cleanUp] = after;
    expect(cleanUp.every((command) => command.startsWith("kubectl delete"))).toBe(true);

    expect(await kubelet.running()).toBe("bitnami");
    const sealed = await sealFor("before");
    const old = await snapshot();
    // The Bitnami controller leaves it so; kseal puts it right.
    await run(`kubectl patch secret before --patch '{"stringData":{"password":"edited"}}'`);
    expect(await snapshot()).not.toEqual(old);
    for (const command of before) await run(command);

    for (const command of there) await run(command);
    expect(await kubelet.running()).toBe("kseal");
    await run(firstCheck);
    await run(secondCheck);
    await expect.poll(snapshot, { timeout: 20_000 }).toEqual(old);
    // What kubeseal asks of the controller works as before.
    await run("kubeseal --validate < sealed-before.json");
    const during = await sealFor("during");
    const between = await snapshot();
    expect(between).toMatchObject(old);

    for (const command of back) await run(command);
    expect(await kubelet.running()).toBe("bitnami");
    await run(secondCheck);
    await run("kubeseal --validate < sealed-during.json");
    const after_ = await sealFor("after");
    expect(await snapshot()).toMatchObject(between);
    for (const command of cleanUp) await run(command);
    for (const [name, text] of Object.entries({ before: sealed, during, after: after_ })) {
      expect((await cluster.api.call("GET", sealedPath(name))).spec.encryptedData).toEqual(
        JSON.parse(text).spec.encryptedData,
      );
      await cluster.api.call("DELETE", sealedPath(name));
    }
  }

  async function run(command: string): Promise<string> {
    const PATH = `${join(cluster.folder, "bin")}:${process.env["PATH"]}`;
    const done = cluster.exec(["bash", "--norc", "-euo", "pipefail", "-c", command], { env: { PATH } });
    const { status, stdout, stderr } = await done;
    expect(status, `${command}\n${stderr}${stdout}`).toBe(0);
    return stdout.toString();
  }

  /** Seals a Secret as a user does, and waits until the controller made it. */
  async function sealFor(name: string): Promise<string> {
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" } };
    const text = JSON.stringify({ ...secret, stringData: { password: `of ${name}` } });
    writeFileSync(join(cluster.folder, `${name}.json`), text);
    // The service answers once the controller has a key.
    await waitFor("certificate", async () => await run("kubeseal --fetch-cert"));
    const sealed = await run(`kubeseal -o json < ${name}.json | tee sealed-${name}.json`);
    await run(`kubectl apply -f sealed-${name}.json`);
    await waitFor(`Secret ${name}`, async () => {
      const { status } = (await cluster.api.call("GET", sealedPath(name))) as InstalledObject;
      return status?.conditions?.[0]?.status === "True" ? true : undefined;
    });
    return sealed;
  }

  /** What must be the same: uids, sealed values and values of everything there is. */
  async function snapshot(): Promise<Record<string, unknown>> {
    const list = async (path: string) => (await cluster.api.call("GET", path)).items as InstalledObject[];
    const keys = "labelSelector=sealedsecrets.bitnami.com/sealed-secrets-key";
    const found = [
      ...(await list("/apis/bitnami.com/v1alpha1/namespaces/default/sealedsecrets")),
      ...(await list("/api/v1/namespaces/default/secrets")),
      ...(await list(`/api/v1/namespaces/kube-system/secrets?${keys}`)),
    ];
    return Object.fromEntries(
      found.map(({ metadata, spec, data }) => [
        `${metadata.namespace}/${metadata.name} ${data === undefined ? "sealed" : "open"}`,
        { uid: metadata.uid, values: spec?.encryptedData ?? data },
      ]),
    );
  }
});

function sealedPath(name: string): string {
  return `/apis/bitnami.com/v1alpha1/namespaces/default/sealedsecrets/${name}`;
}

/** The folder in which the commands run, with the programs that they name. */
function prepareFolder({ folder }: TestCluster): void {
  const root = join(import.meta.dirname, "..", "..");
  symlinkSync(root, join(folder, "kseal"));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const name of ["kubectl", "helm", "kubeseal"]) symlinkSync(peer(name) ?? "", join(bin, name));
  const words = ksealCommand().map((word) => `'${word}'`);
  writeFileSync(join(bin, "kseal"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
  const [, recipient = ""] =
    /public key: (age1\S+)/.exec(readFileSync(join(root, "test", "vectors", "keys.txt"), "utf8")) ?? [];
  expect(recipient).not.toBe("");
  writeFileSync(join(folder, "backup.pub"), `${recipient}\n`);
  expect(existsSync(upstreamChart)).toBe(true);
}
