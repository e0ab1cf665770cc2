import { describe, expect, test } from "vitest";
import { describeDiff, diffAsJson, diffInMarkdown } from "../../src/cli/diff-report.ts";
import { diffFiles } from "../../src/ops/diff.ts";
import { diffFile } from "../../src/ops/diff-file.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { rotateFiles } from "../../src/ops/rotate.ts";
import { setValue } from "../../src/ops/set.ts";
import { showForDiff } from "../../src/ops/textconv.ts";
import { unsetValue } from "../../src/ops/unset.ts";
import { identities } from "../support/identities.ts";
import { encrypted, failureOf, inPlace, others, plain, type Workbench } from "./workbench.ts";

const path = "a.yaml";
const secret = `apiVersion: v1
kind: Secret
metadata:
  name: me
stringData:
  password: hunter2
  token: abc
`;

type Change = (bench: Workbench) => Promise<unknown>;

const set =
  (key: string, value: string, above = "stringData"): Change =>
  ({ context }) =>
    setValue({ path, treePath: `["${above}"]["${key}"]`, value: { json: JSON.stringify(value) } }, context);
const unset =
  (key: string): Change =>
  ({ context }) =>
    unsetValue({ path, treePath: `["stringData"]["${key}"]` }, context);
const rotate =
  (more: object = {}): Change =>
  ({ context }) =>
    rotateFiles({ paths: [path], destination: inPlace, unlisted: "warn", ...more }, context);
const replace =
  (from: string | RegExp, to: string): Change =>
  async (bench) =>
    bench.write(path, (await bench.read(path)).replace(from, to));

/** Opens the file, and encrypts what it says with another rule. */
const anew =
  (rule: string): Change =>
  async (bench) => {
    const text = await plain(bench);
    await bench.write(path, text);
    await bench.write(".sops.yaml", `${await bench.read(".sops.yaml")}${rule}`);
    await encryptFiles({ paths: [path], destination: inPlace }, await bench.again());
  };

async function diff(changes: readonly Change[], options: { keyless?: boolean; reveal?: boolean } = {}) {
  const bench = await encrypted(secret);
  const before = await bench.host.readFile(path);
  for (const change of changes) await change(bench);
  const after = await bench.host.readFile(path);
  const { keyless = false, reveal = false } = options;
  const context = await bench.again();
  const result = await diffFile({ name: path, before, after }, { open: !keyless }, context);
  const diffs = result === undefined ? [] : [result];
  return {
    text: describeDiff(diffs, { reveal }),
    markdown: diffInMarkdown(diffs, { reveal }),
    json: JSON.stringify(diffAsJson(diffs, { reveal })),
  };
}

const recipient = `${others} can read every value of this file`;

describe("what changed", () => {
  test.for<readonly [string, readonly Change[], string, string]>([
    [
      "a value",
      [set("token", "new")],
      'a.yaml\n  ~ ["stringData"]["token"] changed, encrypted',
      'a.yaml, compared without a key\n  ~ ["stringData"]["token"] changed, encrypted',
    ],
    [
      "a value came, another went",
      [set("new", "x"), unset("password")],
      'a.yaml\n  + ["stringData"]["new"] added, encrypted\n  - ["stringData"]["password"] removed, encrypted',
      'a.yaml, compared without a key\n  + ["stringData"]["new"] added, encrypted\n  - ["stringData"]["password"] removed, encrypted',
    ],
    [
      "a value in clear",
      [set("name", "you", "metadata")],
      'a.yaml\n  ~ ["metadata"]["name"] changed: "me" -> "you"',
      'a.yaml, compared without a key\n  ~ ["metadata"]["name"] changed: "me" -> "you"',
    ],
    [
      "the data key alone",
      [rotate()],
      "a.yaml\n  a new data key: every value was encrypted anew",
      "a.yaml, compared without a key\n  a new data key: every value was encrypted anew\n  whether 2 values changed cannot be seen without a key",
    ],
    [
      "a recipient",
      [rotate({ add: { age: [others] } })],
      `a.yaml\n  ! new recipient: ${recipient}\n  a new data key: every value was encrypted anew`,
      `a.yaml, compared without a key\n  ! new recipient: ${recipient}\n  a new data key: every value was encrypted anew\n  whether 2 values changed cannot be seen without a key`,
    ],
    [
      "a value that is in clear now",
      [anew("    encrypted_regex: ^(password)$\n")],
      'a.yaml\n  ! ["stringData"]["token"] was encrypted and stands in clear now\n  ! the rule that says what is encrypted changed: encrypted_regex ^(data|stringData)$ -> encrypted_regex ^(password)$\n  a new data key: every value was encrypted anew',
      "",
    ],
  ])("%s", async ([, changes, text, keyless]) => {
    expect((await diff(changes)).text).toBe(text);
    if (keyless !== "") expect((await diff(changes, { keyless: true })).text).toBe(keyless);
  });

  test("the recipient that somebody added by hand is shouted about, without a key too", async () => {
    const entry = `    - recipient: ${others}\n      enc: |\n        -----BEGIN AGE ENCRYPTED FILE-----\n        AAAA\n        -----END AGE ENCRYPTED FILE-----\n`;
    const { text } = await diff([replace("  age:\n", `  age:\n${entry.replaceAll(/^/gm, "")}`)], {
      keyless: true,
    });
    expect(text).toContain(`! new recipient: ${recipient}`);
  });

  test("a MAC that somebody took away, and one that covers less", async () => {
    const { text } = await diff([replace(/ {4}mac: .*\n/, "    mac_only_encrypted: true\n")], {
      keyless: true,
    });
    expect(text).toContain(
      "! the MAC covers encrypted values only now: those in clear can be changed by anybody\n",
    );
    expect(text).toContain("! it has no MAC, so nobody can tell whether values were changed");
  });

  test("what was encrypted and is not", async () => {
    const { text } = await diff([async (bench) => bench.write(path, await plain(bench))]);
    expect(text.split("\n")[1]).toBe("  ! it was encrypted and stands in clear now");
  });

  test("with a key, what was tampered with is an error", async () => {
    expect(await failureOf(diff([replace("name: me", "name: you")]))).toMatchObject({
      code: "MAC_MISMATCH",
      where: { file: "a.yaml (after)" },
    });
  });
});

describe("values", () => {
  test("are not in any report unless they are asked for", async () => {
    const changes = [set("token", "planted-new"), set("password", "planted-other")];
    const { text, markdown, json } = await diff(changes);
    expect(text + markdown + json).not.toMatch(/planted|hunter2|abc/);
    const revealed = await diff(changes, { reveal: true });
    expect(revealed.text).toContain('~ ["stringData"]["token"] changed: "abc" -> "planted-new"');
    expect(revealed.markdown).toContain('| `["stringData"]["token"]` | changed: "abc" -\\> "planted-new" |');
    expect(JSON.parse(revealed.json)).toMatchObject([
      {
        changes: [
          { before: '"hunter2"', after: '"planted-other"' },
          { before: '"abc"', after: '"planted-new"' },
        ],
      },
    ]);
  });

  test("cannot write to a terminal or break a table", async () => {
    const { text, markdown } = await diff([set("name", "\u001b[2J|`\u202e", "metadata")]);
    expect((text + markdown).replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(markdown).toContain("\\|\\`");
  });
});

const sealed = (more: { annotations?: string; namespace?: string; template?: string; value?: string } = {}) =>
  new TextEncoder().encode(`apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: db
  namespace: ${more.namespace ?? "shop"}
  annotations:
    a: b
${more.annotations ?? ""}spec:
  encryptedData:
    password: ${more.value ?? "AgA"}
${more.template ?? ""}`);

describe("SealedSecrets", () => {
  const wide = (scope: string) => `    sealedsecrets.bitnami.com/${scope}: "true"\n`;
  test.for([
    ["a value", { value: "AgB" }, '  ~ ["spec"]["encryptedData"]["password"] changed, encrypted'],
    [
      "a wider scope",
      { annotations: wide("namespace-wide") },
      "  ! db: the scope widens from strict to namespace-wide: whoever can create SealedSecrets in the namespace can read its values under another name",
    ],
    [
      "the widest scope",
      { annotations: wide("cluster-wide") },
      "  ! db: the scope widens from strict to cluster-wide: whoever can create SealedSecrets anywhere in the cluster can read its values",
    ],
    ["another namespace", { namespace: "other" }, "  ! db: it moves from the namespace shop to other"],
    [
      "clear text in the template",
      { template: "  template:\n    data:\n      url: x\n" },
      "  ! db: values in clear in its template: url",
    ],
  ] as const)("%s", async ([, change, line]) => {
    const bench = await encrypted();
    const pair = { name: "s.yaml", before: sealed(), after: sealed(change) };
    const result = await diffFile(pair, { open: true }, bench.context);
    expect(describeDiff(result ? [result] : [], { reveal: false }).split("\n")).toContain(line);
  });
});

describe("what git diff shows (textconv)", () => {
  const show = async (bench: Workbench, options: { reveal?: boolean; env?: Record<string, string> } = {}) => {
    const bytes = await bench.host.readFile(path);
    return new TextDecoder().decode(
      await showForDiff({ name: path, bytes }, { reveal: options.reveal ?? false }, await bench.again()),
    );
  };

  test("is the same for a value that only got another ciphertext, and another for another value", async () => {
    const bench = await encrypted(secret);
    const before = await show(bench);
    await setValue({ path, treePath: '["stringData"]["token"]', value: { json: '"other"' } }, bench.context);
    await setValue({ path, treePath: '["stringData"]["password"]', value: { json: '"x"' } }, bench.context);
    await setValue(
      { path, treePath: '["stringData"]["password"]', value: { json: '"hunter2"' } },
      bench.context,
    );
    const after = await show(bench);
    const line = (text: string, key: string) => text.split("\n").find((one) => one.includes(`${key}:`));
    expect(line(before, "password")).toMatch(/^ {2}password: '?\[encrypted [0-9a-f]{8}\]'?$/);
    expect(line(after, "password")).toBe(line(before, "password"));
    expect(line(after, "token")).not.toBe(line(before, "token"));
    expect(after).toContain("# sops rule: encrypted_regex ^(data|stringData)$\n");
    expect(before + after).not.toMatch(/hunter2|abc|other/);
  });

  test("has tags of ciphertexts without a key, clear text when asked, and the file itself when it is broken", async () => {
    const bench = await encrypted(secret);
    expect(await show(bench, { reveal: true })).toContain("password: hunter2");
    const stranger = await encrypted(secret, { env: { SOPS_AGE_KEY: identities[1] ?? "" } });
    expect(await show(stranger, { reveal: true })).toMatch(/password: '?\[encrypted, ciphertext [\w+/]{8}\]/);
    await bench.write(path, "sops: {lastmodified\n");
    expect(await show(bench)).toBe("sops: {lastmodified\n");
  });
});

describe("two files, as Git hands them to a difftool", () => {
  const compare = async (before: string, after: string, name?: string) => {
    const bench = await encrypted(secret);
    await bench.write("old.yaml", await bench.read(path));
    await set("token", "new")(bench);
    const options = { compare: { before, after }, name, open: true };
    return (await diffFiles(options, await bench.again())).map(({ file, state }) => ({ file, state }));
  };

  test.each([
    ["old.yaml", path, undefined, { file: path, state: "changed" }],
    [path, "old.yaml", undefined, { file: "old.yaml", state: "changed" }],
    [path, "old.yaml", "apps/a.yaml", { file: "apps/a.yaml", state: "changed" }],
    ["/dev/null", path, undefined, { file: path, state: "added" }],
    [path, "/dev/null", undefined, { file: path, state: "removed" }],
  ])("%s and %s, called %s", async (before, after, name, wanted) => {
    expect(await compare(before, after, name)).toEqual([wanted]);
  });
});
