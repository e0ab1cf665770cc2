import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import {
  addBitnamiController,
  type BitnamiController,
  hasBitnamiController,
} from "../support/cluster-bitnami.ts";
import {
  compareOutcomes,
  type KubesealCase,
  kubeseal,
  maskText,
  runOurs,
  runTheirs,
} from "./kubeseal-harness.ts";
import { secretJson, secretYaml, kubeconfig as unusableKubeconfig } from "./kubeseal-samples.ts";

// The scenarios of upstream's own integration tests, with both tools against the real controller.
describe.skipIf(kubeseal === undefined || !hasBitnamiController)("kubeseal and the real controller", () => {
  let cluster: TestCluster;
  let controller: BitnamiController;
  let env: Record<string, string>;

  beforeAll(async () => {
    cluster = await startCluster({ controllerManager: false });
    controller = await addBitnamiController(cluster);
    env = { KUBECONFIG: cluster.kubeconfig };
    await cluster.createNamespace("shop");
  }, 120_000);

  afterAll(async () => {
    await controller?.stop();
    await cluster?.stop();
  }, 60_000);

  test("--fetch-cert is the certificate of the newest key", async () => {
    const run = { name: "", args: ["--fetch-cert"], env };
    const [theirs, ours] = await both(run);
    expect(ours.stdout).toBe(theirs.stdout);
    expect(ours.stdout).toBe(await controller.certificate());
  });

  test.for<Omit<KubesealCase, "env">>([
    { name: "sealed by the tool, and one that was moved", args: ["--validate"] },
    { name: "sealed by the tool, re-encrypted", args: ["--re-encrypt"] },
    { name: "sealed by the tool, re-encrypted to YAML", args: ["--re-encrypt", "-o", "yaml"] },
  ])("$name: each does it with what the other sealed", async ({ args }) => {
    const [theirs, ours] = await both({ name: "", args: [], stdin: secretYaml("db"), env });
    expect(maskText(ours.stdout)).toBe(maskText(theirs.stdout));
    const [byTheirs, byOurs] = await Promise.all([
      runTheirs({ name: "", args, stdin: ours.stdout, env }),
      runOurs({ name: "", args, stdin: theirs.stdout, env }),
    ]);
    expect(byOurs).toMatchObject({ status: 0, stderr: "" });
    expect({ ...byOurs, stdout: maskText(byOurs.stdout) }).toEqual({
      ...byTheirs,
      stdout: maskText(byTheirs.stdout),
    });

    const moved = ours.stdout.replaceAll('"db"', '"moved"');
    const [theirNo, ourNo] = await both({ name: "", args, stdin: moved, env });
    expect(ourNo.status).toBe(1);
    expect(ourNo).toEqual(theirNo);
  });

  test("what kseal re-encrypted in place the controller unseals", async () => {
    const { stdout } = await runOurs({ name: "", args: ["-o", "yaml"], stdin: secretYaml("live"), env });
    const { files, status } = await runOurs({
      name: "",
      args: ["--re-encrypt", "-f", "s.yaml"],
      files: { "s.yaml": stdout },
      env,
    });
    expect(status).toBe(0);
    expect(files["s.yaml"]).not.toBe(stdout);
    await cluster.kubectl(["apply", "-f", "-"], { stdin: files["s.yaml"] ?? "" });
    await expect
      .poll(
        () =>
          cluster.kubectl(["get", "secret", "live", "-n", "shop", "-o", "jsonpath={.data}"]).catch(() => ""),
        { timeout: 20_000 },
      )
      .toBe(`{"password":"${Buffer.from("hunter2").toString("base64")}"}`);
  });

  test("recovery with the backup of the cluster, and a kubeconfig that is of no use", async () => {
    const list = await cluster.kubectl([
      ...["get", "secret", "-n", "kube-system", "-o", "json"],
      ...["-l", "sealedsecrets.bitnami.com/sealed-secrets-key"],
    ]);
    const [theirs] = await both({ name: "", args: [], stdin: secretJson("db", "shop"), env });
    const one = {
      name: "",
      args: ["--recovery-unseal", "--recovery-private-key", "backup.json"],
      files: { "backup.json": list, ".kube/config": unusableKubeconfig() },
      stdin: theirs.stdout,
    };
    const [byTheirs, byOurs] = await both(one);
    await compareOutcomes(one, byTheirs, byOurs);
    expect(byOurs.status).toBe(0);
  });

  test.for([
    ["a service that is missing", ["--controller-name", "nope", "--fetch-cert"]],
    ["a namespace that is missing", ["--controller-namespace", "nope", "--fetch-cert"]],
    ["somebody who may not", ["--as", "nobody", "--controller-namespace", "shop", "--fetch-cert"]],
  ] as const)("%s: the same words", async ([, args]) => {
    const one = { name: "", args, env };
    const [theirs, ours] = await both(one);
    expect(ours.status).toBe(1);
    expect(ours).toEqual(theirs);
  });

  test("an API server that is gone", async () => {
    const certificate = await controller.certificate();
    const files = {
      "c.pem": certificate,
      k: readFileSync(cluster.kubeconfig, "utf8").replaceAll(/127\.[\d.]+:\d+/g, "127.0.0.1:1"),
    };
    const offline = {
      name: "",
      args: ["--cert", "c.pem", "--kubeconfig", "k"],
      files,
      stdin: secretJson("db"),
    };
    const [theirs, ours] = await both(offline);
    expect(maskText(ours.stdout)).toBe(maskText(theirs.stdout));
    expect(ours.status).toBe(0);
  });

  async function both(one: KubesealCase) {
    return Promise.all([runTheirs(one), runOurs(one)]);
  }
});
