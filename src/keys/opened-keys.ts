import type { DataKey } from "../core/data-key.ts";
import type { WrappedKey } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import { KeyCache } from "./key-cache.ts";
import { KeyFailure, type KeyFailureKind } from "./key-failure.ts";
import type { KeyContext, KeyProvider } from "./provider.ts";
import { providerFor } from "./registry.ts";
import { unknownType } from "./unknown-type.ts";

/** What became of one wrapped key: what it opened to, or why it did not. */
export type Outcome = { readonly dataKey: DataKey } | Refusal;

/** Why a wrapped key did not open. */
export interface Refusal {
  readonly reason: string;
  /** `absent`: nothing at hand could even try; `broken`: something could, and the wrapped key does not open. */
  readonly kind: KeyFailureKind | "absent" | "broken";
  /** What the user can type next. */
  readonly hint: string | undefined;
}

// A source that hangs costs half a minute, and one without credentials may look for them for as long: once is enough.
const lasting: ReadonlySet<string> = new Set(["unreachable", "credentials"]);

/**
 * Opens wrapped keys, each at most once in a run, however many files hold it and whoever asks at the same time.
 *
 * A source that did not answer, or had nobody to answer to, is not asked again for the same master key.
 */
export class OpenedKeys {
  readonly #outcomes = new Map<string, Promise<Outcome>>();
  readonly #silent = new Map<string, Refusal>();

  /** @param context - With `quiet`, nothing that asks the user is tried. */
  async open(wrapped: WrappedKey, context: KeyContext): Promise<Outcome> {
    const provider = await providerFor(wrapped.key.type);
    if (!provider) return refused(unknownType(wrapped.key));
    const master = JSON.stringify(wrapped.key);
    const id = `${master} ${wrapped.enc}`;
    // Without anything to ask, the quiet attempt is the last word.
    const isQuiet = provider.mayAsk === true && context.quiet === true;
    const earlier = isQuiet ? undefined : await this.#outcomes.get(`quiet ${id}`);
    if (earlier !== undefined && "dataKey" in earlier) return earlier;
    return await this.#once(isQuiet ? `quiet ${id}` : id, async () => {
      const silent = this.#silent.get(master);
      if (silent !== undefined) return silent;
      const outcome = await open(provider, wrapped, { ...context, quiet: isQuiet });
      if (!isQuiet && "kind" in outcome && lasting.has(outcome.kind)) this.#silent.set(master, outcome);
      return outcome;
    });
  }

  async #once(id: string, work: () => Promise<Outcome>): Promise<Outcome> {
    for (let known = this.#outcomes.get(id); known !== undefined; known = this.#outcomes.get(id)) {
      const outcome = await known;
      // What may not be used for one file may be for another, whose rule names it.
      if (!("kind" in outcome) || outcome.kind !== "untrusted") return outcome;
      if (this.#outcomes.get(id) === known) this.#outcomes.delete(id);
    }
    const attempt = work();
    this.#outcomes.set(id, attempt);
    return await attempt;
  }
}

/** Whether opening a key may ask the user, so that the quiet attempt is not the last word. */
export async function mayAsk({ key }: WrappedKey): Promise<boolean> {
  return (await providerFor(key.type))?.mayAsk === true;
}

async function open(provider: KeyProvider, wrapped: WrappedKey, context: KeyContext): Promise<Outcome> {
  try {
    const cache = new KeyCache(context.host);
    const known = await cache.find(wrapped);
    if (known !== undefined) return { dataKey: known };
    const dataKey = await provider.unwrap(wrapped, context);
    if (dataKey) await cache.keep(wrapped, dataKey);
    return dataKey ? { dataKey } : { kind: "absent", reason: "nothing at hand opens it", hint: undefined };
  } catch (error) {
    return refused(refusal(error));
  }
}

function refused(error: KsealError): Refusal {
  const kind = error instanceof KeyFailure ? error.kind : "broken";
  return { kind, reason: reasonOf(error), hint: error.hint };
}

/** What a failure says, with the place it is about: a `.sops.yaml` that a key source asked for may be the broken one. */
export function reasonOf({ message, where }: KsealError): string {
  const place = [where?.file, where?.line].filter((part) => part !== undefined).join(":");
  return place === "" ? message : `${place}: ${message}`;
}

/** A failure that may stand in a report. Anything but a KsealError is a bug of kseal and must come out as one. */
export function refusal(error: unknown): KsealError {
  if (error instanceof KsealError && error.code !== "INTERRUPTED") return error;
  throw error;
}
