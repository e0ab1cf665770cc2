import type { KMSClientConfig } from "@aws-sdk/client-kms";
import type { Host } from "../core/ports.ts";
import { KeyFailure } from "./key-failure.ts";
import { ownWords } from "./own-words.ts";
import { waitAtMost } from "./wait-at-most.ts";

/** Credentials as the clients of the SDK take them: themselves, or how to get them. */
export type AwsCredentials = NonNullable<KMSClientConfig["credentials"]>;
/** How to get credentials. */
export type AwsCredentialProvider = Extract<AwsCredentials, (...args: never) => unknown>;
/** An access key, its secret, and for how long they are good. */
export type AwsIdentity = Awaited<ReturnType<AwsCredentialProvider>>;

/** One place where credentials may be. */
export interface AwsCredentialSource {
  /** In public words, for messages. */
  readonly name: string;
  /**
   * @param client - What the SDK calls an {@link AwsCredentialProvider} with.
   * @returns `undefined` when none are there. Any other error is about credentials that are.
   */
  find(client: ClientSettings): Promise<AwsIdentity | undefined>;
}

/** The settings of the client that needs credentials, for the requests that getting them takes. */
export type ClientSettings = Parameters<AwsCredentialProvider>[0];

// The metadata service answers within milliseconds where there is one; elsewhere nothing ever answers.
const machineLimits = { timeout: 1000, maxRetries: 0 };
// Of a container it is known that there is one. The SDK's own limit only writes to the terminal.
const containerTimeout = 5000;

/**
 * Where the user's own credentials may be, besides `AWS_ACCESS_KEY_ID`: in the order of the SDK that SOPS uses, which
 * asks for a web identity before it looks into a profile. Nothing is loaded or asked before a source is used.
 *
 * @param profile - A profile that is named for the key: then there is no other source.
 */
export function credentialSources(profile: string | undefined, host: Host): readonly AwsCredentialSource[] {
  const { env } = host;
  if (profile !== undefined) return [ofProfile(profile, host)];
  const tokenFile = env["AWS_WEB_IDENTITY_TOKEN_FILE"];
  if (tokenFile) return [ofWebIdentity(tokenFile, host)];
  const own = ofProfile(env["AWS_PROFILE"] || env["AWS_DEFAULT_PROFILE"] || "default", host);
  const uri = containerUris.find((name) => env[name]);
  if (uri !== undefined) return [own, ofContainer(uri, host)];
  return env["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true" ? [own] : [own, ofMachine];
}

// The half of the SDK that gets credentials is as large as the one that uses them, and most runs do without.
const providers = (): Promise<typeof import("@aws-sdk/credential-providers")> =>
  import("@aws-sdk/credential-providers");

function ofProfile(profile: string, { env, homeDir, resolve }: Host): AwsCredentialSource {
  const files = {
    filepath: env["AWS_SHARED_CREDENTIALS_FILE"] || resolve(homeDir, ".aws", "credentials"),
    configFilepath: env["AWS_CONFIG_FILE"] || resolve(homeDir, ".aws", "config"),
  };
  return {
    name: `the profile ${profile}`,
    async find(client) {
      const { fromIni } = await providers();
      return await unlessMissing(fromIni({ ...files, profile })(asCaller(client)), ({ message }) =>
        message.startsWith("Could not resolve credentials using profile"),
      );
    },
  };
}

function ofWebIdentity(webIdentityTokenFile: string, { env }: Host): AwsCredentialSource {
  const roleSessionName = env["AWS_ROLE_SESSION_NAME"];
  const options = {
    webIdentityTokenFile,
    roleArn: env["AWS_ROLE_ARN"] ?? "",
    ...(roleSessionName ? { roleSessionName } : {}),
  };
  return {
    name: "AWS_WEB_IDENTITY_TOKEN_FILE",
    async find(client) {
      const { fromTokenFile } = await providers();
      try {
        return await fromTokenFile(options)(asCaller(client));
      } catch (error) {
        if (!isOfFile(error)) throw error;
        const reason = ownWords(error.message);
        throw new KeyFailure("credentials", `AWS_WEB_IDENTITY_TOKEN_FILE cannot be read: ${reason}`);
      }
    },
  };
}

function isOfFile(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^(ENOENT|EACCES|EISDIR)$/.test(String(error.code));
}

const containerUris = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];

function ofContainer(name: string, { env }: Host): AwsCredentialSource {
  const uri = env[name] ?? "";
  const file = env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
  const token = env["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
  const options = {
    timeout: 2 * containerTimeout,
    maxRetries: 0,
    ...(name === containerUris[0]
      ? { awsContainerCredentialsRelativeUri: uri }
      : { awsContainerCredentialsFullUri: uri }),
    ...(file ? { awsContainerAuthorizationTokenFile: file } : {}),
    ...(token && !file ? { awsContainerAuthorizationToken: token } : {}),
  };
  return {
    name,
    async find() {
      const { fromHttp } = await providers();
      return await waitAtMost(fromHttp(options)(), { milliseconds: containerTimeout, signal: undefined });
    },
  };
}

const ofMachine: AwsCredentialSource = {
  name: "the role of this machine",
  async find() {
    const { fromInstanceMetadata } = await providers();
    return await unlessMissing(fromInstanceMetadata(machineLimits)(), (error) => "tryNextLink" in error);
  },
};

async function unlessMissing(
  found: Promise<AwsIdentity>,
  isMissing: (error: Error) => boolean,
): Promise<AwsIdentity | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Error && isMissing(error)) return undefined;
    throw error;
  }
}

type Caller = Parameters<ReturnType<Awaited<ReturnType<typeof providers>>["fromIni"]>>[0];

// What a client calls its credentials with is typed more loosely than what the providers read of it.
function asCaller(client: ClientSettings): Caller {
  return client as Caller;
}
