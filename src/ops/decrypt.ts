import { KsealError } from "../errors.ts";
import type { Format } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { type DecryptOptions, renderPlain } from "./decrypt-text.ts";
import type { Destination } from "./destination.ts";
import { joinTexts } from "./join-texts.ts";
import { openParsed, parseText, readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { type SelectedFile, selectEncrypted } from "./select-files.ts";
import { type Result, targetOf, withLocks, writeResults } from "./write-result.ts";

export interface DecryptFilesOptions extends DecryptOptions {
  /** Files, folders, or `-` for standard input. */
  readonly paths: readonly string[];
  readonly destination: Destination;
  readonly nameOverride?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

interface DecryptedFile {
  /** As the user named it, or as found below the folder; `-` for standard input. */
  readonly file: string;
  /** Where it was written, or would be without `dryRun`; `undefined` when it went to the caller. */
  readonly writtenTo: string | undefined;
  readonly content: Uint8Array;
  readonly format: Format;
}

export interface DecryptResult {
  readonly files: readonly DecryptedFile[];
  /** All contents as one stream, for the destinations `caller` and `file`: YAML documents are separated by `---`. */
  readonly stream: Uint8Array | undefined;
}

interface DecryptedSource extends Result {
  readonly format: Format;
}

/** Decrypts files. A folder means the encrypted files below it. All are decrypted before any is written. */
export async function decryptFiles(options: DecryptFilesOptions, context: OpContext): Promise<DecryptResult> {
  const { destination, dryRun } = options;
  if (options.extract !== undefined && destination.to === "in-place") {
    throw new KsealError("USAGE", "--extract and --in-place would replace the file by one of its values");
  }
  const sources = await selectEncrypted(options, context);
  for (const source of sources) targetOf(source, destination, context);
  return withLocks(sources, destination.to === "in-place" && !dryRun, context, async () => {
    const results = (
      await mapFiles(sources, (source) => decryptSource(source, options, context), context)
    ).flat();
    const joined = destination.to === "caller" || destination.to === "file";
    const stream = joined ? joinTexts(results) : undefined;
    const written = await writeAll(results, stream, options, context);
    const files = results.map(({ source, content, format }, index) => ({
      file: source.file,
      writtenTo: written[index],
      content,
      format,
    }));
    return { files, stream };
  });
}

async function decryptSource(
  source: SelectedFile,
  options: DecryptFilesOptions,
  context: OpContext,
): Promise<readonly DecryptedSource[]> {
  const text = await readText(source, options, context);
  const parsed = await parseText(text, options.inputType);
  // Found below a folder because it speaks of SOPS, but not encrypted.
  if (parsed.metadata === undefined && source.found) return [];
  const opened = await openParsed(text, parsed, options, context);
  const { content, format } = await renderPlain(opened, options, context);
  return [{ source, content, format, expect: text.bytes }];
}

async function writeAll(
  results: readonly DecryptedSource[],
  stream: Uint8Array | undefined,
  { destination, dryRun }: DecryptFilesOptions,
  context: OpContext,
): Promise<readonly (string | undefined)[]> {
  const [first] = results;
  if (first === undefined) return [];
  if (destination.to !== "file" || stream === undefined) {
    return writeResults(results, destination, { dryRun, plaintext: true }, context);
  }
  const [target] = await writeResults(
    [{ ...first, content: stream }],
    destination,
    { dryRun, plaintext: true },
    context,
  );
  return results.map(() => target);
}
