import { GoogleAuth, type GoogleAuthOptions, gaxios, gcpMetadata } from "google-auth-library";
import type { Host } from "../core/ports.ts";

const metadataHost = "metadata.google.internal";

/**
 * The library's credentials, with another way to find out whether this is a machine of Google's.
 *
 * Its own asks a link-local address, where a network that drops what it does not know costs three seconds and a warning
 * on standard error. A name that does not exist is known at once.
 */
export class MachineAwareAuth extends GoogleAuth {
  readonly #env: Host["env"];

  constructor(env: Host["env"], options: GoogleAuthOptions) {
    super(options);
    this.#env = env;
  }

  override async _checkIsGCE(): Promise<boolean> {
    switch (this.#env["METADATA_SERVER_DETECTION"]?.trim().toLowerCase()) {
      case "none":
        return false;
      case "assume-present":
        return true;
      case "bios-only":
        return gcpMetadata.getGCPResidency();
      default:
        return gcpMetadata.getGCPResidency() || this.#hasOwnServer() || (await answers());
    }
  }

  #hasOwnServer(): boolean {
    return Boolean(this.#env["GCE_METADATA_HOST"] || this.#env["GCE_METADATA_IP"]);
  }
}

async function answers(): Promise<boolean> {
  try {
    const response = await new gaxios.Gaxios().request({
      url: `http://${metadataHost}/computeMetadata/v1/instance`,
      headers: { "metadata-flavor": "Google" },
      noProxy: [metadataHost],
      timeout: 1000,
      retry: false,
    });
    return response.headers.get("metadata-flavor") === "Google";
  } catch {
    return false;
  }
}
