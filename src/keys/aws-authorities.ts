import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { KeyFailure } from "./key-failure.ts";

/** The authorities that the user trusts instead of the public ones, as PEM. */
export async function awsAuthorities({ env, readFile }: Host): Promise<string | undefined> {
  const path = env["AWS_CA_BUNDLE"];
  if (!path) return undefined;
  try {
    return new TextDecoder().decode(await readFile(path));
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    throw new KeyFailure("unreachable", `AWS_CA_BUNDLE cannot be used: ${error.message}`, { cause: error });
  }
}
