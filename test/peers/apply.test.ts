import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ApplyStage, planted, secretYaml } from "../support/apply-stage.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { type FaultyApi, openFaultyApi } from "../support/faulty-api.ts";
import { ksealCommand } from "../support/kseal-command.ts";

const value = (text: string) => `${planted}-${text}`;
const values = (secret: Record<string, unknown> | undefined) =>
  Object.fromEntries(
    Object.entries((secret?.["data"] ?? {}) as Record<string, string>).map(([key, text]) => [
      key,
      Buffer.from(text, "base64").toString("utf8"),
    ]),
  );

describe.skipIf(!hasCluster)("kseal apply, against a real API server", () => {
  let cluster: TestCluster;
  let stage: ApplyStage;
  beforeAll(async () => {
    cluster = await startCluster({ controllerManager: false });
    for (const name of ["prod", "staging", "full"]) await cluster.createNamespace(name);
  });
  afterAll(() => cluster?.stop());
  beforeEach(() => {
    stage = new ApplyStage(cluster);
  });
  // After every scenario: whatever went well or wrong in it, nobody can read a value who may not.
  afterEach(async () => {
    expect(await stage.leaks()).toEqual([]);
    stage.remove();
  });

  test("a folder of encrypted and plain manifests, namespaces and kinds of its own first; again, and nothing changes", async () => {
    stage.write("a-secret.yaml", secretYaml("db", { password: value("1") }, { namespace: "fresh" }));
    await stage.encrypt("a-secret.yaml");
    stage.write(
      "b-config.json",
      JSON.stringify({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "c", namespace: "fresh" },
        data: { a: "1" },
      }),
    );
    stage.write("c-namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: fresh}\n");
    stage.write(
      "d-thing.yaml",
      `apiVersion: example.test/v1\nkind: Thing\nmetadata: {name: t, namespace: fresh}\nspec: {size: 1}\n---\n${definition}`,
    );
    stage.write("notes.yaml", "just: text\n");

    const report = await stage.apply(".");

    expect(report).toMatchObject({
      objects: [
        {
          file: "a-secret.yaml",
          kind: "Secret",
          namespace: "fresh",
          name: "db",
          action: "create",
          done: true,
        },
        { kind: "ConfigMap" },
        { kind: "Namespace", name: "fresh" },
        { kind: "Thing", apiVersion: "example.test/v1", line: 1 },
        { kind: "CustomResourceDefinition", done: true },
      ],
    });
    const secret = await stage.get("fresh", "secrets", "db");
    expect(values(secret)).toEqual({ password: value("1") });
    expect(secret?.["metadata"].managedFields).toMatchObject([{ manager: "kseal", operation: "Apply" }]);
    expect(JSON.stringify(secret?.["metadata"])).not.toContain("stringData");
    expect(await stage.at("/apis/example.test/v1/namespaces/fresh/things/t")).toMatchObject({
      spec: { size: 1 },
    });

    const again = await stage.apply(".");
    expect(again["objects"].map(({ action }: { action: string }) => action)).toEqual(Array(5).fill("keep"));
    expect((await stage.get("fresh", "secrets", "db"))?.["metadata"].resourceVersion).toBe(
      secret?.["metadata"].resourceVersion,
    );
  });

  test("the plan shows what changes and no value; a value that is taken out goes", async () => {
    stage.write(
      "db.yaml",
      secretYaml("plan", { password: value("old"), user: value("same"), gone: value("x") }),
    );
    await stage.apply("db.yaml");
    stage.write(
      "db.yaml",
      secretYaml("plan", { password: value("new"), user: value("same"), more: value("y") }),
    );

    const check = await stage.kseal(["apply", "--check", "db.yaml"]);
    expect(check.stdout.toString()).toBe(
      [
        "cluster test",
        "~ Secret prod/plan (db.yaml:1)",
        "      apiVersion: v1",
        "      data:",
        "    -   gone: '***'",
        "    -   password: '*** (before)'",
        "    +   more: '***'",
        "    +   password: '*** (after)'",
        "        user: '***'",
        "      kind: Secret",
        "      ...",
        "1 to change",
        "",
      ].join("\n"),
    );
    expect(check.status).toBe(1);
    expect(values(await stage.get("prod", "secrets", "plan"))).toHaveProperty("gone");
    const dry = await stage.kseal(["apply", "--dry-run", "server", "db.yaml"]);
    expect(dry.status).toBe(0);
    const nobody = await stage.kseal(["apply", "db.yaml"]);
    expect(nobody.stderr).toBe("kseal: there is no terminal to ask for consent\n  add --yes\n");
    expect(nobody.status).toBe(8);

    const { status, stderr } = await stage.kseal(["apply", "--yes", "db.yaml"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "kseal: applied 1 object\n" });
    expect(Object.keys(values(await stage.get("prod", "secrets", "plan")))).toEqual([
      "more",
      "password",
      "user",
    ]);
  });

  test("--dry-run client reads and opens everything, and asks no cluster", async () => {
    stage.write("db.yaml", secretYaml("offline", { password: value("1") }));
    await stage.encrypt("db.yaml");

    const { status, stdout } = await stage.kseal(["apply", "--dry-run", "client", "db.yaml"], {
      env: { KUBECONFIG: "/nowhere" },
    });

    expect({ status, stdout: stdout.toString() }).toEqual({
      status: 0,
      stdout: "Secret prod/offline (db.yaml)\n",
    });
  });

  test("fields of Argo CD: every key with its manager, exit 36, nothing changed; --force-conflicts takes them over", async () => {
    const theirs = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "argo", namespace: "prod" },
      data: { password: b64("theirs"), user: b64("theirs") },
    };
    const path = "/api/v1/namespaces/prod/secrets/argo";
    await cluster.api.request("PATCH", `${path}?fieldManager=argocd-controller`, theirs, {
      "content-type": "application/apply-patch+yaml",
    });
    stage.write("argo.yaml", secretYaml("argo", { password: value("ours"), user: value("ours") }));
    stage.write("other.yaml", secretYaml("beside-argo", { a: value("ours") }));

    const refused = await stage.kseal(["apply", "--yes", "argo.yaml", "other.yaml"]);
    expect(refused).toMatchObject({
      status: 36,
      stderr:
        "kseal: argo.yaml:1: Secret prod/argo: data.password is managed by argocd-controller, data.user is managed by argocd-controller\n" +
        "  Argo CD would change them back: change them where it reads them, or take the object out of its application and take them over: --force-conflicts\n",
    });
    expect(await stage.get("prod", "secrets", "beside-argo")).toBeUndefined();

    const forced = await stage.apply("--force-conflicts", "argo.yaml");
    expect(forced["objects"][0].takenOver).toEqual([
      { field: "data.password", manager: "argocd-controller" },
      { field: "data.user", manager: "argocd-controller" },
    ]);
    expect(values(await stage.get("prod", "secrets", "argo"))).toEqual({
      password: value("ours"),
      user: value("ours"),
    });
  });

  test("--migrate takes over from the real kubectl apply: last-applied goes, and so does what the file no longer has", async () => {
    const text = secretYaml("csa", { password: "was-there", old: "was-there" });
    await cluster.kubectl(["apply", "-f", "-"], { stdin: text });
    await cluster.kubectl(["label", "-n", "prod", "secret", "csa", "kept=yes"]);
    stage.write("csa.yaml", secretYaml("csa", { password: value("new") }));

    const refused = await stage.kseal(["apply", "--yes", "csa.yaml"]);
    expect(refused).toMatchObject({
      status: 36,
      stderr:
        "kseal: csa.yaml:1: Secret prod/csa: data.password is managed by kubectl-client-side-apply\n" +
        "  it was made with kubectl apply: --migrate takes it over, and removes the copy in last-applied\n",
    });
    const check = await stage.kseal(["apply", "--check", "--migrate", "csa.yaml"]);
    expect(check.stdout.toString()).toContain("    -   old: '***'\n    -   password: '*** (before)'\n");
    expect(check.stdout.toString()).toContain("last-applied-configuration: '***'");
    expect(check.stdout.toString()).not.toContain("was-there");

    await stage.apply("--migrate", "csa.yaml");
    const after = await stage.get("prod", "secrets", "csa");
    expect(values(after)).toEqual({ password: value("new") });
    expect(after?.["metadata"].annotations).toBeUndefined();
    expect(after?.["metadata"].labels).toEqual({ kept: "yes" });
    expect((await stage.apply("csa.yaml"))["objects"]).toMatchObject([{ action: "keep" }]);
  });

  test("a copy in last-applied is told of, also when nothing changes", async () => {
    stage.write("warned.yaml", secretYaml("warned", { password: "in-clear" }));
    await stage.apply("warned.yaml");
    await cluster.kubectl([
      "annotate",
      "-n",
      "prod",
      "secret",
      "warned",
      "kubectl.kubernetes.io/last-applied-configuration={}",
    ]);

    const { stderr } = await stage.kseal(["apply", "--yes", "warned.yaml"]);

    expect(stderr).toContain(
      "warning: Secret prod/warned: kubectl apply has left its values in clear in an annotation; --migrate removes it\n",
    );
  });

  test.for<readonly [string, string, string]>([
    [
      "an immutable Secret",
      secretYaml("fixed", { a: value("1") }, { extra: "immutable: true\n" }),
      secretYaml("fixed", { a: value("2") }, { extra: "immutable: true\n" }),
    ],
    [
      "another type",
      secretYaml("fixed", { a: value("1") }),
      secretYaml(
        "fixed",
        { a: value("2"), username: "u", password: value("p") },
        { extra: "type: kubernetes.io/basic-auth\n" },
      ),
    ],
  ])("%s: refused with the way out; --recreate makes it anew", async ([, before, after]) => {
    await cluster.api.request("DELETE", "/api/v1/namespaces/prod/secrets/fixed");
    stage.write("fixed.yaml", before);
    await stage.apply("fixed.yaml");
    const { uid } = (await stage.get("prod", "secrets", "fixed"))?.["metadata"] ?? {};
    stage.write("fixed.yaml", after);

    const refused = await stage.kseal(["apply", "--yes", "fixed.yaml"]);
    expect(refused.status).toBe(36);
    expect(refused.stderr).toContain("\n  --recreate deletes the object and makes it anew\n");

    const report = await stage.apply("--recreate", "fixed.yaml");
    expect(report["objects"]).toMatchObject([{ action: "recreate", done: true }]);
    const made = await stage.get("prod", "secrets", "fixed");
    expect(made?.["metadata"].uid).not.toBe(uid);
    expect(values(made)["a"]).toBe(value("2"));
  });

  test("nothing is applied when anything fails to open, whatever else is in the folder", async () => {
    for (const name of ["a", "b", "c", "d"])
      stage.write(`${name}.yaml`, secretYaml(`all-${name}`, { x: value(name) }));
    await stage.encrypt("a.yaml", "b.yaml", "c.yaml", "d.yaml");

    const { status, stderr } = await stage.kseal(["apply", "--yes", "--prune", "--applyset", "half", "."], {
      env: { SOPS_AGE_KEY: "" },
    });

    expect(status).toBe(128);
    expect(stderr).toContain("4 of 4 files failed");
    expect(await stage.get("prod", "secrets", "all-a")).toBeUndefined();
  });

  describe("what the cluster refuses is found in the plan, before anything is changed", () => {
    const good = secretYaml("beside-refused", { a: value("1") });
    const cases: readonly (readonly [string, string, number, string])[] = [
      [
        "a namespace that does not exist",
        secretYaml("x", { a: value("1") }, { namespace: "nowhere" }),
        36,
        "Secret nowhere/x: the namespace nowhere does not exist\n  kubectl create namespace nowhere, or put its manifest with the others\n",
      ],
      [
        "a kind that the cluster does not know",
        "apiVersion: acme.test/v1\nkind: Wonder\nmetadata: {name: x}\n",
        36,
        "the cluster knows no Wonder of acme.test/v1\n",
      ],
      [
        "a field that the kind does not have",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: prod}\ndatta: {}\n",
        36,
        ".datta: field not declared in schema\n  kubectl explain configmaps --recursive shows the fields that there are\n",
      ],
      ["a policy that denies", secretYaml("denied", { a: value("1") }), 36, "no secret is called denied"],
      ["an object that stands there twice", good, 8, "Secret prod/beside-refused stands in"],
      [
        "a label of a set in a file",
        secretYaml("x", { a: value("1") }).replace(
          "  name: x\n",
          "  name: x\n  labels: {applyset.kubernetes.io/part-of: set}\n",
        ),
        8,
        "has a label applyset.kubernetes.io/part-of in its file",
      ],
      [
        "a Secret whose data is no base64",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: prod}\ndata: {a: '!'}\n",
        30,
        "bad.yaml:1: data.a",
      ],
    ];
    beforeAll(async () => {
      await cluster.kubectl(["apply", "--server-side", "-f", "-"], { stdin: policy });
      const probe = { apiVersion: "v1", kind: "Secret", metadata: { name: "denied", namespace: "prod" } };
      await waitFor("effect of the policy", async () => {
        const { status } = await cluster.api.request(
          "POST",
          "/api/v1/namespaces/prod/secrets?dryRun=All",
          probe,
        );
        return status === 422 ? true : undefined;
      });
    });

    test.for(cases)("%s", async ([, bad, status, text]) => {
      stage.write("bad.yaml", bad);
      stage.write("good.yaml", good);

      const result = await stage.kseal([
        "apply",
        "--yes",
        "--prune",
        "--applyset",
        "refused",
        "bad.yaml",
        "good.yaml",
      ]);

      expect(result.stderr).toContain(text);
      expect(result.status).toBe(status);
      expect(await stage.get("prod", "secrets", "beside-refused")).toBeUndefined();
      expect(await stage.get("default", "configmaps", "kseal-refused")).toBeUndefined();
    });
  });

  test("a quota that is full after some objects: what was done is said, and a second run finishes it", async () => {
    const quota = {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "q", namespace: "full" },
      spec: { hard: { secrets: "5" } },
    };
    const path = "/api/v1/namespaces/full/resourcequotas/q";
    const limit = async (hard: string) => {
      await cluster.api.apply(path, { ...quota, spec: { hard: { secrets: hard } } });
      // In the place of the controller that counts.
      const used = String((await stage.names("full")).length);
      await cluster.api.call("PATCH", `${path}/status`, {
        status: { hard: { secrets: hard }, used: { secrets: used } },
      });
    };
    await limit("5");
    for (let at = 0; at < 8; at++)
      stage.write(`q${at}.yaml`, secretYaml(`q${at}`, { a: value("1") }, { namespace: "full" }));
    const count = async () => (await stage.names("full")).length;
    // The API server remembers a quota that it has just learned to have none of.
    const probe = { apiVersion: "v1", kind: "Secret", metadata: { name: "probe", namespace: "full" } };
    await expect
      .poll(
        async () =>
          (await cluster.api.request("POST", "/api/v1/namespaces/full/secrets?dryRun=All", probe)).status,
        { timeout: 20_000 },
      )
      .toBe(201);

    const first = await stage.kseal(["apply", "--yes", "-n", "full", "."]);
    expect(first.status).toBe(35);
    expect(first.stderr).toMatch(
      /^kseal: warning: 5 of 8 objects are done: Secret full\/q\d, .*; the same command again does the rest\nkseal: q\d\.yaml:1: Secret full\/q\d: .*exceeded quota: q.*\n {2}kubectl describe quota -n full\n$/,
    );
    expect(await count()).toBe(5);

    await limit("20");
    await expect
      .poll(async () => (await stage.kseal(["apply", "--yes", "."])).status, { timeout: 20_000 })
      .toBe(0);
    expect(await count()).toBe(8);
  });

  describe("through an API server that fails in the middle", () => {
    let faulty: FaultyApi;
    beforeAll(async () => {
      faulty = await openFaultyApi(cluster);
    });
    afterAll(() => faulty?.close());
    afterEach(() => faulty.fail(undefined));

    const isWrite = ({ method, path }: { readonly method: string; readonly path: string }) =>
      method === "PATCH" && /\/secrets\//.test(path) && !path.includes("dryRun");
    const many = (name: string, count: number) => {
      const text = Array.from({ length: count }, (_, at) => secretYaml(`${name}-${at}`, { a: value("1") }));
      stage.write("many.yaml", text.join("---\n"));
    };
    const made = async (name: string) =>
      (await stage.names("prod")).filter((one) => one.startsWith(`${name}-`)).length;

    test("one of many objects refused: those before it are done and said, and the rest comes with the second run", async () => {
      many("refused", 120);
      let writes = 0;
      faulty.fail((call) => (isWrite(call) && ++writes >= 100 ? 403 : undefined));

      const { status, stderr, stdout } = await stage.kseal(["apply", "--yes", "-o", "json", "many.yaml"], {
        env: { KUBECONFIG: faulty.kubeconfig },
      });

      expect(status).toBe(35);
      expect(stderr).toContain("99 of 120 objects are done");
      const report = JSON.parse(stdout.toString());
      expect(report.objects.filter(({ done }: { done: boolean }) => done)).toHaveLength(99);
      expect(await made("refused")).toBe(99);
      const again = await stage.apply("many.yaml");
      expect(again["objects"].filter(({ action }: { action: string }) => action === "create")).toHaveLength(
        21,
      );
      expect(await made("refused")).toBe(120);
    });

    test.for(["SIGINT", "SIGKILL"] as const)(
      "%s in the middle of an apply: a second run finishes it",
      async (signal) => {
        const name = signal.toLowerCase();
        many(name, 80);
        stage.write("gone.yaml", secretYaml(`pruned-${name}`, { a: value("1") }));
        await stage.apply("--prune", "--applyset", name, "gone.yaml");
        let writes = 0;
        let kill = (): void => {};
        faulty.fail((call) => {
          if (isWrite(call) && ++writes === 40) kill();
          return undefined;
        });

        const [program, ...args] = ksealCommand();
        const flags = ["apply", "--yes", "--prune", "--applyset", name, "many.yaml"];
        const child = spawn(program, [...args, ...flags], {
          cwd: stage.folder,
          env: { ...stage.env, KUBECONFIG: faulty.kubeconfig },
        });
        kill = () => child.kill(signal);
        let stderr = "";
        child.stderr.on("data", (chunk) => {
          stderr += chunk;
        });
        const [code, ended] = await once(child, "close");

        // What a shell calls 130.
        expect([code, ended]).toEqual([null, signal]);
        if (signal === "SIGINT") {
          expect(stderr).toMatch(
            /^kseal: interrupted: \d+ of 81 objects are done: Secret prod\/sigint-\d+, .*; unknown, because there was no answer yet: Secret .*; the same command again does the rest\n$/,
          );
        }
        expect(stderr).not.toContain(planted);
        const half = await made(name);
        expect(half).toBeGreaterThan(20);
        expect(half).toBeLessThan(80);
        expect(await stage.get("prod", "secrets", `pruned-${name}`)).toBeDefined();

        faulty.fail(undefined);
        const report = await stage.apply("--prune", "--applyset", name, "many.yaml");
        expect(await made(name)).toBe(80);
        expect(report["pruned"]).toMatchObject([{ name: `pruned-${name}`, done: true }]);
        expect(await stage.get("prod", "secrets", `pruned-${name}`)).toBeUndefined();
      },
    );
  });

  test("values are masked in the logs of GitHub, each line and the base64 too, before anything else is said", async () => {
    stage.write("gh.yaml", secretYaml("gh", { key: `top%secret\nsecond-line\n`, pin: "12" }));
    await stage.encrypt("gh.yaml");

    const { stderr } = await stage.kseal(["apply", "--yes", "gh.yaml"], { env: { GITHUB_ACTIONS: "true" } });

    expect(stderr.split("\n")).toEqual([
      `::add-mask::${b64("top%secret\nsecond-line\n")}`,
      "::add-mask::top%25secret",
      "::add-mask::second-line",
      `::add-mask::${b64("12")}`,
      "kseal: applied 1 object",
      "",
    ]);
  });

  test("what the cluster says of a value that was encrypted is not repeated", async () => {
    stage.write("definition.yaml", definition);
    await stage.apply("definition.yaml");
    stage.write(
      "thing.yaml",
      `apiVersion: example.test/v1\nkind: Thing\nmetadata: {name: quoted, namespace: prod}\nspec:\n  data:\n    mode: ${value("mode")}\n`,
    );
    await stage.encrypt("thing.yaml");

    const { status, stderr } = await stage.kseal(["apply", "--yes", "thing.yaml"]);

    expect(stderr).toBe(
      "kseal: thing.yaml: Thing prod/quoted: the cluster's message quotes a secret value and is not shown\n",
    );
    expect(status).toBe(36);
  });

  test("what was encrypted in other kinds is as secret as in a Secret", async () => {
    const config = (text: string) =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hidden, namespace: prod}\ndata:\n  dsn: ${text}\n`;
    stage.write("config.yaml", config("user:hunter-one@db"));
    await stage.encrypt("config.yaml");
    await stage.apply("config.yaml");
    stage.write("config.yaml", config("user:hunter-two@db"));
    await stage.encrypt("config.yaml");

    const { stdout } = await stage.kseal(["apply", "--check", "config.yaml"], {
      env: { GITHUB_ACTIONS: "" },
    });

    expect(stdout.toString()).toContain("    -   dsn: '*** (before)'\n    +   dsn: '*** (after)'\n");
    expect(stdout.toString()).not.toContain("hunter");
  });
});

const b64 = (text: string) => Buffer.from(text).toString("base64");

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.test}
spec:
  group: example.test
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}, data: {type: object, properties: {mode: {type: string, enum: [a]}}}}}}}}
`;

const policy = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: names}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: ["v1"], operations: [CREATE, UPDATE], resources: [secrets]}
  validations:
    - {expression: "object.metadata.name != 'denied'", message: no secret is called denied}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: names}
spec: {policyName: names, validationActions: [Deny]}
`;
