import { KsealError } from "../../errors.ts";
import { type JsonObject, objectAt } from "../../sealed/object-fields.ts";
import {
  readSealedSecret,
  type SealedSecret,
  sealedSecretObject,
  sealedSecretVersion,
} from "../../sealed/sealed-secret.ts";
import { readInput } from "./kubeseal-call.ts";
import { withController } from "./kubeseal-controller.ts";
import { KubesealError } from "./kubeseal-error.ts";
import { knownMeta, readObjects } from "./kubeseal-objects.ts";
import type { KubesealRun } from "./kubeseal-run.ts";

/** The certificate that the cluster's controller seals with now. */
export async function fetchCertificate(run: KubesealRun): Promise<Uint8Array> {
  return withController(run, async (ask) => {
    const answer = await ask({ method: "GET", path: "/v1/cert.pem" }, "cannot fetch certificate");
    return answer.body;
  });
}

/** Asks the controller whether it can open every SealedSecret of the input; says nothing when it can. */
export async function validate(run: KubesealRun): Promise<void> {
  await withController(run, async (ask) => {
    for (const { object, sealed } of await readSealed(run)) {
      const what = "cannot validate sealed secret";
      const answer = await ask({ method: "POST", path: "/v1/verify", body: bodyOf(object) }, what);
      if (answer.status === 409) {
        throw new KubesealError(`unable to decrypt sealed secret: ${sealed.metadata.name}`);
      }
    }
  });
}

/**
 * Has the controller seal every SealedSecret of the input with its newest key. With `-f` and without `-w` the file
 * itself is replaced, once all of them are there (S10).
 */
export async function reEncrypt(run: KubesealRun): Promise<void> {
  const { call, host } = run;
  const before = call.inputFlag === "" ? undefined : await host.readFile(call.inputFlag);
  const objects = await withController(run, async (ask) => {
    const renewed: JsonObject[] = [];
    for (const { object } of await readSealed(run)) {
      const what = "cannot re-encrypt secret";
      const answer = await ask({ method: "POST", path: "/v1/rotate", body: bodyOf(object) }, what);
      if (answer.status === 409) throw new KubesealError("unable to rotate secret");
      renewed.push(renewedObject(answer.body));
    }
    return renewed;
  });
  const content = run.print(objects);
  if (before === undefined || call.output !== "") return run.write(content);
  await host.replaceFiles([{ path: call.inputFlag, bytes: content, expect: before }]);
}

interface Input {
  readonly object: JsonObject;
  readonly sealed: SealedSecret;
}

/** The SealedSecrets of the input. @throws KsealError for what is none (S10): the original succeeds without a word. */
async function readSealed(run: KubesealRun): Promise<readonly Input[]> {
  const { bytes, file } = await readInput(run.call, run.host);
  const objects = await readObjects(bytes, { file, warn: (text) => run.warn(text) });
  if (objects.length === 0) throw new KubesealError("no sealed secret found in the input");
  return objects.map((object) => {
    try {
      return { object, sealed: readSealedSecret(object) };
    } catch (error) {
      throw error instanceof KsealError ? error.at({ file }) : error;
    }
  });
}

function bodyOf(object: JsonObject): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(object));
}

/** What the controller answered, without what only a cluster knows. */
function renewedObject(body: Uint8Array): JsonObject {
  // The controller leaves out what kind of object it is.
  const document = { ...parseAnswer(body), apiVersion: sealedSecretVersion, kind: "SealedSecret" };
  const { metadata, template, ...sealed } = readSealedSecret(document);
  const other = new Map([...metadata.other].filter(([key]) => !serverFields.includes(key)));
  return sealedSecretObject({
    ...sealed,
    metadata: knownMeta({ ...metadata, other }),
    template: { ...template, metadata: knownMeta(template.metadata) },
  });
}

const serverFields = ["creationTimestamp", "deletionTimestamp", "generation"];

function parseAnswer(body: Uint8Array): JsonObject {
  try {
    return objectAt(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)), "");
  } catch {
    throw new KubesealError("cannot re-encrypt secret: the controller's answer is not a JSON object");
  }
}
