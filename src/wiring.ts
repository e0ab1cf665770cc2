import { loadSettings, type SettingFlags } from "./config/settings.ts";
import type { Host, Log } from "./core/ports.ts";
import { Keyring } from "./keys/keyring.ts";
import type { OpContext } from "./ops/context.ts";

/** What the command line or the caller of the library decides. Everything else comes from the host. */
export interface ContextOptions extends SettingFlags {
  /** Silent when left out. */
  readonly log?: Log | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `file` when left out. */
  readonly configFrom?: OpContext["configFrom"] | undefined;
  /** `kept` when left out. */
  readonly layout?: OpContext["layout"] | undefined;
  readonly onProgress?: OpContext["onProgress"];
}

const silent: Log = { info() {}, warn() {} };

/** Builds what operations need, once a run: identities are then loaded once, when the first file needs them. */
export async function createContext(host: Host, options: ContextOptions = {}): Promise<OpContext> {
  const { log = silent, signal, configFrom = "file", layout = "kept", onProgress } = options;
  const settings = await loadSettings(host, options);
  const keyring = new Keyring(
    { host, log, signal, trust: settings.trust },
    { decryptionOrder: settings.decryptionOrder },
  );
  const kube: OpContext["kube"] = async (cluster) =>
    (await import("./kube/client.ts")).createKubeApi({ host, cluster, log, signal });
  return Object.freeze({ host, keyring, settings, log, kube, signal, configFrom, layout, onProgress });
}
