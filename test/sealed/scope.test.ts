import { expect, test } from "vitest";
import { oaepLabel, scopeOf, withScope } from "../../src/sealed/scope.ts";

const prefix = "sealedsecrets.bitnami.com/";

test.for([
  [{}, "strict"],
  [{ "namespace-wide": "true" }, "namespace-wide"],
  [{ "cluster-wide": "true" }, "cluster-wide"],
  [{ "namespace-wide": "true", "cluster-wide": "true" }, "cluster-wide"],
  [{ "namespace-wide": "true", "cluster-wide": "false" }, "namespace-wide"],
  [{ "cluster-wide": "TRUE" }, "strict"],
  [{ "cluster-wide": "1" }, "strict"],
  [{ "cluster-wide": "" }, "strict"],
  [{ "cluster-wide": "true " }, "strict"],
  [{ "namespace-wide": "false" }, "strict"],
] as const)("the annotations %j ask for %s scope", ([annotations, scope]) => {
  expect(scopeOf(new Map(Object.entries(annotations).map(([name, value]) => [prefix + name, value])))).toBe(
    scope,
  );
});

test.for([
  ["strict", "shop/db"],
  ["namespace-wide", "shop"],
  ["cluster-wide", ""],
] as const)("the label of %s scope is %j", ([scope, label]) => {
  expect(oaepLabel(scope, { namespace: "shop", name: "db" })).toBe(label);
});

test("another scope takes the annotation of the old one away and keeps the rest", () => {
  const annotations = new Map([
    ["note", "kept"],
    [`${prefix}cluster-wide`, "true"],
    [`${prefix}managed`, "true"],
  ]);
  expect(Object.fromEntries(withScope(annotations, "namespace-wide"))).toEqual({
    note: "kept",
    [`${prefix}managed`]: "true",
    [`${prefix}namespace-wide`]: "true",
  });
  expect(Object.fromEntries(withScope(annotations, "strict"))).toEqual({
    note: "kept",
    [`${prefix}managed`]: "true",
  });
});
