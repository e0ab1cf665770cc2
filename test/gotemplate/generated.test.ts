import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeGoString } from "../../src/gotemplate/go-string.ts";
import { renderTemplate } from "../../src/gotemplate/render.ts";
import { sprigFunctions } from "../../src/gotemplate/sprig.ts";
import { GoError } from "../../src/gotemplate/value.ts";
import { peer } from "../support/peers.ts";
import { signatures, undetermined } from "./function-signatures.ts";
import { secretData, testWorld } from "./functions.ts";
import { type Answer, askOracle } from "./oracle.ts";
import { arbitraryTemplate, type Generated } from "./template-grammar.ts";

/*
 * Generated templates, each rendered by kseal and by the real text/template with Sprig: the same output, or the same
 * error to the letter. 2,000 of them, and 100,000 with SLOW=1. KSEAL_SEED=n takes the same ones again.
 */

const oracle = peer("template-oracle");
const count = process.env["SLOW"] === "1" ? 100_000 : 2000;
const seed = Number(process.env["KSEAL_SEED"] ?? Date.now() % 2 ** 31);
const batch = 2000;

/** What Go must not be asked: it has no limits, and kseal refuses what docs/sealed-secrets-templates.md lists. */
class NotComparable extends Error {}

const refusals =
  /^(the template takes too long|text of more than|the text is longer than|complex constants)|%#?. of a|unable to parse IP|maximum template depth|Value\.Slice: slice index out of bounds/;

function answerOf({ text, data }: Generated): Answer | undefined {
  const now = () => {
    throw new NotComparable("the time is another one in Go");
  };
  try {
    const output = renderTemplate("k", text, secretData(data), sprigFunctions, { ...testWorld(), now });
    return { output: Buffer.from(encodeGoString(output)).toString("base64"), error: "" };
  } catch (error) {
    if (error instanceof NotComparable) return;
    if (!(error instanceof GoError)) throw error;
    const message = error.message.replace(
      /^template: [^>]*?: (executing .*? at <.*>: (error calling \w+: )?)?/su,
      "",
    );
    return refusals.test(message) || refusals.test(error.message)
      ? undefined
      : { output: "", error: error.message.toWellFormed() };
  }
}

interface Pair {
  readonly template: Generated;
  readonly kseal: Answer;
}

function comparable(templates: readonly Generated[]): readonly Pair[] {
  return templates.flatMap((template) => {
    const kseal = answerOf(template);
    return kseal === undefined ? [] : [{ template, kseal }];
  });
}

/** The same failure in the smallest template that fast-check finds. */
function shrunk(program: string, options: { readonly seed: number; readonly path: string }): string {
  const property = fc.property(arbitraryTemplate(), (template) => {
    for (const pair of comparable([template])) {
      expect(pair.kseal).toEqual(askOracle(program, [template])[0]);
    }
  });
  const { counterexample, errorInstance } = fc.check(property, {
    ...options,
    numRuns: 1,
    interruptAfterTimeLimit: 60_000,
  });
  return `${JSON.stringify(counterexample?.[0])}\n${errorInstance}`;
}

describe.skipIf(oracle === undefined)("Go and kseal agree on generated templates", () => {
  test(`${count} of them, from seed ${seed}`, { timeout: 30 * 60_000 }, () => {
    const program = oracle ?? "";
    for (let done = 0; done < count; done += batch) {
      const batchSeed = seed + done;
      const templates = fc.sample(arbitraryTemplate(), { seed: batchSeed, numRuns: batch });
      const pairs = comparable(templates);
      const answers = askOracle(
        program,
        pairs.map(({ template }) => template),
      );
      const wrong = pairs.find(
        ({ kseal }, i) => kseal.output !== answers[i]?.output || kseal.error !== answers[i].error,
      );
      if (wrong !== undefined) {
        const path = String(templates.indexOf(wrong.template));
        expect.fail(`seed ${batchSeed}, path ${path}: ${shrunk(program, { seed: batchSeed, path })}`);
      }
      // Most of them have to be compared, or the test says nothing.
      expect(pairs.length).toBeGreaterThan(batch * 0.9);
    }
  });
});

describe.skipIf(oracle === undefined)("Go and kseal derive the same passwords", () => {
  // Each takes half a second or more, on both sides.
  const derived = count > 2000 ? 20 : 2;

  test(`${derived} of them, from seed ${seed}`, { timeout: 10 * 60_000 }, () => {
    const texts = fc.string({ unit: "binary", maxLength: 30 }).map((text) => JSON.stringify(text));
    const shape = fc.constantFrom("maximum", "long", "medium", "short", "basic", "pin");
    const templates = fc.sample(
      fc
        .record({
          counter: fc.nat(2 ** 32 - 1),
          shape,
          password: fc.base64String(),
          user: texts,
          site: texts,
        })
        .map(({ counter, shape, password, user, site }) => ({
          text: `{{derivePassword ${counter} "${shape}" "${password}" ${user} ${site}}}`,
          data: {},
        })),
      { seed, numRuns: derived },
    );
    const world = () => testWorld({ steps: 1_000_000 });
    const passwords = templates.map(({ text }) =>
      renderTemplate("k", text, secretData({}), sprigFunctions, world()),
    );
    const answers = askOracle(oracle ?? "", templates);
    expect(passwords.map((password) => ({ output: btoa(password), error: "" }))).toEqual(answers);
  });
});

test("every function of the list is generated, or depends on chance or the clock", () => {
  const list = new URL("../vectors/sprig-3.3.0/functions.json", import.meta.url);
  const wanted: readonly string[] = JSON.parse(readFileSync(list, "utf8"));
  const generated = new Set(signatures.map(({ name }) => name));
  expect(wanted.filter((name) => !generated.has(name))).toEqual(undetermined);
});
