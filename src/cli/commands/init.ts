import { initFolder } from "../../ops/init.ts";
import type { Action } from "../command.ts";

export const action: Action = async ({ options }, { output, context }) => {
  const recipients = options.list("age");
  const result = await initFolder(
    {
      recipients,
      postQuantum: options.flag("postQuantum"),
      pathRegex: options.text("pathRegex"),
      yes: options.flag("yes"),
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  for (const line of result.done) output.info(line);
  await output.report(result.next.join("\n"), result);
  return 0;
};
