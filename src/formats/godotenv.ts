import { KsealError } from "../errors.ts";

/*
 * The language of env files as godotenv 1.5.1 reads it, which KSOPS puts decrypted texts through. It is not that of SOPS'
 * dotenv store (dotenv.ts), which splits lines at the first `=` and nothing else.
 */

// Blanks for godotenv: those of Go without line feeds.
const blank = /^[\t\v\f\r \x85\xa0]+/;
const trailingBlank = /[\t\v\f\r \x85\xa0]+$/;
const anySpace = /^[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const variable = /(\\)?(\$)(\()?\{?([A-Z0-9_]+)?\}?/g;

/**
 * Reads an env file: `export`, comments, quotes over several lines, and `$NAME` for the names above.
 *
 * @returns The variables in the order in which they were first named; of one that is named again the last value.
 * @throws KsealError `FORMAT_INVALID` with the line of the text. Nothing of the text stands in the message.
 */
export function readGoDotenv(content: string): ReadonlyMap<string, string> {
  const text = content.replaceAll("\r\n", "\n");
  const variables = new Map<string, string>();
  let rest = startOfStatement(text);
  while (rest !== "") {
    const line = text.slice(0, text.length - rest.length).split("\n").length;
    const name = readName(rest, line);
    const value = readValue(name.rest, variables, line);
    variables.set(name.text, value.text);
    rest = startOfStatement(value.rest);
  }
  return variables;
}

/** A part of a statement, and the text behind it. */
interface Taken {
  readonly text: string;
  readonly rest: string;
}

function startOfStatement(text: string): string {
  let rest = text.replace(anySpace, "");
  while (rest.startsWith("#")) {
    const end = rest.indexOf("\n");
    rest = end < 0 ? "" : rest.slice(end).replace(anySpace, "");
  }
  return rest;
}

function readName(text: string, line: number): Taken {
  const exported = /^export[\t\v\f\r \x85\xa0]+/.exec(text);
  const source = exported === null ? text : text.slice(exported[0].length);
  for (let at = 0; at < source.length; at++) {
    const character = source[at] ?? "";
    if (character === "=" || character === ":") {
      return { text: source.slice(0, at).trimEnd(), rest: source.slice(at + 1).replace(blank, "") };
    }
    if (!mayStandInName(character)) {
      throw invalid(
        line,
        "this is no NAME=value: names are letters, digits, dots and underscores",
        "put what is no env file under files",
      );
    }
  }
  // A name without a sign is read as an empty one, whose value it is.
  return { text: "", rest: source };
}

/** godotenv looks at bytes and takes each for a character of Latin-1. */
function mayStandInName(character: string): boolean {
  if (character.charCodeAt(0) < 0x80) return /[\w.\t\v\f\r ]/.test(character);
  const bytes = String.fromCharCode(...new TextEncoder().encode(character));
  return /^[\p{L}\p{N}\x85\xa0]+$/u.test(bytes);
}

function readValue(text: string, variables: ReadonlyMap<string, string>, line: number): Taken {
  const quote = text[0];
  return quote === '"' || quote === "'"
    ? readQuoted(text, quote, variables, line)
    : readPlain(text, variables);
}

function readPlain(text: string, variables: ReadonlyMap<string, string>): Taken {
  const end = /[\n\r]/.exec(text)?.index ?? text.length;
  const whole = text.slice(0, end);
  // The last one on the line begins the comment.
  const comment = /^(?:.*[\t\v\f\r \x85\xa0])?(?=#)/s.exec(whole)?.[0] ?? "";
  const value = comment === "" ? whole : comment;
  const trimmed = value.replace(blank, "").replace(trailingBlank, "");
  return { text: expand(trimmed, variables), rest: text.slice(end) };
}

function readQuoted(
  text: string,
  quote: '"' | "'",
  variables: ReadonlyMap<string, string>,
  line: number,
): Taken {
  let end = text.indexOf(quote, 1);
  while (end > 0 && text[end - 1] === "\\") end = text.indexOf(quote, end + 1);
  if (end < 0) throw invalid(line, "a quote that begins on this line does not end");
  const quotes = new RegExp(`^${quote}+|${quote}+$`, "g");
  const inside = text.slice(0, end).replace(quotes, "");
  const value = quote === '"' ? expand(withoutEscapes(inside), variables) : inside;
  return { text: value, rest: text.slice(end + 1) };
}

function withoutEscapes(text: string): string {
  const breaks = text.replace(/\\./g, (pair) => (pair === "\\n" ? "\n" : pair === "\\r" ? "\r" : pair));
  return breaks.replace(/\\([^$])/gs, "$1");
}

function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(variable, (whole: string, ...groups: readonly (string | undefined)[]) => {
    const [backslash, , , name] = groups;
    if (backslash !== undefined) return whole.slice(1);
    return name === undefined ? whole : (variables.get(name) ?? "");
  });
}

function invalid(line: number, message: string, hint?: string): KsealError {
  return new KsealError("FORMAT_INVALID", `line ${line} of the decrypted text: ${message}`, { hint });
}
