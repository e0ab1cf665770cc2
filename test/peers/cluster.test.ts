import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runScript } from "../support/child-process.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import {
  addBitnamiController,
  type BitnamiController,
  hasBitnamiController,
} from "../support/cluster-bitnami.ts";
import { publishService } from "../support/cluster-pod.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { peer } from "../support/peers.ts";

const kubeseal = peer("kubeseal");

describe.skipIf(!hasCluster)("a cluster", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  test("is seen by kubectl, in the version that was asked for", async () => {
    expect(JSON.parse(await cluster.kubectl(["version", "-o", "json"]))).toMatchObject({
      clientVersion: { gitVersion: "v1.35.4" },
      serverVersion: { gitVersion: "v1.35.4" },
    });
  });

  test("collects what belongs to a deleted object", async () => {
    const path = "/api/v1/namespaces/default/secrets";
    const metadata = { name: "owner" };
    const { metadata: owner } = await cluster.api.call("POST", path, { metadata });
    const ownerReferences = [{ apiVersion: "v1", kind: "Secret", name: "owner", uid: owner.uid }];
    await cluster.api.call("POST", path, { metadata: { name: "owned", ownerReferences } });
    await cluster.api.call("DELETE", `${path}/owner`);
    await waitFor("garbage collection", () => status(cluster, `${path}/owned`, 404));
  });

  test("lets a service account do nothing but what it was given", async () => {
    const KUBECONFIG = await cluster.serviceAccountKubeconfig("default", "reader");
    const read = async () =>
      await cluster.exec([peer("kubectl")!, "get", "secrets", "-o", "name"], { env: { KUBECONFIG } });
    expect((await read()).stderr).toContain(
      'User "system:serviceaccount:default:reader" cannot list resource "secrets"',
    );
    await cluster.kubectl(["create", "role", "reader", "--verb=list", "--resource=secrets"]);
    await cluster.kubectl([
      "create",
      "rolebinding",
      "reader",
      "--role=reader",
      "--serviceaccount=default:reader",
    ]);
    await waitFor("right to read", async () => ((await read()).status === 0 ? true : undefined));
  });

  test("reaches a process of the tests through the service proxy", async () => {
    const server = createServer((request, response) => {
      response.writeHead(418, { "content-type": "text/plain" }).end(`${request.method} ${request.url}`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const service = await publishService(cluster, {
      namespace: "default",
      name: "echo",
      portName: "http",
      target: { host: "127.0.0.1", ports: { 8080: port } },
    });
    const path = "/api/v1/namespaces/default/services/http:echo:http/proxy/some/path?query";
    expect(await cluster.api.request("POST", path, "{}")).toMatchObject({
      status: 418,
      text: "POST /some/path?query",
    });
    server.closeAllConnections();
    server.close();
    expect((await cluster.api.request("GET", path)).status).toBe(503);
    await service.remove();
    expect((await cluster.api.request("GET", path)).status).toBe(404);
  });

  test("goes on after its API server went away", async () => {
    await cluster.stopApiServer();
    await expect(cluster.kubectl(["get", "namespaces"])).rejects.toThrow(/was refused/);
    await cluster.startApiServer();
    expect(await cluster.kubectl(["get", "namespace", "default", "-o", "name"])).toBe("namespace/default\n");
  });
});

test("servers end with the process that started them, however it ends", async () => {
  const processes = new URL("../support/cluster-processes.ts", import.meta.url).href;
  const child = runScript(`
    import { prepareServers } from ${JSON.stringify(processes)};
    const servers = prepareServers();
    const { pid } = servers.start("sleeper", ["sleep", "600"]);
    console.log(JSON.stringify({ pid, folder: servers.folder }), "started");
    setInterval(() => {}, 1000);
  `);
  const { pid, folder } = JSON.parse((await child.waitFor("started")).split(" started")[0]!);
  expect(isAlive(pid)).toBe(true);
  child.process.kill("SIGKILL");
  await waitFor("removal of the folder", async () => (existsSync(folder) ? undefined : true));
  await waitFor("end of the server", async () => (isAlive(pid) ? undefined : true));
});

test.skipIf(!hasCluster)("a cluster of three goes on without any one member of etcd", async () => {
  const cluster = await startCluster({ controllerManager: false, etcdMembers: 3 });
  // The one that ends may be the leader; then the next write may fail.
  const write = async (name: string) => {
    await cluster.createNamespace(name);
    return true;
  };
  try {
    await cluster.stopEtcd(0);
    await waitFor("write without the first", () => write("without-first"));
    cluster.startEtcd(0);
    await cluster.stopEtcd(1);
    await waitFor("write without the second", () => write("without-second"));
  } finally {
    await cluster.stop();
  }
});

describe.skipIf(!hasBitnamiController || kubeseal === undefined)("with the Sealed Secrets controller", () => {
  let cluster: TestCluster;
  let controller: BitnamiController;
  beforeAll(async () => {
    cluster = await startCluster();
    controller = await addBitnamiController(cluster);
  });
  afterAll(() => cluster?.stop());

  const secret = JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "db", namespace: "default" },
    stringData: { password: "correct horse" },
  });
  const seal = async (args: readonly string[], stdin: string) => {
    const { status: code, stdout, stderr } = await cluster.exec([kubeseal!, ...args], { stdin });
    return { code, stdout: stdout.toString("utf8"), stderr };
  };

  test("kubeseal fetches the certificate through the service proxy", async () => {
    const { code, stdout, stderr } = await seal(["--fetch-cert"], "");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(new X509Certificate(stdout).raw).toEqual(new X509Certificate(await controller.certificate()).raw);
  });

  test("what kubeseal sealed is valid, is encrypted again, and becomes a Secret", async () => {
    const sealed = await seal(["-o", "json"], secret);
    expect(sealed.code).toBe(0);
    expect(await seal(["--validate"], sealed.stdout)).toMatchObject({ code: 0, stderr: "" });

    const again = await seal(["--re-encrypt", "-o", "json"], sealed.stdout);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    const value = (text: string) => JSON.parse(text).spec.encryptedData.password;
    expect(value(again.stdout)).not.toBe(value(sealed.stdout));

    const group = "/apis/bitnami.com/v1alpha1/namespaces/default/sealedsecrets";
    await cluster.api.call("POST", group, again.stdout);
    const path = "/api/v1/namespaces/default/secrets/db";
    await waitFor("Secret", () => status(cluster, path, 200));
    const made = await cluster.api.call("GET", path);
    expect(Buffer.from(made.data.password, "base64").toString()).toBe("correct horse");
    const condition = async () => (await cluster.api.call("GET", `${group}/db`)).status?.conditions?.[0];
    expect(await waitFor("status", condition)).toMatchObject({ type: "Synced", status: "True" });
  });

  test("what is for another name is not valid", async () => {
    const { stdout } = await seal(["-o", "json"], secret);
    const other = stdout.replaceAll('"db"', '"other"');
    expect((await seal(["--validate"], other)).code).toBe(1);
  });

  test("it ends, and its service with it", async () => {
    await controller.stop();
    const { code, stderr } = await seal(["--fetch-cert"], "");
    expect(code).toBe(1);
    expect(stderr).toContain('services "sealed-secrets-controller" not found');
  });
});

async function status({ api }: TestCluster, path: string, wanted: number): Promise<true | undefined> {
  return (await api.request("GET", path)).status === wanted ? true : undefined;
}

function isAlive(pid: number): boolean {
  // What nobody has waited for yet is dead all the same.
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.startsWith("Z");
}
