import type { Host } from "../core/ports.ts";
import { encodeBech32 } from "./bech32.ts";
import { x25519Identity } from "./x25519.ts";

/** A new age identity. Only {@link NewIdentity.fileText} tells the secret. */
export interface NewIdentity {
  readonly recipient: string;
  /** The identity file as `age-keygen` writes it. Secret. */
  fileText(): string;
}

const secretLength = 32;

/**
 * Makes an age identity.
 *
 * @param options.postQuantum - Safe against quantum computers too, with a recipient of 1,959 characters. Needs SOPS
 *   3.12 or age 1.3 where files are read.
 */
export async function generateIdentity({
  postQuantum,
  host,
}: {
  postQuantum: boolean;
  host: Pick<Host, "random" | "now">;
}): Promise<NewIdentity> {
  const secret = host.random(secretLength);
  const identity = encodeBech32(postQuantum ? "age-secret-key-pq-" : "age-secret-key-", secret).toUpperCase();
  const recipient = postQuantum ? await hybridRecipient(identity, secret) : x25519Identity(secret).describe();
  const created = new Date(host.now()).toISOString().replace(/\.\d+Z$/, "Z");
  const text = `# created: ${created}\n# public key: ${await recipient}\n${identity}\n`;
  return { recipient: await recipient, fileText: () => text };
}

async function hybridRecipient(identity: string, secret: Uint8Array): Promise<string> {
  const { hasKem, hybridIdentity } = await import("./hybrid.ts");
  if (hasKem()) return await hybridIdentity(secret).describe();
  return await (await import("./typage.ts")).typageIdentity(identity).describe();
}
