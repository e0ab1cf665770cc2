import { BlockList, isIP } from "node:net";
import type { Environment } from "../core/ports.ts";
import { KsealError } from "../errors.ts";

/**
 * The proxy on the way to a server: that of the kubeconfig (`proxy-url`), which serves all, else that of the
 * environment, whose `NO_PROXY` is read as Go reads it: names with and without subdomains, addresses, networks.
 *
 * @returns `undefined` when there is none.
 * @throws KsealError `USAGE` for an address that is none.
 */
export function proxyFor(server: string, configured: string | undefined, env: Environment): URL | undefined {
  if (configured !== undefined) return proxyUrl(configured, "proxy-url");
  const url = new URL(server);
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const address = variable(env, name);
  if (address === "" || !needsProxy(url, variable(env, "NO_PROXY"))) return undefined;
  return proxyUrl(address.includes("://") ? address : `http://${address}`, name);
}

function variable(env: Environment, name: string): string {
  return env[name] || env[name.toLowerCase()] || "";
}

function proxyUrl(text: string, name: string): URL {
  const url = URL.parse(text);
  // The address may hold a password and is not shown.
  if (url === null || !/^(https?|socks5h?):$/.test(url.protocol) || url.hostname === "") {
    throw new KsealError("USAGE", `${name} is no address of a proxy`, {
      hint: "it takes http://, https:// and socks5:// with a host",
    });
  }
  return url;
}

function needsProxy(url: URL, exceptions: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (host === "localhost" || isWithin(host, "127.0.0.0/8") || host === "::1") return false;
  const entries = exceptions
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== "");
  return !entries.some((entry) => entry === "*" || matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry.includes("/")) return isWithin(host, entry);
  const parts = /^(?:\[(?<six>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>\d+))?$/.exec(entry)?.groups;
  const name = parts?.["six"] ?? parts?.["name"] ?? entry;
  if (parts?.["port"] !== undefined && parts["port"] !== port) return false;
  if (isIP(name) !== 0 || isIP(host) !== 0) return isIP(name) !== 0 && sameAddress(name, host);
  const suffix = name.replace(/^\*(?=\.)/, "");
  return suffix.startsWith(".") ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function sameAddress(one: string, other: string): boolean {
  return isWithin(other, `${one}/${isIP(one) === 6 ? 128 : 32}`);
}

/** Whether an address lies in a network (`10.0.0.0/8`). */
function isWithin(host: string, network: string): boolean {
  const [address = "", prefix = ""] = network.split("/");
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  const bits = Number(prefix);
  if (bits > (family === 6 ? 128 : 32)) return false;
  const type = family === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(address, bits, type);
  return list.check(host, type);
}
