import { nameOfKey } from "../core/key-names.ts";
import { keyId } from "../core/master-key.ts";
import type { WhoResult } from "../ops/who.ts";
import type { WhoFile } from "../ops/who-file.ts";
import { printable } from "./printable.ts";
import {
  clearTexts,
  commitText,
  counted,
  formerText,
  groupsText,
  historyText,
  holderName,
  keyAsJson,
  knownTexts,
  sealedText,
  sinceText,
} from "./who-words.ts";

/** Who can read what, for people: file by file. */
export function describeWho(result: WhoResult): string {
  const { files, history } = result;
  const told = historyText(history);
  return [
    ...files.flatMap((file) => describeFile(file, result)),
    summary(result),
    ...(told === undefined ? [] : [told]),
  ].join("\n");
}

function describeFile(file: WhoFile, { names, history }: WhoResult): readonly string[] {
  const state =
    file.state === "present"
      ? ""
      : file.state === "absent"
        ? " (not in the working tree)"
        : ` (deleted${file.deleted === undefined ? "" : `: ${commitText(file.deleted)}`})`;
  const groups = groupsText(file);
  const holders = file.holders.flatMap((holder) => {
    const name = holderName(holder, file, names);
    const of = holder.groups.length === 0 ? "" : `, group ${holder.groups.join(" and ")}`;
    const since = sinceText(holder, history);
    return [
      `  ${printable(name)}${of}${since === "" ? "" : `: ${since}`}`,
      ...holder.earlier.map(
        ({ since: from, until }) =>
          `    and earlier, ${from === undefined ? "" : `from ${commitText(from)} `}until ${commitText(until)}`,
      ),
    ];
  });
  const former = file.former.flatMap((one) => [
    `  no longer: ${printable(holderName(one, file, names))}: ${formerText(one)}`,
    ...knownTexts(one, file).map((text) => `    ${text}`),
  ]);
  return [
    `${printable(file.file)}${state}`,
    ...(file.problem === undefined ? [] : [`  nobody can tell who reads it: ${printable(file.problem)}`]),
    ...(groups === "" ? [] : [`  ${groups}`]),
    ...holders,
    ...file.sealed.map((object) => `  ${printable(sealedText(object))}`),
    ...former,
    ...clearTexts(file).map((text) => `  ${text}`),
    ...(file.unreadable === 0
      ? []
      : [`  ${counted(file.unreadable, "version")} in the history cannot be read`]),
  ];
}

function summary({ files, asked, names }: WhoResult): string {
  const readable = files.filter(({ holders }) => holders.length > 0).length;
  const lost = files.filter(({ former }) => former.length > 0).length;
  const known = files.filter(({ former }) =>
    former.some((one) => one.known !== undefined && (one.known.sameDataKey || one.known.same.length > 0)),
  ).length;
  if (asked !== undefined) {
    const whose = asked.map((key) => nameOfKey(key, names) ?? keyId(key).slice(0, 16));
    const who = printable([...new Set(whose)].join(", "));
    return `${who}: can read ${counted(readable, "file")}, could read ${lost} more; values of ${counted(known, "file")} are still known from then`;
  }
  if (files.length === 0) return "no encrypted file here, and none in the history";
  const text = `${counted(readable, "file")} that somebody can read`;
  return lost === 0
    ? text
    : `${text}; ${lost} that somebody could read and cannot now, of which ${known} still hold what they know`;
}

/** The same as data. */
export function whoAsJson({ files, history, asked, names }: WhoResult): unknown {
  return {
    history,
    ...(asked === undefined ? {} : { asked: asked.map((key) => keyAsJson({ key }, names)) }),
    files: files.map(({ holders, former, ...file }) => ({
      ...file,
      holders: holders.map(({ key, ...rest }) => ({ key: keyAsJson({ key }, names), ...rest })),
      former: former.map(({ key, ...rest }) => ({ key: keyAsJson({ key }, names), ...rest })),
    })),
  };
}
