import { expect, test } from "vitest";
import { addGroup, deleteGroup } from "../../src/ops/groups.ts";
import { encrypted, failureOf, inPlace, mine, plain, secret, theirs } from "./workbench.ts";

const path = "a.yaml";

test("a group can be added and deleted again; values and MAC stay", async () => {
  const bench = await encrypted();
  const macOf = (text: string) => /^ +mac: .*$/m.exec(text)?.[0];
  const before = macOf(await bench.read(path));
  const added = await addGroup({ path, destination: inPlace, keys: { age: [mine] } }, bench.context);
  expect(added.groups).toHaveLength(2);
  expect(await plain(bench)).toBe(secret);
  const deleted = await deleteGroup(
    { path, destination: inPlace, index: 0, shamirThreshold: 1 },
    await bench.again(),
  );
  expect(deleted.groups).toHaveLength(1);
  expect(await plain(bench)).toBe(secret);
  expect(macOf(await bench.read(path))).toBe(before);
});

test("that all groups are needed is spelled out as SOPS does, so a group more does not need its vote", async () => {
  const bench = await encrypted();
  const added = await addGroup({ path, destination: inPlace, keys: { age: [mine] } }, bench.context);
  expect(added.shamirThreshold).toBe(2);
  expect(await bench.read(path)).toMatch(/^ +shamir_threshold: 2$/m);
  const failure = await failureOf(deleteGroup({ path, destination: inPlace, index: 0 }, await bench.again()));
  expect(failure).toMatchObject({ code: "USAGE", where: { file: path } });
});

test("D34: an index that does not exist is a usage error and nothing is written", async () => {
  const bench = await encrypted();
  const before = await bench.read(path);
  for (const index of [1, -1, 0.5, Number.NaN]) {
    const failure = await failureOf(deleteGroup({ path, destination: inPlace, index }, bench.context));
    expect(failure).toMatchObject({ code: "USAGE", where: { file: path } });
  }
  expect(await failureOf(deleteGroup({ path, destination: inPlace, index: 0 }, bench.context))).toMatchObject(
    {
      code: "NO_MASTER_KEYS",
    },
  );
  expect(await bench.read(path)).toBe(before);
});

test("D34: a recipient for whom wrapping fails is fatal, and nothing is written", async () => {
  const bench = await encrypted();
  const before = await bench.read(path);
  // Nobody has this plugin.
  const plugin = "age1nosuchplugin1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0jq7g3p5l";
  const failure = await failureOf(
    addGroup({ path, destination: inPlace, keys: { age: [plugin] } }, bench.context),
  );
  expect(["ENCRYPT_FAILED", "USAGE"]).toContain(failure.code);
  expect(await bench.read(path)).toBe(before);
});

test("a threshold beyond the number of groups is refused", async () => {
  const bench = await encrypted();
  const options = { path, destination: inPlace, keys: { age: [theirs] }, shamirThreshold: 3 };
  expect(await failureOf(addGroup(options, bench.context))).toMatchObject({ code: "USAGE" });
});
