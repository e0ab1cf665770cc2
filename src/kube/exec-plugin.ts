import { KsealError } from "../errors.ts";
import { KubeError } from "./api.ts";
import type { Connection } from "./connection.ts";
import { fieldOf, textOf } from "./fields.ts";
import type { KubeHost } from "./kubeconfig.ts";
import type { ExecEntry } from "./kubeconfig-file.ts";
import { readPem } from "./pem-source.ts";
import { oneLine } from "./server-text.ts";

/** What a plugin printed. */
export interface ExecCredentials {
  readonly token: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Epoch milliseconds; `undefined`: until the process ends. */
  readonly expiresAt: number | undefined;
}

const versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];
// Long enough for a person who has to log in with a browser.
const patience = 10 * 60_000;

/**
 * Runs the program that a kubeconfig names for credentials (`client.authentication.k8s.io`, v1 and v1beta1). It is the
 * user's own configuration that names it; it is run without a shell, and its standard error goes to the user.
 *
 * @throws KubeError `CLUSTER_FORBIDDEN` when it gives none.
 */
export async function runExecPlugin(host: KubeHost, connection: Connection): Promise<ExecCredentials> {
  const { exec } = connection.user;
  if (exec === undefined) throw new TypeError("the user has no exec plugin");
  if (!versions.includes(exec.apiVersion)) {
    throw failed(exec, `its apiVersion ${exec.apiVersion} is none of ${versions.join(", ")}`);
  }
  const interactive = isInteractive(host, exec);
  const cluster = exec.provideClusterInfo ? await clusterInfo(host, connection) : undefined;
  const info = { apiVersion: exec.apiVersion, kind: "ExecCredential", spec: { interactive, cluster } };
  const env = { ...host.env, ...exec.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  const { status, stdout } = await run(host, exec, { env, interactive });
  if (status !== 0) throw failed(exec, `it ended with status ${status}`);
  return readCredential(exec, stdout);
}

async function run(
  host: KubeHost,
  exec: ExecEntry,
  { env, interactive }: { readonly env: KubeHost["env"]; readonly interactive: boolean },
): Promise<{ readonly status: number; readonly stdout: Uint8Array }> {
  try {
    return await host.exec([exec.command, ...exec.args], {
      env,
      stderr: "inherit",
      timeoutMs: patience,
      ...(interactive && { stdin: "inherit" as const }),
    });
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    throw failed(exec, error.message, error);
  }
}

function isInteractive(host: KubeHost, exec: ExecEntry): boolean {
  const isTerminal = host.terminal.stdinIsTerminal;
  // v1 asks for a mode; v1beta1 was made before there were any.
  const mode = exec.interactiveMode ?? (exec.apiVersion === versions[1] ? "IfAvailable" : undefined);
  switch (mode) {
    case "Never":
      return false;
    case "IfAvailable":
      return isTerminal;
    case "Always":
      if (!isTerminal) throw failed(exec, "it wants to ask, and standard input is not a terminal");
      return true;
    case undefined:
      throw failed(exec, "its entry in the kubeconfig has no interactiveMode");
    default:
      throw failed(exec, `its interactiveMode ${JSON.stringify(mode)} is none of Never, IfAvailable, Always`);
  }
}

/** The cluster, as plugins are told about it. */
async function clusterInfo(host: KubeHost, { server, cluster }: Connection): Promise<unknown> {
  const ca = await readPem(
    host,
    "certificate authority",
    cluster.certificateAuthority,
    cluster.certificateAuthorityData,
  );
  return {
    server,
    "tls-server-name": cluster.tlsServerName,
    "insecure-skip-tls-verify": cluster.insecureSkipTlsVerify === true || undefined,
    "certificate-authority-data": ca === undefined ? undefined : Buffer.from(ca).toString("base64"),
    "proxy-url": cluster.proxyUrl,
    "disable-compression": cluster.disableCompression === true || undefined,
    config: cluster.execConfig ?? null,
  };
}

function readCredential(exec: ExecEntry, stdout: Uint8Array): ExecCredentials {
  const answer = parse(exec, stdout);
  if (textOf(answer, "kind") !== "ExecCredential" || textOf(answer, "apiVersion") !== exec.apiVersion) {
    throw failed(exec, `what it printed is no ExecCredential of ${exec.apiVersion}`);
  }
  const status = fieldOf(answer, "status");
  const token = textOf(status, "token") || undefined;
  const cert = textOf(status, "clientCertificateData") || undefined;
  const key = textOf(status, "clientKeyData") || undefined;
  if ((cert === undefined) !== (key === undefined)) {
    throw failed(exec, "it printed a certificate or a key, not both");
  }
  if (token === undefined && cert === undefined) throw failed(exec, "it printed no token and no certificate");
  if (token !== undefined && /[^\x21-\x7e]/.test(token)) throw failed(exec, "its token holds blanks");
  const expiry = textOf(status, "expirationTimestamp");
  const expiresAt = expiry === undefined ? undefined : Date.parse(expiry);
  return { token, cert, key, expiresAt: Number.isNaN(expiresAt) ? 0 : expiresAt };
}

function parse(exec: ExecEntry, stdout: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(stdout));
  } catch {
    // The parser's message quotes what was printed.
    throw failed(exec, "what it printed is no JSON");
  }
}

function failed(exec: ExecEntry, why: string, cause?: unknown): KubeError {
  const { command, installHint } = exec;
  return new KubeError("CLUSTER_FORBIDDEN", `cannot get credentials from ${command}: ${why}`, {
    hint: installHint === undefined ? `run \`${command}\` to see what is wrong` : oneLine(installHint),
    cause,
  });
}
