import type { MasterKey } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import {
  type ParsedKey,
  parseAzureUrl,
  parseGcpKms,
  parseHuaweiKms,
  parseKmsArn,
  parsePgp,
  parseVaultUri,
} from "./master-keys.ts";

/** Texts that name keys: each names one, or several with commas between them. */
type Texts = readonly string[] | undefined;

/** Master keys as the flags and the variables of SOPS name them. */
export interface KeyTexts {
  /** AWS KMS: `arn`, or `arn+role`. */
  readonly kms?: Texts;
  /** Google Cloud KMS: `projects/.../cryptoKeys/...`. */
  readonly gcpKms?: Texts;
  /** HuaweiCloud KMS: `region:key-uuid`. */
  readonly hckms?: Texts;
  /** Azure Key Vault: `https://vault.example.net/keys/name/version`. */
  readonly azureKv?: Texts;
  /** PGP fingerprints. */
  readonly pgp?: Texts;
  /** Vault or OpenBao: `https://vault.example.com:8200/v1/transit/keys/name`. */
  readonly hcVaultTransit?: Texts;
  /** age recipients. */
  readonly age?: Texts;
  /** The AWS profile for the keys of `kms`. */
  readonly awsProfile?: string | undefined;
  /** The encryption context for AWS KMS: `key:value`, or several with commas between them. */
  readonly encryptionContext?: Texts;
}

/** The lists among {@link KeyTexts}. */
export type KeyList = Exclude<keyof KeyTexts, "awsProfile" | "encryptionContext">;

interface Kind {
  /** What such a key is called in messages. */
  readonly noun: string;
  readonly parse: (text: string) => ParsedKey;
}

// In the order in which SOPS makes a group of what flags name.
const kinds: Readonly<Record<KeyList, Kind>> = {
  kms: { noun: "the ARN of an AWS KMS key", parse: parseKmsArn },
  gcpKms: { noun: "a Google Cloud KMS key", parse: parseGcpKms },
  hckms: { noun: "a HuaweiCloud KMS key", parse: parseHuaweiKms },
  azureKv: { noun: "an Azure Key Vault key", parse: parseAzureUrl },
  pgp: { noun: "a PGP fingerprint", parse: parsePgp },
  hcVaultTransit: { noun: "a Vault transit key", parse: parseVaultUri },
  // Whether it is one is for whoever can read it to say.
  age: { noun: "an age recipient", parse: (recipient) => ({ key: { type: "age", recipient } }) },
};

/** The lists of {@link KeyTexts}, in the order in which SOPS makes a group of them. */
export const keyLists: readonly KeyList[] = Object.keys(kinds) as readonly KeyList[];

/**
 * The master keys that texts name, in the order of SOPS, duplicates and all. AWS KMS keys get the profile and the
 * encryption context.
 *
 * @throws KsealError `USAGE` for the first text that names none.
 */
export function parseKeyTexts(texts: KeyTexts): readonly MasterKey[] {
  const context = parseEncryptionContext(texts.encryptionContext);
  const { awsProfile } = texts;
  return keyLists.flatMap((list) =>
    splitTexts(texts[list]).map((text): MasterKey => {
      const parsed = parseKeyText(list, text);
      if ("problem" in parsed) throw unusable(text, kinds[list].noun, parsed.problem);
      const { key } = parsed;
      return key.type === "kms"
        ? { ...key, ...(context && { context }), ...(awsProfile && { awsProfile }) }
        : key;
    }),
  );
}

/**
 * The master keys that words name, whatever their type: each type looks different.
 *
 * @throws KsealError `USAGE` for the first that names none.
 */
export function parseRecipients(words: readonly string[]): readonly MasterKey[] {
  return words.flatMap((word) => parseKeyTexts({ [listOf(word)]: [word] }));
}

function listOf(word: string): KeyList {
  if (word.startsWith("arn:")) return "kms";
  if (word.startsWith("projects/")) return "gcpKms";
  if (/^https?:.*\/v1\/.*\/keys\//.test(word)) return "hcVaultTransit";
  if (word.startsWith("https:")) return "azureKv";
  if (/^[\dA-Fa-f]{40}$/.test(word)) return "pgp";
  return "age";
}

/** One text of a list, without profile and context. */
export function parseKeyText(list: KeyList, text: string): ParsedKey {
  return kinds[list].parse(text);
}

/**
 * The encryption context of AWS KMS keys, in the form of SOPS: neither keys nor values can hold a comma or a colon.
 *
 * @returns `undefined` when no text says anything.
 * @throws KsealError `USAGE`: keys without the context that was meant would be keys for other uses.
 */
export function parseEncryptionContext(texts: Texts): Readonly<Record<string, string>> | undefined {
  const given = (texts ?? []).filter((text) => text !== "");
  // The form of the AWS command line, of which the first colon would make a pair.
  if (given.some((text) => text.trim().startsWith("{"))) throw invalidContext("it is JSON");
  const pairs = given.flatMap((text) => text.split(",")).map((item) => item.split(":"));
  if (pairs.length === 0) return undefined;
  const context = new Map<string, string>();
  for (const pair of pairs) {
    const [name, value] = pair;
    if (pair.length !== 2 || !name || value === undefined) {
      throw invalidContext(`${JSON.stringify(pair.join(":"))} is no key:value`);
    }
    if (context.has(name) && context.get(name) !== value) {
      throw invalidContext(`it gives ${JSON.stringify(name)} two values`);
    }
    context.set(name, value);
  }
  return Object.fromEntries(context);
}

/** The single keys of texts that may hold several with commas between them. */
export function splitTexts(texts: Texts): readonly string[] {
  return (texts ?? [])
    .flatMap((text) => text.split(","))
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function invalidContext(reason: string): KsealError {
  return new KsealError("USAGE", `the KMS encryption context cannot be read: ${reason}`, {
    hint: "write it as --encryption-context Environment:prod,Team:payments",
  });
}

function unusable(text: string, noun: string, problem: string): KsealError {
  // An identity is secret.
  const shown = /^AGE-(SECRET-KEY|PLUGIN)-/i.test(text)
    ? "an age identity"
    : JSON.stringify(text.length <= 100 ? text : `${text.slice(0, 60)}...`);
  const reason = problem.startsWith("must ") ? `it ${problem}` : problem;
  return new KsealError("USAGE", `${shown} is not ${noun}: ${reason}`, {
    hint: noun === kinds.pgp.noun ? "gpg --list-keys shows the fingerprints of your keys" : undefined,
  });
}
