import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
import { type Moto, motoServer, startMoto } from "../support/kms/moto.ts";
import { checkRights, makeBucket, type S3User } from "../support/kms/moto-s3.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { peer } from "../support/peers.ts";
import { makeKey } from "../support/sealed-files.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

const secrets = `/api/v1/namespaces/${controllerNamespace}/secrets`;
const labelled = `${secrets}?labelSelector=sealedsecrets.bitnami.com%2Fsealed-secrets-key`;
const [mine = "", theirs = ""] = recipients;
const sops = peer("sops");

/* The controller makes the backups, everything is wiped while it runs, and `kseal keys restore` brings it back. */
describe.skipIf(!hasBitnamiController || !motoServer || !sops)("backups that the controller makes", () => {
  let cluster: TestCluster;
  let moto: Moto;
  let user: S3User;
  let kmsKey: string;
  let stage: Stage;
  const started: KsealController[] = [];

  beforeAll(async () => {
    [cluster, moto] = await Promise.all([startCluster({ controllerManager: false }), startMoto()]);
    kmsKey = (await moto.createKey("backups")).key;
    const actions = ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "kms:Encrypt", "kms:Decrypt"];
    user = await makeBucket(moto, "keys", actions);
    await checkRights(moto, true);
    await installDefinition(cluster);
    for (const name of ["shop", "key-backups"]) await cluster.createNamespace(name);
    stage = new Stage(cluster, "shop");
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((controller) => controller.stop()));
    await wipe();
  });
  afterAll(async () => {
    await Promise.all([moto?.close(), cluster?.stop()]);
  });

  async function run(to: readonly string[], options: KsealControllerOptions = {}): Promise<KsealController> {
    const { flags = ["--backup-recipients", mine], ...rest } = options;
    const all = ["--backup-to", to.join(","), ...flags];
    const controller = await addController(cluster, { flags: to.length === 0 ? flags : all, ...rest });
    started.push(controller);
    return controller;
  }
  const keys = async (): Promise<readonly KubeObject[]> => (await cluster.api.call("GET", labelled)).items;
  const names = async () => (await keys()).map(({ metadata }) => metadata.name).toSorted();
  /** Keys and Secrets; the SealedSecrets are what Git brings back. */
  const wipe = async () => {
    await cluster.api.call("DELETE", labelled);
    await cluster.api.call("DELETE", "/api/v1/namespaces/shop/secrets");
  };
  const kseal = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const result = await runInProcess(["keys", ...args], {
      cwd: cluster.folder,
      env: { HOME: cluster.folder, KUBECONFIG: cluster.kubeconfig, PATH: process.env["PATH"] ?? "", ...env },
    });
    return { status: result.status, stderr: result.stderr, stdout: result.stdout.toString() };
  };
  const opener = { SOPS_AGE_KEY: identities[0] ?? "" };
  const withSops = (file: string, env: Readonly<Record<string, string>>): KubeObject => {
    const args = ["decrypt", "--output-type", "json", file];
    const all = { HOME: cluster.folder, SOPS_DISABLE_VERSION_CHECK: "1", ...env };
    return JSON.parse(execFileSync(sops ?? "", args, { env: all, encoding: "utf8" }));
  };
  const records = ({ metadata }: KubeObject): readonly KubeObject[] =>
    JSON.parse(metadata.annotations?.["kseal.dev/backup-places"] ?? "[]");
  async function add(name: string, certificate: string): Promise<void> {
    const plain = stage.plain(name, { password: name });
    await stage.post(await sealers.kseal(plain, { certificate, folder: cluster.folder }));
    await stage.becomes(name, { password: name });
  }

  /** Two keys with an object each, all gone, all restored: by the same process. */
  async function drill(
    controller: KsealController,
    restore: readonly string[],
    env: Readonly<Record<string, string>> = opener,
  ): Promise<void> {
    const objects = [`${controller.process.pid}-first`, `${controller.process.pid}-second`];
    await add(objects[0]!, await controller.certificate());
    controller.signal("SIGUSR1");
    await waitFor("a second key", async () =>
      (await controller.metric("kseal_controller_sealing_keys")) === 2 ? true : undefined,
    );
    const newest = await controller.certificate();
    await add(objects[1]!, newest);
    const before = await names();
    const places = await controller.ask("/readyz");
    expect(places.status).toBe(200);

    await wipe();
    await waitFor("the loss", async () =>
      (await controller.ask("/readyz")).status === 503 ? true : undefined,
    );
    expect((await controller.ask("/v1/cert.pem")).text).toContain(
      "there is no sealing key yet: all keys were deleted; restore them (kseal keys restore)",
    );
    const restored = await kseal(["restore", ...restore], env);
    expect(restored).toMatchObject({ status: 0 });
    expect(restored.stderr.match(/: restored from /g)).toHaveLength(2);

    for (const name of objects) {
      await stage.becomes(name, { password: name });
      await stage.synced(name);
    }
    expect(await names()).toEqual(before);
    expect(await controller.certificate()).toBe(newest);
    expect(await controller.metric("kseal_controller_key_renewal_failures_total")).toBe(0);
    for (const name of objects) await stage.delete(name);
  }

  test("in another namespace: wiped, restored without a restart or another key, everything opens", async () => {
    const controller = await run(["namespace:key-backups"]);
    const [key] = await keys();
    const { name } = key!["metadata"];
    const stored = await cluster.api.call("GET", `/api/v1/namespaces/key-backups/secrets/${name}.sops.yaml`);
    expect(stored).toMatchObject({ immutable: true, type: "kseal.dev/sealing-key-backup" });
    const file = join(cluster.folder, `${name}.sops.yaml`);
    writeFileSync(file, Buffer.from(stored.data["backup.sops.yaml"], "base64"));
    expect(withSops(file, opener)["data"]).toEqual(key!["data"]);

    await drill(controller, ["--backup-namespace", "key-backups"]);
  });

  test("in a folder of a Git repository: cloned elsewhere, restored, everything opens", async () => {
    const [repository, clone] = ["repository", "clone"].map((name) => join(cluster.folder, name));
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.c", ...args], { encoding: "utf8" });
    git("init", "-q", repository!);
    mkdirSync(join(repository!, "prod"));
    const controller = await run([`folder:${join(repository!, "prod")}`]);
    const [key] = await keys();
    expect(withSops(join(repository!, "prod", `${key!["metadata"].name}.sops.yaml`), opener)["data"]).toEqual(
      key!["data"],
    );
    const push = () => {
      git("-C", repository!, "add", ".");
      git("-C", repository!, "commit", "-qm", "a sealing key");
      rmSync(clone!, { recursive: true, force: true });
      git("clone", "-q", repository!, clone!);
    };
    controller.signal("SIGUSR1");
    await waitFor("a second key", async () => ((await names()).length === 2 ? true : undefined));
    push();
    expect(readdirSync(join(clone!, "prod"))).toEqual((await names()).map((name) => `${name}.sops.yaml`));
    for (const file of readdirSync(join(clone!, "prod"))) {
      expect(readFileSync(join(clone!, "prod", file), "utf8")).not.toContain("PRIVATE");
    }
    const name = `${controller.process.pid}-git`;
    await add(name, await controller.certificate());
    await wipe();

    expect(await kseal(["restore", join(clone!, "prod")], opener)).toMatchObject({ status: 0 });
    await stage.becomes(name, { password: name });
    expect(await names()).toHaveLength(2);
    await stage.delete(name);
  });

  test("in an S3-compatible store, for a key of AWS KMS: restored by who may use it, and opened with plain sops", async () => {
    const region = /^arn:aws:kms:([^:]+):/.exec(kmsKey)![1]!;
    const env = { ...user, AWS_ENDPOINT_URL: moto.url, AWS_REGION: region };
    const controller = await run(["s3://keys/prod"], { flags: ["--backup-recipients", kmsKey], env });
    const [key] = await keys();
    expect(records(key!)).toMatchObject([{ place: "s3://keys/prod", recipients: [[kmsKey]] }]);
    const { name } = key!["metadata"];
    const { openS3Store } = await import("../../src/keys/s3-store.ts");
    const { createNodeHost } = await import("../../src/host/node-host.ts");
    const { noTrust } = await import("../../src/core/trust.ts");
    const store = openS3Store({ url: "s3://keys/prod" }, { host: createNodeHost({ env }), trust: noTrust });
    const file = join(cluster.folder, `${name}.sops.yaml`);
    writeFileSync(file, (await store.get(`${name}.sops.yaml`))!);
    expect(withSops(file, env)["data"]).toEqual(key!["data"]);

    await drill(controller, ["--s3", "s3://keys/prod"], env);
  });

  test("keys of a Bitnami installation are backed up when kseal's controller takes over, and seal all the while", async () => {
    const theirs_ = await addBitnamiController(cluster);
    await add("taken-over", await theirs_.certificate());
    await theirs_.stop();
    const older = await makeKey({ age: 60 });
    await cluster.kubectl(["apply", "-f", "-"], { stdin: older.yaml });
    const folder = join(cluster.folder, "late");
    writeFileSync(folder, "in the way");

    const controller = await run([`folder:${folder}`]);
    const failures = "kseal_controller_key_backup_failures_total";
    await waitFor("a failure", async () => ((await controller.metric(failures)) > 0 ? true : undefined));
    // Nothing waits for it but the backup itself.
    await add("meanwhile", await controller.certificate());
    const { fingerprint } = older.key;
    const labels = `{fingerprint="${fingerprint}"}`;
    const places = (more = labels) => controller.metric("kseal_controller_sealing_key_backups", more);
    expect(await places()).toBe(0);
    expect(controller.log()).toContain("sealing key not backed up");

    rmSync(folder);
    mkdirSync(folder);
    await waitFor("backups", async () => (readdirSync(folder).length === 2 ? true : undefined));
    await waitFor("the notes", async () => ((await places()) === 1 ? true : undefined));
    expect(await controller.metric("kseal_controller_sealing_key_waits_for_backup")).toBe(0);
    const now = Date.now() / 1000;
    for (const name of [
      "kseal_controller_backups_seen_seconds",
      `kseal_controller_sealing_key_backup_seconds${labels}`,
    ]) {
      await waitFor(name, async () => {
        const [metric = "", rest = ""] = name.split(/(?=\{)/);
        return Math.abs((await controller.metric(metric, rest)) - now) < 60 ? true : undefined;
      });
    }
    const verified = () => controller.metric("kseal_controller_sealing_key_backup_verified_seconds", labels);
    expect(await verified()).toBe(0);
    const drilled = await kseal(["verify-backup", folder, "--kubeconfig", cluster.kubeconfig], opener);
    expect(drilled.status).toBe(0);
    await waitFor("the date of the drill", async () => ((await verified()) > now - 60 ? true : undefined));
    expect(readFileSync(join(folder, `${older.secret.metadata.name}.sops.yaml`), "utf8")).toContain(mine);

    // Other recipients need other backups; and a backup that was lost is written again.
    await controller.stop();
    const [lost = ""] = readdirSync(folder);
    rmSync(join(folder, lost));
    const again = await run([`folder:${folder}`], { flags: ["--backup-recipients", `${mine},${theirs}`] });
    await waitFor("new backups", async () => (readdirSync(folder).length === 3 ? true : undefined));
    await waitFor("their notes", async () => {
      const noted = (await keys()).map((key) => records(key)[0]?.["recipients"].flat().length);
      return noted.every((count) => count === 2) ? true : undefined;
    });
    expect(await again.metric("kseal_controller_sealing_keys")).toBe(2);
    for (const name of ["taken-over", "meanwhile"]) await stage.delete(name);
  });
});
