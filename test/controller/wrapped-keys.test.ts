import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { addBitnamiController, hasBitnamiController, installDefinition } from "../support/cluster-bitnami.ts";
import {
  addController,
  controllerNamespace,
  type KsealController,
  type KsealControllerOptions,
} from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import type { KubeObject } from "../support/controller.ts";
import { identities, recipients } from "../support/identities.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { type OpenBao, startOpenBao } from "../support/openbao.ts";
import { peer } from "../support/peers.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

const secrets = `/api/v1/namespaces/${controllerNamespace}/secrets`;
const keyLabel = "sealedsecrets.bitnami.com/sealed-secrets-key";
const [mine = "", theirs = ""] = recipients;
const hasPeers = hasBitnamiController && peer("bao") !== undefined && peer("sops") !== undefined;

/* One after another in one cluster, as its platform team would go into the envelope and out again. */
describe.skipIf(!hasPeers)("sealing keys in envelopes", () => {
  let cluster: TestCluster;
  let bao: OpenBao;
  let stage: Stage;
  let identity: string;
  const started: KsealController[] = [];

  beforeAll(async () => {
    [cluster, bao] = await Promise.all([startCluster({ controllerManager: false }), startOpenBao()]);
    await installDefinition(cluster);
    await cluster.createNamespace("shop");
    stage = new Stage(cluster, "shop");
    identity = join(cluster.folder, "identity.txt");
    writeFileSync(identity, identities[0] ?? "");
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((controller) => controller.stop()));
  });
  afterAll(async () => {
    await Promise.all([bao?.close(), cluster?.stop()]);
  });

  async function run(options: KsealControllerOptions = {}): Promise<KsealController> {
    const controller = await addController(cluster, options);
    started.push(controller);
    return controller;
  }
  const wrapping = ["--key-wrap-recipients", mine];
  const withIdentity = () => ({ SOPS_AGE_KEY_FILE: identity });
  const keys = async (): Promise<readonly KubeObject[]> => {
    const selected = `${secrets}?labelSelector=${encodeURIComponent(keyLabel)}`;
    return (await cluster.api.call("GET", selected)).items;
  };
  const textOf = (secret: KubeObject, item: string) =>
    Buffer.from(secret["data"][item], "base64").toString("utf8");
  const isWrapped = (secret: KubeObject) => textOf(secret, "tls.key").includes('"sops"');
  const kseal = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { status, stderr, stdout } = await runInProcess(args, {
      cwd: cluster.folder,
      env: { HOME: cluster.folder, KUBECONFIG: cluster.kubeconfig, PATH: process.env["PATH"] ?? "", ...env },
    });
    return { status, stderr, stdout: stdout.toString() };
  };
  async function add(name: string, certificate: string): Promise<void> {
    const plain = stage.plain(name, { password: name });
    await stage.post(await sealers.kseal(plain, { certificate, folder: cluster.folder }));
    await stage.becomes(name, { password: name });
    await stage.synced(name);
  }

  test("a new key is wrapped, opens at each start, and with plain sops; nothing of it is stored in clear", async () => {
    const first = await run({ flags: wrapping, env: withIdentity() });
    await add("first", await first.certificate());
    const [key] = await keys();
    expect(key).toMatchObject({ type: "kubernetes.io/tls", metadata: { labels: { [keyLabel]: "wrapped" } } });
    expect(textOf(key!, "tls.crt")).toBe(await first.certificate());
    const envelope = JSON.parse(textOf(key!, "tls.key"));
    expect(envelope.sops.age).toMatchObject([{ recipient: mine }]);
    expect(JSON.stringify(key)).not.toContain("PRIVATE");
    const file = join(cluster.folder, "envelope.json");
    writeFileSync(file, textOf(key!, "tls.key"));
    const pem = execFileSync(peer("sops") ?? "", ["decrypt", "--output-type", "binary", file], {
      encoding: "utf8",
      env: { HOME: cluster.folder, SOPS_AGE_KEY: identities[0], SOPS_DISABLE_VERSION_CHECK: "1" },
    });
    expect(pem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
    await first.stop();

    const before = await stage.sealed("first");
    const second = await run({ flags: wrapping, env: withIdentity() });
    expect(await second.metric("kseal_controller_sealing_keys")).toBe(1);
    await stage.deleteSecret("first");
    await stage.becomes("first", { password: "first" });
    expect((await stage.sealed("first"))?.["metadata"].uid).toBe(before?.["metadata"].uid);
    expect(await keys()).toHaveLength(1);
    expect(second.log()).not.toContain("PRIVATE");
  });

  test("without the identity it says what is missing, makes no other key, leaves what is there, and goes on when it comes", async () => {
    const later = join(cluster.folder, "later");
    mkdirSync(later);
    const file = join(later, "keys.txt");
    const before = await stage.sealed("first");
    const controller = await run({ flags: wrapping, env: { SOPS_AGE_KEY_FILE: file }, ready: false });
    await waitFor("the reason", async () =>
      (await controller.ask("/readyz")).text.includes("does not open") ? true : undefined,
    );
    const [key] = await keys();
    const place = `kube-system/${key!["metadata"].name}`;
    for (const path of ["/readyz", "/v1/cert.pem"]) {
      const { status, text } = await controller.ask(path);
      expect(status).toBe(503);
      expect(text).toContain(
        `there is no sealing key yet: the private key of ${place} is wrapped, and does not open: `,
      );
      expect(text).toContain(mine);
      expect(text).toContain("SOPS_AGE_KEY_FILE");
    }
    await waitFor("the number", async () =>
      (await controller.metric("kseal_controller_closed_sealing_keys")) === 1 ? true : undefined,
    );
    await stage.changeSecret("first", { metadata: { labels: { note: "touched" } } });
    // By hand, too: what would be wrapped could not be opened again.
    controller.signal("SIGUSR1");
    const failed = "kseal_controller_key_renewal_failures_total";
    await waitFor("the refusal", async () => ((await controller.metric(failed)) > 0 ? true : undefined));
    expect(await keys()).toHaveLength(1);
    expect(await stage.sealed("first")).toEqual(before);

    rmSync(file, { force: true });
    writeFileSync(file, identities[0] ?? "");
    await waitFor("readiness", async () =>
      (await controller.ask("/readyz")).status === 200 ? true : undefined,
    );
    await add("later", await controller.certificate());
    expect(await stage.sealed("first")).toEqual(before);
  });

  test("the controller of Sealed Secrets does not take it for a key: it starts, and makes its own", async () => {
    const upstream = await addBitnamiController(cluster);
    const labels = (await keys()).map(({ metadata }) => metadata.labels[keyLabel]).toSorted();
    expect(labels.filter((label) => label === "wrapped")).toHaveLength(await count("wrapped"));
    expect(labels.filter((label) => label === "active")).toHaveLength(1);
    await upstream.stop();
    // Were it marked as the others are, upstream would end at its start: so a wrapped key has a label of its own.
    const [wrapped] = (await keys()).filter(isWrapped);
    const path = `${secrets}/${wrapped!["metadata"].name}`;
    const relabel = (value: string) =>
      cluster.api.call("PATCH", path, { metadata: { labels: { [keyLabel]: value } } });
    await relabel("active");
    await expect(addBitnamiController(cluster)).rejects.toThrow(/panic|ended|exited/);
    await relabel("wrapped");
    for (const { metadata } of await keys()) {
      if (metadata.labels[keyLabel] === "active") {
        await cluster.api.call("DELETE", `${secrets}/${metadata.name}`);
      }
    }
  });
  const count = async (label: string) =>
    (await keys()).filter(({ metadata }) => metadata.labels[keyLabel] === label).length;

  test("kseal keys lists it without the identity, and opens, backs up, restores and retires it with it", async () => {
    const listed = async (env?: Readonly<Record<string, string>>) =>
      JSON.parse((await kseal(["keys", "list", "-o", "json"], env)).stdout).keys as KubeObject[];
    const closed = await listed();
    expect(closed[0]).toMatchObject({
      isCurrent: true,
      isActive: true,
      label: "wrapped",
      wrappedFor: [[mine]],
      fingerprint: expect.stringMatching(/^SHA256:/),
      problem: expect.stringContaining("is wrapped, and does not open: "),
    });
    expect((await kseal(["keys", "list"])).stdout).toContain("\n  wrapped      for age1");
    const open = await listed(withIdentity());
    expect(open.map(({ fingerprint }) => fingerprint)).toEqual(closed.map(({ fingerprint }) => fingerprint));
    expect(open.map((key) => key["opens"].inCluster.objects).toSorted()).toEqual(
      open.length === 1 ? [2] : [1, 1],
    );
    for (const key of open) expect(key["problem"]).toBeUndefined();

    const blind = await kseal(["keys", "backup", "--out", "b", "--age", theirs]);
    expect(blind.status).not.toBe(0);
    expect(blind.stderr).toContain("is wrapped, and does not open: ");
    expect(await kseal(["keys", "backup", "--out", "b", "--age", theirs], withIdentity())).toMatchObject({
      status: 0,
    });
    // The backup opens for its own recipients, and without the controller's identity.
    const theirIdentity = { SOPS_AGE_KEY: identities[1] ?? "" };
    const dump = JSON.stringify({ apiVersion: "v1", kind: "List", items: await keys() });
    writeFileSync(join(cluster.folder, "dump.json"), dump);
    writeFileSync(join(cluster.folder, "sealed.json"), JSON.stringify(await stage.sealed("first")));
    for (const [key, env] of [
      ["b", theirIdentity],
      ["dump.json", withIdentity()],
    ] as const) {
      const unsealed = await kseal(["unseal", "--key", key, "--item", "password", "sealed.json"], env);
      expect(unsealed).toMatchObject({ status: 0, stdout: expect.stringMatching(/^first\n?$/) });
    }
    const none = await kseal(["unseal", "--key", "dump.json", "sealed.json"]);
    expect(none.stderr).toContain("is wrapped, and does not open: ");
    expect(
      (await kseal(["keys", "verify-backup", "b", "--kubeconfig", cluster.kubeconfig], theirIdentity)).status,
    ).toBe(0);

    const names = (await keys()).map(({ metadata }) => metadata.name);
    for (const name of names) await cluster.api.call("DELETE", `${secrets}/${name}`);
    expect(await kseal(["keys", "restore", "--wrap-for", mine, "b"], theirIdentity)).toMatchObject({
      status: 0,
    });
    expect((await keys()).map(({ metadata }) => metadata.name)).toEqual(names);
    for (const key of await keys()) expect(isWrapped(key)).toBe(true);
    const refused = await kseal(["keys", "retire", names[0]!]);
    expect(refused.status).toBe(1);
  });

  test("into the envelope and out of it while a controller runs: nothing is sealed anew, no object is written", async () => {
    const controller = await run({ flags: ["--key-renew-period", "0"], env: withIdentity() });
    const before = await Promise.all(["first", "later"].map((name) => stage.sealed(name)));
    const open = await controller.metric("kseal_controller_sealing_keys");
    expect(await kseal(["keys", "unwrap"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("is wrapped, and does not open: "),
    });
    expect((await kseal(["keys", "unwrap"], withIdentity())).stderr).toMatch(/: unwrapped\n$/);
    for (const key of await keys()) {
      expect(isWrapped(key)).toBe(false);
      expect(key["metadata"].labels[keyLabel]).toBe("active");
    }
    expect((await kseal(["keys", "unwrap"])).stderr).toMatch(/: unwrapped already\n$/);
    await controller.stop();

    // A key that was made before the flag stays readable; the next one is wrapped.
    const later = await run({ flags: wrapping, env: withIdentity() });
    later.signal("SIGUSR1");
    await waitFor("another key", async () =>
      (await later.metric("kseal_controller_sealing_keys")) === open + 1 ? true : undefined,
    );
    expect((await keys()).filter(isWrapped)).toHaveLength(1);
    const unsafe = await kseal(["keys", "wrap", "--wrap-for", mine], withIdentity());
    expect(unsafe).toMatchObject({ status: 0 });
    await waitFor("the envelopes", async () => {
      const all = await keys();
      return all.length === open + 1 && all.every(isWrapped) ? true : undefined;
    });
    expect(await later.metric("kseal_controller_closed_sealing_keys")).toBe(0);
    expect(await later.metric("kseal_controller_sealing_keys")).toBe(open + 1);
    await add("last", await later.certificate());
    expect(await Promise.all(["first", "later"].map((name) => stage.sealed(name)))).toEqual(before);

    const other = await kseal(["keys", "new", "--bits", "2048"]);
    expect(other.status).toBe(0);
    // Not the first one that is listed: another one may have begun in the same second.
    const [, name = ""] = /made kube-system\/(\S+)/.exec(other.stderr) ?? [];
    const refused = await kseal(["keys", "wrap", name, "--wrap-for", mine]);
    expect(refused).toMatchObject({
      status: 1,
      stderr: `kseal: kube-system/${name} has no backup: should its recipients be lost, it would be, too\n  kseal keys backup\n`,
    });
  });

  test("a key service instead of an identity: OpenBao opens it at the start, and says when it does not", async () => {
    for (const { metadata } of await keys()) await cluster.api.call("DELETE", `${secrets}/${metadata.name}`);
    const flags = ["--key-wrap-recipients", `${bao.url}/v1/sops/keys/k1`];
    const token = await bao.tokenFor(["sops/encrypt/k1", "sops/decrypt/k1"]);
    const first = await run({ flags, env: { VAULT_ADDR: bao.url, VAULT_TOKEN: token } });
    await add("with-bao", await first.certificate());
    await first.stop();
    const second = await run({ flags, env: { VAULT_ADDR: bao.url, VAULT_TOKEN: token } });
    await stage.deleteSecret("with-bao");
    await stage.becomes("with-bao", { password: "with-bao" });
    expect(readFileSync(identity, "utf8")).not.toBe("");
    await second.stop();

    const blind = { VAULT_ADDR: bao.url, VAULT_TOKEN: await bao.tokenFor(["sops/encrypt/k1"]) };
    const third = await run({ flags, env: blind, ready: false });
    await waitFor("the reason", async () =>
      /does not open: .*sops\/keys\/k1/.test((await third.ask("/readyz")).text) ? true : undefined,
    );
    expect(third.log()).not.toContain(blind.VAULT_TOKEN);
    expect(await keys()).toHaveLength(1);
  });
});
