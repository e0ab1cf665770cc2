import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

/** How a key of a test's key service answers. */
export type KeyState = "enabled" | "disabled" | "missing" | "denied" | "pending" | "throttled";

/** The keys of a test's key service: every name is one, enabled until a test says otherwise. */
export interface KeyStates {
  stateOf(id: string): KeyState;
  /** From now on, or for so many requests, every key whose name holds the text is in this state. The last word wins. */
  setKey(substring: string, state: KeyState, times?: number): void;
}

export function keyStates(): KeyStates {
  const rules: { readonly substring: string; readonly state: KeyState; left: number }[] = [];
  return {
    stateOf(id) {
      const rule = rules.find(({ substring, left }) => left > 0 && id.includes(substring));
      if (rule) rule.left--;
      return rule?.state ?? "enabled";
    },
    setKey(substring, state, times = Number.POSITIVE_INFINITY) {
      rules.unshift({ substring, state, left: times });
    },
  };
}

/*
 * A ciphertext names its key, as those of the real services do:
 *
 *   1 | length of the id | id | IV (12) | ciphertext | tag (16)
 *
 * The AES key derives from the id, so that every server of a test run can open it.
 */

/** Encrypts with AES-256-GCM under the key of this name. */
export function sealUnder(id: string, plaintext: Uint8Array, additionalData: Uint8Array): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", keyBytes(id), iv).setAAD(additionalData);
  const sealed = [cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
  const name = Buffer.from(id);
  return Buffer.concat([Buffer.from([1, name.length]), name, iv, ...sealed]);
}

/** Which key a ciphertext is of; `undefined` when it is none of {@link sealUnder}. */
export function sealedUnder(sealed: Uint8Array): string | undefined {
  const length = sealed[1] ?? 0;
  if (sealed[0] !== 1 || sealed.length < 2 + length + 12 + 16) return undefined;
  return Buffer.from(sealed.subarray(2, 2 + length)).toString("utf8");
}

/** @returns The plaintext, or `undefined` when the ciphertext was changed or has other additional data. */
export function openSealed(sealed: Uint8Array, additionalData: Uint8Array): Buffer | undefined {
  const id = sealedUnder(sealed);
  if (id === undefined) return undefined;
  const rest = sealed.subarray(2 + Buffer.byteLength(id));
  const decipher = createDecipheriv("aes-256-gcm", keyBytes(id), rest.subarray(0, 12))
    .setAAD(additionalData)
    .setAuthTag(rest.subarray(-16));
  try {
    return Buffer.concat([decipher.update(rest.subarray(12, -16)), decipher.final()]);
  } catch {
    return undefined;
  }
}

function keyBytes(id: string): Buffer {
  return createHash("sha256").update(`a key of the tests: ${id}`).digest();
}
