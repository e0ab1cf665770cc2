import { join } from "node:path";

/**
 * The command line that starts kseal in a process of its own.
 *
 * `KSEAL_UNDER_TEST` names another one than the sources, as words separated by spaces: the installed package or the
 * executable.
 */
export function ksealCommand(): [string, ...string[]] {
  const [program, ...args] = (process.env["KSEAL_UNDER_TEST"] ?? "").split(" ").filter((word) => word !== "");
  return program === undefined ? [process.execPath, sources] : [program, ...args];
}

/** kseal in the place of `sops`. */
export function ksealAsSops(): [string, ...string[]] {
  return [...ksealCommand(), "sops"];
}

const sources = join(import.meta.dirname, "kseal-sources.ts");
