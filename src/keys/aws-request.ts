import type { AwsKmsKey } from "./aws-arn.ts";

/** What AWS is asked for, as far as messages tell it. */
export interface AwsRequest {
  readonly action: "kms:Encrypt" | "kms:Decrypt" | "sts:AssumeRole" | S3Action;
  /** The key that it is for; none for what is stored in S3. */
  readonly key?: AwsKmsKey;
  /** The key's region, in which STS is asked too. */
  readonly region: string;
  /** Where the service is. */
  readonly url: string;
  /** How long an answer is waited for, in milliseconds. */
  readonly timeout: number;
}

/** What a bucket is asked for. */
export type S3Action = "s3:PutObject" | "s3:GetObject" | "s3:ListBucket";

/** The address that AWS itself gives a service in a region. */
export function publicUrl(service: "kms" | "sts" | "s3", region: string): string {
  return `https://${service}.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
