import { isSealedFile } from "../../ops/unseal-detect.ts";
import { unsetValue } from "../../ops/unset.ts";
import type { Action } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args: [path = "", treePath = ""], options }, { output, context }) => {
  const operations = await context();
  const how = { path, idempotent: options.flag("idempotent"), dryRun: options.flag("dryRun") };
  const { file, changed } = (await isSealedFile(path, operations))
    ? await (await import("../../ops/set-sealed.ts")).unsetSealedItem(
        { ...how, item: treePath, object: options.text("object") },
        operations,
      )
    : await unsetValue(
        {
          ...how,
          treePath,
          inputType: typesOf(options).inputType,
          ignoreMac: options.flag("ignoreMac"),
        },
        operations,
      );
  const verb = options.flag("dryRun") ? "would remove" : "removed";
  await output.report("", { file, changed });
  output.info(`${file}: ${changed ? `${verb} ${treePath}` : "there was nothing to remove"}`);
  return 0;
};
