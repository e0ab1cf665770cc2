import fc from "fast-check";
import type { Comment, Document, Entry, MapNode, Scalar, SeqNode, TreeNode } from "../../src/core/tree.ts";
import type { Format } from "../../src/formats/store.ts";

type Arbitrary<T> = fc.Arbitrary<T>;

/** Documents of everything that a format can hold. A file of YAML, or one of another format, is made of several. */
export function randomDocument(format: Format): Arbitrary<MapNode> {
  switch (format) {
    case "yaml":
      return map(yamlScalar, { comments: true });
    case "json":
      return map(jsonScalar, { comments: false });
    case "dotenv":
      return flatMap(dotenvValue);
    case "ini":
      return fc
        .uniqueArray(fc.tuple(name, flatMap(iniValue)), { selector: ([key]) => key, maxLength: 3 })
        .map(
          (sections): MapNode => ({ kind: "map", items: sections.map(([key, value]) => entry(key, value)) }),
        );
    case "binary":
      return fc
        .uint8Array({ maxLength: 2000 })
        .map((bytes) => ({ kind: "map", items: [entry("data", textOrBytes(bytes))] }));
  }
}

/** Puts many documents into one file, so that one call of `sops` serves them all. */
export function joinDocuments(format: Format, documents: readonly MapNode[]): Document {
  switch (format) {
    case "yaml":
      // A document of its own each, with a key that makes sure that it is not empty and tells which one it is.
      return {
        branches: documents.map(({ items }, index) => ({
          kind: "map",
          items: [entry("number", { kind: "int", value: BigInt(index) }), ...items],
        })),
      };
    case "json":
      return onlyBranch(documents.map((document, index) => entry(`document ${index}`, document)));
    case "dotenv":
    case "ini":
      return onlyBranch(
        documents.flatMap(({ items }, index) =>
          items.map((item) => (item.kind === "entry" ? entry(`d${index}_${item.key}`, item.value) : item)),
        ),
      );
    case "binary":
      return { branches: documents.slice(0, 1) };
  }
}

function onlyBranch(items: readonly (Entry | Comment)[]): Document {
  // An INI or dotenv file without any key is no file.
  const last = entry("last", { kind: "str", value: "x" });
  const first = items.find((item) => item.kind === "entry");
  const isIni = first?.value.kind === "map" && !first.key.startsWith("document ");
  return {
    branches: [
      { kind: "map", items: [...items, isIni ? entry("end", { kind: "map", items: [last] }) : last] },
    ],
  };
}

function entry(key: string, value: TreeNode): Entry {
  return { kind: "entry", key, value };
}

const str = (value: string): Scalar => ({ kind: "str", value });

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,11}$/).filter((text) => text !== "DEFAULT");

/** Text with everything that makes writers quote: blanks, colons, control characters, words that look like numbers. */
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", maxLength: 30 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 20 }).map(withoutBom) },
  {
    weight: 2,
    arbitrary: fc.array(fc.string({ maxLength: 12 }), { maxLength: 5 }).map((lines) => lines.join("\n")),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ..."yes no on off y n true False NULL ~ null 1 -1 1.5 1e3 0x1F 0o17 0777 1_000 .inf .nan 12:30:45".split(
        " ",
      ),
      ..."2025-01-02 2025-01-02T03:04:05Z << = ! & * - ? : # % @ ` | > [] {} ENC[ --- ... \"x\" 'x'".split(
        " ",
      ),
      ...[
        "",
        " ",
        "\n",
        "a: b",
        "a #b",
        "- a",
        " leading",
        "trailing ",
        "tab\there",
        "line\n",
        "\nline",
        "a\n\nb\n\n",
      ],
    ),
  },
);

// sops takes a byte order mark at the start of a YAML string for the file's own.
function withoutBom(value: string): string {
  return value.replace(/[\uFEFF\uFFFE\uFFFF]/g, "");
}

const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -99n, max: 99n }),
);

const float = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer({ min: -1000, max: 1000 }).map((value) => value / 8),
);

/** RFC 3339 with every width of fraction and every offset of whole minutes. */
const time = fc
  .tuple(
    fc.date({
      min: new Date("0001-01-03T00:00:00Z"),
      max: new Date("9998-12-30T00:00:00Z"),
      noInvalidDate: true,
    }),
    fc.oneof(fc.constant(""), fc.stringMatching(/^\.\d{0,8}[1-9]$/)),
    fc.oneof(fc.constant("Z"), fc.stringMatching(/^[+-](0[1-9]|1[0-3]):[0-5]\d$/)),
  )
  .map(([date, fraction, offset]) => `${date.toISOString().slice(0, 19)}${fraction}${offset}`);

const jsonScalar: Arbitrary<Scalar> = fc.oneof(
  { weight: 4, arbitrary: text.map(str) },
  integer.map((value): Scalar => ({ kind: "int", value })),
  float.map((value): Scalar => ({ kind: "float", value })),
  fc.boolean().map((value): Scalar => ({ kind: "bool", value })),
  fc.constant<Scalar>({ kind: "null" }),
);

// sops prints such a string, when it stands in a list in a list, as YAML that nobody can read, itself included.
const indentedBlock = /^[ \n][\s\S]*\n|^\n/;
// sops prints these two as they are, and what it printed is refused here: its own reader takes them for line breaks.
const rawBreak = /[\u2028\u2029]/;

const yamlScalar: Arbitrary<Scalar> = fc.oneof(
  {
    weight: 6,
    arbitrary: jsonScalar.filter(
      (scalar) => scalar.kind !== "str" || !(indentedBlock.test(scalar.value) || rawBreak.test(scalar.value)),
    ),
  },
  { weight: 1, arbitrary: time.map((value): Scalar => ({ kind: "time", value })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)
      .map((value): Scalar => ({ kind: "float", value })),
  },
);

const dotenvValue = fc
  .oneof(
    fc.string({ maxLength: 30 }),
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.constantFrom("", "a=b", "# no comment", " blanks ", "two\nlines", "'quoted'"),
  )
  .filter((value) => !/[\r\0]|\\n/.test(value) && !value.includes("\\"));

const iniValue = fc
  .oneof(
    fc.stringMatching(/^[A-Za-z0-9_.,:/ -]{0,20}$/).map((value) => value.trim()),
    fc.constantFrom("", "a=b", "two\nlines", "semi;colon", "has#hash", '"quoted"', "grün 🐎"),
  )
  .filter((value) => !value.startsWith("-"));

const comment: Arbitrary<Comment> = fc
  .stringMatching(/^[A-Za-zäöü0-9 :,'"[\]{}&*!|>%@-]{1,20}$/)
  .map((value) => ({ kind: "comment", text: ` ${value.trim()}`.trimEnd(), inline: false }) satisfies Comment)
  .filter(({ text: value }) => value !== "");

function flatMap(value: Arbitrary<string>): Arbitrary<MapNode> {
  return fc
    .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 6 })
    .map((pairs) => ({ kind: "map", items: pairs.map(([key, content]) => entry(key, str(content))) }));
}

// Such a key is written with a question mark, and sops moves comments below it to other places.
const severalLines = /[\n\r\u0085\u2028\u2029]/;

/** Mappings and lists in each other, with comments above items. */
function map(scalar: Arbitrary<Scalar>, options: { readonly comments: boolean }): Arbitrary<MapNode> {
  const key = fc
    .oneof(name, text, fc.constantFrom("a:b", "__proto__", "constructor", "key with spaces", "ключ", "鍵🔑"))
    // sops cannot open its own file in which the key `<<` stands above anything but a map.
    .filter((value) => value !== "sops" && value !== "<<" && !severalLines.test(value));
  const above = options.comments
    ? fc.option(fc.array(comment, { minLength: 1, maxLength: 2 }), { freq: 6, nil: [] })
    : fc.constant<Comment[]>([]);
  const { node } = fc.letrec<{ node: TreeNode; map: MapNode; seq: SeqNode }>((tie) => ({
    node: fc.oneof({ maxDepth: 5, depthSize: "small" }, scalar, tie("map"), tie("seq")),
    map: mapOf(key, tie("node") as Arbitrary<TreeNode>, above),
    seq: fc.array(fc.tuple(above, tie("node")), { maxLength: 5 }).map((items) => ({
      kind: "seq",
      items: items.flatMap(([comments, item]) => [...comments, withoutFirstComments(item)]),
    })),
  }));
  return mapOf(key, node, above);
}

// Between the dash of a list item and its first key there is no place for a comment: it belongs to the list.
function withoutFirstComments(node: TreeNode): TreeNode {
  if (node.kind !== "map" && node.kind !== "seq") return node;
  const [first, ...rest] = node.items;
  if (first === undefined) return node;
  if (first.kind === "comment") return withoutFirstComments({ ...node, items: rest } as TreeNode);
  if (node.kind === "seq")
    return { ...node, items: [withoutFirstComments(first as TreeNode), ...node.items.slice(1)] };
  return node;
}

function mapOf(
  key: Arbitrary<string>,
  node: Arbitrary<TreeNode>,
  above: Arbitrary<Comment[]>,
): Arbitrary<MapNode> {
  return fc
    .uniqueArray(fc.tuple(key, node, above), { selector: ([text]) => text, maxLength: 6 })
    .map((entries) => ({
      kind: "map",
      items: entries.flatMap(([text, value, comments]) => [...comments, entry(text, value)]),
    }));
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOrBytes(value: Uint8Array): Scalar {
  try {
    return str(utf8.decode(value));
  } catch {
    return { kind: "bytes", value };
  }
}
