// The region becomes part of the address that a data key is sent to, so nothing else may stand there.
const keyArn = /^arn:aws[a-z-]*:kms:([a-z0-9-]{1,63}):\d+:(?:key|alias)\/[\w/-]+$/;
const roleArn = /^arn:aws[a-z-]*:iam::\d+:role\/[\w+=,.@/-]+$/;

/** The region of a KMS key or alias: the fourth field of its ARN. `undefined` for what is no such ARN. */
export function kmsRegion(arn: string): string | undefined {
  return keyArn.exec(arn)?.[1];
}

/** Whether a text is the ARN of a role. */
export function isRoleArn(text: string): boolean {
  return roleArn.test(text);
}
