import type { Settings } from "../config/settings.ts";
import type { Host, Log } from "../core/ports.ts";
import type { Keyring } from "../keys/keyring.ts";
import type { ClusterOptions, KubeApi } from "../kube/api.ts";

/** What every operation works with besides its options. Built once a run, so that identities are loaded once. */
export interface OpContext {
  readonly host: Host;
  readonly keyring: Keyring;
  readonly settings: Settings;
  /** Notes and warnings about files, each with the file's name. Never a value. */
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Where the search for `.sops.yaml` starts: at the file (kseal), or in the working folder alone, as SOPS does. */
  readonly configFrom: "file" | "working-folder";
  /** Whether results keep the layout of the file they came from, or get that of SOPS, as the drop-in prints it. */
  readonly layout: "kept" | "sops";
  /** Opens the way to a cluster; nothing of it is loaded before. Missing where no cluster can be asked. */
  readonly kube?: ((options: ClusterOptions) => Promise<KubeApi>) | undefined;
  /** Told after each file of a run over several. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}
