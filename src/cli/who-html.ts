import type { WhoResult } from "../ops/who.ts";
import type { FormerHolder, Holder, WhoFile } from "../ops/who-file.ts";
import { printable } from "./printable.ts";
import {
  clearTexts,
  commitText,
  counted,
  formerText,
  groupsText,
  historyText,
  holderName,
  knownTexts,
  sealedText,
  sinceText,
} from "./who-words.ts";

/*
 * One page without a script and without anything from elsewhere: it may be mailed, archived and printed. Names of files,
 * keys and authors are what somebody wrote into the repository, so every text goes through `html`.
 */

const style = `body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #ccc;overflow-wrap:anywhere}
th{background:#f2f2f2}.former td{background:#fff4e5}.note{color:#7a3e00}code{font-size:.92em}
@media print{body{margin:0;max-width:none}}`;

/**
 * Who can read what, as a page for auditors: by person first, then file by file.
 *
 * @param made - When the page was made, RFC 3339.
 */
export function whoAsHtml(result: WhoResult, made: string): string {
  const { files, history } = result;
  const told = historyText(history);
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">',
    `<title>Who can read what</title><style>${style}</style></head><body>`,
    "<h1>Who can read what</h1>",
    paragraph(
      `${counted(files.length, "file")}, made ${made.slice(0, 10)} by kseal who. Names, dates and authors are what the repository says; nothing in it proves them.`,
    ),
    ...(told === undefined ? [] : [`<p class="note">${html(told)}</p>`]),
    ...people(result),
    "<h2>By file</h2>",
    ...files.flatMap((file) => fileSection(file, result)),
    "</body></html>",
    "",
  ].join("\n");
}

function people({ files, names }: WhoResult): readonly string[] {
  const rows = new Map<string, { can: number; could: number; known: number }>();
  const row = (name: string): { can: number; could: number; known: number } => {
    const found = rows.get(name) ?? { can: 0, could: 0, known: 0 };
    rows.set(name, found);
    return found;
  };
  for (const file of files) {
    for (const holder of file.holders) row(holderName(holder, file, names)).can += 1;
    for (const holder of file.former) {
      const own = row(holderName(holder, file, names));
      own.could += 1;
      if (holder.known !== undefined && (holder.known.sameDataKey || holder.known.same.length > 0))
        own.known += 1;
    }
  }
  const head = [
    "Key",
    "files it can read",
    "files it could read",
    "of those with values that did not change",
  ];
  const body = [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { can, could, known }]) => cells([name, String(can), String(could), String(known)]));
  return ["<h2>By key</h2>", table(head, body)];
}

function fileSection(file: WhoFile, { names, history }: WhoResult): readonly string[] {
  const groups = groupsText(file);
  const notes = [
    ...(file.state === "absent" ? ["not in the working tree"] : []),
    ...(file.state === "deleted"
      ? [`deleted${file.deleted === undefined ? "" : `: ${commitText(file.deleted)}`}`]
      : []),
    ...(file.problem === undefined ? [] : [`nobody can tell who reads it: ${file.problem}`]),
    ...(groups === "" ? [] : [groups]),
    ...file.sealed.map(sealedText),
    ...clearTexts(file),
    ...(file.unreadable === 0
      ? []
      : [`${counted(file.unreadable, "version")} in the history cannot be read`]),
  ];
  const rows = [
    ...file.holders.map((holder) =>
      cells(["can read", nameOf(holder, file, names), holderWhen(holder, history), ""]),
    ),
    ...file.former.map((holder) => formerRow(holder, file, names)),
  ];
  return [
    `<h2><code>${html(file.file)}</code></h2>`,
    ...notes.map((note) => `<p class="note">${html(note)}</p>`),
    ...(rows.length === 0 ? [] : [table(["", "Key", "Since", "What it still knows"], rows)]),
  ];
}

function nameOf(holder: Holder, file: WhoFile, names: WhoResult["names"]): string {
  const of = holder.groups.length === 0 ? "" : `, group ${holder.groups.join(" and ")}`;
  return `${holderName(holder, file, names)}${of}`;
}

function holderWhen(holder: Holder, history: WhoResult["history"]): string {
  const earlier = holder.earlier.map(({ until }) => `; and earlier, until ${commitText(until)}`);
  return `${sinceText(holder, history)}${earlier.join("")}`;
}

function formerRow(holder: FormerHolder, file: WhoFile, names: WhoResult["names"]): string {
  const texts = ["could read", holderName(holder, file, names), formerText(holder)];
  const known = knownTexts(holder, file).map(html).join("<br>");
  return `<tr class="former">${texts.map((text) => `<td>${html(text)}</td>`).join("")}<td>${known}</td></tr>`;
}

function cells(texts: readonly string[]): string {
  return `<tr>${texts.map((text) => `<td>${html(text)}</td>`).join("")}</tr>`;
}

function table(head: readonly string[], rows: readonly string[]): string {
  const titles = head.map((text) => `<th scope="col">${html(text)}</th>`).join("");
  return `<table><thead><tr>${titles}</tr></thead><tbody>${rows.join("\n")}</tbody></table>`;
}

function paragraph(text: string): string {
  return `<p>${html(text)}</p>`;
}

/** A text that is nothing but text, in content and in attributes. */
function html(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return printable(text).replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}
