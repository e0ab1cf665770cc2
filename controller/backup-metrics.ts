import { epochOf } from "../src/core/calendar.ts";
import type { BackupState } from "../src/ops/key-backup-record.ts";
import type { KeySet } from "./key-set.ts";
import { type Counter, counter, gauge, type Metric, type Series } from "./prometheus-text.ts";

const own = "kseal_controller_";

/** What is known of backups at the moment of asking. */
export interface BackupSources {
  readonly backups: (key: string) => BackupState;
  readonly waitsForBackup: () => boolean;
  readonly backupsSeenAt: () => number | undefined;
  readonly failures: Counter;
}

/** The state of the backups of all keys in use, as it is noted at their Secrets, whoever made them. */
export function backupMetrics({ keys, closed }: KeySet, sources: BackupSources): readonly Metric[] {
  const states = [...keys, ...closed].map(({ fingerprint, name }) => {
    const { records, verifiedAt } = sources.backups(name);
    const last = records.map(({ at }) => secondsOf(at)).filter((at) => at !== undefined);
    const newest = last.length === 0 ? undefined : Math.max(...last);
    return { labels: { fingerprint }, places: records.length, last: newest, verifiedAt };
  });
  const dates = (date: (state: (typeof states)[number]) => number | undefined): readonly Series[] =>
    states.flatMap((state) => {
      const value = date(state);
      return value === undefined ? [] : [{ labels: state.labels, value }];
    });
  const seen = sources.backupsSeenAt();
  return [
    gauge(
      `${own}sealing_key_backups`,
      "In how many places a sealing key is backed up.",
      states.map(({ labels, places }) => ({ labels, value: places })),
    ),
    gauge(
      `${own}sealing_key_backup_seconds`,
      "When the last backup of a sealing key was written and proved, in seconds since unix epoch.",
      dates(({ last }) => last),
    ),
    gauge(
      `${own}sealing_key_backup_verified_seconds`,
      "When a recipient last opened a backup of a sealing key, in seconds since unix epoch; 0 for never.",
      dates(({ verifiedAt = "" }) => secondsOf(verifiedAt) ?? 0),
    ),
    gauge(
      `${own}backups_seen_seconds`,
      "When all sealing keys were last found in all places for backups, in seconds since unix epoch.",
      seen === undefined ? [] : [{ labels: {}, value: Math.floor(seen / 1000) }],
    ),
    gauge(
      `${own}sealing_key_waits_for_backup`,
      "Whether a new sealing key is not used for want of a backup.",
      [{ labels: {}, value: sources.waitsForBackup() ? 1 : 0 }],
    ),
    counter(
      `${own}key_backup_failures_total`,
      "Backups of sealing keys that could not be written, proved or found again.",
      sources.failures,
    ),
  ];
}

/** @param text - RFC 3339; anybody may write annotations. */
function secondsOf(text: string): number | undefined {
  const milliseconds = epochOf(text);
  return milliseconds === undefined ? undefined : Math.floor(milliseconds / 1000);
}
