import { expect, test } from "vitest";
import { cluster, clusterOptionsOf } from "../../src/cli/cluster-options.ts";
import { OptionValues } from "../../src/cli/command.ts";

const camelCase = (flags: string) =>
  /--([a-z-]+)/.exec(flags)![1]!.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());

test("every flag of kubectl that chooses a cluster arrives under its own name", () => {
  const values = Object.fromEntries(
    cluster.map(({ flags, repeatable }) => {
      const name = camelCase(flags);
      return [name, repeatable === true ? [name] : flags.includes("<") ? name : true];
    }),
  );
  expect(cluster).toHaveLength(19);
  expect(clusterOptionsOf(new OptionValues({ ...values, namespace: "n" }))).toEqual({
    ...values,
    namespace: "n",
  });
});

test("flags that are not given say nothing", () => {
  const options = clusterOptionsOf(new OptionValues({}));
  expect(Object.values(options).filter((value) => value !== undefined)).toEqual([]);
});
