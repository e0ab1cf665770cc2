import { shortKeyId } from "../core/key-names.ts";
import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { AgeIdentity } from "./age-file.ts";
import type { AgeHeader } from "./age-header.ts";
import { type IdentitySource, identitySources } from "./identity-sources.ts";
import type { Loaded } from "./identity-text.ts";
import type { KeyContext } from "./provider.ts";

const nothing: Loaded = { identities: [], problems: [] };
const mostNamed = 12;
const known = new WeakMap<Host, Identities>();

/** The age identities of this run. Each place is read when it is first needed, and once. */
export function identitiesOf(context: KeyContext): Identities {
  const found = known.get(context.host) ?? new Identities(context);
  known.set(context.host, found);
  return found;
}

/** All the places where identities may be, and what they gave. */
export class Identities {
  readonly #sources: readonly IdentitySource[];
  readonly #loaded = new Map<IdentitySource, Map<string, Promise<Loaded>>>();

  constructor(context: KeyContext) {
    this.#sources = identitySources(context);
  }

  /**
   * The file key of an age file.
   *
   * @param options.quiet - Leaves out identities that may ask the user. Without it they come last.
   * @returns `null` when no identity is for the file.
   * @throws KsealError `DECRYPT_FAILED` when one is, or might be, and failed.
   */
  async fileKey(
    header: AgeHeader,
    { recipient, quiet }: { recipient: string; quiet: boolean },
  ): Promise<Uint8Array | null> {
    const isForSsh = header.stanzas.some(({ args }) => args[0].startsWith("ssh-"));
    const asking: AgeIdentity[] = [];
    const failures = new Set<string>();
    const attempt = async (identity: AgeIdentity): Promise<Uint8Array | null> => {
      try {
        return await identity.unwrap(header);
      } catch (error) {
        failures.add(reasonOf(error));
        return null;
      }
    };
    for (const source of this.#sources) {
      if (source.isSsh && !isForSsh) continue;
      const { identities } = await this.#load(source, recipient);
      for (const identity of identities) {
        if (identity.mayAsk) {
          asking.push(identity);
          continue;
        }
        const fileKey = await attempt(identity);
        if (fileKey) return fileKey;
      }
    }
    for (const identity of quiet ? [] : asking) {
      const fileKey = await attempt(identity);
      if (fileKey) return fileKey;
    }
    if (failures.size > 0) throw new KsealError("DECRYPT_FAILED", [...failures].join("; "));
    return null;
  }

  /** What was found and what went wrong, and the places where nothing was, one line each. */
  async report(): Promise<readonly string[]> {
    const held: string[] = [];
    const problems: string[] = [];
    const empty: string[] = [];
    for (const source of this.#sources) {
      const loaded = this.#loaded.get(source);
      // No command runs for the sake of a report.
      if (source.asksFor && source.isSet && !loaded) continue;
      const all = await Promise.all(loaded?.values() ?? [this.#load(source, "")]);
      for (const { identities } of all) {
        for (const identity of identities) {
          held.push(`you hold ${shortKeyId(await nameOf(identity))} from ${source.name}`);
        }
      }
      problems.push(...all.flatMap((loaded) => loaded.problems));
      if (all.every((loaded) => loaded === nothing)) empty.push(source.name);
    }
    const more = held.length > mostNamed ? [`and ${held.length - mostNamed} more identities`] : [];
    const none = empty.length > 0 ? [`no identity in ${empty.join(", ")}`] : [];
    return [...new Set([...held.slice(0, mostNamed), ...more, ...problems, ...none])];
  }

  /** The recipients (`age1...`) of the identities that can be told without asking. */
  async recipients(): Promise<readonly string[]> {
    const names: string[] = [];
    for (const source of this.#sources.filter(({ isSsh, asksFor }) => !isSsh && !asksFor)) {
      for (const identity of (await this.#load(source, "")).identities) names.push(await nameOf(identity));
    }
    return [...new Set(names.filter((name) => name.startsWith("age1")))];
  }

  // A command is told which recipient is wanted. One that looks keys up is asked for every recipient, one that always
  // gives the same only until that shows.
  async #load(source: IdentitySource, recipient: string): Promise<Loaded> {
    const wanted = source.asksFor ? recipient : "";
    const loaded = this.#loaded.get(source) ?? new Map<string, Promise<Loaded>>();
    this.#loaded.set(source, loaded);
    const before = loaded.get(wanted);
    if (before) return await before;
    for (const [earlier, result] of loaded) {
      if (await givesOthers(await result, earlier)) return await result;
    }
    // Another file may have asked in the meantime.
    const result = loaded.get(wanted) ?? load(source, recipient);
    loaded.set(wanted, result);
    return await result;
  }
}

async function load(source: IdentitySource, recipient: string): Promise<Loaded> {
  try {
    return (await source.load(recipient)) ?? nothing;
  } catch (error) {
    const reason = reasonOf(error);
    const problem = reason.includes(source.name) ? reason : `${source.name}: ${reason}`;
    return { identities: [], problems: [problem] };
  }
}

/** Whether a command gave identities for others than the recipient it was asked for: it takes no notice of it. */
async function givesOthers({ identities }: Loaded, recipient: string): Promise<boolean> {
  const names = await Promise.all(identities.map(nameOf));
  return names.some((name) => name !== recipient);
}

async function nameOf(identity: AgeIdentity): Promise<string> {
  try {
    return await identity.describe();
  } catch (error) {
    return reasonOf(error);
  }
}

// Anything but a KsealError is a bug of kseal and must come out as one.
function reasonOf(error: unknown): string {
  if (error instanceof KsealError) return error.message;
  throw error;
}
