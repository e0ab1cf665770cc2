import { shortKeyId } from "../core/key-names.ts";
import type { BackupRecord } from "../ops/key-backup-record.ts";
import type { BackedUpKey } from "../ops/keys-backup.ts";
import type { KeyList, ListedKey } from "../ops/keys-list.ts";
import type { VerifiedBackups } from "../ops/keys-verify.ts";
import type { WrappedKeyResult } from "../ops/keys-wrap.ts";

/** The sealing keys of a cluster for people, a block each. */
export function describeKeys({ keys }: KeyList): string {
  return keys.map(describeKey).join("\n\n");
}

function describeKey(key: ListedKey): string {
  const { namespace, name, isCurrent, isActive, fingerprint, created, notBefore, notAfter, label } = key;
  const use = isCurrent ? " (seals)" : isActive ? "" : " (not in use)";
  const valid = notBefore === undefined ? "unknown: no certificate" : `${notBefore} to ${notAfter}`;
  return [
    `${namespace}/${name}${use}`,
    `  fingerprint  ${fingerprint ?? "unknown"}`,
    `  made         ${created}`,
    `  valid        ${valid}`,
    `  label        ${label ?? "none"}`,
    ...(key.wrappedFor === undefined ? [] : [`  wrapped      for ${who({ recipients: key.wrappedFor })}`]),
    `  opens        ${opensOf(key)}`,
    ...backupsOf(key),
  ].join("\n");
}

function opensOf({ opens, problem }: ListedKey): string {
  if (opens === undefined) return `unknown: ${problem ?? "the private key cannot be read"}`;
  const of = ({ objects, values }: { readonly objects: number; readonly values: number }) =>
    `${count(values, "value")} of ${count(objects, "object")}`;
  const parts = [
    ...(opens.inCluster.objects === 0 ? [] : [`${of(opens.inCluster)} in the cluster`]),
    ...(opens.inFiles.objects === 0 ? [] : [`${of(opens.inFiles)} in files`]),
  ];
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

function backupsOf({ backups, verifiedAt }: ListedKey): readonly string[] {
  if (backups.length === 0) return ["  backup       none"];
  return [
    ...backups.map(
      ({ place, file, at, ...record }) => `  backup       ${at} in ${place}: ${file}, for ${who(record)}`,
    ),
    `  verified     ${verifiedAt ?? "never"}`,
  ];
}

function who({ recipients, threshold }: Pick<BackupRecord, "recipients" | "threshold">): string {
  const groups = recipients.map((group) => group.map(shortKeyId).join(", "));
  if (groups.length === 1) return groups.join("");
  return `${threshold ?? groups.length} of ${groups.map((group) => `(${group})`).join(" ")}`;
}

/** What became of each key that was to be backed up. */
export function describeBackups(keys: readonly BackedUpKey[]): readonly string[] {
  return keys.flatMap(({ name, written, upToDate }) => [
    ...written.map(({ place, file }) => `${name}: backed up to ${place}: ${file}`),
    ...upToDate.map((place) => `${name}: backed up in ${place} already`),
  ]);
}

/** What became of each key that was to be put into an envelope, or taken out. */
export function describeWrapping(
  keys: readonly WrappedKeyResult[],
  { verb, dryRun }: { readonly verb: "wrapped" | "unwrapped"; readonly dryRun: boolean },
): readonly string[] {
  return keys.map(
    ({ name, changed }) => `${name}: ${changed ? `${dryRun ? "would be " : ""}${verb}` : `${verb} already`}`,
  );
}

/** What a recovery drill came to. */
export function describeDrill({ backups, objects, closed, missing }: VerifiedBackups): string {
  return [
    ...backups.map(({ file, keys, problems }) =>
      problems.length > 0
        ? `${file}: ${problems.join("; ").replaceAll(/\n\s*/g, "; ")}`
        : `${file}: opens, ${keys.map(({ name, fingerprint }) => `${name} ${fingerprint}`.trim()).join(", ")}`,
    ),
    ...(objects === 0 ? [] : [`${objects - closed.length} of ${count(objects, "SealedSecret")} open`]),
    ...closed.map(({ file, place }) => `${file}: ${place}: no key in the backups opens it`),
    ...missing.map((name) => `${name}: none of these backups holds this key`),
  ].join("\n");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
