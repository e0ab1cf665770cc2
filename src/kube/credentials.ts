import { encodeBase64 } from "../core/base64.ts";
import { KubeError } from "./api.ts";
import type { Connection } from "./connection.ts";
import { type ExecCredentials, runExecPlugin } from "./exec-plugin.ts";
import type { KubeHost } from "./kubeconfig.ts";
import type { UserEntry } from "./kubeconfig-file.ts";
import { readPem } from "./pem-source.ts";

/** What shows the API server who asks. */
export interface Credentials {
  /** The value of `Authorization`. */
  readonly authorization?: string | undefined;
  /** PEM texts. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Gives credentials for as long as they are valid, then new ones. */
export interface CredentialSource {
  current(): Promise<Credentials>;
  /**
   * Told that the server did not accept what {@link CredentialSource.current} gave.
   *
   * @returns Whether other credentials may come, so that asking again makes sense.
   */
  refused(): boolean;
}

// As client-go does; a service account's token is rotated long before it ends.
const tokenFileAge = 60_000;

/** The credentials of a connection's user, by the first way that is configured: certificate and token, else a plugin. */
export function credentialSource(host: KubeHost, connection: Connection): CredentialSource {
  const { user } = connection;
  const hasOwn = [
    user.token,
    user.tokenFile,
    user.username,
    user.clientCertificate,
    user.clientCertificateData,
  ];
  if (hasOwn.some((value) => value !== undefined)) return ownCredentials(host, user);
  if (user.exec !== undefined) return fromPlugin(host, connection);
  if (user.authProvider !== undefined) return fromAuthProvider(host, connection);
  return { current: async () => ({}), refused: () => false };
}

function ownCredentials(host: KubeHost, user: UserEntry): CredentialSource {
  const { token, tokenFile, username, password = "" } = user;
  const certificate = once(async () => ({
    cert: await readPem(host, "client certificate", user.clientCertificate, user.clientCertificateData),
    key: await readPem(host, "client key", user.clientKey, user.clientKeyData),
  }));
  const file = tokenFile === undefined ? undefined : rotatedFile(host, tokenFile, token);
  const authorization = async (): Promise<string | undefined> => {
    if (file !== undefined) return `Bearer ${await file.read()}`;
    if (token !== undefined) return `Bearer ${token}`;
    if (username === undefined) return undefined;
    return `Basic ${encodeBase64(new TextEncoder().encode(`${username}:${password}`))}`;
  };
  return {
    current: async () => ({ ...(await certificate()), authorization: await authorization() }),
    refused: () => file?.forget() ?? false,
  };
}

interface RotatedFile {
  read(): Promise<string>;
  forget(): boolean;
}

/** A file with a token that somebody replaces now and then. */
function rotatedFile(host: KubeHost, path: string, fallback: string | undefined): RotatedFile {
  let known: { readonly text: string; readonly at: number } | undefined;
  return {
    async read() {
      if (known !== undefined && host.now() - known.at < tokenFileAge) return known.text;
      try {
        const bytes = await host.readFile(path, { limit: 1 << 20 });
        known = { text: new TextDecoder().decode(bytes).trim(), at: host.now() };
      } catch (error) {
        // While the file is replaced the old token is as good as before.
        const text = known?.text ?? fallback;
        if (text === undefined) throw error;
        return text;
      }
      return known.text;
    },
    forget() {
      const wasKnown = known !== undefined;
      known = undefined;
      return wasKnown;
    },
  };
}

function fromPlugin(host: KubeHost, connection: Connection): CredentialSource {
  let running: Promise<ExecCredentials> | undefined;
  let current: ExecCredentials | undefined;
  const run = async (): Promise<ExecCredentials> => {
    // Requests that start together share one run, which may open a browser.
    running ??= runExecPlugin(host, connection);
    try {
      current = await running;
      return current;
    } finally {
      running = undefined;
    }
  };
  return {
    async current() {
      const valid = current !== undefined && (current.expiresAt ?? Number.POSITIVE_INFINITY) > host.now();
      const { token, cert, key } = valid && current !== undefined ? current : await run();
      return { authorization: token === undefined ? undefined : `Bearer ${token}`, cert, key };
    },
    refused() {
      const wasKnown = current !== undefined;
      current = undefined;
      return wasKnown;
    },
  };
}

/** `oidc` with a token that is still valid: a new one would have to be written into the user's kubeconfig. */
function fromAuthProvider(host: KubeHost, { user, context }: Connection): CredentialSource {
  const { name, idToken } = user.authProvider ?? { name: "" };
  const chosen = context === undefined ? "" : ` --context ${context}`;
  return {
    async current() {
      if (name !== "oidc") {
        throw new KubeError(
          "CLUSTER_FORBIDDEN",
          `the auth-provider ${JSON.stringify(name)} does not exist any more`,
          {
            hint: "use the exec plugin of your cloud: `kubectl` needs it too",
          },
        );
      }
      if (idToken === undefined || expiryOf(idToken) <= host.now()) {
        throw new KubeError("CLUSTER_FORBIDDEN", "the id-token in the kubeconfig has expired", {
          hint: `\`kubectl auth whoami${chosen}\` gets a new one and keeps it`,
        });
      }
      return { authorization: `Bearer ${idToken}` };
    },
    refused: () => false,
  };
}

/** When a JSON Web Token ends, in epoch milliseconds; 0 when it cannot be read. */
function expiryOf(token: string): number {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    const seconds = typeof claims === "object" && claims !== null && "exp" in claims ? Number(claims.exp) : 0;
    return seconds * 1000;
  } catch {
    return 0;
  }
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
