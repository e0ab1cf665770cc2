import { KsealError } from "../errors.ts";
import { generateSshKey } from "../keys/ssh-keygen.ts";

export interface Generated {
  readonly value: string;
  /** The public half of an SSH key. */
  readonly publicKey?: string | undefined;
}

// 62 characters that need no quotes in shells, URLs, YAML or dotenv; 32 of them hold 190 bits.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const passwordLength = 32;

/** Makes up a new secret. */
export function generateValue(
  kind: "password" | "uuid" | "ssh-key",
  length: number | undefined,
  random: (length: number) => Uint8Array,
): Generated {
  if (length !== undefined && kind !== "password")
    throw new KsealError("USAGE", "only a password has a length");
  switch (kind) {
    case "password":
      return { value: password(length ?? passwordLength, random) };
    case "uuid":
      return { value: uuid(random(16)) };
    case "ssh-key": {
      const { privateKey, publicKey } = generateSshKey(random);
      return { value: privateKey, publicKey };
    }
  }
}

function password(length: number, random: (length: number) => Uint8Array): string {
  if (!Number.isInteger(length) || length < 8 || length > 1024) {
    throw new KsealError("USAGE", "a password has 8 to 1024 characters");
  }
  // Bytes beyond the last whole multiple would make the first letters likelier than the rest.
  const fair = 256 - (256 % alphabet.length);
  let text = "";
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < fair && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}

/** RFC 9562, version 4: random but for the version in the 7th byte and the variant in the 9th. */
function uuid(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte, index) => {
    const fixed = index === 6 ? (byte & 0x0f) | 0x40 : index === 8 ? (byte & 0x3f) | 0x80 : byte;
    return fixed.toString(16).padStart(2, "0");
  }).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
