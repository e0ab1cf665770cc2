import type { OptionSpec } from "./command.ts";
import { scope } from "./manifest-options.ts";

/** What SealedSecrets are made like. */
export const sealing: readonly OptionSpec[] = [
  scope,
  {
    flags: "-n, --namespace <namespace>",
    summary: "for Secrets that name none; one in another namespace is refused",
  },
  { flags: "--name <name>", summary: "the name of the Secret, in place of the one in the file" },
  { flags: "--allow-empty", summary: "seal a Secret without any value, too" },
  {
    flags: "--keep-sync",
    summary: "put the labels and annotations that steer Argo CD and Flux on the SealedSecret, too",
  },
  {
    flags: "--key <file>",
    summary: "the cluster's sealing keys: values that are unchanged keep their ciphertext",
    repeatable: true,
  },
];

const group = "Single values, in a SealedSecret that exists";

/** Values that go into a SealedSecret. */
export const intoSealed: readonly OptionSpec[] = [
  {
    flags: "--into <file>",
    summary: "add or replace values in this file; everything else in it stays as it is",
    group,
  },
  { flags: "--item <name>", summary: "the value to add or replace; asked for unless a flag gives it", group },
  { flags: "--value-stdin", summary: "the value is standard input, every byte of it", group },
  { flags: "--value-file <file>", summary: "the value is a file, every byte of it", group },
  {
    flags: "--generate <kind>",
    summary: "make up the value",
    choices: ["password", "uuid", "ssh-key"],
    group,
  },
  { flags: "--length <characters>", summary: "the length of a generated password", group },
];
