import { explain } from "../../ops/explain.ts";
import type { Action } from "../command.ts";
import { describeExplanation, explanationAsJson } from "../explain-report.ts";

export const action: Action = async ({ args: [file = "", path], options }, { output, context }) => {
  const explanation = await explain({ file, path, online: options.flag("online") }, await context());
  await output.report(describeExplanation(explanation), explanationAsJson(explanation));
  return 0;
};
