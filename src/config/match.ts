import type { Host } from "../core/ports.ts";
import { compileRe2 } from "../core/regex.ts";
import type { Config, CreationRule } from "./rules.ts";
import type { SealingRule } from "./sealing.ts";

/**
 * The first creation rule that matches a file.
 *
 * The pattern is searched, unanchored, in the path below the configuration's folder, with `/` between its parts on
 * every platform (sops.md D27). A file elsewhere, and every file when the configuration lies in the root folder,
 * is matched by its absolute path, as in SOPS.
 *
 * @param file - The file's absolute path.
 */
export function matchRule(
  config: Config,
  file: string,
  host: Pick<Host, "platform" | "resolve">,
): CreationRule | undefined {
  return config.rules && firstMatch(config.rules, config.path, { file, host });
}

/** The first rule for SealedSecrets that matches a file, in the same way. @param file - The file's absolute path. */
export function matchSealingRule(
  config: Config,
  file: string,
  host: Pick<Host, "platform" | "resolve">,
): SealingRule | undefined {
  return firstMatch(config.sealing.rules, config.path, { file, host });
}

interface PathRule {
  readonly pathRegex: string | undefined;
}

/** Rules, and which of them match a file. */
export interface TriedRules<Rule extends PathRule> {
  /** What the patterns are searched in. */
  readonly path: string;
  /** In the order of the file. Of those that match, the first decides. */
  readonly rules: readonly { readonly rule: Rule; readonly matches: boolean }[];
}

/** Tries all rules on a file, as {@link matchRule} does until one matches: to explain its choice. */
export function tryRules<Rule extends PathRule>(
  rules: readonly Rule[],
  configPath: string,
  { file, host }: { file: string; host: Pick<Host, "platform" | "resolve"> },
): TriedRules<Rule> {
  const path = pathForRules(file, host.resolve(configPath, ".."), host.platform);
  return { path, rules: rules.map((rule) => ({ rule, matches: matches(rule, path) })) };
}

function firstMatch<Rule extends PathRule>(
  rules: readonly Rule[],
  configPath: string,
  { file, host }: { file: string; host: Pick<Host, "platform" | "resolve"> },
): Rule | undefined {
  const path = pathForRules(file, host.resolve(configPath, ".."), host.platform);
  return rules.find((rule) => matches(rule, path));
}

function matches(rule: PathRule, path: string): boolean {
  return rule.pathRegex === undefined || search(rule, rule.pathRegex)(path);
}

function pathForRules(file: string, folder: string, platform: Host["platform"]): string {
  const path = withSlashes(file, platform);
  const prefix = `${withSlashes(folder, platform)}/`;
  const isBelow =
    platform === "win32" ? path.toLowerCase().startsWith(prefix.toLowerCase()) : path.startsWith(prefix);
  return isBelow ? path.slice(prefix.length) : path;
}

function withSlashes(path: string, platform: Host["platform"]): string {
  return platform === "win32" ? path.replaceAll("\\", "/") : path;
}

// A folder of a thousand files asks the same rules a thousand times.
const compiled = new WeakMap<PathRule, (path: string) => boolean>();

function search(rule: PathRule, pattern: string): (path: string) => boolean {
  const known = compiled.get(rule);
  if (known !== undefined) return known;
  const expression = compileRe2(pattern);
  const made = (path: string) => expression.test(path);
  compiled.set(rule, made);
  return made;
}
