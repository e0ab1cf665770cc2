import { certificate } from "./certificate-options.ts";
import type { OptionSpec } from "./command.ts";
import { scope } from "./manifest-options.ts";
import { dryRun } from "./shared-options.ts";

const group = "For cert pin";

/** The flags of `cert`. A certificate is its argument, so that `--cert` is not among them. */
export const certificateCommand: readonly OptionSpec[] = [
  { flags: "--name <cluster>", summary: "the cluster of .sops.yaml" },
  { flags: "--for <file>", summary: "the certificate of the rule for this file" },
  { flags: "--out <file>", summary: "where cert fetch and cert pin write the certificate" },
  dryRun,
  { flags: "--path-regex <pattern>", summary: "add a rule: these files are sealed for the cluster", group },
  { ...scope, group },
  ...certificate.filter(({ flags }) => !flags.startsWith("--cert <")),
];
