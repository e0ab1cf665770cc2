import { lowerRune, upperRune } from "./words.ts";

/** The kinds of words that xstrings tells apart. */
type WordKind = "none" | "number" | "capitals" | "letters" | "connector" | "punctuation" | "other";

interface Word {
  readonly kind: WordKind;
  readonly text: string;
}

const connector = /[-_\p{White_Space}]/u;
/** A byte that is no UTF-8, or the character that stands for one. */
const invalid = /[\p{Cs}\ufffd]/u;
const capital = /\p{Lu}/u;
const letter = /\p{L}/u;
/** Chinese characters stand for themselves and join nothing. */
const ideograph = /[\u3400-\u4d85\u4e00-\u9fcc\u{20000}-\u{2b81d}]/u;

/**
 * Words in small letters with a connector between them: `HTTPServer2xx` to `http_server_2xx`. Numbers belong to the
 * word before them, unless small letters follow.
 */
export function lowerWords(text: string, between: "_" | "-"): string {
  const line: WordLine = { words: splitWords(text), between, out: [], at: 0 };
  while (line.at < line.words.length - 1) {
    const { kind } = print(line);
    if (kind === "number") absorb(line);
    else if (kind !== "connector" && kind !== "punctuation") follow(line);
  }
  if (line.at < line.words.length) print(line);
  return line.out.join("");
}

/** Words on their way into small letters. */
interface WordLine {
  readonly words: readonly Word[];
  readonly between: string;
  readonly out: string[];
  /** The next word. */
  at: number;
}

function print(line: WordLine): Word {
  const word = line.words[line.at++] ?? { kind: "none", text: "" };
  line.out.push(lowered(word, line.between));
  return word;
}

function nextKind(line: WordLine): WordKind {
  return line.words[line.at]?.kind ?? "none";
}

/** A connector, unless the next word brings one or is punctuation. */
function connect(line: WordLine): void {
  const kind = nextKind(line);
  if (kind !== "none" && kind !== "connector" && kind !== "punctuation") line.out.push(line.between);
}

/** The letters and numbers that follow a number are one word with it. */
function absorb(line: WordLine): void {
  while (nextKind(line) === "letters" || nextKind(line) === "number") print(line);
  connect(line);
}

/** What comes after a word: a number belongs to it, unless small letters follow the number. */
function follow(line: WordLine): void {
  if (nextKind(line) !== "number") connect(line);
  else if (line.at < line.words.length - 1) {
    const isOwnWord = line.words[line.at + 1]?.kind === "letters";
    if (isOwnWord) line.out.push(line.between);
    print(line);
    if (isOwnWord) absorb(line);
    else connect(line);
  }
}

/** xstrings' Pascal case: `http_server` to `HttpServer`, leading and doubled connectors stay. */
export function camelCase(text: string): string {
  const characters = [...text];
  const first = characters.findIndex((character) => !connector.test(character));
  if (first < 0) return text + (characters.length > 0 ? (characters.at(-1) ?? "") : "");
  const out = characters.slice(0, first);
  let current = upperRune(characters[first] ?? "");
  let startsWithCapital = capital.test(characters[first] ?? "");
  if (first === characters.length - 1) return out.join("") + current;
  for (const next of characters.slice(first + 1)) {
    const previous = current;
    current = next;
    if (connector.test(current) && connector.test(previous)) {
      out.push(previous);
    } else if (connector.test(previous)) {
      startsWithCapital = capital.test(current);
      current = upperRune(current);
    } else {
      if (startsWithCapital && capital.test(current)) current = lowerRune(current);
      else startsWithCapital = false;
      out.push(previous);
    }
  }
  return out.join("") + current;
}

function lowered(word: Word, between: string): string {
  if (word.kind !== "capitals" && word.kind !== "connector") return word.text;
  return Array.from(word.text, (character) => {
    if (connector.test(character)) return between;
    return invalid.test(character) ? "\ufffd" : lowerRune(character);
  }).join("");
}

function splitWords(text: string): Word[] {
  const characters = text.match(/[\p{Cs}\ufffd]*[^\p{Cs}\ufffd]|[\p{Cs}\ufffd]+$/gu) ?? [];
  const words: Word[] = [];
  let at = 0;
  while (at < characters.length) {
    const kind = kindOf(characters[at] ?? "");
    const end = endOfWord(characters, at, kind);
    words.push({ kind, text: characters.slice(at, end).join("") });
    at = end;
  }
  return words;
}

/** What is no UTF-8 belongs to the character behind it, and at the end of the text to the word before it. */
function kindOf(unit: string, before: WordKind = "none"): WordKind {
  const character = Array.from(unit).at(-1) ?? "";
  if (invalid.test(character)) return before;
  if (connector.test(character)) return "connector";
  if (/\p{P}/u.test(character)) return "punctuation";
  if (capital.test(character)) return "capitals";
  if (letter.test(character) && !ideograph.test(character)) return "letters";
  return /\p{N}/u.test(character) ? "number" : "other";
}

function endOfWord(characters: readonly string[], start: number, kind: WordKind): number {
  const run = (from: number, wanted: WordKind): number => {
    let end = from;
    while (end < characters.length && kindOf(characters[end] ?? "", wanted) === wanted) end++;
    return end;
  };
  if (kind === "punctuation") {
    // A hyphen or an underline behind punctuation is punctuation too.
    const rest = characters.slice(start + 1).findIndex((unit) => !/\p{P}$/u.test(unit));
    return rest < 0 ? characters.length : start + 1 + rest;
  }
  if (kind !== "capitals") return run(start + 1, kind);
  const next = kindOf(characters[start + 1] ?? " ");
  if (next === "letters") return run(start + 1, "letters");
  const end = run(start + 1, "capitals");
  // In "HTTPStatus" the S belongs to the word after.
  const followed = end < characters.length && kindOf(characters[end] ?? "") === "letters";
  return followed && end - start > 1 ? end - 1 : end;
}
