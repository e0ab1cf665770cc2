/**
 * A text from a file or a server as a quoted scalar of JSON and YAML, in which nothing ends the line, colours the
 * terminal or turns the direction of writing.
 */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    // Beyond the 65,536 first characters each is two units, and so two escapes.
    (character) =>
      Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
        .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
        .join(""),
  );
}
