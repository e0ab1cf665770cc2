/** A command line that is run once with the real `sops` and once with `kseal sops`, in twin folders. */
export interface Scenario {
  /** A sentence. */
  readonly name: string;
  /** What lies in both folders before; `$R1` and the like are filled in. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Run with the real `sops` alone, once; its result is copied into both folders. */
  readonly prepare?: readonly Step[];
  /** Changes what was prepared, before it is copied: damages. */
  readonly damage?: (files: Map<string, string>) => void;
  /** Run in both folders; every result is compared. */
  readonly run: readonly Step[];
  /**
   * How YAML is compared: byte for byte when the source already has the layout of `sops` (the default), else by
   * values, types, order and comments.
   */
  readonly yaml?: "bytes" | "tree";
  /** Standard output is the program's own usage text: only exit statuses and files are compared. */
  readonly ownWords?: boolean;
  /** kseal gets a process of its own, where that is what the scenario is about. */
  readonly ownProcess?: true;
  /** Where kseal deliberately does something else. Comparison then has to find a difference. */
  readonly deviation?: Deviation;
}

/** A line as typed after `sops`: words, quotes, `$R1`-`$R4` for recipients, and `> file`; or one with more to it. */
export type Step =
  | string
  | {
      readonly line: string;
      readonly stdin?: string | Uint8Array;
      /** A file of the folder that becomes standard input. */
      readonly stdinFile?: string;
      /** Added to the environment; `undefined` takes a variable away. */
      readonly env?: Readonly<Record<string, string | undefined>>;
    };

/** What kseal does instead, in the last step. */
export interface Deviation {
  /** The decision of sops.md, or the words of the issue that ask for it. */
  readonly decision: string;
  readonly status?: number;
  readonly stdout?: string | RegExp;
  readonly stderr?: RegExp;
  /** What sops says on standard error and kseal must not: secrets, digests of them. */
  readonly leak?: RegExp;
  /** Whether kseal leaves every file as it was. */
  readonly untouched?: boolean;
  /** Files and what kseal leaves in them. */
  readonly files?: Readonly<Record<string, RegExp>>;
}

export interface Command {
  readonly args: readonly string[];
  /** Standard output goes into this file of the folder. */
  readonly into: string | undefined;
  readonly stdin: string | Uint8Array | undefined;
  readonly stdinFile: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Splits a step into words as a shell does, as far as the scenarios need it. */
export function parseStep(step: Step, variables: Readonly<Record<string, string>>): Command {
  const whole = typeof step === "string" ? { line: step } : step;
  const words = [...whole.line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    fillIn(
      word.replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ""),
      variables,
    ),
  );
  const redirect = words.indexOf(">");
  return {
    args: redirect < 0 ? words : words.slice(0, redirect),
    into: redirect < 0 ? undefined : words[redirect + 1],
    stdin: whole.stdin,
    stdinFile: whole.stdinFile,
    env: whole.env ?? {},
  };
}

/** Puts the recipients in place of `$R1` and the like. */
export function fillIn(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$([A-Z]\w*)/g, (unknown, name: string) => variables[name] ?? unknown);
}
