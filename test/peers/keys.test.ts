import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { KubeApi } from "../../src/kube/api.ts";
import type { OpContext } from "../../src/ops/context.ts";
import { retireKeys } from "../../src/ops/keys-retire.ts";
import { secretObject } from "../../src/sealed/secret.ts";
import { failureOf, workbench } from "../ops/workbench.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { addBitnamiController, hasBitnamiController, installDefinition } from "../support/cluster-bitnami.ts";
import { addController } from "../support/cluster-kseal.ts";
import { identities, recipients } from "../support/identities.ts";
import { type Moto, motoServer, startMoto } from "../support/kms/moto.ts";
import { checkRights, makeBucket, type S3User } from "../support/kms/moto-s3.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { peer } from "../support/peers.ts";
import { makeKey, manifest, seal, type TestKey, yamlOf } from "../support/sealed-files.ts";

const [mine = "", theirs = ""] = recipients;
const sops = peer("sops");
// A small disk can only be made by who may mount one.
const canMount = process.platform === "linux" && process.getuid?.() === 0;

describe.skipIf(!hasBitnamiController)("the sealing keys of a cluster", () => {
  let cluster: TestCluster;
  let oldest: TestKey;
  let newest: TestKey;
  let folder: string;

  beforeAll(async () => {
    cluster = await startCluster();
    await installDefinition(cluster);
    for (const name of ["prod", "backups"]) await cluster.createNamespace(name);
    [oldest, newest] = await Promise.all([makeKey({ age: 60 }), makeKey({ age: 1 })]);
  });
  afterAll(() => cluster?.stop());

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "kseal-keys-"));
    await wipe();
    await remove("/api/v1/namespaces/backups/secrets");
    await remove(sealedSecrets);
    for (const { yaml } of [oldest, newest]) await create("/api/v1/namespaces/kube-system/secrets", yaml);
    const sealed = [
      manifest({ a: seal("one", oldest), b: seal("two", oldest) }),
      manifest({ c: seal("three", newest, { name: "web" }) }, { name: "web" }),
    ];
    for (const object of sealed) await create(sealedSecrets, object);
    return () => rmSync(folder, { recursive: true, force: true });
  });

  const kseal = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runInProcess(["keys", ...args], {
      cwd: folder,
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: folder,
        KUBECONFIG: cluster.kubeconfig,
        SOPS_AGE_KEY: identities[0] ?? "",
        ...env,
      },
    });
  const json = async (args: readonly string[], env?: Readonly<Record<string, string>>) => {
    const { stdout, stderr } = await kseal([...args, "-o", "json"], env);
    if (stdout.length === 0) throw new Error(stderr);
    return JSON.parse(stdout.toString());
  };
  const keySecrets = async (): Promise<readonly string[]> => {
    const { items } = await cluster.api.call("GET", "/api/v1/namespaces/kube-system/secrets");
    return items
      .filter(({ metadata }: { metadata: { labels?: object } }) => metadata.labels !== undefined)
      .map(({ metadata }: { metadata: { name: string } }) => metadata.name)
      .toSorted();
  };
  const secret = (name: string, namespace = "kube-system") =>
    cluster.api.call("GET", `/api/v1/namespaces/${namespace}/secrets/${name}`);
  const sealedSecrets = "/apis/bitnami.com/v1alpha1/namespaces/prod/sealedsecrets";
  const remove = async (path: string) => {
    const { status, text } = await cluster.api.request("DELETE", path);
    if (status !== 200) throw new Error(text);
  };
  const create = async (path: string, yaml: string) => {
    const { status, text } = await cluster.api.request("POST", path, yaml, {
      "content-type": "application/yaml",
    });
    if (status !== 201) throw new Error(text);
  };
  const wipe = () =>
    remove(
      "/api/v1/namespaces/kube-system/secrets?labelSelector=sealedsecrets.bitnami.com%2Fsealed-secrets-key",
    );

  /** The keys as they were, with what each opens. */
  const opens = async () => {
    const { keys } = await json(["list"]);
    return keys.map(({ name, isCurrent, opens }: Record<string, unknown>) => ({
      ...{ name, isCurrent },
      opens: (opens as { inCluster: object } | undefined)?.inCluster,
    }));
  };
  const everything = [
    { name: "sealed-secrets-key1", isCurrent: true, opens: { objects: 1, values: 1 } },
    { name: "sealed-secrets-key60", isCurrent: false, opens: { objects: 1, values: 2 } },
  ];

  test("list shows what each key still opens, in the cluster and in a repository", async () => {
    writeFileSync(
      join(folder, "sealed.yaml"),
      manifest({ a: seal("x", oldest, { name: "git" }) }, { name: "git" }),
    );

    const { stdout, stderr, status } = await kseal(["list", "--path", "."]);

    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(stdout.toString().replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, "DATE")).toBe(
      [
        "kube-system/sealed-secrets-key1 (seals)",
        `  fingerprint  ${newest.key.fingerprint}`,
        "  made         DATE",
        "  valid        DATE to DATE",
        "  label        active",
        "  opens        1 value of 1 object in the cluster",
        "  backup       none",
        "",
        "kube-system/sealed-secrets-key60",
        `  fingerprint  ${oldest.key.fingerprint}`,
        "  made         DATE",
        "  valid        DATE to DATE",
        "  label        active",
        "  opens        2 values of 1 object in the cluster, 1 value of 1 object in files",
        "  backup       none",
        "",
      ].join("\n"),
    );
    expect(await opens()).toEqual(everything);
  });

  test("backup in a folder of a Git repository, wipe, restore: everything opens", async () => {
    execFileSync("git", ["init", "-q", folder]);
    writeFileSync(
      join(folder, ".sops.yaml"),
      `creation_rules:\n  - path_regex: ^backups/\n    age: ${mine}\n`,
    );

    expect((await kseal(["backup", "--out", "backups"])).stderr).toBe(
      [
        "kseal: kube-system/sealed-secrets-key1: backed up to folder backups: sealed-secrets-key1.sops.yaml",
        "kseal: kube-system/sealed-secrets-key60: backed up to folder backups: sealed-secrets-key60.sops.yaml",
        "",
      ].join("\n"),
    );
    const files = readdirSync(join(folder, "backups"));
    expect(files).toEqual(["sealed-secrets-key1.sops.yaml", "sealed-secrets-key60.sops.yaml"]);
    for (const file of files) expect(statSync(join(folder, "backups", file)).mode & 0o777).toBe(0o600);
    expect((await kseal(["backup", "--out", "backups"])).stderr).toContain("in folder backups already");
    expect(readdirSync(join(folder, "backups"))).toEqual(files);

    execFileSync("git", ["-C", folder, "add", "."]);
    await wipe();
    expect(await opens()).toEqual([]);

    expect((await kseal(["restore", "backups"])).stderr).toBe(
      [
        "kseal: kube-system/sealed-secrets-key1: restored from backups/sealed-secrets-key1.sops.yaml",
        "kseal: kube-system/sealed-secrets-key60: restored from backups/sealed-secrets-key60.sops.yaml",
        "",
      ].join("\n"),
    );
    expect(await opens()).toEqual(everything);
    expect((await secret("sealed-secrets-key60")).data["tls.key"]).toBe(
      Buffer.from(oldest.pem).toString("base64"),
    );
    expect((await kseal(["restore", "backups"])).stderr).toContain("sealed-secrets-key1: exists already\n");
    // Where they come from is known, and that somebody could open it.
    expect((await json(["list"])).keys[0]).toMatchObject({
      backups: [{ place: "folder backups", recipients: [[mine]] }],
      verifiedAt: expect.any(String),
    });
    expect((await kseal(["backup", "--out", "backups/"])).stderr).toContain("in folder backups already");
    expect(await keySecrets()).toEqual(["sealed-secrets-key1", "sealed-secrets-key60"]);
  });

  test.skipIf(!sops)("a backup opens with plain sops, and kubectl takes what it prints", async () => {
    await kseal(["backup", "sealed-secrets-key60", "--out", "b", "--age", mine]);
    const file = join(folder, "b/sealed-secrets-key60.sops.yaml");
    expect(readFileSync(file, "utf8")).not.toContain("PRIVATE");
    expect(readFileSync(file, "utf8").match(/ENC\[/g)).toHaveLength(3);

    const plain = execFileSync(sops ?? "", ["decrypt", file], {
      env: { HOME: folder, SOPS_AGE_KEY: identities[0], SOPS_DISABLE_VERSION_CHECK: "1" },
    }).toString();
    await wipe();
    await cluster.kubectl(["create", "-f", "-"], { stdin: plain });

    expect((await secret("sealed-secrets-key60")).data["tls.key"]).toBe(
      Buffer.from(oldest.pem).toString("base64"),
    );
    expect((await opens())[0]).toMatchObject({ opens: { objects: 1, values: 2 } });
  });

  test("backup in another namespace, wipe, restore: the real controller opens everything", async () => {
    const flags = ["--backup-namespace", "backups"];
    expect((await kseal(["backup", ...flags, "--age", `${mine},${theirs}`])).status).toBe(0);
    const stored = await secret("sealed-secrets-key1.sops.yaml", "backups");
    expect(stored).toMatchObject({ immutable: true, type: "kseal.dev/sealing-key-backup" });
    expect((await json(["list"])).keys[0]).toMatchObject({
      backups: [
        { place: "namespace backups", recipients: [[mine, theirs].toSorted()], sha256: expect.any(String) },
      ],
    });
    await wipe();

    expect((await kseal(["verify-backup", ...flags])).status).toBe(0);
    expect((await kseal(["restore", ...flags])).stderr).toContain(
      "sealed-secrets-key60: restored from namespace backups/sealed-secrets-key60.sops.yaml\n",
    );
    expect(await opens()).toEqual(everything);
    const controller = await addBitnamiController(cluster, ["--key-renew-period", "0"]);
    for (const [name, item, value] of [
      ["db", "b", "two"],
      ["web", "c", "three"],
    ] as const) {
      await expect
        .poll(async () => (await cluster.api.request("GET", `/api/v1/namespaces/prod/secrets/${name}`)).text)
        .toContain(`"${item}":"${Buffer.from(value).toString("base64")}"`);
    }
    await controller.stop();
    expect(await keySecrets()).toEqual(["sealed-secrets-key1", "sealed-secrets-key60"]);
  });

  describe.skipIf(!motoServer)("in an S3-compatible store", () => {
    let moto: Moto;
    let user: S3User;
    let reader: S3User;
    beforeAll(async () => {
      moto = await startMoto();
      user = await makeBucket(moto, "keys", ["s3:PutObject", "s3:GetObject", "s3:ListBucket"]);
      reader = await makeBucket(moto, "other", ["s3:GetObject"]);
      await checkRights(moto, true);
    });
    afterAll(() => moto?.close());
    const store = () => ["--s3", "s3://keys/prod/a", "--s3-endpoint", moto.url];

    test("backup, wipe, restore: everything opens", async () => {
      const { stderr } = await kseal(["backup", ...store(), "--age", mine], user);
      expect(stderr).toContain(
        "sealed-secrets-key1: backed up to s3://keys/prod/a: sealed-secrets-key1.sops.yaml\n",
      );
      // With other recipients there is another backup; nothing is replaced.
      const again = await kseal(
        ["backup", "sealed-secrets-key1", ...store(), "--age", `${mine},${theirs}`],
        user,
      );
      expect(again.stderr).toContain("backed up to s3://keys/prod/a: sealed-secrets-key1.2.sops.yaml\n");
      const third = await kseal(
        ["backup", "sealed-secrets-key1", ...store(), "--age", `${mine},${theirs}`],
        user,
      );
      expect(third.stderr).toContain("backed up in s3://keys/prod/a already");
      await wipe();

      const { stdout, status } = await kseal(["verify-backup", ...store()], user);
      expect({ status, lines: stdout.toString().trim().split("\n").length }).toEqual({ status: 0, lines: 3 });
      expect((await kseal(["restore", ...store()], user)).status).toBe(0);
      expect(await opens()).toEqual(everything);
    });

    test.for([
      [
        "a wrong secret",
        { AWS_SECRET_ACCESS_KEY: "wrong" },
        "the secret access key does not belong to the access key",
      ],
      [
        "an unknown access key",
        { AWS_ACCESS_KEY_ID: "AKIAUNKNOWN000000000" },
        "the store does not know the access key",
      ],
    ] as const)("%s is said", async ([, env, message]) => {
      const { stderr, status } = await kseal(["backup", ...store(), "--age", mine], { ...user, ...env });

      expect(stderr).toContain(message);
      expect(status).toBe(32);
      expect((await secret("sealed-secrets-key1")).metadata.annotations?.["kseal.dev/backup-places"]).toBe(
        undefined,
      );
    });

    test("a user who may not write, and a bucket that is not there, are said", async () => {
      expect((await kseal(["backup", ...store(), "--age", mine], reader)).stderr).toContain(
        "these credentials may not use s3:PutObject on keys",
      );
      const missing = ["--s3", "s3://nothing", "--s3-endpoint", moto.url];
      expect((await kseal(["backup", ...missing, "--age", mine], user)).stderr).toContain(
        "there is no bucket nothing",
      );
    });

    test("a store that is gone is said", async () => {
      const gone = ["--s3", "s3://keys", "--s3-endpoint", "http://127.0.0.1:1"];
      const { stderr, status } = await kseal(["backup", ...gone, "--age", mine], user);

      expect(stderr).toBe("kseal: 127.0.0.1:1: the connection was refused\n");
      expect(status).toBe(32);
    });
  });

  test("a new key is backed up before it is in the cluster, and seals from then on", async () => {
    const { stderr, stdout, status } = await kseal(["new", "--bits", "2048", "--out", "b", "--age", mine]);

    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(
        /^kseal: kube-system\/(sealed-secrets-key[a-z0-9]{5}): backed up to folder b: \1\.sops\.yaml\nkseal: made kube-system\/\1\n$/,
      ),
    });
    const [current] = (await json(["list"])).keys;
    expect(current).toMatchObject({
      fingerprint: stdout.toString().trim(),
      isCurrent: true,
      backups: [{ place: "folder b", recipients: [[mine]] }],
    });
    expect((await kseal(["verify-backup", "b"])).status).toBe(0);
  });

  test.skipIf(!canMount)("a disk that is full is said, and nothing half is left", async () => {
    const script = 'mount -t tmpfs -o size=4k none "$0" && ("$@"; status=$?; ls -A "$0"; exit $status)';
    const backups = join(folder, "b");
    mkdirSync(backups);
    const command = [...ksealCommand(), "keys", "backup", "--out", "b", "--age", mine];

    const { status, stdout, stderr } = await cluster.exec(
      ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script, backups, ...command],
      { cwd: folder },
    );

    expect({ stdout: stdout.toString(), stderr, status }).toEqual({
      stdout: "",
      stderr: "kseal: cannot write b/sealed-secrets-key1.sops.yaml: no space left on the disk\n",
      status: 3,
    });
  });

  test("a new key whose backup fails does not get into the cluster", async () => {
    writeFileSync(join(folder, "file"), "");
    const before = await keySecrets();

    const { stderr, status } = await kseal(["new", "--bits", "2048", "--out", "file/b", "--age", mine]);

    expect(status).toBe(3);
    expect(stderr).toMatch(/^kseal: cannot (write|make) .*not a folder\n$/);
    expect(await keySecrets()).toEqual(before);
  });

  test("a new key without a backup is warned of", async () => {
    expect((await kseal(["new", "--bits", "2048"])).stderr).toMatch(
      /^kseal: warning: kube-system\/sealed-secrets-key[a-z0-9]{5} has no backup: what is sealed for it is lost with the cluster\n/,
    );
  });

  test("restore takes Secrets in clear, lists and PEM, keeps names, and makes no key besides", async () => {
    await wipe();
    const item = JSON.stringify(secretObject(oldest.secret)).replace("sealed-secrets-key60", "my-key");
    writeFileSync(join(folder, "list.json"), `{"apiVersion":"v1","kind":"List","items":[${item}]}`);
    writeFileSync(join(folder, "new.pem"), newest.pem + newest.certificatePem);

    expect((await kseal(["restore", "list.json", "new.pem"])).status).toBe(0);

    const names = await keySecrets();
    expect(names).toEqual(["my-key", expect.stringMatching(/^sealed-secrets-key-[a-z0-9]{10}$/)]);
    expect((await opens()).map(({ opens }: { opens: object }) => opens)).toEqual(
      everything.map(({ opens }) => opens),
    );
    expect((await kseal(["restore", "list.json", "new.pem"])).stderr.match(/exists already\n/g)).toHaveLength(
      2,
    );
  });

  test("S20: restore needs no restart of the controller, and makes no key besides", async () => {
    const controller = await addController(cluster, { flags: ["--key-renew-period", "0"] });
    await kseal(["backup", "--out", "b", "--age", mine]);
    await remove("/api/v1/namespaces/kube-system/secrets/sealed-secrets-key60");
    await create(sealedSecrets, manifest({ a: seal("late", oldest, { name: "late" }) }, { name: "late" }));
    const late = async (what: string) =>
      (
        await cluster.api.request(
          "GET",
          `/${what}/namespaces/prod/${what === "api/v1" ? "secrets" : "sealedsecrets"}/late`,
        )
      ).text;
    await expect
      .poll(() => late("apis/bitnami.com/v1alpha1"), { timeout: 10_000 })
      .toContain("no key could decrypt");

    await kseal(["restore", "b"]);

    await expect.poll(() => late("api/v1"), { timeout: 10_000 }).toContain(`"a":"${btoa("late")}"`);
    expect(await keySecrets()).toEqual(["sealed-secrets-key1", "sealed-secrets-key60"]);
    await controller.stop();
  });

  test("restore refuses a name that another key has, before anything is made", async () => {
    await kseal(["backup", "--out", "b", "--age", mine]);
    await wipe();
    const other = await makeKey({ name: "sealed-secrets-key60" });
    await create("/api/v1/namespaces/kube-system/secrets", other.yaml);

    const { stderr, status } = await kseal(["restore", "b"]);

    expect(stderr).toBe(
      "kseal: b/sealed-secrets-key60.sops.yaml: kube-system/sealed-secrets-key60 exists, and holds another key or none\n" +
        "  look at it: kubectl get secret -n kube-system sealed-secrets-key60 -o yaml; nothing was restored\n",
    );
    expect(status).toBe(36);
    expect(await keySecrets()).toEqual(["sealed-secrets-key60"]);
  });

  test("a drill is noted at the keys, and finds a key of the cluster that has no backup", async () => {
    await kseal(["backup", "sealed-secrets-key60", "--out", "b", "--age", mine]);
    const here = ["--kubeconfig", cluster.kubeconfig];

    const { stdout, stderr, status } = await kseal(["verify-backup", "b", ...here]);

    expect(stdout.toString()).toBe(
      `b/sealed-secrets-key60.sops.yaml: opens, kube-system/sealed-secrets-key60 ${oldest.key.fingerprint}\n` +
        "kube-system/sealed-secrets-key1: none of these backups holds this key\n",
    );
    expect(stderr).toBe("kseal: kube-system/sealed-secrets-key60: the drill is noted at the key\n");
    expect(status).toBe(1);
    expect((await secret("sealed-secrets-key60")).metadata.annotations).toMatchObject({
      "kseal.dev/backup-verified-at": expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  test("retire refuses a key that is needed, in the cluster or in a repository, and the one that seals", async () => {
    const run = async (args: readonly string[]) => {
      const { stderr, status } = await kseal(["retire", ...args]);
      return { status, stderr };
    };
    expect(await run(["sealed-secrets-key60"])).toEqual({
      status: 1,
      stderr:
        "kseal: kube-system/sealed-secrets-key60 is still needed: it opens prod/db in the cluster\n" +
        "  seal them for the newest key first: kseal reseal\n",
    });
    expect((await run(["sealed-secrets-key1"])).stderr).toContain(
      "is the key that values are sealed for now",
    );

    await remove(`${sealedSecrets}/db`);
    writeFileSync(join(folder, "a.yaml"), manifest({ a: seal("one", oldest) }));
    expect((await run(["sealed-secrets-key60", "--path", "a.yaml"])).stderr).toContain(
      "it opens prod/db in a.yaml\n",
    );
    expect((await secret("sealed-secrets-key60")).metadata.labels).toEqual({
      "sealedsecrets.bitnami.com/sealed-secrets-key": "active",
    });

    expect(await run([oldest.key.fingerprint])).toEqual({
      status: 0,
      stderr: "kseal: kube-system/sealed-secrets-key60: taken out of use\n",
    });
    expect((await secret("sealed-secrets-key60")).metadata.labels).toEqual({
      "sealedsecrets.bitnami.com/sealed-secrets-key": "retired",
    });
    expect((await json(["list"])).keys[1]).toMatchObject({ isActive: false, label: "retired" });
  });

  test("retire gives a key back that something was sealed for while it was looking", async () => {
    await remove(`${sealedSecrets}/db`);
    const { context } = await workbench({});
    const kube: OpContext["kube"] = async (options) => {
      const api = await context.kube!(options);
      let created = false;
      const patch: KubeApi["patch"] = async (...call) => {
        if (!created) await create(sealedSecrets, manifest({ a: seal("late", oldest) }));
        created = true;
        return await api.patch(...call);
      };
      return { ...api, patch };
    };

    const failure = await failureOf(
      retireKeys(
        {
          cluster: { options: { kubeconfig: cluster.kubeconfig } },
          names: ["sealed-secrets-key60"],
          paths: [],
          label: "retired",
          delete: false,
          dryRun: false,
        },
        { ...context, kube },
      ),
    );

    expect(failure.message).toBe(
      "kube-system/sealed-secrets-key60 is still needed: it opens prod/db in the cluster",
    );
    expect((await secret("sealed-secrets-key60")).metadata.labels).toEqual({
      "sealedsecrets.bitnami.com/sealed-secrets-key": "active",
    });
  });

  test("retire deletes only what a recipient has opened a backup of", async () => {
    await remove(`${sealedSecrets}/db`);
    const gone = ["retire", "sealed-secrets-key60", "--delete"];
    expect((await kseal(gone)).stderr).toContain("sealed-secrets-key60 is not deleted: it has no backup\n");
    await kseal(["backup", "--out", "b", "--age", mine]);
    expect((await kseal(gone)).stderr).toContain("is not deleted: nobody has opened its last backup\n");
    await kseal(["verify-backup", "b", "--kubeconfig", cluster.kubeconfig]);

    expect((await kseal(gone)).stderr).toBe("kseal: kube-system/sealed-secrets-key60: deleted\n");
    expect(await keySecrets()).toEqual(["sealed-secrets-key1"]);
    expect((await kseal(["restore", "b"])).stderr).toContain("sealed-secrets-key60: restored from");
  });

  test("S13, S14: a Secret that is no key is shown with the reason, and keeps nobody else from being backed up", async () => {
    await create(
      "/api/v1/namespaces/kube-system/secrets",
      yamlOf({
        apiVersion: "v1",
        kind: "Secret",
        metadata: {
          name: "bad",
          namespace: "kube-system",
          labels: { "sealedsecrets.bitnami.com/sealed-secrets-key": "active" },
        },
        type: "kubernetes.io/tls",
        data: { "tls.crt": btoa(newest.certificatePem), "tls.key": btoa(oldest.pem) },
      }),
    );

    const { stderr, status } = await kseal(["backup", "--out", "b", "--age", mine]);

    const reason = "the certificate of kube-system/bad does not belong to its private key";
    expect(stderr).toContain(
      `kseal: kube-system/bad is not backed up: ${reason}; the other keys are backed up\n`,
    );
    expect(status).toBe(33);
    expect(readdirSync(join(folder, "b"))).toHaveLength(2);
    expect((await json(["list"])).keys.at(-1)).toMatchObject({ name: "bad", problem: reason });
    expect((await kseal(["retire", "bad"])).stderr).toContain(
      "cannot be read, so nobody knows what needs it",
    );
    expect((await opens()).slice(0, 2)).toEqual(everything);
  });

  describe("without the right", () => {
    const as = async (name: string, rules: readonly object[], everywhere: readonly object[] = []) => {
      const kubeconfig = await cluster.serviceAccountKubeconfig("kube-system", name);
      const rbac = "/apis/rbac.authorization.k8s.io/v1";
      const apiVersion = "rbac.authorization.k8s.io/v1";
      const subjects = [{ kind: "ServiceAccount", name, namespace: "kube-system" }];
      const roleRef = (kind: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name });
      const metadata = { name };
      const inside = `${rbac}/namespaces/kube-system`;
      await cluster.api.apply(`${inside}/roles/${name}`, { apiVersion, kind: "Role", metadata, rules });
      const binding = { apiVersion, kind: "RoleBinding", metadata, subjects, roleRef: roleRef("Role") };
      await cluster.api.apply(`${inside}/rolebindings/${name}`, binding);
      const clusterRole = { apiVersion, kind: "ClusterRole", metadata, rules: everywhere };
      await cluster.api.apply(`${rbac}/clusterroles/${name}`, clusterRole);
      const clusterBinding = {
        apiVersion,
        kind: "ClusterRoleBinding",
        metadata,
        subjects,
        roleRef: roleRef("ClusterRole"),
      };
      await cluster.api.apply(`${rbac}/clusterrolebindings/${name}`, clusterBinding);
      return { KUBECONFIG: kubeconfig };
    };
    const secrets = (...verbs: string[]) => [{ apiGroups: [""], resources: ["secrets"], verbs }];
    const listing = [{ apiGroups: ["bitnami.com"], resources: ["sealedsecrets"], verbs: ["list"] }];

    test("to read the keys, every action says so", async () => {
      const env = await as("nobody", []);
      for (const args of [["list"], ["backup", "--out", "b", "--age", mine], ["retire", "x"]]) {
        const { stderr, status } = await kseal(args, env);
        expect(stderr).toMatch(/nobody.* (may not|cannot) list .*secrets/);
        expect(status).toBe(35);
      }
      expect((await kseal(["new", "--bits", "2048"], env)).status).toBe(35);
    });

    test("to list SealedSecrets, list says what is not counted, and retire refuses", async () => {
      const env = await as("keys-only", secrets("list", "get", "patch"));

      expect((await kseal(["list"], env)).stderr).toBe(
        "kseal: warning: the SealedSecrets of the cluster may not be listed; a key may open more than is counted\n",
      );
      expect((await kseal(["retire", "sealed-secrets-key60"], env)).stderr).toContain(
        "it is not known what needs kube-system/sealed-secrets-key60: the SealedSecrets of the cluster may not be listed\n",
      );
    });

    test("to change the keys, a backup is made and cannot be noted", async () => {
      const env = await as("reader", secrets("list", "get"), listing);

      const { stderr, status } = await kseal(["backup", "--out", "b", "--age", mine], env);

      expect(status).toBe(0);
      expect(stderr).toMatch(/warning: kube-system\/sealed-secrets-key1: it could not be noted at the key: /);
      expect(readdirSync(join(folder, "b"))).toHaveLength(2);
    });

    test("to make Secrets in the other namespace, nothing is backed up", async () => {
      const env = await as("reader", secrets("list", "get"), listing);

      const { stderr, status } = await kseal(["backup", "--backup-namespace", "backups", "--age", mine], env);

      expect(status).toBe(35);
      expect(stderr).toMatch(/create .*secrets.*backups/);
    });
  });
});
