import { quote } from "../../gotemplate/quote.ts";
import type { FlagKind } from "./kubeseal-flags.ts";

/** What a flag holds: words of a list flag, else one text as it was given. */
export type FlagValue = { readonly words: readonly string[] } | { readonly refused: string };

const truth = ["1", "t", "T", "true", "TRUE", "True"];
const falsehood = ["0", "f", "F", "false", "FALSE", "False"];
const scopes = ["", "strict", "namespace-wide", "cluster-wide"];
const severities = ["INFO", "WARNING", "ERROR", "FATAL"];

/**
 * Reads the value of a flag as its Go type does.
 *
 * @returns The words, one for every kind but lists, or why the type refuses it, in its own words.
 */
export function readFlagValue(kind: FlagKind, text: string): FlagValue {
  switch (kind) {
    case "string":
    case "stringArray":
      return { words: [text] };
    case "strings":
      return readCsv(text);
    case "bool":
      return [...truth, ...falsehood].includes(text)
        ? { words: [text] }
        : { refused: `strconv.ParseBool: parsing ${quote(text)}: invalid syntax` };
    case "goBool":
      return checked(text, [...truth, ...falsehood].includes(text) ? undefined : "parse error");
    case "scope":
      return checked(
        text,
        scopes.includes(text) ? undefined : "must be one of: strict, namespace-wide, cluster-wide",
      );
    case "uint":
      return checked(text, refuseUnsigned(text));
    case "Level":
      return checked(text, refuseInt32(text));
    case "severity":
      return checked(text, severities.includes(text.toUpperCase()) ? undefined : refuseInt32(text));
    case "moduleSpec":
      return checked(text, refuseModules(text));
    case "traceLocation":
      return checked(text, refuseLocation(text));
  }
}

/** Whether the text of a switch says that it is on. */
export function isTrue(text: string): boolean {
  return truth.includes(text);
}

function checked(text: string, refused: string | undefined): FlagValue {
  return refused === undefined ? { words: [text] } : { refused };
}

/** The first record of the text as Go's `encoding/csv` reads it: commas, and double quotes around what holds one. */
function readCsv(text: string): FlagValue {
  if (text === "") return { words: [] };
  const line = text.split("\n").find((one) => one !== "" && one !== "\r");
  if (line === undefined) return { refused: "EOF" };
  if (!line.includes('"')) return { words: line.replace(/\r$/, "").split(",") };
  const words: string[] = [];
  let rest = line;
  for (;;) {
    const field = rest.startsWith('"')
      ? /^"((?:[^"]|"")*)"(?=,|$)/.exec(rest)
      : /^([^",]*)(?=,|$)/.exec(rest);
    if (field === null) return { refused: csvError(rest, line.length - rest.length) };
    words.push((field[1] ?? "").replaceAll('""', '"'));
    if (field[0].length === rest.length) return { words };
    rest = rest.slice(field[0].length + 1);
  }
}

function csvError(rest: string, offset: number): string {
  const at = (column: number) => `parse error on line 1, column ${offset + column}: `;
  if (!rest.startsWith('"')) return `${at(rest.indexOf('"') + 1)}bare " in non-quoted-field`;
  const closed = /^"(?:[^"]|"")*"/.exec(rest)?.[0];
  return closed === undefined
    ? `${at(rest.length + 1)}extraneous or missing " in quoted-field`
    : `${at(closed.length)}extraneous or missing " in quoted-field`;
}

function refuseUnsigned(text: string): string | undefined {
  // Go reads it with base 0.
  if (!/^(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9][0-9]*)$/.test(text)) return "parse error";
  const spelled = /^0[0-7]+$/.test(text) ? `0o${text.slice(1)}` : text;
  return BigInt(spelled) < 2n ** 64n ? undefined : "value out of range";
}

function refuseInt32(text: string): string | undefined {
  const number = /^[-+]?[0-9]+$/.test(text) ? BigInt(text.replace(/^\+/, "")) : undefined;
  const problem = number === undefined ? "invalid syntax" : "value out of range";
  const fits = number !== undefined && number >= -(2n ** 31n) && number < 2n ** 31n;
  return fits ? undefined : `strconv.ParseInt: parsing ${quote(text)}: ${problem}`;
}

function refuseModules(text: string): string | undefined {
  for (const part of text.split(",").filter((one) => one !== "")) {
    const [pattern = "", level = "", ...more] = part.split("=");
    if (pattern === "" || level === "" || more.length > 0 || refuseInt32(level) !== undefined) {
      return "syntax error: expect comma-separated list of filename=N";
    }
    if (level.startsWith("-") && Number(level) < 0) return "negative value for vmodule level";
  }
  return undefined;
}

function refuseLocation(text: string): string | undefined {
  if (text === "") return undefined;
  const [file = "", line = "", ...more] = text.split(":");
  if (more.length > 0 || !file.includes(".") || !/^[-+]?[0-9]+$/.test(line)) {
    return "syntax error: expect file.go:234";
  }
  return Number(line) <= 0 ? "negative or zero value for level" : undefined;
}
