import { KsealError } from "../../errors.ts";
import { initGit } from "../../ops/git-setup.ts";
import { initFolder } from "../../ops/init.ts";
import { version } from "../../version.ts";
import type { Action } from "../command.ts";

export const action: Action = async ({ options }, { output, context }) => {
  const dryRun = options.flag("dryRun");
  const run = await context();
  const setUpGit = async (): Promise<readonly string[]> =>
    options.flag("skipGit") ? [] : initGit({ dryRun, filter: options.flag("filter") }, run);
  const init = {
    recipients: options.list("age"),
    postQuantum: options.flag("postQuantum"),
    pathRegex: options.text("pathRegex"),
    yes: options.flag("yes"),
    dryRun,
    version,
  };
  try {
    const { done, ...result } = await initFolder(init, run);
    const all = [...done, ...(await setUpGit())];
    for (const line of all) output.info(line);
    await output.report(result.next.join("\n"), { ...result, done: all });
  } catch (error) {
    // A fresh clone has the configuration, and its settings are still to be made.
    const isThere =
      error instanceof KsealError && error.code === "OUTPUT_UNWRITABLE" && init.recipients.length === 0;
    const done = isThere ? await setUpGit() : [];
    if (done.length === 0) throw error;
    for (const line of done) output.info(line);
    await output.report("", { done });
  }
  return 0;
};
