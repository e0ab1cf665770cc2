import { execEnv } from "../../ops/exec-env.ts";
import type { Action } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args: [path = "", ...command], options }, { context }) =>
  execEnv(
    {
      path,
      command,
      pristine: options.flag("pristine"),
      user: options.text("user"),
      inputType: typesOf(options).inputType,
      ignoreMac: options.flag("ignoreMac"),
    },
    await context(),
  );
