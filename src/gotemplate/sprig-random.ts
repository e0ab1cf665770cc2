import { encodeBase64 } from "./base-encoding.ts";
import { checkLength, define, goInt, goString, integerAt, textAt } from "./sprig-definition.ts";
import { GoError, type GoFunction, type World } from "./value.ts";

const digits = "0123456789";
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const printable = String.fromCharCode(...Array.from({ length: 95 }, (_, index) => 32 + index));

/** Sprig's functions of chance, all on the caller's source of randomness. */
export const randomFunctions: readonly GoFunction[] = [
  randomText("randAlphaNum", digits + letters),
  randomText("randAlpha", letters),
  randomText("randAscii", printable),
  randomText("randNumeric", digits),
  define("randBytes", ["int"], (args, world) => {
    const count = integerAt(args, 0);
    if (count < 0) throw new GoError("runtime error: makeslice: len out of range");
    checkLength(count, world);
    return goString(encodeBase64(world.random(count)));
  }),
  define("randInt", ["int", "int"], (args, world) => {
    const [low, high] = [integerAt(args, 0), integerAt(args, 1)];
    if (high <= low) throw new GoError("invalid argument to Intn");
    return goInt(low + below(high - low, world));
  }),
  define("shuffle", ["string"], (args, world) => {
    const characters = [...textAt(args, 0)];
    world.spend(characters.length);
    for (let i = characters.length - 1; i > 0; i--) {
      const other = below(i + 1, world);
      [characters[i], characters[other]] = [characters[other] ?? "", characters[i] ?? ""];
    }
    return goString(characters.join(""));
  }),
  define("uuidv4", [], (_args, world) => {
    const bytes = Uint8Array.from(world.random(16));
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return goString(hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"));
  }),
];

function randomText(name: string, characters: string): GoFunction {
  return define(name, ["int"], (args, world) => {
    const count = Math.max(integerAt(args, 0), 0);
    checkLength(count, world);
    world.spend(count);
    return goString(
      Array.from({ length: count }, () => characters[below(characters.length, world)]).join(""),
    );
  });
}

/** A number from 0 to below a bound, all of them equally likely: what is over the last whole multiple is drawn again. */
function below(bound: number, world: World): number {
  const space = 2n ** 64n;
  const size = BigInt(bound);
  const usable = space - (space % size);
  for (;;) {
    let drawn = 0n;
    for (const byte of world.random(8)) drawn = (drawn << 8n) | BigInt(byte);
    if (drawn < usable) return Number(drawn % size);
  }
}
