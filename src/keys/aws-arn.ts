import { isRoleArn, kmsRegion } from "../core/aws-arn.ts";
import type { MasterKey } from "../core/master-key.ts";
import { KeyFailure } from "./key-failure.ts";
import { quoted } from "./quoted.ts";

/** A master key of AWS KMS. */
export type AwsKmsKey = Extract<MasterKey, { type: "kms" }>;

/**
 * The region that a key lives in: the fourth field of its ARN.
 *
 * @throws KeyFailure `unsupported` for what is not the ARN of a key or an alias, or names no role where one stands.
 */
export function regionOf({ arn, role }: AwsKmsKey): string {
  const region = kmsRegion(arn);
  if (region === undefined) {
    throw new KeyFailure("unsupported", "this is not the ARN of a KMS key or alias", {
      hint: "write it as arn:aws:kms:REGION:ACCOUNT:key/ID or arn:aws:kms:REGION:ACCOUNT:alias/NAME",
    });
  }
  if (role && !isRoleArn(role)) {
    throw new KeyFailure("unsupported", `${quoted(role)} is not the ARN of a role`, {
      hint: "write it as arn:aws:iam::ACCOUNT:role/NAME",
    });
  }
  return region;
}

/** Whether an ARN names an alias, which can be pointed at another key at any time. */
export function isAlias(arn: string): boolean {
  return arn.includes(":alias/");
}
