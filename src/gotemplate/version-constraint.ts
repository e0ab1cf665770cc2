import {
  comparePrereleases,
  compareVersions,
  parseVersion,
  type SemanticVersion,
} from "./semantic-version.ts";
import { GoError } from "./value.ts";

/** One comparison such as `>=1.2`: which of the parts were left open (`1.x`, `1`). */
interface Constraint {
  readonly operator: string;
  readonly version: SemanticVersion;
  readonly isOpen: boolean;
  readonly minorIsOpen: boolean;
  readonly patchIsOpen: boolean;
}

const version =
  "v?([0-9|xX*]+)(\\.[0-9|xX*]+)?(\\.[0-9|xX*]+)?(-(?:[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?(\\+(?:[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?";
const operators = "=||!=|>|<|>=|=>|<=|=<|~|~>|\\^";
const unnamed = version.replaceAll(/(?<!\\)\((?!\?)/g, "(?:");
const valid = new RegExp(
  `^(?:\\s*(?:${operators})\\s*(?:${unnamed})\\s*)(?:(?:\\s+|,\\s*)(?:${operators})\\s*(?:${unnamed})\\s*)*$`,
);
const each = new RegExp(`(?:${operators})\\s*(?:${unnamed})`, "g");
const single = new RegExp(`^\\s*(${operators})\\s*(?:${version})\\s*$`);
const range = new RegExp(`\\s*(${unnamed})\\s+-\\s+(${unnamed})\\s*`, "g");

/**
 * Whether a version satisfies constraints: `>=1.2 <2, !=1.5 || ^3`, `1.2 - 1.4`, `~1.2`, `1.x`.
 *
 * @throws GoError as Masterminds' library words it
 */
export function satisfies(constraints: string, candidate: () => SemanticVersion): boolean {
  const alternatives = constraints
    .replace(range, (_all, low: string, high: string) => `>= ${low}, <= ${high} `)
    .split("||")
    .map((alternative) => {
      if (!valid.test(alternative)) throw new GoError(`improper constraint: ${alternative}`);
      return (alternative.match(each) ?? [alternative]).map(parseConstraint);
    });
  const found = candidate();
  return alternatives.some((all) => {
    // One comparison that names a prerelease lets them into the whole group.
    if (found.prerelease !== "" && all.every(({ version: wanted }) => wanted.prerelease === "")) return false;
    return all.every((constraint) => holds(constraint, found));
  });
}

function parseConstraint(text: string): Constraint {
  const match = single.exec(text);
  if (match === null) throw new GoError(`improper constraint: ${text}`);
  const [, operator = "", major = "", minor = "", patch = "", prerelease = ""] = match;
  const isOpen = (part: string): boolean => /^\.?[xX*]?$/.test(part);
  const base = { operator, isOpen: true, minorIsOpen: false, patchIsOpen: false };
  if (isOpen(major)) return { ...base, version: parseVersion(`0.0.0${prerelease}`) };
  if (isOpen(minor)) return { ...base, version: read(`${major}.0.0${prerelease}`), minorIsOpen: true };
  if (isOpen(patch)) return { ...base, version: read(`${major}${minor}.0${prerelease}`), patchIsOpen: true };
  return { ...base, version: read(`${major}${minor}${patch}${prerelease}`), isOpen: false };
}

function read(text: string): SemanticVersion {
  try {
    return parseVersion(text);
  } catch {
    throw new GoError("constraint parser error");
  }
}

function holds(constraint: Constraint, found: SemanticVersion): boolean {
  const { operator, version: wanted, isOpen } = constraint;
  switch (operator) {
    case "!=":
      return isOpen ? differs(constraint, found) : compareVersions(found, wanted) !== 0;
    case "":
    case "=":
      return isOpen ? tilde(constraint, found) : compareVersions(found, wanted) === 0;
    case ">":
      return isAbove(constraint, found);
    case "<":
      return compareVersions(found, wanted) < 0;
    case ">=":
    case "=>":
      return compareVersions(found, wanted) >= 0;
    case "<=":
    case "=<":
      return isAtMost(constraint, found);
    case "^":
      return caret(constraint, found);
    default:
      return tilde(constraint, found);
  }
}

function differs({ version: wanted, minorIsOpen, patchIsOpen }: Constraint, found: SemanticVersion): boolean {
  if (wanted.major !== found.major) return true;
  if (wanted.minor !== found.minor && !minorIsOpen) return true;
  if (minorIsOpen) return false;
  if (wanted.patch !== found.patch && !patchIsOpen) return true;
  if (patchIsOpen) return comparePrereleases(found.prerelease, wanted.prerelease) !== 0;
  return compareVersions(found, wanted) !== 0;
}

function isAbove(constraint: Constraint, found: SemanticVersion): boolean {
  const { version: wanted, isOpen, minorIsOpen, patchIsOpen } = constraint;
  if (!isOpen) return compareVersions(found, wanted) > 0;
  if (found.major !== wanted.major) return found.major > wanted.major;
  if (minorIsOpen) return false;
  return patchIsOpen ? found.minor > wanted.minor : compareVersions(found, wanted) > 0;
}

function isAtMost({ version: wanted, isOpen, minorIsOpen }: Constraint, found: SemanticVersion): boolean {
  if (!isOpen) return compareVersions(found, wanted) <= 0;
  if (found.major !== wanted.major) return found.major < wanted.major;
  return minorIsOpen || found.minor <= wanted.minor;
}

function tilde({ version: wanted, minorIsOpen, patchIsOpen }: Constraint, found: SemanticVersion): boolean {
  if (compareVersions(found, wanted) < 0) return false;
  const isZero = wanted.major === 0n && wanted.minor === 0n && wanted.patch === 0n;
  if (isZero && !minorIsOpen && !patchIsOpen) return true;
  return found.major === wanted.major && (minorIsOpen || found.minor === wanted.minor);
}

function caret({ version: wanted, minorIsOpen, patchIsOpen }: Constraint, found: SemanticVersion): boolean {
  if (compareVersions(found, wanted) < 0) return false;
  if (found.major !== wanted.major) return false;
  if (wanted.major > 0n || minorIsOpen) return true;
  if (wanted.minor > 0n || patchIsOpen) return found.minor === wanted.minor;
  return found.minor === 0n && found.patch === wanted.patch;
}
