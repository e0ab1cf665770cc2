import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decrypt, edit, encrypt } from "../../src/index.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities, identityEnvironment, recipients } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { asSopsReads } from "../support/sops-view.ts";
import { loadTextStore } from "./file-text.ts";

const store = await loadTextStore("yaml");
const sops = peer("sops", "3.13.3");
const opening = { name: "a.yaml", identities };
const long = (length: number) => "lorem ipsum ".repeat(length / 12).trimEnd();

interface Tricky {
  readonly name: string;
  readonly text: string;
  /** Keys at the top whose spelling encryption cannot keep. */
  readonly respelled?: readonly string[];
  /** A text that stands once, and what an editor makes of it. */
  readonly change: readonly [string, string];
}

const crlf = (text: string) => text.replaceAll("\n", "\r\n");

const files: readonly Tricky[] = [
  {
    name: "1: literal blocks",
    text: `clip: |
  one

  two
strip: |-
  stripped
keep: |+
  kept


digit: |2
    deeper first
  then back
nested:
  pem: |
    -----BEGIN X-----
    line one

      deeper line
    -----END X-----
last: end
`,
    change: ["stripped", "changed"],
  },
  {
    name: "2: folded blocks",
    text: `first: 1
folded: >
  a paragraph
  on two lines

  a second one
    with a deeper line
  and back
between: "2" # beside
strip: >- # behind the indicator
  no final
  newline
last: 3
`,
    respelled: ["folded", "strip"],
    change: ['"2"', '"two"'],
  },
  {
    name: "3: quoting",
    text: `single: 'it''s'
hash: 'a # b'
colon: "a: b"
escapes: "tab\\tand \\u00e9 and \\
  continued"
several: 'one
  two'
plain: one
  two

  three
empty: ''
empty2: ""
absent:
tilde: ~
yes: "yes"
digits: "0123"
emoji: 😀 "\`quoted\`"
end: last
`,
    respelled: ["escapes", "several", "plain"],
    change: ['"0123"', '"4567"'],
  },
  {
    name: "4: flow style",
    text: `map: {"a": "x, y", "b": {"c": "d"}, "e": ["f", 'g']}
list: ["one", "two"]
across: [
  "first", # beside the first
  "second",

  {"k": "v"}
]
empty: {}
none: []
url: http://example.com/a?b=c#d
plain: [x, http://example.com/]
end: last
`,
    respelled: ["plain"],
    change: ['"two"', '"zwei"'],
  },
  {
    name: "5: anchors and tags",
    text: `tagged: !!str 12345
custom: !mine value
bytes: !!binary |
  aGVsbG8=
anchored: &text one
map: &map
  a: "1"
  b: "2"
end: last
`,
    respelled: ["bytes"],
    change: ["end: last", "end: final"],
  },
  {
    name: "6: Windows line ends",
    text: crlf(`a: one # beside

b: |
  first

  second
c: >
  folded
  text
d:
  - x
  -   xx

end: "last"
`),
    respelled: ["c"],
    change: ["last", "final"],
  },
  {
    name: "7: blanks and tabs",
    text: `a: one\t# behind a tab
b:\ttwo
c: three   \t
   # above d, deep
d:
 # above e, shallow
    e: four  
      # below e
end: last



`,
    change: ["three", "drei"],
  },
  {
    name: "8: documents",
    text: `%YAML 1.1
--- # the first
a: one
list:
- - one
  - other
- - - deep
...
---
b: two
...
--- # the third
c: three
`,
    change: ["two", "zwei"],
  },
  {
    name: "9: odd structure",
    text: `# at the top
? plain key
: one
? |
  block key
: two
"quoted: key": three
list:
# at the column of the list
- one
  # deeper
-   - deep
    - er
-
  a: below a dash
  # at the end of the mapping
# at the very end
`,
    change: ["three", "drei"],
  },
  {
    name: "10: long lines",
    text: `plain: ${long(1600)}
single: '${long(800)}'
double: "${long(400)}"
block: |
  ${long(1200)}
  ${long(600)}
list:
  - ${long(1000)}
end: last
`,
    change: ["end: last", "end: final"],
  },
];

const seal = (text: string) =>
  encrypt(text, {
    name: "a.yaml",
    recipients: recipients.slice(0, 1),
    selection: { rule: "encrypted_regex", pattern: ".*" },
  });

/** A text without some keys at its top and what belongs to them. */
function without(text: string, keys: readonly string[] = []): string {
  let isLeftOut = false;
  return text
    .split("\n")
    .filter((line) => {
      const [, key] = /^(\w+):/.exec(line) ?? [];
      if (key !== undefined) isLeftOut = keys.includes(key);
      return !isLeftOut;
    })
    .join("\n");
}

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

describe.for(files)("$name", ({ text, respelled, change }) => {
  test(
    respelled ? "comes back but for what has no spelling of its own" : "comes back byte for byte",
    async () => {
      const back = await decrypt(await seal(text), opening);

      expect(without(back, respelled)).toBe(without(text, respelled));
      expect(store.parse(back).document).toEqual(store.parse(text).document);
    },
  );

  test.skipIf(!sops)("opens in sops", async () => {
    const opened = store.parse(openWithSops(await seal(text))).document;

    expect(asSopsReads(opened)).toEqual(asSopsReads(store.parse(text).document));
  });

  test("an edit of one value changes one line", async () => {
    const sealed = await seal(text);
    const [from, to] = change;

    const edited = await edit(sealed, (plain) => plain.replace(from, () => to), opening);

    const old = without(sealed, respelled).split("\n");
    const lines = without(edited, respelled).split("\n");
    const differing = lines.filter((line, index) => line !== old[index]);
    expect(lines).toHaveLength(old.length);
    expect(differing.filter((line) => !/^ +(lastmodified|mac): /.test(line))).toHaveLength(1);
    expect(await decrypt(edited, opening)).toBe((await decrypt(sealed, opening)).replace(from, () => to));
  });
});
