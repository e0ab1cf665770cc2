import { type KeyTexts, parseKeyTexts } from "../../config/key-texts.ts";
import { KsealError } from "../../errors.ts";
import { formatOfName, formatOfWord } from "../../formats/detect.ts";
import type { Format } from "../../formats/store.ts";
import type { Destination } from "../../ops/destination.ts";
import { SopsArgsError } from "./sops-args-error.ts";

/** Where the content goes that `--in-place` and `--output` ask for. */
export function destinationOf(flags: {
  readonly inPlace: boolean;
  readonly output: string | undefined;
}): Destination {
  if (flags.inPlace) return { to: "in-place" };
  return flags.output === undefined ? { to: "caller" } : { to: "file", path: flags.output };
}

/**
 * The formats and the indentation of a command's input and output. In SOPS the name decides the output's format,
 * whatever the input's is said to be.
 */
export function layoutOf(call: {
  readonly file: string | undefined;
  readonly filenameOverride: string | undefined;
  readonly inputType: string | undefined;
  readonly outputType: string | undefined;
  readonly indent: string | undefined;
}): { inputType: Format | undefined; outputType: Format | undefined; indent: number | undefined } {
  const outputType = formatOf(call.outputType) ?? formatOfName(call.filenameOverride ?? call.file ?? "");
  return { inputType: formatOf(call.inputType), outputType, indent: indentOf(call.indent) };
}

/** The number that `--indent` gives. */
export function indentOf(text: string | undefined): number | undefined {
  const indent = text === undefined ? undefined : Number(text);
  if (indent !== undefined && !Number.isInteger(indent))
    throw new KsealError("USAGE", "--indent takes a whole number");
  return indent;
}

/** The format that `--input-type` or `--output-type` names; an empty name is none. */
export function formatOf(word: string | undefined): Format | undefined {
  return word === undefined || word === "" ? undefined : formatOfWord(word);
}

/**
 * Refuses what names no key, with the status that `sops` has for it. `sops` leaves such a key out of a new group with no
 * more than a message (sops.md D34).
 */
export async function checkKeys(keys: KeyTexts): Promise<void> {
  try {
    for (const key of parseKeyTexts(keys)) {
      if (key.type !== "age") continue;
      const { parseAgeRecipient } = await import("../../keys/recipients.ts");
      parseAgeRecipient(key.recipient);
    }
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    throw new SopsArgsError(error.message, { status: 1, hint: error.hint });
  }
}
