import { Command, Option } from "commander";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commandTable, optionsOf } from "../../src/cli/command-table.ts";
import { quickParse } from "../../src/cli/quick-parse.ts";

const specs = commandTable.map((spec) => ({
  name: spec.name,
  spec,
  options: optionsOf(spec),
}));

describe.for(specs)("$name", ({ spec, options }) => {
  const flags = options.flatMap(({ flags }) => flags.match(/--?[\w-]+/g) ?? []);
  const word = fc.oneof(
    fc.constantFrom(...flags),
    fc.constantFrom(
      "file.yaml",
      "-",
      "--",
      '["a"][0]',
      "json",
      "yaml",
      "",
      "-x",
      "--nothing",
      "--config=a",
      "-ojson",
    ),
  );

  test("what the quick parser understands, commander understands alike", () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        const quick = quickParse(spec, options, words);
        if (quick !== undefined) expect(quick).toEqual(parseWithCommander(words));
      }),
      { numRuns: 500 },
    );
  });

  function parseWithCommander(words: readonly string[]): unknown {
    const command = new Command(spec.name).exitOverride().configureOutput({ writeErr() {}, writeOut() {} });
    if (spec.arguments !== "") command.arguments(spec.arguments);
    for (const { flags: notation, choices, repeatable } of options) {
      const option = new Option(notation);
      if (choices !== undefined) option.choices([...choices]);
      if (repeatable)
        option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
      command.addOption(option);
    }
    let parsed: unknown;
    command.action((...values: unknown[]) => {
      const args = values
        .slice(0, -2)
        .flat()
        .filter((value) => value !== undefined);
      parsed = { args, options: { ...(values.at(-2) as object) } };
    });
    command.parse([...words], { from: "user" });
    return parsed;
  }
});
