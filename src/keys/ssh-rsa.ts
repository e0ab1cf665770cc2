import { constants, createPublicKey, type KeyObject, privateDecrypt, publicEncrypt } from "node:crypto";
import { KsealError } from "../errors.ts";
import { malformedHeader, type Stanza } from "./age-header.ts";
import { type SshPublicKey, sshTag } from "./ssh-public-key.ts";

type RsaPublicKey = Extract<SshPublicKey, { type: "ssh-rsa" }>;

const oaep = {
  padding: constants.RSA_PKCS1_OAEP_PADDING,
  oaepHash: "sha256",
  oaepLabel: Buffer.from("age-encryption.org/v1/ssh-rsa"),
};

/** Wraps a file key for an RSA key of SSH. */
export function wrapForSshRsa(fileKey: Uint8Array, { e, n, wire }: RsaPublicKey): Stanza {
  try {
    const jwk = { kty: "RSA", e: base64url(e), n: base64url(n) };
    const body = publicEncrypt({ key: createPublicKey({ key: jwk, format: "jwk" }), ...oaep }, fileKey);
    return { args: ["ssh-rsa", sshTag(wire)], body };
  } catch (cause) {
    throw new KsealError("ENCRYPT_FAILED", "the recipient is no usable public key", { cause });
  }
}

/** The file key, if a stanza is for the given key. */
export function unwrapSshRsa(
  stanzas: readonly Stanza[],
  { key, wire }: { key: KeyObject; wire: Uint8Array },
): Uint8Array | null {
  for (const { args, body } of stanzas) {
    if (args[0] !== "ssh-rsa") continue;
    if (args.length !== 2) throw malformedHeader("a ssh-rsa stanza is invalid");
    if (args[1] !== sshTag(wire)) continue;
    try {
      return privateDecrypt({ key, ...oaep }, body);
    } catch {
      // Four bytes of a hash may fit another key, and OAEP does not tell a wrong key from a wrong body.
    }
  }
  return null;
}

function base64url(number: Uint8Array): string {
  return Buffer.from(number).toString("base64url");
}
