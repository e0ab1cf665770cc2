import { getValue } from "../../ops/get.ts";
import type { Action } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args: [path = "", treePath = ""], options }, { output, context }) => {
  const { content } = await getValue(
    { path, treePath, ignoreMac: options.flag("ignoreMac"), ...typesOf(options) },
    await context(),
  );
  await output.content(content);
  return 0;
};
