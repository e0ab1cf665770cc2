import type { Environment } from "../core/ports.ts";
import { anyOriginOf, originOf } from "../core/trust.ts";
import { KeyFailure } from "./key-failure.ts";

/**
 * The address that the user's environment gives for a service of AWS instead of its public one.
 *
 * @param plain - Origins that may be asked over plain http.
 * @returns `undefined` when there is none; then the SDK looks into the profile of `~/.aws/config`.
 * @throws KeyFailure `untrusted` for plain http to another machine: the data key would cross the network in clear.
 */
export function awsEndpoint(
  service: "kms" | "sts" | "s3",
  env: Environment,
  plain: readonly string[] = [],
): string | undefined {
  if (env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.toLowerCase() === "true") return undefined;
  const ofService = `AWS_ENDPOINT_URL_${service.toUpperCase()}`;
  const name = env[ofService] ? ofService : "AWS_ENDPOINT_URL";
  const url = env[name];
  if (!url) return undefined;
  if (originOf(url) === undefined && !plain.includes(anyOriginOf(url) ?? "")) {
    throw new KeyFailure("untrusted", `${name} is not an https address, and not on this machine`, {
      hint: service === "s3" ? plainHint(url, `export ${name}=https://...`) : `export ${name}=https://...`,
    });
  }
  return url;
}

/**
 * What to do about a store at a plain http address: what is sent there is encrypted and signed, so a user may allow it.
 *
 * @param otherwise - What else can be done.
 */
export function plainHint(url: string, otherwise: string): string {
  const origin = anyOriginOf(url);
  return origin === undefined
    ? otherwise
    : `${otherwise}; or allow this store: export KSEAL_S3_PLAIN_HTTP=${origin}`;
}
