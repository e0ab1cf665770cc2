import { GoError } from "./value.ts";

/** A version as Masterminds' library reads it: minor and patch may be missing, a `v` may stand in front. */
export interface SemanticVersion {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly prerelease: string;
  readonly metadata: string;
  readonly original: string;
}

const shape =
  /^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;

/**
 * Reads a version.
 *
 * @throws GoError as the library words it
 */
export function parseVersion(text: string): SemanticVersion {
  const match = shape.exec(text);
  if (match === null) throw new GoError("invalid semantic version");
  const [, major, minor, patch, prerelease = "", metadata = ""] = match;
  checkPrerelease(prerelease);
  return {
    major: segment(major),
    minor: segment(minor),
    patch: segment(patch),
    prerelease,
    metadata,
    original: text,
  };
}

/** @throws GoError for a number in a prerelease that starts with a zero */
export function checkPrerelease(text: string): void {
  if (text.split(".").some((part) => /^0[0-9]+$/.test(part))) {
    throw new GoError("version segment starts with 0");
  }
}

/** `1.2.3-pre+meta`. */
export function versionText({ major, minor, patch, prerelease, metadata }: SemanticVersion): string {
  const before = prerelease === "" ? "" : `-${prerelease}`;
  return `${major}.${minor}.${patch}${before}${metadata === "" ? "" : `+${metadata}`}`;
}

/** Negative, zero or positive; metadata does not count. */
export function compareVersions(a: SemanticVersion, b: SemanticVersion): number {
  for (const part of ["major", "minor", "patch"] as const) {
    if (a[part] !== b[part]) return a[part] < b[part] ? -1 : 1;
  }
  if (a.prerelease === b.prerelease) return 0;
  // A release comes after all that led to it.
  if (a.prerelease === "") return 1;
  if (b.prerelease === "") return -1;
  return comparePrereleases(a.prerelease, b.prerelease);
}

/** Part by part: numbers by size and before words, a shorter one before a longer one. */
export function comparePrereleases(a: string, b: string): number {
  const left = a.split(".");
  const right = b.split(".");
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = comparePart(left[i] ?? "", right[i] ?? "");
    if (difference !== 0) return difference;
  }
  return 0;
}

function comparePart(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "" || b === "") return a === "" ? -1 : 1;
  const [isNumber, otherIsNumber] = [/^[0-9]+$/.test(a), /^[0-9]+$/.test(b)];
  if (isNumber !== otherIsNumber) return isNumber ? -1 : 1;
  if (isNumber) return BigInt(a) < BigInt(b) ? -1 : 1;
  return a < b ? -1 : 1;
}

function segment(text = "0"): bigint {
  const value = BigInt(text);
  if (value < 2n ** 64n) return value;
  throw new GoError(
    `error parsing version segment: strconv.ParseUint: parsing "${text}": value out of range`,
  );
}
