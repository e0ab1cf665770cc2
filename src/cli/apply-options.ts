import { cluster } from "./cluster-options.ts";
import type { OptionSpec } from "./command.ts";
import { decryptionOrder, ignoreMac, yes } from "./shared-options.ts";

const what = "What is applied";
const others = "What others have";
const after = "When it is applied";

/** The flags of `apply`. */
export const applyCommand: readonly OptionSpec[] = [
  yes,
  {
    flags: "--dry-run <mode>",
    summary: "change nothing: server shows what would change, client only what would be sent",
    choices: ["server", "client"],
  },
  { flags: "--check", summary: "change nothing; exit 1 when something would change" },
  { flags: "-k, --kustomize <folder>", summary: "what kustomize build makes of a folder", group: what },
  {
    flags: "--enable-exec",
    summary: "let kustomize run the generators that the folder names: you trust all of it",
    group: what,
  },
  { flags: "-n, --namespace <namespace>", summary: "for objects that name none", group: what },
  { ...ignoreMac, group: what },
  { ...decryptionOrder, group: what },
  { flags: "--force-conflicts", summary: "take over fields that others manage", group: others },
  {
    flags: "--migrate",
    summary: "take over from kubectl apply, and remove its annotation with the values in clear",
    group: others,
  },
  {
    flags: "--recreate",
    summary: "delete and make anew what cannot be changed: immutable Secrets, another type",
    group: others,
  },
  {
    flags: "--prune",
    summary: "delete Secrets and SealedSecrets of the set that are not applied any more",
    group: others,
  },
  { flags: "--applyset <name>", summary: "the set, whose parent is the ConfigMap kseal-NAME", group: others },
  { flags: "--restart", summary: "restart the workloads that use a changed Secret", group: after },
  {
    flags: "--wait",
    summary: "wait until SealedSecrets are synced, and with --restart until workloads are rolled out",
    group: after,
  },
  {
    flags: "--timeout <time>",
    summary: "how long to wait for each; 5m when left out",
    group: after,
  },
  ...cluster,
];
