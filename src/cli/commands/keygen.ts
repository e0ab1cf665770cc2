import { makeIdentity } from "../../ops/keygen.ts";
import type { Action } from "../command.ts";

export const action: Action = async ({ options }, { output, context }) => {
  const result = await makeIdentity(
    {
      postQuantum: options.flag("postQuantum"),
      out: options.text("out"),
      save: options.flag("save"),
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  if (result.writtenTo === undefined) {
    await output.content(new TextEncoder().encode(result.text));
  } else {
    if (options.flag("dryRun")) {
      output.info(`would write an identity to ${result.writtenTo}`);
      return 0;
    }
    output.info(`wrote an identity to ${result.writtenTo}; make a copy that survives this machine`);
    await output.report(result.recipient, { recipient: result.recipient, file: result.writtenTo });
  }
  return 0;
};
