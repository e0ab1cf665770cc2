import { KsealError } from "../../errors.ts";
import { type SealedFile, sealFiles } from "../../ops/seal.ts";
import type { SealedObject } from "../../ops/seal-file.ts";
import { certificateFlagsOf } from "../certificate-options.ts";
import type { Action, OptionValues } from "../command.ts";
import { destinationOf } from "../destination.ts";
import { manifestTypesOf, scopeOf } from "../manifest-options.ts";
import type { Output } from "../output.ts";
import { pathsOrStdin } from "../paths.ts";

export const action: Action = async ({ args, options }, { host, output, context }) => {
  if (options.text("into") !== undefined) {
    // Loaded when needed: sealing whole files does without.
    const { sealIntoTarget } = await import("./seal-into.ts");
    return sealIntoTarget({ args, options }, { host, output, context });
  }
  refuseItems(options);
  const paths = pathsOrStdin(args, host, options.text("filename"));
  refuseOneName(paths, options);
  const files = await sealFiles(
    {
      ...certificateFlagsOf(options),
      paths,
      destination: await destinationOf(options, paths, host, "stream"),
      nameOverride: options.text("filename"),
      ...manifestTypesOf(options),
      scope: scopeOf(options),
      namespace: options.text("namespace"),
      name: options.text("name"),
      allowEmpty: options.flag("allowEmpty"),
      keepSync: options.flag("keepSync"),
      keys: options.list("key"),
      dryRun: options.flag("dryRun"),
    },
    await context(),
  );
  for (const file of files) await tell(file, options, output);
  if (options.text("output") === "json" && files.every(({ writtenTo }) => writtenTo !== undefined)) {
    await output.report("", files.map(summary));
  }
  return 0;
};

async function tell(file: SealedFile, options: OptionValues, output: Output): Promise<void> {
  const dryRun = options.flag("dryRun");
  for (const object of file.objects) output.info(`${named(file.file)}: ${describe(file, object, dryRun)}`);
  for (const line of strippedLines(file.objects)) output.info(`${named(file.file)}: ${line}`);
  if (file.writtenTo === undefined && !dryRun) await output.content(file.content);
}

function describe({ certificate }: SealedFile, object: SealedObject, dryRun: boolean): string {
  const { name, namespace, scope, values, kept } = object;
  const verb = dryRun ? "would seal" : "sealed";
  const place = namespace === "" ? name : `${namespace}/${name}`;
  const same = kept === 0 ? "" : `, ${kept} of them unchanged`;
  return `${verb} ${values} value${values === 1 ? "" : "s"} of ${place}${same} (${scope}, for ${certificate.cluster ?? certificate.origin})`;
}

function strippedLines(objects: readonly SealedObject[]): readonly string[] {
  return objects.flatMap(({ stripped }) =>
    stripped.length === 0 ? [] : [`left out ${stripped.join(", ")}`],
  );
}

function summary({ content: _, ...file }: SealedFile): unknown {
  return file;
}

function named(file: string): string {
  return file === "-" ? "standard input" : file;
}

function refuseItems(options: OptionValues): void {
  const given = ["item", "valueFile", "generate", "length"].filter(
    (name) => options.text(name) !== undefined,
  );
  if (given.length === 0 && !options.flag("valueStdin")) return;
  throw new KsealError("USAGE", "a single value needs a SealedSecret that it goes into", {
    hint: "name its file: kseal seal --into FILE --item NAME",
  });
}

/** One name for several Secrets would make one of them. */
function refuseOneName(paths: readonly string[], options: OptionValues): void {
  if (options.text("name") === undefined || paths.length === 1) return;
  throw new KsealError("USAGE", "--name is for one Secret, and several files are named");
}
