/** How a value stands in an INI file: bare, or between quotes. */
export type IniStyle = "" | "'" | '"' | "`" | '"""';

// What Go's unicode.IsSpace knows; JavaScript's \s has U+FEFF instead of U+0085.
const space = "[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const leading = new RegExp(`^${space}+`);

/** How many characters of white space a text begins with. */
export function leadingSpace(text: string): number {
  return leading.exec(text)?.[0].length ?? 0;
}

const spaceCharacter = new RegExp(`^${space}$`);

/** A text without the white space around it, as Go trims. */
export function trim(text: string): string {
  let end = text.length;
  while (end > 0 && spaceCharacter.test(text.charAt(end - 1))) end--;
  return text.slice(leadingSpace(text.slice(0, end)), end);
}

/** Whether a text is one pair of quotes with none of them inside: only then are they taken off. */
export function isQuoted(text: string, quote: string): boolean {
  return text.length >= 2 && text.startsWith(quote) && text.indexOf(quote, 1) === text.length - 1;
}

/**
 * Spells a value: in the style it had if that can hold it, else as SOPS does, else with whatever quotes bring it back.
 *
 * @returns `undefined` when no quotes do.
 */
export function spellValue(value: string, style: IniStyle | undefined): string | undefined {
  const styles: readonly IniStyle[] = ["`", '"""', '"', "'"];
  const found = [...(style === undefined ? [] : [style]), styleOfSops(value), ...styles].find((candidate) =>
    holds(value, candidate),
  );
  return found === undefined ? undefined : found + value + found;
}

function styleOfSops(value: string): IniStyle {
  if (/[\n`]/.test(value)) return '"""';
  if (/[#;]/.test(value)) return "`";
  return value === trim(value) ? "" : '"';
}

/** Whether a value written in a style is read as itself. Quotes of one character do not protect `#` and `;`. */
function holds(value: string, style: IniStyle): boolean {
  switch (style) {
    case "":
      return (
        value === trim(value) &&
        !/[\n#;]|^`|^"""|\\$/.test(value) &&
        !isQuoted(value, "'") &&
        !isQuoted(value, '"')
      );
    case "'":
    case '"':
      return !/[\n#;]/.test(value) && !value.includes(style);
    case "`":
      return !value.includes(style);
    case '"""':
      return !(value.includes("\n") && value.includes(style));
  }
}
