import { encodeBase64, hashSync } from "bcryptjs";
import { byteLength } from "./go-string.ts";
import { define, goString, textAt } from "./sprig-definition.ts";
import { GoError, type GoFunction, type World } from "./value.ts";

/** What a hash costs beside a step of a template: 2^10 rounds take about as long as half a scrypt of `derivePassword`. */
const hashCost = 100_000;

/** Sprig's functions of hashed passwords. */
export const passwordFunctions: readonly GoFunction[] = [
  define("bcrypt", ["string"], (args, world) => goString(hashPassword(textAt(args, 0), world))),
  define("htpasswd", ["string", "string"], (args, world) => {
    const [user, password] = [textAt(args, 0), textAt(args, 1)];
    if (user.includes(":")) return goString(`invalid username: ${user}`);
    return goString(`${user}:${hashPassword(password, world)}`);
  }),
];

/** A bcrypt hash as Go makes it: `$2a$10$`, 22 characters of salt, 31 of hash. An error is Sprig's text, not thrown. */
function hashPassword(password: string, world: World): string {
  if (byteLength(password) > 72) {
    return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes";
  }
  if (!password.isWellFormed()) throw new GoError("a password that is no UTF-8 is not supported");
  world.spend(hashCost);
  return hashSync(password, `$2a$10$${encodeBase64([...world.random(16)], 16)}`);
}
