import { type GpgContext, runGpg } from "./pgp-program.ts";

/** A key of GnuPG's keyring with its subkeys, in what `--with-colons` says of it (doc/DETAILS of GnuPG). */
export interface PgpKeyRecord {
  /** Of the key itself first, then of its subkeys. */
  readonly parts: readonly PgpKeyPart[];
  /** The first one: `Ann <ann@example.com>`. */
  readonly userId: string;
}

export interface PgpKeyPart {
  readonly fingerprint: string;
  /** `r` revoked, `e` expired, `i` invalid, `d` disabled, ... */
  readonly validity: string;
  /** `e` encrypts. Upper case, with the key itself, is for all that is usable of it. */
  readonly capabilities: string;
  /** Seconds since 1970; `undefined` for one that does not expire. */
  readonly expires: number | undefined;
}

/** The keys whose secret half is in the keyring, or on a card that was in use here. */
export async function listSecretKeys(context: GpgContext): Promise<readonly PgpKeyRecord[]> {
  const { stdout } = await runGpg(["--with-colons", "--list-secret-keys"], context);
  return readRecords(new TextDecoder().decode(stdout));
}

/** The key with a fingerprint, or with a subkey of it. */
export async function findPublicKey(
  fingerprint: string,
  context: GpgContext,
): Promise<PgpKeyRecord | undefined> {
  const { stdout } = await runGpg(["--with-colons", "--list-keys", fingerprint], context);
  return readRecords(new TextDecoder().decode(stdout))[0];
}

/** Whether a part of a key is the one that a fingerprint, or the end of one, names. */
export function isPart({ fingerprint }: PgpKeyPart, named: string): boolean {
  return fingerprint.endsWith(named.replace("!", "").toUpperCase());
}

interface Open {
  parts: PgpKeyPart[];
  userId: string;
}

function readRecords(listing: string): readonly PgpKeyRecord[] {
  const records: Open[] = [];
  let part: Omit<PgpKeyPart, "fingerprint"> | undefined;
  for (const line of listing.split("\n")) {
    const fields = line.split(":");
    const [type = "", validity = ""] = fields;
    if (type === "pub" || type === "sec") records.push({ parts: [], userId: "" });
    if (["pub", "sec", "sub", "ssb"].includes(type)) {
      const expires = Number(fields[6]) || undefined;
      part = { validity, capabilities: fields[11] ?? "", expires };
    }
    const record = records.at(-1);
    if (record && part && type === "fpr") {
      record.parts.push({ ...part, fingerprint: fields[9] ?? "" });
      part = undefined;
    }
    if (record?.userId === "" && type === "uid") record.userId = readUserId(fields[9] ?? "");
  }
  return records;
}

/** In a listing, a colon within a field stands as `\x3a`. What is left escaped are control characters. */
function readUserId(field: string): string {
  return field.replaceAll("\\x3a", ":").replaceAll("\\x5c", "\\");
}
