import { KsealError } from "../../errors.ts";
import type { Action } from "../command.ts";
import { type CompletingProgram, completionScript } from "../completion-scripts.ts";

const known: readonly CompletingProgram[] = ["bash", "zsh", "fish", "powershell", "kubectl"];

export const action: Action = async ({ args: [name = ""] }, { output }) => {
  const shell = known.find((one) => one === name);
  if (shell === undefined) {
    throw new KsealError("USAGE", `completion knows ${known.join(", ")}, not ${JSON.stringify(name)}`);
  }
  await output.content(new TextEncoder().encode(completionScript(shell)));
  return 0;
};
