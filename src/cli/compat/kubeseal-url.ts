import { KsealError } from "../../errors.ts";
import { quote } from "../../gotemplate/quote.ts";
import { KubesealError } from "./kubeseal-error.ts";
import type { KubesealRun } from "./kubeseal-run.ts";

const timeoutMs = 60_000;
const mostRedirects = 10;

const statusTexts: Readonly<Record<number, string>> = {
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  407: "Proxy Authentication Required",
  410: "Gone",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/**
 * Fetches a certificate from a URL, which nobody vouches for: whoever answers chooses who can open what is sealed. Over
 * plain http anybody on the way can, so that is said; kseal's own commands want a fingerprint.
 */
export async function fetchUrl(run: KubesealRun, address: string): Promise<Uint8Array> {
  const url = URL.parse(address);
  const scheme = url?.protocol.slice(0, -1) ?? "";
  if (url !== null && scheme === "file") return readFileUrl(run, url, address);
  if (url === null || (scheme !== "http" && scheme !== "https")) {
    throw new KubesealError(
      `Get ${quote(address)}: unsupported protocol scheme ${quote(address.split(":", 1)[0] ?? "")}`,
    );
  }
  return follow(run, url, { address, redirects: 0 });
}

async function follow(
  run: KubesealRun,
  url: URL,
  { address, redirects }: { address: string; redirects: number },
): Promise<Uint8Array> {
  if (redirects === mostRedirects)
    throw new KubesealError(`Get ${quote(url.href)}: stopped after 10 redirects`);
  if (url.protocol === "http:") {
    run.warn(
      `${url.host} sends the certificate over plain http: anybody on the way can put another one in its place`,
    );
  }
  const { status, headers, body } = await request(run, url.href);
  const location = headers["location"];
  if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) {
    const next = URL.parse(location, url.href);
    if (next === null || !/^https?:$/.test(next.protocol)) {
      throw new KubesealError(`Get ${quote(location)}: unsupported protocol scheme`);
    }
    return follow(run, next, { address, redirects: redirects + 1 });
  }
  if (status !== 200) throw cannotFetch(address, status);
  return body;
}

async function request(run: KubesealRun, url: string) {
  try {
    return await run.host.request({ method: "GET", url, timeoutMs });
  } catch (error) {
    if (!(error instanceof KsealError) || error.code !== "KEY_SOURCE_FAILED") throw error;
    throw new KubesealError(`Get ${quote(url)}: ${reasonOf(error, new URL(url))}`);
  }
}

function reasonOf({ cause, message }: KsealError, { hostname, port, protocol }: URL): string {
  const isRefused = cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
  if (!isRefused) return message;
  return `dial tcp ${hostname}:${port || (protocol === "https:" ? "443" : "80")}: connect: connection refused`;
}

async function readFileUrl(run: KubesealRun, url: URL, address: string): Promise<Uint8Array> {
  try {
    return await run.host.readFile(decodeURIComponent(url.pathname));
  } catch (error) {
    if (error instanceof KsealError && error.code === "NO_FILE") throw cannotFetch(address, 404);
    throw error;
  }
}

function cannotFetch(address: string, status: number): KubesealError {
  const text = statusTexts[status];
  return new KubesealError(
    `cannot fetch ${quote(address)}: ${status}${text === undefined ? "" : ` ${text}`}`,
  );
}
