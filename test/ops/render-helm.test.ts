import { describe, expect, test } from "vitest";
import { takeNote } from "../../src/ops/render-helm.ts";

/* The shapes are those that Helm 4.1.4 hands to a post-renderer. */

const noteLine = "postrenderer.helm.sh/postrender-filename: 'shop/templates/a''b.yaml'\n";
const noted = { "postrenderer.helm.sh/postrender-filename": "shop/templates/a'b.yaml" };

describe("Helm's note in a document", () => {
  test("goes with the map that was made for it, and comes back", () => {
    const { text, note } = takeNote(
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  annotations:\n    ${noteLine}stringData:\n  a: b\n`,
    );
    expect(text).toBe("apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  a: b\n");
    expect(note({ metadata: { name: "db" }, data: {} })).toEqual({
      metadata: { name: "db", annotations: noted },
      data: {},
    });
  });

  test("goes alone when there are other annotations, before it or behind it", () => {
    const others = (before: string, after: string) =>
      `metadata:\n  annotations:\n${before}    ${noteLine}${after}  name: db\n`;
    expect(takeNote(others("    a: b\n", "")).text).toBe("metadata:\n  annotations:\n    a: b\n  name: db\n");
    const { text, note } = takeNote(others("", "    z: b\n"));
    expect(text).toBe("metadata:\n  annotations:\n    z: b\n  name: db\n");
    expect(note({ metadata: { annotations: { z: "b" } } })).toEqual({
      metadata: { annotations: { z: "b", ...noted } },
    });
  });

  test("a document without it stays as it is", () => {
    const { text, note } = takeNote("metadata:\n  annotations:\n    a: b\n");
    expect(text).toBe("metadata:\n  annotations:\n    a: b\n");
    expect(note({ a: 1 })).toEqual({ a: 1 });
  });
});
