import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ClusterApi, connectApi } from "./cluster-api.ts";
import { type Authority, type KeyPair, makeAuthority, makeSigningKey } from "./cluster-certificates.ts";
import { type Egress, openEgress } from "./cluster-egress.ts";
import { prepareServers, type ServerProcess, type Servers, waitFor } from "./cluster-processes.ts";
import { peer } from "./peers.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";

/**
 * A real Kubernetes without nodes: etcd, the API server with RBAC, and the controllers that collect garbage, empty
 * namespaces and make service accounts. Nothing runs in its pods; {@link publishService} and {@link startPod} stand in.
 */
export interface TestCluster {
  /** A file for its administrator. */
  readonly kubeconfig: string;
  /** `https://127.x.y.z:port`. */
  readonly server: string;
  /** The address that everything of this cluster listens on, and nothing else: its processes may choose any port. */
  readonly host: string;
  readonly caPem: string;
  readonly adminToken: string;
  readonly admin: KeyPair;
  /** For files that go with the cluster. */
  readonly folder: string;
  readonly api: ClusterApi;
  readonly authority: Authority;
  readonly egress: Egress;
  readonly servers: Servers;
  /** @returns Its standard output. @throws Error With its standard error when it fails. */
  kubectl(args: readonly string[], options?: { readonly stdin?: string | Uint8Array }): Promise<string>;
  /** Runs a program to its end, as the administrator: `KUBECONFIG` is set, and little else. */
  exec(command: readonly [string, ...string[]], options?: ExecInClusterOptions): Promise<ProgramResult>;
  /** Writes a kubeconfig file. @param user - The field `user` of a kubeconfig's user. @returns Its path. */
  kubeconfigFor(name: string, user: object, namespace?: string): string;
  /** A token of a service account, which is made when it is missing. */
  serviceAccountToken(namespace: string, name: string): Promise<string>;
  /** A kubeconfig file for a service account, which is made when it is missing. */
  serviceAccountKubeconfig(namespace: string, name: string): Promise<string>;
  createNamespace(name: string): Promise<void>;
  /** Ends the API server at once, or, with a signal, as that does. */
  stopApiServer(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again at its old address, and waits until it is ready. */
  startApiServer(): Promise<void>;
  /** Ends a member of etcd, counted from 0. */
  stopEtcd(member: number): Promise<void>;
  startEtcd(member: number): void;
  /** Ends everything, and removes the folder. */
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** Without it nothing collects garbage, and a namespace never goes. Default true. */
  readonly controllerManager?: boolean;
  /** Default 1. */
  readonly etcdMembers?: 1 | 3;
  /** More flags of `kube-apiserver`. */
  readonly apiServerFlags?: readonly string[];
}

export interface ExecInClusterOptions {
  readonly stdin?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const programs = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"] as const;

/** Whether the programs are there, and the system one where every cluster can have an address of its own. */
export const hasCluster: boolean = process.platform === "linux" && programs.every((name) => peer(name));

/** Starts a cluster of its own; it takes some three seconds. */
export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const servers = prepareServers();
  try {
    return await startIn(servers, options);
  } catch (error) {
    await servers.stop();
    throw error;
  }
}

async function startIn(servers: Servers, options: ClusterOptions): Promise<TestCluster> {
  const { folder } = servers;
  // Below the ports that the system gives to clients; and several clusters have different addresses.
  const place = { host: loopbackAddress(), port: randomInt(20_000, 32_000) };
  const authority = makeAuthority();
  const admin = authority.client("admin", ["system:masters"]);
  const adminToken = "token-of-the-administrator-of-a-test-cluster";
  const server = `https://${place.host}:${place.port}`;
  const egress = await openEgress(folder);
  const api = connectApi(server, { ca: authority.cert, ...admin });
  const etcd = etcdMembers(servers, place, options.etcdMembers ?? 1);
  const apiServer = apiServerOf(servers, {
    place,
    authority,
    egress,
    adminToken,
    etcd: etcd.map(({ url }) => url),
    flags: options.apiServerFlags ?? [],
  });
  const kubeconfigFor: TestCluster["kubeconfigFor"] = (name, user, namespace) => {
    const file = join(folder, `${name}.kubeconfig`);
    writeFileSync(file, kubeconfigText(server, authority.cert, user, namespace), { mode: 0o600 });
    return file;
  };
  let running = { etcd: etcd.map(({ start }) => start()), apiServer: apiServer.start() };
  const ready = async (): Promise<void> => {
    const all = [...running.etcd, running.apiServer];
    const ask = async () => ((await api.request("GET", "/readyz")).status === 200 ? true : undefined);
    await waitFor("readiness of the API server", ask, all);
  };
  await ready();
  if (options.controllerManager ?? true) {
    await startControllerManager(servers, {
      api,
      kubeconfig: kubeconfigFor(
        "controller-manager",
        userOf(authority.client("system:kube-controller-manager")),
      ),
    });
  }
  const kubeconfig = kubeconfigFor("admin", userOf(admin));
  const exec: TestCluster["exec"] = async (command, { stdin, cwd = folder, env = {} } = {}) => {
    const PATH = process.env["PATH"] ?? "";
    return await runProgram(command, {
      cwd,
      env: { PATH, HOME: folder, KUBECONFIG: kubeconfig, ...env },
      ...(stdin !== undefined && { stdin }),
    });
  };
  const serviceAccountToken: TestCluster["serviceAccountToken"] = async (namespace, name) => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`;
    await api.apply(path, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace } });
    const { status } = await api.call("POST", `${path}/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 86_400 },
    });
    return status.token;
  };
  return {
    kubeconfig,
    server,
    host: place.host,
    caPem: authority.cert,
    adminToken,
    admin,
    folder,
    api,
    authority,
    egress,
    servers,
    exec,
    kubectl: async (args, { stdin } = {}) => {
      const { status, stdout, stderr } = await exec([peer("kubectl") ?? "", ...args], {
        ...(stdin !== undefined && { stdin }),
      });
      if (status !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
      return stdout.toString("utf8");
    },
    kubeconfigFor,
    serviceAccountToken,
    serviceAccountKubeconfig: async (namespace, name) => {
      const token = await serviceAccountToken(namespace, name);
      return kubeconfigFor(`${namespace}-${name}`, { token }, namespace);
    },
    createNamespace: async (name) => {
      await api.apply(`/api/v1/namespaces/${name}`, {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name },
      });
    },
    stopApiServer: async (signal) => await running.apiServer.stop(signal),
    startApiServer: async () => {
      running = { ...running, apiServer: apiServer.start() };
      await ready();
    },
    stopEtcd: async (member) => await running.etcd[member]?.stop(),
    startEtcd: (member) => {
      running = { ...running, etcd: running.etcd.with(member, etcd[member]!.start()) };
    },
    stop: async () => {
      api.close();
      await egress.close();
      await servers.stop();
    },
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function loopbackAddress(): string {
  return ["127", randomInt(1, 255), randomInt(0, 256), randomInt(1, 255)].join(".");
}

interface Startable {
  readonly url: string;
  start(): ServerProcess;
}

function etcdMembers(servers: Servers, { host, port }: Place, count: number): readonly Startable[] {
  const members = Array.from({ length: count }, (_, at) => ({
    name: `etcd-${at}`,
    client: `http://${host}:${port + 1 + 2 * at}`,
    peer: `http://${host}:${port + 2 + 2 * at}`,
  }));
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(",");
  return members.map(({ name, client, peer: peerUrl }) => ({
    url: client,
    start: () =>
      servers.start(name, [
        peer("etcd") ?? "",
        ...["--name", name, "--data-dir", join(servers.folder, name), "--log-level", "warn"],
        // What a crash of the machine would lose does not matter here.
        "--unsafe-no-fsync",
        ...["--listen-client-urls", client, "--advertise-client-urls", client],
        ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
        ...["--initial-cluster", cluster],
      ]),
  }));
}

function apiServerOf(
  { folder, start }: Servers,
  options: {
    readonly place: Place;
    readonly authority: Authority;
    readonly egress: Egress;
    readonly adminToken: string;
    readonly etcd: readonly string[];
    readonly flags: readonly string[];
  },
): { start(): ServerProcess } {
  const { authority, egress, place } = options;
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const dns = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  const { cert, key } = authority.server({ dns, ips: [place.host, "10.96.0.1"] });
  const signing = makeSigningKey();
  const authorityFile = file("ca.crt", authority.cert);
  const signingFile = file("service-accounts.key", signing.key);
  const command = [
    peer("kube-apiserver") ?? "",
    ...["--etcd-servers", options.etcd.join(",")],
    ...["--bind-address", place.host, "--secure-port", String(place.port), "--advertise-address", place.host],
    // It would publish its own address, and may not publish one of loopback.
    ...["--endpoint-reconciler-type", "none"],
    ...["--tls-cert-file", file("server.crt", cert), "--tls-private-key-file", file("server.key", key)],
    ...["--client-ca-file", authorityFile, "--authorization-mode", "RBAC"],
    ...["--token-auth-file", file("tokens.csv", `${options.adminToken},admin,admin,system:masters\n`)],
    ...["--service-cluster-ip-range", "10.96.0.0/16"],
    ...["--service-account-issuer", "https://kubernetes.default.svc"],
    ...["--service-account-key-file", file("service-accounts.pub", signing.publicKey)],
    ...["--service-account-signing-key-file", signingFile],
    ...["--egress-selector-config-file", file("egress.json", JSON.stringify(egress.configuration))],
    ...options.flags,
  ] as const satisfies readonly string[];
  return { start: () => start("kube-apiserver", command) };
}

const controllers = [
  "garbage-collector-controller",
  "namespace-controller",
  "serviceaccount-controller",
  "root-ca-certificate-publisher-controller",
  "endpointslice-mirroring-controller",
];

async function startControllerManager(
  { folder, start }: Servers,
  { api, kubeconfig }: { readonly api: ClusterApi; readonly kubeconfig: string },
): Promise<void> {
  const server = start("kube-controller-manager", [
    peer("kube-controller-manager") ?? "",
    ...["--kubeconfig", kubeconfig, "--leader-elect=false", "--secure-port", "0"],
    ...["--service-account-private-key-file", join(folder, "service-accounts.key")],
    ...["--root-ca-file", join(folder, "ca.crt"), "--use-service-account-credentials"],
    ...["--controllers", controllers.join(",")],
  ]);
  const path = "/api/v1/namespaces/default/serviceaccounts/default";
  const ask = async () => ((await api.request("GET", path)).status === 200 ? true : undefined);
  await waitFor("default service account", ask, [server]);
}

function userOf({ cert, key }: KeyPair): object {
  return { "client-certificate-data": base64(cert), "client-key-data": base64(key) };
}

// JSON is YAML.
function kubeconfigText(server: string, ca: string, user: object, namespace: string | undefined): string {
  const context = { cluster: "test", user: "test", ...(namespace !== undefined && { namespace }) };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "certificate-authority-data": base64(ca) } }],
    users: [{ name: "test", user }],
    contexts: [{ name: "test", context }],
    "current-context": "test",
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
