import { isRoleArn, kmsRegion } from "../core/aws-arn.ts";
import { type KeyType, keyId, type MasterKey } from "../core/master-key.ts";

/** A key, or why the text does not name one. The text itself is never repeated: it may be a secret by mistake. */
export type ParsedKey = { readonly key: MasterKey } | { readonly problem: string };

/** One age recipient. Whether it is a valid one shows when something is encrypted for it. */
export function parseAge(text: string): ParsedKey {
  const recipient = text.trim();
  if (/^AGE-(SECRET-KEY|PLUGIN)-/i.test(recipient)) {
    return {
      problem:
        "this is an identity, which opens files: take it out, replace it, and write its recipient (age1...) here",
    };
  }
  return { key: { type: "age", recipient } };
}

/**
 * One PGP fingerprint; spaces in it are for the reader, and `!` behind it insists on that very subkey. Nothing but hex
 * gets through: it becomes an argument of `gpg`.
 */
export function parsePgp(text: string): ParsedKey {
  const fingerprint = withoutSpaces(text);
  // A long key id is the least that gpg takes for --trusted-key; the fingerprints of version 6 keys have 64 digits.
  if (/^[0-9a-fA-F]{16,64}!?$/.test(fingerprint)) return { key: { type: "pgp", fingerprint } };
  return {
    problem: "must be 40 hexadecimal digits, and a ! behind them for a subkey",
  };
}

/** An AWS KMS key: its ARN, and behind a `+` the ARN of the role to assume for it. */
export function parseKmsArn(text: string, awsProfile?: string | undefined): ParsedKey {
  const whole = withoutSpaces(text);
  // A `+` may be part of an ARN; one before `arn:` can only be the separator.
  const cut = whole.indexOf("+arn:");
  const [arn, role] = cut > 0 ? [whole.slice(0, cut), whole.slice(cut + 1)] : [whole, undefined];
  return parseKms({ arn, role, awsProfile });
}

/** An AWS KMS key of several parts, as they stand in a key group. */
export function parseKms(parts: {
  readonly arn: string;
  readonly role?: string | undefined;
  readonly context?: Readonly<Record<string, string>> | undefined;
  readonly awsProfile?: string | undefined;
}): ParsedKey {
  const { role, context, awsProfile } = parts;
  const arn = withoutSpaces(parts.arn);
  // The region becomes part of a host's name.
  if (kmsRegion(arn) === undefined) {
    return {
      problem: "must look like arn:aws:kms:eu-west-1:111122223333:key/1234abcd, or end in :alias/name",
    };
  }
  if (role && !isRoleArn(role)) {
    return { problem: "the role must look like arn:aws:iam::111122223333:role/name" };
  }
  return {
    key: {
      type: "kms",
      arn,
      ...(role && { role }),
      ...(context && Object.keys(context).length > 0 && { context }),
      ...(awsProfile && { awsProfile }),
    },
  };
}

/** A key of Google Cloud KMS. */
export function parseGcpKms(text: string): ParsedKey {
  const resourceId = withoutSpaces(text);
  if (/^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/.test(resourceId)) {
    return { key: { type: "gcp_kms", resourceId } };
  }
  return { problem: "must look like projects/name/locations/europe/keyRings/ring/cryptoKeys/key" };
}

/** A key of Huawei Cloud KMS. */
export function parseHuaweiKms(text: string): ParsedKey {
  const keyId = text.trim();
  if (!/^[^:]*[^:\s][^:]*:.*\S/s.test(keyId)) return { problem: "must look like region:key-uuid" };
  return { key: { type: "hckms", keyId } };
}

/** A key of Azure Key Vault. Without a version the newest is meant, and `version` stays empty. */
export function parseAzureUrl(text: string): ParsedKey {
  const [, vaultUrl, name, version = ""] =
    /^(https:\/\/[^/\s]+)\/keys\/([^/\s]+)(?:\/([^/\s]*))?$/.exec(text.trim()) ?? [];
  if (vaultUrl === undefined || name === undefined) {
    return { problem: "must look like https://vault.example.net/keys/name/version" };
  }
  return { key: { type: "azure_kv", vaultUrl, name, version } };
}

/** A transit key of HashiCorp Vault or OpenBao. */
export function parseVaultUri(text: string): ParsedKey {
  const example = "https://vault.example.com:8200/v1/transit/keys/name";
  const [, vaultAddress, path = ""] =
    /^(https?:\/\/[^/?#\s]+)\/v[0-9]+\/([^?#\s]+)$/i.exec(text.trim()) ?? [];
  const parts = path.replace(/\/$/, "").split("/");
  const keyName = parts.at(-1);
  const engine = parts.slice(0, -2);
  // Whoever builds a URL from these parts would go elsewhere.
  const leadsAway = parts.some((part) => part === "" || part === "." || part === "..");
  if (vaultAddress === undefined || keyName === undefined || engine.length === 0 || leadsAway) {
    return { problem: `must look like ${example}, with nothing before /v1` };
  }
  return { key: { type: "hc_vault", vaultAddress, enginePath: engine.join("/"), keyName } };
}

const parsers: Readonly<Record<KeyType, (text: string) => ParsedKey>> = {
  age: parseAge,
  pgp: parsePgp,
  kms: parseKmsArn,
  gcp_kms: parseGcpKms,
  hckms: parseHuaweiKms,
  azure_kv: parseAzureUrl,
  hc_vault: parseVaultUri,
};

/** What is wrong with a key that somebody wrote into a `sops` block by hand; `undefined` when nothing is. */
export function problemOf(key: MasterKey): string | undefined {
  if (key.type === "unknown") return undefined;
  const parsed = parsers[key.type](keyId(key));
  return "problem" in parsed ? parsed.problem : undefined;
}

const shapes: readonly (readonly [RegExp, KeyType])[] = [
  [/^(age1|ssh-|AGE-)/i, "age"],
  [/^arn:/, "kms"],
  [/^projects\//, "gcp_kms"],
  [/^https:\/\/[^/]+\/keys\//, "azure_kv"],
  [/^https?:\/\//i, "hc_vault"],
  [/^[0-9a-f\s]+!?$/i, "pgp"],
  [/^[\w-]+:[\w-]+$/, "hckms"],
];

/** A key of any type, told by its looks. */
export function parseKey(text: string): ParsedKey {
  const type = shapes.find(([shape]) => shape.test(text.trim()))?.[1];
  if (type !== undefined) return parsers[type](text);
  return {
    problem:
      "must be a key as rules name it: age1..., arn:aws:kms:..., projects/..., https://..., or a PGP fingerprint",
  };
}

function withoutSpaces(text: string): string {
  return text.replaceAll(/\s/g, "");
}
