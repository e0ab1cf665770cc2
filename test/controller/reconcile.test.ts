import { describe, expect, test } from "vitest";
import { isLeftOver, type Plan, planAfterWrite } from "../../controller/reconcile.ts";
import { readSecretMetadata } from "../../controller/secret-metadata.ts";
import { triggerOf } from "../../controller/watched-sealed-secret.ts";
import { KubeError } from "../../src/kube/api.ts";
import { sealItem } from "../../src/sealed/envelope.ts";
import { afterEdit, afterWrite, essence } from "../support/api-server-model.ts";
import { attempt, type KubeObject, published, sealedObject, testKey } from "../support/controller.ts";
import { random, vectorCertificate, vectorSealingKey } from "../support/sealed.ts";

type Options = Parameters<typeof attempt>[2];
type Apply = Plan & { kind: "apply" };

const report = { settings: { annotate: true, drift: "report" } } as const;
const silent = { annotate: false, drift: "repair" } as const;

/** A SealedSecret and its Secret after the controller is done with them. */
async function made(object: KubeObject, secret?: KubeObject, options: Options = {}) {
  const { plan } = await attempt(object, secret, options);
  if (plan.kind !== "apply") throw new Error(`expected a write, not ${JSON.stringify(plan)}`);
  return { object: published(object, plan), secret: afterWrite(secret, plan.write), plan };
}

function changed(object: KubeObject, change: KubeObject, { bump = true } = {}): KubeObject {
  const { generation } = object["metadata"];
  return {
    ...object,
    metadata: {
      ...object["metadata"],
      ...change["metadata"],
      generation: bump ? generation + 1 : generation,
    },
    spec: { ...object["spec"], ...change["spec"] },
  };
}

function failureOf(plan: Plan) {
  return plan.kind === "apply" ? undefined : plan.failure;
}

function value(secret: KubeObject, item: string): string {
  return Buffer.from(secret["data"][item], "base64").toString();
}

describe("what is as it should be", () => {
  test("costs neither a decrypt nor a write nor a read of values", async () => {
    const { object, secret } = await made(sealedObject({ password: "x", user: "y" }));
    expect(await attempt(object, secret)).toEqual({
      plan: { kind: "nothing", why: "unchanged" },
      decrypts: 0,
      reads: 0,
    });
  });

  test("is known by annotations that are written together with the values, and hold neither value nor digest of one", async () => {
    const { secret } = await made(sealedObject({ password: "correct horse" }));
    const { annotations } = secret["metadata"];
    expect(annotations).toEqual({
      "kseal.dev/inputs": expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      "kseal.dev/opened-by": testKey.fingerprint,
    });
    const again = await made(sealedObject({ password: "correct horse" }));
    // The hash is one of ciphertext, which is another each time, and never of the value.
    expect(again.secret["metadata"].annotations["kseal.dev/inputs"]).not.toBe(
      annotations["kseal.dev/inputs"],
    );
  });

  test("is opened again when the key that opened it is gone, and says so when nothing opens it", async () => {
    const { object, secret } = await made(sealedObject({ password: "x" }));
    const { plan, decrypts } = await attempt(object, secret, { keys: [vectorSealingKey("rsa4096")] });
    expect(decrypts).toBe(1);
    expect(plan).toMatchObject({
      kind: "status",
      status: {
        conditions: [
          { type: "Synced", status: "False", message: "no key could decrypt secret (password)" },
          {},
          {},
        ],
      },
    });
  });

  test("is left to a controller with other keys that contradicts: what was said once is not said again", async () => {
    const { object, secret } = await made(sealedObject({ password: "x" }));
    const other = { keys: [vectorSealingKey("rsa4096")], saidUnopened: true };
    expect(await attempt(object, secret, other)).toEqual({
      plan: { kind: "nothing", why: "opened elsewhere" },
      decrypts: 0,
      reads: 0,
    });
    // Nobody contradicts where the status says the same, or there is no Secret, or it is of another generation.
    const { plan } = await attempt(object, secret, { keys: other.keys });
    const told = published(object, plan);
    expect((await attempt(told, secret, other)).plan).toMatchObject({ kind: "nothing", why: "failed" });
    expect((await attempt(object, undefined, other)).plan).toMatchObject({ kind: "status" });
    const next = sealedObject({ password: "x" }, { generation: 2 });
    expect((await attempt({ ...next, status: object["status"] }, secret, other)).plan.kind).toBe("status");
    // And what opens is put right, whatever anybody says about it.
    expect((await attempt(told, secret)).plan).toMatchObject({
      kind: "status",
      status: { conditions: [{ status: "True" }, {}] },
    });
  });

  test("S5: a status that was not written is written later, without opening anything", async () => {
    const { object, secret } = await made(sealedObject({ password: "x" }));
    const { status: _, ...lost } = object;
    const { plan, decrypts } = await attempt(lost, secret);
    expect(decrypts).toBe(0);
    expect(plan).toMatchObject({ kind: "status", status: { observedGeneration: 1 } });
    expect(plan).not.toHaveProperty("event");
  });

  test("without annotations it is opened once for each start, and not written", async () => {
    const { object, secret, plan } = await made(sealedObject({ password: "x" }), undefined, {
      settings: silent,
    });
    expect(secret["metadata"].annotations).toBeUndefined();
    const restarted = await attempt(object, secret, { settings: silent });
    expect(restarted).toMatchObject({
      plan: { kind: "nothing", recorded: plan.recorded },
      decrypts: 1,
      reads: 1,
    });
    const remembered = await attempt(object, secret, { settings: silent, remembered: plan.recorded });
    expect(remembered).toMatchObject({ plan: { kind: "nothing", why: "unchanged" }, decrypts: 0, reads: 0 });
  });

  test("S9: a Secret without a type is one of type Opaque, so nothing differs and no event is repeated", async () => {
    const { secret, object } = await made(sealedObject({ password: "x" }));
    expect(secret["type"]).toBe("Opaque");
    const { plan } = await attempt(object, secret, { verify: true });
    expect(plan).toMatchObject({ kind: "nothing", why: "unchanged" });
  });

  test("the full verification looks at the values, and repairs those that differ behind everybody's back", async () => {
    const { object, secret } = await made(sealedObject({ password: "x" }));
    const same = await attempt(object, secret, { verify: true });
    expect(same).toMatchObject({ plan: { kind: "nothing" }, decrypts: 1, reads: 1 });
    const other = { ...secret, data: { password: "b3RoZXI=" } };
    const { plan } = await attempt(object, other, { verify: true });
    expect(plan).toMatchObject({ kind: "apply", write: { secret: { data: { password: "eA==" } } } });
  });
});

describe("S6: a value that somebody else changed", () => {
  const edits: readonly (readonly [string, Parameters<typeof afterEdit>[1]])[] = [
    ["with another value", { data: { password: "tampered" } }],
    ["by removing it", { data: { password: null } }],
    ["of a label", { labels: { app: "other" } }],
    ["of the annotation that holds the hash", { annotations: { "kseal.dev/inputs": "sha256:00" } }],
  ];
  const template = { metadata: { labels: { app: "x" } } };

  test.for(edits)("%s is repaired", async ([, edit]) => {
    const { object, secret } = await made(sealedObject({ password: "x" }, { template }));
    const { plan } = await attempt(object, afterEdit(secret, edit));
    expect(plan).toMatchObject({ kind: "apply", write: { mode: "apply" } });
    const repaired = afterWrite(afterEdit(secret, edit), (plan as Apply).write);
    expect(essence(repaired)).toEqual(essence(secret));
    expect((await attempt(object, repaired)).plan).toMatchObject({ kind: "nothing", why: "unchanged" });
  });

  test("is only reported when the controller is told so, by name and without the value", async () => {
    const { object, secret } = await made(sealedObject({ password: "x", user: "y" }));
    const { plan, decrypts } = await attempt(
      object,
      afterEdit(secret, { data: { password: "tampered" } }),
      report,
    );
    expect(plan).toEqual({ kind: "nothing", why: "unchanged", drift: ["data password"] });
    expect(decrypts).toBe(0);
  });

  test("in a Secret of the Bitnami controller is only reported, too, though nothing is noted there", async () => {
    const object = sealedObject({ password: "x", user: "y" });
    const theirs = await made(object, undefined, { settings: { annotate: false, drift: "repair" } });
    theirs.secret["metadata"].managedFields[0].manager = "controller";
    const edited = afterEdit(theirs.secret, { data: { password: "tampered" } });
    for (const secret of [edited, afterEdit(theirs.secret, { data: { password: null } })]) {
      const reported = await attempt(theirs.object, secret, report);
      expect(reported.plan).toEqual({ kind: "nothing", why: "unchanged", drift: ["data password"] });
    }
    const repaired = await made(theirs.object, edited);
    expect(value(repaired.secret, "password")).toBe("x");
    // What is as it was sealed is noted as the controller's own, and kept.
    const taken = await made(theirs.object, theirs.secret, report);
    expect(taken.secret["data"]).toEqual(theirs.secret["data"]);
    const other = changed(theirs.object, sealedObject({ password: "z", user: "y" }));
    expect(value((await made(other, edited, report)).secret, "password")).toBe("z");
  });

  test("in a Secret that is only patched is left alone until the SealedSecret changes", async () => {
    const theirs = foreign({ "sealedsecrets.bitnami.com/patch": "true" });
    const first = await made(sealedObject({ password: "x" }), theirs);
    const edited = afterEdit(first.secret, { data: { password: "theirs now" } });
    expect((await attempt(first.object, edited)).plan).toMatchObject({ kind: "nothing", why: "unchanged" });
    const next = changed(first.object, sealedObject({ password: "z" }));
    const { secret } = await made({ ...next, status: first.object["status"] }, edited);
    expect(value(secret, "password")).toBe("z");
  });

  test("what somebody adds to a Secret is theirs and stays (S7)", async () => {
    const { object, secret } = await made(sealedObject({ password: "x" }));
    const added = afterEdit(secret, {
      data: { more: "1" },
      labels: { team: "a" },
      annotations: { note: "b" },
    });
    expect((await attempt(object, added)).plan).toMatchObject({ kind: "nothing", why: "unchanged" });
    const next = await made(changed(object, sealedObject({ password: "z" })), added);
    expect(value(next.secret, "password")).toBe("z");
    expect(value(next.secret, "more")).toBe("1");
    expect(next.secret["metadata"]).toMatchObject({ labels: { team: "a" }, annotations: { note: "b" } });
  });

  test("a SealedSecret from before 0.7 is watched by its frame, as its items are sealed with their names", async () => {
    const object = sealedObject({});
    const blob = JSON.stringify({
      apiVersion: "v1",
      kind: "Secret",
      metadata: {},
      data: { password: "eA==" },
    });
    const data = sealItem(new TextEncoder().encode(blob), {
      publicKey: vectorCertificate("rsa2048").publicKey,
      label: "prod/db",
      sessionKey: random(32),
    });
    object["spec"] = { data: Buffer.from(data).toString("base64") };
    const { object: told, secret } = await made(object);
    expect(value(secret, "password")).toBe("x");
    expect((await attempt(told, secret)).decrypts).toBe(0);
    const edited = afterEdit(secret, { data: { password: "tampered" } });
    expect((await attempt(told, edited)).plan).toMatchObject({ kind: "nothing", why: "unchanged" });
    expect((await attempt(told, edited, { verify: true })).plan.kind).toBe("apply");
  });
});

/** A Secret that somebody made by hand. */
function foreign(annotations: Record<string, string> = {}): KubeObject {
  const names = Object.keys(annotations).map((name) => [`f:${name}`, {}]);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: "db",
      namespace: "prod",
      uid: "theirs",
      resourceVersion: "7",
      labels: { team: "a" },
      annotations,
      managedFields: [
        {
          manager: "kubectl-create",
          operation: "Update",
          apiVersion: "v1",
          fieldsType: "FieldsV1",
          fieldsV1: {
            "f:data": { "f:password": {}, "f:keep": {} },
            "f:metadata": { "f:annotations": Object.fromEntries(names), "f:labels": { "f:team": {} } },
            "f:type": {},
          },
        },
      ],
    },
    type: "Opaque",
    data: { password: "b2xk", keep: "b2xk" },
  };
}

describe("whose Secret it is", () => {
  test("is not written when it is somebody else's, and not even opened", async () => {
    const { plan, decrypts } = await attempt(sealedObject({ password: "x" }), foreign());
    expect(decrypts).toBe(0);
    expect(plan).toMatchObject({
      kind: "status",
      event: {
        type: "Warning",
        reason: "ErrUpdateFailed",
        message: 'Resource "db" already exists and is not managed by SealedSecret',
      },
      failure: { reason: "unmanaged", retry: "later" },
    });
  });

  test("an owner of another kind, or another name, makes it somebody else's", async () => {
    for (const owner of [
      { apiVersion: "apps/v1", kind: "Deployment", name: "db" },
      { apiVersion: "bitnami.com/v1alpha1", kind: "SealedSecret", name: "other" },
    ]) {
      const secret = foreign();
      secret["metadata"].ownerReferences = [{ ...owner, uid: "o", controller: true }];
      expect((await attempt(sealedObject({}), secret)).plan).toMatchObject({
        failure: { reason: "unmanaged" },
      });
    }
  });

  test("a copy of the annotation does not make it ours (S25): the field has to be written by this controller", async () => {
    const object = sealedObject({ password: "x" });
    const copied = foreign({ "kseal.dev/belongs-to": object["metadata"].uid });
    expect((await attempt(object, copied)).plan).toMatchObject({ failure: { reason: "unmanaged" } });
  });

  test("a write names the very Secret that was looked at, so that another one of that name is not touched", async () => {
    const { plan } = await made(
      sealedObject({ password: "x" }),
      foreign({ "sealedsecrets.bitnami.com/managed": "true" }),
    );
    expect(plan.write.secret["metadata"]).toMatchObject({ uid: "theirs", resourceVersion: "7" });
    const created = await made(sealedObject({ password: "x" }));
    expect(created.plan.write.mode).toBe("create");
  });

  test("a type in somebody else's Secret stays theirs when it is patched", async () => {
    const theirs = foreign({ "sealedsecrets.bitnami.com/patch": "true" });
    const { plan } = await made(sealedObject({ password: "x" }), theirs);
    expect(plan.write.secret).not.toHaveProperty("type");
    expect(plan.write.secret).not.toHaveProperty("metadata.ownerReferences");
  });

  test("the kseal.dev annotations of a template are not taken over", async () => {
    const template = {
      metadata: { annotations: { "kseal.dev/opened-by": "me", "kseal.dev/belongs-to": "u", note: "n" } },
    };
    const { secret } = await made(sealedObject({ password: "x" }, { template }));
    expect(secret["metadata"].annotations).toEqual({
      note: "n",
      "kseal.dev/inputs": expect.any(String),
      "kseal.dev/opened-by": testKey.fingerprint,
    });
  });

  test("what the Bitnami controller made is taken over without a change to its values, and its items can go later", async () => {
    const object = sealedObject({ password: "x", user: "y" });
    const theirs = await made(object, undefined, { settings: silent });
    const upstream = structuredClone(theirs.secret);
    upstream["metadata"].managedFields[0].manager = "controller";
    const { plan, secret } = await made(theirs.object, upstream);
    expect(plan.status).toBeUndefined();
    expect(secret["data"]).toEqual(upstream["data"]);
    const { user: _, ...encryptedData } = object["spec"].encryptedData;
    const next = await made(changed(theirs.object, { spec: { encryptedData } }), secret);
    expect(Object.keys(next.secret["data"])).toEqual(["password"]);
  });

  test("with --old-gc-behavior only what the SealedSecret owned is deleted (S19)", async () => {
    const { secret } = await made(sealedObject({ password: "x" }));
    expect(isLeftOver(readSecretMetadata(secret))).toBe(true);
    expect(isLeftOver(readSecretMetadata(foreign()))).toBe(false);
    expect(isLeftOver(undefined)).toBe(false);
  });
});

describe("an annotation of the SealedSecret steers the controller:", () => {
  const annotated = (annotations: Record<string, string>) => sealedObject({ password: "x" }, { annotations });

  test("kseal.dev/suspend leaves everything as it is", async () => {
    const { plan, decrypts } = await attempt(annotated({ "kseal.dev/suspend": "true" }), undefined);
    expect({ plan, decrypts }).toEqual({ plan: { kind: "nothing", why: "suspended" }, decrypts: 0 });
    expect((await attempt(annotated({ "kseal.dev/suspend": "false" }), undefined)).plan.kind).toBe("apply");
  });

  test("kseal.dev/orphan-on-delete takes the owner off, and puts it back when it goes", async () => {
    const owned = await made(sealedObject({ password: "x" }));
    const orphan = changed(
      owned.object,
      { metadata: { annotations: { "kseal.dev/orphan-on-delete": "true" } } },
      { bump: false },
    );
    const free = await made(orphan, owned.secret);
    expect(free.secret["metadata"].ownerReferences ?? []).toEqual([]);
    expect(free.secret["metadata"].annotations["kseal.dev/belongs-to"]).toBe(orphan["metadata"].uid);
    expect((await attempt(free.object, free.secret)).plan).toMatchObject({
      kind: "nothing",
      why: "unchanged",
    });
    const back = await made({ ...owned.object, status: free.object["status"] }, free.secret);
    expect(essence(back.secret)).toEqual(essence(owned.secret));
  });

  test("an orphan is found again by the next SealedSecret of its name", async () => {
    const options = { annotations: { "kseal.dev/orphan-on-delete": "true" } };
    const { secret } = await made(sealedObject({ password: "x" }, { ...options, uid: "the-first" }));
    const { plan } = await made(sealedObject({ password: "y" }, { ...options, uid: "the-second" }), secret);
    expect(plan.write.secret).toMatchObject({
      metadata: { annotations: { "kseal.dev/belongs-to": "the-second" } },
    });
  });

  test("kseal.dev/force-sync makes it open and write once for each value", async () => {
    const { object, secret } = await made(sealedObject({ password: "x" }));
    const forced = changed(
      object,
      { metadata: { annotations: { "kseal.dev/force-sync": "2026-11-21" } } },
      { bump: false },
    );
    expect(triggerOf(forced)).not.toBe(triggerOf(object));
    const next = await made(forced, secret);
    expect((await attempt(next.object, next.secret)).decrypts).toBe(0);
  });

  test("S4: the scope does, without a change of the spec", async () => {
    const { object, secret } = await made(sealedObject({ password: "x" }));
    const wide = changed(
      object,
      { metadata: { annotations: { "sealedsecrets.bitnami.com/cluster-wide": "true" } } },
      { bump: false },
    );
    expect(triggerOf(wide)).not.toBe(triggerOf(object));
    expect((await attempt(wide, secret)).plan).toMatchObject({
      failure: { message: "no key could decrypt secret (password)" },
    });
  });

  test("the controller's own status is nothing to look at again", async () => {
    const { object } = await made(sealedObject({ password: "x" }));
    const { status: _, ...before } = object;
    const written = {
      ...object,
      metadata: { ...object["metadata"], resourceVersion: "101", managedFields: [{}] },
    };
    expect(triggerOf(written)).toBe(triggerOf(before));
  });
});

describe("S28: what a template makes up", () => {
  const template = { data: { token: "{{ randAlphaNum 20 }}", greeting: "hello {{ .user }}" } };

  test("stays until the SealedSecret changes, also when something else is repaired", async () => {
    const { object, secret } = await made(sealedObject({ user: "ann" }, { template }));
    expect((await attempt(object, secret)).decrypts).toBe(0);
    const edited = afterEdit(secret, { data: { user: "eve" } });
    const { plan, reads } = await attempt(object, edited);
    expect(reads).toBe(1);
    const repaired = afterWrite(edited, (plan as Apply).write);
    expect(value(repaired, "token")).toBe(value(secret, "token"));
    expect(value(repaired, "greeting")).toBe("hello ann");
    const next = changed(object, sealedObject({ user: "bob" }));
    const renewed = await made({ ...next, spec: { ...next["spec"], template } }, repaired);
    expect(value(renewed.secret, "token")).not.toBe(value(secret, "token"));
    expect(value(renewed.secret, "greeting")).toBe("hello bob");
  });

  test("is made anew when somebody changed just that", async () => {
    const { object, secret } = await made(sealedObject({ user: "ann" }, { template }));
    const edited = afterEdit(secret, { data: { greeting: "boo" } });
    const { plan } = await attempt(object, edited);
    const repaired = afterWrite(edited, (plan as Apply).write);
    expect(value(repaired, "greeting")).toBe("hello ann");
    expect(value(repaired, "token")).toBe(value(secret, "token"));
  });

  test("stays when the controller takes over from Bitnami's", async () => {
    const { object, secret } = await made(sealedObject({ user: "ann" }, { template }), undefined, {
      settings: silent,
    });
    secret["metadata"].managedFields[0].manager = "controller";
    const taken = await made(object, secret);
    expect(value(taken.secret, "token")).toBe(value(secret, "token"));
    expect((await attempt(object, taken.secret)).decrypts).toBe(0);
  });

  test("stays when the SealedSecret is deleted and created with the same contents", async () => {
    const object = sealedObject({ user: "ann" }, { template });
    const { secret } = await made(object);
    const anew = { ...object, metadata: { ...object["metadata"], uid: "another" } };
    const { plan, reads } = await attempt(anew, secret);
    expect(reads).toBe(1);
    const next = afterWrite(secret, (plan as Apply).write);
    expect(value(next, "token")).toBe(value(secret, "token"));
    expect(next["metadata"].ownerReferences.map(({ uid }: KubeObject) => uid)).toEqual(["another"]);
  });
});

describe("a failure", () => {
  test("S5: another message is published, the same one is not repeated", async () => {
    const object = sealedObject({ a: "x" }, { sealedFor: { namespace: "prod", name: "other" } });
    const first = await attempt(object, undefined);
    const told = published(object, first.plan);
    expect((await attempt(told, undefined)).plan).toMatchObject({ kind: "nothing", why: "failed" });
    const { plan } = await attempt(told, foreign());
    expect(plan).toMatchObject({
      kind: "status",
      status: {
        conditions: [
          { message: 'failed update: Resource "db" already exists and is not managed by SealedSecret' },
          {},
          {},
        ],
      },
    });
  });

  test("of one item lists every one that failed, and produces nothing", async () => {
    const object = sealedObject({ a: "x", b: "y" });
    object["spec"].encryptedData.c = "!!!";
    const { plan } = await attempt(object, undefined);
    expect(plan).toMatchObject({
      failure: { message: "illegal base64 data at input byte 0 (c)", reason: "unseal" },
    });
  });

  test("of 500 items is told whole in the status, and shortened in the event", async () => {
    const items = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`item-${at}`, "!!!"]));
    const object = sealedObject({});
    object["spec"].encryptedData = items;
    const { plan } = await attempt(object, undefined);
    expect(failureOf(plan)?.message).toContain("item-499");
    expect(failureOf(plan)?.event.message).toHaveLength(1024);
  });

  test("of an object that an older definition let in names the field", async () => {
    const object = sealedObject({ a: "x" });
    object["spec"].encryptedData.b = 7;
    const { plan, decrypts } = await attempt(object, undefined);
    expect(decrypts).toBe(0);
    expect(plan).toMatchObject({
      kind: "status",
      failure: { message: "spec.encryptedData.b is a number, not text", reason: "unseal" },
    });
  });

  test("of a Secret above what Kubernetes takes is told in its words, without sending it", async () => {
    const template = { data: { big: "{{ repeat 300000 .a }}" } };
    const { plan } = await attempt(sealedObject({ a: "0123" }, { template }), undefined);
    expect(plan).toMatchObject({
      failure: {
        message: 'Secret "db" is invalid: data: Too long: may not be more than 1048576 bytes',
        retry: "later",
      },
    });
  });

  test("of a template that takes for ever ends, and says which", async () => {
    const loop = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    const { plan } = await attempt(
      sealedObject({ a: "x" }, { template: { data: { bomb: loop } } }),
      undefined,
    );
    expect(failureOf(plan)?.message).toMatch(/^template: bomb:.*the templates take more than .* \(bomb\)$/);
  });

  const refusals: readonly (readonly [string, Partial<KubeError>, object])[] = [
    ["a conflict", { status: 409 }, { kind: "nothing", why: "busy" }],
    ["a server that is busy", { status: 429 }, { kind: "nothing", why: "busy" }],
    ["no answer at all", {}, { kind: "nothing", why: "busy" }],
    [
      "a namespace that is going",
      {
        status: 403,
        serverMessage:
          'secrets "db" is forbidden: unable to create new content in namespace prod because it is being terminated',
      },
      { kind: "nothing", why: "busy" },
    ],
    [
      "missing rights",
      { status: 403, serverMessage: 'secrets is forbidden: User "x" cannot create resource "secrets"' },
      { kind: "status", failure: { reason: "update", retry: "soon" } },
    ],
    [
      "a server that fails",
      { status: 500, serverMessage: "failed calling webhook" },
      {
        kind: "status",
        failure: { reason: "update", retry: "soon" },
        event: { message: "failed calling webhook" },
      },
    ],
    [
      "an invalid item name",
      { status: 422, serverMessage: 'Secret "db" is invalid: data[a/b]: Invalid value' },
      { kind: "status", failure: { reason: "update", retry: "later" } },
    ],
  ];

  test.for(refusals)("of the write: %s", async ([, refusal, expected]) => {
    const { plan } = await made(sealedObject({ a: "x" }));
    const error = new KubeError("CLUSTER_CONFLICT", "refused", refusal);
    expect(planAfterWrite(plan, error, 0)).toMatchObject(expected);
  });
});

describe("what is on its way out", () => {
  test("a SealedSecret that is being deleted is left to the cluster", async () => {
    const object = changed(sealedObject({ a: "x" }), {
      metadata: { deletionTimestamp: "2026-11-21T11:00:00Z" },
    });
    expect((await attempt(object, undefined)).plan).toEqual({ kind: "nothing", why: "deleted" });
  });

  test("a Secret that is being deleted is waited for: what is written into it would be lost", async () => {
    const { object, secret } = await made(sealedObject({ a: "x" }));
    secret["metadata"].deletionTimestamp = "2026-11-21T11:00:00Z";
    expect((await attempt(object, secret)).plan).toEqual({ kind: "nothing", why: "secret is being deleted" });
  });

  test("finalizers of the template are set, and looked after", async () => {
    const template = { metadata: { finalizers: ["example.com/guard"] } };
    const { object, secret } = await made(sealedObject({ a: "x" }, { template }));
    expect(secret["metadata"].finalizers).toEqual(["example.com/guard"]);
    expect((await attempt(object, secret)).plan).toMatchObject({ kind: "nothing", why: "unchanged" });
  });
});

describe("S8: immutable", () => {
  test("is set on a Secret that exists already", async () => {
    const { object, secret } = await made(sealedObject({ a: "x" }));
    const frozen = changed(object, { spec: { template: { immutable: true } } });
    expect((await made(frozen, secret)).secret["immutable"]).toBe(true);
  });
});
