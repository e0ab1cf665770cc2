/**
 * Splits a command line into words as a shell would, without running one: single quotes keep everything, double
 * quotes and backslashes work as in POSIX, and nothing is expanded.
 *
 * @param options.backslash - `literal` where paths are written with it: `C:\Program Files` needs quotes only.
 * @returns `undefined` when a quote is not closed or the text ends in a lone backslash.
 */
export function splitWords(
  text: string,
  options: { readonly backslash: "escape" | "literal" } = { backslash: "escape" },
): readonly string[] | undefined {
  const pattern = options.backslash === "escape" ? posix : literal;
  const words: string[] = [];
  let word: string | undefined;
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    // Whatever no alternative takes is an open quote or a lone backslash.
    if (match.index !== end) return undefined;
    end += match[0].length;
    const { space, single, double, escaped, plain } = match.groups ?? {};
    if (space !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      const unescaped = options.backslash === "escape" ? double?.replaceAll(/\\([\\"$`])/g, "$1") : double;
      word = (word ?? "") + (single ?? unescaped ?? escaped ?? plain ?? "");
    }
  }
  if (end !== text.length) return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

const posix =
  /(?<space>\s+)|'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\[\s\S])*)"|\\(?<escaped>[\s\S])|(?<plain>[^\s'"\\]+)/g;
const literal = /(?<space>\s+)|'(?<single>[^']*)'|"(?<double>[^"]*)"|(?<plain>[^\s'"]+)/g;
