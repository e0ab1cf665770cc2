import type { MasterKey } from "../core/master-key.ts";

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

/** One PGP fingerprint; spaces in it are for the reader. */
export function parsePgp(text: string): ParsedKey {
  return { key: { type: "pgp", fingerprint: withoutSpaces(text) } };
}

/** An AWS KMS key: its ARN, and behind a `+` the ARN of the role to assume for it. */
export function parseKmsArn(text: string, awsProfile: string | undefined): ParsedKey {
  const whole = withoutSpaces(text);
  // A `+` may be part of an ARN; one before `arn:` can only be the separator.
  const cut = whole.indexOf("+arn:");
  const [arn, role] = cut > 0 ? [whole.slice(0, cut), whole.slice(cut + 1)] : [whole, undefined];
  return { key: { type: "kms", arn, ...(role && { role }), ...(awsProfile && { awsProfile }) } };
}

/** A key of Google Cloud KMS. */
export function parseGcpKms(text: string): ParsedKey {
  return { key: { type: "gcp_kms", resourceId: withoutSpaces(text) } };
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
    /^(https:\/\/[^/]+)\/keys\/([^/]+)(?:\/([^/]*))?$/.exec(text.trim()) ?? [];
  if (vaultUrl === undefined || name === undefined) {
    return { problem: "must look like https://vault.example.net/keys/name/version" };
  }
  return { key: { type: "azure_kv", vaultUrl, name, version } };
}

/** A transit key of HashiCorp Vault or OpenBao. */
export function parseVaultUri(text: string): ParsedKey {
  const example = "https://vault.example.com:8200/v1/transit/keys/name";
  const [, vaultAddress, path = ""] =
    /^([a-z][a-z0-9+.-]*:\/\/[^/?#]+)\/v[0-9]+\/([^?#]+)$/i.exec(text.trim()) ?? [];
  const parts = path.replace(/\/$/, "").split("/");
  const keyName = parts.at(-1);
  const engine = parts.slice(0, -2);
  if (vaultAddress === undefined || keyName === undefined || engine.length === 0 || parts.includes("")) {
    return { problem: `must look like ${example}, with nothing before /v1` };
  }
  return { key: { type: "hc_vault", vaultAddress, enginePath: engine.join("/"), keyName } };
}

function withoutSpaces(text: string): string {
  return text.replaceAll(/\s/g, "");
}
