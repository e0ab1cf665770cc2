import { createSecretKey, type KeyObject } from "node:crypto";

const redacted = "[redacted data key]";

/**
 * The 32 random bytes that encrypt the values of one file, or a 33-byte Shamir share of them.
 *
 * The bytes are held where neither logs, `JSON.stringify` nor `util.inspect` find them.
 */
export class DataKey {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = Uint8Array.from(bytes);
  }

  /** The key for `node:crypto`, which is several times faster with a key object than with bytes. */
  keyObject(): KeyObject {
    return createSecretKey(this.#bytes);
  }

  /** The raw bytes, for wrapping only. */
  reveal(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }
}

// For `util.inspect` and `console.log`; as a method the computed name would be lost from the declarations.
Object.defineProperty(DataKey.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: () => redacted });
