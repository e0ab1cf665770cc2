import { compareVersions, parseVersion, type SemanticVersion, versionText } from "./semantic-version.ts";
import { define, goBool, goInt, goString, textAt, valueAt } from "./sprig-definition.ts";
import type { GoFunction, GoObject, GoValue } from "./value.ts";
import { satisfies } from "./version-constraint.ts";

const versions = new WeakMap<GoValue, SemanticVersion>();

/** Sprig's functions of versions. */
export const semverFunctions: readonly GoFunction[] = [
  define("semver", ["string"], (args) => goVersion(parseVersion(textAt(args, 0)))),
  define("semverCompare", ["string", "string"], (args) =>
    goBool(satisfies(textAt(args, 0), () => parseVersion(textAt(args, 1)))),
  ),
];

/** A `*semver.Version` with its methods. */
function goVersion(version: SemanticVersion): GoObject {
  const compare = (args: readonly GoValue[]): number => {
    const other = versions.get(valueAt(args, 0));
    return other === undefined ? 1 : Math.sign(compareVersions(version, other));
  };
  const members: Readonly<Record<string, (args: readonly GoValue[]) => GoValue>> = {
    Major: () => ({ kind: "int", type: "uint64", value: version.major }),
    Minor: () => ({ kind: "int", type: "uint64", value: version.minor }),
    Patch: () => ({ kind: "int", type: "uint64", value: version.patch }),
    Prerelease: () => goString(version.prerelease),
    Metadata: () => goString(version.metadata),
    Original: () => goString(version.original),
    String: () => goString(versionText(version)),
    Compare: (args) => goInt(compare(args)),
    Equal: (args) => goBool(compare(args) === 0),
    LessThan: (args) => goBool(compare(args) < 0),
    LessThanEqual: (args) => goBool(compare(args) <= 0),
    GreaterThan: (args) => goBool(compare(args) > 0),
    GreaterThanEqual: (args) => goBool(compare(args) >= 0),
  };
  const value: GoObject = {
    kind: "object",
    type: "*semver.Version",
    member: (name) => members[name],
    text: () => versionText(version),
  };
  versions.set(value, version);
  return value;
}
