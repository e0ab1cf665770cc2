import { execFile } from "../../ops/exec-file.ts";
import type { Action } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args: [path = "", ...command], options }, { context }) =>
  execFile(
    {
      path,
      command,
      noFifo: !options.flag("fifo"),
      fileName: options.text("filename"),
      user: options.text("user"),
      ...typesOf(options),
      ignoreMac: options.flag("ignoreMac"),
    },
    await context(),
  );
