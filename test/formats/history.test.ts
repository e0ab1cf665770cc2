import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sameNode } from "../../src/core/tree-diff.ts";
import { formatOfName, storeFor } from "../../src/formats/detect.ts";
import { vectorsFolder } from "../support/identities.ts";
import { mapLeaves } from "./file-text.ts";

const golden = readdirSync(vectorsFolder)
  .filter((folder) => folder.startsWith("sops-"))
  .flatMap((folder) => readdirSync(join(vectorsFolder, folder)).map((file) => join(folder, file)))
  .filter((file) => /\.(enc|dec[-.0-9]*)\.(json|env|ini|bin|txt)$/.test(file));

const encrypted = golden.filter((file) => file.includes(".enc."));
const read = (file: string) => readFileSync(join(vectorsFolder, file));

test("there are golden files of every old version", () => {
  const versions = new Set(encrypted.map((file) => file.split("/")[0]));

  expect(versions.size).toBeGreaterThanOrEqual(7);
});

describe("a file that an old sops encrypted", () => {
  test.for(encrypted)("%s has metadata, and stays as it is when nothing changes but that", async (file) => {
    const store = await storeFor(formatOfName(file));
    const base = store.parse(read(file));
    const written = store.parse(store.render(base, { base }));

    expect(base.metadata?.groups.flat().length).toBeGreaterThan(0);
    expect(base.metadata).toMatchObject({
      mac: expect.stringMatching(/^ENC\[/),
      version: /sops-([\d.]+)/.exec(file)?.[1],
    });
    expect(base.warnings).toEqual([]);
    expect(written.metadata).toEqual(base.metadata);
    expect(sameNode(written.document.branches[0]!, base.document.branches[0]!)).toBe(true);
  });

  test.for(encrypted.filter((file) => !/\.(bin|txt)$/.test(file)))(
    "%s changes in the one value that changes, and in nothing else but the metadata",
    async (file) => {
      const store = await storeFor(formatOfName(file));
      const base = store.parse(read(file));
      const first = /ENC\[[^\]]*\]/.exec(read(file).toString())?.[0] ?? "";
      const document = mapLeaves(base.document, (text) => (text === first ? "changed" : text));
      const written = Buffer.from(store.render({ document, metadata: undefined }, { base })).toString();

      expect(written).toBe(
        Buffer.from(store.render({ document: base.document, metadata: undefined }, { base }))
          .toString()
          .replace(first, "changed"),
      );
      expect(read(file).toString()).toContain(written.split("\n")[1]?.replace("changed", first));
    },
  );
});

test.for(golden.filter((file) => file.includes(".dec")))("%s, decrypted, is a plain file", async (file) => {
  const store = await storeFor(formatOfName(file));
  const base = store.parse(read(file));

  expect(base.metadata).toBeUndefined();
  expect(Buffer.from(store.render(base, { base }))).toEqual(read(file));
});

test("D20: a float that was an integer before 3.13.2 prints like one", async () => {
  const store = await storeFor("json");
  const float = { kind: "float", value: 2 } as const;
  const document = {
    branches: [{ kind: "map", items: [{ kind: "entry", key: "a", value: float }] } as const],
  };

  expect(Buffer.from(store.render({ document, metadata: undefined })).toString()).toBe('{\n\t"a": 2\n}\n');
});
