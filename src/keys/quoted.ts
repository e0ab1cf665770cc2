/**
 * A text from a file or a server as a quoted scalar of JSON and YAML, in which nothing ends the line, colours the
 * terminal or turns the direction of writing.
 */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
