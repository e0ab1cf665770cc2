/**
 * Splits a command line into words as a shell would, without one: quotes and backslashes count, and nothing is
 * expanded. The dialects differ in few places:
 *
 * - `posix`: within double quotes a backslash escapes only what means something there: `\`, `"`, `$` and the backquote.
 * - `windows`: a backslash is a character like others, so that `C:\Program Files` needs quotes only.
 * - `shlex`: the Go package that SOPS splits the commands in its variables with. A word that starts with `#` begins
 *   a comment up to the end of the line, and within double quotes a backslash escapes every character.
 *
 * @returns `undefined` when a quote is not closed or the line ends in a lone backslash.
 */
export function splitWords(line: string, dialect: Dialect = "posix"): readonly string[] | undefined {
  const { token, escaped } = dialects[dialect];
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < line.length) {
    if (dialect === "shlex" && word === undefined && line[at] === "#") {
      at = endOfLine(line, at);
      continue;
    }
    token.lastIndex = at;
    const match = token.exec(line);
    // Whatever no alternative takes is an open quote or a lone backslash.
    if (match === null) return undefined;
    at = token.lastIndex;
    const { space, single, double, one, plain } = match.groups ?? {};
    if (space === undefined) {
      const unescaped = escaped === undefined ? double : double?.replaceAll(escaped, "$1");
      word = (word ?? "") + (single ?? unescaped ?? one ?? plain ?? "");
    } else {
      if (word !== undefined) words.push(word);
      word = undefined;
    }
  }
  return word === undefined ? words : [...words, word];
}

type Dialect = "posix" | "windows" | "shlex";

const escaping =
  /(?<space>[ \t\r\n]+)|'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\[\s\S])*)"|\\(?<one>[\s\S])|(?<plain>[^ \t\r\n'"\\]+)/y;
const literal = /(?<space>[ \t\r\n]+)|'(?<single>[^']*)'|"(?<double>[^"]*)"|(?<plain>[^ \t\r\n'"]+)/y;

/** How a dialect reads the next part of a line, and what a backslash escapes within double quotes. */
const dialects: Readonly<Record<Dialect, { readonly token: RegExp; readonly escaped: RegExp | undefined }>> =
  {
    posix: { token: escaping, escaped: /\\([\\"$`])/g },
    windows: { token: literal, escaped: undefined },
    shlex: { token: escaping, escaped: /\\([\s\S])/g },
  };

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}
