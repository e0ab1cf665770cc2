/**
 * The order in which go-yaml v2 prints keys: by character, letters behind everything else, and numbers in them by their
 * value, so that `a2` comes before `a10`.
 */
export function compareKeys(left: string, right: string): number {
  const [a, b] = [[...left], [...right]];
  const at = a.findIndex((character, index) => character !== b[index]);
  const [first, second] = [a[at], b[at]];
  if (at === -1 || first === undefined || second === undefined) return a.length - b.length;
  const [isLetter, isOtherLetter] = [letter.test(first), letter.test(second)];
  if (isLetter !== isOtherLetter) return isLetter ? 1 : -1;
  if (!isLetter) {
    const [number, other] = [numberAt(a, at, [first, second]), numberAt(b, at, [first, second])];
    if (number.value !== other.value) return number.value - other.value;
    if (number.end !== other.end) return number.end - other.end;
  }
  return (first.codePointAt(0) ?? 0) - (second.codePointAt(0) ?? 0);
}

const letter = /\p{L}/u;
const digit = /\p{Nd}/u;

/** The number that begins at a place. Behind a digit other than 0 a zero does not lead, so it counts as a digit. */
function numberAt(
  text: readonly string[],
  at: number,
  differing: readonly string[],
): { readonly value: number; readonly end: number } {
  let value = differing.includes("0") && followsNumber(text, at) ? 1 : 0;
  let end = at;
  for (; digit.test(text[end] ?? ""); end++) {
    value = value * 10 + (text[end]?.codePointAt(0) ?? 0) - 0x30;
  }
  return { value, end };
}

function followsNumber(text: readonly string[], at: number): boolean {
  for (let index = at - 1; digit.test(text[index] ?? ""); index--) if (text[index] !== "0") return true;
  return false;
}
