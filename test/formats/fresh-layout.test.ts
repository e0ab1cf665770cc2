import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Format } from "../../src/formats/store.ts";
import { sopsVersions } from "../support/peers.ts";
import { loadTextStore } from "./file-text.ts";
import { realSops } from "./real-sops.ts";

type TestedFormat = Exclude<Format, "yaml">;

const sops = realSops();

/** Plain files as people have them; the real sops encrypts and decrypts each, which puts it into its own layout. */
const plain: readonly (readonly [TestedFormat, string, string])[] = [
  [
    "json",
    "types",
    '{"s":"x","i":1,"f":1.50,"e":1e3,"b":[true,null,""],"m":{},"l":[],"n":{"k":[[1],{"a":2}]}}',
  ],
  [
    "json",
    "floats",
    '{"f":[1e21,1e20,1e-6,1e-7,123456789.125,-2.5e-300,5e-324,1.7976931348623157e308,0.1,-0.0,-0]}',
  ],
  ["json", "integers", '{"i":[9007199254740993,-9223372036854775808,9223372036854775807]}'],
  [
    ...(["json", "escapes"] as const),
    '{"<k>":"<&>\\u2028\\u2029\\u007f\\u0000\\b\\f\\n\\r\\t\\u001f\\"\\\\\\/é\\ud83d\\ude00"}',
  ],
  ["json", "duplicate keys", '{"a":1,"a":2}'],
  ["dotenv", "types", 'A=1\n# c\n\nB= x \nC=\nexport D="q"\nE=a\\nb\nF=\r\n=x\n'],
  ["dotenv", "no final newline", "A=1"],
  ["ini", "sections", "top=1\n[s]\nlonger=2\na:3\n\n\n[t]\n[s]\nb=\n"],
  ["ini", "quotes", '[s]\na=" x"\nb=`p#q;`\nc="""l1\nl2"""\n"k=y"=1\n`k"z`=2\n"""k`q"""=3\nd=`it\'s`\n'],
  ["ini", "comments", "; one\n#two\n[s] ; three\n# k\n#  l\nk=v ; w\n\n[t]\n;;; x\ny=z\n"],
  ["ini", "windows", '; c\r\n[s]\r\na=1\r\nb="""x\r\ny"""\r\n'],
  ["ini", "explicit default", "[DEFAULT]\na=1\n"],
  ["ini", "unicode", "[ž]\nklíč=🐎\nb=1\n"],
  ["binary", "text", "hello\n"],
  ["binary", "empty", ""],
];

/** What the newest sops makes of a plain file; asked once. */
const sealedFiles = new Map<string, string>();
function sealFile(format: TestedFormat, text: string): string {
  const known = sealedFiles.get(format + text) ?? sops?.encrypt(text, format).toString() ?? "";
  sealedFiles.set(format + text, known);
  return known;
}

describe.skipIf(!sops)("fresh files are those of sops, byte for byte", () => {
  test.for(plain)("%s: %s", async ([format, , text]) => {
    const store = await loadTextStore(format);
    const sealed = sealFile(format, text);
    const opened = sops!.decrypt(sealed, format).toString();
    const parsed = store.parse(sealed);
    const written = store.print(parsed.document, parsed.metadata);

    expect(store.print(store.parse(text).document)).toBe(opened);
    // The metadata of INI is the one place where kseal writes another spelling: sops.md 3.3.
    const comparable = (file: string) =>
      format === "ini" ? file.replace(/"""([^"]*)"""/g, escapeLines) : file;
    expect(comparable(written)).toBe(comparable(sealed));
  });

  test.for(plain)("%s: %s, rewritten in place, opens in sops as before", async ([format, , text]) => {
    const store = await loadTextStore(format);
    const sealed = sealFile(format, text);
    const parsed = store.parse(sealed);
    const spliced = store.splice(parsed, parsed.document, parsed.metadata);

    expect(sops!.decrypt(spliced, format).toString()).toBe(sops!.decrypt(sealed, format).toString());
  });

  test("JSON in any indentation", async () => {
    const { jsonStore } = await import("../../src/formats/json.ts");
    const sealed = sops!.encrypt('{"a":{"b":[1,{}]}}', "json");
    const { document } = jsonStore.parse(sealed);

    for (const indent of [0, 1, 8]) {
      const flags = ["--indent", String(indent)];
      const theirs = sops!.decrypt(sealed, "json", ...flags).toString();
      const plainDocument = jsonStore.parse(Buffer.from('{"a":{"b":[1,{}]}}')).document;
      const ours = jsonStore.render({ document: plainDocument, metadata: undefined }, { indent });
      expect(document.branches).toHaveLength(1);
      expect(Buffer.from(ours).toString()).toBe(theirs);
    }
  });

  test("JSON: many random documents in one file", async () => {
    const store = await loadTextStore("json");
    const documents = fc.sample(fc.json({ maxDepth: 4, stringUnit: "binary" }), 300);
    const text = `{${documents.map((document, index) => `"${index}":${document}`).join(",")}}`;
    const opened = sops!.decrypt(sops!.encrypt(text, "json"), "json").toString();

    expect(store.print(store.parse(text).document)).toBe(opened);
  });

  test("dotenv: random values", async () => {
    const store = await loadTextStore("dotenv");
    const values = fc.sample(fc.string({ unit: "binary" }), 300).map((value) => value.replaceAll("\n", ""));
    const text = values.map((value, index) => `K${index}=${value}\n`).join("");
    const opened = sops!.decrypt(sops!.encrypt(text, "dotenv"), "dotenv").toString();

    expect(store.print(store.parse(text).document)).toBe(opened);
  });

  test("INI: random values", async () => {
    const store = await loadTextStore("ini");
    // Without what SOPS writes bare and reads as something else.
    const unit = fc.constantFrom("a", " ", "\n", "`", "#", ";", "=", ":", "[", "é", "\r", "\u0085");
    const values = fc
      .sample(fc.string({ unit }), 300)
      .map((value) => (value.includes("`") ? value.replace(/"/g, "") : value));
    const json = JSON.stringify({
      s: Object.fromEntries(values.map((value, index) => [`k${index}`, value])),
    });
    const asJson = await loadTextStore("json");
    const opened = sops!.decrypt(sops!.encrypt(json, "json"), "json", "--output-type", "ini").toString();

    expect(store.print(asJson.parse(json).document)).toBe(opened);
  });
});

describe.skipIf(!sops)("what one format's file says in another format", () => {
  const value = '{"s":"x","i":-7,"big":9223372036854775807,"f":[],"t":true}';
  const flat =
    '{"s":"a\\nb","i":-7,"x":1.0,"y":1e21,"z":2.5,"w":1e6,"v":999999.5,"u":1e-5,"t":true,"q":"a\\\\nb"}';

  test.for<[string, string, TestedFormat, TestedFormat]>([
    ["numbers as texts", flat, "json", "dotenv"],
    ["numbers in a section", `{"s":${flat},"t":{}}`, "json", "ini"],
    ["a section called default", `{"DEFAULT":{"a":"1"},"t":{"b":"2"}}`, "json", "ini"],
    ["comments vanish", "# c\nA=1\n", "dotenv", "json"],
    ["sections are mappings", "a=1\n[s]\nb=2 ; c\n", "ini", "json"],
    ["a whole tree", value, "json", "json"],
    ["bytes are a text under data", "é\n", "binary", "json"],
  ])("%s", async ([, text, from, to]) => {
    const [source, target] = [await loadTextStore(from), await loadTextStore(to)];
    const theirs = sops!.decrypt(sops!.encrypt(text, from), from, "--output-type", to).toString();

    expect(target.print(source.parse(text).document)).toBe(theirs);
  });
});

describe.for(sopsVersions)("sops %s", (version) => {
  const old = realSops(version);

  test.skipIf(!sops || !old).for(plain)(
    "opens %s: %s, as kseal writes it fresh",
    async ([format, name, text]) => {
      // Before 3.10 sections of one name were one, whoever had written them.
      if (["sections", "explicit default"].includes(name) && /^3\.[89]\./.test(version)) return;
      const store = await loadTextStore(format);
      const parsed = store.parse(sealFile(format, text));

      const ours = store.print(parsed.document, parsed.metadata);
      // The final line break of JSON and INI came later.
      expect(old!.decrypt(ours, format).toString().trimEnd()).toBe(
        sops!.decrypt(ours, format).toString().trimEnd(),
      );
    },
  );
});

function escapeLines(_: string, value: string): string {
  return value.replaceAll("\n", "\\n");
}
