import { chmodSync, readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ApplyStage, planted, secretYaml } from "../support/apply-stage.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import type { KubeObject } from "../support/controller.ts";
import { type FaultyApi, openFaultyApi } from "../support/faulty-api.ts";
import { peer } from "../support/peers.ts";

const value = (text: string) => `${planted}-${text}`;
const partOf = "applyset.kubernetes.io/part-of";

describe.skipIf(!hasCluster)("what kseal apply deletes and restarts, against a real API server", () => {
  let cluster: TestCluster;
  let stage: ApplyStage;
  let faulty: FaultyApi;
  beforeAll(async () => {
    cluster = await startCluster({ controllerManager: false });
    for (const name of ["prod", "staging", "web"]) await cluster.createNamespace(name);
    faulty = await openFaultyApi(cluster);
  });
  afterAll(async () => {
    await faulty?.close();
    await cluster?.stop();
  });
  beforeEach(() => {
    stage = new ApplyStage(cluster);
  });
  afterEach(async () => {
    faulty.fail(undefined);
    expect(await stage.leaks()).toEqual([]);
    stage.remove();
  });

  const kubectlApply = (set: string, text: string) =>
    cluster.exec(
      [
        peer("kubectl") ?? "",
        "apply",
        "--server-side",
        "--prune",
        `--applyset=configmap/${set}`,
        "-n",
        "prod",
        "-f",
        "-",
      ],
      {
        stdin: text,
        env: { KUBECTL_APPLYSET: "true" },
      },
    );

  describe("--prune", () => {
    test("id, labels and annotations are those of the real kubectl, and neither takes the other's set", async () => {
      const text = secretYaml("peer", { a: "1" });
      const theirs = await kubectlApply("kseal-peer", text);
      expect(theirs.status, theirs.stderr).toBe(0);
      const parents = [await stage.get("prod", "configmaps", "kseal-peer")];
      const members = [await stage.get("prod", "secrets", "peer")];
      stage.write("peer.yaml", text);
      const args = ["apply", "--yes", "-n", "prod", "--prune", "--applyset", "peer", "peer.yaml"];
      const refused = await stage.kseal(args);
      expect(refused.status).toBe(36);
      expect(refused.stderr).toMatch(
        /^kseal: ConfigMap prod\/kseal-peer is the parent of a set of kubectl\/v1\.35\.4\n {2}choose another name for --applyset\n$/,
      );
      await cluster.kubectl(["delete", "-n", "prod", "configmap/kseal-peer", "secret/peer"]);

      expect((await stage.kseal(args)).status).toBe(0);

      parents.push(await stage.get("prod", "configmaps", "kseal-peer"));
      members.push(await stage.get("prod", "secrets", "peer"));
      const [kubectl, kseal] = parents.map((one) => one?.["metadata"]);
      expect(kseal.labels).toEqual(kubectl.labels);
      const tooling = "applyset.kubernetes.io/tooling";
      expect({ ...kseal.annotations, [tooling]: "" }).toEqual({ ...kubectl.annotations, [tooling]: "" });
      expect(kseal.annotations[tooling]).toMatch(/^kseal\/v\d/);
      expect(members[1]?.["metadata"].labels).toEqual(members[0]?.["metadata"].labels);
      const back = await kubectlApply("kseal-peer", text);
      expect(back.stderr).toContain('managed by tooling "kseal"');
    });

    test("what left the folder is deleted, in every namespace of the set; nothing else is, and the plan says it first", async () => {
      const prune = ["--prune", "--applyset", "shop"];
      stage.write("a.yaml", secretYaml("stays", { a: value("1") }));
      stage.write("b.yaml", secretYaml("leaves", { a: value("1") }));
      stage.write("c.yaml", secretYaml("leaves", { a: value("1") }, { namespace: "staging" }));
      stage.write("d.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: leaves, namespace: prod}\n");
      await stage.apply(...prune, ".");
      await cluster.kubectl(["create", "secret", "generic", "-n", "staging", "somebody-elses"]);
      const parent = async () =>
        (await stage.get("default", "configmaps", "kseal-shop"))?.["metadata"].annotations;
      expect(await parent()).toMatchObject({
        "applyset.kubernetes.io/additional-namespaces": "prod,staging",
        "applyset.kubernetes.io/contains-group-kinds": "Secret",
      });

      const check = await stage.kseal(["apply", "--check", ...prune, "a.yaml"]);
      expect(check).toMatchObject({ status: 1 });
      expect(check.stdout.toString()).toBe(
        "cluster test\n- Secret prod/leaves: is not applied any more\n- Secret staging/leaves: is not applied any more\n2 to delete, 1 unchanged\n",
      );
      expect(await stage.get("prod", "secrets", "leaves")).toBeDefined();

      await stage.apply(...prune, "a.yaml");
      expect(await stage.get("prod", "secrets", "leaves")).toBeUndefined();
      expect(await stage.get("staging", "secrets", "leaves")).toBeUndefined();
      expect(await stage.get("staging", "secrets", "somebody-elses")).toBeDefined();
      expect(await stage.get("prod", "configmaps", "leaves")).toBeDefined();
      expect(await stage.get("prod", "secrets", "stays")).toBeDefined();
      expect((await parent())["applyset.kubernetes.io/additional-namespaces"]).toBe("prod");
    });

    test("a member that another object owns stops everything; one of another set is not taken", async () => {
      stage.write("mine.yaml", secretYaml("mine", { a: value("1") }));
      stage.write("owned.yaml", secretYaml("owned", { a: value("1") }));
      await stage.apply("--prune", "--applyset", "first", "mine.yaml", "owned.yaml");
      const owner = { apiVersion: "bitnami.com/v1alpha1", kind: "SealedSecret", name: "owned", uid: "1" };
      await cluster.api.call("PATCH", "/api/v1/namespaces/prod/secrets/owned", {
        metadata: { ownerReferences: [owner] },
      });

      const stopped = await stage.kseal(["apply", "--yes", "--prune", "--applyset", "first", "mine.yaml"]);
      expect(stopped.stderr).toBe(
        `kseal: Secret prod/owned is in the set and not applied any more, but belongs to SealedSecret owned\n  remove its label ${partOf}, or delete its owner\n`,
      );
      expect(stopped.status).toBe(36);
      const other = await stage.kseal(["apply", "--yes", "--prune", "--applyset", "second", "mine.yaml"]);
      expect(other.stderr).toMatch(
        /^kseal: mine\.yaml:1: Secret prod\/mine: it belongs to another set: applyset-[\w-]{43}-v1\n/,
      );
      expect(other.status).toBe(36);
      expect(await stage.get("default", "configmaps", "kseal-second")).toBeUndefined();
    });

    test.for([
      ["--prune", "alone"],
      ["--applyset", "x"],
    ])("%s %s: one needs the other", async (args) => {
      const { status, stderr } = await stage.kseal([
        "apply",
        ...args.filter((word) => word !== "alone"),
        "a.yaml",
      ]);
      expect({ status, stderr }).toEqual({
        status: 8,
        stderr:
          "kseal: --prune and --applyset need each other\n  kseal apply --prune --applyset NAME: only what belongs to the set is ever deleted\n",
      });
    });

    test("a run that is cut short forgets no namespace of the set: the next one deletes what it left", async () => {
      const flags = ["--prune", "--applyset", "cut"];
      stage.write("a.yaml", secretYaml("cut-a", { a: value("1") }, { namespace: "staging" }));
      stage.write("b.yaml", secretYaml("cut-b", { a: value("1") }));
      await stage.apply(...flags, "a.yaml");
      faulty.fail(({ method, path }) =>
        method === "PATCH" && path.includes("/secrets/cut-b?") && !path.includes("dryRun") ? 403 : undefined,
      );
      const cut = await stage.kseal(["apply", "--yes", ...flags, "b.yaml"], {
        env: { KUBECONFIG: faulty.kubeconfig },
      });
      expect(cut.status).toBe(35);
      expect(await stage.get("staging", "secrets", "cut-a")).toBeDefined();

      await stage.apply(...flags, "b.yaml");
      expect(await stage.get("staging", "secrets", "cut-a")).toBeUndefined();
    });

    test("an empty folder deletes nothing", async () => {
      stage.write("only.yaml", secretYaml("only", { a: value("1") }));
      await stage.apply("--prune", "--applyset", "only", "only.yaml");
      stage.write("only.yaml", "");

      expect((await stage.kseal(["apply", "--yes", "--prune", "--applyset", "only", "."])).status).toBe(100);

      expect(await stage.get("prod", "secrets", "only")).toBeDefined();
    });
  });

  describe("--restart", () => {
    const apps = "/apis/apps/v1/namespaces/web";
    const workload = (kind: string, name: string, pod: object, more: object = {}) => ({
      apiVersion: "apps/v1",
      kind,
      metadata: { name, namespace: "web" },
      spec: {
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: "c", image: "x" }], ...pod },
        },
        ...(kind === "StatefulSet" && { serviceName: "x" }),
        ...more,
      },
    });
    const container = (more: object) => ({ containers: [{ name: "c", image: "x", ...more }] });
    const users: readonly (readonly [string, KubeObject])[] = [
      [
        "deployments",
        workload(
          "Deployment",
          "env",
          container({ env: [{ name: "A", valueFrom: { secretKeyRef: { name: "db", key: "a" } } }] }),
        ),
      ],
      [
        "deployments",
        workload("Deployment", "env-from", {
          initContainers: [{ name: "i", image: "x", envFrom: [{ secretRef: { name: "db" } }] }],
        }),
      ],
      [
        "statefulsets",
        workload("StatefulSet", "volume", { volumes: [{ name: "v", secret: { secretName: "db" } }] }),
      ],
      [
        "daemonsets",
        workload("DaemonSet", "projected", {
          volumes: [{ name: "v", projected: { sources: [{ secret: { name: "db" } }] } }],
        }),
      ],
      ["deployments", workload("Deployment", "pull", { imagePullSecrets: [{ name: "db" }] })],
    ];
    const others: readonly (readonly [string, KubeObject])[] = [
      [
        "deployments",
        workload(
          "Deployment",
          "uses-other",
          container({ envFrom: [{ secretRef: { name: "other" } }, { configMapRef: { name: "db" } }] }),
        ),
      ],
      [
        "deployments",
        workload("Deployment", "paused", { imagePullSecrets: [{ name: "db" }] }, { paused: true }),
      ],
      [
        "daemonsets",
        workload(
          "DaemonSet",
          "on-delete",
          { imagePullSecrets: [{ name: "db" }] },
          { updateStrategy: { type: "OnDelete" } },
        ),
      ],
    ];
    const restarted = async () => {
      const found: string[] = [];
      for (const [plural, { metadata }] of [...users, ...others]) {
        const live = await stage.at(`${apps}/${plural}/${metadata.name}`);
        expect(live?.["metadata"].annotations ?? {}).not.toHaveProperty("kseal.dev/restart-pending");
        if (live?.["spec"].template.metadata.annotations?.["kubectl.kubernetes.io/restartedAt"])
          found.push(metadata.name);
      }
      return found;
    };
    beforeEach(async () => {
      for (const name of ["db", "other"])
        stage.write(`${name}.yaml`, secretYaml(name, { a: value("1") }, { namespace: "web" }));
      await stage.apply("db.yaml", "other.yaml");
      for (const [plural, object] of [...users, ...others]) {
        await cluster.api.request("DELETE", `${apps}/${plural}/${object["metadata"].name}`);
        await cluster.api.call("POST", `${apps}/${plural}`, object);
      }
    });

    test("workloads that use a changed Secret in any way, as kubectl rollout restart does it, and no others", async () => {
      stage.write("db.yaml", secretYaml("db", { a: value("2") }, { namespace: "web" }));

      const { status, stderr, stdout } = await stage.kseal([
        "apply",
        "--yes",
        "--restart",
        "db.yaml",
        "other.yaml",
      ]);

      expect(status).toBe(0);
      expect(stdout.toString()).toContain("! Deployment web/env: is restarted, uses db\n");
      expect(stderr).toBe(
        [
          "kseal: applied 1 object",
          "kseal: Deployment web/env: restarted",
          "kseal: Deployment web/env-from: restarted",
          "kseal: Deployment web/paused: not restarted: it is paused; kubectl rollout resume, then kubectl rollout restart",
          "kseal: Deployment web/pull: restarted",
          "kseal: StatefulSet web/volume: restarted",
          "kseal: DaemonSet web/on-delete: not restarted: its strategy is OnDelete: its pods are replaced when somebody deletes them",
          "kseal: DaemonSet web/projected: restarted",
          "",
        ].join("\n"),
      );
      expect(await restarted()).toEqual(["env", "env-from", "volume", "projected", "pull"]);
      const again = await stage.apply("--restart", "db.yaml", "other.yaml");
      expect(again["restarted"]).toEqual([]);
    });

    test("a label that changes restarts nothing", async () => {
      stage.write(
        "db.yaml",
        secretYaml("db", { a: value("1") }, { namespace: "web" }).replace(
          "metadata:\n",
          "metadata:\n  labels: {a: b}\n",
        ),
      );
      expect((await stage.apply("--restart", "db.yaml"))["restarted"]).toEqual([]);
      expect(await restarted()).toEqual([]);
    });

    test("a restart that a run does not come to is made up for by the next one, which finds nothing changed", async () => {
      stage.write("db.yaml", secretYaml("db", { a: value("3") }, { namespace: "web" }));
      faulty.fail(({ method, path }) =>
        method === "PATCH" && path.includes("/secrets/db?") && !path.includes("dryRun") ? 403 : undefined,
      );
      const first = await stage.kseal(["apply", "--yes", "--restart", "db.yaml"], {
        env: { KUBECONFIG: faulty.kubeconfig },
      });
      expect(first.status).toBe(35);
      faulty.fail(undefined);
      await stage.apply("db.yaml");

      const second = await stage.apply("--restart", "db.yaml");

      expect(second["objects"]).toMatchObject([{ action: "keep" }]);
      expect(second["restarted"]).toHaveLength(7);
      expect(await restarted()).toEqual(["env", "env-from", "volume", "projected", "pull"]);
    });

    test("--wait waits for the rollouts, which this test plays, and says which do not come", async () => {
      for (const [plural, { metadata }] of [...users, ...others]) {
        if (!["env", "volume", "projected"].includes(metadata.name))
          await cluster.api.request("DELETE", `${apps}/${plural}/${metadata.name}`);
      }
      stage.write("db.yaml", secretYaml("db", { a: value("4") }, { namespace: "web" }));
      const play = async (plural: string, name: string, status: object) => {
        const path = `${apps}/${plural}/${name}`;
        await expect
          .poll(async () => (await stage.at(path))?.["spec"].template.metadata.annotations)
          .toBeDefined();
        const { generation } = (await stage.at(path))?.["metadata"] ?? {};
        await cluster.api.call("PATCH", `${path}/status`, {
          status: { observedGeneration: generation, ...status },
        });
      };

      const running = stage.kseal(["apply", "--yes", "--restart", "--wait", "--timeout", "4s", "db.yaml"]);
      await play("deployments", "env", {
        replicas: 1,
        updatedReplicas: 1,
        readyReplicas: 1,
        availableReplicas: 1,
      });
      await play("statefulsets", "volume", { replicas: 1, updatedReplicas: 1, readyReplicas: 1 });
      await play("daemonsets", "projected", {
        desiredNumberScheduled: 3,
        currentNumberScheduled: 3,
        numberMisscheduled: 0,
        numberReady: 2,
        updatedNumberScheduled: 3,
        numberAvailable: 2,
      });

      const { status, stderr } = await running;
      expect(stderr).toContain(
        "kseal: 1 object is not rolled out:\n  DaemonSet web/projected: 2 of 3 pods are ready\n",
      );
      expect(stderr).toContain("kseal: applied 1 object\n");
      expect(status).toBe(1);
    });
  });

  describe("builds of Kustomize", () => {
    const overlay = {
      kind: "Kustomization",
      resources: ["db.yaml", "config.yaml"],
      commonAnnotations: { team: "a" },
    };
    beforeEach(async () => {
      stage.write("db.yaml", secretYaml("built", { password: value("1") }));
      stage.write(
        "config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: built, namespace: prod}\n",
      );
      stage.write("kustomization.yaml", JSON.stringify({ ...overlay, commonAnnotations: undefined }));
      stage.write("two.yaml", secretYaml("built-too", { password: value("2") }));
    });

    test("what the user's kustomize prints is applied, encrypted documents of several files each opened on its own", async () => {
      await stage.encrypt("db.yaml", "two.yaml");
      stage.write(
        "kustomization.yaml",
        JSON.stringify({
          ...overlay,
          commonAnnotations: undefined,
          resources: ["db.yaml", "config.yaml", "two.yaml"],
        }),
      );

      const report = await stage.apply("-k", ".");

      expect(report["objects"].map(({ kind, name }: KubeObject) => `${kind} ${name}`).toSorted()).toEqual([
        "ConfigMap built",
        "Secret built",
        "Secret built-too",
      ]);
      const built = await cluster.exec([peer("kubectl") ?? "", "kustomize", stage.folder]);
      const piped = await stage.kseal(["apply", "--yes", "-o", "json", "-"], { stdin: built.stdout });
      expect(JSON.parse(piped.stdout.toString()).objects).toMatchObject([
        { action: "keep" },
        { action: "keep" },
        { action: "keep" },
      ]);
    });

    test("an encrypted document that the build has changed does not open", async () => {
      await stage.encrypt("db.yaml");
      stage.write("kustomization.yaml", JSON.stringify(overlay));

      expect((await stage.kseal(["apply", "--yes", "-k", "."])).status).toBe(51);
    });

    test("a folder with a kustomization is not applied file by file", async () => {
      const { status, stderr } = await stage.kseal(["apply", "--yes", "."]);
      expect(stderr).toContain(
        "kustomization.yaml: this is a kustomization, whose files are no manifests by themselves\n  build it: kseal apply -k .\n",
      );
      expect(status).toBe(8);
    });

    test("a generator is not left out without a word, also one of a base or in a folder of its own", async () => {
      const generator =
        "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: g\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: ./gen.sh}\nfiles: [db.yaml]\n";
      stage.write("generator.yaml", generator);
      stage.write(
        "kustomization.yaml",
        JSON.stringify({ kind: "Kustomization", generators: ["generator.yaml"] }),
      );
      const { status, stderr } = await stage.kseal(["apply", "--yes", "-k", "."]);
      expect({ status, stderr }).toEqual({
        status: 8,
        stderr:
          "kseal: generator.yaml: it names a generator, which kustomize leaves out without a word unless it may run it\n  if you trust every file of the build: kseal apply -k . --enable-exec\n",
      });
    });

    test.skipIf(peer("kustomize") === undefined)("--enable-exec runs it", async () => {
      stage.write("made.yaml", secretYaml("generated", { a: value("1") }));
      stage.write("gen.sh", "#!/bin/sh\ncat > /dev/null\ncat made.yaml\n");
      chmodSync(`${stage.folder}/gen.sh`, 0o755);
      stage.write(
        "generator.yaml",
        "apiVersion: x/v1\nkind: G\nmetadata:\n  name: g\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: ./gen.sh}\n",
      );
      stage.write(
        "kustomization.yaml",
        JSON.stringify({ kind: "Kustomization", generators: ["generator.yaml"] }),
      );
      expect((await stage.apply("-k", ".", "--enable-exec"))["objects"]).toMatchObject([
        { kind: "Secret", name: "generated", done: true },
      ]);
    });
  });

  test("the report of a run is JSON that says what was done", async () => {
    stage.write("r.yaml", secretYaml("report", { a: value("1") }));
    expect(await stage.apply("r.yaml")).toEqual({
      cluster: "test",
      objects: [
        {
          file: "r.yaml",
          line: 1,
          apiVersion: "v1",
          kind: "Secret",
          namespace: "prod",
          name: "report",
          action: "create",
          done: true,
        },
      ],
      pruned: [],
      restarted: [],
    });
    expect(readFileSync(`${stage.folder}/r.yaml`, "utf8")).toContain(planted);
  });
});
