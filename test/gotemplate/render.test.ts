import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeGoString } from "../../src/gotemplate/go-string.ts";
import { renderTemplate } from "../../src/gotemplate/render.ts";
import { sprigFunctions } from "../../src/gotemplate/sprig.ts";
import { GoError, type GoFunction } from "../../src/gotemplate/value.ts";
import { secretData, testFunctions, testWorld } from "./functions.ts";

interface Answer {
  readonly output: string;
  readonly error: string;
}

function vectors<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${path}`, import.meta.url), "utf8"));
}

/** What a template comes to, its output in base64. */
function answerOf(
  text: string,
  data: Readonly<Record<string, string>>,
  functions: ReadonlyMap<string, GoFunction> = sprigFunctions,
): Answer {
  try {
    const output = renderTemplate("k", text, secretData(data), functions, testWorld());
    return { output: Buffer.from(encodeGoString(output)).toString("base64"), error: "" };
  } catch (error) {
    if (error instanceof GoError) return { output: "", error: error.message.toWellFormed() };
    throw error;
  }
}

const go = vectors<{
  readonly data: Readonly<Record<string, string>>;
  readonly cases: readonly (Answer & { readonly template: string })[];
}>("go-template-1.26.8/cases.json");

describe("Go 1.26.8 and kseal agree on", () => {
  test.for(go.cases)("$template", ({ template, output, error }) => {
    expect(answerOf(template, go.data, testFunctions)).toEqual({ output, error });
  });
});

const found = vectors<typeof go>("sprig-3.3.0/templates.json");

describe("what generated templates once found different, with Sprig:", () => {
  test.for(found.cases)("$template", ({ template, output, error }) => {
    expect(answerOf(template, found.data)).toEqual({ output, error });
  });
});

const golden = vectors<{
  readonly data: Readonly<Record<string, string>>;
  readonly cases: readonly { readonly Template: string; readonly Output: string; readonly Error: string }[];
}>("sealed-secrets/templates.json");

describe("the controller's own answers, with Sprig:", () => {
  test.for(golden.cases)("$Template", ({ Template, Output, Error: failure }) => {
    const answer = answerOf(Template, golden.data);
    expect(Buffer.from(answer.output, "base64").toString()).toBe(Output);
    // The phase in front is no part of the message.
    expect(answer.error).toBe(failure.replace(/^(parse|exec): /, ""));
  });
});

describe("a template ends", () => {
  const templates = go.cases.map(({ template }) => template);

  test("wherever it is cut off, in an output or in an error of Go's kind", () => {
    for (const template of templates) {
      for (let end = 0; end <= template.length; end++) {
        answerOf(template.slice(0, end), go.data, testFunctions);
        answerOf(`${template.slice(0, end)}\n`, go.data, testFunctions);
      }
    }
  });

  test("whatever pieces it is made of", () => {
    const pieces = templates.flatMap((template) => template.match(/\{\{-?|-?\}\}|[\w.$]+|\s+|./gs) ?? []);
    const text = fc.array(fc.constantFrom(...new Set(pieces)), { maxLength: 25 }).map((all) => all.join(""));
    fc.assert(
      fc.property(text, (template) => {
        answerOf(template, go.data);
      }),
      { numRuns: 2000 },
    );
  });

  test.for([
    ["a loop in loops", "{{range until 10000}}{{range until 10000}}{{end}}{{end}}"],
    ["a recursion", '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}'],
    ["a recursion that branches", '{{define "a"}}{{template "a"}}{{template "a"}}{{end}}{{template "a"}}'],
    ["a text of a gigabyte", '{{repeat 1000000000 "x"}}'],
    ["a text that doubles", '{{$x := "xxxxxxxx"}}{{range until 60}}{{$x = print $x $x}}{{end}}{{$x}}'],
    ["wide numbers without end", '{{range until 9000}}{{printf "%999999d" 1}}{{end}}'],
    ["an output of many pieces", '{{range until 9000}}{{repeat 900 "x"}}{{end}}'],
    ["a list of a billion numbers", "{{len (until 1000000000)}}"],
    ["brackets in brackets", `{{${"(".repeat(100_000)}1${")".repeat(100_000)}}}`],
    ["blocks in blocks", `${"{{if true}}".repeat(100_000)}${"{{end}}".repeat(100_000)}`],
  ] as const)("that is %s: refused by the limits", ([, template]) => {
    expect(answerOf(template, {}).error).not.toBe("");
  });
});
