import type { DataKey } from "../core/data-key.ts";
import type { AwsKmsKey } from "./aws-arn.ts";
import { KeyFailure } from "./key-failure.ts";
import type { KeyContext } from "./provider.ts";

type Context = NonNullable<AwsKmsKey["context"]>;

// Each try is a request, and nobody has more values than this.
const mostTries = 8;

/**
 * Opens what SOPS wrapped before 3.3.0 with an encryption context of several values: it gave KMS one of them, at
 * random, under all names, while the file keeps the right ones.
 *
 * SOPS finds out which it was, wraps the data key anew and asks whether it may write the file. Reading writes nothing
 * here: a warning names the command that repairs the file (sops.md D42).
 *
 * @param open - Asks KMS to decrypt with a context.
 */
export async function openWithContext(
  { arn, context = {} }: AwsKmsKey,
  open: (context: Context) => Promise<DataKey>,
  { log }: Pick<KeyContext, "log">,
): Promise<DataKey> {
  try {
    return await open(context);
  } catch (error) {
    if (!isOfAnotherContext(error)) throw error;
    for (const wrong of contextsOfBug(context)) {
      const dataKey = await unlessRefused(open(wrong));
      if (dataKey === undefined) continue;
      log.warn(
        `the data key is wrapped for ${arn} with a wrong encryption context, as sops did before 3.3.0; repair it with: kseal rotate -i FILE`,
      );
      return dataKey;
    }
    throw error;
  }
}

function contextsOfBug(context: Context): readonly Context[] {
  const values = new Set(Object.values(context));
  const names = Object.keys(context);
  // One value is the same under all names with the bug and without.
  if (values.size < 2) return [];
  const same = (value: string): Context => Object.fromEntries(names.map((name) => [name, value]));
  return [...values].slice(0, mostTries).map(same);
}

async function unlessRefused(opened: Promise<DataKey>): Promise<DataKey | undefined> {
  try {
    return await opened;
  } catch (error) {
    // A policy may ask for the right context.
    if (isOfAnotherContext(error) || (error instanceof KeyFailure && error.kind === "denied"))
      return undefined;
    throw error;
  }
}

function isOfAnotherContext(error: unknown): boolean {
  return (
    error instanceof KeyFailure &&
    error.cause instanceof Error &&
    error.cause.name === "InvalidCiphertextException"
  );
}
