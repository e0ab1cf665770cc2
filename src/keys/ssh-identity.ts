import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { AgeIdentity } from "./age-file.ts";
import { askPassphrase } from "./passphrase.ts";
import { unwrapSshEd25519 } from "./ssh-ed25519.ts";
import { readSshKeyFile, type SshPrivateKey } from "./ssh-private-key.ts";
import { parseSshPublicKey, sshName, sshTag } from "./ssh-public-key.ts";
import { unwrapSshRsa } from "./ssh-rsa.ts";

/**
 * The age identity in an SSH private key. A passphrase is asked for once, and only when a file is for this key.
 *
 * @param options.source - What the user knows the key by: a path or the name of a variable.
 * @param options.readPublic - Reads the `.pub` file beside it, for the old forms that do not hold the public key.
 * @throws KsealError `DECRYPT_FAILED` when it cannot be used.
 */
export async function sshIdentity(
  text: string,
  { source, host, readPublic }: { source: string; host: Host; readPublic: () => Promise<string> },
): Promise<AgeIdentity> {
  const file = readSshKeyFile(text);
  const publicKey = file.publicKey ?? parseSshPublicKey(await readPublic());
  if (typeof publicKey === "string") {
    throw new KsealError("DECRYPT_FAILED", `the public key beside it cannot be used: ${publicKey}`);
  }
  const { type } = publicKey;
  let key: Promise<SshPrivateKey> | undefined;

  const open = async (): Promise<SshPrivateKey> => {
    const passphrase = file.isEncrypted ? await askPassphrase(host, source) : "";
    const opened = await file.open(passphrase);
    if (!opened) throw new KsealError("DECRYPT_FAILED", `the passphrase for ${source} is wrong`);
    return opened;
  };
  return {
    describe: () => sshName(publicKey),
    mayAsk: file.isEncrypted,
    async unwrap({ stanzas }) {
      const tag = sshTag(publicKey.wire);
      if (!stanzas.some(({ args }) => args[0] === type && args[1] === tag)) return null;
      key ??= open();
      const opened = await key;
      return opened.type === "ssh-rsa"
        ? unwrapSshRsa(stanzas, opened)
        : await unwrapSshEd25519(stanzas, opened);
    },
  };
}
