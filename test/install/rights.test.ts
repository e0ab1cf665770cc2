import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLogger } from "../../controller/logger.ts";
import { readOptions } from "../../controller/options.ts";
import { type RunningController, runController } from "../../controller/run.ts";
import { createNodeHost } from "../../src/host/node-host.ts";
import { createKubeApi } from "../../src/kube/client.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { type KubeObject, sealedObject } from "../support/controller.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { type InstalledObject, kustomize, manifests, objectsOf, ofKind } from "../support/install.ts";
import { random, sealedVector } from "../support/sealed.ts";
import { Stage } from "../support/sealed-secrets-stage.ts";

/** What the controller does, in the order of the story that each of the controllers below lives through. */
const behaviours = {
  "makes the Secret of a SealedSecret that was there before it": (home: Home) => home.holds("early", "one"),
  "says in the status how a SealedSecret fares": async (home: Home) =>
    (await home.stage.sealed("early"))?.["status"]?.conditions?.[0].status === "True",
  "tells what happened": async (home: Home) => (await home.countOf("Unsealed")) > 0,
  "publishes the certificate": async (home: Home) => (await home.certificate()) !== undefined,
  "makes the Secret of a SealedSecret that comes": (home: Home) => home.holds("late", "one"),
  "takes over a Secret that was there before": (home: Home) => home.holds("taken", "one"),
  "puts right what somebody changed in a Secret": async (home: Home) =>
    home.edited && (await home.holds("early", "one")),
  "counts what happens again": async (home: Home) => (await home.countOf("Unsealed")) > 1,
  "makes a new sealing key": async (home: Home) => (await home.keys()) > 1,
  "publishes the certificate of a new key": async (home: Home) =>
    (await home.certificate()) !== home.firstCertificate && (await home.keys()) > 1,
  "goes on being the one that writes": (home: Home) => home.holds("last", "one"),
} as const satisfies Readonly<Record<string, (home: Home) => Promise<boolean>>>;

type Behaviour = keyof typeof behaviours;
const all = Object.keys(behaviours) as Behaviour[];
const making = all.filter((each) => !/publishes|sealing key/.test(each));

/** Every right that the manifests give the controller, and what no longer happens without it. */
const rights: readonly { readonly right: string; readonly without: readonly Behaviour[] }[] = [
  { right: "list sealedsecrets.bitnami.com", without: making },
  {
    right: "watch sealedsecrets.bitnami.com",
    without: [
      "makes the Secret of a SealedSecret that comes",
      "takes over a Secret that was there before",
      "goes on being the one that writes",
    ],
  },
  {
    right: "patch sealedsecrets/status.bitnami.com",
    without: ["says in the status how a SealedSecret fares"],
  },
  { right: "list secrets", without: all },
  {
    right: "watch secrets",
    without: ["puts right what somebody changed in a Secret", "counts what happens again"],
  },
  { right: "get secrets", without: ["takes over a Secret that was there before"] },
  {
    right: "create secrets",
    without: all.filter((each) => !/publishes the certificate$|takes over/.test(each)),
  },
  {
    right: "patch secrets",
    without: [
      "takes over a Secret that was there before",
      "puts right what somebody changed in a Secret",
      "counts what happens again",
    ],
  },
  { right: "create events", without: ["tells what happened", "counts what happens again"] },
  { right: "patch events", without: ["counts what happens again"] },
  { right: "create leases.coordination.k8s.io", without: all },
  { right: "get leases.coordination.k8s.io", without: all },
  { right: "update leases.coordination.k8s.io", without: ["goes on being the one that writes"] },
  { right: "get configmaps", without: all.filter((each) => each.startsWith("publishes")) },
  { right: "create configmaps", without: all.filter((each) => each.startsWith("publishes")) },
  { right: "patch configmaps", without: all.filter((each) => each.startsWith("publishes")) },
];

test.for(["base", "overlays/namespaced"])("manifests/%s gives no right but these", async (folder) => {
  const given = rightsOf(controllerRoles(objectsOf(await kustomize(folder))));
  expect(given.toSorted()).toEqual(rights.map(({ right }) => right).toSorted());
});

/*
 * One cluster, and a controller in a namespace of its own for every right, which has all rights but that one; and one
 * that lacks nothing. The API server's audit log says what was asked and what was refused.
 */
describe.skipIf(!hasCluster)("a controller with the rights of the manifests", () => {
  const folder = makeFolder({});
  const audit = join(folder, "audit.log");
  const abort = new AbortController();
  const homes = new Map<string | undefined, Home>();
  let cluster: TestCluster;
  let roles: readonly InstalledObject[];

  beforeAll(async () => {
    const policy = join(folder, "policy.json");
    writeFileSync(policy, JSON.stringify(auditPolicy));
    cluster = await startCluster({
      controllerManager: false,
      apiServerFlags: [
        "--audit-policy-file",
        policy,
        "--audit-log-path",
        audit,
        "--audit-log-mode",
        "blocking",
      ],
    });
    await cluster.kubectl(["apply", "--server-side", "-k", manifests("crd")]);
    roles = controllerRoles(objectsOf(await kustomize("base")));
    const lacking = [undefined, ...rights.map(({ right }) => right)];
    for (const [at, right] of lacking.entries()) homes.set(right, new Home(cluster, `home-${at}`));
    await waitFor("SealedSecrets", async () => {
      const { status } = await cluster.api.request("GET", "/apis/bitnami.com/v1alpha1/sealedsecrets");
      return status === 200 ? true : undefined;
    });
    const items = [...homes].flatMap(([right, { name }]) => [
      ...furniture(name),
      ...bound(lesserRoles(roles, right), name),
    ]);
    const stdin = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await cluster.kubectl(["apply", "--server-side", "-f", "-"], { stdin });
    await Promise.all([...homes].map(([right, home]) => isInEffect(lesserRoles(roles, right), home)));
    await Promise.all([...homes].map(([, home]) => home.start(abort.signal)));
    await Promise.all([...homes].map(([right, home]) => live(home, missingWithout(right))));
  }, 120_000);
  afterAll(async () => {
    abort.abort();
    await Promise.all([...homes.values()].map((home) => home.end()));
    await cluster?.stop();
    removeFolder(folder);
  });

  const homeOf = (right?: string): Home => homes.get(right)!;
  const asked = (home: Home) =>
    readFileSync(audit, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditEvent)
      .filter(({ user }) => user.username === `system:serviceaccount:${home.name}:${account}`);

  test("does all it has to do, is refused nothing, and uses every right", async () => {
    const home = homeOf();
    for (const behaviour of all)
      expect([behaviour, await behaviours[behaviour](home)]).toEqual([behaviour, true]);
    const events = asked(home);
    expect(events.filter(({ responseStatus }) => responseStatus?.code === 403)).toEqual([]);
    const used = new Set(events.flatMap(rightsUsed));
    expect(rights.map(({ right }) => right).filter((right) => !used.has(right))).toEqual([]);
  });

  for (const { right, without } of rights) {
    test(`without ${right} it no longer ${without[0]}`, async () => {
      const home = homeOf(right);
      await waitFor(`a refusal of ${right}`, async () =>
        asked(home).some((event) => event.responseStatus?.code === 403 && rightsUsed(event).includes(right))
          ? true
          : undefined,
      );
      for (const behaviour of without) {
        expect([behaviour, await behaviours[behaviour](home)]).toEqual([behaviour, false]);
      }
    });
  }

  test.for([
    ["deletes no Secret", "DELETE", "/api/v1/namespaces/home-0/secrets/early", undefined],
    [
      "changes no SealedSecret",
      "PATCH",
      "/apis/bitnami.com/v1alpha1/namespaces/home-0/sealedsecrets/early",
      { metadata: { labels: { a: "b" } } },
    ],
    ["touches no other ConfigMap", "PATCH", "/api/v1/namespaces/home-0/configmaps/other", { data: {} }],
    [
      "looks at no other Lease",
      "GET",
      "/apis/coordination.k8s.io/v1/namespaces/home-0/leases/kube-scheduler",
      undefined,
    ],
    ["reads no ConfigMaps", "GET", "/api/v1/namespaces/home-0/configmaps", undefined],
    ["runs nothing", "POST", "/api/v1/namespaces/home-0/pods", {}],
  ] as const)("%s", async ([, method, path, body]) => {
    const { status } = await cluster.api.request(method, path, body, {
      "impersonate-user": `system:serviceaccount:home-0:${account}`,
      "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
    });
    expect(status).toBe(403);
  });

  /** What was bound takes effect a moment later. */
  async function isInEffect(given: readonly InstalledObject[], { name }: Home): Promise<void> {
    for (const { apiGroups, resources, resourceNames, verbs } of given.flatMap(({ rules }) => rules)) {
      const [resource, subresource] = resources[0].split("/");
      const resourceAttributes = {
        ...{ namespace: name, verb: verbs[0], group: apiGroups[0], resource, subresource },
        ...(resourceNames !== undefined && { name: resourceNames[0] }),
      };
      const spec = { user: `system:serviceaccount:${name}:${account}`, resourceAttributes };
      await waitFor(`${verbs[0]} ${resources[0]} in ${name}`, async () => {
        const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
        const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        return (await cluster.api.call("POST", path, review)).status.allowed === true ? true : undefined;
      });
    }
  }

  /** Lives the story as far as it can go without what is missing. */
  async function live(home: Home, missing: readonly Behaviour[]): Promise<void> {
    const { stage } = home;
    let patience = patienceWithLess;
    const until = async (behaviour: Behaviour): Promise<void> => {
      if (missing.includes(behaviour)) return;
      const began = Date.now();
      await waitFor(`${home.name}: ${behaviour}`, async () => {
        // What else does not happen without a right is not the question.
        const isPatient = missing.length === 0 || Date.now() < began + patience;
        return !isPatient || (await behaviours[behaviour](home)) ? true : undefined;
      });
      patience -= Date.now() - began;
    };
    for (const behaviour of all.slice(0, 4)) await until(behaviour);
    home.firstCertificate = await home.certificate();
    await stage.post(home.sealed("late"));
    await stage.post(home.sealed("taken"));
    await until("makes the Secret of a SealedSecret that comes");
    await until("takes over a Secret that was there before");
    if ((await stage.secret("early")) !== undefined) {
      await stage.changeSecret("early", { data: { password: "b3RoZXI=" } });
      home.edited = true;
      await until("puts right what somebody changed in a Secret");
    }
    await stage.change("early", { metadata: { annotations: { "kseal.dev/force-sync": "now" } } });
    await until("counts what happens again");
    home.running?.renewKey();
    await until("makes a new sealing key");
    await until("publishes the certificate of a new key");
    await home.leaseRanOut();
    await stage.post(home.sealed("last"));
    await until("goes on being the one that writes");
  }
});

const account = "sealed-secrets-controller";
/** The shortest that the controller takes. */
const leaseSeconds = 3;
/** Milliseconds that a controller with less than all rights gets for what it can do, beside doing it. */
const patienceWithLess = 15_000;
const keyLabel = "sealedsecrets.bitnami.com/sealed-secrets-key";

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly apiGroup?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code: number };
}

const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  // Of a watch the end is far away.
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata", userGroups: ["system:serviceaccounts"] }],
};

/** A namespace with a controller that looks after what is in it alone, and has its keys there. */
class Home {
  readonly name: string;
  readonly stage: Stage;
  readonly #cluster: TestCluster;
  running: RunningController | undefined;
  firstCertificate: string | undefined;
  /** Whether somebody changed the Secret `early`. */
  edited = false;

  constructor(cluster: TestCluster, name: string) {
    this.name = name;
    this.stage = new Stage(cluster, name);
    this.#cluster = cluster;
  }

  async start(signal: AbortSignal): Promise<void> {
    const kubeconfig = await this.#cluster.serviceAccountKubeconfig(this.name, account);
    const host = createNodeHost();
    const ignore = () => undefined;
    const unused = () => Promise.reject(new TypeError("no key is in an envelope here"));
    const log = createLogger({
      level: "ERROR",
      format: "json",
      infoToStdout: true,
      writeStdout: ignore,
      writeStderr: ignore,
      now: Date.now,
    });
    const client = () => createKubeApi({ host, cluster: { kubeconfig }, log });
    const options = readOptions({
      arguments: [
        ...["--key-size", "2048", "--lease-duration", `${leaseSeconds}s`, "--workers", "0"],
        ...["--label-selector", `home=${this.name}`],
        ...["--listen-addr", `${this.#cluster.host}:0`, "--listen-metrics-addr", `${this.#cluster.host}:0`],
      ],
      environment: { POD_NAMESPACE: this.name },
      serviceAccountNamespace: undefined,
      now: Date.now(),
    });
    this.running = await runController({
      ...{ options, log, random, signal },
      api: await client(),
      leaseApi: await client(),
      identity: this.name,
      version: "test",
      envelope: { open: unused, wrap: undefined },
      process: () => ({ cpuSeconds: 0, residentBytes: 0, startSeconds: 0 }),
    });
  }

  async end(): Promise<void> {
    await this.running?.done;
  }

  sealed(name: string): KubeObject {
    return sealedFor(this.name, name);
  }

  async holds(name: string, password: string): Promise<boolean> {
    return (await this.stage.values(name))?.["password"] === password;
  }

  /** How often an event of the first object was counted. */
  async countOf(reason: string): Promise<number> {
    const { items } = await this.#cluster.api.call("GET", `/api/v1/namespaces/${this.name}/events`);
    const found = items.filter(
      (event: KubeObject) => event["reason"] === reason && event["involvedObject"].name === "early",
    );
    return Math.max(0, ...found.map(({ count }: KubeObject) => count));
  }

  async certificate(): Promise<string | undefined> {
    const path = `/api/v1/namespaces/${this.name}/configmaps/sealed-secrets-certificate`;
    const { status, text } = await this.#cluster.api.request("GET", path);
    return status === 200 ? JSON.parse(text).data["cert.pem"] : undefined;
  }

  async keys(): Promise<number> {
    const path = `/api/v1/namespaces/${this.name}/secrets?labelSelector=${keyLabel}%3Dactive`;
    return (await this.#cluster.api.call("GET", path)).items.length;
  }

  /** Waits until the lease that was there when this replica began to write would be over. */
  async leaseRanOut(): Promise<void> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${this.name}/leases/${account}`;
    const began = Date.now();
    await waitFor(`the first lease of ${this.name} to be over`, async () => {
      const { status, text } = await this.#cluster.api.request("GET", path);
      // It is made when everything was listed; without the right to, never.
      const acquired = status === 200 ? Date.parse(JSON.parse(text).spec.acquireTime) : began;
      return Date.now() > acquired + leaseSeconds * 1000 ? true : undefined;
    });
  }
}

/** What each namespace has before its controller starts. */
function furniture(namespace: string): readonly object[] {
  const secret = (name: string, more: object) => ({
    apiVersion: "v1",
    kind: "Secret",
    ...more,
    metadata: { name, namespace, ...(more as KubeObject)["metadata"] },
  });
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: account, namespace } },
    secret("sealed-secrets-key1", {
      metadata: { labels: { [keyLabel]: "active" } },
      type: "kubernetes.io/tls",
      stringData: { "tls.key": sealedVector("rsa2048.key.pem"), "tls.crt": sealedVector("rsa2048.crt.pem") },
    }),
    secret("taken", {
      metadata: { annotations: { "sealedsecrets.bitnami.com/managed": "true" } },
      stringData: { password: "theirs" },
    }),
    sealedFor(namespace, "early"),
  ];
}

function sealedFor(namespace: string, name: string): KubeObject {
  const { apiVersion, kind, spec } = sealedObject({ password: "one" }, { namespace, name });
  return { apiVersion, kind, spec, metadata: { name, namespace, labels: { home: namespace } } };
}

/** What cannot be waited for without a right: what certainly fails, and what may. */
function missingWithout(right: string | undefined): readonly Behaviour[] {
  if (right === undefined) return [];
  const found = rights.find((each) => each.right === right)?.without ?? [];
  // Without renewing its lease a replica writes for a moment, and nobody knows how far it comes.
  return right.startsWith("update leases") ? all : found;
}

/** The roles that are bound to the controller's account. */
function controllerRoles(objects: readonly InstalledObject[]): readonly InstalledObject[] {
  return objects
    .filter(({ subjects }) => subjects?.some(({ kind }: InstalledObject) => kind === "ServiceAccount"))
    .map(({ roleRef }) => ofKind(objects, roleRef.kind, roleRef.name));
}

function rightsOf(roles: readonly InstalledObject[]): readonly string[] {
  return roles.flatMap(({ rules }) =>
    rules.flatMap(({ apiGroups, resources, verbs }: InstalledObject) =>
      apiGroups.flatMap((group: string) =>
        resources.flatMap((resource: string) =>
          verbs.map((verb: string) => rightText(verb, resource, group)),
        ),
      ),
    ),
  );
}

function rightText(verb: string, resource: string, group = ""): string {
  return `${verb} ${resource}${group === "" ? "" : `.${group}`}`;
}

/** An apply of what is not there yet needs two rights, and the audit log knows it as a patch. */
function rightsUsed({ verb, objectRef, responseStatus }: AuditEvent): readonly string[] {
  if (objectRef === undefined) return [];
  const { resource, subresource, apiGroup } = objectRef;
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  const creates = verb === "patch" && resource === "configmaps" && responseStatus?.code !== 200;
  return [verb, ...(creates ? ["create"] : [])].map((each) => rightText(each, what, apiGroup));
}

function lesserRoles(
  roles: readonly InstalledObject[],
  lacking: string | undefined,
): readonly InstalledObject[] {
  return roles.map((role) => ({
    ...role,
    // A rule for each right; one without verbs would be refused.
    rules: role.rules.flatMap((rule: InstalledObject) =>
      rule.verbs
        .filter((verb: string) => rightText(verb, rule.resources[0], rule.apiGroups[0]) !== lacking)
        .map((verb: string) => ({ ...rule, verbs: [verb] })),
    ),
  }));
}

/** Roles under names of their own, bound to the account of a namespace. */
function bound(roles: readonly InstalledObject[], namespace: string): readonly object[] {
  const apiGroup = "rbac.authorization.k8s.io";
  return roles.flatMap(({ kind, apiVersion, rules }) => {
    const metadata = { name: namespace, ...(kind === "Role" && { namespace }) };
    const subjects = [{ kind: "ServiceAccount", name: account, namespace }];
    const roleRef = { apiGroup, kind, name: namespace };
    return [
      { apiVersion, kind, metadata, rules },
      { apiVersion, kind: `${kind}Binding`, metadata, roleRef, subjects },
    ];
  });
}
