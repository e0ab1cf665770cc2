import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readCertificates } from "../../src/sealed/certificate.ts";
import { sealValue } from "../../src/sealed/seal-secret.ts";
import { ApplyStage, planted } from "../support/apply-stage.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import {
  addBitnamiController,
  type BitnamiController,
  hasBitnamiController,
} from "../support/cluster-bitnami.ts";
import { random } from "../support/sealed.ts";
import { manifest } from "../support/sealed-files.ts";

describe.skipIf(!hasBitnamiController)("kseal apply --wait, with the real Sealed Secrets controller", () => {
  let cluster: TestCluster;
  let controller: BitnamiController;
  let pem: string;
  let stage: ApplyStage;
  beforeAll(async () => {
    cluster = await startCluster({ controllerManager: false });
    controller = await addBitnamiController(cluster);
    pem = await controller.certificate();
    await cluster.createNamespace("prod");
  });
  afterAll(() => cluster?.stop());
  beforeEach(() => {
    stage = new ApplyStage(cluster);
  });
  afterEach(async () => {
    expect(await stage.leaks()).toEqual([]);
    stage.remove();
  });

  const sealed = (name: string, text: string, sealedFor = name) => {
    const { publicKey } = readCertificates(pem)[0]!;
    const value = sealValue(new TextEncoder().encode(`${planted}-${text}`), {
      publicKey,
      random,
      scope: "strict",
      namespace: "prod",
      name: sealedFor,
    });
    return manifest({ password: value }, { name });
  };
  const password = async (name: string) =>
    Buffer.from((await stage.get("prod", "secrets", name))?.["data"]?.password ?? "", "base64").toString();

  test("it ends when the Secrets are there; a SealedSecret that left the folder goes, and leaves its Secret to the cluster", async () => {
    const flags = ["--wait", "--prune", "--applyset", "sealed"];
    stage.write("a.yaml", sealed("a", "1"));
    stage.write("b.yaml", sealed("b", "1"));
    await stage.apply(...flags, "a.yaml", "b.yaml");
    expect([await password("a"), await password("b")]).toEqual([`${planted}-1`, `${planted}-1`]);
    expect(
      (await stage.get("default", "configmaps", "kseal-sealed"))?.["metadata"].annotations,
    ).toMatchObject({
      "applyset.kubernetes.io/contains-group-kinds": "SealedSecret.bitnami.com",
    });

    const report = await stage.apply(...flags, "a.yaml");

    expect(report["pruned"]).toEqual([{ kind: "SealedSecret", namespace: "prod", name: "b", done: true }]);
    // Its Secret goes with it: whatever has an owner that is gone is collected.
    expect(await stage.at("/apis/bitnami.com/v1alpha1/namespaces/prod/sealedsecrets/b")).toBeUndefined();
    expect((await stage.get("prod", "secrets", "b"))?.["metadata"].ownerReferences).toMatchObject([
      { kind: "SealedSecret", name: "b", controller: true },
    ]);
    expect(await password("a")).toBe(`${planted}-1`);
  });

  test("what the controller does not open is said in its words, exit 1, and nothing is deleted", async () => {
    const flags = ["--prune", "--applyset", "closed"];
    stage.write("old.yaml", sealed("old", "1"));
    await stage.apply(...flags, "old.yaml");
    stage.write("moved.yaml", sealed("moved", "1", "another"));

    const { status, stderr } = await stage.kseal(["apply", "--yes", "--wait", ...flags, "moved.yaml"]);

    expect(stderr).toMatch(
      /^kseal: applied 1 object\nkseal: 1 object is not synced:\n {2}SealedSecret prod\/moved: no key could decrypt secret.*\n {2}the objects are applied; kubectl describe sealedsecret shows what the controller says\n$/,
    );
    expect(status).toBe(1);
    expect(await stage.at("/apis/bitnami.com/v1alpha1/namespaces/prod/sealedsecrets/old")).toBeDefined();
  });

  test("--restart waits for the Secret, and restarts only when its values are new", async () => {
    const path = "/apis/apps/v1/namespaces/prod/deployments";
    await cluster.api.call("POST", path, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web" },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: { containers: [{ name: "c", image: "x", envFrom: [{ secretRef: { name: "r" } }] }] },
        },
      },
    });
    stage.write("r.yaml", sealed("r", "1"));
    await stage.apply("--restart", "r.yaml");
    stage.write("r.yaml", sealed("r", "1"));
    expect((await stage.apply("--restart", "r.yaml"))["restarted"]).toEqual([]);
    stage.write("r.yaml", sealed("r", "2"));

    const report = await stage.apply("--restart", "r.yaml");

    expect(report["restarted"]).toEqual([{ workload: "Deployment prod/web", secrets: ["r"] }]);
    expect(await password("r")).toBe(`${planted}-2`);
    const web = await stage.at(`${path}/web`);
    expect(web?.["spec"].template.metadata.annotations).toHaveProperty(["kubectl.kubernetes.io/restartedAt"]);
    expect(web?.["metadata"].annotations ?? {}).toEqual({});
  });

  test("without a controller it ends when its time is over, and says so", async () => {
    await controller.stop();
    stage.write("late.yaml", sealed("late", "1"));

    const { status, stderr } = await stage.kseal([
      "apply",
      "--yes",
      "--wait",
      "--timeout",
      "300ms",
      "late.yaml",
    ]);

    expect(stderr).toContain("SealedSecret prod/late: no controller has looked at it yet; is one running?\n");
    expect(status).toBe(1);
  });
});
