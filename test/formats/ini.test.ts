import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Document, Entry, MapNode } from "../../src/core/tree.ts";
import { sameNode } from "../../src/core/tree-diff.ts";
import { KsealError } from "../../src/errors.ts";
import { iniStore } from "../../src/formats/ini.ts";
import { documentOf, mapLeaves, metadata, open, outcome, seal, textStore, treeOf } from "./file-text.ts";

const ini = textStore(iniStore);

type Items = readonly (string | readonly [string, string | Items])[];

function show(items: MapNode["items"]): Items {
  return items.map((item) => {
    if (item.kind === "comment") return `;${item.text}`;
    return [
      item.key,
      item.value.kind === "map" ? show(item.value.items) : item.value.kind === "str" ? item.value.value : "",
    ];
  });
}

/** Sections and keys, comments with a semicolon, without the default section when it is empty. */
function read(text: string): Items {
  const items = show(ini.parse(text).document.branches[0]?.items ?? []);
  const [first] = items;
  return first?.[0] === "DEFAULT" && first[1]?.length === 0 ? items.slice(1) : items;
}

function failure(text: string): KsealError {
  try {
    ini.parse(text);
  } catch (error) {
    if (error instanceof KsealError) return error;
  }
  throw new Error("this should have failed");
}

describe("values", () => {
  test.for([
    ["blanks around it are not part of it", "k =  a b \t\n", "a b"] as const,
    ["a colon separates", "k: v\n", "v"],
    ["the first separator counts", "k = a=b:c\n", "a=b:c"],
    ["nothing", "k =\n", ""],
    ["double quotes come off", 'k = "a b"\n', "a b"],
    ["single quotes come off", "k = ' a '\n", " a "],
    ["quotes inside stay", 'k = a "b" c\n', 'a "b" c'],
    ["quotes at both ends of two texts stay", 'k = "a" "b"\n', '"a" "b"'],
    ["one quote stays", 'k = "a\n', '"a'],
    ["backticks protect", "k = `a#b;c`\n", "a#b;c"],
    ["three quotes protect", 'k = """a"b#c"""\n', 'a"b#c'],
    ["backticks over lines", "k = `a\n b\n`\n", "a\n b\n"],
    ["three quotes over lines", 'k = """a\r\n  b\r\n"""\r\n', "a\r\n  b\r\n"],
    ["a backslash continues the line", "k = a \\\n   b\\\n c\n", "a bc"],
    ["a continuation ends at an empty line", "k = a\\\n\n", "a"],
    ["a continuation at the end", "k = a\\", "a"],
    ["no final line break", "k = v", "v"],
    ["Windows line ends", "k = v\r\n", "v"],
    ["other white space of Unicode", "k =\u00a0v\u2003\n", "v"],
  ])("%s", ([, text, value]) => {
    expect(read(text)).toEqual([["DEFAULT", [["k", value]]]]);
  });
});

describe("keys", () => {
  test.for([
    ["quotes come off", '"a=b" = v', "a=b"],
    ["backticks come off", "`a:b` = v", "a:b"],
    ["three quotes come off", '"""a`b""" = v', "a`b"],
    ["blanks inside stay", "  a b  = v", "a b"],
    ["a dash is numbered", "- = v", "#1"],
  ])("%s", ([, text, key]) => {
    expect(read(`${text}\n`)).toEqual([["DEFAULT", [[key, "v"]]]]);
  });

  test("dashes are counted anew in every section", () => {
    expect(read("- = a\n- = b\n[s]\n- = c\n")).toEqual([
      [
        "DEFAULT",
        [
          ["#1", "a"],
          ["#2", "b"],
        ],
      ],
      ["s", [["#1", "c"]]],
    ]);
  });
});

describe("sections", () => {
  test("values before the first belong to DEFAULT, and a section may come twice", () => {
    expect(read("a = 1\n[ s ]\nb = 2\n[DEFAULT]\nc = 3\n[ s ]\nd = 4\n[]x]\n")).toEqual([
      ["DEFAULT", [["a", "1"]]],
      [" s ", [["b", "2"]]],
      ["DEFAULT", [["c", "3"]]],
      [" s ", [["d", "4"]]],
      ["]x", []],
    ]);
  });

  test("an empty file has an empty DEFAULT", () => {
    expect(show(ini.parse("").document.branches[0]?.items ?? [])).toEqual([["DEFAULT", []]]);
  });
});

test("comments: a section's first, a key's behind it, all lines of one as one", () => {
  expect(
    read(
      "; one\n#two\n\n  ;; three\n[s] # four\n; five\nk = v ; six\n;\nl = w\n# seven\nm = `x`\n# rest\n; end\n",
    ),
  ).toEqual([
    [
      "s",
      [";one\n#two\n;; three\n# four", ["k", "v"], ";five\n; six", ["l", "w"], ";", ["m", "x"], ";seven"],
    ],
    ";rest\n; end",
  ]);
});

test("a byte order mark is not part of the first key", () => {
  expect(read("\ufeffk = v\n")).toEqual([["DEFAULT", [["k", "v"]]]]);
});

describe("D26: what SOPS would cut off is refused, with the line and without the value", () => {
  test.for([
    ["a password with #", "[s]\npassword = hun#ter2\n", 2],
    ["a password with ;", "password=hun;ter2\n", 1],
    ["a value that begins with #", "password=#hunter2\n", 1],
    ["# between quotes, which do not protect it", 'password = "hun # ter2"\n', 1],
    ["text behind backticks", "a = `x` hunter2\n", 1],
    ["a comment behind backticks", "a = `x` ; hunter2\n", 1],
    ["text behind a closing quote on another line", "a = `x\ny` hunter2\n", 2],
    ["text behind a section", "[s] hunter2\n", 1],
  ] as const)("%s", ([, text, line]) => {
    expect(failure(text)).toMatchObject({
      code: "FORMAT_INVALID",
      where: { line },
      hint: expect.any(String),
    });
    expect(failure(text).message).not.toContain("ter2");
  });

  test("a comment that stands apart is one, with a warning", () => {
    const { document, warnings } = ini.parse('a = x ; c\nb = "y" # d\nc = ; e\n');

    expect(show(document.branches[0]?.items ?? [])).toEqual([
      ["DEFAULT", [["a", "x"], ";c", ["b", "y"], ";d", ["c", ""], ";e"]],
    ]);
    expect(warnings.map(({ kind, line }) => [kind, line])).toEqual([
      ["other", 1],
      ["other", 2],
      ["other", 3],
    ]);
  });

  test("in a file that SOPS has encrypted it is read as SOPS does, with a warning", () => {
    const block = ini.print({ branches: [] }, metadata);
    const { document, warnings } = ini.parse(`[s]\na_unencrypted = x#y\n${block}`);

    expect(show(document.branches[0]?.items ?? [])).toEqual([
      ["DEFAULT", []],
      ["s", [["a_unencrypted", "x"], ";y"]],
    ]);
    expect(warnings).toContainEqual(expect.objectContaining({ kind: "other", line: 2 }));
  });
});

test("D18: of a key that stands twice the last value counts, with a warning", () => {
  const { document, warnings } = ini.parse("[s]\na = 1\nb = 2\n; c\na = 3\n");

  expect(show(document.branches[0]?.items ?? []).slice(1)).toEqual([["s", [["a", "3"], ";c", ["b", "2"]]]]);
  expect(warnings).toEqual([expect.objectContaining({ kind: "duplicate-key", line: 5 })]);
});

test.for([
  ["a line without =", "[s]\nhunter2\n", 2],
  ["a section without a bracket", "[hunter2\n", 1],
  ["a section without a name", "[]\n", 1],
  ["a value without a key", "= hunter2\n", 1],
  ["a quoted key without a name", '"" = hunter2\n', 1],
  ["a key without its closing quote", "`hunter2 = x\n", 1],
  ["a value without its closing backtick", "a = `hunter2\n", 1],
  ["a value without its closing quotes", 'a = """hunter2\nb = 1\n', 1],
] as const)("%s is refused, and not shown", ([, text, line]) => {
  expect(failure(text)).toMatchObject({ code: "FORMAT_INVALID", where: { line } });
  expect(failure(text).message).not.toContain("hunter2");
});

describe("fresh files", () => {
  test("are aligned, with an empty line between sections and the keys of DEFAULT on top", () => {
    const document = documentOf({
      DEFAULT: { a: "1" },
      s: { key: "x", longer: "", "a=b": "y" },
      t: {},
      u: { k: "z" },
    });

    expect(ini.print(document)).toBe(
      "a = 1\n\n[s]\nkey    = x\nlonger = \n`a=b`  = y\n\n[t]\n\n[u]\nk = z\n",
    );
  });

  test.for([
    ["a b", "a b"],
    ["", ""],
    [" a", '" a"'],
    ["a#b", "`a#b`"],
    ["a;b", "`a;b`"],
    ["a\nb", '"""a\nb"""'],
    ["a`b", '"""a`b"""'],
    ["a`b#\nc", '"""a`b#\nc"""'],
    // SOPS writes the following bare and reads something else.
    ['"q"', '`"q"`'],
    ["'q'", "`'q'`"],
    ["C:\\dir\\", "`C:\\dir\\`"],
    ['"""', '`"""`'],
    ['"', '"'],
    ['\n"""', '`\n"""`'],
  ])("the value %j is written as %j", ([value, text]) => {
    const document = documentOf({ s: { k: value } });

    expect(ini.print(document)).toBe(`[s]\nk = ${text}\n`);
    expect(read(ini.print(document))).toEqual([["s", [["k", value]]]]);
  });

  test("comments stand above, with a semicolon and a blank", () => {
    const comment = (text: string) => ({ kind: "comment", text, inline: false }) as const;
    const entry = (key: string, value: string): Entry => ({
      kind: "entry",
      key,
      value: { kind: "str", value },
    });
    const items = [
      comment(" about s"),
      entry("a", "1"),
      comment("lost"),
      comment("# two\nlines "),
      entry("b", "2"),
    ];
    const branch: MapNode = {
      kind: "map",
      items: [comment("top"), { kind: "entry", key: "s", value: { kind: "map", items } }],
    };

    expect(ini.print({ branches: [branch] })).toBe(
      ";  about s\n[s]\n# two\n; lines\na = 1\nb = 2\n".replace(";  ", "; "),
    );
  });

  test("metadata is a section of flat fields, line breaks between three quotes", () => {
    const text = ini.print(documentOf({ s: { a: "1" } }), metadata);

    expect(text).toContain(
      '\n\n[sops]\nage__list_0__map_enc       = """-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE',
    );
    expect(text).toMatch(/FILE-----\n"""\nage__list_0__map_recipient = age1abc\nlastmodified {15}= 2026-/);
    expect(ini.parse(text).metadata).toEqual(metadata);
  });

  test("metadata is read in both spellings of a line break", () => {
    const text = ini.print(documentOf({ s: { a: "1" } }), metadata);
    const escaped = text.replace(/"""([^"]*)"""/, (_, value: string) => value.replaceAll("\n", "\\n"));

    expect(escaped).not.toBe(text);
    expect(ini.parse(escaped).metadata).toEqual(metadata);
  });

  test.for<[string, Readonly<Record<string, unknown>>, string]>([
    ["a value outside of a section", { a: "1" }, '["a"]'],
    ["null", { s: { a: null } }, '["s"]["a"]'],
    ["a list", { s: { a: [1] } }, '["s"]["a"]'],
    ["a mapping in a section", { s: { a: {} } }, '["s"]["a"]'],
    ["a section sops", { sops: { a: "1" } }, '["sops"]'],
    ["a section without a name", { "": { a: "1" } }, '[""]'],
    ["a key without a name", { s: { "": "1" } }, '["s"][""]'],
    ["a key of blanks around", { s: { " a": "1" } }, '["s"][" a"]'],
    ["a value that no quotes bring back", { s: { a: '`\n"""' } }, '["s"]["a"]'],
    ["a first section named default", { default: { a: "1" } }, '["default"]'],
  ])("D25: %s is refused by its path", ([, value, path]) => {
    try {
      ini.print(documentOf(value));
    } catch (error) {
      expect(error).toMatchObject({ code: "FORMAT_CANNOT_HOLD", where: { path } });
      return;
    }
    throw new Error("this should have failed");
  });

  test.for([
    ["a text", treeOf("x\ny"), "x\ny"],
    ["a section of the top", treeOf({ s: { a: "1" } }), "[s]\na = 1\n"],
    ["a number", treeOf(5), "5"],
    ["a list", treeOf([1, "a"]), '[1,"a"]'],
  ] as const)("%s alone is printed as --extract does", ([, node, text]) => {
    expect(Buffer.from(iniStore.renderNode(node)).toString()).toBe(text);
  });
});

const files = {
  pretty: "; about\n[one]\na   = 1\nbcd = two words\n\n; c2\n[two]\nc = x=y\n",
  compact: "top=1\n[s]\na=1\nb:2\n",
  comments: "#head\n\n# more\n[s] ; behind\n\n;c1\n  a = 1\n\tb = 2 # c2\n\n; the end\n\n",
  quotes: '[s]\na = "x y"\nb = \'z\'\nc = `p#q`\nd = """one\n  two\n"""\ne = \n',
  windows: '; c\r\n[s]\r\na = 1\r\n\r\n[t]\r\nb = """x\r\ny"""\r\n',
  "no final newline": "[s]\na = 1",
  "blank lines at the end": "[s]\na = 1\n\n\n",
  "only a comment": "; nothing\n",
  "two sections of one name": "[s]\na = 1\n[t]\n[s]\na = 2\n",
  "an explicit default": "[DEFAULT]\na = 1\n",
  "a byte order mark": "\ufeff[s]\na = 1\n",
  "numbered keys": "[s]\n- = a\n- = b\n",
  empty: "",
  "an empty line": "\n",
};

describe("writing into the file that was read", () => {
  test.for(Object.entries(files))("changes nothing when nothing changed: %s", ([, text]) => {
    const base = ini.parse(text);

    expect(ini.splice(base, base.document)).toBe(text);
  });

  test.for(Object.entries(files))("encrypting and decrypting gives the text back: %s", ([name, text]) => {
    const base = ini.parse(text);
    const sealedText = ini.splice(base, mapLeaves(base.document, seal), metadata);
    const sealed = ini.parse(sealedText);

    expect(sealed.metadata).toEqual(metadata);
    expect(sealedText.replace(/\[sops\][\s\S]*/, "")).not.toMatch(/two words|behind|the end|one$|x y/m);
    expect(ini.splice(sealed, sealed.document, sealed.metadata)).toBe(sealedText);
    const opened = ini.splice(sealed, mapLeaves(sealed.document, open));
    // Comment lines with an empty line between them, and lines together with one behind, become one block.
    expect(opened).toBe(
      name === "comments"
        ? text.replace("#head\n\n# more\n[s] ; behind", "#head\n# more\n; behind\n[s]")
        : text,
    );
  });

  test("one new value changes nothing else, and keeps its quotes", () => {
    const base = ini.parse(files.quotes);
    const changed = mapLeaves(base.document, (text) =>
      text.includes("\n") ? "new" : text === "x y" ? "a'b" : text,
    );

    expect(ini.splice(base, changed)).toBe(
      files.quotes.replace('"x y"', '"a\'b"').replace('"""one\n  two\n"""', '"""new"""'),
    );
  });

  test("a value that its quotes cannot hold gets others", () => {
    const base = ini.parse('[s]\na = "x"\nb = y\nc = `z`\n');

    expect(ini.splice(base, documentOf({ DEFAULT: {}, s: { a: 'q"#', b: "p;q", c: "`" } }))).toBe(
      '[s]\na = `q"#`\nb = `p;q`\nc = """`"""\n',
    );
  });

  test("an empty value and a new one are spaced like their neighbours", () => {
    const base = ini.parse("[s]\na    =\nlong = 1\n[t]\nb=\n");

    expect(
      ini.splice(
        base,
        documentOf({ s: { a: "x", long: "1", n: "y" }, t: { b: "z", c: "w" }, u: { d: "v" } }),
      ),
    ).toBe("[s]\na    = x\nlong = 1\nn    = y\n[t]\nb=z\nc=w\n\n[u]\nd = v\n");
  });

  test("keys and sections that go take their comments with them", () => {
    const base = ini.parse("[s]\n; a\na = 1\n\n; b\nb = 2\n\n; t\n[t]\nc = 3\n\n; end\n");
    const end = { kind: "comment", text: "end", inline: false } as const;
    const [branch] = documentOf({ DEFAULT: {}, s: { b: "2" } }).branches;
    const without: Document = { branches: [{ kind: "map", items: [...(branch?.items ?? []), end] }] };

    expect(ini.splice(base, without)).toBe("[s]\n\nb = 2\n\n; end\n");
  });

  test("metadata between sections stays there", () => {
    const block = ini.print({ branches: [] }, metadata);
    const text = `[s]\na = 1\n\n${block}\n[t]\nb = 2\n`;
    const base = ini.parse(text);

    expect(ini.splice(base, documentOf({ s: { a: "9" }, t: { b: "2" } }), metadata)).toBe(
      text.replace("1\n\n", "9\n\n"),
    );
    expect(ini.splice(base, base.document)).toBe("[s]\na = 1\n\n[t]\nb = 2\n");
  });
});

const blank = /^[\s\u0085]|[\s\u0085]$/;
const key = fc
  .string({ minLength: 1 })
  .filter((name) => !blank.test(name) && !/[\n`"]/.test(name) && name !== "-");
const section = fc
  .string({ minLength: 1 })
  .filter((name) => !/\n/.test(name) && !/^(sops|default|\d+)$/i.test(name));
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", " ", "\n", "`", '"', "'", "#", ";", "\\", "=", "[", "é", "\r") }),
  fc.string({ unit: "grapheme" }),
);
const document = fc
  .dictionary(section, fc.dictionary(key, value, { maxKeys: 4 }), { maxKeys: 4 })
  .map((sections) => documentOf({ DEFAULT: {}, ...sections }));

describe("for all documents", () => {
  // Three quotes, a line break and a backtick in one text have no spelling.
  const written = (work: () => string): string | undefined => {
    try {
      return work();
    } catch (error) {
      if (error instanceof KsealError && error.code === "FORMAT_CANNOT_HOLD") return undefined;
      throw error;
    }
  };

  test("what is printed reads as what was meant", () => {
    fc.assert(
      fc.property(document, (meant) => {
        const text = written(() => ini.print(meant, metadata));
        if (text === undefined) return;
        const parsed = ini.parse(text);
        expect(sameNode(parsed.document.branches[0]!, meant.branches[0]!)).toBe(true);
        expect(parsed.metadata).toEqual(metadata);
      }),
      { numRuns: 500 },
    );
  });

  test("any file can become any other one in place", () => {
    fc.assert(
      fc.property(document, document, (a, b) => {
        const text = written(() => ini.print(a, metadata));
        if (text === undefined) return;
        const spliced = written(() => ini.splice(ini.parse(text), b, metadata));
        if (spliced === undefined) return;
        expect(sameNode(ini.parse(spliced).document.branches[0]!, b.branches[0]!)).toBe(true);
      }),
    );
  });

  test("encrypting and decrypting gives the text back", () => {
    fc.assert(
      fc.property(document, (meant) => {
        const text = written(() => ini.print(meant));
        if (text === undefined) return;
        const base = ini.parse(text);
        const sealed = ini.parse(ini.splice(base, mapLeaves(base.document, seal), metadata));
        expect(ini.splice(sealed, mapLeaves(sealed.document, open))).toBe(text);
      }),
    );
  });
});

test("every prefix of a file is refused or read, never a crash", () => {
  const text = ini.print(documentOf({ DEFAULT: { "a=b": "é" }, s: { k: "x\ny", l: "#" } }), metadata);

  for (let end = 0; end < text.length; end++) {
    expect(["ok", "FORMAT_INVALID", "METADATA_INVALID"]).toContain(
      outcome(() => ini.parse(text.slice(0, end))),
    );
  }
});

test("any text is refused or read, never a crash", () => {
  const unit = fc.constantFrom(
    "a",
    " ",
    "\n",
    "`",
    '"',
    '"""',
    "#",
    ";",
    "\\",
    "=",
    ":",
    "[",
    "]",
    "-",
    "\r\n",
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), (text) => {
      expect(["ok", "FORMAT_INVALID"]).toContain(outcome(() => ini.parse(text)));
    }),
    { numRuns: 3000 },
  );
});
