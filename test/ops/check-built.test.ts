import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkBuilt, readExpectation } from "../../src/ops/check-built.ts";
import { failureOf, workbench } from "./workbench.ts";

const secret = (name: string, more = "") =>
  `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${name}\n  namespace: shop\n${more}data:\n  a: aGk=\n`;

async function judge(files: Readonly<Record<string, string>>, ...expectations: readonly string[]) {
  const { context } = await workbench(files);
  return checkBuilt({ paths: Object.keys(files), expectations: expectations.map(readExpectation) }, context);
}

describe("what came out of a build", () => {
  test.each([
    [["secrets>=2", "Secret=2", "configmaps==1", "ingress=1", "ingresses<=1", "pods<=0"], []],
    [["secrets>=3"], ["expected secrets>=3, found 2"]],
    [["secret=1"], ["expected secret=1, found 2"]],
    [
      ["configmaps<=0", "pods>=1"],
      ["expected configmaps<=0, found 1", "expected pods>=1, found 0"],
    ],
  ])("%j", async (expectations, problems) => {
    const manifest = `${secret("a")}---\napiVersion: v1\nkind: List\nitems:\n- ${secret("b").replaceAll("\n", "\n  ").trimEnd()}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n---\n\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: d}\n`;
    expect(await judge({ "all.yaml": manifest }, ...expectations)).toEqual({ objects: 4, problems });
  });

  test("nothing at all is what Kustomize prints when a flag is missing", async () => {
    expect(await judge({ "all.yaml": "" }, "secrets>=1")).toEqual({
      objects: 0,
      problems: ["expected secrets>=1, found 0"],
    });
  });

  test("an encrypted value, a placeholder and a generator are problems, whatever is expected", async () => {
    const encrypted = secret("a").replace("aGk=", "ENC[AES256_GCM,data:bA==,iv:bA==,tag:bA==,type:str]");
    const generator = (apiVersion: string, kind: string) =>
      `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: g\n`;
    const documents = [
      encrypted,
      `${encrypted}sops:\n  lastmodified: "2026-01-01T00:00:00Z"\n  mac: ENC[AES256_GCM,data:bA==,iv:bA==,tag:bA==,type:str]\n  version: 3.9.0\n`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: p, annotations: {kseal.dev/placeholder: "true"}}\n`,
      generator("viaduct.ai/v1", "ksops"),
      generator("kseal.dev/v1alpha1", "SecretGenerator"),
    ];
    expect((await judge({ "all.yaml": documents.join("---\n") }, "secrets=3")).problems).toEqual([
      "Secret shop/a: still encrypted",
      "Secret shop/a: still encrypted",
      "Secret p: placeholders in place of values",
      "ksops g: a generator that nobody ran",
      "SecretGenerator g: a generator that nobody ran",
    ]);
  });

  test.each([
    ["a.yaml", "a: [\n", "FORMAT_INVALID"],
    ["a.yaml", "- a\n", "FORMAT_INVALID"],
    ["a.yaml", "kind: {}\n---\njust a text\n", "FORMAT_INVALID"],
  ])("%s with %j is refused", async (name, content, code) => {
    expect(await failureOf(judge({ [name]: content }, "secrets>=0"))).toMatchObject({ code });
  });
});

describe("an expectation", () => {
  test.each([
    "secrets",
    "secrets>3",
    "secrets >=3",
    ">=3",
    "secrets>=",
    "secrets>=-1",
    "se crets>=1",
    "a>=1e3",
  ])("%j is refused", (text) => {
    expect(() => readExpectation(text)).toThrow(`cannot read the expectation ${JSON.stringify(text)}`);
  });

  test("of one object and of several is the same, for any kind and number", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z]{2,20}[a-rt-z]$/), fc.nat({ max: 999_999 }), (kind, count) => {
        const one = readExpectation(`${kind}=${count}`);
        const several = readExpectation(`${kind.toUpperCase()}s=${count}`);
        expect({ ...several, text: "" }).toEqual({ ...one, text: "" });
      }),
    );
  });
});
