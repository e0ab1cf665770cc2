import { certificate } from "./certificate-options.ts";
import type { OptionSpec } from "./command.ts";
import { keys } from "./key-options.ts";
import { sealingKeygen } from "./keygen-sealing-options.ts";
import { dryRun, threshold } from "./shared-options.ts";

const places = "Where backups are";
const recipients = "Who can open backups, instead of the rules";
const made = "For keys new";
const retired = "For keys retire";
const wrapped = "For keys wrap, new and restore";

/** The flags of `keys`. */
export const keysCommand: readonly OptionSpec[] = [
  {
    flags: "--path <path>",
    summary: "a file or folder with SealedSecrets that count besides those of the cluster",
    repeatable: true,
  },
  dryRun,
  { flags: "--out <folder>", summary: "a folder, one file for each key", group: places },
  {
    flags: "--backup-namespace <namespace>",
    summary: "another namespace of the cluster, one Secret for each key",
    group: places,
  },
  { flags: "--s3 <address>", summary: "an S3-compatible store: s3://BUCKET/FOLDER", group: places },
  {
    flags: "--s3-endpoint <url>",
    summary: "the store's address; AWS_ENDPOINT_URL_S3 or Amazon's when left out",
    group: places,
  },
  { flags: "--s3-region <region>", summary: "AWS_REGION or us-east-1 when left out", group: places },
  {
    flags: "--s3-addressing <way>",
    summary: "whether the bucket is a part of the path or of the server's name",
    choices: ["path", "virtual-host"],
    group: places,
  },
  ...keys.map((option) => ({ ...option, group: recipients })),
  { ...threshold, group: recipients },
  ...sealingKeygen
    .filter(({ flags }) => /^--(bits|valid-for|common-name) /.test(flags))
    .map((option) => ({ ...option, group: made })),
  {
    flags: "--wrap-for <recipient>",
    summary: "keep the keys in envelopes that this recipient opens: the controller's identity",
    repeatable: true,
    group: wrapped,
  },
  { flags: "--label <value>", summary: "the label's new value; retired when left out", group: retired },
  { flags: "--delete", summary: "delete the Secret, if a backup of it was verified", group: retired },
  {
    flags: "--key-order-priority <date>",
    summary: "which key is the newest, as the controller's own flag says; CertNotBefore when left out",
    choices: ["CertNotBefore", "SecretCreationTimestamp"],
    group: "Cluster",
  },
  // The controller's service is not asked.
  ...certificate
    .filter(({ flags }) => !/^--(cert|cert-fingerprint|fetch|controller-name)( |$)/.test(flags))
    .map((option) => ({ ...option, group: "Cluster" })),
];
