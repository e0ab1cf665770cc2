import type { Environment } from "../core/ports.ts";

/**
 * The proxy that the environment names, as an agent of Node takes it (`proxyEnv`); `undefined` when there is none.
 *
 * The variables and their forms are those that other programs know: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in
 * either case, and `proxy.example.com:3128` for an address without a scheme.
 */
export function proxyOf(env: Environment): Record<string, string> | undefined {
  const value = (name: string): string => env[name.toLowerCase()] || env[name] || "";
  const address = (name: string): string => {
    const text = value(name);
    return text === "" || text.includes("://") ? text : `http://${text}`;
  };
  const all = {
    HTTPS_PROXY: address("HTTPS_PROXY"),
    HTTP_PROXY: address("HTTP_PROXY"),
    NO_PROXY: value("NO_PROXY"),
  };
  return all.HTTPS_PROXY === "" && all.HTTP_PROXY === "" ? undefined : all;
}
