import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { concernsSealedSecret } from "../../controller/ownership.ts";
import type { Plan } from "../../controller/reconcile.ts";
import { planAfterWrite } from "../../controller/reconcile.ts";
import { readSecretMetadata } from "../../controller/secret-metadata.ts";
import { syncedCondition } from "../../controller/status.ts";
import { triggerOf } from "../../controller/watched-sealed-secret.ts";
import { KubeError } from "../../src/kube/api.ts";
import { afterEdit, afterWrite, essence } from "../support/api-server-model.ts";
import {
  attempt,
  type KubeObject,
  published,
  recorded,
  sealedAnew,
  upstreamFolder,
} from "../support/controller.ts";

/*
 * Every situation in which the Bitnami controller was recorded: what kseal does is equal, or the decision of
 * sealed-secrets.md that makes it differ stands in the name of the test. The values are sealed anew, as the key of the
 * recording is gone. Secrets get no annotations here; what these say is in reconcile.test.ts.
 *
 * One thing differs without an S: upstream's text of a template that fails may quote a value, in a status that many may
 * read who may not read Secrets. kseal leaves what a function says of its arguments out, unless it stands in the
 * template (template-failure.ts). No recorded message is concerned: both template errors are equal, word for word.
 */
const settings = { annotate: false, drift: "repair" } as const;
const bar = { foo: "bar" };

function statusOf(plan: Plan) {
  const status = plan.kind === "nothing" ? undefined : plan.status;
  const synced = status && syncedCondition(status);
  return { status: synced?.status, message: synced?.message, observedGeneration: status?.observedGeneration };
}

function recordedStatus({ status }: KubeObject) {
  const [{ status: synced, message = "" }] = status.conditions;
  return { status: synced, message, observedGeneration: status.observedGeneration };
}

/** Kinds of events, without how often. */
function recordedEvents({ events }: KubeObject) {
  return events.map(({ reason, message, type }: KubeObject) => ({ reason, message, type }));
}

function event(plan: Plan) {
  return plan.kind === "nothing" ? undefined : plan.event;
}

/** Reconciles until nothing is left to do, as the controller would. */
async function settle(object: KubeObject, secret?: KubeObject) {
  const { plan } = await attempt(object, secret, { settings });
  const written = plan.kind === "apply" ? afterWrite(secret, plan.write) : secret;
  return { plan, secret: written, object: published(object, plan) };
}

function refusal(message: string, status = 422): KubeError {
  return new KubeError("CLUSTER_CONFLICT", message, { status, serverMessage: message });
}

/** The first generation of an object that was recorded at its second. */
function firstGeneration(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object["metadata"], generation: 1 } };
}

const situations: Readonly<Record<string, readonly [verdict: string, () => Promise<void>]>> = {
  success: [
    "equal: the Secret, the status, the event",
    async () => {
      const was = recorded("success");
      const { plan, secret } = await settle(sealedAnew(was["sealedsecret"], { ...bar, n: "42" }));
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
      expect([event(plan)]).toEqual(recordedEvents(was));
    },
  ],
  update: [
    "equal: what the spec no longer names goes, and the generation is the second",
    async () => {
      const before = await settle(
        sealedAnew(firstGeneration(recorded("success")["sealedsecret"]), { ...bar, n: "42" }),
      );
      const was = recorded("update");
      const object = {
        ...sealedAnew(was["sealedsecret"], { foo: "baz" }),
        status: before.object["status"],
      };
      const { plan, secret } = await settle(object, before.secret);
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
    },
  ],
  drift: [
    "S6: upstream leaves foo as somebody changed it; kseal puts it back, and leaves what they added",
    async () => {
      const was = recorded("drift");
      const made = await settle(sealedAnew(was["sealedsecret"], bar));
      const edited = afterEdit(made.secret!, { data: { foo: "tampered", extra: "x" } });
      expect(edited["data"]).toEqual(was["secret"].data);
      const { plan, secret } = await settle(made.object, edited);
      expect(plan.kind).toBe("apply");
      expect(secret!["data"]).toEqual({ foo: "YmFy", extra: "eA==" });
    },
  ],
  "metadata-touch": [
    "equal: an annotation that means nothing to the controller is no reason to look again",
    async () => {
      const was = recorded("metadata-touch")["sealedsecret"];
      const before = { ...was, metadata: { ...was.metadata, annotations: {} } };
      expect(triggerOf(was)).toBe(triggerOf(before));
    },
  ],
  "wrong-namespace": [
    "equal: the status and the event, which S3 does not repeat six times",
    async () => {
      const was = recorded("wrong-namespace");
      const elsewhere = {
        ...was["sealedsecret"],
        metadata: { ...was["sealedsecret"].metadata, namespace: "x" },
      };
      const object = sealedAnew(was["sealedsecret"], {});
      object["spec"].encryptedData = sealedAnew(elsewhere, bar)["spec"].encryptedData;
      const { plan } = await settle(object);
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
      expect([event(plan)]).toEqual(recordedEvents(was));
      const again = await settle(published(object, plan));
      expect(again.plan).toMatchObject({ kind: "nothing", why: "failed" });
    },
  ],
  "wrong-namespace-fixed": [
    "equal",
    async () => {
      const was = recorded("wrong-namespace-fixed");
      const { status } = recorded("wrong-namespace")["sealedsecret"];
      const { plan, secret } = await settle({ ...sealedAnew(was["sealedsecret"], bar), status });
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
      expect(event(plan)).toEqual(recordedEvents(was).at(-1));
    },
  ],
  "scope-annotation-added-later": [
    "S4: upstream ignores it for ever; kseal looks again, and the object opens",
    async () => {
      const was = recorded("scope-annotation-added-later")["sealedsecret"];
      const strict = { ...was, metadata: { ...was.metadata, annotations: {} } };
      expect(triggerOf(was)).not.toBe(triggerOf(strict));
      const wide = sealedAnew(was, bar);
      const failed = await settle({ ...wide, metadata: strict.metadata });
      expect(statusOf(failed.plan)).toEqual(recordedStatus(was));
      const { plan } = await settle({ ...wide, status: failed.object["status"] });
      expect(statusOf(plan)).toEqual({ status: "True", message: "", observedGeneration: 1 });
    },
  ],
  "not-owned": [
    "equal: the status and the event; S3: the event once",
    async () => {
      const was = recorded("not-owned");
      const { plan } = await settle(sealedAnew(was["sealedsecret"], bar), was["secret"]);
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
      expect([event(plan)]).toEqual(recordedEvents(was));
    },
  ],
  "not-owned-then-deleted-after-give-up": [
    "equal at once, as a foreign Secret is nobody's business; S3: the slow re-sync makes the Secret",
    async () => {
      expect(concernsSealedSecret(readSecretMetadata(recorded("not-owned")["secret"]))).toBe(false);
      const was = recorded("not-owned-then-deleted-after-give-up");
      const object = { ...sealedAnew(was["sealedsecret"], bar), status: was["sealedsecret"].status };
      const { plan } = await settle(object);
      expect(plan).toMatchObject({ kind: "apply", write: { mode: "create" } });
    },
  ],
  "not-owned-deleted-at-once": [
    "S3: upstream makes the Secret if a retry falls into the gap; kseal makes the same one later",
    async () => {
      const was = recorded("not-owned-deleted-at-once");
      const { secret, plan } = await settle(sealedAnew(was["sealedsecret"], bar));
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
    },
  ],
  managed: [
    "equal: everything of theirs goes, the annotation too",
    async () => {
      const was = recorded("managed");
      const { secret, plan } = await settle(sealedAnew(was["sealedsecret"], bar), was["before"]);
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
      expect([event(plan)]).toEqual(recordedEvents(was));
    },
  ],
  patch: [
    "equal: theirs stays, and nobody owns it",
    async () => {
      const was = recorded("patch");
      const { secret, plan } = await settle(sealedAnew(was["sealedsecret"], bar), was["before"]);
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
      expect([event(plan)]).toEqual(recordedEvents(was));
    },
  ],
  "managed-patch": [
    "equal: theirs stays, and it is owned",
    async () => {
      const was = recorded("managed-patch");
      const { secret, plan } = await settle(sealedAnew(was["sealedsecret"], bar), was["before"]);
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
    },
  ],
  "patch-sealedsecret-deleted": [
    "equal: the Secret has no owner, so what was written stays",
    async () => {
      const was = recorded("patch-sealedsecret-deleted")["secret"];
      expect(essence(was)).toEqual(essence(recorded("patch")["secret"]));
      expect(was.metadata.ownerReferences).toBeUndefined();
    },
  ],
  "template-ok": [
    "equal",
    async () => {
      const was = recorded("template-ok");
      const { secret, plan } = await settle(sealedAnew(was["sealedsecret"], bar));
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
    },
  ],
  "template-error-parse": [
    "equal: the status and the event; S3: the event once",
    async () => {
      const was = recorded("template-error-parse");
      const { plan } = await settle(sealedAnew(was["sealedsecret"], bar));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
      expect([event(plan)]).toEqual(recordedEvents(was));
    },
  ],
  "template-error-exec": [
    "equal: the status and the event; S3: the event once",
    async () => {
      const was = recorded("template-error-exec");
      const { plan } = await settle(sealedAnew(was["sealedsecret"], bar));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
      expect([event(plan)]).toEqual(recordedEvents(was));
    },
  ],
  immutable: [
    "equal",
    async () => {
      const was = recorded("immutable");
      const { secret, plan } = await settle(sealedAnew(was["sealedsecret"], bar));
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
    },
  ],
  "immutable-update": [
    "equal: the API server's words in the status, what to do in the event",
    async () => {
      const was = recorded("immutable-update");
      const made = await settle(sealedAnew(firstGeneration(was["sealedsecret"]), bar));
      const object = { ...sealedAnew(was["sealedsecret"], { foo: "other" }), status: made.object["status"] };
      const { plan } = await attempt(object, made.secret, { settings });
      expect(plan.kind).toBe("apply");
      const { message } = recordedStatus(was["sealedsecret"]);
      const after = planAfterWrite(plan as Plan & { kind: "apply" }, refusal(message), Date.now());
      expect(statusOf(after)).toEqual(recordedStatus(was["sealedsecret"]));
      expect(event(after)).toEqual(recordedEvents(was).at(-1));
      expect(after).toMatchObject({ failure: { retry: "later" } });
    },
  ],
  "type-change": [
    "equal: the status; S8: the event says what to do, once",
    async () => {
      const was = recorded("type-change");
      const made = await settle(sealedAnew(firstGeneration(was["sealedsecret"]), bar));
      const object = { ...sealedAnew(was["sealedsecret"], bar), status: made.object["status"] };
      const { plan } = await attempt(object, made.secret, { settings });
      expect(plan).toMatchObject({ kind: "apply", write: { secret: { type: "example.com/x" } } });
      const { message } = recordedStatus(was["sealedsecret"]);
      const after = planAfterWrite(plan as Plan & { kind: "apply" }, refusal(message), Date.now());
      expect(statusOf(after)).toEqual(recordedStatus(was["sealedsecret"]));
      expect(event(after)).toEqual({
        type: "Warning",
        reason: "ErrUpdateFailed",
        message:
          "Error updating typechange/i: the type of a Secret cannot be changed. You can only delete and recreate the Secret.",
      });
    },
  ],
  "secret-deleted": [
    "equal: it is made again",
    async () => {
      const was = recorded("secret-deleted");
      const made = await settle(sealedAnew(was["sealedsecret"], bar));
      expect(concernsSealedSecret(readSecretMetadata(made.secret!))).toBe(true);
      const { secret, plan } = await settle(made.object);
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(event(plan)).toEqual(recordedEvents(was)[0]);
    },
  ],
  "sealedsecret-deleted": [
    "equal: the Secret is owned, so the cluster's garbage collector takes it away",
    async () => {
      const was = recorded("secret-deleted");
      const { secret } = await settle(sealedAnew(was["sealedsecret"], bar));
      expect(secret!["metadata"].ownerReferences).toEqual(was["secret"].metadata.ownerReferences);
      expect(recorded("sealedsecret-deleted")["secret"]).toBeNull();
    },
  ],
  "sealedsecret-replaced": [
    "equal in the end; the Secret is handed to the new object instead of being made anew",
    async () => {
      const was = recorded("sealedsecret-replaced");
      const object = sealedAnew(was["sealedsecret"], bar);
      const old = await settle({ ...object, metadata: { ...object["metadata"], uid: "of-the-old-one" } });
      const { secret, plan } = await settle(object, old.secret);
      expect(essence(secret!)).toEqual(essence(was["secret"]));
      expect(statusOf(plan)).toEqual(recordedStatus(was["sealedsecret"]));
    },
  ],
  "sealedsecret-replaced-slow-gc": [
    "S3, #1599: upstream ends without a Secret for ever; kseal takes the orphan over before it is collected",
    async () => {
      const was = recorded("sealedsecret-replaced-slow-gc");
      expect(was["secret"]).toBeNull();
      // The orphan, as the Bitnami controller itself left it behind.
      const orphan = recorded("sealedsecret-replaced")["secret"];
      const { secret, plan } = await settle(sealedAnew(was["sealedsecret"], bar), orphan);
      expect(secret!["metadata"].ownerReferences).toEqual([
        expect.objectContaining({ uid: was["sealedsecret"].metadata.uid, controller: true }),
      ]);
      expect(statusOf(plan)).toEqual({ status: "True", message: "", observedGeneration: 1 });
    },
  ],
  "skip-set-owner": [
    "S25: upstream calls its own Secret somebody else's; kseal knows it by the field manager",
    async () => {
      const was = recorded("skip-set-owner");
      const made = await settle(sealedAnew(was["sealedsecret"], bar));
      const { uid } = was["sealedsecret"].metadata;
      const secret = essence(was["secret"]);
      const annotations = { ...secret["annotations"], "kseal.dev/belongs-to": uid };
      expect(essence(made.secret!)).toEqual({ ...secret, annotations });
      const again = await settle(made.object, made.secret);
      expect(again.plan).toMatchObject({ kind: "nothing", why: "unchanged" });
      expect(statusOf(made.plan)).toEqual({ status: "True", message: "", observedGeneration: 1 });
    },
  ],
  "bad-values": [
    "equal, but for the order: kseal sorts the items, and their messages by the first of them",
    async () => {
      const was = recorded("bad-values");
      const object = sealedAnew(was["sealedsecret"], { e: "fine" });
      const { plan } = await settle(object);
      const { message } = recordedStatus(was["sealedsecret"]);
      expect(statusOf(plan).message).toBe(
        "illegal base64 data at input byte 0 (a, d)\nno key could decrypt secret (c)",
      );
      expect(statusOf(plan).message!.split("\n").toSorted().join("\n").replace("(a, d)", "(d, a)")).toBe(
        message.split("\n").toSorted().join("\n"),
      );
    },
  ],
  "non-string-values": [
    "equal: a null never gets past the API server, so there is an empty Secret; other types are refused there",
    async () => {
      const was = recorded("non-string-values");
      expect(Object.values(was["responses"] as KubeObject).map(([status]) => status)).toEqual([
        422, 422, 201, 422,
      ]);
      const empty = sealedAnew(recorded("not-owned")["sealedsecret"], {});
      const { plan } = await settle({ ...empty, spec: { ...empty["spec"], encryptedData: {} } });
      expect(statusOf(plan).status).toBe(was["conditions"].null.status);
    },
  ],
};

/** What was recorded besides, and where it is compared. */
const elsewhere: Readonly<Record<string, string>> = {
  "http.json": "http.test.ts",
  "key-secret.json": "key-store.test.ts",
  "metrics.txt": "metrics.test.ts",
  "crd.json": "the manifests",
  "rbac.json": "the manifests",
  "service.json": "the manifests",
};

describe("the recorded situation", () => {
  test.for(Object.entries(situations).map(([name, [verdict, check]]) => ({ name, verdict, check })))(
    "$name: $verdict",
    async ({ check }) => {
      await check();
    },
  );
});

test("every recorded situation has a verdict", () => {
  const named = [...Object.keys(situations).map((name) => `${name}.json`), ...Object.keys(elsewhere)];
  expect(named.toSorted()).toEqual(readdirSync(upstreamFolder).toSorted());
});
