/** What the notation of an option says: `-i, --in-place`, `--out <file>`. */
export interface OptionFlags {
  /** With its dash. */
  readonly short: string | undefined;
  /** Without dashes. */
  readonly long: string;
  /** What the value is called; `undefined` for a switch. */
  readonly value: string | undefined;
}

/** Reads the notation of an option, which is commander's. */
export function readFlags(flags: string): OptionFlags {
  const [, short, long = "", value] = /^(?:(-\w), )?--([\w-]+)(?: <(.*)>)?$/.exec(flags) ?? [];
  return { short, long, value };
}
