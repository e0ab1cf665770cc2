import { byteLength, decodeGoString, encodeGoString } from "./go-string.ts";
import { elementOf, pointedType, type Reflected, typeName, unbox } from "./go-type.ts";
import { GoError, type GoValue } from "./value.ts";

/** Go's `index`: `index x 1 2` is `x[1][2]`; the key that a map lacks is the zero value. */
export function elementAt(container: Reflected, keys: readonly Reflected[]): Reflected {
  let item: Reflected = unbox(container);
  if (item.kind === "nil") throw new GoError("index of untyped nil");
  for (const key of keys) item = oneElement(unbox(item), unbox(key));
  return item;
}

function oneElement(item: GoValue, key: GoValue): Reflected {
  switch (item.kind) {
    case "nil":
      throw new GoError("index of nil pointer");
    case "map":
      return elementOf(item.element, item.entries.get(mapKey(key)) ?? zeroOf(item.element));
    case "list": {
      const found = item.items[position(key, item.items.length)];
      // Go checks the index against the length itself, and its reflection refuses the end.
      if (found === undefined) throw new GoError("reflect: slice index out of range");
      return elementOf(item.element, found);
    }
    case "string": {
      const bytes = encodeGoString(item.value);
      const byte = bytes[position(key, bytes.length)];
      if (byte === undefined) throw new GoError("reflect: string index out of range");
      return { kind: "int", type: "uint8", value: BigInt(byte) };
    }
    default:
      throw new GoError(`can't index item of type ${pointedType(item)}`);
  }
}

function zeroOf(element: "string" | "interface {}"): GoValue {
  return element === "string" ? { kind: "string", value: "" } : { kind: "nil" };
}

function mapKey(key: GoValue): string {
  if (key.kind === "string") return key.value;
  if (key.kind === "nil") throw new GoError("value is nil; should be of type string");
  throw new GoError(`value has type ${typeName(key)}; should be string`);
}

/** An index into a list or string, at most its length. */
function position(index: GoValue, length: number): number {
  if (index.kind === "nil") throw new GoError("cannot index slice/array with nil");
  const plain = index.kind === "object" ? (index.underlying ?? index) : index;
  if (plain.kind !== "int") throw new GoError(`cannot index slice/array with type ${typeName(index)}`);
  if (plain.value < 0n || plain.value > BigInt(length)) {
    throw new GoError(`index out of range: ${BigInt.asIntN(64, plain.value)}`);
  }
  return Number(plain.value);
}

/** Go's `slice`: `slice x 1 2` is `x[1:2]`. Strings are cut between bytes. */
export function sliceOf(container: Reflected, indexes: readonly Reflected[]): GoValue {
  const item = unbox(container);
  if (item.kind === "nil") throw new GoError("slice of untyped nil");
  if (indexes.length > 3) throw new GoError(`too many slice indexes: ${indexes.length}`);
  if (item.kind === "string") {
    if (indexes.length === 3) throw new GoError("cannot 3-index slice a string");
    const bytes = encodeGoString(item.value);
    return { kind: "string", value: decodeGoString(bytes.subarray(...bounds(indexes, bytes.length))) };
  }
  if (item.kind === "list") {
    return { ...item, items: item.items.slice(...bounds(indexes, item.items.length)) };
  }
  throw new GoError(`can't slice item of type ${pointedType(item)}`);
}

function bounds(indexes: readonly Reflected[], length: number): [number, number] {
  const [from = 0, to = length, capacity = length] = indexes.map((index) => position(unbox(index), length));
  if (from > to) throw new GoError(`invalid slice index: ${from} > ${to}`);
  if (to > capacity) throw new GoError(`invalid slice index: ${to} > ${capacity}`);
  return [from, to];
}

/** Go's `len`: entries, items or bytes. */
export function lengthOf(container: Reflected): number {
  const item = unbox(container);
  switch (item.kind) {
    case "map":
      return item.entries.size;
    case "list":
      return item.items.length;
    case "string":
      return byteLength(item.value);
    case "nil":
      throw new GoError(
        container.kind === "nil" ? "reflect: call of reflect.Value.Type on zero Value" : "len of nil pointer",
      );
    default:
      throw new GoError(`len of type ${pointedType(item)}`);
  }
}
