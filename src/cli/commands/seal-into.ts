import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import { type IntoObject, type IntoSource, type ItemValue, sealInto } from "../../ops/seal-into.ts";
import { certificateFlagsOf } from "../certificate-options.ts";
import type { Action, OptionValues } from "../command.ts";
import { manifestTypesOf, scopeOf } from "../manifest-options.ts";
import { numberOf } from "../option-parsing.ts";
import type { Output } from "../output.ts";
import { pathsOrStdin } from "../paths.ts";

/** `kseal seal --into FILE`. */
export const sealIntoTarget: Action = async ({ args, options }, { host, output, context }) => {
  refuseOutputs(options);
  const dryRun = options.flag("dryRun");
  const { content: _, ...result } = await sealInto(
    {
      ...certificateFlagsOf(options),
      target: options.text("into") ?? "",
      source: await sourceOf(args, options, { host, output }),
      scope: scopeOf(options),
      namespace: options.text("namespace"),
      name: options.text("name"),
      allowEmpty: options.flag("allowEmpty"),
      keepSync: options.flag("keepSync"),
      keys: options.list("key"),
      dryRun,
    },
    await context(),
  );
  // The key of a dry run is gone with it.
  const publicKey = dryRun ? undefined : result.publicKey;
  await output.report(publicKey ?? "", { ...result, publicKey });
  for (const object of result.objects) {
    for (const line of linesOf(object, dryRun)) output.info(`${result.file}: ${line}`);
  }
  return 0;
};

function linesOf(object: IntoObject, dryRun: boolean): readonly string[] {
  const { name, namespace, added, replaced, unchanged, stripped } = object;
  const place = namespace === "" ? name : `${namespace}/${name}`;
  const done = dryRun ? "would have " : "";
  const parts = [
    ...(added.length > 0 ? [`${done}added ${added.join(", ")}`] : []),
    ...(replaced.length > 0 ? [`${done}replaced ${replaced.join(", ")}`] : []),
    ...(unchanged.length > 0 ? [`unchanged: ${unchanged.join(", ")}`] : []),
  ];
  return [
    ...(parts.length > 0 ? [`${place}: ${parts.join("; ")}`] : []),
    ...(stripped.length > 0 ? [`left out ${stripped.join(", ")}`] : []),
  ];
}

interface Voice {
  readonly host: Host;
  readonly output: Output;
}

async function sourceOf(args: readonly string[], options: OptionValues, cli: Voice): Promise<IntoSource> {
  const item = options.text("item");
  if (item === undefined) {
    const flags = [options.text("valueFile"), options.text("generate"), options.text("length")];
    if (flags.some((flag) => flag !== undefined) || options.flag("valueStdin")) {
      throw new KsealError("USAGE", "the value has no name", { hint: "name the item: --item NAME" });
    }
    const { inputType } = manifestTypesOf(options);
    return { paths: pathsOrStdin(args, cli.host, undefined), inputType };
  }
  if (args.length > 0) throw new KsealError("USAGE", "--item and files of Secrets exclude each other");
  return { item, value: await itemValue(item, options, cli) };
}

async function itemValue(item: string, options: OptionValues, { host, output }: Voice): Promise<ItemValue> {
  const generate = options.text("generate");
  const file = options.text("valueFile");
  const fromStdin = options.flag("valueStdin");
  if ([generate !== undefined, file !== undefined, fromStdin].filter(Boolean).length > 1) {
    throw new KsealError("USAGE", "--value-stdin, --value-file and --generate exclude each other");
  }
  if (generate === "password" || generate === "uuid" || generate === "ssh-key") {
    return { generate, length: numberOf(options, "length") };
  }
  if (file !== undefined) return { bytes: await host.readFile(file) };
  if (fromStdin) {
    const bytes = await host.readStdin();
    // What `echo` adds; in a text of several lines it is meant.
    if (bytes.indexOf(0x0a) === bytes.length - 1 && bytes.length > 0) {
      output.warn(`the value of ${item} ends with a line break, which is part of it; printf '%s' adds none`);
    }
    return { bytes };
  }
  const typed = await host.terminal.ask(`new value of ${item}: `, { hidden: true });
  if (typed === undefined) {
    throw new KsealError("USAGE", "there is no terminal to ask for the value", {
      hint: "give it with --value-stdin or --value-file FILE",
    });
  }
  return { bytes: new TextEncoder().encode(typed) };
}

function refuseOutputs(options: OptionValues): void {
  if (options.text("out") === undefined && options.text("outputType") === undefined) return;
  throw new KsealError("USAGE", "--into changes its file in place, in the format that it has", {
    hint: "leave out --out and --output-type",
  });
}
