import { fileStatus } from "../../ops/file-status.ts";
import type { Action } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args, options }, { output, context }) => {
  const files = await fileStatus({ paths: args, inputType: typesOf(options).inputType }, await context());
  await output.report(
    files.map(({ file, encrypted }) => `${file}: ${encrypted ? "encrypted" : "not encrypted"}`).join("\n"),
    files,
  );
  return 0;
};
