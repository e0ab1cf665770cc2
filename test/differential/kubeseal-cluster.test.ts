import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LoopbackServer } from "../support/kms/loopback-server.ts";
import {
  certificate,
  compareOutcomes,
  type KubesealCase,
  kubeseal,
  runOurs,
  runTheirs,
} from "./kubeseal-harness.ts";
import { kubeconfig, secretJson } from "./kubeseal-samples.ts";
import { sealWithKseal } from "./kubeseal-sealed.ts";
import { asked, serveCluster, served } from "./kubeseal-server.ts";

const [db, yaml, conflict, limited, broken, busy] = await Promise.all([
  sealWithKseal(secretJson("db", "shop")),
  sealWithKseal(secretJson("db", "shop"), "-o", "yaml"),
  sealWithKseal(secretJson("conflict", "shop")),
  sealWithKseal(secretJson("limited", "shop")),
  sealWithKseal(secretJson("broken", "shop")),
  sealWithKseal(secretJson("busy", "shop")),
]);

/** `URL` in arguments and files stands for the server. */
const cases: readonly KubesealCase[] = [
  { name: "seals with the certificate of the cluster", args: [], stdin: secretJson("db", "shop") },
  { name: "takes the namespace of the context, too", args: ["--context", "two"], stdin: secretJson("db") },
  { name: "seals a raw value with it", args: ["--raw", "--name", "a"], stdin: "x" },
  { name: "fetches it", args: ["--fetch-cert"] },
  { name: "fetches it into a file", args: ["--fetch-cert", "-w", "cert.pem"] },
  { name: "does not find the service", args: ["--controller-name", "missing", "--fetch-cert"] },
  {
    name: "may not see the service",
    args: ["--controller-namespace", "forbidden"],
    stdin: secretJson("db", "shop"),
  },
  { name: "--validate: out of order", args: ["--validate"], stdin: broken },
  { name: "--validate: it opens", args: ["--validate"], stdin: db },
  {
    name: "--validate: YAML, in a file",
    args: ["--validate", "-f", "s.yaml"],
    files: { "s.yaml": `${yaml}${yaml}` },
  },
  { name: "--validate: it does not open", args: ["--validate"], stdin: conflict },
  { name: "--validate: the second does not open", args: ["--validate"], stdin: `${db}${conflict}` },
  { name: "--validate: refused", args: ["--validate"], stdin: limited },
  {
    name: "--validate: the service is missing",
    args: ["--validate", "--controller-name=missing"],
    stdin: db,
  },
  { name: "--re-encrypt to standard output", args: ["--re-encrypt"], stdin: `${db}${db}` },
  { name: "--re-encrypt to YAML", args: ["--re-encrypt", "-o", "yaml"], stdin: yaml },
  { name: "--re-encrypt in place", args: ["--re-encrypt", "-f", "s.json"], files: { "s.json": db } },
  { name: "--re-encrypt in place, YAML", args: ["--re-encrypt", "-f", "s.yaml"], files: { "s.yaml": yaml } },
  {
    name: "--re-encrypt into another file",
    args: ["--re-encrypt", "-f", "s.json", "-w", "t.yml"],
    files: { "s.json": db },
  },
  {
    name: "--re-encrypt: it does not open",
    args: ["--re-encrypt", "-f", "s.json"],
    files: { "s.json": conflict },
  },
  { name: "--re-encrypt: refused", args: ["--re-encrypt"], stdin: limited },
  { name: "--re-encrypt: an unknown format", args: ["--re-encrypt", "-o", "xml"], stdin: db },
  { name: "a user that is missing", args: ["--user", "nope"], stdin: db },
  { name: "a context that is missing", args: ["--context", "nope"], stdin: db },
  { name: "a cluster that is missing", args: ["--cluster", "nope"], stdin: db },
  { name: "two ways to log in", args: ["--username", "a", "--password", "b"], stdin: db },
  { name: "a time-out that is none", args: ["--request-timeout", "soon"], stdin: db },
  { name: "an authority that is missing", args: ["--certificate-authority", "nope"], stdin: db },
  { name: "a client's certificate without its key", args: ["--client-certificate", "nope"], stdin: db },
  {
    name: "nobody listens",
    args: ["--server", "http://127.0.0.1:1", "--fetch-cert"],
    ownWords:
      /^error: cannot get sealed secret service: .*127\.0\.0\.1:1.*\.\nPlease, use the flag --controller-name/,
  },
  ...(["--validate", "--re-encrypt"] as const).flatMap((mode): KubesealCase[] => [
    {
      name: `${mode} of nothing is no success`,
      args: [mode, "-f", "s"],
      files: { s: "" },
      deviation: {
        decision: "S10",
        status: 1,
        stdout: "",
        stderr: /^error: no sealed secret found in the input\n$/,
        untouched: true,
      },
    },
    {
      name: `${mode} of what is no SealedSecret is no success`,
      args: [mode, "-f", "s"],
      files: { s: "a: b\n" },
      deviation: {
        decision: "S10",
        status: 1,
        stdout: "",
        stderr: /^error: s: .*not a SealedSecret/,
        untouched: true,
      },
    },
  ]),
  {
    name: "--re-encrypt of a broken file leaves it as it was",
    args: ["--re-encrypt", "-f", "s"],
    files: { s: "a: [\n" },
    deviation: { decision: "S10", status: 1, stdout: "", stderr: /^error: s:\d+/, untouched: true },
  },
  {
    name: "--re-encrypt of several, one of which is refused, prints none",
    args: ["--re-encrypt"],
    stdin: `${db}${conflict}`,
    deviation: { decision: "S10", status: 1, stdout: "", stderr: /^error: unable to rotate secret\n$/ },
  },
  {
    name: "--validate -w empties no file",
    args: ["--validate", "-w", "kept"],
    files: { kept: "text" },
    stdin: db,
    deviation: { decision: "S10", status: 0, stdout: "", files: { kept: /^text$/ } },
  },
];

describe.skipIf(kubeseal === undefined)("a cluster", () => {
  let server: LoopbackServer;
  beforeAll(async () => {
    server = await serveCluster();
  });
  afterAll(() => server.close());

  const titled = cases.map((one) => ({
    title: one.deviation === undefined ? one.name : `${one.deviation.decision}: ${one.name}`,
    one,
  }));
  test.for(titled)("$title", async ({ one }) => {
    const run = withServer(one, server.url);
    const [theirs, theirRequests] = await requestsOf(() => runTheirs(run));
    const [ours, ourRequests] = await requestsOf(() => runOurs(run));
    await compareOutcomes(run, theirs, ours);
    if (one.deviation === undefined) expect(ourRequests).toEqual(theirRequests);
  });

  test("a controller that is busy is asked again when it says", async () => {
    const requests = server.requests.length;
    const run = withServer({ name: "", args: ["--validate"], stdin: busy }, server.url);
    const [theirs, ours] = [await runTheirs(run), await runOurs(run)];
    expect(ours).toEqual(theirs);
    expect(ours.status).toBe(0);
    // Each tool asks for the service, is sent away once, and then heard.
    expect(server.requests).toHaveLength(requests + 6);
  });

  test("a certificate over plain http is taken, with a warning", async () => {
    const address = `${server.url}/api/v1/namespaces/a/services/http:b:c/proxy/v1/cert.pem`;
    const run = { name: "", args: ["--cert", address, "--fetch-cert"] };
    const [theirs, ours] = await Promise.all([runTheirs(run), runOurs(run)]);
    expect(theirs).toMatchObject({ status: 0, stdout: served, stderr: "" });
    const host = new URL(server.url).host;
    expect(ours).toMatchObject({
      status: 0,
      stdout: served,
      stderr: `warning: ${host} sends the certificate over plain http: anybody on the way can put another one in its place\n`,
    });
  });

  test.for([
    ["/api/v1/namespaces/a/services/missing", "404 Not Found"],
    ["/api/v1/namespaces/forbidden/services/a", "403 Forbidden"],
  ] as const)("a certificate at %s is refused", async ([path, status]) => {
    const run = { name: "", args: ["--cert", server.url + path], stdin: secretJson("db", "shop") };
    const [theirs, ours] = await Promise.all([runTheirs(run), runOurs(run)]);
    expect(theirs.stderr).toBe(`error: cannot fetch "${server.url + path}": ${status}\n`);
    expect(ours.stderr.split("\n").slice(1).join("\n")).toBe(theirs.stderr);
    expect(ours.status).toBe(1);
  });

  test("a certificate from where nobody listens", async () => {
    const run = { name: "", args: ["--cert", "http://127.0.0.1:1/a.pem"] };
    const [theirs, ours] = await Promise.all([runTheirs(run), runOurs(run)]);
    expect(ours.stderr.split("\n").slice(1).join("\n")).toBe(theirs.stderr);
  });

  test("a cluster is not asked when a certificate is given", async () => {
    const before = server.requests.length;
    const run = { name: "", args: ["--cert", certificate], stdin: secretJson("db", "shop") };
    expect((await runOurs(withServer(run, server.url))).status).toBe(0);
    expect(server.requests).toHaveLength(before);
  });

  async function requestsOf<T>(work: () => Promise<T>) {
    const before = server.requests.length;
    const result = await work();
    return [result, asked(server.requests.slice(before))] as const;
  }
});

function withServer(one: KubesealCase, url: string): KubesealCase {
  return { ...one, files: { ".kube/config": kubeconfig({ server: url, namespace: "shop" }), ...one.files } };
}
