import { editFile } from "../../ops/edit.ts";
import type { Action } from "../command.ts";
import { keysOf } from "../key-flags.ts";
import { selectionOf, typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args: [path = ""], options }, { output, context }) => {
  const { file } = await editFile(
    {
      path,
      keys: keysOf(options),
      selection: selectionOf(options),
      inputType: typesOf(options).inputType,
      ignoreMac: options.flag("ignoreMac"),
      showMasterKeys: options.flag("showMasterKeys"),
    },
    await context(),
  );
  output.info(`${file}: saved`);
  return 0;
};
