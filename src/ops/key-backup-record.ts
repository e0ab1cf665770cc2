import type { JsonObject } from "../kube/api.ts";

/** Where one backup of a key is, as it is noted at the key's Secret. All of it is public. */
export interface BackupRecord {
  /** The name of the place. */
  readonly place: string;
  readonly file: string;
  /** When it was written and proved; RFC 3339. */
  readonly at: string;
  /** Of the encrypted file, in hexadecimal: whether it is still what was proved. */
  readonly sha256: string;
  /** Who can open it, as `.sops.yaml` names them; a list for each group. */
  readonly recipients: readonly (readonly string[])[];
  /** How many groups must open together, where not all must. */
  readonly threshold?: number;
}

/** What the annotations of a key say of its backups. */
export interface BackupState {
  readonly records: readonly BackupRecord[];
  /** When a recipient last opened one; RFC 3339. */
  readonly verifiedAt: string | undefined;
}

/** Annotations of a key's Secret that say where its backups are. */
export type BackupNotes = Readonly<Record<string, string>>;

/** On the Secret of a sealing key. What a backup holds is without them. */
const prefix = "kseal.dev/backup-";
const placesAnnotation = `${prefix}places`;
const atAnnotation = `${prefix}at`;
const verifiedAnnotation = `${prefix}verified-at`;
/** In a backup: the fingerprint of the key that is in it, so that it can be told without opening. */
export const backupOfAnnotation: string = `${prefix}of`;

/** Annotations that belong into a backup: not those that say of backups, and not those that hold the Secret itself. */
export function annotationsToBackUp(annotations: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const lastApplied = /\/last-applied-configuration$/;
  return new Map([...annotations].filter(([name]) => !name.startsWith(prefix) && !lastApplied.test(name)));
}

/** Reads the annotations of a key's Secret. What is not readable counts for nothing. */
export function readBackupState(annotations: ReadonlyMap<string, string>): BackupState {
  return {
    records: recordsOf(annotations.get(placesAnnotation)),
    verifiedAt: annotations.get(verifiedAnnotation),
  };
}

/** The annotations of a key that was backed up, after what was noted before. A place keeps its newest backup. */
export function noteBackups(before: readonly BackupRecord[], written: readonly BackupRecord[]): BackupNotes {
  const others = before.filter(({ place }) => !written.some((record) => record.place === place));
  const last = written
    .map(({ at }) => at)
    .toSorted()
    .at(-1);
  return {
    [placesAnnotation]: JSON.stringify([...others, ...written]),
    ...(last === undefined ? {} : { [atAnnotation]: last }),
  };
}

/** The annotation of a key of which a backup was opened by a recipient. @param at - RFC 3339. */
export function noteVerification(at: string): Readonly<Record<string, string>> {
  return { [verifiedAnnotation]: at };
}

/** The merge patch that adds annotations to an object. */
export function annotationPatch(annotations: Readonly<Record<string, string>>): JsonObject {
  return { metadata: { annotations } };
}

function recordsOf(text: string | undefined): readonly BackupRecord[] {
  if (text === undefined) return [];
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter(isRecord) : [];
  } catch {
    return [];
  }
}

function isRecord(value: unknown): value is BackupRecord {
  if (typeof value !== "object" || value === null) return false;
  const { place, file, at, sha256, recipients } = value as Readonly<Record<string, unknown>>;
  const isTexts = (list: unknown) => Array.isArray(list) && list.every((item) => typeof item === "string");
  return (
    [place, file, at, sha256].every((text) => typeof text === "string") &&
    Array.isArray(recipients) &&
    recipients.every(isTexts)
  );
}
