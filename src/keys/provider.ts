import type { DataKey } from "../core/data-key.ts";
import type { MasterKey, WrappedKey } from "../core/master-key.ts";
import type { Host, Log } from "../core/ports.ts";
import type { Trust } from "../core/trust.ts";

/** How one type of master key wraps and unwraps data keys. One file a type, loaded when first needed. */
export interface KeyProvider<K extends MasterKey = MasterKey> {
  /** Whether opening a key may ask the user. Such keys are first tried with {@link KeyContext.quiet}. */
  readonly mayAsk?: boolean;
  /**
   * Fills in what a rule may leave open, and what is then wrapped for: the newest version of an Azure key. Asked once
   * a run and key.
   *
   * @throws KeyFailure
   */
  resolve?(key: K, context: KeyContext): Promise<K>;
  /**
   * Encrypts the data key (or a share of it) so that only the holder of `key` can read it.
   *
   * @throws KsealError when it cannot: a {@link KeyFailure} from a key source, else `ENCRYPT_FAILED`.
   */
  wrap(key: K, dataKey: DataKey, context: KeyContext): Promise<string>;
  /**
   * Decrypts a wrapped data key.
   *
   * @returns `null` when nothing available can serve the key.
   * @throws When something can and unwrapping fails. The message goes into the report of all attempts.
   */
  unwrap(wrapped: WrappedKey & { readonly key: K }, context: KeyContext): Promise<DataKey | null>;
  /** What is at hand to open keys of this type, in public words (`age1...` from a file), for reports. */
  holdings?(context: KeyContext): Promise<readonly string[]>;
  /** What the user can do when no key of this type could be used: one sentence, best with a command. */
  nextStep?(context: KeyContext): string;
}

export interface KeyContext {
  readonly host: Host;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Only what opens without asking the user anything; the rest counts as not available. */
  readonly quiet?: boolean;
  /** Where credentials may go: nowhere ({@link noTrust}) when left out. */
  readonly trust?: Trust | undefined;
  /** The master keys that the user's own words name for the file at hand: flags, or the matching creation rule. */
  readonly listed?: (() => Promise<readonly MasterKey[]>) | undefined;
}
