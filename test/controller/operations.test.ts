import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import {
  addBitnamiController,
  type BitnamiController,
  hasBitnamiController,
} from "../support/cluster-bitnami.ts";
import {
  addController,
  controllerNamespace,
  type KsealController,
  type KsealControllerOptions,
} from "../support/cluster-kseal.ts";
import { publishService } from "../support/cluster-pod.ts";
import { waitFor } from "../support/cluster-processes.ts";
import type { KubeObject } from "../support/controller.ts";
import { peer } from "../support/peers.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

const keys = `/api/v1/namespaces/${controllerNamespace}/secrets`;
const keyLabel = "sealedsecrets.bitnami.com/sealed-secrets-key";

describe.skipIf(!hasBitnamiController)("a controller in operation", () => {
  let cluster: TestCluster;
  let stage: Stage;
  const started: KsealController[] = [];

  // One after another in one cluster: who starts finds the keys and objects of the one before.
  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.createNamespace("shop");
    stage = new Stage(cluster, "shop");
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((controller) => controller.stop()));
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  async function run(options: KsealControllerOptions = {}): Promise<KsealController> {
    const controller = await addController(cluster, options);
    started.push(controller);
    return controller;
  }

  const keySecrets = async (): Promise<KubeObject[]> =>
    (await cluster.api.call("GET", `${keys}?labelSelector=${keyLabel}%3Dactive`)).items;

  async function add(name: string, certificate: string): Promise<void> {
    const sealed = await sealers.kubeseal(stage.plain(name, { password: name }), {
      certificate,
      folder: cluster.folder,
    });
    await stage.post(sealed);
  }

  /** Requests that change something at the API server, by whom and what, but for leases. */
  async function writes(): Promise<Readonly<Record<string, number>>> {
    const { text } = await cluster.api.request("GET", "/metrics");
    const request = /^apiserver_request_total\{.*,resource="(\w+)".*verb="(\w+)".*\} (\d+)$/;
    const counts: Record<string, number> = {};
    for (const line of text.split("\n")) {
      const [, resource = "", verb = "", count] = request.exec(line) ?? [];
      if (!/^(secrets|sealedsecrets|events)$/.test(resource)) continue;
      if (!/^(POST|PUT|PATCH|APPLY|DELETE)$/.test(verb)) continue;
      counts[`${verb} ${resource}`] = (counts[`${verb} ${resource}`] ?? 0) + Number(count);
    }
    return counts;
  }

  test("takes a Bitnami installation over and gives it back: no object is sealed anew, no Secret goes", async () => {
    const open = async (theirs: BitnamiController, name: string) => {
      await add(name, await theirs.certificate());
      return await stage.becomes(name, { password: name });
    };
    const theirs = await addBitnamiController(cluster);
    const before = await open(theirs, "old");
    const certificate = await theirs.certificate();
    await theirs.stop();

    const ours = await run();
    expect(await ours.certificate()).toBe(certificate);
    expect(await keySecrets()).toHaveLength(1);
    await stage.synced("old");
    await waitFor("the note on the Secret", async () =>
      (await stage.secret("old"))?.["metadata"].annotations?.["kseal.dev/inputs"] === undefined
        ? undefined
        : true,
    );
    const taken = await stage.becomes("old", { password: "old" });
    expect(taken["metadata"].uid).toBe(before["metadata"].uid);
    await add("new", await ours.certificate());
    const made = await stage.becomes("new", { password: "new" });
    await stage.changeSecret("old", { data: { password: "dGFtcGVyZWQ=" } });
    await stage.becomes("old", { password: "old" });
    await ours.stop();

    const again = await addBitnamiController(cluster);
    expect(await keySecrets()).toHaveLength(1);
    await open(again, "newest");
    for (const [name, { metadata }] of Object.entries({ old: taken, new: made })) {
      await stage.synced(name);
      expect((await stage.secret(name))?.["metadata"].uid).toBe(metadata.uid);
      expect(await stage.values(name)).toEqual({ password: name });
    }
    // It goes on as if it had never been away.
    await stage.deleteSecret("new");
    await stage.becomes("new", { password: "new" });
    await again.stop();
  });

  test("a restart with many objects opens nothing and writes nothing, counted at the API server", async () => {
    const first = await run();
    const certificate = await first.certificate();
    const names = Array.from({ length: 30 }, (_, at) => `many-${at}`);
    await Promise.all(names.map((name) => add(name, certificate)));
    for (const name of names) await stage.synced(name);
    await waitFor("rest", async () => {
      const depth = (state: string) => first.metric("kseal_controller_queue_depth", `{state="${state}"}`);
      const left = await Promise.all(["new", "resync", "running", "delayed"].map(depth));
      return left.every((count) => count === 0) ? true : undefined;
    });
    await first.stop();
    const before = await writes();
    for (const what of ["POST secrets", "APPLY sealedsecrets", "POST events"]) {
      expect(before[what]).toBeGreaterThanOrEqual(names.length);
    }
    const second = await run();
    await waitFor("a look at every object", async () =>
      (await second.metric("sealed_secrets_controller_unseal_requests_total")) >= names.length
        ? true
        : undefined,
    );
    expect(await second.metric("kseal_controller_rsa_operations_total")).toBe(0);
    expect(
      (await (await fetch(second.metricsUrl)).text()).match(/kseal_controller_writes_total\{.*/g),
    ).toBeNull();
    expect(await writes()).toEqual(before);
  });

  test("S18: of two replicas one writes; when it is killed the other does, and all objects are made once", async () => {
    const [a, b] = await Promise.all([run({ name: "replica-a" }), run({ name: "replica-b", port: 8082 })]);
    expect(await keySecrets()).toHaveLength(1);
    const certificate = await a.certificate();
    expect(await b.certificate()).toBe(certificate);
    const leader = (await a.leads()) ? a : b;
    const follower = leader === a ? b : a;
    expect(await follower.leads()).toBe(false);
    await add("before", certificate);
    await stage.synced("before");
    const names = Array.from({ length: 20 }, (_, at) => `kill-${at}`);
    const sealed = await Promise.all(
      names.map((name) =>
        sealers.kseal(stage.plain(name, { password: name }), { certificate, folder: cluster.folder }),
      ),
    );
    await Promise.all(sealed.slice(0, 10).map((object) => stage.post(object)));
    // In the middle of its writes.
    await leader.stop("SIGKILL");
    await Promise.all(sealed.slice(10).map((object) => stage.post(object)));
    for (const name of names) await stage.synced(name);
    await waitFor("the other's turn", async () => ((await follower.leads()) ? true : undefined));
    for (const name of names) {
      const secret = await stage.becomes(name, { password: name });
      expect(secret["metadata"].ownerReferences).toHaveLength(1);
    }
    expect(await keySecrets()).toHaveLength(1);
  });

  test("kubeseal fetches the certificate, validates and re-encrypts; a new key by SIGUSR1 seals at once", async () => {
    const controller = await run({
      flags: ["--kubeseal-endpoints", "--rate-limit", "100"],
    });
    await publishService(cluster, { namespace: controllerNamespace, name: "sealed-secrets-controller" });
    const kubeseal = async (args: readonly string[], stdin = "") =>
      await cluster.exec([peer("kubeseal") ?? "", ...args], { stdin });
    const fetched = await kubeseal(["--fetch-cert"]);
    expect(fetched.stdout.toString()).toBe(await controller.certificate());
    const sealed = await sealers.kubeseal(stage.plain("db", { password: "one" }), {
      certificate: fetched.stdout.toString(),
      folder: cluster.folder,
    });
    expect((await kubeseal(["--validate"], JSON.stringify(sealed))).status).toBe(0);
    const renamed = { ...sealed, metadata: { ...sealed["metadata"], name: "other" } };
    const refused = await kubeseal(["--validate"], JSON.stringify(renamed));
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining("unable to decrypt sealed secret: other"),
    ]);
    controller.signal("SIGUSR1");
    await waitFor("two keys", async () =>
      (await controller.metric("kseal_controller_sealing_keys")) === 2 ? true : undefined,
    );
    const newer = await controller.certificate();
    expect(newer).not.toBe(fetched.stdout.toString());
    const rotated = await kubeseal(["--re-encrypt"], JSON.stringify(sealed));
    const next = JSON.parse(rotated.stdout.toString()) as KubeObject;
    expect(next["spec"].encryptedData.password).not.toBe(sealed["spec"].encryptedData.password);
    await stage.post(next);
    await stage.becomes("db", { password: "one" });
    const path = `/api/v1/namespaces/${controllerNamespace}/configmaps/sealed-secrets-certificate`;
    await waitFor("the published certificate", async () =>
      (await cluster.api.call("GET", path)).data["cert.pem"] === newer ? true : undefined,
    );
    expect(await controller.metric("kseal_controller_key_renewal_failures_total")).toBe(0);
  });

  test("a new key is backed up before it seals; without a backup and an older key there is no certificate", async () => {
    for (const { metadata } of await keySecrets())
      await cluster.api.call("DELETE", `${keys}/${metadata.name}`);
    const identity = join(cluster.folder, "recovery.txt");
    const keygen = execFileSync(peer("age-keygen") ?? "", ["-o", identity], {
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(keygen).toBe("");
    const recipient = /public key: (age1\w+)/.exec(readFileSync(identity, "utf8"))![1]!;
    const folder = join(cluster.folder, "backups");
    writeFileSync(folder, "in the way");
    const controller = await run({
      flags: [
        ...["--backup-recipients", recipient],
        ...["--backup-to", `folder:${folder},namespace:key-backups`],
      ],
      ready: false,
    });
    const certificate = () => controller.ask("/v1/cert.pem");
    await waitFor("the reason", async () =>
      (await certificate()).text.includes("there is no sealing key yet: ") ? true : undefined,
    );
    expect((await certificate()).status).toBe(503);
    expect((await controller.ask("/readyz")).status).toBe(503);
    expect(await controller.metric("kseal_controller_key_renewal_failures_total")).toBeGreaterThan(0);
    expect(await keySecrets()).toHaveLength(0);

    execFileSync("rm", [folder]);
    mkdirSync(folder);
    await cluster.createNamespace("key-backups");
    await waitFor("a certificate", async () => ((await certificate()).status === 200 ? true : undefined));
    const [key] = await keySecrets();
    const { name, annotations } = key!["metadata"];
    expect(readdirSync(folder)).toEqual([`${name}.sops.yaml`]);
    const records = JSON.parse(annotations["kseal.dev/backup-places"]) as KubeObject[];
    expect(records.map(({ place }) => place)).toEqual([`folder ${folder}`, "namespace key-backups"]);
    const opened = execFileSync(
      peer("sops") ?? "",
      ["decrypt", "--output-type", "json", join(folder, `${name}.sops.yaml`)],
      { env: { ...process.env, SOPS_AGE_KEY_FILE: identity }, encoding: "utf8" },
    );
    expect(JSON.parse(opened).data).toEqual(key!["data"]);
    await add("backed-up", (await certificate()).text);
    await stage.becomes("backed-up", { password: "backed-up" });
  });
});
