import { editDraft, editFile } from "../../ops/edit.ts";
import { isSealedFile } from "../../ops/unseal-detect.ts";
import { certificateFlagsOf } from "../certificate-options.ts";
import type { Action } from "../command.ts";
import { keysOf } from "../key-flags.ts";
import { selectionOf, typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args: [path = ""], options }, { output, context }) => {
  const operations = await context();
  if (await isSealedFile(path, operations)) {
    const { openSealedDraft } = await import("../../ops/edit-sealed.ts");
    const keys = options.list("key");
    const sealed = { path, keys, ...certificateFlagsOf(options) };
    await editDraft(await openSealedDraft(sealed, operations), operations);
    output.info(`${path}: saved`);
    return 0;
  }
  const { file } = await editFile(
    {
      path,
      keys: keysOf(options),
      selection: selectionOf(options),
      inputType: typesOf(options).inputType,
      ignoreMac: options.flag("ignoreMac"),
      showMasterKeys: options.flag("showMasterKeys"),
    },
    operations,
  );
  output.info(`${file}: saved`);
  return 0;
};
