import { describe, expect, test } from "vitest";
import { diffObjects } from "../../src/ops/apply-diff.ts";
import { alsoHidden, hiddenIn, hiddenTexts, secretFields } from "../../src/ops/apply-hidden.ts";
import { afterMigration, migrationPatch } from "../../src/ops/apply-migrate.ts";
import { inOrder } from "../../src/ops/apply-order.ts";
import { splitStream } from "../../src/ops/apply-stream.ts";

const everything = new Map();

describe("what a diff shows", () => {
  const secret = (data: object, more: object = {}) => ({
    kind: "Secret",
    metadata: { name: "a", ...more },
    data,
  });
  const hidden = alsoHidden(secretFields);

  test.for<[string, object, object, readonly string[]]>([
    ["a value that changes", { a: "MQ==" }, { a: "Mg==" }, ["- a: '*** (before)'", "+ a: '*** (after)'"]],
    ["one that comes", {}, { a: "MQ==" }, ["+ a: '***'"]],
    ["one that goes", { a: "MQ==" }, {}, ["- a: '***'"]],
    ["one that becomes something else", { a: "MQ==" }, { a: { b: "Mg==" } }, ["- a: '***'", "+ b: '***'"]],
    ["one in a list", { a: ["MQ=="] }, { a: ["MQ==", "Mg=="] }, ["+ - '***'"]],
  ])("%s", ([, before, after, wanted]) => {
    const { lines } = diffObjects(secret(before), secret(after), hidden);
    const changed = lines
      .filter((line) => !line.startsWith("  "))
      .map((line) => line.replace(/^(.) +/, "$1 "));
    expect(changed).toEqual(expect.arrayContaining([...wanted]));
    expect(lines.join("\n")).not.toMatch(/M[Qg]==/);
  });

  test("the copy in last-applied is hidden whatever the kind, and what every write changes is left out", () => {
    const config = (version: string, copy: string) => ({
      kind: "ConfigMap",
      metadata: {
        resourceVersion: version,
        managedFields: [version],
        annotations: { "kubectl.kubernetes.io/last-applied-configuration": copy },
      },
    });
    const { lines, changes } = diffObjects(config("1", "clear"), config("2", "text"), alsoHidden(everything));
    expect(changes).toEqual(['metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]']);
    expect(lines.join("\n")).not.toMatch(/clear|text/);
    expect(diffObjects(config("1", "same"), config("2", "same"), everything)).toEqual({
      lines: [],
      changes: [],
    });
  });

  test("what was encrypted in its file is hidden, but for the object's own name", () => {
    const sealed = "ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]";
    const plain = {
      kind: "A",
      metadata: { name: "n", labels: { l: "label" } },
      spec: { a: "one", b: 2, c: ["x", "y"] },
    };
    const cipher = {
      kind: sealed,
      metadata: { name: sealed, labels: { l: sealed } },
      spec: { a: sealed, b: 2, c: ["x", sealed] },
    };
    expect(hiddenTexts(plain, hiddenIn(plain, cipher))).toEqual(["label", "one", "y"]);
    expect(hiddenTexts(plain, hiddenIn(plain, undefined))).toEqual(["label", "one", "2", "x", "y"]);
  });
});

test("documents of a stream that were encrypted together stay together", () => {
  const sealed = (name: string, mac: string) =>
    `name: ${name}\nsops:\n    lastmodified: x\n    mac: ${mac}\n`;
  const parts = (text: string) =>
    splitStream({ file: "-", name: "", bytes: new TextEncoder().encode(text) }).map(({ bytes }) =>
      new TextDecoder().decode(bytes),
    );
  const [one, two, other] = [sealed("a", "ENC[1]"), sealed("b", "ENC[1]"), sealed("c", "ENC[2]")];
  expect(parts(`${one}---\n${two}---\nplain: --- x\n---\n${other}`)).toEqual([
    `${one}---\n${two}`,
    "\nplain: --- x\n",
    `\n${other}`,
  ]);
  const whole = `${one}---\n${two}`;
  expect(parts(whole)).toEqual([whole]);
  expect(parts("a: 1\n---\nb: |\n  ---\n")).toHaveLength(1);
});

test("what others need is applied before them, in the order of the files", () => {
  const kinds = [
    "Deployment",
    "Thing",
    "Secret",
    "ValidatingAdmissionPolicyBinding",
    "Namespace",
    "SealedSecret",
    "CustomResourceDefinition",
  ];
  expect(inOrder(kinds.map((kind) => ({ kind }))).map((group) => group.map(({ kind }) => kind))).toEqual([
    ["Namespace"],
    ["CustomResourceDefinition"],
    ["Secret", "SealedSecret"],
    ["Thing"],
    ["Deployment"],
    ["ValidatingAdmissionPolicyBinding"],
  ]);
});

test("a migration leaves the fields of others alone, and what two have stays", () => {
  const entry = (manager: string, operation: string, fieldsV1: object) => ({
    manager,
    operation,
    apiVersion: "v1",
    fieldsType: "FieldsV1",
    fieldsV1,
  });
  const live = {
    metadata: {
      resourceVersion: "7",
      managedFields: [
        entry("kubectl-client-side-apply", "Update", {
          "f:data": { ".": {}, "f:a": {}, "f:b": {}, "f:shared": {} },
        }),
        entry("argocd-controller", "Apply", { "f:data": { "f:shared": {}, "f:theirs": {} } }),
      ],
    },
    data: { a: "1", b: "1", shared: "1", theirs: "1" },
  };
  expect(afterMigration(live, { data: live.data }, { data: { a: "1" } })).toEqual({
    data: { a: "1", shared: "1", theirs: "1" },
  });
  expect(migrationPatch(live, "kseal")).toEqual([
    {
      op: "replace",
      path: "/metadata/managedFields",
      value: [
        live.metadata.managedFields[1],
        entry("kseal", "Apply", { "f:data": { ".": {}, "f:a": {}, "f:b": {}, "f:shared": {} } }),
      ],
    },
    { op: "replace", path: "/metadata/resourceVersion", value: "7" },
  ]);
});
