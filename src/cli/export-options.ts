import type { OptionSpec } from "./command.ts";
import { decryptionOrder, dryRun, ignoreMac, inputType } from "./shared-options.ts";
import { sealedKeys } from "./unseal-options.ts";

const group = "Files";

/** The flags of `export`. */
export const exporting: readonly OptionSpec[] = [
  {
    flags: "-o, --output <format>",
    summary: "how values are printed; with --out how the report is",
    choices: ["env", "shell", "dotenv", "json", "text"],
  },
  { flags: "--item <name>", summary: "only this value", repeatable: true },
  { flags: "--object <name>", summary: "only the Secret of this name: NAME or NAMESPACE/NAME" },
  { flags: "--reveal", summary: "print values on a terminal, too" },
  inputType,
  ignoreMac,
  decryptionOrder,
  sealedKeys,
  {
    flags: "--out <folder>",
    summary: "one file for each value in this folder, all switched at once as the kubelet does",
    group,
  },
  { flags: "--mode <octal>", summary: "of the files; 0400 when left out", group },
  { flags: "--owner <user>", summary: "whose the files are: NAME, UID or UID:GID", group },
  { flags: "--allow-disk", summary: "allow a folder that does not lie in memory", group },
  {
    flags: "--refresh <interval>",
    summary: "go on, and write again when a source changes, and after this time: 30s, 5m, 1h",
    group,
  },
  { flags: "--remove-at-end", summary: "with --refresh: take the values away at the end", group },
  { ...dryRun, group },
];
