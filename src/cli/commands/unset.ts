import { unsetValue } from "../../ops/unset.ts";
import type { Action } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args: [path = "", treePath = ""], options }, { output, context }) => {
  const { file, changed } = await unsetValue(
    {
      path,
      treePath,
      inputType: typesOf(options).inputType,
      ignoreMac: options.flag("ignoreMac"),
      idempotent: options.flag("idempotent"),
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  const verb = options.flag("dryRun") ? "would remove" : "removed";
  await output.report("", { file, changed });
  output.info(`${file}: ${changed ? `${verb} ${treePath}` : "there was nothing to remove"}`);
  return 0;
};
