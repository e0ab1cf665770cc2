import { KeyFailure } from "./key-failure.ts";
import type { KeyProvider } from "./provider.ts";

/**
 * HuaweiCloud KMS, which kseal does not speak: entries of this type are kept through every rewrite, and where one would
 * have to be used there is a clear refusal.
 */
export const huaweiKmsProvider: KeyProvider<{ readonly type: "hckms"; readonly keyId: string }> = {
  async wrap() {
    throw new KeyFailure("unsupported", "kseal cannot encrypt with HuaweiCloud KMS", {
      hint: "leave the key out, or make this change with the original sops",
    });
  },
  async unwrap() {
    throw new KeyFailure("unsupported", "kseal cannot decrypt with HuaweiCloud KMS", {
      hint: "open the file with the original sops, or with another of its keys",
    });
  },
};
