import type { PrivateFolder } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { type Draft, type DraftOptions, openDraft } from "./draft.ts";
import { type Editor, findEditor } from "./editor.ts";
import { baseName } from "./file-path.ts";
import { openPrivateFolder } from "./private-place.ts";
import { sizeLimit } from "./select-files.ts";

export interface EditResult {
  /** As the user named it. */
  readonly file: string;
}

/**
 * Lets a person edit a file in clear, in a folder that nobody else can enter, and encrypts what they save. Values that
 * did not change keep their ciphertext.
 *
 * @throws KsealError `UNCHANGED`, `EDITOR_FAILED`, `FILE_CHANGED` when somebody else wrote the file meanwhile. What was
 *   typed is then gone: it must not stay anywhere in clear.
 */
export async function editFile(options: DraftOptions, context: OpContext): Promise<EditResult> {
  return editDraft(await openDraft(options, context), context);
}

/** {@link editFile} for a file that was opened already. */
export async function editDraft(draft: Draft, context: OpContext): Promise<EditResult> {
  const folder = await openPrivateFolder(context, { pipesOnly: false });
  try {
    const content = await editUntilItFits(draft, folder, context);
    await draft.save(content);
    return { file: draft.file };
  } finally {
    await folder.remove();
  }
}

async function editUntilItFits(draft: Draft, folder: PrivateFolder, context: OpContext): Promise<Uint8Array> {
  const { host } = context;
  const editor = await findEditor(folder.path, context);
  const path = host.resolve(folder.path, baseName(host.resolve(draft.file), host.platform));
  await host.createFile(path, draft.text);
  for (;;) {
    const start = host.now();
    await editor.edit(path);
    const edited = await readBack(path, editor, context);
    if (sameBytes(edited, draft.text)) throw unchanged(draft, host.now() - start);
    try {
      return await draft.seal(edited);
    } catch (error) {
      await offerCorrection(error, context);
    }
  }
}

async function readBack(path: string, editor: Editor, { host }: OpContext): Promise<Uint8Array> {
  try {
    return await host.readFile(path, { limit: sizeLimit });
  } catch (error) {
    if (!(error instanceof KsealError) || error.code !== "NO_FILE") throw error;
    throw new KsealError("EDITOR_FAILED", `the editor ${editor.name} removed the file`, {
      hint: "nothing was written",
      cause: error,
    });
  }
}

/** Nobody reads a file and decides to leave it in less time. */
const atOnce = 1000;

function unchanged({ file }: Draft, milliseconds: number): KsealError {
  const hint =
    milliseconds < atOnce
      ? 'if the editor is still open, let it be waited for: EDITOR="code --wait", EDITOR="gvim -f"'
      : undefined;
  return new KsealError("UNCHANGED", "the file was not changed", { hint, where: { file } });
}

/** What a person can put right in the editor. */
const correctable: ReadonlySet<string> = new Set([
  "FORMAT_INVALID",
  "FORMAT_CANNOT_HOLD",
  "METADATA_INVALID",
  "EMPTY_INPUT",
  "LIMIT_EXCEEDED",
  "NOTHING_SELECTED",
  "NO_MASTER_KEYS",
  "CHANGES_REFUSED",
  "ENCRYPT_FAILED",
  "SEALED_INVALID",
  "USAGE",
]);

/** Shows what is wrong and waits for the person to come back to it; without a terminal the error stands. */
async function offerCorrection(error: unknown, { host }: OpContext): Promise<void> {
  if (!(error instanceof KsealError) || !correctable.has(error.code)) throw error;
  const { file, path, line, column } = error.where ?? {};
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  const message = [place, path, error.message].filter((part) => part !== undefined && part !== "").join(": ");
  const lines = [
    message,
    ...(error.hint === undefined ? [] : [error.hint]),
    "press Enter to go back to the editor, or Ctrl+C to give up: ",
  ];
  if ((await host.terminal.ask(lines.join("\n"))) === undefined) throw error;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
