import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { addBitnamiController, hasBitnamiController } from "../support/cluster-bitnami.ts";
import {
  addController,
  controllerNamespace,
  type KsealController,
  type KsealControllerOptions,
} from "../support/cluster-kseal.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { kustomize, manifests } from "../support/install.ts";
import { Stage, sealers } from "../support/sealed-secrets-stage.ts";

/** What the controller is told to do, and not to do; one after another in one cluster. */
describe.skipIf(!hasBitnamiController)("a controller that is told", () => {
  let cluster: TestCluster;
  let certificate: string;
  const started: KsealController[] = [];

  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((controller) => controller.stop()));
  });
  afterAll(() => cluster?.stop());

  async function run(
    flags: readonly string[],
    options: KsealControllerOptions = {},
  ): Promise<KsealController> {
    const controller = await addController(cluster, { flags, ...options });
    started.push(controller);
    certificate = await controller.certificate();
    return controller;
  }

  async function stageIn(namespace: string): Promise<Stage> {
    await cluster.createNamespace(namespace);
    return new Stage(cluster, namespace);
  }

  async function add(
    stage: Stage,
    name: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const plain = stage.plain(name, { password: `of ${name}` });
    const sealed = await sealers.kseal(plain, { certificate, folder: cluster.folder });
    await stage.post({ ...sealed, metadata: { ...sealed["metadata"], labels } });
  }

  const becomes = (stage: Stage, name: string) => stage.becomes(name, { password: `of ${name}` });

  test("--drift=report changes no value, in a Secret that the Bitnami controller made either", async () => {
    const stage = await stageIn("drift");
    const theirs = await addBitnamiController(cluster);
    certificate = await theirs.certificate();
    for (const name of ["edited", "untouched"]) {
      await add(stage, name);
      await becomes(stage, name);
      await stage.synced(name);
    }
    await stage.changeSecret("edited", { data: { password: "b3RoZXI=" } });
    await theirs.stop();

    const ours = await run(["--drift", "report"]);
    const { message } = await stage.event("edited", "Drifted");
    expect(message).toBe('Secret "edited" was changed by somebody else: data password');
    await waitFor("the note on the one that is as it was", async () =>
      (await stage.secret("untouched"))?.["metadata"].annotations?.["kseal.dev/inputs"] === undefined
        ? undefined
        : true,
    );
    await stage.changeSecret("untouched", { data: { password: "b3RoZXI=" } });
    await stage.event("untouched", "Drifted");
    for (const name of ["edited", "untouched"]) {
      expect(await stage.values(name)).toEqual({ password: "other" });
      await stage.synced(name);
    }
    expect(await ours.metric("kseal_controller_drift_total", '{action="reported",namespace="drift"}')).toBe(
      2,
    );
    // A change of the SealedSecret is no drift.
    await stage.change("edited", { metadata: { annotations: { "kseal.dev/force-sync": "1" } } });
    await becomes(stage, "edited");
  });

  test("--dry-run has the API server check each write, and changes nothing", async () => {
    const stage = await stageIn("dry");
    await run(["--dry-run"]);
    await stage.postSecret("owned", { stringData: { theirs: "1" } });
    for (const name of ["new", "owned"]) await add(stage, name);
    const log = started[0]!;
    await waitFor("a look at both", async () =>
      /"Secret written","object":"dry\/new"/.test(log.log()) && log.log().includes('"object":"dry/owned"')
        ? true
        : undefined,
    );
    expect(await stage.secret("new")).toBeUndefined();
    expect(await stage.values("owned")).toEqual({ theirs: "1" });
    for (const name of ["new", "owned"]) expect((await stage.sealed(name))?.["status"]).toBeUndefined();
    const { items } = await cluster.api.call("GET", "/api/v1/namespaces/dry/events");
    expect(items).toEqual([]);
  });

  test("--label-selector looks after the SealedSecrets that match, as their labels come and go", async () => {
    const stage = await stageIn("labels");
    await run(["--label-selector", "team in (a, b)"]);
    await add(stage, "other", { team: "c" });
    await add(stage, "mine", { team: "a" });
    await becomes(stage, "mine");
    await stage.synced("mine");
    expect(await stage.secret("other")).toBeUndefined();
    await stage.change("other", { metadata: { labels: { team: "b" } } });
    await becomes(stage, "other");
    await stage.change("mine", { metadata: { labels: { team: "c" } } });
    await stage.changeSecret("mine", { data: { password: "b3RoZXI=" } });
    await stage.changeSecret("other", { data: { password: "b3RoZXI=" } });
    await becomes(stage, "other");
    expect(await stage.values("mine")).toEqual({ password: "other" });
  });

  test("--all-namespaces=false does with the namespaced rights what it does elsewhere, there alone", async () => {
    const [own, added, foreign] = [
      new Stage(cluster, controllerNamespace),
      await stageIn("added"),
      await stageIn("foreign"),
    ];
    // The tests before had the ClusterRole.
    await cluster.kubectl(["delete", "clusterrolebinding", "sealed-secrets-controller"]);
    await cluster.kubectl(["delete", "clusterrole", "secrets-unsealer"]);
    const rights = (await kustomize("overlays/namespaced"))
      .split("---\n")
      .filter((text) => /kind: Role/.test(text))
      .join("---\n");
    await cluster.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], { stdin: rights });
    const added_ = await cluster.kubectl(["kustomize", manifests("namespace-rights")]);
    await cluster.kubectl(["apply", "--server-side", "-n", "added", "-f", "-"], { stdin: added_ });
    await run(["--all-namespaces=false", "--additional-namespaces", "added"], { rights: false });
    for (const stage of [foreign, own, added]) await add(stage, "db");
    for (const stage of [own, added]) {
      await becomes(stage, "db");
      await stage.synced("db");
      await stage.event("db", "Unsealed");
      await stage.changeSecret("db", { data: { password: "b3RoZXI=" } });
      await becomes(stage, "db");
    }
    expect(await foreign.secret("db")).toBeUndefined();
    expect((await foreign.sealed("db"))?.["status"]).toBeUndefined();
    expect(started[0]!.log()).not.toMatch(/cannot \w+ resource/);
  });
});
