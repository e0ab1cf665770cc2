import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decrypt, edit, encrypt } from "../../src/index.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities, identityEnvironment, recipients } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { loadTextStore } from "./file-text.ts";

const store = await loadTextStore("yaml");
const sops = peer("sops", "3.13.3");
const opening = { name: "a.yaml", identities };

const seal = (text: string, onWarning?: (text: string) => void) =>
  encrypt(text, { name: "a.yaml", recipients: recipients.slice(0, 1), onWarning });

const itemsOf = (text: string) => store.parse(text).document.branches[0]!.items;

function openWithSops(text: string): string {
  const folder = makeFolder({ "a.yaml": text });
  try {
    return execFileSync(sops!, ["decrypt", join(folder, "a.yaml")], {
      env: identityEnvironment(folder),
      stdio: "pipe",
      encoding: "utf8",
    });
  } finally {
    removeFolder(folder);
  }
}

describe("D2: a comment in a list", () => {
  const text = "a:\n    # above\n    - one\n    - two # beside\n";

  test("is encrypted to a comment line, and comes back", async () => {
    const sealed = await seal(text);

    expect(sealed.match(/#ENC\[.*,type:comment\]$/gm)).toHaveLength(2);
    expect(sealed).not.toMatch(/- ENC\[[^\]]*,type:comment\]/);
    expect(await decrypt(sealed, opening)).toBe(text);
  });

  test.skipIf(!sops)("is read by sops", async () => {
    expect(openWithSops(await seal(text))).toMatch(/# above\n.*- one\n[\s\S]*# beside/);
  });

  test("is read in the form of sops, an item", async () => {
    const sealed = (await seal("a:\n    # above\n    - one\n")).replace("    #ENC[", "    - ENC[");

    expect(await decrypt(sealed, opening)).toBe("a:\n    # above\n    - one\n");
  });
});

test("D9: only the values and the metadata of a file change", async () => {
  const text = "---\n\n# c\n'a':   'one'   # d\n\n\nb: {x: [1,  2],  y:   null}\nc:\n- |-\n   deep\n\n...\n";

  const sealed = await seal(text);

  const shape = (of: string) => of.replace(/^ *sops:[\s\S]*?(?=^\.\.\.)/m, "").replace(/"?ENC\[.*?\]"?/g, "");
  expect(shape(sealed)).toBe(
    "---\n\n#\n'a':   ''   #\n\n\nb: {x: [,  ],  y:   null}\nc:\n- |-\n   \n\n...\n",
  );
  expect(await decrypt(sealed, opening)).toBe(text);
});

describe("D11: text behind a value", () => {
  test("is refused", async () => {
    const sealed = (await seal("a: one\n")).replace(/^(a: .*)$/m, "$1 more");

    await expect(decrypt(sealed, opening)).rejects.toMatchObject({
      code: "VALUE_MALFORMED",
      where: { path: '["a"]' },
    });
  });

  test("does not mean the final line break of a block", async () => {
    const sealed = (await seal("a: one\n")).replace(/^a: (.*)$/m, "a: |\n    $1");

    expect(await decrypt(sealed, opening)).toBe("a: |-\n    one\n");
  });
});

describe("D13: an integer", () => {
  test.for(["9223372036854775807", "-9223372036854775808", "0x7fffffffffffffff"])(
    "%s is exact",
    async (number) => {
      expect(itemsOf(`a: ${number}\n`)).toMatchObject([{ value: { kind: "int", value: BigInt(number) } }]);
      expect(await decrypt(await seal(`a: ${number}\n`), opening)).toBe(`a: ${BigInt(number)}\n`);
    },
  );

  test.for(["9223372036854775808", "-9223372036854775809", "0xffffffffffffffff"])(
    "beyond 64 bits is never rounded: %s",
    async (number) => {
      await expect(seal(`x: 1\na:\n  - ${number}\n`)).rejects.toMatchObject({
        code: "FORMAT_INVALID",
        where: { path: '["a"][0]', line: 3, column: 5 },
      });
      expect(await decrypt(await seal(`a: "${number}"\n`), opening)).toBe(`a: "${number}"\n`);
    },
  );
});

test("D17: an unquoted lastmodified is accepted, and written quoted", async () => {
  const sealed = await seal("a: one\n");
  const unquoted = sealed.replace(/lastmodified: "(.*)"/, "lastmodified: $1");

  expect(unquoted).not.toBe(sealed);
  expect(await decrypt(unquoted, opening)).toBe("a: one\n");
  const edited = await edit(unquoted, () => "a: two\n", opening);
  expect(edited).toMatch(/lastmodified: "\d{4}-/);
});

describe("D18: keys that stand twice", () => {
  const twice = "a: one\na: two\n";

  test.for([
    ["in the first document", twice],
    ["in a later document", `x: y\n---\n${twice}`],
    ["deep down", "b:\n  - c: {a: 1, 'a': 2}\n"],
  ] as const)("%s are not encrypted", async ([, text]) => {
    await expect(seal(text)).rejects.toMatchObject({ code: "FORMAT_INVALID" });
  });

  test("are kept when sops has written them, with a warning", () => {
    const { document, warnings } = store.parse(`x: y\n---\n${twice}`);

    expect(document.branches[1]!.items).toHaveLength(2);
    expect(warnings).toMatchObject([{ kind: "duplicate-key", line: 4 }]);
  });
});

describe("D19: anchors", () => {
  const text = "base: &b\n  k: v\nuse: *b\nmerged:\n  <<: *b\n";

  test("are expanded with a warning", async () => {
    const warnings: string[] = [];

    const opened = await decrypt(await seal(text, (warning) => warnings.push(warning)), opening);

    expect(warnings).toEqual([expect.stringContaining("2 aliases stand for values of their own")]);
    const map = { kind: "map", items: [expect.objectContaining({ key: "k" })] };
    expect(itemsOf(opened)).toMatchObject([
      { key: "base", value: map },
      { key: "use", value: map },
      { key: "merged", value: { kind: "map", items: [{ key: "<<", value: map }] } },
    ]);
  });

  test.skipIf(!sops)("make the tree of sops", async () => {
    expect(openWithSops(await seal(text))).toBe(
      "base:\n    k: v\nuse:\n    k: v\nmerged:\n    !!merge <<:\n        k: v\n",
    );
  });
});

describe("D20: a float or a date", () => {
  test.for(["1.0", "1e3", "0.10", "2024-01-01", "2024-01-01 10:00:00.5"])(
    "%s in clear keeps its text",
    async (value) => {
      const text = `a: secret\nb_unencrypted: ${value}\n`;

      const sealed = await seal(text);

      expect(sealed).toContain(`b_unencrypted: ${value}\n`);
      expect(await decrypt(sealed, opening)).toBe(text);
    },
  );

  test.for([
    ["1.0", "1.0"],
    ["1e3", "1000.0"],
    ["0.10", "0.1"],
    ["2024-01-01", "2024-01-01T00:00:00Z"],
  ] as const)("%s that was encrypted stays one: %s", async ([value, back]) => {
    const opened = await decrypt(await seal(`a: ${value}\n`), opening);

    expect(opened).toBe(`a: ${back}\n`);
    expect(itemsOf(opened)).toEqual(itemsOf(`a: ${value}\n`));
  });

  test.skipIf(!sops)("is what sops reads: 1.0 as 1", async () => {
    expect(openWithSops(await seal("a: 1.0\nb: 2024-01-01\n"))).toBe("a: 1\nb: 2024-01-01T00:00:00Z\n");
  });
});

describe("D21: a comment keeps its place", () => {
  test.for([
    ["beside a value", "a: one # c\nb: two\n"],
    ["behind an empty mapping", "a: {} # c\nb: two\n"],
    ["behind a key", "a: # c\n  b: two\n"],
    ["that is empty, in a list", "a:\n  - one\n  #\n  - two\n"],
    ["at the end of a list", "a:\n  - one\n  # c\nb: two\n"],
  ] as const)("%s", async ([, text]) => {
    expect(await decrypt(await seal(text), opening)).toBe(text);
  });

  test("an empty one is still a comment", () => {
    expect(itemsOf("a:\n  - one\n  #\n")).toMatchObject([
      { value: { items: [{ kind: "str" }, { kind: "comment", text: "" }] } },
    ]);
  });
});

test("D19: an alias under a comment rule is refused, because its copy would stay in clear", async () => {
  const text = "a: &a\n    # sops:enc\n    k: secret\nb: *a\n";
  const selection = { rule: "encrypted_comment_regex", pattern: "sops:enc" } as const;

  await expect(
    encrypt(text, { name: "a.yaml", recipients: recipients.slice(0, 1), selection }),
  ).rejects.toMatchObject({ code: "ENCRYPT_FAILED" });
});
