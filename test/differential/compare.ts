import { storeFor } from "../../src/formats/detect.ts";
import type { Format } from "../../src/formats/store.ts";
import { asSopsReads } from "../support/sops-view.ts";

/** What one of the tools left behind: a file, or what it wrote to standard output. */
export interface Artifact {
  readonly name: string;
  readonly bytes: Buffer;
}

export type YamlComparison = "bytes" | "tree";

const binaryFile = /^\{\s*"data": "[^"]*",\s*"sops": /;

/**
 * Hides what differs between any two encryptions: ciphertext (not its length), wrapped keys, the time.
 *
 * What is left has to be the same to the byte: keys, order, layout, recipients, rules.
 */
export function maskCiphertext(text: string): string {
  // sops writes no selection rule when it encrypts a binary file and adds the default one on its first change; in
  // a file of one value it says nothing.
  const told = binaryFile.test(text)
    ? text.replace(/^\s*"unencrypted_suffix": "_unencrypted",\n/m, "")
    : text;
  return (
    told
      .replace(
        /ENC\[AES256_GCM,data:([^,]*),iv:[^,]*,tag:[^,]*,type:(\w+)\]/g,
        (_, data: string, type: string) => `ENC[${data.length} characters,${type}]`,
      )
      .replace(
        /-----BEGIN AGE ENCRYPTED FILE-----[\s\S]*?-----END AGE ENCRYPTED FILE-----/g,
        "-----WRAPPED-----",
      )
      .replace(/-----BEGIN PGP MESSAGE-----[\s\S]*?-----END PGP MESSAGE-----/g, "-----WRAPPED-----")
      // In INI sops writes line breaks of metadata as two characters, kseal as they are: every version reads that (3.3).
      .replace(
        /^(\S+\s*= )(?:"""-----WRAPPED-----(\n?)"""|-----WRAPPED-----((?:\\n)?))$/gm,
        "$1-----WRAPPED-----",
      )
      // Wrapped by a service: base64, or Vault's own form of it.
      .replace(/(enc["']?\s*[:=] ?["']?)(?:vault:v\d+:)?[\w+/=-]{40,}/g, "$1<wrapped>")
      .replace(/(created_at["'\s:=]*)\d{4}-\d\d-\d\dT[\d:]+Z/g, "$1<time>")
      // sops writes a comment in a list as an item, kseal as a comment (sops.md D2); both read both.
      .replace(/^(\s*)- (ENC\[\d+ characters,comment\])$/gm, "$1#$2")
      .replace(/(lastmodified["'\s:=]*)\d{4}-\d\d-\d\dT[\d:]+Z/g, "$1<time>")
  );
}

export function isEncrypted(bytes: Buffer): boolean {
  return /^\s*"?sops"?:|^sops_mac=|^\[sops\]/m.test(bytes.toString("latin1"));
}

/** The format of a file in which `sops` left metadata, by its look: standard output has no suffix. */
export function formatOf(bytes: Buffer): Format {
  const text = bytes.toString("latin1");
  if (binaryFile.test(text)) return "binary";
  if (text.startsWith("{")) return "json";
  if (/^sops_mac=/m.test(text)) return "dotenv";
  return /^\[sops\]/m.test(text) ? "ini" : "yaml";
}

/** @returns What differs, in words, or `undefined`. */
export async function differenceBetween(
  theirs: Artifact,
  ours: Artifact,
  comparison: YamlComparison,
): Promise<string | undefined> {
  if (theirs.bytes.equals(ours.bytes)) return undefined;
  const [expected, actual] = [theirs, ours].map(({ bytes }) => maskCiphertext(bytes.toString("latin1")));
  if (expected === actual) return undefined;
  if (comparison === "tree" && (await sameTree(theirs.bytes, ours.bytes))) return undefined;
  const [left, right] = [theirs, ours].map(({ bytes }) => maskCiphertext(bytes.toString("utf8")));
  return `${theirs.name} differs\n--- sops\n${left}\n--- kseal\n${right}\n---`;
}

// Encrypted values are random: what they hold is compared by decrypting, not here.
async function sameTree(theirs: Buffer, ours: Buffer): Promise<boolean> {
  const { parse } = await storeFor("yaml");
  const [a, b] = [theirs, ours].map((bytes) => {
    try {
      const text = withoutMetadata(maskCiphertext(bytes.toString("utf8")));
      return JSON.stringify(asSopsReads(parse(Buffer.from(text)).document));
    } catch {
      return undefined;
    }
  });
  return a !== undefined && a === b;
}

function withoutMetadata(text: string): string {
  return text.replace(/^sops:\n(?:[ \t]+.*\n)*/gm, "");
}
