import { KsealError } from "../errors.ts";
import { type Certificate, readCertificates } from "../sealed/certificate.ts";
import { oaepLabel, type Scope, scopeOf } from "../sealed/scope.ts";
import { isSyncName, type SealedResult, sealSecret } from "../sealed/seal-secret.ts";
import { placeOf, type Secret } from "../sealed/secret.ts";
import type { Wrap } from "../sealed/wrap-on-cores.ts";

/** What the user says about the SealedSecrets to make. */
export interface SealingOptions {
  /** In place of what the Secret and the rule for its path ask for. */
  readonly scope?: Scope | undefined;
  /** For Secrets that name none; another one in a Secret is refused. */
  readonly namespace?: string | undefined;
  /** In place of the name in the Secret. */
  readonly name?: string | undefined;
  /** Seals a Secret without any value, too. */
  readonly allowEmpty?: boolean | undefined;
  /** The labels and annotations that steer Argo CD and Flux go to the SealedSecret, too (S24). */
  readonly keepSync?: boolean | undefined;
}

/**
 * Seals one Secret.
 *
 * @param to.scope - What the rule for the file says, `undefined` when it says nothing.
 * @throws KsealError `SEALED_INVALID` for a Secret in another namespace than the one that is wanted, without a name,
 *   namespace or value, that asks for a wider scope than the rule has, or that is the certificate's own key.
 */
export async function sealOne(
  secret: Secret,
  options: SealingOptions,
  to: {
    readonly certificate: Certificate;
    readonly scope: Scope | undefined;
    readonly random: (length: number) => Uint8Array;
    readonly wrap: Wrap;
  },
): Promise<SealedResult> {
  refuseOwnKey(secret, to.certificate);
  const placed = inItsPlace(secret, options);
  const scope = options.scope ?? scopeFor(placed, to.scope);
  checkNamespace(placed, scope);
  const label = oaepLabel(scope, placed.metadata);
  return sealSecret(placed, {
    publicKey: to.certificate.publicKey,
    random: to.random,
    sessionKeys: await Promise.all([...placed.data].map(() => to.wrap(to.random(32), label))),
    scope,
    ...(options.allowEmpty === true ? { allowEmpty: true } : {}),
    ...(options.keepSync === true ? { carry: isSyncName } : {}),
  });
}

function inItsPlace(secret: Secret, { name, namespace }: SealingOptions): Secret {
  const { metadata } = secret;
  if (namespace !== undefined && metadata.namespace !== "" && metadata.namespace !== namespace) {
    throw new KsealError(
      "SEALED_INVALID",
      `the Secret ${placeOf(metadata)} is in the namespace ${metadata.namespace}, not ${namespace}`,
      { hint: "leave out --namespace, or change metadata.namespace" },
    );
  }
  return {
    ...secret,
    metadata: {
      ...metadata,
      name: name ?? metadata.name,
      namespace: namespace ?? metadata.namespace,
    },
  };
}

/** A folder may hold the backup of the key: sealed in place for that key, nobody could open it or anything else. */
function refuseOwnKey({ data }: Secret, certificate: Certificate): void {
  const crt = data.get("tls.crt");
  if (crt === undefined || !data.has("tls.key") || !isFor(certificate.keyFingerprint, crt)) return;
  throw new KsealError(
    "SEALED_INVALID",
    "the Secret is the key of this very certificate, and nothing else would open it",
    { hint: "keep it out of the folder, or encrypt it for people: kseal encrypt -i FILE" },
  );
}

function isFor(keyFingerprint: string, crt: Uint8Array): boolean {
  try {
    return readCertificates(crt).some((certificate) => certificate.keyFingerprint === keyFingerprint);
  } catch (error) {
    // Whatever stands in it, it is no certificate to seal for.
    if (error instanceof KsealError) return false;
    throw error;
  }
}

const widths: Readonly<Record<Scope, number>> = { strict: 0, "namespace-wide": 1, "cluster-wide": 2 };

/** The rule says how wide a scope may be; what the Secret asks for may be narrower. */
function scopeFor({ metadata }: Secret, ruled: Scope | undefined): Scope {
  const asked = scopeOf(metadata.annotations);
  if (ruled === undefined) return asked;
  if (asked === "strict") return ruled;
  if (widths[asked] <= widths[ruled]) return asked;
  throw new KsealError(
    "SEALED_INVALID",
    `the Secret ${placeOf(metadata)} asks for the scope ${asked}, and the rule for its path says ${ruled}`,
    { hint: `remove its annotation, or say that it is meant: --scope ${asked}` },
  );
}

function checkNamespace({ metadata }: Secret, scope: Scope): void {
  if (metadata.namespace !== "" || scope === "cluster-wide" || metadata.name === "") return;
  throw new KsealError("SEALED_INVALID", `the Secret ${placeOf(metadata)} has no namespace`, {
    hint: "a value is sealed for a namespace; write metadata.namespace, or name it: --namespace NAMESPACE",
  });
}
