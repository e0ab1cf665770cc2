import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import { DataKey } from "../core/data-key.ts";
import type { Host, HttpAnswer } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { inFlight } from "./in-flight.ts";
import { KeyFailure } from "./key-failure.ts";
import { networkFailure } from "./network-failure.ts";
import type { KeyContext, KeyProvider } from "./provider.ts";
import { withRetries } from "./retries.ts";
import { enginePathOf, transitPath, trustedOrigin, type VaultTransitKey } from "./vault-address.ts";
import { jsonOf, notTransit, type VaultRequest, vaultFailure } from "./vault-failure.ts";
import { readVaultSettings, tokenSource, type VaultSettings } from "./vault-settings.ts";

type Operation = "encrypt" | "decrypt";
type Content = Readonly<Record<string, string>>;

/** What is kept for a run: the settings are read once, and few requests run at a time. */
interface Session {
  readonly settings: Promise<VaultSettings>;
  readonly inTurn: ReturnType<typeof inFlight>;
}

const sessions = new WeakMap<Host, Session>();
const defaultTimeout = 10_000;

/** Master keys of the transit engine of HashiCorp Vault and OpenBao. */
export const vaultTransitProvider: KeyProvider<VaultTransitKey> = createVaultTransitProvider();

/** @param options.timeoutMs - How long to wait for an answer when `VAULT_CLIENT_TIMEOUT` does not say so. */
export function createVaultTransitProvider(
  options: { readonly timeoutMs?: number } = {},
): KeyProvider<VaultTransitKey> {
  const ask = (key: VaultTransitKey, operation: Operation, content: Content, context: KeyContext) =>
    askVault({ key, operation, content }, context, options.timeoutMs ?? defaultTimeout);

  return {
    async wrap(key, dataKey, context) {
      const plaintext = encodeBase64(dataKey.reveal());
      const { answer, data, request } = await ask(key, "encrypt", { plaintext }, context);
      const enc = data["ciphertext"];
      // It becomes a line of the file.
      if (typeof enc !== "string" || !/^[\x21-\x7e]+$/.test(enc)) throw notTransit(answer, request);
      return enc;
    },

    async unwrap({ key, enc }, context) {
      const { answer, data, request } = await ask(key, "decrypt", { ciphertext: enc }, context);
      const plaintext = data["plaintext"];
      const bytes = typeof plaintext === "string" ? decodeBase64(plaintext) : undefined;
      if (bytes === undefined) throw notTransit(answer, request);
      return new DataKey(bytes);
    },

    async holdings({ host }) {
      const source = await tokenSource(host);
      return source === undefined ? [] : [`you hold a Vault token from ${source}`];
    },
  };
}

interface Reply {
  readonly answer: HttpAnswer;
  /** The field `data` of the answer. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly request: VaultRequest;
}

async function askVault(
  { key, operation, content }: { key: VaultTransitKey; operation: Operation; content: Content },
  context: KeyContext,
  defaultMs: number,
): Promise<Reply> {
  const origin = trustedOrigin(key.vaultAddress, context);
  const path = transitPath(key, operation);
  const session = sessionOf(context.host);
  const { token, namespace, tls, timeoutMs = defaultMs } = await session.settings;
  const request = { origin, path, engine: enginePathOf(key), keyName: key.keyName, namespace, token };
  const send = (to: string): Promise<HttpAnswer> =>
    sendOnce({ ...request, origin: to }, { content, tls, timeoutMs }, context);

  return await session.inTurn(() =>
    withRetries(async () => {
      const first = await send(origin);
      const next = redirection(first, request, context);
      const answer = next === undefined ? first : await send(next);
      if (answer.status < 200 || answer.status > 299) throw vaultFailure(answer, request);
      const data = jsonOf(answer)?.["data"];
      if (typeof data !== "object" || data === null) throw notTransit(answer, request);
      return { answer, data: { ...data }, request };
    }, context.signal),
  );
}

function sessionOf(host: Host): Session {
  const known = sessions.get(host);
  if (known !== undefined) return known;
  const session = { settings: readVaultSettings(host), inTurn: inFlight() };
  sessions.set(host, session);
  return session;
}

async function sendOnce(
  { origin, path, namespace, token }: VaultRequest,
  { content, tls, timeoutMs }: Pick<VaultSettings, "tls"> & { content: Content; timeoutMs: number },
  { host, signal }: KeyContext,
): Promise<HttpAnswer> {
  try {
    return await host.request({
      method: "PUT",
      url: urlOf(origin, path),
      headers: {
        "content-type": "application/json",
        "x-vault-request": "true",
        "x-vault-token": token,
        ...(namespace !== undefined && { "x-vault-namespace": namespace }),
      },
      body: JSON.stringify(content),
      tls,
      timeoutMs,
      signal,
    });
  } catch (error) {
    if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
    const certificateHint = "VAULT_CACERT=ca.pem names the authority that signed it";
    throw networkFailure(error, { host: new URL(origin).host, timeout: timeoutMs, certificateHint });
  }
}

function urlOf(origin: string, path: string): string {
  return `${origin}/v1/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/**
 * Where a standby server sends its clients: to the active one, for the same path. The token goes along only if that
 * server may have it, too.
 */
function redirection(
  { status, headers }: HttpAnswer,
  { origin, path }: VaultRequest,
  context: KeyContext,
): string | undefined {
  const location = headers["location"];
  if (![301, 302, 307, 308].includes(status) || !location) return undefined;
  const from = urlOf(origin, path);
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (target?.pathname !== new URL(from).pathname || target.search !== "") {
    throw new KeyFailure("unreachable", "it redirects to what is no Vault server");
  }
  return trustedOrigin(target.origin, context);
}
