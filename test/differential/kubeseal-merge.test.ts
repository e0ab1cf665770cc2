import { describe, expect, test } from "vitest";
import {
  certificate,
  compareOutcomes,
  compareWithKubeseal,
  type KubesealCase,
  kubeseal,
  maskText,
  openWith,
  runOurs,
  runTheirs,
} from "./kubeseal-harness.ts";
import { scopeAnnotation, secretJson, secretYaml } from "./kubeseal-samples.ts";
import { sealWithKseal } from "./kubeseal-sealed.ts";

const cert = ["--cert", certificate];
const [json, yaml, cluster, annotated] = await Promise.all([
  sealWithKseal(secretYaml("db")),
  sealWithKseal(secretYaml("db"), "-o", "yaml"),
  sealWithKseal(secretYaml("db"), "-o", "yaml", "--scope", "cluster-wide"),
  sealWithKseal(labelled("db", "one")),
]);
const commented = `# first\n---\n${yaml.replace("---\n", "").replace("  encryptedData:\n", "  encryptedData: # sealed\n")}---\n# another\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\n`;

function labelled(name: string, value: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "shop", labels: { a: value, [value]: "x" }, annotations: { b: value } },
    data: { [value]: "YQ==" },
  });
}

const into = (file: string, ...more: readonly string[]): readonly string[] => [
  ...cert,
  "--merge-into",
  file,
  ...more,
];

compareWithKubeseal("--merge-into", [
  {
    name: "a new item",
    args: into("s.json"),
    files: { "s.json": json },
    stdin: secretYaml("db", "shop", "added"),
  },
  { name: "an item that is there", args: into("s.json"), files: { "s.json": json }, stdin: secretYaml("db") },
  {
    name: "the name and the namespace are the target's",
    args: into("s.json"),
    files: { "s.json": json },
    stdin: secretYaml("x", "y", "added"),
  },
  {
    name: "without a name and a namespace",
    args: into("s.json"),
    files: { "s.json": json },
    stdin: secretJson("", undefined),
  },
  {
    name: "into YAML",
    args: into("s.yaml", "-o", "yaml"),
    files: { "s.yaml": yaml },
    stdin: secretYaml("db", "shop", "added"),
  },
  {
    name: "labels and annotations",
    args: into("s.json"),
    files: { "s.json": annotated },
    stdin: labelled("db", "two"),
  },
  {
    name: "from a file",
    args: into("s.json", "-f", "in"),
    files: { "s.json": json, in: secretYaml("db", "shop", "added") },
  },
  { name: "a target that is missing", args: into("nope"), stdin: secretYaml("db") },
  { name: "nothing to merge", args: into("s.json"), files: { "s.json": json }, stdin: "" },
  {
    name: "no data to merge",
    args: into("s.json"),
    files: { "s.json": json },
    stdin: secretJson("db", "shop", { data: {} }),
  },
  {
    name: "an unknown format",
    args: into("s.json", "-o", "xml"),
    files: { "s.json": json },
    stdin: secretYaml("db"),
  },
  {
    name: "-n that differs from the target's",
    args: into("s.json", "-n", "other"),
    files: { "s.json": json },
    stdin: secretYaml("db"),
  },
  {
    name: "the scope of the target, given",
    args: into("s.yaml", "-o", "yaml", "--scope", "cluster-wide"),
    files: { "s.yaml": cluster },
    stdin: secretYaml("db", "shop", "added"),
  },
  {
    name: "a target that is no SealedSecret",
    args: into("s.yaml"),
    files: { "s.yaml": secretYaml("db") },
    stdin: secretYaml("db"),
    ownWords: /^error: s\.yaml holds no SealedSecret\n$/,
  },
  {
    name: "a target that does not parse",
    args: into("s.json"),
    files: { "s.json": "{" },
    stdin: secretYaml("db"),
    ownWords: /^error: s\.json:1:/,
  },
]);

const decided: readonly KubesealCase[] = [
  {
    name: "the format stays that of the target",
    args: into("s.yaml"),
    files: { "s.yaml": yaml },
    stdin: secretYaml("db", "shop", "added"),
    deviation: {
      decision: "S12",
      status: 0,
      stdout: "",
      files: { "s.yaml": /^---\napiVersion[\s\S]*added: </ },
    },
  },
  {
    name: "comments and other documents stay",
    args: into("s.yaml", "-o", "yaml"),
    files: { "s.yaml": commented },
    stdin: secretYaml("db", "shop", "added"),
    deviation: {
      decision: "S12",
      status: 0,
      files: {
        "s.yaml":
          /^# first\n---\n[\s\S]*encryptedData: # sealed\n {4}added: <[\s\S]*\n# another\n[\s\S]*ConfigMap/,
      },
    },
  },
  {
    name: "another scope than the target's is refused",
    args: into("s.json", "--scope", "cluster-wide"),
    files: { "s.json": json },
    stdin: secretYaml("db"),
    deviation: {
      decision: "S12",
      status: 1,
      stderr:
        /^error: s\.json has the scope strict: a value of the scope cluster-wide would not open in it\n$/,
      untouched: true,
    },
  },
  {
    name: "an annotation of the input changes no scope",
    args: into("s.json"),
    files: { "s.json": annotated },
    stdin: secretJson("db", "shop", { annotations: scopeAnnotation("cluster-wide") }),
    deviation: { decision: "S12", status: 0, files: { "s.json": /^(?![\s\S]*cluster-wide)[\s\S]*password/ } },
  },
  {
    name: "a template without labels and annotations is no crash",
    args: into("s.json"),
    files: { "s.json": json },
    stdin: labelled("db", "two"),
    deviation: { decision: "S12", status: 0, files: { "s.json": /"labels": \{[\s\S]*"two": "x"/ } },
  },
  {
    name: "a target without encryptedData is no crash",
    args: into("s.yaml", "-o", "yaml"),
    files: {
      "s.yaml":
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db\n  namespace: shop\nspec: {}\n",
    },
    stdin: secretYaml("db"),
    deviation: { decision: "S12", status: 0, files: { "s.yaml": /password: </ } },
  },
  {
    name: "-w beside it empties no file",
    args: into("s.json", "-w", "out.json"),
    files: { "s.json": json, "out.json": "kept" },
    stdin: secretYaml("db", "shop", "added"),
    deviation: { decision: "S12", status: 0, files: { "out.json": /^kept$/, "s.json": /added/ } },
  },
  {
    name: "several Secrets are all merged",
    args: into("s.json"),
    files: { "s.json": json },
    stdin: `${secretJson("db", "shop", { data: { one: "YQ==" } })}${secretJson("db", "shop", { data: { two: "YQ==" } })}`,
    deviation: { decision: "S10", status: 0, files: { "s.json": /"one": [\s\S]*"two": / } },
  },
  {
    name: "a second SealedSecret in the file is not guessed at",
    args: into("s.yaml", "-o", "yaml"),
    files: { "s.yaml": `${yaml}${yaml}` },
    stdin: secretYaml("db"),
    deviation: {
      decision: "S12",
      status: 1,
      stderr: /^error: s\.yaml holds 2 SealedSecrets\n$/,
      untouched: true,
    },
  },
  {
    name: "a broken input leaves the target as it was",
    args: into("s.json"),
    files: { "s.json": json },
    stdin: `${secretYaml("db")}---\na: [\n`,
    deviation: { decision: "S10", status: 1, untouched: true },
  },
];

describe.skipIf(kubeseal === undefined)("--merge-into: differences that were decided on", () => {
  test.for(decided.map((one) => ({ title: `${one.deviation?.decision}: ${one.name}`, one })))(
    "$title",
    async ({ one }) => {
      const [theirs, ours] = await Promise.all([runTheirs(one), runOurs(one)]);
      await compareOutcomes(one, theirs, ours);
      const target = one.args[3] ?? "";
      if (ours.status !== 0) return;
      // What stands in the target then opens with the original, every document of it on its own.
      const document =
        (ours.files[target] ?? "").split(/^---$/m).find((text) => text.includes("SealedSecret")) ?? "";
      const opened = await openWith(runTheirs, document);
      expect(opened, maskText(document)).toMatchObject({ status: 0, stderr: "" });
    },
  );

  test("S12: a value that is added has the scope of the target, and opens", async () => {
    const one = {
      name: "",
      args: into("s.yaml", "-o", "yaml"),
      files: { "s.yaml": cluster },
      stdin: secretYaml("db", "shop", "added"),
    };
    const [theirs, ours] = await Promise.all([runTheirs(one), runOurs(one)]);
    expect(await openWith(runTheirs, ours.files["s.yaml"] ?? "")).toMatchObject({ status: 0 });
    // The original writes a value that spoils the whole object.
    expect(await openWith(runTheirs, theirs.files["s.yaml"] ?? "")).toMatchObject({ status: 1 });
  });
});
