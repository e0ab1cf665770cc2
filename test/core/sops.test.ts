import { armor, Encrypter } from "age-encryption";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { decryptTree } from "../../src/core/decrypt-tree.ts";
import { encryptTree } from "../../src/core/encrypt-tree.ts";
import { sealMac, verifyMac } from "../../src/core/mac.ts";
import { compileSelection, type Selection } from "../../src/core/selection.ts";
import type { MapNode, Scalar, TreeNode } from "../../src/core/tree.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identityEnvironment, recipients } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { bool, countingRandom, entry, float, int, key, list, map, nothing, str, time } from "./build-tree.ts";

const sops = peer("sops");

// What JSON can hold, so that the sops side needs no store of kseal.
const scalars: fc.Arbitrary<Scalar> = fc.oneof(
  fc.string({ unit: "grapheme" }).map(str),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(int),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map(float),
  fc.double({ noDefaultInfinity: true, noNaN: true, min: -1e25, max: 1e25 }).map(float),
  fc.boolean().map(bool),
  fc.constant(nothing),
);
const keys = fc.oneof(
  fc.constantFrom("a", "b_unencrypted", "secret"),
  fc.string({ unit: "grapheme", maxLength: 4 }),
);
const trees = fc.letrec<{ node: TreeNode; map: MapNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    scalars,
    tie("map"),
    fc.array(tie("node"), { maxLength: 4 }).map((items) => list(...items)),
  ),
  map: fc
    .uniqueArray(fc.tuple(keys, tie("node")), { maxLength: 4, selector: ([name]) => name })
    .map((items) => map(...items.map(([name, value]) => entry(name, value)))),
})).map;

function toJson(node: TreeNode): string {
  switch (node.kind) {
    case "map": {
      const members = node.items.flatMap((item) => {
        return item.kind === "entry" ? [`${JSON.stringify(item.key)}:${toJson(item.value)}`] : [];
      });
      return `{${members.join()}}`;
    }
    case "seq":
      return `[${node.items.flatMap((item) => (item.kind === "comment" ? [] : [toJson(item)])).join()}]`;
    case "null":
      return "null";
    case "int":
      return node.value.toString();
    case "bytes":
      throw new Error("JSON has no bytes");
    case "float":
      return Object.is(node.value, -0) ? "-0.0" : String(node.value);
    default:
      return JSON.stringify(node.value);
  }
}

describe.skipIf(!sops)("sops opens what the core encrypts, MAC included", () => {
  test.for<[Selection, boolean]>([
    [{ rule: "unencrypted_suffix", pattern: "_unencrypted" }, false],
    [{ rule: "encrypted_suffix", pattern: "t" }, false],
    [{ rule: "encrypted_regex", pattern: "^(a|secret)$" }, true],
    [{ rule: "unencrypted_regex", pattern: "(?i)[aeiou]" }, true],
  ])("%o, MAC over encrypted values only: %s", async ([selection, macOnlyEncrypted]) => {
    const many = fc.sample(trees, { numRuns: 300, seed: 7 }).map((tree, index) => entry(`n${index}`, tree));
    const times = ["2024-01-01T00:00:00Z", "0001-01-01T00:00:00.000000001+23:59"].map((text) => time(text));
    const plain = map(...many, entry("secret times", list(...times)));
    const lastModified = "2026-01-02T03:04:05Z";
    const selector = await compileSelection(selection);
    const options = { key, selector, macOnlyEncrypted, random: countingRandom() };
    const { document, mac } = encryptTree({ branches: [plain] }, options);
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipients[0]!);
    const enc = armor.encode(await encrypter.encrypt(key.export()));
    const metadata = {
      age: [{ enc: `${enc.trim()}\n`, recipient: recipients[0]! }],
      [selection.rule]: selection.pattern,
      lastmodified: lastModified,
      mac: sealMac(mac, { ...options, lastModified }),
      mac_only_encrypted: macOnlyEncrypted,
      version: "3.13.3",
    };
    const file = `${toJson(document.branches[0]!).slice(0, -1)},"sops":${JSON.stringify(metadata)}}`;

    const folder = makeFolder({ "file.json": file });
    onTestFinished(() => removeFolder(folder));
    const env = identityEnvironment(folder);
    const result = await runProgram([sops!, "-d", "file.json"], { cwd: folder, env });

    expect(result.stderr).not.toMatch(/error|mismatch|failed/i);
    expect(result.status).toBe(0);
    expect(JSON.parse(result.stdout.toString())).toEqual(JSON.parse(toJson(plain)));
    const opened = decryptTree(document, options);
    expect(() => verifyMac(opened.mac, { key, mac: metadata.mac, lastModified })).not.toThrow();
  });
});
