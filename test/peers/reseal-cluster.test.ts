import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resealFiles } from "../../src/ops/reseal.ts";
import { readCertificates } from "../../src/sealed/certificate.ts";
import { sealValue } from "../../src/sealed/seal-secret.ts";
import { failureOf, workbench } from "../ops/workbench.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { addBitnamiController, hasBitnamiController } from "../support/cluster-bitnami.ts";
import { random } from "../support/sealed.ts";
import { manifest } from "../support/sealed-files.ts";

const masked = (text: string) => text.replaceAll(/[A-Za-z0-9+/]{300,}={0,2}/g, "SEALED");

describe.skipIf(!hasBitnamiController)("reseal through the real controller", () => {
  let cluster: TestCluster;
  let pem: string;
  beforeAll(async () => {
    cluster = await startCluster();
    pem = await (await addBitnamiController(cluster)).certificate();
    await cluster.api.call("POST", "/api/v1/namespaces", { metadata: { name: "prod" } });
  });
  afterAll(() => cluster?.stop());

  const wide = { "sealedsecrets.bitnami.com/cluster-wide": "true" };
  const sealed = (scope: "strict" | "cluster-wide") => {
    const { publicKey } = readCertificates(pem)[0]!;
    const value = (text: string) =>
      sealValue(new TextEncoder().encode(text), { publicKey, random, scope, namespace: "prod", name: scope });
    return manifest(
      { user: value("admin"), line: value("as sealed") },
      {
        name: scope,
        annotations: { note: "x", ...(scope === "strict" ? {} : wide) },
        template: { data: { line: "{{ .user }}@db" }, metadata: { labels: { app: "db" } } },
      },
    );
  };

  test("S2: template, metadata and scope stay, no rendered text gets into the values, and the cluster opens them", async () => {
    const text = sealed("strict") + sealed("cluster-wide");
    const bench = await workbench({ "a.yaml": text });
    const options = { kubeconfig: cluster.kubeconfig };

    const [result] = await resealFiles({ paths: ["a.yaml"], keys: [], cluster: { options } }, bench.context);

    const after = await bench.read("a.yaml");
    expect(result?.objects.map(({ items }) => items.length)).toEqual([2, 2]);
    expect(masked(after)).toBe(masked(text));
    for (const value of text.match(/[A-Za-z0-9+/]{300,}/g) ?? []) expect(after).not.toContain(value);
    await cluster.kubectl(["apply", "-f", "-"], { stdin: after });
    for (const name of ["strict", "cluster-wide"]) {
      await expect
        .poll(async () => (await cluster.api.request("GET", `/api/v1/namespaces/prod/secrets/${name}`)).text)
        .toContain(`"line":"${Buffer.from("admin@db").toString("base64")}"`);
    }
    const plain = after
      .replaceAll(/^ {2}template:\n(?: {4}.*\n)*/gm, "")
      .replaceAll(/name: (strict|cluster-wide)/g, "name: $1");
    await cluster.kubectl(["apply", "-f", "-"], { stdin: plain });
    await expect
      .poll(async () => (await cluster.api.request("GET", "/api/v1/namespaces/prod/secrets/strict")).text)
      .toContain(`"line":"${Buffer.from("as sealed").toString("base64")}"`);
  });

  test("what it does not open stays as it is", async () => {
    const text = sealed("strict").replace("name: strict", "name: other");
    const bench = await workbench({ "a.yaml": text });
    const options = { kubeconfig: cluster.kubeconfig };

    const failure = await failureOf(
      resealFiles({ paths: ["a.yaml"], keys: [], cluster: { options } }, bench.context),
    );

    expect(failure).toMatchObject({
      message: expect.stringMatching(/^prod\/other: /),
      hint: expect.any(String),
      where: { file: "a.yaml", line: 2 },
    });
    expect(await bench.read("a.yaml")).toBe(text);
  });
});
