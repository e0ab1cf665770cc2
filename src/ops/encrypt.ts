import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { type EncryptedText, type EncryptOptions, encryptText } from "./encrypt-text.ts";
import { plainInGit } from "./git.ts";
import { readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { openRuleBook, type RuleBook } from "./rule-book.ts";
import { type FileScope, type SelectedFile, selectForEncryption } from "./select-files.ts";
import { refuseSeveral, withLocks, writeResults } from "./write-result.ts";

export interface EncryptFilesOptions extends EncryptOptions, FileScope {
  readonly destination: Destination;
  /** The name that decides format and rule instead of the real one. Needed for standard input. */
  readonly nameOverride?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** One encrypted file, and why it came out as it did. */
export interface EncryptedFile extends EncryptedText {
  /** As the user named it, or as found below the folder; `-` for standard input. */
  readonly file: string;
  /** Where it was written, or would be without `dryRun`; `undefined` when it went to the caller. */
  readonly writtenTo: string | undefined;
}

/**
 * Encrypts files. A folder means the files below it that a creation rule with a `path_regex` matches, without what Git
 * ignores and what is encrypted already. All are encrypted before any is written.
 */
export async function encryptFiles(
  options: EncryptFilesOptions,
  context: OpContext,
): Promise<readonly EncryptedFile[]> {
  const { paths, destination, nameOverride, dryRun } = options;
  if (paths.includes("-") && nameOverride === undefined) {
    throw new KsealError("USAGE", "standard input has no name that decides format and rule", {
      hint: "give it one: --filename secrets.yaml",
    });
  }
  const rules = openRuleBook(context);
  const sources = await selectForEncryption(options, rules, context);
  refuseSeveral(sources, destination);
  return withLocks(sources, destination.to === "in-place" && !dryRun, context, async () => {
    const results = (
      await mapFiles(sources, (source) => encryptSource(source, options, rules, context), context)
    ).flat();
    const targets = await writeResults(results, destination, { dryRun, plaintext: false }, context);
    if (destination.to === "in-place" && !dryRun) await warnOfHistory(results, context);
    return results.map(({ source, encrypted }, index) => ({
      ...encrypted,
      file: source.file,
      writtenTo: targets[index],
    }));
  });
}

interface EncryptedSource {
  readonly source: SelectedFile;
  readonly encrypted: EncryptedText;
  readonly content: Uint8Array;
  readonly expect: Uint8Array;
}

async function encryptSource(
  source: SelectedFile,
  options: EncryptFilesOptions,
  rules: RuleBook,
  context: OpContext,
): Promise<readonly EncryptedSource[]> {
  const text = await readText(source, options, context);
  try {
    const encrypted = await encryptText(text, options, rules, context);
    return [{ source, encrypted, content: encrypted.content, expect: text.bytes }];
  } catch (error) {
    // A broken sops block is told of even below a folder: somebody thinks that this file is encrypted.
    const done =
      error instanceof KsealError && error.code === "ALREADY_ENCRYPTED" && error.cause === undefined;
    if (done && source.found) return [];
    throw error;
  }
}

async function warnOfHistory(results: readonly EncryptedSource[], { host, log }: OpContext): Promise<void> {
  const named = new Map(results.map(({ source }) => [source.path ?? "", source.file]));
  for (const path of await plainInGit(host, [...named.keys()])) {
    log.warn(
      `${named.get(path)}: its plaintext is in the Git history and stays there; change the credentials in it`,
    );
  }
}
