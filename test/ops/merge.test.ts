import { describe, expect, test } from "vitest";
import { editTree } from "../../src/ops/edit-tree.ts";
import { mergeFiles } from "../../src/ops/merge.ts";
import type { Choose } from "../../src/ops/merge-sops.ts";
import { rotateFiles } from "../../src/ops/rotate.ts";
import { setValue } from "../../src/ops/set.ts";
import { unsetValue } from "../../src/ops/unset.ts";
import { planUpdateKeys } from "../../src/ops/update-keys.ts";
import { identities } from "../support/identities.ts";
import { encrypted, failureOf, inPlace, mine, others, plain, theirs, type Workbench } from "./workbench.ts";

const path = "a.yaml";
const secret = `# the database
apiVersion: v1
kind: Secret
stringData:
  password: hunter2 # rotate in May
  token: abc
  port: 5432
`;

type Change = (bench: Workbench) => Promise<unknown>;

const set =
  (key: string, value: string): Change =>
  ({ context }) =>
    setValue({ path, treePath: `["stringData"]["${key}"]`, value: { json: JSON.stringify(value) } }, context);
const unset =
  (key: string): Change =>
  ({ context }) =>
    unsetValue({ path, treePath: `["stringData"]["${key}"]` }, context);
const rotate =
  (change: { add?: string; remove?: string } = {}): Change =>
  ({ context }) =>
    rotateFiles(
      {
        paths: [path],
        destination: inPlace,
        unlisted: "warn",
        ...(change.add ? { add: { age: [change.add] } } : {}),
        ...(change.remove ? { remove: { age: [change.remove] } } : {}),
      },
      context,
    );

/** Two versions of an encrypted file, each with changes of its own, as two branches would have them. */
async function branches(
  changes: { ours?: readonly Change[]; theirs?: readonly Change[] },
  options: Parameters<typeof encrypted>[1] = {},
) {
  const bench = await encrypted(secret, options);
  const bytes = (): Promise<Uint8Array> => bench.host.readFile(path);
  const base = await bytes();
  const after = async (some: readonly Change[] = []): Promise<Uint8Array> => {
    await bench.write(path, new TextDecoder().decode(base));
    for (const change of some) await change(bench);
    return bytes();
  };
  const versions = { name: path, base, ours: await after(changes.ours), theirs: await after(changes.theirs) };
  return { bench, versions };
}

async function merge(
  changes: Parameters<typeof branches>[0],
  options: Parameters<typeof branches>[1] & { choose?: Choose; withoutKey?: boolean } = {},
) {
  const { choose, withoutKey = false, ...rest } = options;
  const { bench, versions } = await branches(changes, rest);
  const strangers = withoutKey
    ? await encrypted(secret, { env: { SOPS_AGE_KEY: identities[1] ?? "" } })
    : bench;
  const merged = await mergeFiles(versions, { choose }, await strangers.again());
  const text = new TextDecoder().decode(merged.content);
  await bench.write(path, text);
  return { ...merged, bench, versions, text };
}

const lines = (bytes: Uint8Array): readonly string[] => new TextDecoder().decode(bytes).split("\n");

describe("files with one data key", () => {
  test("changes of different values come together, and untouched ciphertext stays", async () => {
    const { bench, conflicts, versions, text } = await merge({
      ours: [set("password", "ours")],
      theirs: [set("token", "theirs"), set("new", "value")],
    });
    expect(conflicts).toEqual([]);
    expect(await plain(bench)).toBe(
      secret.replace("hunter2", "ours").replace("abc", "theirs").replace("5432\n", "5432\n  new: value\n"),
    );
    const line = (all: readonly string[], key: string) => all.find((one) => one.startsWith(`  ${key}:`));
    const merged = text.split("\n");
    expect(line(merged, "password")).toBe(line(lines(versions.ours), "password"));
    for (const key of ["token", "new"]) expect(line(merged, key)).toBe(line(lines(versions.theirs), key));
    expect(line(merged, "port")).toBe(line(lines(versions.base), "port"));
  });

  test("what only one side changed stays as that side wrote it, byte for byte", async () => {
    const { conflicts, content, versions } = await merge({ theirs: [set("token", "new")] });
    expect(conflicts).toEqual([]);
    expect(content).toEqual(versions.theirs);
    const back = await merge({ ours: [set("token", "new")] });
    expect(back.content).toEqual(back.versions.ours);
  });

  test("the same new value on both sides is no conflict, although the ciphertexts differ", async () => {
    const { bench, conflicts } = await merge({
      ours: [set("token", "same")],
      theirs: [set("token", "same")],
    });
    expect(conflicts).toEqual([]);
    expect(await plain(bench)).toBe(secret.replace("abc", "same"));
  });

  test("a value that both changed is left to a person, and nobody opens the file before", async () => {
    const { bench, conflicts } = await merge({
      ours: [set("token", "ours")],
      theirs: [set("token", "theirs"), set("port", "1")],
    });
    expect(conflicts).toEqual([{ path: '["stringData"]["token"]', what: "changed on both sides" }]);
    expect(await failureOf(plain(bench))).toMatchObject({
      code: "MAC_MISSING",
      message: "a merge that is not finished left it without a MAC",
      hint: "finish the merge with: kseal resolve FILE",
    });
  });

  test("a value that one side removed and the other changed is left to a person", async () => {
    const { conflicts } = await merge({ ours: [unset("token")], theirs: [set("token", "theirs")] });
    expect(conflicts).toEqual([{ path: '["stringData"]["token"]', what: "removed by us, changed by them" }]);
  });

  test("a decision is taken", async () => {
    const { bench, conflicts } = await merge(
      { ours: [set("token", "ours")], theirs: [set("token", "theirs")] },
      { choose: ({ path: place }) => (place === '["stringData"]["token"]' ? "theirs" : undefined) },
    );
    expect(conflicts).toEqual([]);
    expect(await plain(bench)).toBe(secret.replace("abc", "theirs"));
  });
});

describe("recipients", () => {
  const rule = `creation_rules:\n  - age: ${mine},${theirs},${others}\n`;

  test("added by one side are there, and a value of the other too", async () => {
    const { bench, conflicts, text } = await merge(
      { ours: [rotate({ add: others })], theirs: [set("token", "new")] },
      { rule, recipients: [mine, theirs] },
    );
    expect(conflicts).toEqual([]);
    expect(text).toContain(others);
    expect(await plain(bench)).toBe(secret.replace("abc", "new"));
  });

  test.for(["ours", "theirs"] as const)(
    "removed by %s are gone, and their data key with them",
    async (side) => {
      const other = side === "ours" ? "theirs" : "ours";
      const { bench, conflicts, text, versions } = await merge(
        { [side]: [rotate({ remove: theirs })], [other]: [set("token", "new")] },
        { rule, recipients: [mine, theirs] },
      );
      expect(conflicts).toEqual([]);
      expect(text).not.toContain(theirs);
      expect(await plain(bench)).toBe(secret.replace("abc", "new"));
      const rotated = lines(versions[side]).filter((line) => line.startsWith("  p"));
      for (const line of rotated) expect(text).toContain(line);
      const old = lines(versions[other]).filter((line) => line.startsWith("  token"));
      for (const line of old) expect(text).not.toContain(line);
    },
  );

  test("a removal wins over a change of the others on the other side", async () => {
    const { conflicts, text } = await merge(
      { ours: [rotate({ add: others })], theirs: [rotate({ remove: theirs })] },
      { rule, recipients: [mine, theirs] },
    );
    expect(conflicts).toEqual([]);
    expect(text).toContain(others);
    expect(text).not.toContain(theirs);
  });

  /** Somebody lists himself, takes the data key as it is, and puts the rule back. */
  const listSilently: Change = async (bench) => {
    const rules = await bench.read(".sops.yaml");
    await bench.write(".sops.yaml", rules.replace(mine, `${mine},${others}`));
    await (await planUpdateKeys({ paths: [path] }, await bench.again())).apply();
    await bench.write(".sops.yaml", rules);
  };

  test("nothing is wrapped for somebody whom the rule does not list", async () => {
    const { bench, versions } = await branches({ ours: [rotate()], theirs: [listSilently] });
    expect(new TextDecoder().decode(versions.theirs)).toContain(others);
    const failure = await failureOf(mergeFiles(versions, {}, await bench.again()));
    expect(failure).toMatchObject({
      code: "CHANGES_REFUSED",
      hint: "add them to the rule in .sops.yaml, or merge that first; then run the merge again",
    });
    expect(failure.message).toMatch(
      /^the merged file would be readable by recipients that no creation rule lists/,
    );
  });
});

describe("what was tampered with is refused, on whichever side", () => {
  const tamper: Change = async (bench) => {
    const text = await bench.read(path);
    await bench.write(path, text.replace("kind: Secret", "kind: Secreta"));
  };

  test.for(["ours", "theirs"] as const)("%s", async (side) => {
    const { bench, versions } = await branches({
      ours: [set("token", "1")],
      theirs: [set("port", "2")],
      [side]: [tamper],
    });
    expect(await failureOf(mergeFiles(versions, {}, await bench.again()))).toMatchObject({
      code: "MAC_MISMATCH",
    });
  });

  test("the common version", async () => {
    const { bench, versions } = await branches({ ours: [set("token", "1")], theirs: [set("port", "2")] });
    const base = new TextEncoder().encode(
      new TextDecoder().decode(versions.base).replace("kind: Secret", "kind: Secreta"),
    );
    expect(await failureOf(mergeFiles({ ...versions, base }, {}, await bench.again()))).toMatchObject({
      code: "MAC_MISMATCH",
    });
  });
});

describe("without a key", () => {
  test("values are merged, and the file waits for somebody with a key", async () => {
    const { bench, conflicts, pending, text } = await merge(
      { ours: [set("token", "ours")], theirs: [set("port", "1")] },
      { withoutKey: true },
    );
    expect(conflicts).toEqual([]);
    expect(pending).toMatchObject({ code: "NO_KEY" });
    expect(text).toMatch(/^ {4}mac: pending$/m);
    expect(await failureOf(plain(bench))).toMatchObject({ code: "MAC_MISSING" });
  });

  test("versions with different data keys are left as ours, marked", async () => {
    const { conflicts, text, versions } = await merge(
      { ours: [set("token", "ours")], theirs: [rotate()] },
      { withoutKey: true },
    );
    expect(conflicts).toEqual([{ path: "", what: "the two versions have different data keys" }]);
    const values = (all: string) => all.match(/ENC\[.*type:(str|int)\]$/gm)?.slice(0, 2);
    expect(values(text)).toEqual(values(new TextDecoder().decode(versions.ours)));
  });
});

describe("other files", () => {
  test("one side in clear is refused", async () => {
    const { bench, versions } = await branches({ ours: [set("token", "1")] });
    const plainText = new TextEncoder().encode(secret);
    expect(await failureOf(mergeFiles({ ...versions, theirs: plainText }, {}, bench.context))).toMatchObject({
      code: "NOT_ENCRYPTED",
      message: "encrypted by us, and in clear on the other side",
    });
  });

  test("text is merged as Git merges it", async () => {
    const { bench } = await branches({});
    const text = (some: string): Uint8Array => new TextEncoder().encode(some);
    const versions = {
      name: "b.txt",
      base: text("1\n2\n3\n4\n5\n"),
      ours: text("0\n2\n3\n4\n5\n"),
      theirs: text("1\n2\n3\n4\n6\n"),
    };
    const { content, conflicts } = await mergeFiles(versions, {}, bench.context);
    expect(new TextDecoder().decode(content)).toBe("0\n2\n3\n4\n6\n");
    expect(conflicts).toEqual([]);
    const conflicting = await mergeFiles(
      { ...versions, theirs: text("9\n2\n3\n4\n5\n") },
      { markerSize: 9 },
      bench.context,
    );
    expect(new TextDecoder().decode(conflicting.content)).toMatch(/^<{9} ours\n0\n={9}\n9\n>{9} theirs\n/);
    expect(conflicting.conflicts).toEqual([{ path: "", what: "changed at one place on both sides" }]);
  });

  const sealed = (password: string, token: string, scope = "") =>
    `apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db${scope}\nspec:\n  encryptedData:\n    password: ${password} # May\n    token: ${token}\n`;

  test("SealedSecrets need no key", async () => {
    const { bench } = await branches({});
    const text = (some: string): Uint8Array => new TextEncoder().encode(some);
    const versions = {
      name: "s.yaml",
      base: text(sealed("AgA", "AgB")),
      ours: text(sealed("AgC", "AgB")),
      theirs: text(sealed("AgA", "AgD")),
    };
    const merged = await mergeFiles(versions, {}, bench.context);
    expect(merged).toEqual({ content: text(sealed("AgC", "AgD")), conflicts: [] });
    const both = await mergeFiles({ ...versions, theirs: text(sealed("AgX", "AgB")) }, {}, bench.context);
    expect(new TextDecoder().decode(both.content)).toContain("<<<<<<< ours\n    password: AgC # May\n");
    expect(both.conflicts).toEqual([{ path: "", what: "changed at one place on both sides" }]);
  });
});

test("an edit of a file that waits is refused with what to do", async () => {
  const { bench } = await merge({ ours: [set("token", "1")], theirs: [set("token", "2")] });
  const failure = await failureOf(
    editTree({ path, treePath: '["stringData"]["token"]' }, () => undefined, await bench.again()),
  );
  expect(failure).toMatchObject({ code: "MAC_MISSING", hint: "finish the merge with: kseal resolve FILE" });
});

describe("versions that do not fit together", () => {
  const settings = "user: admin\npassword: one\n";
  const bytesOf = async (bench: Workbench, file: string): Promise<Uint8Array> => bench.host.readFile(file);

  test("one side in JSON and the other in YAML, under one name: JSON is YAML, and ours decides the layout", async () => {
    const bench = await encrypted({
      "a.yaml": settings,
      "a.json": '{"user": "admin", "password": "two"}\n',
    });
    const base = await bytesOf(bench, "a.yaml");
    await setValue({ path, treePath: '["user"]', value: { json: '"ours"' } }, bench.context);
    const versions = {
      name: path,
      base,
      ours: await bytesOf(bench, path),
      theirs: await bytesOf(bench, "a.json"),
    };
    const { content, conflicts } = await mergeFiles(versions, {}, await bench.again());
    expect(conflicts).toEqual([]);
    await bench.write(path, new TextDecoder().decode(content));
    expect(await plain(bench)).toBe("user: ours\npassword: two\n");
  });

  test("another format that does not parse under the name is refused, and nothing is made of it", async () => {
    const bench = await encrypted({ "a.yaml": settings, "a.env": "USER=admin\nPASSWORD=two\n" });
    const base = await bytesOf(bench, "a.yaml");
    const versions = { name: path, base, ours: base, theirs: await bytesOf(bench, "a.env") };
    expect(await failureOf(mergeFiles(versions, {}, await bench.again()))).toMatchObject({
      code: "FORMAT_INVALID",
      where: { file: "a.yaml (their version)" },
    });
  });

  test.for(["ours", "theirs"] as const)(
    "%s is for others only: it waits for somebody who can open both",
    async (side) => {
      const bench = await encrypted({ "a.yaml": settings, "b.yaml": "user: admin\npassword: two\n" });
      const { encryptFiles } = await import("../../src/ops/encrypt.ts");
      await bench.write("b.yaml", "user: admin\npassword: two\n");
      await encryptFiles({ paths: ["b.yaml"], destination: inPlace, keys: { age: [theirs] } }, bench.context);
      const [known, foreign] = [await bytesOf(bench, path), await bytesOf(bench, "b.yaml")];
      const versions = {
        name: path,
        base: new Uint8Array(),
        ours: side === "ours" ? foreign : known,
        theirs: side === "ours" ? known : foreign,
      };
      const merged = await mergeFiles(versions, {}, await bench.again());
      expect(merged.pending).toMatchObject({ code: "NO_KEY" });
      expect(merged.conflicts).toContainEqual({
        path: "",
        what: "the two versions have different data keys",
      });
      await bench.write(path, new TextDecoder().decode(merged.content));
      // Whoever has our key is no further than before, and nobody takes it for finished.
      expect(["MAC_MISSING", "NO_KEY"]).toContain((await failureOf(plain(bench))).code);
    },
  );

  test("different data keys and different recipients at once: the union, under the newest data key", async () => {
    const rule = `creation_rules:\n  - age: ${mine},${theirs},${others}\n`;
    const { bench, conflicts, text } = await merge(
      {
        ours: [rotate({ add: others }), set("token", "ours")],
        theirs: [rotate({ add: theirs }), set("port", "1")],
      },
      { rule, recipients: [mine] },
    );
    expect(conflicts).toEqual([]);
    for (const recipient of [mine, theirs, others]) expect(text).toContain(recipient);
    expect(await plain(bench)).toBe(secret.replace("abc", "ours").replace("5432", '"1"'));
  });
});
