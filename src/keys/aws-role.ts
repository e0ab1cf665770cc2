import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import type { AwsCredentialProvider, AwsCredentials } from "./aws-credential-sources.ts";
import { awsFailure } from "./aws-failure.ts";
import type { AwsRequest } from "./aws-request.ts";
import { KeyFailure } from "./key-failure.ts";
import { withRetries } from "./retries.ts";

type Options = Parameters<typeof fromTemporaryCredentials>[0];

/**
 * The credentials of a role, for an hour.
 *
 * @param role - Its ARN.
 * @param options.own - Whose right it is to take the role.
 * @param options.hostName - Becomes part of the session's name, by which CloudTrail tells who used the role.
 * @param options.client - Region, address and connection of the STS client.
 * @param options.request - What it is for, to be told when it fails.
 */
export function assumedRole(
  role: string,
  options: {
    readonly own: AwsCredentials;
    readonly hostName: string;
    readonly client: NonNullable<Options["clientConfig"]>;
    readonly request: AwsRequest;
  },
): AwsCredentialProvider {
  const ask = fromTemporaryCredentials({
    masterCredentials: options.own,
    params: { RoleArn: role, RoleSessionName: sessionName(options.hostName) },
    clientConfig: options.client,
  });
  return async () => {
    try {
      return await withRetries(
        () =>
          ask().catch((error: unknown) => {
            throw awsFailure(error, options.request);
          }),
        undefined,
      );
    } catch (error) {
      if (!(error instanceof KeyFailure)) throw error;
      const { kind, message, hint, cause } = error;
      throw new KeyFailure(kind, `cannot assume the role: ${message}`, { hint, cause });
    }
  };
}

/**
 * The name that SOPS gives such a session, character for character: the trust policy of a role may name it. STS takes
 * 64 characters.
 */
function sessionName(hostName: string): string {
  return `sops@${hostName.replace(/[^a-zA-Z0-9=,.@_]+/g, "")}`.slice(0, 64);
}
