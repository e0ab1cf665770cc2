import { readFileSync } from "node:fs";

/*
 * Loaded into a program before it starts (`node --import`): its time of day is wrong by the milliseconds in the file
 * that WRONG_CLOCK names, read at the start and at every SIGUSR2. Everything else goes on as it is: what a machine does
 * whose clock is set, for a single process.
 */

const { Date: RightDate } = globalThis;
let wrongBy = 0;
const read = (): void => {
  wrongBy = Number(readFileSync(process.env["WRONG_CLOCK"] ?? "", "utf8"));
};
const now = (): number => RightDate.now() + wrongBy;

globalThis.Date = new Proxy(RightDate, {
  construct: (target, args: readonly number[]) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});
read();
process.on("SIGUSR2", read);
