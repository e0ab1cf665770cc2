import { KsealError } from "../errors.ts";
import { decodeBech32 } from "./bech32.ts";
import { parseSshPublicKey, type SshPublicKey } from "./ssh-public-key.ts";

/** An age recipient, read and checked. */
export type AgeRecipient =
  | { readonly kind: "x25519" | "hybrid"; readonly text: string; readonly publicKey: Uint8Array }
  /** A key on a hardware token, classic or post-quantum. Anyone can encrypt to it; opening needs the plugin. */
  | { readonly kind: "tag"; readonly text: string }
  | { readonly kind: "plugin"; readonly text: string; readonly plugin: string }
  | { readonly kind: "ssh"; readonly text: string; readonly publicKey: SshPublicKey };

const lengths: Readonly<Record<string, { kind: "x25519" | "hybrid" | "tag"; length: number }>> = {
  age: { kind: "x25519", length: 32 },
  age1pq: { kind: "hybrid", length: 1216 },
  age1tag: { kind: "tag", length: 33 },
  age1tagpq: { kind: "tag", length: 1249 },
};

/**
 * Reads a recipient as it stands in `.sops.yaml` and in files: `age1...`, or the line of an SSH public key.
 *
 * @throws KsealError `USAGE` when it is none, with a reason that names the mistake and never repeats an identity.
 */
export function parseAgeRecipient(line: string): AgeRecipient {
  const text = line.trim();
  if (/^AGE-(SECRET-KEY|PLUGIN)-/i.test(text)) {
    throw new KsealError("USAGE", "an age identity stands where a recipient belongs: it is secret", {
      hint: "use its public key, which begins with age1; when the identity was committed or shared, replace it",
    });
  }
  if (text.startsWith("ssh-")) {
    const publicKey = parseSshPublicKey(text);
    if (typeof publicKey === "string") throw notRecipient(text, publicKey);
    return { kind: "ssh", text, publicKey };
  }
  if (!text.startsWith("age1"))
    throw notRecipient(text, "recipients begin with age1, ssh-ed25519 or ssh-rsa");
  const decoded = decodeBech32(text);
  if (!decoded) throw notRecipient(text, "it was cut off or mistyped");
  const { prefix, data } = decoded;
  const native = Object.hasOwn(lengths, prefix) ? lengths[prefix] : undefined;
  if (!native) {
    const plugin = prefix.slice("age1".length);
    if (!isPluginName(plugin)) throw notRecipient(text, "it names no plugin");
    return { kind: "plugin", text, plugin };
  }
  if (data.length !== native.length) throw notRecipient(text, "it has a wrong length");
  return native.kind === "tag" ? { kind: "tag", text } : { kind: native.kind, text, publicKey: data };
}

/**
 * Reads a recipients file: one recipient a line; empty lines and lines that begin with `#` do not count.
 *
 * @returns The recipients as they stand there, each checked.
 * @throws KsealError `USAGE` with the line of the first mistake.
 */
export function parseRecipientsFile(text: string): readonly string[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const recipient = line.trim();
    if (recipient === "" || recipient.startsWith("#")) return [];
    try {
      return [parseAgeRecipient(recipient).text];
    } catch (error) {
      throw error instanceof KsealError ? error.at({ line: index + 1 }) : error;
    }
  });
}

/** Whether a plugin may have this name: it becomes part of a program's name. */
export function isPluginName(name: string): boolean {
  return /^[a-zA-Z0-9+._-]+$/.test(name);
}

function notRecipient(text: string, reason: string): KsealError {
  const shown = text.length <= 80 ? text : `${text.slice(0, 40)}...`;
  return new KsealError("USAGE", `${JSON.stringify(shown)} is not an age recipient: ${reason}`);
}
