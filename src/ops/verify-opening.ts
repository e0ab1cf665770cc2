import { verifySealed } from "../kube/sealed-secrets-service.ts";
import type { OpenedItems } from "../sealed/open-items.ts";
import { readSealedSecret, type SealedSecret } from "../sealed/sealed-secret.ts";
import { UnsealError, unsealOpened } from "../sealed/unseal-secret.ts";
import type { SealingTarget } from "./certificate.ts";
import { clusterApi } from "./certificate-of-cluster.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import { templateRenderer } from "./render-template.ts";
import { type KeysAtHand, openObjects } from "./unseal-values.ts";
import type { JudgedObject } from "./verify-file.ts";
import { defect, type Finding } from "./verify-finding.ts";

/** What opened the values of an object. */
export interface ObjectOpening {
  /** Which key opened how many values. */
  readonly keys: readonly {
    readonly fingerprint: string;
    readonly isNewest: boolean;
    readonly items: number;
  }[];
  readonly findings: readonly Finding[];
}

/** Tries keys on SealedSecrets. Values are opened and thrown away; templates are rendered the same way. */
export async function tryKeys(
  objects: readonly JudgedObject[],
  { keys, newest }: KeysAtHand,
  context: OpContext,
): Promise<ReadonlyMap<JudgedObject, ObjectOpening>> {
  const readable = objects.flatMap((judged) => {
    const sealed = sealedOf(judged);
    return sealed === undefined ? [] : [{ ...judged, judged, sealed }];
  });
  const found = new Map(readable.map((one) => [one.sealed, one.judged]));
  const openings = await openObjects(
    readable,
    keys,
    ({ sealed }, opened) => {
      const judged = found.get(sealed);
      return judged && ([judged, openingOf(judged, sealed, { opened, newest, context })] as const);
    },
    context,
  );
  return new Map(openings.filter((one) => one !== undefined));
}

/** Asks clusters whether they can open SealedSecrets. */
export async function askClusters(
  objects: readonly (readonly [JudgedObject, SealingTarget | undefined])[],
  flags: ClusterFlags | undefined,
  context: OpContext,
): Promise<ReadonlyMap<JudgedObject, boolean>> {
  const byCluster = Map.groupBy(objects, ([, target]) => target?.rule.cluster);
  const answers = new Map<JudgedObject, boolean>();
  for (const [cluster, group] of byCluster) {
    const api = await clusterApi({ flags, cluster }, context);
    try {
      const controller = controllerOf(flags, cluster?.controller);
      // One after the other: the controller answers two questions a second.
      for (const [judged] of group) {
        if (sealedOf(judged) === undefined) continue;
        const body = new TextEncoder().encode(JSON.stringify(judged.object));
        answers.set(judged, await verifySealed(api, controller, body, context.signal));
      }
    } finally {
      api.close();
    }
  }
  return answers;
}

/** What a cluster that refuses an object is reported as. */
export function refusedByCluster({ find }: JudgedObject): Finding {
  const hint = "it was sealed for another cluster, name, namespace or scope";
  return find(defect("cluster-refuses", [], "the cluster's controller cannot open it", hint));
}

function sealedOf({ object }: JudgedObject): SealedSecret | undefined {
  try {
    return readSealedSecret(object);
  } catch {
    // Why not is among the findings.
    return undefined;
  }
}

function openingOf(
  judged: JudgedObject,
  sealed: SealedSecret,
  { opened, newest, context }: { opened: OpenedItems; newest: KeysAtHand["newest"]; context: OpContext },
): ObjectOpening {
  const byKey = Map.groupBy(opened.openers.values(), ({ fingerprint }) => fingerprint);
  const closed = opened.failures.map(({ item, message, tried }) => {
    const path = item === "" ? ["spec", "data"] : ["spec", "encryptedData", item];
    const count =
      tried.length === 0
        ? "none has its size"
        : tried.length === 1
          ? "1 key was tried"
          : `${tried.length} keys were tried`;
    const text = message.startsWith("illegal") ? message : `no key at hand opens it: ${count}`;
    const hint = "it was sealed for another key, name, namespace or scope, or was changed";
    return judged.find(defect("does-not-open", path, text, hint));
  });
  return {
    keys: [...byKey].map(([fingerprint, uses]) => ({
      fingerprint,
      isNewest: fingerprint === newest.fingerprint,
      items: uses.length,
    })),
    findings: closed.length > 0 ? closed : renderFindings(judged, sealed, opened, context),
  };
}

function renderFindings(
  judged: JudgedObject,
  sealed: SealedSecret,
  opened: OpenedItems,
  { host }: OpContext,
): readonly Finding[] {
  try {
    unsealOpened(sealed, opened, { render: templateRenderer(host), acceptV1: true });
    return [];
  } catch (error) {
    if (!(error instanceof UnsealError)) throw error;
    // The messages of templates may quote values.
    return error.failures.map(({ item }) =>
      judged.find(
        defect(
          "template-fails",
          ["spec", "template", "data", item],
          "the template fails with the values that are sealed",
          "kseal unseal FILE says why",
        ),
      ),
    );
  }
}
