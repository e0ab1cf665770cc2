import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import { quote } from "../../gotemplate/quote.ts";
import type { Certificate } from "../../sealed/certificate.ts";
import type { JsonObject } from "../../sealed/object-fields.ts";
import { type Scope, scopeOf } from "../../sealed/scope.ts";
import { sealSecret } from "../../sealed/seal-secret.ts";
import { type SealedSecret, sealedSecretObject } from "../../sealed/sealed-secret.ts";
import { readSecret, type Secret } from "../../sealed/secret.ts";
import { readInput } from "./kubeseal-call.ts";
import { KubesealError } from "./kubeseal-error.ts";
import { knownMeta, readObjects } from "./kubeseal-objects.ts";
import type { KubesealRun } from "./kubeseal-run.ts";

/** Seals every Secret of the input. Nothing is written when one of them cannot be (S10). */
export async function seal(run: KubesealRun, certificate: Certificate): Promise<void> {
  const { name, scope } = run.call;
  const given = scope === "strict" ? undefined : scope;
  const sealed = await sealInput(run, certificate, { name, namespace: "", scope: given });
  await run.write(run.print(sealed.map(sealedSecretObject)));
}

/** What stands in place of what each Secret says itself. */
interface Place {
  /** Empty for their own. */
  readonly name: string;
  /** Empty for their own. */
  readonly namespace: string;
  readonly scope: Scope | undefined;
}

/** Seals the Secrets of the input for a place. */
export async function sealInput(
  run: KubesealRun,
  certificate: Certificate,
  place: Place,
): Promise<readonly SealedSecret[]> {
  const { bytes, file } = await readInput(run.call, run.host);
  const objects = await readObjects(bytes, { file, warn: (text) => run.warn(text) });
  if (objects.length === 0) {
    throw new KubesealError("no secrets found. Ensure the input is valid and UTF-8 encoded");
  }
  const sealed: SealedSecret[] = [];
  for (const object of objects) {
    const secret = await placed(run, secretOf(object, file), place);
    sealed.push(sealOne(run.host, certificate, { secret, scope: place.scope }));
  }
  return sealed;
}

function secretOf(object: JsonObject, file: string): Secret {
  try {
    return readSecret(object);
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file }) : error;
  }
}

/** The Secret with the name and namespace it is sealed for, in the order of the original's refusals. */
async function placed(run: KubesealRun, secret: Secret, place: Place): Promise<Secret> {
  const { call } = run;
  if (secret.data.size === 0 && !call.allowsEmpty) {
    throw new KubesealError(
      "secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used",
    );
  }
  const name = place.name || secret.metadata.name;
  if (name === "") throw new KubesealError("missing metadata.name in input Secret");
  const own = place.namespace || secret.metadata.namespace;
  const scope = place.scope ?? scopeOf(secret.metadata.annotations);
  const namespace = scope === "cluster-wide" ? own : await namespaceFor(run, own);
  if (namespace === "" && scope !== "cluster-wide") {
    throw new KubesealError("secret must declare a namespace");
  }
  return { ...secret, metadata: { ...knownMeta(secret.metadata), name, namespace } };
}

async function namespaceFor(run: KubesealRun, own: string): Promise<string> {
  const wanted = run.call.cluster.namespace;
  if (own === "") return wanted ?? namespaceOfContext(run);
  if (wanted !== undefined && wanted !== own) {
    throw new KubesealError(
      `namespace mismatch: input secret is in namespace ${quote(own)} but ${quote(wanted)} was specified`,
    );
  }
  return own;
}

async function namespaceOfContext({ call, host }: KubesealRun): Promise<string> {
  const { namespaceOf } = await import("./kubeseal-kubeconfig.ts");
  try {
    return await namespaceOf(call.cluster, host);
  } catch (error) {
    // As upstream: a kubeconfig that cannot be used only means that there is no namespace.
    if (error instanceof KubesealError || error instanceof KsealError) return "";
    throw error;
  }
}

function sealOne(
  host: Host,
  { publicKey }: Certificate,
  { secret, scope }: { readonly secret: Secret; readonly scope: Scope | undefined },
): SealedSecret {
  const random = (length: number): Uint8Array => host.random(length);
  return sealSecret(secret, { publicKey, random, scope, allowEmpty: true }).sealed;
}
