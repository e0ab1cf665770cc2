import { KsealError } from "../errors.ts";
import { type AgeIdentity, openAgeFile, parseAgeFile } from "./age-file.ts";
import { decodeBech32 } from "./bech32.ts";
import { askPassphrase } from "./passphrase.ts";
import type { KeyContext } from "./provider.ts";
import { isPluginName } from "./recipients.ts";
import { x25519Identity } from "./x25519.ts";

/** Identities that were read, and what could not be read, in words without secrets. */
export interface Loaded {
  readonly identities: readonly AgeIdentity[];
  readonly problems: readonly string[];
}

interface TextSource {
  /** What the user knows the text by: a path or the name of a variable. */
  readonly source: string;
  readonly context: KeyContext;
  /** Whether a line may hold several identities, as the variable's value does. */
  readonly severalInLine?: boolean;
}

const secretLength = 32;

/** Reads identities: one a line, `#` begins a comment. The whole may be an age file under a passphrase. */
export function readIdentities(bytes: Uint8Array, options: TextSource): Loaded {
  const text = new TextDecoder().decode(bytes);
  if (text.startsWith("age-encryption") || text.startsWith("-----BEGIN AGE")) {
    return { identities: [passphraseIdentity(bytes, options)], problems: [] };
  }
  const identities: AgeIdentity[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.trim();
    if (content === "" || content.startsWith("#")) continue;
    for (const word of options.severalInLine ? content.split(/\s+/) : [content]) {
      const identity = parseIdentity(word, options.context);
      if (typeof identity === "object") identities.push(identity);
      else problems.push(`${options.source}, line ${index + 1}: ${identity}`);
    }
    if (content.startsWith("-----BEGIN")) break;
  }
  return { identities, problems };
}

// A text says what is wrong. It never repeats what stands there, which may be half a secret.
function parseIdentity(word: string, context: KeyContext): AgeIdentity | string {
  if (word.startsWith("-----BEGIN")) {
    return "an SSH key belongs into SOPS_AGE_SSH_PRIVATE_KEY_FILE";
  }
  const decoded = decodeBech32(word);
  if (!decoded) return "this is no age identity; it may have been cut off or mistyped";
  const { prefix, data } = decoded;
  const isNative = prefix === "AGE-SECRET-KEY-" || prefix === "AGE-SECRET-KEY-PQ-";
  if (isNative && data.length !== secretLength) return "the age identity has a wrong length";
  if (prefix === "AGE-SECRET-KEY-") return x25519Identity(data);
  if (prefix === "AGE-SECRET-KEY-PQ-") return lazyHybrid(word, data);
  const plugin = /^AGE-PLUGIN-(.+)-$/.exec(prefix)?.[1]?.toLowerCase();
  if (plugin !== undefined && isPluginName(plugin)) return lazyPlugin(word, plugin, context);
  return prefix.startsWith("age1") || prefix === "age"
    ? "this is a recipient (public), not an identity"
    : "this is no age identity";
}

function lazyHybrid(text: string, seed: Uint8Array): AgeIdentity {
  const load = once(async () => {
    const { hasKem, hybridIdentity } = await import("./hybrid.ts");
    return hasKem() ? hybridIdentity(seed) : (await import("./typage.ts")).typageIdentity(text);
  });
  return {
    describe: async () => (await load()).describe(),
    mayAsk: false,
    unwrap: async (header) =>
      header.stanzas.some(({ args }) => args[0] === "mlkem768x25519") ? (await load()).unwrap(header) : null,
  };
}

function lazyPlugin(text: string, plugin: string, context: KeyContext): AgeIdentity {
  const load = once(async () => (await import("./plugin.ts")).pluginIdentity(text, { plugin, context }));
  return {
    describe: async () => (await load()).describe(),
    mayAsk: true,
    unwrap: async (header) => (await load()).unwrap(header),
  };
}

/** An identity file under a passphrase, which is asked for when nothing else opens a file, and once. */
function passphraseIdentity(file: Uint8Array, { source, context, ...rest }: TextSource): AgeIdentity {
  const load = once(async () => {
    const { unwrapWithPassphrase, hasPassphrase } = await import("./scrypt.ts");
    const parsed = parseAgeFile(file);
    if (!hasPassphrase(parsed.header)) {
      throw new KsealError(
        "DECRYPT_FAILED",
        `${source} is an age file for other keys, not under a passphrase`,
      );
    }
    const fileKey = await unwrapWithPassphrase(parsed.header, await askPassphrase(context.host, source));
    if (!fileKey) throw new KsealError("DECRYPT_FAILED", `the passphrase for ${source} is wrong`);
    const content = await openAgeFile(parsed, fileKey);
    const { identities, problems } = readIdentities(content, { source, context, ...rest });
    if (problems.length > 0) throw new KsealError("DECRYPT_FAILED", problems.join("; "));
    return identities;
  });
  return {
    describe: () => "an identity file under a passphrase",
    mayAsk: true,
    async unwrap(header) {
      for (const identity of await load()) {
        const fileKey = await identity.unwrap(header);
        if (fileKey) return fileKey;
      }
      return null;
    },
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
