import { describeKey } from "../../core/key-names.ts";
import { keyId } from "../../core/master-key.ts";
import { type RotatedFile, rotateFiles } from "../../ops/rotate.ts";
import type { Action } from "../command.ts";
import { destinationOf } from "../destination.ts";
import { changedKeysOf } from "../key-flags.ts";
import { typesOf } from "../option-parsing.ts";
import { namedFiles, reportSince } from "../paths.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const scope = namedFiles(args, options);
  const dryRun = options.flag("dryRun");
  const files = await rotateFiles(
    {
      ...scope,
      destination: await destinationOf(options, args, host, "refuse"),
      add: changedKeysOf(options, "add"),
      remove: changedKeysOf(options, "rm"),
      unlisted: options.flag("allowUnlisted") ? "warn" : "refuse",
      inputType: typesOf(options).inputType,
      ignoreMac: options.flag("ignoreMac"),
      dryRun,
    },
    await context(),
  );
  for (const { file, writtenTo, content, added, removed, names } of files) {
    if (writtenTo === undefined && !dryRun) await output.content(content);
    const changes = [
      ...added.map((key) => `+ ${describeKey(key, names)}`),
      ...removed.map((key) => `- ${describeKey(key, names)}`),
    ];
    const what = dryRun ? "would get a new data key" : "new data key";
    output.info([`${file}: ${what}`, ...changes].join("\n  "));
  }
  reportSince(
    scope.since,
    { changed: files.length, unchanged: 0 },
    { output, dryRun, noun: "encrypted file" },
  );
  const written = files.filter(({ writtenTo }) => writtenTo !== undefined);
  const isNone = scope.since !== undefined && files.length === 0;
  if (written.length > 0 || isNone) await output.report("", written.map(summary));
  return 0;
};

function summary({ file, writtenTo, added, removed }: RotatedFile): unknown {
  return { file, writtenTo, added: added.map(keyId), removed: removed.map(keyId) };
}
