import { compareGoStrings } from "./go-string.ts";
import { kindName, type Reflected, typeName, unbox } from "./go-type.ts";
import { type Bounds, valueText } from "./print-value.ts";
import { sprintf } from "./printf.ts";
import { GoError, type GoValue } from "./value.ts";

type Basic = "bool" | "int" | "uint" | "float" | "string";

/** The value that a comparison looks at: a `time.Duration` is an integer. */
function comparable(value: Reflected): GoValue {
  const plain = unbox(value);
  return plain.kind === "object" ? (plain.underlying ?? plain) : plain;
}

function basicKind(value: GoValue): Basic | undefined {
  switch (value.kind) {
    case "int":
      return value.type.startsWith("u") ? "uint" : "int";
    case "bool":
    case "float":
    case "string":
      return value.kind;
    case "nil":
    case "map":
    case "list":
    case "object":
      return;
  }
}

function incompatible(left: Reflected, right: Reflected): GoError {
  const types = `${typeName(unbox(left))} and ${typeName(unbox(right))}`;
  return new GoError(`incompatible types for comparison: ${types}`);
}

/**
 * Go's `eq`: whether the first equals any of the others.
 *
 * @throws {GoError} for types that Go does not compare.
 */
export function isEqual(first: Reflected, others: readonly Reflected[], bounds: Bounds): boolean {
  if (others.length === 0) throw new GoError("missing argument for comparison");
  return others.some((other) => areEqual(first, other, bounds));
}

function areEqual(first: Reflected, second: Reflected, bounds: Bounds): boolean {
  const left = comparable(first);
  const right = comparable(second);
  const kind = basicKind(left);
  if (kind === undefined && basicKind(right) === undefined) return areSame(left, right, bounds);
  if (left.kind === "nil" || right.kind === "nil") return false;
  if (left.kind !== right.kind) throw incompatible(first, second);
  return "value" in left && "value" in right && left.value === right.value;
}

/** Values that are no numbers, strings or booleans. */
function areSame(left: GoValue, right: GoValue, bounds: Bounds): boolean {
  if (left.kind === "nil" || right.kind === "nil") return left.kind === right.kind;
  const [typeLeft, typeRight] = [typeName(left), typeName(right)];
  // Go prints the one that it blames with `%s`, whatever it is.
  if (kindName(left) !== kindName(right)) {
    const [textLeft, textRight] = [sprintf("%s", [left], bounds), valueText(right, bounds)];
    throw new GoError(`non-comparable types ${textLeft}: ${typeLeft}, ${typeRight}: ${textRight}`);
  }
  if (right.kind !== "object") {
    throw new GoError(`non-comparable type ${sprintf("%s", [right], bounds)}: ${typeRight}`);
  }
  // Pointers are the same when they point to the same.
  if (typeLeft.startsWith("*")) return left === right;
  return typeLeft === typeRight && valueText(left, bounds) === valueText(right, bounds);
}

/**
 * Go's order of two values: negative, zero or positive, and NaN where floats have none.
 *
 * @throws {GoError} for types that Go does not order.
 */
export function compareValues(first: Reflected, second: Reflected): number {
  const left = comparable(first);
  const right = comparable(second);
  const [kindLeft, kindRight] = [basicKind(left), basicKind(right)];
  if (kindLeft === undefined || kindRight === undefined) {
    throw new GoError("invalid type for comparison");
  }
  if (left.kind === "int" && right.kind === "int") {
    return left.value < right.value ? -1 : left.value > right.value ? 1 : 0;
  }
  if (left.kind !== right.kind) throw incompatible(first, second);
  if (left.kind === "string" && right.kind === "string") return compareGoStrings(left.value, right.value);
  if (left.kind === "float" && right.kind === "float") {
    const order = Math.sign(left.value - right.value);
    return left.value === right.value ? 0 : order;
  }
  throw new GoError("invalid type for comparison");
}
