import type { Host } from "../core/ports.ts";
import {
  type AwsCredentialProvider,
  type AwsCredentials,
  type AwsIdentity,
  type ClientSettings,
  credentialSources,
} from "./aws-credential-sources.ts";
import { awsFailure } from "./aws-failure.ts";
import type { AwsRequest } from "./aws-request.ts";
import { KeyFailure } from "./key-failure.ts";
import { quoted } from "./quoted.ts";

// What is about to expire is renewed before a request that is made with it arrives too late.
const renewBefore = 300_000;

/**
 * The user's own credentials: those of the profile that is named for a key, else the variables, else the first of
 * {@link credentialSources} that has some.
 *
 * @param profile - The name that stands in the file, when it may be used.
 * @param request - What they are for, to be told when getting them fails.
 */
export function ownCredentials(profile: string | undefined, host: Host, request: AwsRequest): AwsCredentials {
  const accessKeyId = host.env["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = host.env["AWS_SECRET_ACCESS_KEY"];
  if (profile === undefined && accessKeyId && secretAccessKey) {
    const sessionToken = host.env["AWS_SESSION_TOKEN"];
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  }
  return renewed(host, async (client) => {
    try {
      return await firstFound(profile, host, client);
    } catch (error) {
      throw awsFailure(error, request);
    }
  });
}

/** Where {@link ownCredentials} looks when no profile is named for the key, in public words. */
export function ownCredentialPlaces(host: Host): readonly string[] {
  return ["AWS_ACCESS_KEY_ID", ...credentialSources(undefined, host).map(({ name }) => name)];
}

/**
 * Asks once for all requests that need credentials, and again when they expire. A failure stays one: looking for
 * credentials takes seconds where there are none, and a role that was denied is denied.
 */
export function renewed({ now }: Pick<Host, "now">, provide: AwsCredentialProvider): AwsCredentialProvider {
  let current: Promise<AwsIdentity> | undefined;
  return async (client) => {
    current ??= provide(client);
    const asked = current;
    const { expiration } = await asked;
    if (expiration === undefined || expiration.getTime() - now() > renewBefore) return await asked;
    // Another request may have asked in the meantime.
    if (current === asked) current = provide(client);
    return await current;
  };
}

async function firstFound(
  profile: string | undefined,
  host: Host,
  client: ClientSettings,
): Promise<AwsIdentity> {
  for (const source of credentialSources(profile, host)) {
    const found = await source.find(client);
    if (found) return found;
  }
  if (profile !== undefined) {
    throw new KeyFailure("credentials", `no AWS credentials in the profile ${quoted(profile)}`, {
      hint: "aws configure list-profiles shows the profiles that are there",
    });
  }
  throw new KeyFailure("credentials", `no AWS credentials in ${ownCredentialPlaces(host).join(", ")}`, {
    hint: "aws sso login, or export AWS_PROFILE=NAME",
  });
}
