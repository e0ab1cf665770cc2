import { describe, expect, test } from "vitest";
import { KsealError } from "../../src/errors.ts";
import type { Format } from "../../src/formats/store.ts";
import { joinTexts } from "../../src/ops/join-texts.ts";

const texts = (...parts: readonly (readonly [Format, string])[]) =>
  parts.map(([format, text]) => ({ format, content: new TextEncoder().encode(text) }));
const join = (...parts: readonly (readonly [Format, string])[]): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(joinTexts(texts(...parts)));

describe("a stream of several files", () => {
  test.for<{ name: string; parts: readonly (readonly [Format, string])[]; stream: string }>([
    { name: "one file is itself", parts: [["ini", "[a]"]], stream: "[a]" },
    {
      name: "YAML",
      parts: [
        ["yaml", "a: 1\n"],
        ["yaml", "b: 1"],
      ],
      stream: "a: 1\n---\nb: 1\n",
    },
    {
      name: "YAML that begins a document",
      parts: [
        ["yaml", "a: 1"],
        ["yaml", "---\nb: 1\n"],
      ],
      stream: "a: 1\n---\nb: 1\n",
    },
    {
      name: "YAML that begins with a similar key",
      parts: [
        ["yaml", "a: 1\n"],
        ["yaml", "---b: 1\n"],
      ],
      stream: "a: 1\n---\n---b: 1\n",
    },
    {
      name: "YAML with directives",
      parts: [
        ["yaml", "a: 1\n"],
        ["yaml", "%YAML 1.2\n---\nb: 1\n"],
      ],
      stream: "a: 1\n...\n%YAML 1.2\n---\nb: 1\n",
    },
    {
      name: "a byte order mark inside",
      parts: [
        ["yaml", "a: 1\n"],
        ["yaml", "\uFEFFb: 1\n"],
      ],
      stream: "a: 1\n---\nb: 1\n",
    },
    {
      name: "YAML and JSON",
      parts: [
        ["json", "{}\n"],
        ["yaml", "b: 1\n"],
      ],
      stream: "{}\n---\nb: 1\n",
    },
    {
      name: "JSON",
      parts: [
        ["json", "{}"],
        ["json", "{}\n"],
      ],
      stream: "{}\n{}\n",
    },
    {
      name: "dotenv",
      parts: [
        ["dotenv", "A=1"],
        ["dotenv", "B=1\n"],
      ],
      stream: "A=1\nB=1\n",
    },
  ])("$name", ({ parts, stream }) => {
    expect(join(...parts)).toBe(stream);
  });

  test.for<{ name: string; formats: readonly [Format, Format] }>([
    { name: "INI files", formats: ["ini", "ini"] },
    { name: "binary files", formats: ["binary", "binary"] },
    { name: "YAML and dotenv", formats: ["yaml", "dotenv"] },
    { name: "dotenv and JSON", formats: ["dotenv", "json"] },
  ])("$name do not fit into one", ({ formats: [a, b] }) => {
    expect(() => join([a, "x"], [b, "y"])).toThrow(KsealError);
  });
});
