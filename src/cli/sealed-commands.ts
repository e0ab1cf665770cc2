import { certificateCommand } from "./certificate-command.ts";
import { certificate } from "./certificate-options.ts";
import type { CommandSpec } from "./command.ts";
import { keysCommand } from "./keys-options.ts";
import { manifestInput, manifestTypes, scope } from "./manifest-options.ts";
import { intoSealed, sealing } from "./seal-options.ts";
import { dryRun, inPlace, nameOverride, out, since } from "./shared-options.ts";
import { oneObject, sealingKeys } from "./unseal-options.ts";

/** SealedSecrets, and the keys of their clusters. */
export const sealedCommands: readonly CommandSpec[] = [
  {
    name: "seal",
    arguments: "[files...]",
    summary: "seal Secrets for a cluster: SealedSecrets, which only its controller opens",
    options: [
      inPlace,
      out,
      ...sealing,
      ...intoSealed,
      ...manifestTypes,
      nameOverride,
      dryRun,
      ...certificate,
    ],
    examples: [
      "kseal seal --cert prod.pem secret.yaml --out sealed.yaml",
      "kseal seal -i secrets/",
      "kseal seal --into sealed.yaml --item password --cert prod.pem",
    ],
    load: () => import("./commands/seal.ts"),
  },
  {
    name: "unseal",
    arguments: "[files...]",
    summary: "open SealedSecrets with backed-up sealing keys, without a cluster",
    options: [
      sealingKeys,
      out,
      { flags: "--item <name>", summary: "only this value, as it is" },
      oneObject,
      ...manifestTypes,
      { flags: "-v, --verbose", summary: "say which key opened what" },
      dryRun,
    ],
    examples: [
      "kseal unseal --key backup.sops.yaml sealed.yaml",
      "kseal unseal --key keys/ --item password sealed.yaml",
    ],
    load: () => import("./commands/unseal.ts"),
  },
  {
    name: "reseal",
    arguments: "[files...]",
    summary: "seal the values of SealedSecrets for the cluster's newest key; nothing else changes",
    options: [
      sealingKeys,
      { flags: "--check", summary: "change nothing; exit 1 when something is on an old key" },
      { flags: "--force", summary: "also values that are sealed for this certificate already" },
      scope,
      manifestInput,
      since,
      dryRun,
      ...certificate,
    ],
    examples: [
      "kseal reseal --key backup.sops.yaml clusters/prod/",
      "kseal reseal --context prod-admin sealed.yaml",
      "kseal reseal --check --key backup.sops.yaml .",
    ],
    load: () => import("./commands/reseal.ts"),
  },
  {
    name: "verify",
    arguments: "[files...]",
    summary:
      "judge SealedSecrets without a key: shape, base64, scope, clear text; with one whether they open",
    options: [
      sealingKeys,
      { flags: "--online", summary: "ask the cluster whether it can open them" },
      nameOverride,
      ...certificate.filter(({ flags }) => flags !== "--fetch"),
    ],
    examples: [
      "kseal verify clusters/",
      "kseal verify --key backup.sops.yaml sealed.yaml",
      "kseal verify --context prod-admin sealed.yaml",
    ],
    load: () => import("./commands/verify.ts"),
  },
  {
    name: "cert",
    arguments: "<show|check|fetch|pin> [place]",
    summary:
      "the certificates that clusters are sealed for: show or check them, fetch one, pin one in .sops.yaml",
    options: certificateCommand,
    examples: [
      "kseal cert show certs/prod.pem",
      "kseal cert check --fetch",
      "kseal cert fetch --context prod-admin --out prod.pem",
      "kseal cert pin --name prod --context prod-admin --path-regex ^clusters/prod/",
    ],
    load: () => import("./commands/cert.ts"),
  },
  {
    name: "keys",
    arguments: "<action> [names...]",
    words: ["list", "new", "backup", "restore", "verify-backup", "retire", "wrap", "unwrap"],
    summary:
      "the sealing keys of a cluster: list, new, backup, restore, verify-backup (a recovery drill), retire, wrap, unwrap",
    options: keysCommand,
    examples: [
      "kseal keys list --context prod --path clusters/prod/",
      "kseal keys backup --context prod --out backups/",
      "kseal keys verify-backup backups/ --path clusters/prod/",
      "kseal keys restore --context prod backups/",
      "kseal keys retire --context prod sealed-secrets-keyx7k2p --path clusters/prod/",
      "kseal keys wrap --context prod --wrap-for age1...",
    ],
    load: () => import("./commands/keys.ts"),
  },
];
