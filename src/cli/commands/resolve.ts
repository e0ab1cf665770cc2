import { resolveMerge } from "../../ops/resolve.ts";
import type { Action } from "../command.ts";

export const action: Action = async ({ args: [path = ""], options }, { output, context }) => {
  const dryRun = options.flag("dryRun");
  const { file } = await resolveMerge(
    { path, ours: options.list("ours"), theirs: options.list("theirs"), dryRun },
    await context(),
  );
  await output.report("", { file, resolved: true });
  output.info(dryRun ? `${file}: would be merged` : `${file}: merged; tell Git so with: git add ${file}`);
  return 0;
};
