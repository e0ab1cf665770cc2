import { KsealError } from "../errors.ts";
import type { PlaceFlags } from "../ops/keys-places.ts";
import type { RecipientFlags } from "../ops/keys-recipients.ts";
import type { OptionValues } from "./command.ts";
import { keysOf } from "./key-flags.ts";
import { numberOf } from "./option-parsing.ts";

/** The places for backups that the flags name. */
export function placesOf(options: OptionValues): PlaceFlags {
  const url = options.text("s3");
  const addressing = options.text("s3Addressing");
  const stray = ["s3Endpoint", "s3Region", "s3Addressing"].some((name) => options.text(name) !== undefined);
  if (url === undefined && stray) {
    throw new KsealError("USAGE", "the flags for S3 need a bucket", {
      hint: "name it: --s3 s3://BUCKET/FOLDER",
    });
  }
  return {
    folder: options.text("out"),
    namespace: options.text("backupNamespace"),
    s3:
      url === undefined
        ? undefined
        : {
            url,
            endpoint: options.text("s3Endpoint"),
            region: options.text("s3Region"),
            addressing: addressing === "path" || addressing === "virtual-host" ? addressing : undefined,
          },
  };
}

/** The recipients of backups that the flags name. */
export function recipientsOf(options: OptionValues): RecipientFlags {
  return {
    keys: keysOf(options),
    shamirThreshold: numberOf(options, "shamirSecretSharingThreshold"),
  };
}

const flagsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ["list", ["path", "keyOrderPriority"]],
  ["new", ["places", "recipients", "bits", "validFor", "commonName", "wrapFor", "dryRun"]],
  ["backup", ["places", "recipients", "dryRun"]],
  ["restore", ["backupNamespace", "s3", "wrapFor", "dryRun"]],
  ["verify-backup", ["path", "backupNamespace", "s3", "dryRun"]],
  ["retire", ["path", "label", "delete", "keyOrderPriority", "dryRun"]],
  ["wrap", ["wrapFor", "dryRun"]],
  ["unwrap", ["dryRun"]],
]);

const checked: readonly (readonly [name: string, kind: string])[] = [
  ["path", "path"],
  ["out", "places"],
  ["backupNamespace", "backupNamespace"],
  ["s3", "s3"],
  ["bits", "bits"],
  ["validFor", "validFor"],
  ["commonName", "commonName"],
  ["wrapFor", "wrapFor"],
  ["keyOrderPriority", "keyOrderPriority"],
  ["label", "label"],
  ["delete", "delete"],
  ["dryRun", "dryRun"],
];

/** Refuses flags that mean nothing to an action: who gives one expects something of it. @throws KsealError `USAGE`. */
export function refuseStrayFlags(verb: string, options: OptionValues): void {
  const known = flagsOf.get(verb) ?? [];
  const isKnown = (kind: string) =>
    known.includes(kind) || (known.includes("places") && ["backupNamespace", "s3"].includes(kind));
  const isGiven = (name: string) =>
    options.flag(name) || options.text(name) !== undefined || options.list(name).length > 0;
  const stray = checked.find(([name, kind]) => isGiven(name) && !isKnown(kind))?.[0];
  const recipients = recipientsOf(options);
  const hasRecipients = recipients.keys !== undefined || recipients.shamirThreshold !== undefined;
  if (stray === undefined && (known.includes("recipients") || !hasRecipients)) return;
  const what =
    stray === undefined
      ? "recipients"
      : `--${stray.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new KsealError("USAGE", `keys ${verb} has no use for ${what}`, { hint: "kseal help keys" });
}
