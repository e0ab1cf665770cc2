import { describe, expect, test } from "vitest";
import { type RotateOptions, rotateFiles } from "../../src/ops/rotate.ts";
import {
  addUnknownKeys,
  encrypted,
  failureOf,
  inPlace,
  mine,
  others,
  plain,
  secret,
  theirs,
  type Workbench,
} from "./workbench.ts";

const path = "a.yaml";

const rotate = (bench: Workbench, options: Partial<RotateOptions> = {}) =>
  rotateFiles({ paths: [path], destination: inPlace, ...options }, bench.context);

const sealedValues = (text: string): readonly string[] => text.match(/ENC\[[^\]]*\]/g) ?? [];

test("every value gets new ciphertext under a new data key and opens to the same", async () => {
  const bench = await encrypted();
  const before = sealedValues(await bench.read(path));
  await rotate(bench);
  const after = new Set(sealedValues(await bench.read(path)));
  expect(after.size).toBe(before.length);
  expect(before.filter((value) => after.has(value))).toEqual([]);
  expect(await plain(bench)).toBe(secret);
});

test("D15: values get fresh IVs", async () => {
  const bench = await encrypted();
  const ivs = async (): Promise<readonly string[]> => (await bench.read(path)).match(/iv:[^,]*/g) ?? [];
  const before = await ivs();
  await rotate(bench);
  expect((await ivs()).filter((iv) => before.includes(iv))).toEqual([]);
});

describe("recipients", () => {
  test("are added to the first group and removed from all", async () => {
    const bench = await encrypted(secret, { recipients: [mine, theirs] });
    const [result] = await rotate(bench, { add: { age: [others] }, remove: { age: [theirs] } });
    expect(result?.groups).toEqual([
      [
        { type: "age", recipient: mine },
        { type: "age", recipient: others },
      ],
    ]);
    expect(result?.added).toMatchObject([{ recipient: others }]);
    expect(result?.removed).toMatchObject([{ recipient: theirs }]);
    expect(await bench.read(path)).not.toContain(theirs);
  });

  test("the last one cannot be removed", async () => {
    const bench = await encrypted();
    const before = await bench.read(path);
    const failure = await failureOf(rotate(bench, { remove: { age: [mine] } }));
    expect(failure).toMatchObject({ code: "NO_MASTER_KEYS", where: { file: path } });
    expect(await bench.read(path)).toBe(before);
  });

  test("one that is not there is told of", async () => {
    const bench = await encrypted();
    await rotate(bench, { remove: { age: [theirs] } });
    expect(bench.log).toEqual([expect.stringContaining("is not among its recipients")]);
  });

  test("D8: one that the rule does not list gets no new data key, unless that is allowed", async () => {
    const bench = await encrypted(secret, { recipients: [mine, theirs] });
    const before = await bench.read(path);
    const failure = await failureOf(rotate(bench));
    expect(failure).toMatchObject({ code: "CHANGES_REFUSED", where: { file: path } });
    expect(failure.message).toContain(theirs);
    expect(failure.hint).toContain("kseal updatekeys a.yaml");
    expect(await bench.read(path)).toBe(before);
    expect(await rotate(bench, { unlisted: "warn" })).toHaveLength(1);
    expect(bench.log).toEqual([expect.stringContaining(theirs)]);
  });

  test("D16: a key of an unknown type cannot be wrapped for, so the file is refused", async () => {
    const bench = await encrypted();
    await addUnknownKeys(bench, path);
    const failure = await failureOf(rotate(bench));
    expect(failure).toMatchObject({ code: "CHANGES_REFUSED" });
    expect(failure.message).toContain("future_kms");
  });
});
