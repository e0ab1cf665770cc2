import { KsealError } from "../../errors.ts";
import { type ApplyPlan, planApply, readApply } from "../../ops/apply.ts";
import { applyFlagsOf, readFlagsOf } from "../apply-flags.ts";
import {
  describeObjects,
  describePlan,
  describeProgress,
  describeResult,
  isUnfinished,
  objectsAsJson,
  planAsJson,
} from "../apply-report.ts";
import type { Action, OptionValues } from "../command.ts";
import { maskOnGithub } from "../github-masks.ts";
import { pathsOrStdin } from "../paths.ts";
import { progressOn } from "../progress.ts";

type Cli = Parameters<Action>[1];

export const action: Action = async ({ args, options }, cli) => {
  const { host, output, context } = cli;
  const paths = options.text("kustomize") === undefined ? pathsOrStdin(args, host, undefined) : args;
  const read = { ...readFlagsOf(paths, options), onSecret: maskOnGithub(host) };
  const flags = applyFlagsOf(options);
  if (options.text("dryRun") === "client") {
    const objects = await readApply(read, await context());
    await output.report(describeObjects(objects), objectsAsJson(objects));
    return 0;
  }
  const plan = await planApply(
    { ...read, ...flags, onProgress: progressOn(host, "objects") },
    await context(),
  );
  try {
    return await carryOut(plan, options, cli);
  } finally {
    plan.close();
  }
};

async function carryOut(plan: ApplyPlan, options: OptionValues, cli: Cli): Promise<number> {
  const { host, output } = cli;
  const isJson = options.text("output") === "json";
  if (!isJson) await output.report(describePlan(plan), undefined);
  const count = plan.objects.filter(({ action }) => action !== "keep").length + plan.pruned.length;
  if (options.flag("check") || options.text("dryRun") === "server") {
    if (isJson) await output.report("", planAsJson(plan, undefined));
    return options.flag("check") && count > 0 ? new KsealError("FINDINGS", "").exitCode : 0;
  }
  if (count + plan.workloads.length > 0 && !options.flag("yes")) await askConsent(plan, cli);
  // A signal ends the process where it is; what it has done is then all that can be said.
  const stop = host.onExit(() =>
    host.writeStderr(`kseal: interrupted: ${describeProgress(plan.progress())}\n`),
  );
  const result = await plan.apply().finally(stop);
  if (isJson) await output.report("", planAsJson(plan, result));
  if (isUnfinished(result)) output.warn(describeProgress(result));
  else for (const line of describeResult(result)) output.info(line);
  return result.failure === undefined ? 0 : output.failure(result.failure);
}

async function askConsent({ cluster, pruned }: ApplyPlan, { host }: Cli): Promise<void> {
  const deleting = pruned.length > 0 ? `, and delete ${pruned.length}` : "";
  const answer = await host.terminal.ask(`apply this to ${cluster}${deleting}? [y/N] `);
  if (answer === undefined) {
    throw new KsealError("USAGE", "there is no terminal to ask for consent", { hint: "add --yes" });
  }
  if (!/^y(es)?$/i.test(answer.trim())) throw new KsealError("CHANGES_REFUSED", "nothing was changed");
}
