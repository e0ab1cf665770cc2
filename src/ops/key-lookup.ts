import type { Config } from "../config/rules.ts";
import { noNames } from "../core/key-names.ts";
import type { MasterKey } from "../core/master-key.ts";
import { KsealError } from "../errors.ts";
import type { KeyLookup } from "../keys/keyring.ts";
import type { OpContext } from "./context.ts";
import type { MatchedRule, RuleBook } from "./rule-book.ts";

const books = new WeakMap<OpContext, Promise<RuleBook>>();

/**
 * What `.sops.yaml` says about the keys of a file. It is read when a key source or a message first asks, and once a
 * run: to open a file with an age key does not need it.
 *
 * @param name - The name that decides which rule matches; nothing is looked up for an empty one.
 * @param named - Keys that the user's own words name besides: those of flags.
 */
export function keyLookup(name: string, context: OpContext, named: readonly MasterKey[] = []): KeyLookup {
  const path = (): string => context.host.resolve(name);
  return {
    async listed() {
      const matched: MatchedRule | undefined =
        name === "" ? undefined : await (await bookOf(context)).ruleFor(path());
      return [...named, ...(matched?.rule.groups.flat() ?? [])];
    },
    async names() {
      const config: Config | undefined =
        name === "" ? undefined : await (await bookOf(context)).configFor(path()).catch(ignoreBroken);
      return config?.names ?? noNames;
    },
  };
}

function bookOf(context: OpContext): Promise<RuleBook> {
  const known = books.get(context) ?? openBook(context);
  books.set(context, known);
  return known;
}

async function openBook(context: OpContext): Promise<RuleBook> {
  const { openRuleBook } = await import("./rule-book.ts");
  return openRuleBook(context);
}

// Names only help to read a message, which must not be lost over them.
function ignoreBroken(error: unknown): undefined {
  if (!(error instanceof KsealError)) throw error;
}
