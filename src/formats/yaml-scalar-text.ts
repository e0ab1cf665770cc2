import { CHOMPING_MODE, getScalarValue, type ScalarEvent } from "js-yaml";
import { invalid } from "./source-text.ts";
import { lineStart, withoutBreak } from "./yaml-scan.ts";
import type { ScalarStyle } from "./yaml-syntax.ts";

// go-yaml has no halves of surrogate pairs and nothing above U+10FFFF.
const badEscape = /(?:^|[^\\])(?:\\\\)*\\(?:u[dD][89a-fA-F]|U(?!00(?:0|10))|U0000[dD][89a-fA-F])/;
const escapedBreak = /(?<=(?:^|[^\\])(?:\\\\)*)\\(?:\r\n|\r(?!\n)|\n)((?:[ \t]*(?:\r\n|\r(?!\n)|\n))+)/g;

/** The text that a scalar stands for, as go-yaml reads it: js-yaml differs in a few places. */
export function scalarText(text: string, event: ScalarEvent, style: ScalarStyle): string {
  const value = getScalarValue(text, event);
  if (style === "plain" || style === "single" || event.fast) return value;
  if (style === "double") return doubleQuotedText(text, event, value);
  // Where the file ends inside the last line, go-yaml adds no line break.
  const whole = endsInsideLine(text, event) ? value.replace(/\n$/, "") : value;
  // The line break at the end of a block belongs to YAML, not to the encrypted value in it (sops.md D11).
  return whole.startsWith("ENC[") ? whole.replace(/\n+$/, "") : whole;
}

function doubleQuotedText(text: string, event: ScalarEvent, value: string): string {
  const raw = text.slice(event.valueStart, event.valueEnd);
  if (badEscape.test(raw)) {
    throw invalid(text, event.valueStart, "the text has an escape that stands for no character");
  }
  // js-yaml forgets the blank lines behind an escaped line break.
  const spelled = raw.replace(
    escapedBreak,
    (_, lines: string) => `${"\\n".repeat(lines.match(/\r\n?|\n/g)?.length ?? 0)}\\\n`,
  );
  if (spelled === raw) return value;
  return getScalarValue(spelled, { ...event, valueStart: 0, valueEnd: spelled.length });
}

function endsInsideLine(text: string, { valueStart, valueEnd, indent }: ScalarEvent): boolean {
  if (valueEnd < text.length || valueEnd === valueStart) return false;
  const lastLine = text.slice(Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r")) + 1);
  return lastLine.length > indent && indent >= 0;
}

/**
 * Where the last line of a block scalar ends. Blank lines behind it belong to it only when they are part of the text.
 */
export function endOfBlock(text: string, { valueStart, valueEnd, chomping, indent }: ScalarEvent): number {
  let end = valueEnd;
  while (chomping !== CHOMPING_MODE.KEEP && end > valueStart) {
    const lineEnd = withoutBreak(text, end);
    const start = Math.max(lineStart(text, lineEnd), valueStart);
    const isLonger = indent >= 0 && lineEnd - start > indent;
    if (isLonger || !/^ *$/.test(text.slice(start, lineEnd))) break;
    end = start;
  }
  // The break before an empty body is that of the header.
  return withoutBreak(text, end);
}
