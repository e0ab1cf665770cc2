import { who } from "../../ops/who.ts";
import type { Action } from "../command.ts";
import { describeWho, whoAsJson } from "../who-report.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const result = await who({ paths: args, recipient: options.text("recipient") }, await context());
  if (options.text("output") === "html") {
    const { whoAsHtml } = await import("../who-html.ts");
    await host.writeStdout(whoAsHtml(result, new Date(host.now()).toISOString()));
  } else {
    await output.report(describeWho(result), whoAsJson(result));
  }
  return 0;
};
