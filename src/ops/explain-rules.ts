import { tryRules } from "../config/match.ts";
import type { Config, CreationRule } from "../config/rules.ts";
import type { SealingRule } from "../config/sealing.ts";
import type { OpContext } from "./context.ts";
import { folderOf, seenFrom } from "./file-path.ts";

/** Which configuration is for a file, and why that one. */
export interface ConfigChoice {
  readonly config: string;
  readonly why: "named" | "above-the-file" | "above-the-working-folder";
}

/** A rule that was tried on a file. */
interface TriedRule {
  /** In the configuration, from 1. */
  readonly line: number;
  /** `undefined` matches every file. */
  readonly pathRegex: string | undefined;
  readonly matches: boolean;
  /** The first that matches. */
  readonly decides: boolean;
}

/** The rules of a configuration, in their order, and what they were tried on. */
export interface RuleTrial {
  readonly path: string;
  readonly rules: readonly TriedRule[];
}

/** Why this configuration is for a file. @param path - Of the file, absolute. */
export function configChoice(config: Config, path: string, { host, settings }: OpContext): ConfigChoice {
  if (settings.configPath !== undefined) return { config: config.path, why: "named" };
  const folder = folderOf(config.path, host.platform);
  const isAbove = seenFrom(folder, path, host.platform) !== path;
  return { config: config.path, why: isAbove ? "above-the-file" : "above-the-working-folder" };
}

/** Tries rules on a file: creation rules, or those for SealedSecrets. @param path - Of the file, absolute. */
export function trialOf(
  rules: readonly (CreationRule | SealingRule)[],
  config: Config,
  path: string,
  { host }: OpContext,
): RuleTrial {
  const tried = tryRules(rules, config.path, { file: path, host });
  const first = tried.rules.findIndex(({ matches }) => matches);
  return {
    path: tried.path,
    rules: tried.rules.map(({ rule, matches }, index) => ({
      line: rule.line,
      pathRegex: rule.pathRegex,
      matches,
      decides: index === first,
    })),
  };
}
