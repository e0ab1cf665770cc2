import { KsealError } from "../errors.ts";
import { newSealingKey, readSealingKey } from "../sealed/sealing-key.ts";
import { type Secret, secretObject } from "../sealed/secret.ts";
import { type CertificateFacts, factsOf } from "./certificate-facts.ts";
import { clusterApi } from "./certificate-of-cluster.ts";
import { type ClusterFlags, controllerOf } from "./cluster-flags.ts";
import type { OpContext } from "./context.ts";
import { backUpKey } from "./key-backup.ts";
import { type BackupRecord, noteBackups } from "./key-backup-record.ts";
import { wrapKey } from "./key-envelope.ts";
import { checkSealingKeyOptions } from "./keygen-sealing.ts";
import { openPlaces, type PlaceFlags } from "./keys-places.ts";
import { backupRecipients, flagRecipients, type RecipientFlags } from "./keys-recipients.ts";
import { keyPrefix, keysFieldManager, secretsIn } from "./keys-secrets.ts";

export interface NewKeyOptions {
  readonly cluster: ClusterFlags;
  /** Of the RSA key. */
  readonly bits: number;
  /** Milliseconds. */
  readonly validFor: number;
  /** Of the certificate; empty for one that names nobody. */
  readonly commonName: string;
  readonly recipients: RecipientFlags;
  readonly places: PlaceFlags;
  /** Who opens the envelope that the key is put into; without them it is kept in clear. */
  readonly wrapFor: readonly string[];
  readonly dryRun: boolean;
}

export interface NewKey {
  /** `namespace/name`. */
  readonly name: string;
  readonly certificate: CertificateFacts;
  readonly backups: readonly BackupRecord[];
}

/**
 * Makes a sealing key and gives it to the cluster, where values are sealed for it from then on. With places for backups
 * it is backed up before: a key that is not proved to be restorable never seals anything.
 *
 * @throws KsealError `USAGE`, what {@link backUpKey} throws, `CLUSTER_*`.
 */
export async function newKey(options: NewKeyOptions, context: OpContext): Promise<NewKey> {
  const { cluster, bits, validFor, commonName, recipients, places, wrapFor, dryRun } = options;
  const { host } = context;
  const { namespace } = controllerOf(cluster);
  const envelope = flagRecipients(wrapFor);
  // The name is chosen here, because the backup has to have it before there is a Secret.
  const name = `${keyPrefix}${suffix(host.random(16))}`;
  checkSealingKeyOptions({ bits, validFor, commonName, namespace, name });
  const api = await clusterApi({ flags: cluster, cluster: undefined }, context);
  try {
    const opened = await openPlaces(places, { api, keysNamespace: namespace, dryRun }, context);
    if (opened.length === 0 && recipients.keys !== undefined) {
      throw new KsealError("USAGE", "recipients are named, and no place for the backup", {
        hint: "name one: --out FOLDER, --backup-namespace NAMESPACE or --s3 s3://BUCKET",
      });
    }
    const to =
      opened.length === 0 ? undefined : await backupRecipients(recipients, places.folder, context)(name);
    const secret = await newSealingKey({
      bits,
      validFor,
      commonName,
      namespace,
      name,
      now: host.now(),
      random: (length) => host.random(length),
    });
    const { certificate } = readSealingKey(secret);
    if (certificate === undefined) throw new TypeError("a sealing key without its certificate");
    const backups =
      to === undefined || dryRun ? [] : await backUpKey(secret, { recipients: to, places: opened }, context);
    const stored = envelope === undefined ? secret : await wrapKey(secret, envelope, context);
    await api.create(secretsIn(namespace), secretObject(annotated(stored, backups)), {
      fieldManager: keysFieldManager,
      dryRun,
    });
    return { name: `${namespace}/${name}`, certificate: factsOf(certificate, host.now()), backups };
  } finally {
    api.close();
  }
}

function annotated(secret: Secret, backups: readonly BackupRecord[]): Secret {
  if (backups.length === 0) return secret;
  const annotations = new Map([...secret.metadata.annotations, ...Object.entries(noteBackups([], backups))]);
  return { ...secret, metadata: { ...secret.metadata, annotations } };
}

/** The characters of which the API server makes names. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

function suffix(random: Uint8Array): string {
  // A remainder would prefer some characters.
  const fair = [...random].filter((byte) => byte < alphabet.length * 9);
  return fair
    .slice(0, 5)
    .map((byte) => alphabet.charAt(byte % alphabet.length))
    .join("");
}
