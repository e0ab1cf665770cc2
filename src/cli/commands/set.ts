import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import type { OpContext } from "../../ops/context.ts";
import { type NewValue, type SetOptions, type SetResult, setValue } from "../../ops/set.ts";
import { isSealedFile } from "../../ops/unseal-detect.ts";
import { certificateFlagsOf } from "../certificate-options.ts";
import type { Action, OptionValues } from "../command.ts";
import { numberOf, typesOf } from "../option-parsing.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

export const action: Action = async (
  { args: [path = "", treePath = ""], options },
  { host, output, context },
) => {
  const operations = await context();
  const isSealed = await isSealedFile(path, operations);
  const value = await newValue(options, treePath, host);
  const result = isSealed
    ? await setSealed({ path, item: treePath, value }, options, operations)
    : await setPlain({ path, treePath, value }, options, operations);
  const { file, changed, publicKey } = result;
  const dryRun = options.flag("dryRun");
  // The key of a dry run is gone with it.
  const line = dryRun ? undefined : publicKey;
  await output.report(line ?? "", { file, changed, publicKey: line });
  output.info(
    `${file}: ${changed ? `${dryRun ? "would set" : "set"} ${treePath}` : "holds that value already"}`,
  );
  return 0;
};

function setPlain(
  what: Pick<SetOptions, "path" | "treePath" | "value">,
  options: OptionValues,
  context: OpContext,
): Promise<SetResult> {
  return setValue(
    {
      ...what,
      inputType: typesOf(options).inputType,
      ignoreMac: options.flag("ignoreMac"),
      idempotent: options.flag("idempotent"),
      dryRun: options.flag("dryRun"),
    },
    context,
  );
}

async function setSealed(
  what: { readonly path: string; readonly item: string; readonly value: NewValue },
  options: OptionValues,
  context: OpContext,
): Promise<Pick<SetResult, "file" | "changed" | "publicKey">> {
  const { setSealedItem } = await import("../../ops/set-sealed.ts");
  return setSealedItem(
    {
      ...what,
      ...certificateFlagsOf(options),
      object: options.text("object"),
      keys: options.list("key"),
      dryRun: options.flag("dryRun"),
    },
    context,
  );
}

async function newValue(options: OptionValues, treePath: string, host: Host): Promise<NewValue> {
  const generate = options.text("generate");
  const file = options.text("valueFile");
  const sources = [generate !== undefined, file !== undefined, options.flag("valueStdin")].filter(
    Boolean,
  ).length;
  if (sources > 1)
    throw new KsealError("USAGE", "--value-stdin, --value-file and --generate exclude each other");
  if (generate === "password" || generate === "uuid" || generate === "ssh-key") {
    return { generate, length: numberOf(options, "length") };
  }
  if (file !== undefined) return read(await host.readFile(file), options);
  if (options.flag("valueStdin")) return read(await host.readStdin(), options);
  const typed = await host.terminal.ask(`new value of ${treePath}: `, { hidden: true });
  if (typed === undefined) {
    throw new KsealError("USAGE", "there is no terminal to ask for the value", {
      hint: "give it with --value-stdin or --value-file FILE",
    });
  }
  return options.flag("json") ? { json: typed } : { bytes: new TextEncoder().encode(typed) };
}

function read(bytes: Uint8Array, options: OptionValues): NewValue {
  if (options.flag("string")) return { bytes: bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes };
  try {
    const json = decoder.decode(bytes);
    JSON.parse(json);
    return { json };
  } catch {
    throw new KsealError("SET_INVALID", "the value is not JSON", {
      hint: "a text in JSON stands in double quotes; add --string to take it as it is",
    });
  }
}
