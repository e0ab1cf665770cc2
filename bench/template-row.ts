import { executeTemplate, readTemplate } from "../src/gotemplate/render.ts";
import { sprigFunctions } from "../src/gotemplate/sprig.ts";
import { secretData, testWorld } from "../test/gotemplate/functions.ts";
import { askOracle } from "../test/gotemplate/oracle.ts";
import { peer } from "../test/support/peers.ts";
import { type Comparison, spreadOf } from "./measure.ts";
import type { Row } from "./rows.ts";

/** Renderings that are timed together. */
const times = 500;

/** What the row of the table is called. */
export const templateWork =
  "a template of 100 actions over 100 values, warm, against Go's text/template with Sprig";

/** The actions: every tenth prints a value as it is, the others use what templates of Secrets use. */
const actions = [
  (key: string) => `{{.${key}}}`,
  (key: string) => `{{.${key} | upper}}`,
  (key: string) => `{{index . "${key}" | b64enc}}`,
  (key: string) => `{{if eq .${key} "value 7"}}seven{{else}}other{{end}}`,
  (key: string) => `{{.${key} | trim | quote}}`,
  (key: string) => `{{default "none" .${key} | replace " " "-"}}`,
  (key: string) => `{{printf "%s=%d" .${key} (len .${key})}}`,
  (key: string) => `{{with .${key}}}{{.}}{{end}}`,
  (key: string) => `{{$v := .${key}}}{{$v | trunc 4}}`,
  (key: string) => `{{range splitList " " .${key}}}[{{.}}]{{end}}`,
];

/**
 * Renders one template over and over in this process, and in Go's, which times itself: both have parsed it once and
 * have warmed up. Neither side starts a program, so this row is measured here and not by `compare`.
 *
 * @returns `undefined` when the oracle is not installed.
 */
export function measureTemplate(quick: boolean): { row: Row; comparison: Comparison } | undefined {
  const oracle = peer("template-oracle");
  if (oracle === undefined) return;
  const pairs = quick ? 5 : 21;
  const keys = Array.from({ length: 100 }, (_, i) => `key_${i}`);
  const data = Object.fromEntries(keys.map((key, i) => [key, `value ${i}`]));
  const text = keys.map((key, i) => `${key}: ${actions[i % actions.length]?.(key)}\n`).join("");

  const parsed = readTemplate("bench", text, sprigFunctions);
  const values = secretData(data);
  const renderOurs = (count: number): { output: string; milliseconds: number } => {
    const started = process.hrtime.bigint();
    let output = "";
    for (let i = 0; i < count; i++) output = executeTemplate(parsed, values, testWorld());
    return { output, milliseconds: Number(process.hrtime.bigint() - started) / 1e6 };
  };
  renderOurs(times * 4);
  const measured = Array.from({ length: pairs }, () => {
    const ours = renderOurs(times);
    // The first question warms Go up.
    const [, theirs] = askOracle(oracle, [
      { text, data, times },
      { text, data, times },
    ]);
    if (Buffer.from(theirs?.output ?? "", "base64").toString() !== ours.output) {
      throw new Error("Go and kseal do not render the same");
    }
    return {
      ours: ours.milliseconds / times,
      theirs: (theirs?.nanoseconds ?? 0) / 1e6 / times,
    };
  });
  const side = (label: string, program: string) => () => ({
    label,
    commands: [[program] as const],
    cwd: "/",
    env: {},
  });
  return {
    row: {
      work: templateWork,
      ours: side("kseal, in this process", `executeTemplate, ${times} times`),
      theirs: side("template-oracle", `template.Execute, ${times} times`),
      target: 5,
      pairs,
    },
    comparison: {
      ours: spreadOf(measured.map(({ ours }) => ours)),
      theirs: spreadOf(measured.map(({ theirs }) => theirs)),
      ratio: spreadOf(measured.map(({ ours, theirs }) => ours / theirs)),
      memory: undefined,
    },
  };
}
