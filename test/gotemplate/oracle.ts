import { spawnSync } from "node:child_process";
import type { Generated } from "./template-grammar.ts";

/** What a template comes to: its output in base64, or the text of its error. */
export interface Answer {
  readonly output: string;
  readonly error: string;
  /** Of all renderings together, when a number of them was asked for. */
  readonly nanoseconds?: number;
}

/** What the program in oracle/ is asked: see its `question`. */
export type Question =
  | (Generated & { readonly times?: number })
  | { readonly certificate: Readonly<Record<string, string>> }
  | { readonly password: { readonly password: string; readonly hash: string } };

/** The answers of the real Go, to any number of questions in one process. */
export function askOracle(program: string, questions: readonly Question[]): readonly Answer[] {
  const input = questions.map((question) => JSON.stringify({ name: "k", ...question })).join("\n");
  const { stdout, stderr, status } = spawnSync(program, { input, encoding: "utf8", maxBuffer: 2 ** 31 });
  if (status !== 0) throw new Error(`the oracle ended with ${status}: ${stderr.slice(0, 2000)}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Answer);
}
