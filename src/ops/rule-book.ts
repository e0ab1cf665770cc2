import { findConfig } from "../config/find.ts";
import type { Config, CreationRule } from "../config/rules.ts";
import { KsealError } from "../errors.ts";
import type { Format } from "../formats/store.ts";
import type { OpContext } from "./context.ts";
import { folderOf } from "./file-path.ts";

/** The `.sops.yaml` files of a run, each read once. */
export interface RuleBook {
  /** The configuration that governs a file, given by its absolute path. */
  configFor(path: string): Promise<Config | undefined>;
  /** The first creation rule that matches a file. */
  ruleFor(path: string): Promise<MatchedRule | undefined>;
}

export interface MatchedRule {
  readonly config: Config;
  readonly rule: CreationRule;
}

/** Opens the book: nothing is read before the first question. */
export function openRuleBook(context: OpContext): RuleBook {
  const { host, settings } = context;
  const byFolder = new Map<string, Promise<Config | undefined>>();
  const byPath = new Map<string, Promise<Config>>();
  let matching: Promise<typeof import("../config/match.ts")> | undefined;

  const read = (path: string): Promise<Config> => remember(byPath, path, () => readConfig(path, context));
  const search = async (path: string): Promise<Config | undefined> => {
    const found =
      settings.configPath === undefined
        ? await findConfig(host, { file: path, from: context.configFrom }, context.log)
        : host.resolve(settings.configPath);
    return found === undefined ? undefined : read(found);
  };
  const configFor = (path: string): Promise<Config | undefined> =>
    remember(byFolder, folderOf(path, host.platform), () => search(path));

  return {
    configFor,
    async ruleFor(path) {
      const config = await configFor(path);
      if (config === undefined) return undefined;
      // Asked for each of ten thousand files, the import itself is felt.
      matching ??= import("../config/match.ts");
      const { matchRule } = await matching;
      const rule = matchRule(config, path, host);
      return rule === undefined ? undefined : { config, rule };
    },
  };
}

/** The indentation that `stores` of a configuration asks for. */
export function indentOf(config: Config | undefined, format: Format): number | undefined {
  switch (format) {
    case "yaml":
      return config?.stores.yamlIndent;
    case "json":
      return config?.stores.jsonIndent;
    case "binary":
      return config?.stores.jsonBinaryIndent;
    case "dotenv":
    case "ini":
      return undefined;
  }
}

async function readConfig(path: string, { host }: OpContext): Promise<Config> {
  // Loaded when there is a file: sealing with a certificate at hand does without.
  const { parseConfig } = await import("../config/rules.ts");
  try {
    return parseConfig(await host.readFile(path), path);
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    if (error.code !== "NO_FILE") throw error.at({ file: path });
    throw new KsealError("CONFIG_NOT_FOUND", "the configuration file does not exist", {
      hint: "check --config and SOPS_CONFIG",
      where: { file: path },
      cause: error,
    });
  }
}

function remember<V>(memory: Map<string, Promise<V>>, key: string, make: () => Promise<V>): Promise<V> {
  const known = memory.get(key);
  if (known !== undefined) return known;
  const made = make();
  memory.set(key, made);
  return made;
}
