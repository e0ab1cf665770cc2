import { KsealError } from "../../errors.ts";
import { type ExportFolderOptions, exportToFolder, keepExported } from "../../ops/export.ts";
import { type ExportFormat, printValues } from "../../ops/export-print.ts";
import { type ValueOptions, valuesOf } from "../../ops/export-values.ts";
import type { Action, OptionValues } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

export const action: Action = async ({ args, options }, cli) => {
  const values: ValueOptions = {
    paths: args,
    sealingKeys: options.list("key"),
    items: options.list("item"),
    object: options.text("object"),
    inputType: typesOf(options).inputType,
    ignoreMac: options.flag("ignoreMac"),
  };
  const folder = options.text("out");
  if (folder !== undefined) return toFolder({ ...values, ...folderOptions(folder, options) }, options, cli);
  const { host, output, context } = cli;
  const format = formatOf(options);
  if (host.terminal.stdoutIsTerminal && !options.flag("reveal")) {
    throw new KsealError("OUTPUT_UNWRITABLE", "values are not printed on a terminal", {
      hint: "send them to the program that needs them, or add --reveal",
    });
  }
  await output.content(printValues(await valuesOf(values, await context()), format));
  return 0;
};

async function toFolder(
  folder: ExportFolderOptions,
  options: OptionValues,
  { output, context }: Parameters<Action>[1],
): Promise<number> {
  const format = options.text("output") ?? "text";
  if (format !== "text" && format !== "json") {
    throw new KsealError("USAGE", `--out writes one file for each value, and -o ${format} prints them`);
  }
  const refresh = options.text("refresh");
  const count = (names: readonly string[]) => `${names.length} value${names.length === 1 ? "" : "s"}`;
  if (refresh === undefined) {
    if (options.flag("removeAtEnd")) throw new KsealError("USAGE", "--remove-at-end is for --refresh");
    const { names } = await exportToFolder(folder, await context());
    output.info(`${folder.dryRun ? "would write" : "wrote"} ${count(names)} to ${folder.folder}`);
    await output.report("", { folder: folder.folder, names });
    return 0;
  }
  await keepExported(
    {
      ...folder,
      interval: intervalOf(refresh),
      removeAtEnd: options.flag("removeAtEnd"),
      onWritten: (names) => output.info(`wrote ${count(names)} to ${folder.folder}`),
      fresh: context,
    },
    await context(),
  );
  return 0;
}

function folderOptions(folder: string, options: OptionValues): Omit<ExportFolderOptions, keyof ValueOptions> {
  const mode = options.text("mode") ?? "0400";
  if (!/^0?[0-7]{3}$/.test(mode)) {
    throw new KsealError("USAGE", `${JSON.stringify(mode)} is no mode`, { hint: "write it in octal: 0400" });
  }
  return {
    folder,
    mode: Number.parseInt(mode, 8),
    owner: options.text("owner"),
    allowDisk: options.flag("allowDisk"),
    dryRun: options.flag("dryRun"),
  };
}

function formatOf(options: OptionValues): ExportFormat {
  const format = options.text("output");
  for (const [name, flag] of [
    ["refresh", "--refresh"],
    ["mode", "--mode"],
    ["owner", "--owner"],
  ] as const) {
    if (options.text(name) !== undefined)
      throw new KsealError("USAGE", `${flag} needs a folder: --out FOLDER`);
  }
  if (format === "env" || format === "shell" || format === "dotenv" || format === "json") return format;
  throw new KsealError("USAGE", "nothing says where the values go", {
    hint: "write files with --out FOLDER, or print them with -o env, -o shell, -o dotenv or -o json",
  });
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

function intervalOf(text: string): number {
  const [, count, unit = ""] = /^([1-9]\d{0,5})([smh])$/.exec(text) ?? [];
  const length = units[unit];
  if (count !== undefined && length !== undefined) return Number(count) * length;
  throw new KsealError("USAGE", `${JSON.stringify(text)} is no interval`, { hint: "write 30s, 5m or 1h" });
}
