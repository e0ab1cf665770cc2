import type { TreeNode } from "./tree.ts";

/** A key that wraps the data key of a file, as plain data. The fields are those of the file's metadata. */
export type MasterKey =
  | { readonly type: "age"; readonly recipient: string }
  | {
      readonly type: "kms";
      readonly arn: string;
      readonly role?: string;
      readonly context?: Readonly<Record<string, string>>;
      readonly awsProfile?: string;
    }
  | { readonly type: "gcp_kms"; readonly resourceId: string }
  | {
      readonly type: "azure_kv";
      readonly vaultUrl: string;
      readonly name: string;
      readonly version: string;
    }
  | {
      readonly type: "hc_vault";
      readonly vaultAddress: string;
      readonly enginePath: string;
      readonly keyName: string;
    }
  | { readonly type: "pgp"; readonly fingerprint: string }
  | { readonly type: "hckms"; readonly keyId: string }
  /** An entry of a type that kseal does not know: carried through every rewrite, never wrapped for. */
  | { readonly type: "unknown"; readonly name: string };

/** The type's name as it stands in the metadata block and in `--decryption-order`. */
export type KeyType = Exclude<MasterKey["type"], "unknown">;

/** The key types in the order in which SOPS keeps the keys of a group it has read (sops.md 3.2). */
export const keyTypes: readonly KeyType[] = ["kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age"];

/** A data key, or a share of one, wrapped for a master key. */
export interface WrappedKey {
  readonly key: MasterKey;
  /** The wrapped bytes in the spelling of the key's type: armored age, base64, `vault:v1:...`. */
  readonly enc: string;
  /** RFC 3339. Age entries have none. */
  readonly createdAt?: string;
  /** Fields of the entry that kseal does not know, kept as they were. */
  readonly unknownFields?: Readonly<Record<string, TreeNode>>;
}

/** Groups of master keys: with several, each group holds one Shamir share of the data key. */
export type KeyGroups = readonly (readonly MasterKey[])[];

/**
 * What identifies a master key in messages and in `--rm-*` flags, in the spelling of SOPS.
 *
 * @returns For AWS KMS the ARN with `+role`, for Azure and Vault the URL, else the single field.
 */
export function keyId(key: MasterKey): string {
  switch (key.type) {
    case "age":
      return key.recipient;
    case "kms":
      return key.role ? `${key.arn}+${key.role}` : key.arn;
    case "gcp_kms":
      return key.resourceId;
    case "azure_kv":
      return `${key.vaultUrl}/keys/${key.name}/${key.version}`;
    case "hc_vault":
      return `${key.vaultAddress}/v1/${key.enginePath}/keys/${key.keyName}`;
    case "pgp":
      return key.fingerprint;
    case "hckms":
      return key.keyId;
    case "unknown":
      return key.name;
  }
}

/** Whether two entries name the same key. An AWS key used with another role, context or profile is another key. */
export function sameKey(a: MasterKey, b: MasterKey): boolean {
  return identity(a) === identity(b);
}

/**
 * Whether who can use one of two keys can use the other: they are versions of one Azure key, or one AWS key used with
 * another role or profile, which are ways to it and do not decide who may read. A context can: key policies name them.
 */
export function sameHolder(a: MasterKey, b: MasterKey): boolean {
  return holderText(a) === holderText(b);
}

/** What {@link sameHolder} compares. */
export function holderText(key: MasterKey): string {
  if (key.type === "kms")
    return identity({ type: "kms", arn: key.arn, ...(key.context && { context: key.context }) });
  if (key.type === "azure_kv") return `azure_kv ${key.vaultUrl}/keys/${key.name}`;
  return key.type === "pgp" ? `pgp ${key.fingerprint.toUpperCase()}` : identity(key);
}

/**
 * Everything that tells a master key from others, as SOPS spells it where keys are compared: an AWS KMS key with its
 * encryption context and profile, `arn+role|key:value,...|profile`, any other as {@link keyId}.
 */
export function identityText(key: MasterKey): string {
  if (key.type !== "kms") return keyId(key);
  const context = sortedContext(key.context)
    .map((pair) => pair.join(":"))
    .join(",");
  const parts = [keyId(key), ...(context || key.awsProfile ? [context] : [])];
  return [...parts, ...(key.awsProfile ? [key.awsProfile] : [])].join("|");
}

/**
 * Whether a key of a file is the one that a creation rule names, where the rule may leave open what the file has to say:
 * the version of an Azure key, and the encryption context of an AWS key, which a flag gave it.
 */
export function matchesListed(key: MasterKey, listed: MasterKey): boolean {
  if (key.type === "kms" && listed.type === "kms" && listed.context === undefined) {
    return identity({ ...key, context: {} }) === identity(listed);
  }
  const isOpen = key.type === "azure_kv" && listed.type === "azure_kv" && listed.version === "";
  return sameKey(isOpen ? { ...key, version: "" } : key, listed);
}

function identity(key: MasterKey): string {
  if (key.type !== "kms") return `${key.type} ${keyId(key)}`;
  return JSON.stringify([key.arn, key.role ?? "", key.awsProfile ?? "", sortedContext(key.context)]);
}

function sortedContext(context: Readonly<Record<string, string>> = {}): readonly (readonly string[])[] {
  return Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
}
