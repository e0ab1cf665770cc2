import { KsealError } from "../../errors.ts";
import { type ResealedFile, type ResealReport, resealFiles } from "../../ops/reseal.ts";
import { certificateFlagsOf } from "../certificate-options.ts";
import type { Action } from "../command.ts";
import { manifestTypesOf, scopeOf } from "../manifest-options.ts";
import { namedFiles, reportSince } from "../paths.ts";

export const action: Action = async ({ args, options }, { output, context }) => {
  if (args.includes("-")) throw new KsealError("USAGE", "standard input cannot be sealed anew in place");
  const scope = namedFiles(args, options);
  const check = options.flag("check");
  const dryRun = check || options.flag("dryRun");
  const files = await resealFiles(
    {
      ...certificateFlagsOf(options),
      ...scope,
      keys: options.list("key"),
      scope: scopeOf(options),
      force: options.flag("force"),
      inputType: manifestTypesOf(options).inputType,
      dryRun,
    },
    await context(),
  );
  const old = files.flatMap(({ objects }) => objects).filter(isOld).length;
  await output.report("", files);
  for (const file of files) for (const line of linesOf(file, dryRun)) output.info(line);
  const changed = files.filter((file) => file.changed).length;
  reportSince(
    scope.since,
    { changed, unchanged: files.length - changed },
    { output, dryRun, noun: "SealedSecret" },
  );
  if (check && old > 0) {
    output.info(`${old === 1 ? "1 SealedSecret is" : `${old} SealedSecrets are`} on an old key`);
  }
  return check && old > 0 ? 1 : 0;
};

function isOld({ items, upgraded }: ResealReport): boolean {
  return upgraded || items.some(({ old }) => old);
}

function linesOf({ file, objects }: ResealedFile, dryRun: boolean): readonly string[] {
  return objects.map(({ namespace, name, items, upgraded }) => {
    const place = `${file}: ${namespace === "" ? name : `${namespace}/${name}`}`;
    const resealed = items.filter((item) => item.resealed);
    if (resealed.length === 0) return `${place}: sealed for this key already`;
    const keys = [...new Set(resealed.flatMap(({ old, key = "" }) => (old ? [key] : [])))];
    const before = keys.filter((name) => name !== "").join(", ");
    const count =
      resealed.length === items.length ? `${items.length}` : `${resealed.length} of ${items.length}`;
    const verb = dryRun ? "would be sealed anew" : "sealed anew";
    const noun = items.length === 1 ? "value" : "values";
    const form = upgraded ? ", as encryptedData" : "";
    return `${place}: ${count} ${noun} ${verb}${form}${before === "" ? "" : ` (before: ${before})`}`;
  });
}
