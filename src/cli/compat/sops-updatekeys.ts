import { identityText, type MasterKey, sameKey } from "../../core/master-key.ts";
import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import type { Format } from "../../formats/store.ts";
import type { OpContext } from "../../ops/context.ts";
import type { KeysChange } from "../../ops/keys-change.ts";
import { planUpdateKeys } from "../../ops/update-keys.ts";

/** Gives one file the recipients of its rule, with the words of `sops` on standard output. */
export async function updateKeysAsSops(
  file: string,
  options: { readonly yes: boolean; readonly inputType: Format | undefined },
  context: OpContext,
): Promise<void> {
  const { inputType } = options;
  const plan = await planUpdateKeys(
    // SOPS keeps the data key, and a script that goes on to rotate relies on it (sops.md D33).
    { paths: [file], inputType, keepDataKey: true, keepThreshold: true },
    context,
  );
  const [change] = plan.files;
  if (!change?.changed) return context.log.info(`${file}: already up to date`);
  await context.host.writeStdout(describe(change));
  if (!options.yes && !(await consent(context.host))) return context.log.info(`${file}: left unchanged`);
  await plan.apply();
}

function describe(change: KeysChange): string {
  const { before, after } = change;
  const groups = Array.from({ length: Math.max(before.length, after.length) }, (_, index) => [
    `Group ${index + 1}`,
    ...describeGroup(before[index] ?? [], after[index] ?? []),
  ]);
  const lines = [
    "The following changes will be made to the file's groups:",
    ...describeThreshold(change.thresholdBefore, change.thresholdAfter),
    ...groups.flat(),
  ];
  return `${lines.join("\n")}\n`;
}

function describeThreshold(before: number, after: number): readonly string[] {
  if (before > 0 && before === after) return [`shamir_threshold: ${after}`];
  return [
    ...(after > 0 ? [`+++ shamir_threshold: ${after}`] : []),
    ...(before > 0 ? [`--- shamir_threshold: ${before}`] : []),
  ];
}

function describeGroup(before: readonly MasterKey[], after: readonly MasterKey[]): readonly string[] {
  const isIn = (keys: readonly MasterKey[], key: MasterKey): boolean =>
    keys.some((other) => sameKey(other, key));
  return [
    ...after.filter((key) => isIn(before, key)).map((key) => `    ${identityText(key)}`),
    ...after.filter((key) => !isIn(before, key)).map((key) => `+++ ${identityText(key)}`),
    ...before.filter((key) => !isIn(after, key)).map((key) => `--- ${identityText(key)}`),
  ];
}

const question = "Is this okay? (y/n):";

/** Asks at the terminal; where there is none, standard input answers, as in a script that pipes `y` into it. */
async function consent(host: Host): Promise<boolean> {
  if (host.terminal.stdinIsTerminal) {
    for (;;) {
      const answer = (await host.terminal.ask(question))?.trim();
      if (answer === undefined) throw unanswered();
      if (answer === "y" || answer === "n") return answer === "y";
    }
  }
  const answers = new TextDecoder().decode(await host.readStdin()).split("\n");
  for (const line of answers) {
    await host.writeStdout(question);
    const answer = line.trim();
    if (answer === "y" || answer === "n") return answer === "y";
    if (answer === "") break;
  }
  throw unanswered();
}

function unanswered(): KsealError {
  return new KsealError("CHANGES_REFUSED", "nobody answered, so nothing was changed", {
    hint: "add --yes to go on without being asked",
  });
}
