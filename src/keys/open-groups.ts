import type { WrappedKey } from "../core/master-key.ts";
import type { GroupAttempt } from "./group-attempt.ts";
import { mayAsk, type Outcome } from "./opened-keys.ts";

/** How the keys of a file are opened. */
export interface Opening {
  /** How many groups have to open. */
  readonly needed: number;
  /** The place of a key in the decryption order; keys of one place are tried as they stand in the file. */
  readonly rankOf: (wrapped: WrappedKey) => number;
  readonly open: (wrapped: WrappedKey, options: { readonly quiet: boolean }) => Promise<Outcome>;
}

/**
 * Opens as many key groups as are needed, with as few requests as will do.
 *
 * What opens without asking the user comes first, in every group. The decryption order goes through all groups, too: a
 * file whose groups open with age keys asks no key server. In each step as many groups are tried at a time as shares
 * are missing, because a key server's answer takes long, and never more, because each request costs and is logged: a
 * group whose key fails goes on to its next one, and when it has none another group takes its turn.
 */
export async function openGroups(groups: readonly GroupAttempt[], opening: Opening): Promise<void> {
  const ranks = new Set(groups.flatMap(({ keys }) => keys.map(opening.rankOf)));
  const inOrder = [...ranks].sort((a, b) => a - b);
  for (const quiet of [true, false]) {
    for (const rank of inOrder) await openRank(groups, rank, { ...opening, quiet });
  }
}

async function openRank(
  groups: readonly GroupAttempt[],
  rank: number,
  opening: Opening & { readonly quiet: boolean },
): Promise<void> {
  const closed = groups.filter(({ dataKey }) => dataKey === undefined);
  const missing = opening.needed - (groups.length - closed.length);
  const waiting = closed.values();
  const openOne = async (): Promise<void> => {
    for (const group of waiting) {
      await openGroup(group, rank, opening);
      if (group.dataKey !== undefined) return;
    }
  };
  // One question at a time: a person, or a token, answers them.
  if (opening.quiet) await Promise.all(Array.from({ length: missing }, openOne));
  else for (let opened = 0; opened < missing; opened++) await openOne();
}

async function openGroup(
  group: GroupAttempt,
  rank: number,
  { quiet, rankOf, open }: Opening & { readonly quiet: boolean },
): Promise<void> {
  for (const wrapped of group.keys) {
    if (rankOf(wrapped) !== rank || (!quiet && !(await mayAsk(wrapped)))) continue;
    const outcome = await open(wrapped, { quiet });
    if ("dataKey" in outcome) group.accept(wrapped, outcome.dataKey);
    else group.refuse(wrapped, outcome);
    if (group.dataKey !== undefined) return;
  }
}
