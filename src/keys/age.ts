import { DataKey } from "../core/data-key.ts";
import type { MasterKey } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import { openAgeFile, parseAgeFile, sealAgeFile, type WrapFileKey } from "./age-file.ts";
import { identitiesOf } from "./identities.ts";
import { keysFile } from "./identity-sources.ts";
import type { KeyContext, KeyProvider } from "./provider.ts";
import { type AgeRecipient, parseAgeRecipient } from "./recipients.ts";
import { wrapForX25519 } from "./x25519.ts";

type AgeKey = Extract<MasterKey, { type: "age" }>;

/** Master keys of age: each entry is an armored age file of the data key for one recipient. */
export const ageProvider: KeyProvider<AgeKey> = {
  mayAsk: true,

  async wrap({ recipient }, dataKey, context) {
    try {
      return await seal(parseAgeRecipient(recipient), dataKey, context);
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      throw new KsealError("ENCRYPT_FAILED", error.message, { hint: error.hint, cause: error });
    }
  },

  async unwrap({ key, enc }, context) {
    const file = parseAgeFile(enc);
    const options = { recipient: key.recipient, quiet: context.quiet === true };
    const fileKey = await identitiesOf(context).fileKey(file.header, options);
    return fileKey && new DataKey(await openAgeFile(file, fileKey));
  },

  async holdings(context) {
    return await identitiesOf(context).report();
  },

  nextStep(context) {
    return [
      `put an identity that opens the file into ${keysFile(context)}, or name its file in SOPS_AGE_KEY_FILE;`,
      "without one, ask somebody who can open the file to add your recipient to .sops.yaml and run: kseal updatekeys FILE",
    ].join("\n");
  },
};

async function seal(recipient: AgeRecipient, dataKey: DataKey, context: KeyContext): Promise<string> {
  const random = (length: number): Uint8Array => context.host.random(length);
  const content = dataKey.reveal();
  const wrap = await wrapperFor(recipient, context);
  if (wrap) return await sealAgeFile(content, { wrap, random });
  const { sealWithTypage } = await import("./typage.ts");
  return await sealWithTypage(content, recipient.text);
}

/** How file keys are wrapped for a recipient; `undefined` for those that only age-encryption serves. */
async function wrapperFor(recipient: AgeRecipient, context: KeyContext): Promise<WrapFileKey | undefined> {
  const random = (length: number): Uint8Array => context.host.random(length);
  switch (recipient.kind) {
    case "x25519":
      return (fileKey) => wrapForX25519(fileKey, recipient.publicKey, random);
    case "hybrid": {
      const { hasKem, wrapForHybrid } = await import("./hybrid.ts");
      return hasKem() ? (fileKey) => wrapForHybrid(fileKey, recipient.publicKey, random) : undefined;
    }
    case "tag":
      return undefined;
    case "plugin": {
      const { wrapWithPlugin } = await import("./plugin.ts");
      const { plugin, text } = recipient;
      return (fileKey) => wrapWithPlugin(fileKey, { plugin, text, context });
    }
    case "ssh": {
      const { publicKey } = recipient;
      if (publicKey.type === "ssh-rsa") {
        const { wrapForSshRsa } = await import("./ssh-rsa.ts");
        return (fileKey) => wrapForSshRsa(fileKey, publicKey);
      }
      const { wrapForSshEd25519 } = await import("./ssh-ed25519.ts");
      return (fileKey) => wrapForSshEd25519(fileKey, publicKey, random);
    }
  }
}
