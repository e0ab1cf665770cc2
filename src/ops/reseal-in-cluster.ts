import { KsealError } from "../errors.ts";
import type { KubeApi } from "../kube/api.ts";
import { type ControllerName, rotateSealed } from "../kube/sealed-secrets-service.ts";
import { noMeta, type ObjectMeta } from "../sealed/object-meta.ts";
import { readItem } from "../sealed/open-items.ts";
import { scopeOf, withScope } from "../sealed/scope.ts";
import {
  readSealedSecret,
  type SealedSecret,
  sealedSecretObject,
  sealedSecretVersion,
} from "../sealed/sealed-secret.ts";
import { editOf, type ResealedObject } from "./reseal-object.ts";
import type { FoundSealed } from "./unseal-objects.ts";

/**
 * Has the controller seal the values of a SealedSecret for its newest key.
 *
 * The original controller renders the template and seals what comes out, and loses template, labels and annotations (S2).
 * So it gets nothing but the sealed values, their name and their scope, and nothing but the values is taken from it.
 *
 * @throws KsealError `SEALED_INVALID` when the answer does not have the same items, of the same length, for the same place.
 */
export async function resealInCluster(
  found: FoundSealed,
  api: KubeApi,
  controller: ControllerName,
): Promise<ResealedObject> {
  const { sealed } = found;
  if (sealed.v1Data !== undefined) {
    throw new KsealError("SEALED_INVALID", "it was sealed before version 0.7", {
      hint: "keys are needed to write it as encryptedData: kseal reseal --key FILE",
    });
  }
  const body = new TextEncoder().encode(JSON.stringify(sealedSecretObject(valuesOnly(sealed))));
  const answer = readAnswer(await rotateSealed(api, controller, body));
  checkAnswer(sealed, answer);
  return {
    edits: [...answer.encryptedData].map(([item, value]) =>
      editOf(found, ["spec", "encryptedData", item], { kind: "str", value }),
    ),
    items: [...answer.encryptedData.keys()].map((item) => ({
      item,
      fingerprint: undefined,
      old: true,
      resealed: true,
    })),
    upgraded: false,
  };
}

function valuesOnly({ metadata, encryptedData }: SealedSecret): SealedSecret {
  const { name, namespace } = metadata;
  const annotations = withScope(new Map(), scopeOf(metadata.annotations));
  const meta: ObjectMeta = { ...noMeta, name, namespace, annotations };
  // Controllers before 0.36 take the scope from the template.
  return { metadata: meta, encryptedData, template: { metadata: meta, data: new Map() } };
}

function readAnswer(bytes: Uint8Array): SealedSecret {
  try {
    // The original controller names neither.
    const kind = { apiVersion: sealedSecretVersion, kind: "SealedSecret" };
    return readSealedSecret({ ...kind, ...JSON.parse(new TextDecoder().decode(bytes)) });
  } catch (cause) {
    throw misfit("it is no SealedSecret", cause);
  }
}

function checkAnswer(asked: SealedSecret, answer: SealedSecret): void {
  const place = ({ metadata }: SealedSecret) =>
    [metadata.namespace, metadata.name, scopeOf(metadata.annotations)].join("/");
  if (place(asked) !== place(answer)) throw misfit("it is for another name, namespace or scope");
  if (asked.encryptedData.size !== answer.encryptedData.size) throw misfit("it has other items");
  for (const [item, text] of answer.encryptedData) {
    if (!asked.encryptedData.has(item)) throw misfit("it has other items");
    const [before, after] = [readItem(asked.encryptedData.get(item) ?? ""), readItem(text)];
    if ("message" in after || "message" in before || before.ciphertext.length !== after.ciphertext.length) {
      throw misfit(`the value of ${JSON.stringify(item)} has another length`);
    }
  }
}

function misfit(why: string, cause?: unknown): KsealError {
  return new KsealError("SEALED_INVALID", `the answer of the controller does not fit: ${why}`, {
    hint: "open it with the cluster's keys instead: kseal reseal --key FILE",
    cause,
  });
}
