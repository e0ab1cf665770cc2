import type { Metadata } from "../core/metadata.ts";
import { defaultSelection } from "../core/selection.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { ParsedFile } from "../formats/store.ts";
import type { KeyLookup, Keyring } from "../keys/keyring.ts";
import { readSealingKey } from "../sealed/sealing-key.ts";
import { placeOf, type Secret } from "../sealed/secret.ts";
import { activeLabel, isWrapped, sealingKeyLabel, wrappedLabel } from "../sealed/wrapped-key.ts";
import { type BackupRecipients, type BackupTools, recipientNames } from "./key-backup.ts";
import { openKeyDocument, sealKeyDocument } from "./key-document.ts";

/** What opens an envelope. */
export interface EnvelopeOpener {
  readonly keyring: Pick<Keyring, "unwrap">;
  /** What the user's own words say of the recipients. */
  readonly lookup?: KeyLookup | undefined;
}

/**
 * Puts the private key of a sealing key into an envelope: `tls.key` becomes a file of SOPS in its binary format that
 * recipients open, `sops decrypt --input-type binary` among them. `tls.crt` stays in clear: sealing needs no more.
 *
 * @throws KsealError `CERTIFICATE_INVALID` for what is no sealing key with a certificate, `ENCRYPT_FAILED`.
 */
export async function wrapKey(
  secret: Secret,
  recipients: BackupRecipients,
  tools: BackupTools,
): Promise<Secret> {
  const place = placeOf(secret.metadata);
  if (readSealingKey(secret).certificate === undefined) {
    throw new KsealError("CERTIFICATE_INVALID", `the Secret ${place} has no certificate in tls.crt`, {
      hint: "a key in an envelope is told by its certificate",
    });
  }
  const store = await storeFor("binary");
  const plain = store.parse(secret.data.get("tls.key") ?? new Uint8Array());
  const { document, metadata } = await sealKeyDocument(plain.document, defaultSelection, recipients, tools);
  const envelope = store.render({ document, metadata }, { base: plain });
  return withKey(secret, { bytes: envelope, label: wrappedLabel, before: activeLabel });
}

/**
 * Takes a sealing key out of its envelope.
 *
 * @returns The Secret as it was before it was wrapped; one that is in clear comes back as it is.
 * @throws KsealError What says why it does not open, with the recipients and what is at hand; `CERTIFICATE_INVALID` when
 *   what was in it is not the key of its certificate (S14).
 */
export async function openEnvelope(secret: Secret, opener: EnvelopeOpener): Promise<Secret> {
  if (!isWrapped(secret)) return secret;
  const parsed = await parseEnvelope(secret);
  const { metadata, document } = parsed;
  try {
    const dataKey = await opener.keyring.unwrap(metadata, opener.lookup);
    const store = await storeFor("binary");
    const opened = await openKeyDocument(document, metadata, dataKey);
    const bytes = store.render({ document: opened, metadata: undefined });
    const plain = withKey(secret, { bytes, label: activeLabel, before: wrappedLabel });
    readSealingKey(plain);
    return plain;
  } catch (error) {
    throw error instanceof KsealError ? closed(secret, error) : error;
  }
}

/** Who opens the envelope of a key, as `.sops.yaml` names them; a list for each group. Nobody for a key in clear. */
export async function envelopeRecipients(secret: Secret): Promise<readonly (readonly string[])[]> {
  if (!isWrapped(secret)) return [];
  const { groups, shamirThreshold } = (await parseEnvelope(secret)).metadata;
  return recipientNames({ groups: groups.map((group) => group.map(({ key }) => key)), shamirThreshold })
    .recipients;
}

async function parseEnvelope(secret: Secret): Promise<ParsedFile & { readonly metadata: Metadata }> {
  try {
    const parsed = (await storeFor("binary")).parse(secret.data.get("tls.key") ?? new Uint8Array());
    if (parsed.metadata !== undefined) return { ...parsed, metadata: parsed.metadata };
  } catch (error) {
    throw error instanceof KsealError ? closed(secret, error) : error;
  }
  throw closed(secret, new KsealError("METADATA_INVALID", "it has no sops metadata that can be read"));
}

/** In one line: it stands in logs, conditions of readiness and events, too. */
function closed({ metadata }: Secret, { code, message, hint, cause }: KsealError): KsealError {
  const reason = message.replaceAll(/:?\n\s*/g, "; ");
  return new KsealError(
    code,
    `the private key of ${placeOf(metadata)} is wrapped, and does not open: ${reason}`,
    {
      hint,
      cause,
    },
  );
}

function withKey(
  { metadata, data, ...rest }: Secret,
  to: { readonly bytes: Uint8Array; readonly label: string; readonly before: string },
): Secret {
  // One that was taken out of use stays so.
  const isOther = metadata.labels.get(sealingKeyLabel) !== to.before;
  const labels = isOther ? metadata.labels : new Map([...metadata.labels, [sealingKeyLabel, to.label]]);
  return { ...rest, metadata: { ...metadata, labels }, data: new Map([...data, ["tls.key", to.bytes]]) };
}
