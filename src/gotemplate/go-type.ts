import type { GoValue } from "./value.ts";

/**
 * A value as Go's reflection sees it while a template runs: what comes out of a `map[string]interface {}` or an
 * `[]interface {}` is of type `interface {}` until a pipeline or a call takes it out, and error messages show that.
 */
export type Reflected = GoValue | Boxed;

/** A value in an `interface {}`; `nil` in it is a nil interface, where a bare `nil` is no value at all. */
interface Boxed {
  readonly kind: "interface";
  readonly value: GoValue;
}

/** Takes a value out of its `interface {}`. */
export function unbox(value: Reflected): GoValue {
  return value.kind === "interface" ? value.value : value;
}

/** An element of a map or a list of this element type. */
export function elementOf(element: string, value: GoValue): Reflected {
  return element === "interface {}" ? { kind: "interface", value } : value;
}

/** The Go type of a value, as `%T` prints it; `<nil>` for nil. */
export function typeName(value: Reflected): string {
  switch (value.kind) {
    case "nil":
      return "<nil>";
    case "bool":
    case "string":
      return value.kind;
    case "int":
    case "object":
      return value.type;
    case "float":
      return "float64";
    case "map":
      return `map[string]${value.element}`;
    case "list":
      return `[]${value.element}`;
    case "interface":
      return "interface {}";
  }
}

/** The Go type of a value, or of what it points to. */
export function pointedType(value: Reflected): string {
  return typeName(value).replace(/^\*/, "");
}

/** Go's `reflect.Kind` of a value, as Sprig's `kindOf` names it; `invalid` for nil. */
export function kindName(value: GoValue): string {
  switch (value.kind) {
    case "nil":
      return "invalid";
    case "list":
      return "slice";
    case "map":
      return "map";
    case "object":
      if (value.underlying !== undefined) return kindName(value.underlying);
      return value.type.startsWith("*") ? "ptr" : "struct";
    default:
      return typeName(value);
  }
}

/** Truth as `if` has it: what is not the zero value of its type; a struct is always true. */
export function isTrue(value: GoValue): boolean {
  switch (value.kind) {
    case "nil":
      return false;
    case "bool":
      return value.value;
    case "int":
      return value.value !== 0n;
    case "float":
      return value.value !== 0;
    case "string":
      return value.value !== "";
    case "map":
      return value.entries.size > 0;
    case "list":
      return value.items.length > 0;
    case "object":
      return value.underlying === undefined || isTrue(value.underlying);
  }
}
