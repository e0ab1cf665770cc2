import { DecryptCommand, EncryptCommand } from "@aws-sdk/client-kms";
import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import { DataKey } from "../core/data-key.ts";
import type { Host } from "../core/ports.ts";
import { type AwsKmsKey, regionOf } from "./aws-arn.ts";
import { openWithContext } from "./aws-context-bug.ts";
import { ownCredentialPlaces } from "./aws-credentials.ts";
import { AwsSession } from "./aws-session.ts";
import { refuseUntrustedIdentity } from "./aws-trust.ts";
import { KeyFailure } from "./key-failure.ts";
import type { KeyContext, KeyProvider } from "./provider.ts";

/**
 * Master keys of AWS KMS: the service itself encrypts and decrypts the data key, bound to the key's encryption context.
 *
 * @param options.requestTimeout - Milliseconds before a request counts as unanswered.
 */
export function createAwsKmsProvider(options: { readonly requestTimeout: number }): KeyProvider<AwsKmsKey> {
  const sessions = new WeakMap<Host, AwsSession>();
  const sessionFor = async (key: AwsKmsKey, context: KeyContext): Promise<AwsSession> => {
    // First of all, so that nothing but a key's ARN takes part in what follows.
    regionOf(key);
    await refuseUntrustedIdentity(key, context);
    const session = sessions.get(context.host) ?? new AwsSession(context.host, options);
    sessions.set(context.host, session);
    return session;
  };

  return {
    async wrap(key, dataKey, context) {
      const session = await sessionFor(key, context);
      const input = { KeyId: key.arn, Plaintext: dataKey.reveal(), EncryptionContext: { ...key.context } };
      const { signal } = context;
      const wrapped = await session.request(key, { action: "kms:Encrypt", signal }, async (client) => {
        const command = new EncryptCommand(input);
        return (await client.send(command, abortedBy(signal))).CiphertextBlob;
      });
      return encodeBase64(wrapped);
    },

    async unwrap({ key, enc }, context) {
      const session = await sessionFor(key, context);
      const CiphertextBlob = decodeBase64(enc);
      if (!CiphertextBlob) {
        throw new KeyFailure("mismatch", "the wrapped key is not base64 text", {
          hint: "git log -p FILE shows what was changed in the sops block",
        });
      }
      const open = async (EncryptionContext: Record<string, string>): Promise<DataKey> => {
        const { signal } = context;
        const opened = await session.request(key, { action: "kms:Decrypt", signal }, async (client) => {
          const command = new DecryptCommand({ KeyId: key.arn, CiphertextBlob, EncryptionContext });
          return (await client.send(command, abortedBy(signal))).Plaintext;
        });
        return new DataKey(opened);
      };
      return await openWithContext(key, open, context);
    },

    async holdings({ host }) {
      const [first, ...others] = ownCredentialPlaces(host);
      return host.env["AWS_ACCESS_KEY_ID"]
        ? [`you hold AWS credentials from ${first}`]
        : [`AWS credentials are taken from ${others.join(", or ")}`];
    },
  };
}

/** Master keys of AWS KMS. */
export const awsKmsProvider: KeyProvider<AwsKmsKey> = createAwsKmsProvider({ requestTimeout: 10_000 });

function abortedBy(abortSignal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return abortSignal === undefined ? {} : { abortSignal };
}
