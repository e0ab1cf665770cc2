import type { Selection } from "../../core/selection.ts";
import { type EncryptedFile, encryptFiles } from "../../ops/encrypt.ts";
import type { Action, OptionValues } from "../command.ts";
import { destinationOf } from "../destination.ts";
import { keysOf } from "../key-flags.ts";
import { numberOf, selectionOf, typesOf } from "../option-parsing.ts";
import { pathsOrStdin, reportSince } from "../paths.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const since = options.text("since");
  const dryRun = options.flag("dryRun");
  const paths = since === undefined ? pathsOrStdin(args, host, options.text("filename")) : args;
  const files = await encryptFiles(
    {
      paths,
      since,
      destination: await destinationOf(options, paths, host, "refuse"),
      nameOverride: options.text("filename"),
      keys: keysOf(options),
      selection: selectionOf(options),
      macOnlyEncrypted: options.flag("macOnlyEncrypted") || undefined,
      shamirThreshold: numberOf(options, "shamirSecretSharingThreshold"),
      ...typesOf(options),
      indent: numberOf(options, "indent"),
      strip: options.flag("strip"),
      allowNothing: options.flag("allowNothing"),
      dryRun,
    },
    await context(),
  );
  for (const file of files) {
    if (file.selectionFrom === "kubernetes" || file.writtenTo !== undefined)
      output.info(describe(file, options));
    if (file.writtenTo === undefined && !dryRun) await output.content(file.content);
  }
  reportSince(
    since,
    { changed: files.length, unchanged: 0 },
    { output, dryRun, noun: "file in clear that a rule is for" },
  );
  if (options.text("output") === "json" && files.every(({ writtenTo }) => writtenTo !== undefined)) {
    await output.report("", files.map(summary));
  }
  return 0;
};

function describe(
  { file, encrypted, encryptedComments, selection, selectionFrom, groups }: EncryptedFile,
  options: OptionValues,
): string {
  const verb = options.flag("dryRun") ? "would encrypt" : "encrypted";
  const what = [
    count(encrypted, "value"),
    ...(encryptedComments > 0 ? [count(encryptedComments, "comment")] : []),
  ];
  const readers = count(groups.flat().length, "recipient");
  return `${file}: ${verb} ${what.join(" and ")} for ${readers}${rule(selection, selectionFrom)}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function rule(selection: Selection | undefined, from: EncryptedFile["selectionFrom"]): string {
  if (selection === undefined) return "";
  const origin = {
    flag: "as the flag says",
    rule: "as the rule says",
    kubernetes: "the default for Secrets",
    default: "the default",
  };
  return from === "whole-file" ? "" : ` (${selection.rule} ${selection.pattern}, ${origin[from]})`;
}

function summary({ content: _, ...file }: EncryptedFile): unknown {
  return file;
}
