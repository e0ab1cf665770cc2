import { certificate } from "./certificate-options.ts";
import type { OptionSpec } from "./command.ts";
import { scope } from "./manifest-options.ts";
import { decryptionOrder, dryRun, inPlace, out } from "./shared-options.ts";
import { sealingKeys } from "./unseal-options.ts";

const sealing = "Conversion to SealedSecrets";

/** The flags of `convert`. */
export const conversion: readonly OptionSpec[] = [
  {
    flags: "--to <form>",
    summary: "SOPS files, SealedSecrets, or Secrets in clear, which need --out",
    choices: ["sops", "sealed", "secret"],
  },
  inPlace,
  out,
  sealingKeys,
  decryptionOrder,
  dryRun,
  { ...scope, group: sealing },
  {
    flags: "-n, --namespace <namespace>",
    summary: "for Secrets that have none, and get none from Kustomize or Flux",
    group: sealing,
  },
  {
    flags: "--decryption-secret <name>",
    summary: "the Secret with Flux' keys: Kustomizations of Flux that do not decrypt get it",
    group: "Conversion to SOPS files",
  },
  ...certificate,
];
