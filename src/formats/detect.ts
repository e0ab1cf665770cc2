import { KsealError } from "../errors.ts";
import type { Format, Store } from "./store.ts";

const suffixes: readonly (readonly [string, Format])[] = [
  [".yaml", "yaml"],
  [".yml", "yaml"],
  [".json", "json"],
  [".env", "dotenv"],
  [".ini", "ini"],
];

const formats: readonly Format[] = ["yaml", "json", "dotenv", "ini", "binary"];

/** The format of a file name, as SOPS infers it: by suffix, case-sensitive, and binary for everything else. */
export function formatOfName(name: string): Format {
  return suffixes.find(([suffix]) => name.endsWith(suffix))?.[1] ?? "binary";
}

/**
 * The format that a `--input-type` or `--output-type` names.
 *
 * @throws KsealError `USAGE` for any other word, where SOPS silently falls back to the file name (sops.md D40).
 */
export function formatOfWord(word: string): Format {
  const format = formats.find((known) => known === word);
  if (format === undefined) {
    throw new KsealError("USAGE", `unknown format ${JSON.stringify(word)}`, {
      hint: `choose one of ${formats.join(", ")}`,
    });
  }
  return format;
}

/** The store of a format. Loaded when first needed, so that a YAML file does not pay for the others. */
export async function storeFor(format: Format): Promise<Store> {
  switch (format) {
    case "yaml":
      return (await import("./yaml.ts")).yamlStore;
    case "json":
      return (await import("./json.ts")).jsonStore;
    case "dotenv":
      return (await import("./dotenv.ts")).dotenvStore;
    case "ini":
      return (await import("./ini.ts")).iniStore;
    case "binary":
      return (await import("./binary.ts")).binaryStore;
  }
}
