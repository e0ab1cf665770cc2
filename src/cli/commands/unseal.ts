import { type UnsealResult, unsealFiles } from "../../ops/unseal.ts";
import type { Action, OptionValues } from "../command.ts";
import { destinationOf } from "../destination.ts";
import { manifestTypesOf } from "../manifest-options.ts";
import type { Output } from "../output.ts";
import { pathsOrStdin } from "../paths.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const paths = pathsOrStdin(args, host, undefined);
  const result = await unsealFiles(
    {
      paths,
      keys: options.list("key"),
      destination: await destinationOf(options, paths, host, "stream"),
      item: options.text("item"),
      object: options.text("object"),
      ...manifestTypesOf(options),
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  if (options.flag("verbose")) sayOpeners(result, output);
  await print(result, options, output);
  return 0;
};

function sayOpeners({ objects }: UnsealResult, output: Output): void {
  for (const { file, namespace, name, openers } of objects) {
    for (const { item, key, fingerprint, old } of openers) {
      const what = item === "" ? "the one value of before version 0.7" : item;
      const place = namespace === "" ? name : `${namespace}/${name}`;
      output.info(`${file}: ${place}: ${what}: opened by ${key} (${fingerprint}, ${old ? "old" : "newest"})`);
    }
  }
}

async function print(
  { objects, content, written }: UnsealResult,
  options: OptionValues,
  output: Output,
): Promise<void> {
  const dryRun = options.flag("dryRun");
  for (const { file, writtenTo } of written) {
    output.info(`${file}: ${dryRun ? "would be opened" : "opened"} to ${writtenTo}`);
  }
  if (content !== undefined && !dryRun) return output.content(content);
  await output.report("", { objects, written });
}
