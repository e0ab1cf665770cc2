import {
  checkPrerelease,
  compareVersions,
  parseVersion,
  type SemanticVersion,
  versionText,
} from "./semantic-version.ts";
import { define, goBool, goInt, goString, textAt, valueAt } from "./sprig-definition.ts";
import { GoError, type GoFunction, type GoObject, type GoType, type GoValue } from "./value.ts";
import { satisfies } from "./version-constraint.ts";

/** Methods that a version returned by another has not: Go has no address to call them with. */
const ofPointers = /^(Original|Compare|Equal|LessThan|LessThanEqual|GreaterThan|GreaterThanEqual)$/;

const versions = new WeakMap<GoValue, SemanticVersion>();

/** Sprig's functions of versions. */
export const semverFunctions: readonly GoFunction[] = [
  define("semver", ["string"], (args) => goVersion(parseVersion(textAt(args, 0)))),
  define("semverCompare", ["string", "string"], (args) =>
    goBool(satisfies(textAt(args, 0), () => parseVersion(textAt(args, 1)))),
  ),
];

/** The version after this one, without prerelease and metadata. */
function next(version: SemanticVersion, parts: Partial<SemanticVersion>): GoValue {
  const made = { ...version, ...parts, prerelease: "", metadata: "" };
  const mark = version.original.startsWith("v") ? "v" : "";
  return goVersion({ ...made, original: mark + versionText(made) }, "semver.Version");
}

/** The same version with another prerelease or metadata. */
function withLabel(version: SemanticVersion, label: "prerelease" | "metadata", text: string): GoValue {
  for (const part of text === "" ? [] : text.split(".")) {
    if (label === "prerelease") checkPrerelease(part);
    if (!/^[0-9A-Za-z-]+$/.test(part)) throw new GoError(`invalid ${label} string`);
  }
  const made = { ...version, [label]: text };
  const mark = version.original.startsWith("v") ? "v" : "";
  return goVersion({ ...made, original: mark + versionText(made) }, "semver.Version");
}

/** Version 0.0.0, read from an empty text. */
export function zeroVersion(): GoValue {
  return goVersion({ ...parseVersion("0"), original: "" });
}

function parametersOf(method: string): readonly GoType[] {
  if (method.startsWith("Set")) return ["string"];
  return /^(Compare|Equal|LessThan|GreaterThan)/.test(method) ? ["*semver.Version"] : [];
}

/** A `*semver.Version` with its methods, or the `semver.Version` that some of them return. */
function goVersion(version: SemanticVersion, type = "*semver.Version"): GoObject {
  const compare = (args: readonly GoValue[]): number => {
    const other = versions.get(valueAt(args, 0));
    if (other === undefined) {
      throw new GoError("runtime error: invalid memory address or nil pointer dereference");
    }
    return Math.sign(compareVersions(version, other));
  };
  const members: Readonly<Record<string, (args: readonly GoValue[]) => GoValue>> = {
    Major: () => ({ kind: "int", type: "uint64", value: version.major }),
    Minor: () => ({ kind: "int", type: "uint64", value: version.minor }),
    Patch: () => ({ kind: "int", type: "uint64", value: version.patch }),
    Prerelease: () => goString(version.prerelease),
    Metadata: () => goString(version.metadata),
    Original: () => goString(version.original),
    String: () => goString(versionText(version)),
    IncMajor: () => next(version, { major: version.major + 1n, minor: 0n, patch: 0n }),
    IncMinor: () => next(version, { minor: version.minor + 1n, patch: 0n }),
    // What leads to a release is followed by the release itself.
    IncPatch: () => next(version, version.prerelease === "" ? { patch: version.patch + 1n } : {}),
    SetPrerelease: (args) => withLabel(version, "prerelease", textAt(args, 0)),
    SetMetadata: (args) => withLabel(version, "metadata", textAt(args, 0)),
    Compare: (args) => goInt(compare(args)),
    Equal: (args) => goBool(compare(args) === 0),
    LessThan: (args) => goBool(compare(args) < 0),
    LessThanEqual: (args) => goBool(compare(args) <= 0),
    GreaterThan: (args) => goBool(compare(args) > 0),
    GreaterThanEqual: (args) => goBool(compare(args) >= 0),
  };
  const value: GoObject = {
    kind: "object",
    type,
    member: (name) => {
      const call = type.startsWith("*") || !ofPointers.test(name) ? members[name] : undefined;
      return call && { call, parameters: parametersOf(name) };
    },
    text: () => versionText(version),
  };
  versions.set(value, version);
  return value;
}
