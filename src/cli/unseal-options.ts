import { certificate } from "./certificate-options.ts";
import type { OptionSpec } from "./command.ts";

/** Sealing keys to open with. */
export const sealingKeys: OptionSpec = {
  flags: "--key <file>",
  summary: "a backup of sealing keys: PEM, Secret, list, or one of these in SOPS; a folder of them",
  repeatable: true,
};

/** One of several SealedSecrets. */
export const oneObject: OptionSpec = {
  flags: "--object <name>",
  summary: "only the SealedSecret of this name: NAME or NAMESPACE/NAME",
};

const group = "SealedSecrets";

/** {@link sealingKeys} for a command that is about other files as well. */
export const sealedKeys: OptionSpec = { ...sealingKeys, group };

/** {@link oneObject} for a command that is about other files as well. */
export const sealedObject: OptionSpec = { ...oneObject, group };

/** What `edit` and `set` need for SealedSecrets; to ask a cluster other than the rule's there is `seal --into`. */
export const forSealed: readonly OptionSpec[] = [
  sealedKeys,
  ...certificate
    .filter(({ flags }) => /^--(cert|cert-fingerprint|fetch)( |$)/.test(flags))
    .map((option) => ({ ...option, group })),
];
