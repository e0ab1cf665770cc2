import type { FileChange } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { formatOfName } from "../formats/detect.ts";
import { chooseRecipients } from "./choose-rule.ts";
import type { OpContext } from "./context.ts";
import { renderPlain } from "./decrypt-text.ts";
import { renderWithKeys, resealWithKeys } from "./edit-keys.ts";
import { type EncryptOptions, encryptText, parsePlain } from "./encrypt-text.ts";
import { exampleContent } from "./example-content.ts";
import { folderOf } from "./file-path.ts";
import { warnOfUnlisted } from "./listed-recipients.ts";
import { type OpenOptions, openText, readText } from "./load-file.ts";
import { resealFile } from "./reseal-file.ts";
import { openRuleBook } from "./rule-book.ts";
import { type SelectedFile, selectOne } from "./select-files.ts";

/** A file that is being edited. */
export interface Draft {
  /** As the user named it. */
  readonly file: string;
  /** What the editor is given. */
  readonly text: Uint8Array;
  /** Encrypts what the editor gave back. Fails on what a person can correct, and writes nothing. */
  seal(edited: Uint8Array): Promise<Uint8Array>;
  /** Puts the result in place, if nobody else changed the file meanwhile. */
  save(content: Uint8Array): Promise<void>;
}

export interface DraftOptions extends EncryptOptions, OpenOptions {
  readonly path: string;
  /** Shows the recipients with the values; edits to them are applied (sops.md D31). */
  readonly showMasterKeys?: boolean | undefined;
}

/** Opens an encrypted file for editing, or begins a new one. */
export async function openDraft(options: DraftOptions, context: OpContext): Promise<Draft> {
  const { path } = options;
  if (path === "-") throw new KsealError("USAGE", "standard input cannot be edited");
  return (await context.host.stat(path)) === undefined
    ? newDraft(options, context)
    : existingDraft(options, context);
}

async function existingDraft(options: DraftOptions, context: OpContext): Promise<Draft> {
  const source = await selectOne(options.path, context);
  const { file } = source;
  const opened = await openText(await readText(source, {}, context), options, context);
  await warnOfUnlisted(opened, context);
  const save = (content: Uint8Array): Promise<void> =>
    replace(source, { path: file, bytes: content, expect: opened.bytes }, context);
  if (options.showMasterKeys) {
    const text = await renderWithKeys(opened, context);
    return { file, text, seal: (edited) => resealWithKeys(opened, edited, context), save };
  }
  const { content } = await renderPlain(opened, {}, context);
  return {
    file,
    text: content,
    save,
    async seal(edited) {
      const layout = await withoutBlock(
        parsePlain({ ...opened, bytes: edited }, opened.parsed.format, context),
      );
      return resealFile(opened, { plain: layout.document, layout }, context);
    },
  };
}

async function newDraft(options: DraftOptions, context: OpContext): Promise<Draft> {
  const { path, inputType, kubernetesDefault } = options;
  const { host } = context;
  const folder = folderOf(path, host.platform);
  if ((await host.stat(folder))?.kind !== "folder") {
    throw new KsealError("NO_FILE", "the folder of this file does not exist", { where: { file: path } });
  }
  const rules = openRuleBook(context);
  const format = inputType ?? formatOfName(path);
  const example = exampleContent(format, { kubernetes: kubernetesDefault !== false });
  const text = { file: path, name: path, bytes: example };
  // Before anybody types a secret: to learn that nobody can read it would come too late.
  await chooseRecipients(text, options, await rules.ruleFor(host.resolve(path)), rules, context);
  return {
    file: path,
    text: example,
    async seal(edited) {
      const encrypted = await withoutBlock(encryptText({ ...text, bytes: edited }, options, rules, context));
      return encrypted.content;
    },
    async save(content) {
      if ((await host.stat(path)) !== undefined) {
        throw new KsealError("FILE_CHANGED", "somebody else made this file while you edited yours", {
          hint: "nothing was written",
          where: { file: path },
        });
      }
      await host.createFile(path, content, { mode: 0o644 });
    },
  };
}

/** The lock is held for the moment of writing only: a person may leave the editor open for days. */
async function replace(source: SelectedFile, change: FileChange, { host }: OpContext): Promise<void> {
  try {
    await host.withLock(change.path, () => host.replaceFiles([change]));
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file: source.file }) : error;
  }
}

/** Says of a `sops` key in the edited text what it is, not that the file is encrypted, which everybody knows here. */
async function withoutBlock<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof KsealError) || error.code !== "ALREADY_ENCRYPTED") throw error;
    throw new KsealError(
      "FORMAT_INVALID",
      "the edited text has a key named sops, which is kept for the metadata",
      {
        hint: "give it another name",
        where: error.where,
        cause: error,
      },
    );
  }
}
