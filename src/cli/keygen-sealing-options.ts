import type { OptionSpec } from "./command.ts";

const group = "With --sealing";

/** The flags of `keygen --sealing`. */
export const sealingKeygen: readonly OptionSpec[] = [
  {
    flags: "--sealing",
    summary: "make a sealing key with its certificate, as a Secret for the Sealed Secrets controller",
  },
  { flags: "--bits <number>", summary: "the size of the RSA key; 4096 when left out", group },
  {
    flags: "--valid-for <time>",
    summary: "how long the certificate is valid: 10y, 365d, 87600h; 10 years when left out",
    group,
  },
  { flags: "--common-name <name>", summary: "whom the certificate names; nobody when left out", group },
  {
    flags: "--namespace <namespace>",
    summary: "the controller's namespace; kube-system when left out",
    group,
  },
  {
    flags: "--name <name>",
    summary: "the Secret's name; when left out the cluster makes one up: sealed-secrets-key...",
    group,
  },
  { flags: "--cert-out <file>", summary: "write the certificate to a file of its own, too", group },
];
