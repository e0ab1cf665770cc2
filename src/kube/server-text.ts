const longest = 1500;

/**
 * A text of somebody else's on one line and without control characters, which could do things to a terminal.
 */
export function oneLine(text: string): string {
  const plain = text
    .slice(0, 4 * longest)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}")
    .trim();
  return plain.length <= longest ? plain : `${plain.slice(0, longest)}...`;
}

/** A word of a command to type: in quotes when a shell would take it apart. */
export function shellWord(text: string): string {
  const word = oneLine(text);
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
