import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Document } from "../../src/core/tree.ts";
import { binaryStore } from "../../src/formats/binary.ts";
import { documentOf, metadata, outcome, seal } from "./file-text.ts";

const sealed = (text: string): Document => documentOf({ data: text === "" ? "" : seal(text) });

test("any bytes are a plain file, and come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const { document, metadata: none } = binaryStore.parse(bytes);

      expect(none).toBeUndefined();
      expect(Buffer.from(binaryStore.render({ document, metadata: undefined }))).toEqual(Buffer.from(bytes));
    }),
  );
});

test("an encrypted file is an object with data and sops, indented by tabs", () => {
  const text = Buffer.from(binaryStore.render({ document: sealed("x"), metadata })).toString();

  expect(text).toMatch(/^\{\n\t"data": "ENC\[AES256_GCM,.*\]",\n\t"sops": \{\n\t\t"age": \[\n/);
  expect(text.endsWith("\n\t}\n}\n")).toBe(true);
  expect(binaryStore.parse(Buffer.from(text))).toMatchObject({ document: sealed("x"), metadata });
});

test("an empty file has an empty text under data", () => {
  expect(Buffer.from(binaryStore.render({ document: sealed(""), metadata })).toString()).toContain(
    '\t"data": "",\n',
  );
  expect(binaryStore.render({ document: sealed(""), metadata: undefined })).toHaveLength(0);
});

test("a text that opened as text is written as its bytes", () => {
  const document = documentOf({ data: "é\u0000" });

  expect(Buffer.from(binaryStore.render({ document, metadata: undefined })).toString()).toBe("é\u0000");
});

describe("D36: what is not an encrypted file is a plain one", () => {
  test.for([
    ["a text", "hello"] as const,
    ["JSON", '{"a": 1}'],
    ["JSON that is broken", '{"sops": '],
    ["JSON with another sops", '{"sops": "x"}'],
    ["JSON with a mapping sops that says nothing", '{"sops": {"a": 1}}'],
    ["a list", '["sops"]'],
    ["nothing", ""],
  ])("%s", ([, text]) => {
    const bytes = Buffer.from(text);
    const { document, metadata: none } = binaryStore.parse(bytes);

    expect(none).toBeUndefined();
    expect(Buffer.from(binaryStore.render({ document, metadata: undefined }))).toEqual(bytes);
  });
});

test("every prefix of an encrypted file is refused once it says what it is, never taken for a plain one", () => {
  const text = Buffer.from(binaryStore.render({ document: sealed("secret"), metadata }));
  const claim = text.indexOf("ENC[") + "ENC[".length;

  for (let end = 0; end < text.length - 1; end++) {
    expect(outcome(() => binaryStore.parse(text.subarray(0, end)))).toBe(
      end < claim ? "ok" : "FORMAT_INVALID",
    );
  }
});

test("writing into an encrypted file keeps its layout", () => {
  const text = Buffer.from(binaryStore.render({ document: sealed("x"), metadata })).toString();
  const spaced = text.replaceAll("\t", "   ").trimEnd();
  const base = binaryStore.parse(Buffer.from(spaced));
  const next = { ...metadata, mac: "other" };

  expect(
    Buffer.from(binaryStore.render({ document: base.document, metadata: next }, { base })).toString(),
  ).toBe(spaced.replace(metadata.mac, "other"));
});

test("what has no single text has no place", () => {
  for (const document of [documentOf({ a: "x" }), documentOf({ data: 1 }), { branches: [] }]) {
    expect(outcome(() => binaryStore.render({ document, metadata: undefined }))).toBe("FORMAT_CANNOT_HOLD");
  }
});

test("one value alone is its bytes", () => {
  expect(Buffer.from(binaryStore.renderNode({ kind: "bytes", value: Uint8Array.of(0, 255) }))).toEqual(
    Buffer.from([0, 255]),
  );
  expect(Buffer.from(binaryStore.renderNode({ kind: "str", value: "x" })).toString()).toBe("x");
  expect(outcome(() => binaryStore.renderNode({ kind: "null" }))).toBe("FORMAT_CANNOT_HOLD");
});
