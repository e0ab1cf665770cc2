import type { Environment } from "../core/ports.ts";
import { originOf } from "../core/trust.ts";
import { KeyFailure } from "./key-failure.ts";

/**
 * The address that the user's environment gives for a service of AWS instead of its public one.
 *
 * @returns `undefined` when there is none; then the SDK looks into the profile of `~/.aws/config`.
 * @throws KeyFailure `untrusted` for plain http to another machine: the data key would cross the network in clear.
 */
export function awsEndpoint(service: "kms" | "sts" | "s3", env: Environment): string | undefined {
  if (env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.toLowerCase() === "true") return undefined;
  const ofService = `AWS_ENDPOINT_URL_${service.toUpperCase()}`;
  const name = env[ofService] ? ofService : "AWS_ENDPOINT_URL";
  const url = env[name];
  if (!url) return undefined;
  if (originOf(url) === undefined) {
    throw new KeyFailure("untrusted", `${name} is not an https address, and not on this machine`, {
      hint: `export ${name}=https://...`,
    });
  }
  return url;
}
