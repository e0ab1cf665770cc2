/**
 * A value of a template, with the type that Go would see: `printf "%T"`, `kindOf`, comparisons and error messages depend
 * on it. Go's strings are bytes: a byte that is no UTF-8 stands in a string as a lone surrogate, see go-string.ts.
 */
export type GoValue =
  | { readonly kind: "nil" }
  | { readonly kind: "bool"; readonly value: boolean }
  /** Go's `int`, and the sized types that Sprig's functions return. */
  | {
      readonly kind: "int";
      readonly type: "int" | "int32" | "int64" | "uint8" | "uint32" | "uint64";
      readonly value: bigint;
    }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  /** `map[string]string` (the data of the Secret), `map[string]interface {}` (`dict`). Sorted when ranged over. */
  | {
      readonly kind: "map";
      readonly element: "string" | "interface {}";
      readonly entries: Map<string, GoValue>;
    }
  /** `[]interface {}`, `[]string`, `[]int`, and `[][]interface {}` (`chunk`). */
  | {
      readonly kind: "list";
      readonly element: "interface {}" | "string" | "int" | "uint8" | "[]interface {}";
      readonly items: readonly GoValue[];
    }
  /** A struct or a type with methods of its own: `time.Time`, `time.Duration`, `certificate`, `*semver.Version`, `*url.URL`. */
  | GoObject;

/** A method, or a field: that has no parameters to call it with. */
interface GoMember {
  readonly parameters?: readonly GoType[];
  readonly call: (args: readonly GoValue[]) => GoValue;
}

/** A value whose type has methods or fields. */
export interface GoObject {
  readonly kind: "object";
  /** As `%T` prints it: `time.Time`. */
  readonly type: string;
  /** Fields and methods by name. */
  readonly member: (name: string) => GoMember | undefined;
  /** As `fmt` prints it with `%v`. */
  readonly text: () => string;
  /** What the type is made of, when that is no struct: `time.Duration` is an `int64` to truth, comparison and `%d`. */
  readonly underlying?: GoValue;
  /** What `encoding/json` writes for it, when that is not its text in quotes. */
  readonly json?: () => GoValue;
}

/** A function of a template. Throws a {@link GoError} as Go's function would return one. */
export interface GoFunction {
  readonly name: string;
  /** Parameter types for the check and for its error texts; the last may repeat. */
  readonly parameters: readonly GoType[];
  readonly variadic: boolean;
  readonly call: (args: readonly GoValue[], world: World) => GoValue;
}

/** The parameter types that Go checks before a call: `interface {}` takes anything. */
export type GoType =
  | "interface {}"
  | "string"
  | "int"
  | "int64"
  | "uint32"
  | "float64"
  | "bool"
  | "[]interface {}"
  | "[]string"
  | "map[string]interface {}"
  | "time.Time"
  | "time.Duration"
  | "*semver.Version"
  | "sprig.certificate"
  | "reflect.Value";

/** What a template may not get by itself, and what bounds it. */
export interface World {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
  /** Minutes east of UTC for `date` and others; the controller runs in UTC. */
  readonly utcOffset: number;
  readonly limits: Limits;
  /** Counts work: throws {@link GoError} when the deadline or the step limit is passed. */
  readonly spend: (steps: number) => void;
}

/** Bounds given by the caller. */
export interface Limits {
  readonly steps: number;
  /** Characters of output, and of any string on the way. */
  readonly output: number;
  /** Nested template calls; Go stops at 100,000. */
  readonly depth: number;
}

/** An error as Go's template package words it, without the `template: NAME:...` in front. */
export class GoError extends Error {
  override readonly name: string = "GoError";
}
