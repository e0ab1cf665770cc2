import { renameKeyIn } from "../../ops/rename.ts";
import type { Action } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async (
  { args: [path = "", treePath = "", newKey = ""], options },
  { output, context },
) => {
  const { file } = await renameKeyIn(
    {
      path,
      treePath,
      newKey,
      inputType: typesOf(options).inputType,
      ignoreMac: options.flag("ignoreMac"),
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  const verb = options.flag("dryRun") ? "would rename" : "renamed";
  await output.report("", { file, changed: true });
  output.info(`${file}: ${verb} ${treePath} to ${newKey}`);
  return 0;
};
