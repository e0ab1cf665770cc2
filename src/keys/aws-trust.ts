import { noTrust } from "../core/trust.ts";
import type { AwsKmsKey } from "./aws-arn.ts";
import { KeyFailure } from "./key-failure.ts";
import type { KeyContext } from "./provider.ts";
import { quoted } from "./quoted.ts";

/**
 * Refuses a role or a profile that only the file asks for.
 *
 * A file comes with the repository: whoever can change it must not choose which of the user's AWS identities is used.
 * It may be used when the matching creation rule or a flag gives it to the same key, when the user chose that profile
 * for this run, or when the user's own file allows it (sops.md D43).
 *
 * @throws KeyFailure `untrusted`, before anything is sent.
 */
export async function refuseUntrustedIdentity(key: AwsKmsKey, context: KeyContext): Promise<void> {
  const { trust = noTrust, host } = context;
  const { role, awsProfile } = key;
  const isRoleTrusted = !role || trust.awsRoles.includes(role);
  const isProfileTrusted =
    !awsProfile || trust.awsProfiles.includes(awsProfile) || host.env["AWS_PROFILE"] === awsProfile;
  if (isRoleTrusted && isProfileTrusted) return;

  const keys = (await context.listed?.()) ?? [];
  const listed = keys.filter((other) => other.type === "kms" && other.arn === key.arn);
  const isListed = (field: "role" | "awsProfile"): boolean =>
    listed.some((other) => other.type === "kms" && other[field] === key[field]);
  if (!isRoleTrusted && !isListed("role")) throw untrusted("role", role, "aws_roles", context);
  if (!isProfileTrusted && !isListed("awsProfile")) {
    throw untrusted("profile", awsProfile, "aws_profiles", context);
  }
}

function untrusted(what: string, name: string, field: string, { host }: KeyContext): KeyFailure {
  const shown = quoted(name);
  const path = host.resolve(host.configDir, "kseal", "config.yaml");
  return new KeyFailure(
    "untrusted",
    `the file wants the AWS ${what} ${shown} to be used, which no creation rule names for this key`,
    { hint: `to allow it, write into ${path}: trust: { ${field}: [${shown}] }` },
  );
}
