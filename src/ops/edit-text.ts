import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { renderPlain } from "./decrypt-text.ts";
import { parsePlain } from "./encrypt-text.ts";
import { warnOfUnlisted } from "./listed-recipients.ts";
import { type OpenedFile, type OpenOptions, openText, readText } from "./load-file.ts";
import { resealFile, sameDocument } from "./reseal-file.ts";
import { selectOne } from "./select-files.ts";
import { withLocks, writeResults } from "./write-result.ts";

/** Makes the new plain text of a file from the old one. */
export type ChangeText = (plain: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/**
 * Encrypts an opened file again after its plain text was edited. What did not change keeps its ciphertext; the layout is
 * that of the edited text.
 *
 * @param edited - The whole plain text, in the file's own format.
 * @returns The new file, or `undefined` when the edit changed nothing.
 * @throws KsealError `FORMAT_INVALID` with line and column when the edited text does not parse; `ALREADY_ENCRYPTED`
 *   when it has a `sops` key.
 */
async function resealEdited(
  opened: OpenedFile,
  edited: Uint8Array,
  context: OpContext,
): Promise<Uint8Array | undefined> {
  const layout = await parsePlain({ ...opened, bytes: edited }, opened.parsed.format, context);
  if (sameDocument(layout.document, opened.plain)) return undefined;
  try {
    return await resealFile(opened, { plain: layout.document, layout }, context);
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: opened.file }) : error;
  }
}

/** Changes the plain text of an opened file and encrypts it again; `undefined` when nothing changed. */
export async function editOpened(
  opened: OpenedFile,
  change: ChangeText,
  context: OpContext,
): Promise<Uint8Array | undefined> {
  const { content } = await renderPlain(opened, {}, context);
  return resealEdited(opened, await change(content), context);
}

/**
 * Changes the plain text of an encrypted file in place, under its lock.
 *
 * @returns Whether anything changed.
 */
export async function editFile(
  path: string,
  change: ChangeText,
  options: OpenOptions,
  context: OpContext,
): Promise<boolean> {
  const source = await selectOne(path, context);
  return withLocks([source], true, context, async () => {
    const opened = await openText(await readText(source, {}, context), options, context);
    await warnOfUnlisted(opened, context);
    const content = await editOpened(opened, change, context);
    if (content === undefined) return false;
    const results = [{ source, content, expect: opened.bytes }];
    await writeResults(results, { to: "in-place" }, { plaintext: false }, context);
    return true;
  });
}
