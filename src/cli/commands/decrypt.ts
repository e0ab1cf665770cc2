import { decryptFiles } from "../../ops/decrypt.ts";
import type { Action } from "../command.ts";
import { destinationOf } from "../destination.ts";
import { numberOf, typesOf } from "../option-parsing.ts";
import { pathsOrStdin } from "../paths.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const paths = pathsOrStdin(args, host, options.text("filename"));
  const result = await decryptFiles(
    {
      paths,
      destination: await destinationOf(options, paths, host, "stream"),
      nameOverride: options.text("filename"),
      extract: options.text("extract"),
      ignoreMac: options.flag("ignoreMac"),
      ...typesOf(options),
      indent: numberOf(options, "indent"),
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  const written = result.files.filter(({ writtenTo }) => writtenTo !== undefined);
  const verb = options.flag("dryRun") ? "would be decrypted" : "decrypted";
  for (const { file, writtenTo } of written) {
    output.info(`${file}: ${verb} ${options.flag("inPlace") ? "in place" : `to ${writtenTo}`}`);
  }
  if (written.length > 0) {
    await output.report(
      "",
      written.map(({ file, writtenTo }) => ({ file, writtenTo })),
    );
  }
  if (written.length === 0 && result.stream !== undefined && !options.flag("dryRun")) {
    await output.content(result.stream);
  }
  return 0;
};
