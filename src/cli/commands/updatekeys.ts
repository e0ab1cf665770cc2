import { keyId } from "../../core/master-key.ts";
import { KsealError } from "../../errors.ts";
import { type KeysChange, planUpdateKeys } from "../../ops/update-keys.ts";
import type { Action } from "../command.ts";
import { numberOf, typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const plan = await planUpdateKeys(
    {
      paths: args,
      inputType: typesOf(options).inputType,
      keepDataKey: options.flag("keepDataKey"),
      shamirThreshold: numberOf(options, "shamirSecretSharingThreshold"),
    },
    await context(),
  );
  const changes = plan.files.filter(({ changed }) => changed);
  await output.report(plan.files.map(describe).join("\n"), plan.files);
  const count = changes.length === 1 ? "1 file" : `${changes.length} files`;
  if (changes.length === 0 || options.flag("dryRun")) return 0;
  if (!options.flag("yes")) {
    const answer = await host.terminal.ask(`change the recipients of ${count}? [y/N] `);
    if (answer === undefined) {
      throw new KsealError("USAGE", "there is no terminal to ask for consent", { hint: "add --yes" });
    }
    if (!/^y(es)?$/i.test(answer.trim())) throw new KsealError("CHANGES_REFUSED", "nothing was changed");
  }
  await plan.apply();
  output.info(`changed the recipients of ${count}`);
  return 0;
};

function describe(change: KeysChange): string {
  if (!change.changed) return `${change.file}: up to date`;
  const lines = [
    ...change.added.map((key) => `+ ${keyId(key)}`),
    ...change.removed.map((key) => `- ${keyId(key)}`),
  ];
  if (change.thresholdBefore !== change.thresholdAfter) {
    lines.push(`groups needed: ${change.thresholdBefore} -> ${change.thresholdAfter}`);
  }
  if (change.rekey) lines.push("new data key, because a recipient is removed");
  if (change.exposed.length > 0) {
    lines.push("the removed recipient has read these, so change the credentials themselves:");
    lines.push(...change.exposed.map((path) => `  ${path}`));
  }
  return [change.file, ...lines].join("\n  ");
}
