import { describeKey } from "../../core/key-names.ts";
import { keyId } from "../../core/master-key.ts";
import { type RotatedFile, rotateFiles } from "../../ops/rotate.ts";
import type { Action } from "../command.ts";
import { destinationOf } from "../destination.ts";
import { changedKeysOf } from "../key-flags.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const files = await rotateFiles(
    {
      paths: args,
      destination: await destinationOf(options, args, host, "refuse"),
      add: changedKeysOf(options, "add"),
      remove: changedKeysOf(options, "rm"),
      unlisted: options.flag("allowUnlisted") ? "warn" : "refuse",
      inputType: typesOf(options).inputType,
      ignoreMac: options.flag("ignoreMac"),
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  for (const { file, writtenTo, content, added, removed, names } of files) {
    if (writtenTo === undefined && !options.flag("dryRun")) await output.content(content);
    const changes = [
      ...added.map((key) => `+ ${describeKey(key, names)}`),
      ...removed.map((key) => `- ${describeKey(key, names)}`),
    ];
    const what = options.flag("dryRun") ? "would get a new data key" : "new data key";
    output.info([`${file}: ${what}`, ...changes].join("\n  "));
  }
  const written = files.filter(({ writtenTo }) => writtenTo !== undefined);
  if (written.length > 0) await output.report("", written.map(summary));
  return 0;
};

function summary({ file, writtenTo, added, removed }: RotatedFile): unknown {
  return { file, writtenTo, added: added.map(keyId), removed: removed.map(keyId) };
}
