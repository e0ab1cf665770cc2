import { Decrypter, Encrypter, identityToRecipient } from "age-encryption";
import { KsealError } from "../errors.ts";
import { armor } from "./age-armor.ts";
import type { AgeIdentity } from "./age-file.ts";
import { malformedHeader } from "./age-header.ts";

/*
 * The package age-encryption, for what node:crypto has no primitives for: post-quantum keys in the executable, and
 * the recipients of hardware tokens. It is several times slower, and loaded only then.
 */

/** Encrypts content to an armored age file for any recipient that the package knows. */
export async function sealWithTypage(content: Uint8Array, recipient: string): Promise<string> {
  try {
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipient);
    return armor(await encrypter.encrypt(content));
  } catch (cause) {
    throw new KsealError("ENCRYPT_FAILED", "the recipient is no usable public key", { cause });
  }
}

/** The post-quantum identity with the given text, which is checked already. */
export function typageIdentity(text: string): AgeIdentity {
  const decrypter = new Decrypter();
  decrypter.addIdentity(text);
  return {
    describe: () => identityToRecipient(text),
    mayAsk: false,
    async unwrap({ bytes }) {
      try {
        return await decrypter.decryptHeader(bytes);
      } catch (error) {
        if (error instanceof Error && /no identity matched/.test(error.message)) return null;
        throw malformedHeader("a mlkem768x25519 stanza or the MAC is invalid");
      }
    },
  };
}
