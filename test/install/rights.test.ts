import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { KubeApi, ObjectPath } from "../../src/kube/api.ts";
import { createKubeApi } from "../../src/kube/client.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { type InstalledObject, kustomize, manifests, objectsOf, ofKind } from "../support/install.ts";
import { createTestHost } from "../support/test-host.ts";

const fieldManager = "kseal-controller";
const home = "kube-system";

const secrets: ObjectPath = { group: "", version: "v1", plural: "secrets" };
const events: ObjectPath = { group: "", version: "v1", plural: "events", namespace: "team-a" };
const sealedSecrets: ObjectPath = { group: "bitnami.com", version: "v1alpha1", plural: "sealedsecrets" };
const lease: ObjectPath = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  namespace: home,
  name: "sealed-secrets-controller",
};
const certificate: ObjectPath = {
  group: "",
  version: "v1",
  plural: "configmaps",
  namespace: home,
  name: "sealed-secrets-certificate",
};

/** Everything that the controller may do, what for, and a request of its that needs it. */
const uses: readonly {
  readonly verb: string;
  readonly resource: string;
  readonly what: string;
  readonly request: (api: KubeApi, unique: string) => Promise<unknown>;
}[] = [
  {
    verb: "list",
    resource: "sealedsecrets",
    what: "learns of all SealedSecrets",
    request: (api) => api.list(sealedSecrets),
  },
  {
    verb: "watch",
    resource: "sealedsecrets",
    what: "learns of new SealedSecrets",
    request: (api) => firstOf(api, sealedSecrets, false),
  },
  {
    verb: "patch",
    resource: "sealedsecrets/status",
    what: "says how a SealedSecret fares",
    request: (api) => {
      const path = { ...sealedSecrets, namespace: "team-a", name: "db", subresource: "status" };
      const object = { apiVersion: "bitnami.com/v1alpha1", kind: "SealedSecret", metadata: { name: "db" } };
      return api.apply(path, { ...object, status: { observedGeneration: 1 } }, { fieldManager, force: true });
    },
  },
  {
    verb: "list",
    resource: "secrets",
    what: "learns of all Secrets, by their metadata, and of the sealing keys",
    request: (api) => api.list(secrets, { metadataOnly: true }),
  },
  {
    verb: "watch",
    resource: "secrets",
    what: "learns of Secrets that somebody changes, and of keys that come",
    request: (api) => firstOf(api, secrets, true),
  },
  {
    verb: "get",
    resource: "secrets",
    what: "compares the values of a Secret that templates made, or that another controller wrote",
    request: (api) => api.get({ ...secrets, namespace: "team-a", name: "db" }),
  },
  {
    verb: "create",
    resource: "secrets",
    what: "makes Secrets and sealing keys",
    request: (api, unique) => {
      const object = { apiVersion: "v1", kind: "Secret", metadata: { name: unique, namespace: "team-a" } };
      return api.create({ ...secrets, namespace: "team-a" }, object, { fieldManager });
    },
  },
  {
    verb: "patch",
    resource: "secrets",
    what: "puts right what is in a Secret, and notes on a key where its backup is",
    request: (api) => {
      const object = {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "db" },
        data: { password: "YQ==" },
      };
      return api.apply({ ...secrets, namespace: "team-a", name: "db" }, object, {
        fieldManager,
        force: true,
      });
    },
  },
  {
    verb: "create",
    resource: "events",
    what: "tells what happened",
    request: (api, unique) => api.create(events, event(unique), { fieldManager }),
  },
  {
    verb: "patch",
    resource: "events",
    what: "counts what happens again",
    request: (api) => api.patch({ ...events, name: "first" }, { count: 2 }, { type: "merge", fieldManager }),
  },
  {
    verb: "create",
    resource: "leases",
    what: "is the first that may write",
    request: (api) => {
      const { name: _, ...folder } = lease;
      return api.create(folder, leaseObject, { fieldManager, dryRun: true });
    },
  },
  {
    verb: "get",
    resource: "leases",
    what: "sees who may write",
    request: (api) => api.get(lease),
  },
  {
    verb: "update",
    resource: "leases",
    what: "goes on being the one that may write",
    request: async (api) => {
      const metadata = (await api.get(lease))?.["metadata"];
      return api.update(lease, { ...leaseObject, metadata: metadata ?? {} }, { fieldManager });
    },
  },
  {
    verb: "get",
    resource: "configmaps",
    what: "sees which certificate is published",
    request: (api) => api.get(certificate),
  },
  {
    verb: "create",
    resource: "configmaps",
    what: "publishes the certificate",
    request: (api) => api.apply(certificate, certificateObject, { fieldManager, force: true, dryRun: true }),
  },
  {
    verb: "patch",
    resource: "configmaps",
    what: "publishes another certificate",
    request: (api) => api.apply(certificate, certificateObject, { fieldManager, force: true, dryRun: true }),
  },
];

test.for(["base", "overlays/namespaced"])("manifests/%s gives no right but these", async (folder) => {
  expect(rightsOf(objectsOf(await kustomize(folder)))).toEqual(
    uses.map(({ verb, resource }) => `${verb} ${resource}`).toSorted(),
  );
});

describe.skipIf(!hasCluster)("with the rights of the manifests the controller", () => {
  let cluster: TestCluster;
  const account = "sealed-secrets-controller";
  beforeAll(async () => {
    cluster = await startCluster({ controllerManager: false });
    await cluster.kubectl(["apply", "--server-side", "-k", manifests("crd")]);
    await cluster.kubectl(["apply", "--server-side", "-k", manifests("base")]);
    await cluster.createNamespace("team-a");

    const roles = objectsOf(await kustomize("base")).filter(({ kind }) => /Role$/.test(kind));
    const lesser = uses.flatMap((use) => rolesWithout(use, roles));
    const stdin = JSON.stringify({ apiVersion: "v1", kind: "List", items: [...lesser, ...objects] });
    await cluster.kubectl(["apply", "--server-side", "-f", "-"], { stdin });
  });
  afterAll(() => cluster?.stop());

  test.for(uses)("$what, and cannot without: $verb $resource", async ({ verb, resource, request }) => {
    const [withAll, without] = [await clientOf(account), await clientOf(accountWithout({ verb, resource }))];
    await prepare({ verb, resource });
    const [plural, subresource] = resource.split("/");
    const message = `cannot ${verb} resource "${plural}${subresource === undefined ? "" : `/${subresource}`}"`;
    await expect(request(without, "without")).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining(message),
    });
    await prepare({ verb, resource });
    await request(withAll, "with");
  });

  test.for([
    ["deletes no Secret", (api: KubeApi) => api.delete({ ...secrets, namespace: "team-a", name: "db" })],
    [
      "changes no SealedSecret",
      (api: KubeApi) =>
        api.patch(
          { ...sealedSecrets, namespace: "team-a", name: "db" },
          { metadata: { labels: { a: "b" } } },
          { type: "merge", fieldManager },
        ),
    ],
    [
      "touches no other ConfigMap",
      (api: KubeApi) =>
        api.apply(
          { ...certificate, name: "other" },
          { ...certificateObject, metadata: { name: "other" } },
          { fieldManager, force: true },
        ),
    ],
    ["looks at no other Lease", (api: KubeApi) => api.get({ ...lease, name: "kube-scheduler" })],
  ] as const)("%s", async ([, request]) => {
    await expect(request(await clientOf(account))).rejects.toMatchObject({ status: 403 });
  });

  async function clientOf(name: string): Promise<KubeApi> {
    const api = await createKubeApi({
      host: await createTestHost({}),
      cluster: { kubeconfig: await cluster.serviceAccountKubeconfig(home, name) },
      log: { info: () => undefined, warn: () => undefined },
    });
    onTestFinished(() => api.close());
    // What was bound takes effect a moment later.
    await waitFor("rights", () =>
      (name === "without-list-secrets" ? api.list(sealedSecrets) : api.list(secrets)).then(
        () => true as const,
        () => undefined,
      ),
    );
    return api;
  }

  /** An apply asks for the right to create only when there is nothing yet. */
  async function prepare({
    verb,
    resource,
  }: {
    readonly verb: string;
    readonly resource: string;
  }): Promise<void> {
    const path = `/api/v1/namespaces/${home}/configmaps/sealed-secrets-certificate`;
    if (resource === "configmaps" && verb === "create") await cluster.api.request("DELETE", path);
    if (resource === "configmaps" && verb === "patch") await cluster.api.apply(path, certificateObject);
    if (resource === "leases" && verb === "create") {
      await cluster.api.request(
        "DELETE",
        `/apis/coordination.k8s.io/v1/namespaces/${home}/leases/${lease.name}`,
      );
    }
    if (resource === "leases" && verb === "update") {
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${home}/leases/${lease.name}`;
      await cluster.api.apply(leases, leaseObject);
    }
  }
});

const leaseObject = {
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name: lease.name ?? "", namespace: home },
  spec: { holderIdentity: "a", leaseDurationSeconds: 15 },
};
const certificateObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: certificate.name ?? "", namespace: home },
  data: { "cert.pem": "" },
};

/** What there is besides. */
const objects: readonly object[] = [
  {
    apiVersion: "bitnami.com/v1alpha1",
    kind: "SealedSecret",
    metadata: { name: "db", namespace: "team-a" },
    spec: { encryptedData: {} },
  },
  { apiVersion: "v1", kind: "Secret", metadata: { name: "db", namespace: "team-a" } },
  event("first"),
];

function event(name: string) {
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: "team-a" },
    involvedObject: { kind: "SealedSecret", namespace: "team-a", name: "db" },
    reason: "Unsealed",
    type: "Normal",
    count: 1,
  };
}

/** The first event of a watch that begins before everything. */
async function firstOf(api: KubeApi, path: ObjectPath, metadataOnly: boolean): Promise<void> {
  for await (const _ of api.watch(path, { resourceVersion: "0", metadataOnly, timeoutSeconds: 30 })) return;
}

/** The rights of the roles that are bound to the controller. */
function rightsOf(all: readonly InstalledObject[]): readonly string[] {
  const bound = all
    .filter(({ subjects }) => subjects?.some(({ kind }: InstalledObject) => kind === "ServiceAccount"))
    .map(({ roleRef }) => ofKind(all, roleRef.kind, roleRef.name));
  const rights = bound.flatMap(({ rules }) =>
    rules.flatMap(({ resources, verbs }: InstalledObject) =>
      resources.flatMap((resource: string) => verbs.map((verb: string) => `${verb} ${resource}`)),
    ),
  );
  return rights.toSorted();
}

interface Right {
  readonly verb: string;
  readonly resource: string;
}

function accountWithout({ verb, resource }: Right): string {
  return `without-${verb}-${resource.replace("/", "-")}`;
}

/** The roles of the controller with one verb less, under another name and bound to an account of that name. */
function rolesWithout(
  { verb, resource }: Right,
  roles: readonly InstalledObject[],
): readonly InstalledObject[] {
  const name = accountWithout({ verb, resource });
  const apiGroup = "rbac.authorization.k8s.io";
  return roles
    .filter(({ metadata }) => !metadata.name.endsWith("-service-proxier"))
    .flatMap(({ kind, apiVersion, metadata, rules }) => {
      const own = { name, ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) };
      const lesser = rules.map((rule: InstalledObject) => ({
        ...rule,
        verbs: rule.resources.includes(resource)
          ? rule.verbs.filter((each: string) => each !== verb)
          : rule.verbs,
      }));
      const subjects = [{ kind: "ServiceAccount", name, namespace: home }];
      return [
        // A rule without verbs is none, and refused.
        {
          apiVersion,
          kind,
          metadata: own,
          rules: lesser.filter(({ verbs }: InstalledObject) => verbs.length > 0),
        },
        { apiVersion, kind: `${kind}Binding`, metadata: own, roleRef: { apiGroup, kind, name }, subjects },
      ];
    });
}
