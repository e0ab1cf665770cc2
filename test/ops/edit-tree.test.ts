import { describe, expect, test } from "vitest";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { getValue } from "../../src/ops/get.ts";
import { renameKeyIn } from "../../src/ops/rename.ts";
import { type NewValue, setValue } from "../../src/ops/set.ts";
import { unsetValue } from "../../src/ops/unset.ts";
import {
  encrypted,
  failureOf,
  inPlace,
  mine,
  plain,
  ruleForMe,
  secret,
  theirs,
  workbench,
} from "./workbench.ts";

const path = "a.yaml";
const password = '["stringData"]["password"]';

/** The lines of one text that the other lacks. */
function linesOnlyIn(a: string, b: string): readonly string[] {
  const known = new Set(b.split("\n"));
  return a.split("\n").filter((line) => !known.has(line));
}

describe("set", () => {
  test("changes one value, the MAC and the date, and not one more line", async () => {
    const bench = await encrypted(secret);
    const before = await bench.read(path);
    await setValue({ path, treePath: password, value: { json: '"battery staple"' } }, bench.context);
    const after = await bench.read(path);
    expect(await plain(bench)).toBe(secret.replace('"correct horse"', '"battery staple"'));
    for (const line of linesOnlyIn(after, before)) expect(line).toMatch(/^ +(password|mac|lastmodified): /);
  });

  test("D32: an integer stays an integer, and a list is a value like any other", async () => {
    const bench = await encrypted("a: 1\n");
    const set = async (treePath: string, json: string) => {
      await setValue({ path, treePath, value: { json } }, bench.context);
      return (await getValue({ path, treePath }, bench.context)).node;
    };
    expect(await set('["a"]', "5")).toEqual({ kind: "int", value: 5n });
    expect(await set('["b"]', "5.5")).toEqual({ kind: "float", value: 5.5 });
    expect(await set('["c"]', '[1, "x", true]')).toMatchObject({ kind: "seq", items: { length: 3 } });
    expect(await set('["d"]["e"]', "null")).toEqual({ kind: "null" });
  });

  test("D32: --idempotent compares by value and then writes nothing", async () => {
    const bench = await encrypted("a: 5\nb: x\n");
    const before = await bench.read(path);
    const set = (json: string, treePath = '["a"]') =>
      setValue({ path, treePath, value: { json }, idempotent: true }, bench.context);
    expect(await set("5")).toMatchObject({ changed: false });
    expect(await bench.read(path)).toBe(before);
    expect(await set('"5"')).toMatchObject({ changed: true });
  });

  test.for([
    { name: "no JSON", json: "hunter2" },
    { name: "more than one value", json: '1, "b": 2' },
    { name: "the same key twice", json: '1, "value": 2' },
    { name: "text behind the value", json: "1} x" },
    { name: "nothing", json: "" },
  ])("$name is SET_INVALID without the value in the message", async ({ json }) => {
    const bench = await encrypted("a: 1\n");
    const before = await bench.read(path);
    const failure = await failureOf(setValue({ path, treePath: '["a"]', value: { json } }, bench.context));
    expect(failure).toMatchObject({ code: "SET_INVALID", exitCode: 7 });
    expect(`${failure.message}${JSON.stringify(failure.where)}`).not.toContain("hunter2");
    expect(await bench.read(path)).toBe(before);
  });

  test("D39: a string index into a list is SET_INVALID with the path", async () => {
    const bench = await encrypted("a: [1]\n");
    const failure = await failureOf(
      setValue({ path, treePath: '["a"]["x"]', value: { json: "1" } }, bench.context),
    );
    expect(failure).toMatchObject({ code: "SET_INVALID", where: { file: path, path: '["a"]["x"]' } });
  });

  test.for<{ value: NewValue; expected: RegExp }>([
    { value: { bytes: new TextEncoder().encode("line\nline\n") }, expected: /^line\nline\n$/ },
    { value: { generate: "password" }, expected: /^[A-Za-z0-9]{32}$/ },
    { value: { generate: "password", length: 100 }, expected: /^[A-Za-z0-9]{100}$/ },
    {
      value: { generate: "uuid" },
      expected: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    },
    { value: { generate: "ssh-key" }, expected: /^-----BEGIN OPENSSH PRIVATE KEY-----\n/ },
  ])("a value can come from bytes or be made up: $value", async ({ value, expected }) => {
    const bench = await encrypted(secret);
    await setValue({ path, treePath: password, value }, bench.context);
    const { content } = await getValue({ path, treePath: password }, bench.context);
    expect(new TextDecoder().decode(content)).toMatch(expected);
  });

  test("a later document of a file can be named", async () => {
    const bench = await encrypted("a: 1\n---\na: 1\n");
    await setValue({ path, treePath: '["a"]', document: 1, value: { json: "2" } }, bench.context);
    expect(await plain(bench)).toBe("a: 1\n---\na: 2\n");
  });

  test("two at the same time lose nothing", async () => {
    const bench = await encrypted("a: 1\nb: 1\n");
    await Promise.all([
      setValue({ path, treePath: '["a"]', value: { json: "2" } }, await bench.again()),
      setValue({ path, treePath: '["b"]', value: { json: "2" } }, await bench.again()),
    ]);
    expect(await plain(bench)).toBe("a: 2\nb: 2\n");
  });

  test("D8: a recipient that the rule does not list is told of", async () => {
    const bench = await workbench({ [path]: "a: 1\n", ".sops.yaml": ruleForMe });
    const keys = { age: [mine, theirs] };
    await encryptFiles({ paths: [path], destination: inPlace, keys }, bench.context);
    await setValue({ path, treePath: '["a"]', value: { json: "2" } }, bench.context);
    expect(bench.log).toEqual([expect.stringContaining(`does not list: ${theirs}`)]);
  });

  test("a dry run writes nothing", async () => {
    const bench = await encrypted("a: 1\n");
    const before = await bench.read(path);
    const options = { path, treePath: '["a"]', value: { json: "2" }, dryRun: true };
    expect(await setValue(options, bench.context)).toMatchObject({ changed: true, writtenTo: path });
    expect(await bench.read(path)).toBe(before);
  });
});

describe("unset", () => {
  test("removes a key and keeps the rest of the text", async () => {
    const bench = await encrypted(secret);
    await unsetValue({ path, treePath: '["stringData"]["user"]' }, bench.context);
    expect(await plain(bench)).toBe(secret.replace("  user: admin\n", ""));
  });

  test("what is not there is NOT_FOUND, or nothing to do with --idempotent", async () => {
    const bench = await encrypted(secret);
    const before = await bench.read(path);
    const options = { path, treePath: '["no"]' };
    const failure = await failureOf(unsetValue(options, bench.context));
    expect(failure).toMatchObject({ code: "NOT_FOUND", exitCode: 1, where: { file: path, path: '["no"]' } });
    expect(await unsetValue({ ...options, idempotent: true }, bench.context)).toMatchObject({
      changed: false,
    });
    expect(await bench.read(path)).toBe(before);
  });
});

describe("rename", () => {
  test("a key keeps its value and its place", async () => {
    const bench = await encrypted(secret);
    const before = await bench.read(path);
    await renameKeyIn({ path, treePath: '["stringData"]["user"]', newKey: "login" }, bench.context);
    expect(await plain(bench)).toBe(secret.replace("user:", "login:"));
    const changed = linesOnlyIn(await bench.read(path), before);
    for (const line of changed) expect(line).toMatch(/^ +(login|mac|lastmodified): /);
  });

  test.for([
    {
      name: "a key that is there already",
      treePath: '["stringData"]["user"]',
      newKey: "password",
      code: "SET_INVALID",
    },
    { name: "a key that is not there", treePath: '["stringData"]["no"]', newKey: "x", code: "NOT_FOUND" },
  ])("$name is $code", async ({ treePath, newKey, code }) => {
    const bench = await encrypted(secret);
    const before = await bench.read(path);
    expect(await failureOf(renameKeyIn({ path, treePath, newKey }, bench.context))).toMatchObject({ code });
    expect(await bench.read(path)).toBe(before);
  });
});
