import { KsealError } from "../../errors.ts";
import { planUpdateKeys } from "../../ops/update-keys.ts";
import type { Action } from "../command.ts";
import { describePlan, planAsJson } from "../keys-plan.ts";
import { numberOf, typesOf } from "../option-parsing.ts";
import { namedFiles, reportSince } from "../paths.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const scope = namedFiles(args, options);
  const dryRun = options.flag("dryRun");
  const plan = await planUpdateKeys(
    {
      ...scope,
      inputType: typesOf(options).inputType,
      keepDataKey: options.flag("keepDataKey"),
      shamirThreshold: numberOf(options, "shamirSecretSharingThreshold"),
      dryRun,
    },
    await context(),
  );
  const changes = plan.files.filter(({ changed }) => changed);
  await output.report(describePlan(plan.files), planAsJson(plan.files));
  const count = changes.length === 1 ? "1 file" : `${changes.length} files`;
  const counts = { changed: changes.length, unchanged: plan.files.length - changes.length };
  const say = () => reportSince(scope.since, counts, { output, dryRun, noun: "encrypted file" });
  if (changes.length === 0 || dryRun) {
    say();
    return 0;
  }
  if (!options.flag("yes")) {
    const answer = await host.terminal.ask(`change the recipients of ${count}? [y/N] `);
    if (answer === undefined) {
      throw new KsealError("USAGE", "there is no terminal to ask for consent", { hint: "add --yes" });
    }
    if (!/^y(es)?$/i.test(answer.trim())) throw new KsealError("CHANGES_REFUSED", "nothing was changed");
  }
  await plan.apply();
  output.info(`changed the recipients of ${count}`);
  say();
  return 0;
};
