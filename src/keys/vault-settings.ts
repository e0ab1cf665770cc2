import type { Host, HttpTls } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { KeyFailure } from "./key-failure.ts";

/** How the user's environment says Vault is to be talked to. */
export interface VaultSettings {
  readonly token: string;
  readonly namespace: string | undefined;
  readonly tls: HttpTls | undefined;
  /** `undefined` when the user says nothing. */
  readonly timeoutMs: number | undefined;
}

// Files of a person's own hand: a token has 100 bytes, the certificates of all authorities together 300 kB.
const limit = 1 << 20;

/**
 * Reads the variables of Vault's own client (`VAULT_TOKEN`, `VAULT_NAMESPACE`, `VAULT_CACERT`, ...; those of OpenBao,
 * `BAO_TOKEN`, ..., where they are not set) and `~/.vault-token`.
 *
 * `VAULT_SKIP_VERIFY` is left out on purpose: the token would go to whoever answers.
 *
 * @throws KeyFailure `credentials` when there is no token, or a file that is named cannot be used.
 */
export async function readVaultSettings(host: Host): Promise<VaultSettings> {
  const namespace = variable(host, "NAMESPACE");
  if (namespace !== undefined && !isHeaderText(namespace)) {
    throw new KeyFailure("credentials", "VAULT_NAMESPACE is not the path of a namespace");
  }
  return {
    token: await readToken(host),
    namespace,
    tls: await readTls(host),
    timeoutMs: readTimeout(variable(host, "CLIENT_TIMEOUT")),
  };
}

/** Where a token is, for reports: the name of a variable, or a path. `undefined` when there is none. */
export async function tokenSource(host: Host): Promise<string | undefined> {
  const name = ["VAULT_TOKEN", "BAO_TOKEN"].find((name) => host.env[name]);
  if (name !== undefined) return name;
  return (await host.stat(tokenFile(host))) && tokenFile(host);
}

function variable({ env }: Host, name: string): string | undefined {
  return (env[`VAULT_${name}`] || env[`BAO_${name}`] || undefined)?.trim();
}

function tokenFile(host: Host): string {
  return host.resolve(host.homeDir, ".vault-token");
}

async function readToken(host: Host): Promise<string> {
  const token = variable(host, "TOKEN") ?? (await readTokenFile(host));
  if (!token) {
    throw new KeyFailure("credentials", `no Vault token in VAULT_TOKEN, ${tokenFile(host)}`, {
      hint: "vault login",
    });
  }
  if (isHeaderText(token)) return token;
  throw new KeyFailure("credentials", "the Vault token holds characters that no token has", {
    hint: "vault login",
  });
}

async function readTokenFile(host: Host): Promise<string> {
  try {
    return new TextDecoder().decode(await host.readFile(tokenFile(host), { limit })).trim();
  } catch (error) {
    if (error instanceof KsealError && error.code === "NO_FILE") return "";
    throw error;
  }
}

/** Whether a text can stand in a header. */
function isHeaderText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

async function readTls(host: Host): Promise<HttpTls | undefined> {
  const serverName = variable(host, "TLS_SERVER_NAME");
  const ca = await readIssuers(host);
  const cert = await readPem(host, "CLIENT_CERT", "CERTIFICATE");
  const key = await readPem(host, "CLIENT_KEY", "PRIVATE KEY");
  const tls = {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(serverName && { serverName }),
  };
  return Object.keys(tls).length > 0 ? tls : undefined;
}

async function readIssuers(host: Host): Promise<string | undefined> {
  const own = variable(host, "CACERT_BYTES") ?? (await readPem(host, "CACERT", "CERTIFICATE"));
  const folder = variable(host, "CAPATH");
  if (own !== undefined || folder === undefined) return own;
  const entries = (await host.list(folder)).filter(({ kind }) => kind !== "folder");
  const texts = await Promise.all(entries.map(({ name }) => readText(host, host.resolve(folder, name))));
  return withPem(texts.join("\n"), { name: "VAULT_CAPATH", label: "CERTIFICATE" });
}

async function readPem(host: Host, name: string, label: string): Promise<string | undefined> {
  const path = variable(host, name);
  return path && withPem(await readText(host, path), { name: `VAULT_${name}`, label });
}

async function readText(host: Host, path: string): Promise<string> {
  return new TextDecoder().decode(await host.readFile(path, { limit }));
}

function withPem(text: string, { name, label }: { name: string; label: string }): string {
  if (new RegExp(`^-----BEGIN [A-Z ]*${label}-----`, "m").test(text)) return text;
  const what = label === "CERTIFICATE" ? "certificate" : "private key";
  throw new KeyFailure("credentials", `there is no ${what} in PEM in what ${name} names`);
}

/** Milliseconds from `30`, `30s`, `500ms`, `2m`. */
function readTimeout(text: string | undefined): number | undefined {
  const [, number, unit = "s"] = /^(\d{1,6})(ms|s|m)?$/.exec(text ?? "") ?? [];
  if (number !== undefined && Number(number) > 0) {
    return Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as "ms" | "s" | "m"];
  }
  if (text === undefined) return undefined;
  throw new KeyFailure("credentials", "VAULT_CLIENT_TIMEOUT is not a time", {
    hint: "VAULT_CLIENT_TIMEOUT=30s",
  });
}
