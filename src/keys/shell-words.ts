/**
 * Splits a command line into words as a shell would, without one: quotes, backslashes and comments count, variables
 * and everything else do not.
 *
 * @returns `undefined` when a quote is not closed.
 */
export function splitWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  // Single quotes | double quotes | backslash | space | comment | plain characters
  const token = /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([ \t\r\n]+)|#[^\n]*|([^'"\\ \t\r\n#]+)/y;
  while (token.lastIndex < line.length) {
    const start = token.lastIndex;
    const match = token.exec(line);
    if (!match) return undefined;
    const [text, single, double, escaped, space, plain] = match;
    if (text.startsWith("#") && word !== undefined) {
      // Inside a word it is a character like others.
      word += "#";
      token.lastIndex = start + 1;
    } else if (space !== undefined || text.startsWith("#")) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + (single ?? double?.replace(/\\([\s\S])/g, "$1") ?? escaped ?? plain ?? "");
    }
  }
  return word === undefined ? words : [...words, word];
}
