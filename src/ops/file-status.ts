import { KsealError } from "../errors.ts";
import { formatOfName } from "../formats/detect.ts";
import type { Format } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { parseText, readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { selectEncrypted } from "./select-files.ts";

export interface FileStatusOptions {
  /** Files, folders, or `-` for standard input. */
  readonly paths: readonly string[];
  readonly inputType?: Format | undefined;
  readonly nameOverride?: string | undefined;
}

export interface FileStatus {
  readonly file: string;
  readonly encrypted: boolean;
}

/** Says of files whether they are encrypted. No key is needed. A binary file that is no JSON is not (sops.md D36). */
export async function fileStatus(
  options: FileStatusOptions,
  context: OpContext,
): Promise<readonly FileStatus[]> {
  const sources = await selectEncrypted(options, context);
  const work = async (source: (typeof sources)[number]): Promise<FileStatus> => {
    const text = await readText(source, options, context);
    const format = options.inputType ?? formatOfName(text.name);
    try {
      const { metadata } = await parseText(text, format);
      return { file: source.file, encrypted: metadata !== undefined };
    } catch (error) {
      const noJson = error instanceof KsealError && error.code === "FORMAT_INVALID" && format === "binary";
      if (noJson) return { file: source.file, encrypted: false };
      throw error;
    }
  };
  const statuses = await mapFiles(sources, work, context);
  // Below a folder a text about SOPS is found too; nobody asked about that one.
  return statuses.filter(({ encrypted }, index) => encrypted || !sources[index]?.found);
}
