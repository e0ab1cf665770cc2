import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KsealError } from "../../src/errors.ts";
import { readSealedSecret, sealedSecretObject } from "../../src/sealed/sealed-secret.ts";
import { expandList, readSecret, secretObject } from "../../src/sealed/secret.ts";

const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "db", namespace: "shop" } };
const sealed = {
  apiVersion: "bitnami.com/v1alpha1",
  kind: "SealedSecret",
  metadata: { name: "db", namespace: "shop" },
};
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

describe("reading a Secret", () => {
  test("takes data and stringData, and stringData wins", () => {
    const { data, type, immutable } = readSecret({
      ...secret,
      type: "Opaque",
      immutable: true,
      data: { a: "b25l", b: "dHdv\n", c: null },
      stringData: { b: "three" },
    });
    expect([...data].map(([item, bytes]) => [item, text(bytes)])).toEqual([
      ["a", "one"],
      ["b", "three"],
      ["c", ""],
    ]);
    expect([type, immutable]).toEqual(["Opaque", true]);
  });

  test("keeps items that are named like parts of JavaScript", () => {
    const hostile = JSON.parse(
      '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"data":{"__proto__":"b25l","constructor":"dHdv"}}',
    );
    const read = readSecret(hostile);
    expect(text(read.data.get("__proto__"))).toBe("one");
    expect(JSON.stringify(secretObject(read))).toContain('"data":{"__proto__":"b25l","constructor":"dHdv"}');
    expect(({} as Record<string, unknown>)["b25l"]).toBeUndefined();
  });

  test.for([
    [{ ...secret, kind: "ConfigMap" }, "the manifest is ConfigMap (v1), not a Secret"],
    [sealed, "the manifest is SealedSecret (bitnami.com/v1alpha1), not a Secret"],
    [{ ...secret, apiVersion: "v2" }, "the manifest is Secret (v2), not a Secret"],
    [{}, "the manifest is an object without kind, not a Secret"],
  ] as const)("S11: refuses %j", ([document, message]) => {
    expect(() => readSecret(document)).toThrow(
      expect.objectContaining({ code: "SEALED_INVALID", exitCode: 30, message }),
    );
  });

  test.for([
    [null, "the document is null, not an object"],
    [[], "the document is a list, not an object"],
    ["text", "the document is text, not an object"],
    [{ ...secret, data: [] }, "data is a list, not an object"],
    [{ ...secret, data: { a: 1 } }, "data.a is a number, not text"],
    [{ ...secret, data: { "a.b": {} } }, 'data["a.b"] is an object, not text'],
    [{ ...secret, data: { a: "not base64" } }, "data.a: illegal base64 data at input byte 3"],
    [{ ...secret, stringData: { a: true } }, "stringData.a is true or false, not text"],
    [{ ...secret, type: 3 }, "type is a number, not text"],
    [{ ...secret, immutable: "yes" }, "immutable is text, not true or false"],
    [{ ...secret, metadata: "db" }, "metadata is text, not an object"],
    [{ ...secret, metadata: { name: 1 } }, "metadata.name is a number, not text"],
    [{ ...secret, metadata: { name: "a", labels: { b: 1 } } }, "metadata.labels.b is a number, not text"],
  ] as const)("S10: of %j says what is wrong where", ([document, message]) => {
    expect(() => readSecret(document)).toThrow(expect.objectContaining({ code: "SEALED_INVALID", message }));
  });

  test("refuses a field in other letters, whose values would be lost", () => {
    expect(() => readSecret({ ...secret, data: { a: "eA==" }, StringData: { b: "x" } })).toThrow(
      expect.objectContaining({
        code: "SEALED_INVALID",
        message: "StringData is no field of a Secret",
        hint: "write stringData",
      }),
    );
  });

  test("bounds what it reads", () => {
    const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, at) => [`k${at}`, ""]));
    expect(() => readSecret({ ...secret, data: many })).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
    let deep: unknown = 1;
    for (let at = 0; at < 100_000; at += 1) deep = [deep];
    expect(() => readSecret({ ...secret, metadata: { name: "a", deep } })).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED", message: "metadata is nested more than 64 deep" }),
    );
  });
});

describe("S11: a list", () => {
  test("is taken apart, also in another list", () => {
    const inner = { kind: "SecretList", items: [secret, secret] };
    expect(expandList({ apiVersion: "v1", kind: "List", items: [secret, inner] })).toEqual([
      secret,
      secret,
      secret,
    ]);
    expect(expandList(secret)).toEqual([secret]);
    expect(expandList({ kind: "List" })).toEqual([]);
  });

  test.for([
    [{ kind: "List", items: {} }, "items is an object, not a list"],
    [{ kind: "List", items: [secret, "x"] }, "items[1] is text, not an object"],
  ] as const)("%j is refused", ([document, message]) => {
    expect(() => expandList(document)).toThrow(expect.objectContaining({ code: "SEALED_INVALID", message }));
  });

  test("says for its items what they are, when they do not", () => {
    const { kind: _kind, apiVersion: _version, ...bare } = secret;
    expect(expandList({ kind: "SecretList", apiVersion: "v1", items: [bare] })).toEqual([secret]);
    const { kind: _sealed, apiVersion: _group, ...bareSealed } = sealed;
    expect(expandList({ kind: "SealedSecretList", items: [bareSealed, { kind: "X" }] })).toEqual([
      sealed,
      { kind: "X" },
    ]);
    expect(expandList({ kind: "List", items: [bare] })).toEqual([bare]);
  });

  test("without end is refused", () => {
    let nested: unknown = secret;
    for (let at = 0; at < 5000; at += 1) nested = { kind: "List", items: [nested] };
    expect(() => expandList(nested)).toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED" }));
  });
});

describe("reading a SealedSecret", () => {
  const whole = {
    ...sealed,
    metadata: { ...sealed.metadata, annotations: { a: "1" }, uid: "u" },
    spec: {
      encryptedData: { b: "Ag==", a: "AQ==" },
      template: {
        metadata: { name: "db", labels: { app: "shop" }, finalizers: ["f"] },
        type: "Opaque",
        immutable: false,
        data: { conf: "{{ .a }}" },
      },
    },
    status: { conditions: [] },
  };

  test("and printing it keeps everything but the status, in the order of kubeseal", () => {
    expect(JSON.stringify(sealedSecretObject(readSealedSecret(whole)))).toBe(
      '{"kind":"SealedSecret","apiVersion":"bitnami.com/v1alpha1",' +
        '"metadata":{"name":"db","namespace":"shop","uid":"u","annotations":{"a":"1"}},' +
        '"spec":{"template":{"metadata":{"name":"db","labels":{"app":"shop"},"finalizers":["f"]},"type":"Opaque","immutable":false,' +
        '"data":{"conf":"{{ .a }}"}},"encryptedData":{"a":"AQ==","b":"Ag=="}}}',
    );
  });

  test.for([
    [secret, "the manifest is Secret (v1), not a SealedSecret"],
    [
      { ...sealed, apiVersion: "bitnami.com/v1" },
      "the manifest is SealedSecret (bitnami.com/v1), not a SealedSecret",
    ],
    [{ ...sealed, metadata: {} }, "metadata.name is missing"],
    [{ ...sealed, spec: 1 }, "spec is a number, not an object"],
    [
      { ...sealed, spec: { encryptedData: { password: 1 } } },
      "spec.encryptedData.password is a number, not text",
    ],
    [
      { ...sealed, spec: { encryptedData: { password: null } } },
      "spec.encryptedData.password is null, not text",
    ],
    [{ ...sealed, spec: { encryptedData: [] } }, "spec.encryptedData is a list, not an object"],
    [{ ...sealed, spec: { template: { data: { a: {} } } } }, "spec.template.data.a is an object, not text"],
    [
      { ...sealed, spec: { template: { metadata: { annotations: { a: 1 } } } } },
      "spec.template.metadata.annotations.a is a number, not text",
    ],
    [{ ...sealed, spec: { data: "?" } }, "spec.data: illegal base64 data at input byte 0"],
  ] as const)("S10: of %j says what is wrong where", ([document, message]) => {
    expect(() => readSealedSecret(document)).toThrow(
      expect.objectContaining({ code: "SEALED_INVALID", message }),
    );
  });
});

test("whatever stands in a manifest is read or refused, and what is read prints and reads again", () => {
  const names = ["__proto__", "constructor", "toString", "a", "a.b", "ü\u0000"];
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string(), fc.base64String());
  const map = fc.oneof(value, fc.dictionary(fc.constantFrom(...names), value));
  const metadata = fc.oneof(
    value,
    fc.record(
      { name: value, namespace: value, labels: map, annotations: map, finalizers: value },
      { requiredKeys: [] },
    ),
  );
  const template = fc.record({ metadata, data: map, type: value, immutable: value }, { requiredKeys: [] });
  const spec = fc.oneof(
    value,
    fc.record({ encryptedData: map, data: value, template: fc.oneof(value, template) }, { requiredKeys: [] }),
  );
  const fields = { metadata, spec, data: map, stringData: map, type: value, immutable: value, items: value };
  const document = fc.oneof(
    value,
    fc
      .constantFrom(sealed, secret)
      .chain((base) => fc.record(fields, { requiredKeys: [] }).map((change) => ({ ...base, ...change }))),
  );
  fc.assert(
    fc.property(document, (manifest) => {
      for (const again of [
        () => sealedSecretObject(readSealedSecret(manifest)),
        () => secretObject(readSecret(manifest)),
        () => expandList(manifest),
      ]) {
        try {
          const printed = JSON.stringify(again());
          const parsed = JSON.parse(printed);
          if (parsed.kind === "SealedSecret") {
            expect(JSON.stringify(sealedSecretObject(readSealedSecret(parsed)))).toBe(printed);
          }
        } catch (error) {
          if (!(error instanceof KsealError)) throw error;
          expect(error.message).not.toMatch(/[\p{Cc}]/u);
        }
      }
    }),
    { numRuns: 500 },
  );
});
