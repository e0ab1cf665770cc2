import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { generateManifests, parametersOfApplication } from "../../src/ops/argocd.ts";
import { readArgocdSettings } from "../../src/ops/argocd-settings.ts";
import { encrypted, failureOf, mine, type Workbench, workbench } from "./workbench.ts";

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  log: debug\n";
const secret = (name: string, password = "planted-hunter2") =>
  `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${name}\nstringData:\n  password: ${password} # twice a year\n`;

/** The text that would go to Argo CD. */
async function generated(made: Workbench, folder = "."): Promise<string> {
  const build = await generateManifests(folder, made.context);
  if (build.kind === "failed") throw new Error(build.lines.join("\n"));
  return new TextDecoder().decode(build.content);
}

const parameters = (...list: readonly object[]) => ({ ARGOCD_APP_PARAMETERS: JSON.stringify(list) });

describe("a folder without a kustomization", () => {
  test("comes as it is, with the encrypted files decrypted", async () => {
    const made = await encrypted(
      { "b.yaml": secret("b"), "sub/c.yaml": secret("c") },
      { beside: { "a.yml": `# the application\n${configMap}`, "README.md": "x", ".hidden.yaml": "x: [" } },
    );

    expect(await generated(made)).toBe(`# the application\n${configMap}---\n${secret("b")}`);
  });

  test("is read with the folders below it when asked to", async () => {
    const made = await encrypted(
      { "sub/c.yaml": secret("c"), "a.yaml": secret("a") },
      { env: { ARGOCD_ENV_KSEAL_RECURSE: "true" } },
    );

    expect(await generated(made)).toBe(`${secret("a")}---\n${secret("c")}`);
    expect(await generated(made, "sub")).toBe(secret("c"));
  });

  test("JSON goes into the same stream", async () => {
    const json = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "j" } });
    const made = await workbench({ "a.json": json, "b.yaml": configMap });

    expect(await generated(made)).toBe(`${json}\n---\n${configMap}`);
  });

  test("what is no Kubernetes object is left out, and said", async () => {
    const made = await encrypted({ "values.yaml": "password: x\n" }, { beside: { "a.yaml": configMap } });

    expect(await generated(made)).toBe(configMap);
    expect(made.log).toEqual(["warning: values.yaml: left out: it holds no Kubernetes object"]);
  });

  test("what may be meant as an object and is none is an error", async () => {
    const made = await workbench({
      "a.yaml": configMap,
      "b.yaml": configMap.replace("kind: ConfigMap\n", ""),
    });

    expect(await failureOf(generated(made))).toMatchObject({
      code: "FORMAT_INVALID",
      message: "an object has no kind or no apiVersion",
      where: { file: "b.yaml" },
    });
  });

  test.for<[string[], string[]]>([
    [["values-*.yaml"], ["a", "sub/deep/b", "sub/values-x"]],
    [["**/values-*.yaml"], ["a", "sub/deep/b"]],
    [["sub/**"], ["a", "values-x"]],
    [["?.yaml", "sub/deep/b.yaml", "values-x.yaml"], ["sub/values-x"]],
  ])("without what %o excludes: %o", async ([exclude, left]) => {
    const names = ["a", "values-x", "sub/values-x", "sub/deep/b"];
    const files = names.map((name) => [`${name}.yaml`, `# ${name}\n${configMap}`]);
    const env = parameters({ name: "exclude", array: exclude }, { name: "recurse", string: "true" });
    const made = await workbench(Object.fromEntries(files), { env });

    expect((await generated(made)).match(/^# .*$/gm)).toEqual(left.map((name) => `# ${name}`));
  });

  test("one file that does not open lets all fail", async () => {
    const made = await encrypted({ "a.yaml": secret("a"), "b.yaml": secret("b") });
    await made.write("b.yaml", (await made.read("b.yaml")).replace(/data:..../, "data:AAAA"));

    expect(await failureOf(generated(made))).toMatchObject({
      code: "DECRYPT_FAILED",
      where: { file: "b.yaml" },
    });
  });

  test("a link may not lead out of it", async () => {
    const made = await workbench({ "app/a.yaml": configMap, "other.yaml": secret("other") });
    symlinkSync("a.yaml", join(made.host.cwd, "app", "again.yaml"));
    expect(await generated(made, "app")).toBe(`${configMap}---\n${configMap}`);

    symlinkSync("../other.yaml", join(made.host.cwd, "app", "b.yaml"));
    expect(await failureOf(generated(made, "app"))).toMatchObject({
      code: "INPUT_UNREADABLE",
      message: "the link leads out of the application's folder",
      where: { file: "app/b.yaml" },
    });
  });

  test("an encrypted object that is no Secret would be shown by Argo CD, and is refused unless allowed", async () => {
    const files = { "a.yaml": `${configMap}---\n${secret("a")}` };
    const rule = `creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: ${mine}\n`;
    const failure = await failureOf(generated(await encrypted(files, { rule })));
    expect(failure).toMatchObject({
      code: "FINDINGS",
      message: "came out of encrypted files and is no Secret: ConfigMap app",
      where: { file: "a.yaml" },
    });
    expect(failure.hint).toContain('set the parameter allow-kinds to ["ConfigMap"]');

    const env = parameters({ name: "allow-kinds", array: ["ConfigMap"] });
    expect(await generated(await encrypted(files, { rule, env }))).toContain("log: debug");
  });
});

describe("a result that would do harm", () => {
  test("nothing at all is refused, because Argo CD would delete everything", async () => {
    const refused = {
      code: "EMPTY_INPUT",
      message: "the result is empty, and Argo CD would delete what there is",
      hint: 'if that is meant, set the parameter allow-empty to "true"',
    };
    expect(await failureOf(generated(await workbench({ "README.md": "x" })))).toMatchObject(refused);
    expect(await failureOf(generated(await workbench({ "a.yaml": "# nothing\n---\n" })))).toMatchObject(
      refused,
    );

    const env = { ARGOCD_ENV_KSEAL_ALLOW_EMPTY: "true" };
    expect(await generated(await workbench({ "README.md": "x" }, { env }))).toBe("");
  });

  test.for<[string, string]>([
    ["a sops block", `${secret("a")}sops:\n  lastmodified: "2026-01-01T00:00:00Z"\n  version: 3.9.0\n`],
    ["ciphertext as a value", secret("a", "ENC[AES256_GCM,data:aaaa,iv:bbbb,tag:cccc,type:str]")],
    [
      "ciphertext in Base64",
      secret("a", Buffer.from("ENC[AES256_GCM,data:aaaa]").toString("base64")).replace("stringData", "data"),
    ],
  ])("%s is still encrypted", async ([, text]) => {
    // In a list, where SOPS has no metadata of its own.
    const made = await workbench({ "a.yaml": `apiVersion: v1\nkind: List\nitems:\n- ${indented(text)}\n` });

    expect(await failureOf(generated(made))).toMatchObject({
      code: "FINDINGS",
      message: "still encrypted: Secret a",
      hint: "the file has lost its sops block: git log -p has it",
    });
  });

  test("a file that only speaks of SOPS is none of these", async () => {
    const text = configMap.replace("debug", "the lastmodified of a sops file");
    expect(await generated(await workbench({ "a.yaml": text }))).toBe(text);
  });

  test("the source hydrator would commit it", async () => {
    const on = { ARGOCD_HYDRATOR_ENABLED: "true" };
    const refused = await failureOf(generated(await encrypted({ "a.yaml": secret("a") }, { env: on })));
    expect(refused).toMatchObject({
      code: "USAGE",
      message: "Argo CD's source hydrator is on, and would commit the decrypted values to Git",
    });
    expect(refused.hint).toContain("set KSEAL_ARGOCD_BESIDE_HYDRATOR=true in the sidecar");

    const allowed = { ...on, KSEAL_ARGOCD_BESIDE_HYDRATOR: "true" };
    expect(await generated(await encrypted({ "a.yaml": secret("a") }, { env: allowed }))).toBe(secret("a"));
    const off = { ARGOCD_HYDRATOR_ENABLED: "false" };
    expect(await generated(await encrypted({ "a.yaml": secret("a") }, { env: off }))).toBe(secret("a"));
  });
});

describe("what an Application says", () => {
  const none = { allowEmpty: false, recurse: false, exclude: [], allowKinds: [] };

  test.for<[Record<string, string>, object]>([
    [{}, {}],
    [{ ARGOCD_APP_PARAMETERS: "null" }, {}],
    [{ ARGOCD_APP_PARAMETERS: "[]", PARAM_RECURSE: "true" }, {}],
    [parameters({ name: "recurse", string: "true" }), { recurse: true }],
    [parameters({ name: "exclude", array: ["a", "b,c"] }), { exclude: ["a", "b,c"] }],
    [
      { PARAM_RECURSE: "true", PARAM_EXCLUDE_0: "a", PARAM_EXCLUDE_1: "b" },
      { recurse: true, exclude: ["a", "b"] },
    ],
    [{ ARGOCD_ENV_KSEAL_ALLOW_KINDS: "ConfigMap,Ingress" }, { allowKinds: ["ConfigMap", "Ingress"] }],
    [
      { ARGOCD_ENV_KSEAL_RECURSE: "true", ...parameters({ name: "recurse", string: "false" }) },
      { recurse: false },
    ],
    [{ ARGOCD_ENV_OTHER: "x", KSEAL_RECURSE: "true" }, {}],
  ])("%o", ([env, settings]) => {
    expect(readArgocdSettings(env)).toEqual({ ...none, ...settings });
  });

  test.for<[Record<string, string>, string, string]>([
    [
      parameters({ name: "recursive", string: "true" }),
      'there is no parameter "recursive"',
      "did you mean recurse?",
    ],
    [
      { ARGOCD_ENV_KSEAL_X: "true" },
      'there is no parameter "x"',
      "known are allow-empty, recurse, exclude, allow-kinds",
    ],
    [
      parameters({ name: "recurse", string: "yes" }),
      'the parameter recurse is neither "true" nor "false"',
      "",
    ],
    [
      parameters({ name: "recurse", array: ["true"] }),
      'the parameter recurse is neither "true" nor "false"',
      "",
    ],
    [parameters({ name: "exclude", string: "a" }), "the parameter exclude is no array", ""],
    [
      parameters({ name: "exclude", map: { a: "b" } }),
      "the parameter exclude is neither a string nor an array",
      "",
    ],
    [parameters({ string: "a" }), "ARGOCD_APP_PARAMETERS has an entry without a name", ""],
    [{ ARGOCD_APP_PARAMETERS: "{" }, "ARGOCD_APP_PARAMETERS is no JSON", ""],
    [{ ARGOCD_APP_PARAMETERS: "{}" }, "ARGOCD_APP_PARAMETERS is no list", ""],
  ])("%o is refused", async ([env, message, hint]) => {
    const made = await workbench({ "a.yaml": configMap }, { env });
    expect(await failureOf(generated(made))).toMatchObject({
      code: "CONFIG_INVALID",
      message,
      hint: hint || "correct spec.source.plugin of the Application",
    });
  });

  test("is announced to the user interface, by the kind of the folder", async () => {
    const made = await workbench({ "a.yaml": configMap });
    mkdirSync(join(made.host.cwd, "k"));
    writeFileSync(join(made.host.cwd, "k", "kustomization.yml"), "");
    const names = async (folder: string) =>
      (await parametersOfApplication(folder, made.context)).map(({ name }) => name);

    expect(await names(".")).toEqual(["allow-empty", "recurse", "exclude", "allow-kinds"]);
    expect(await names("k")).toEqual(["allow-empty"]);
    // As the schema of the static announcements has it.
    expect(await parametersOfApplication(".", made.context)).toContainEqual({
      name: "exclude",
      title: "Files that are no manifests",
      tooltip: expect.any(String),
      itemType: "string",
      collectionType: "array",
      array: [],
    });
  });
});

function indented(text: string): string {
  return text.trimEnd().replaceAll("\n", "\n  ");
}
