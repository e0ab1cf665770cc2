import { KsealError } from "../../errors.ts";
import { loadSealingKeys } from "../../ops/sealing-keys.ts";
import type { JsonObject } from "../../sealed/object-fields.ts";
import { readSealedSecret, type SealedSecret } from "../../sealed/sealed-secret.ts";
import type { SealingKey } from "../../sealed/sealing-key.ts";
import { secretObject } from "../../sealed/secret.ts";
import { UnsealError, type UnsealOptions, unsealSecret } from "../../sealed/unseal-secret.ts";
import { createContext } from "../../wiring.ts";
import { readInput } from "./kubeseal-call.ts";
import { KubesealError } from "./kubeseal-error.ts";
import { openError } from "./kubeseal-files.ts";
import { knownMeta, readObjects } from "./kubeseal-objects.ts";
import type { KubesealRun } from "./kubeseal-run.ts";

/** Opens the SealedSecrets of the input with keys from files, and prints the Secrets: all of them or none (S10). */
export async function recover(run: KubesealRun): Promise<void> {
  const keys = await loadKeys(run);
  const { bytes, file } = await readInput(run.call, run.host);
  const objects = await readObjects(bytes, { file, warn: (text) => run.warn(text) });
  if (objects.length === 0) throw new KubesealError("no sealed secret found in the input");
  const secrets: JsonObject[] = [];
  for (const object of objects) secrets.push(await open(run, sealedOf(object, file), keys));
  await run.write(run.print(secrets));
}

async function loadKeys(run: KubesealRun): Promise<readonly SealingKey[]> {
  const { call, host } = run;
  if (call.privateKeys.length === 0) return [];
  for (const file of call.privateKeys) {
    if ((await host.stat(file)) === undefined) {
      throw new KubesealError(`open ${file}: no such file or directory`);
    }
  }
  const log = { info: () => undefined, warn: (text: string) => run.warn(text) };
  try {
    const { keys, refused } = await loadSealingKeys(call.privateKeys, await createContext(host, { log }));
    for (const { file, error } of refused) run.warn(`${file}: ${error.message}`);
    return keys;
  } catch (error) {
    if (error instanceof KsealError && / has no tls\.key$/.test(error.message)) {
      throw new KubesealError("secret must contain a 'tls.data' key");
    }
    throw openError(error, call.privateKeys.join(","));
  }
}

function sealedOf(object: JsonObject, file: string): SealedSecret {
  try {
    return readSealedSecret(object);
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file }) : error;
  }
}

async function open(
  run: KubesealRun,
  sealed: SealedSecret,
  keys: readonly SealingKey[],
): Promise<JsonObject> {
  const render = sealed.template.data.size === 0 ? noTemplates : await rendererOf(run);
  try {
    const { secret } = unsealSecret(sealed, { keys, render, acceptV1: false });
    return withNulls(secretObject({ ...secret, metadata: knownMeta(secret.metadata) }));
  } catch (error) {
    const isV1 = sealed.v1Data !== undefined && error instanceof KsealError;
    throw error instanceof UnsealError || isV1 ? new KubesealError(error.message) : error;
  }
}

async function rendererOf({ host }: KubesealRun): Promise<UnsealOptions["render"]> {
  const { templateRenderer } = await import("../../ops/render-template.ts");
  return templateRenderer(host);
}

function noTemplates(): string {
  return "";
}

/** The original prints an empty value as `null`, which Kubernetes reads as an empty value again. */
function withNulls(secret: JsonObject): JsonObject {
  const data = secret["data"];
  if (typeof data !== "object" || data === null) return secret;
  const entries = Object.entries(data).map(([item, text]) => [item, text === "" ? null : text]);
  return { ...secret, data: Object.fromEntries(entries) };
}
