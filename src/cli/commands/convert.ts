import { KsealError } from "../../errors.ts";
import { type ConvertResult, convertFiles } from "../../ops/convert.ts";
import type { SecretForm } from "../../ops/convert-source.ts";
import { certificateFlagsOf } from "../certificate-options.ts";
import type { Action } from "../command.ts";
import { destinationOf } from "../destination.ts";
import { scopeOf } from "../manifest-options.ts";
import type { Output } from "../output.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const to = formOf(options.text("to"));
  const dryRun = options.flag("dryRun");
  const result = await convertFiles(
    {
      ...certificateFlagsOf(options),
      paths: args,
      to,
      destination: await destinationOf(options, args, host, "refuse"),
      sealingKeys: options.list("key"),
      scope: scopeOf(options),
      namespace: options.text("namespace"),
      decryptionSecret: options.text("decryptionSecret"),
      dryRun,
    },
    await context(),
  );
  tell(result, dryRun, output);
  const [first] = result.files;
  if (first !== undefined && first.writtenTo === undefined) {
    if (!dryRun) await output.content(first.content);
    return 0;
  }
  await output.report("", { ...result, files: result.files.map(({ content: _, ...file }) => file) });
  return 0;
};

const forms: Readonly<Record<SecretForm, string>> = {
  sops: "a SOPS file",
  sealed: "SealedSecrets",
  secret: "plain Secrets",
};

function tell({ files, edited, skipped, next }: ConvertResult, dryRun: boolean, output: Output): void {
  const verb = dryRun ? "would convert" : "converted";
  for (const { file, from, to, secrets, lost, writtenTo } of files) {
    const where = writtenTo === undefined || writtenTo === file ? "" : `, to ${writtenTo}`;
    output.info(`${file}: ${verb} ${secrets.join(", ")} from ${forms[from]} to ${forms[to]}${where}`);
    if (lost.length > 0) output.info(`${file}: left out: ${lost.join(", ")}`);
  }
  for (const { file, what } of edited)
    output.info(`${file}: ${dryRun ? "would change" : "changed"}: ${what}`);
  for (const { file, why } of skipped) output.info(`${file}: skipped: ${why}`);
  if (next.length > 0) output.info(`left to do:\n  ${next.join("\n  ")}`);
}

function formOf(word: string | undefined): SecretForm {
  if (word === "sops" || word === "sealed" || word === "secret") return word;
  throw new KsealError("USAGE", "nothing says what to convert to", {
    hint: "add --to sops, --to sealed or --to secret",
  });
}
