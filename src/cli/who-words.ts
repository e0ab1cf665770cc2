import { describeKey, type KeyNames, nameOfKey } from "../core/key-names.ts";
import { keyId } from "../core/master-key.ts";
import { shellWord } from "../ops/file-path.ts";
import type { Commit } from "../ops/git-output.ts";
import type { WhoResult } from "../ops/who.ts";
import type { FormerHolder, Holder, WhoFile } from "../ops/who-file.ts";
import type { SealedObject } from "../ops/who-sealed.ts";
import { printable } from "./printable.ts";

/** A key, or the controller of a cluster, for people. */
export function holderName({ key }: Pick<Holder, "key">, { sealedFor }: WhoFile, names: KeyNames): string {
  if (key !== undefined) return describeKey(key, names);
  const cluster = sealedFor?.cluster;
  return cluster === undefined
    ? "the cluster's controller (no sealing rule says which cluster)"
    : `the controller of the cluster ${cluster}`;
}

/** `2026-03-02, 3f2a1bc7d2e1 by Alice <alice@example.com>`. */
export function commitText({ hash, date, author, email }: Commit): string {
  return printable(`${date.slice(0, 10)}, ${hash.slice(0, 12)} by ${author} <${email}>`);
}

/** Since when somebody has a file. */
export function sinceText(
  { since, isCut, isUncommitted }: Pick<Holder, "since" | "isCut" | "isUncommitted">,
  history: WhoResult["history"],
): string {
  if (since !== undefined) {
    return isCut
      ? `since ${commitText(since)}, or earlier: this clone's history begins there`
      : `since ${commitText(since)}`;
  }
  if (history === "none") return "";
  return isUncommitted ? "not committed yet" : "since when is not in the history";
}

/** From when to when somebody had a file. */
export function formerText({ since, until, isCut, isUncommitted }: FormerHolder): string {
  const from = since === undefined ? "" : `${isCut ? "from before" : "from"} ${commitText(since)} `;
  if (isUncommitted) return `${from}until now: the removal is not committed yet`;
  return `${from}${until === undefined ? "until a merge dropped it" : `until ${commitText(until)}`}`;
}

/** What somebody who was removed still knows, a sentence each, and what to type. */
export function knownTexts({ known }: FormerHolder, { file, state }: WhoFile): readonly string[] {
  if (known === undefined) {
    return state === "deleted"
      ? ["they know what was in it; where its values are still in use cannot be seen"]
      : ["they know what was in it then; what of that is still in use cannot be seen"];
  }
  const { same, anew, gone, sameDataKey } = known;
  const name = shellWord(file);
  return [
    ...(sameDataKey
      ? [
          `the data key is still the one they had: it opens the whole file, also what was added since; kseal rotate -i ${name}`,
        ]
      : []),
    ...(same.length === 0
      ? []
      : [`not changed since, so still known: ${listed(same)}; put in new values: kseal set ${name} PATH`]),
    ...(anew.length === 0
      ? []
      : [`encrypted anew since; without a key nobody sees whether the value is a new one: ${listed(anew)}`]),
    ...(gone.length === 0 ? [] : [`no longer in the file: ${listed(gone)}`]),
  ];
}

/** What a SealedSecret says of itself. */
export function sealedText({ place, scope, items, clear }: SealedObject): string {
  const inClear = clear.length === 0 ? "" : `; in clear in its template: ${listed(clear)}`;
  return `SealedSecret ${place === "" ? "without a name" : place}, ${scope}, ${counted(items.length, "value")}${inClear}`;
}

/** What everybody with the repository knows. */
export function clearTexts({ clearUntil, clearFrom, kind }: WhoFile): readonly string[] {
  return [
    ...clearUntil.map(
      (commit) =>
        `in clear before ${commitText(commit)}: everybody who can read the repository knows what it held then`,
    ),
    ...clearFrom.map((commit) => `put into the repository in clear: ${commitText(commit)}`),
    ...(kind === "clear" ? ["in clear: everybody who can read the repository can read it"] : []),
  ];
}

/** How many key groups have to open; empty for a file with one. */
export function groupsText({ groups: { all, needed, since } }: WhoFile): string {
  if (all < 2) return "";
  return `${needed} of ${all} key groups have to open it${since === undefined ? "" : `, since ${commitText(since)}`}`;
}

/** What is said of the history as a whole. */
export function historyText(history: WhoResult["history"]): string | undefined {
  switch (history) {
    case "complete":
      return undefined;
    case "cut":
      return "this clone is shallow: what was before its first commit cannot be seen; git fetch --unshallow";
    case "empty":
      return "the repository has no commit yet, so only the present is known";
    case "none":
      return "there is no Git repository here, so only the present is known";
  }
}

/** A key as data. */
export function keyAsJson({ key }: Pick<Holder, "key">, names: KeyNames): Record<string, unknown> {
  if (key === undefined) return { type: "cluster" };
  return { id: keyId(key), name: nameOfKey(key, names), ...key };
}

/** A number of things. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

const mostListed = 20;

function listed(texts: readonly string[]): string {
  const more = texts.length > mostListed ? ` and ${texts.length - mostListed} more` : "";
  return `${texts.slice(0, mostListed).map(printable).join(", ")}${more}`;
}
