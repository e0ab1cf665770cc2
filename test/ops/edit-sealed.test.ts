import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { editDraft } from "../../src/ops/edit.ts";
import { openSealedDraft, type SealedDraftOptions } from "../../src/ops/edit-sealed.ts";
import { unsealFiles } from "../../src/ops/unseal.ts";
import { makeKey, manifest, seal, sealV1, type TestKey, yamlOf } from "../support/sealed-files.ts";
import { failureOf, type Workbench, workbench } from "./workbench.ts";

const [old, newest] = (await Promise.all([makeKey({ age: 60 }), makeKey({ age: 1 })])) as [TestKey, TestKey];
const user = seal("admin", old);
const password = seal("correct horse\n", old);
const blob = seal(Uint8Array.of(0xff, 0x00), old);
const text = `# who: me\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: prod}\nspec:\n    encryptedData:\n        user: ${user}   # the name\n        password: "${password}"\n        blob: ${blob}\n    template:\n        data: { line: "{{ .user }}" }\n`;

/** A folder with a SealedSecret, its keys, and an editor that is a shell script; `$1` is the file. */
async function desk(script: string, files: Readonly<Record<string, string>> = {}): Promise<Workbench> {
  const bench = await workbench(
    {
      "a.yaml": text,
      "keys.yaml": old.yaml + newest.yaml,
      "cert.pem": newest.certificatePem,
      "../home/edit": `#!/bin/sh\n${script}\n`,
      ...files,
    },
    { env: { EDITOR: "../home/edit" } },
  );
  chmodSync(join(bench.host.homeDir, "edit"), 0o755);
  const env = { ...bench.host.env, EDITOR: join(bench.host.homeDir, "edit") };
  return {
    ...bench,
    context: { ...bench.context, settings: { ...bench.context.settings, editor: [env.EDITOR] } },
  };
}

async function edit({ context }: Workbench, options: Partial<SealedDraftOptions> = {}) {
  const draft = await openSealedDraft(
    { path: "a.yaml", keys: ["keys.yaml"], cert: "cert.pem", ...options },
    context,
  );
  return editDraft(draft, context);
}

async function item(bench: Workbench, name: string, path = "a.yaml") {
  const options = { paths: [path], keys: ["keys.yaml"], item: name, destination: { to: "caller" } } as const;
  return new TextDecoder().decode((await unsealFiles(options, bench.context)).content);
}

test("the editor shows the values of a Secret, text as text", async () => {
  const bench = await desk('cp "$1" "$HOME/seen"; echo "# more" >> "$1"');

  await edit(bench);

  expect(await bench.read("../home/seen")).toBe(
    [
      "# The values of a.yaml. Those that you leave alone keep their ciphertext;",
      "# labels, type and templates stand in the file itself.",
      "---",
      "apiVersion: v1",
      "data:",
      "  blob: /wA=",
      "kind: Secret",
      "metadata:",
      "  name: db",
      "  namespace: prod",
      "stringData:",
      "  password: |",
      "    correct horse",
      "  user: admin",
      "",
    ].join("\n"),
  );
  expect(await bench.read("a.yaml")).toBe(text);
});

test("a changed value is sealed for the certificate; nothing else of the file changes", async () => {
  const bench = await desk('sed -i "s/correct horse/battery staple/" "$1"');

  expect(await edit(bench)).toEqual({ file: "a.yaml" });

  const after = await bench.read("a.yaml");
  const [, sealed = ""] = /password: "(\S+)"/.exec(after) ?? [];
  expect(after).toBe(text.replace(password, sealed));
  expect(await item(bench, "password")).toBe("battery staple\n");
});

test("values can be added and removed", async () => {
  const bench = await desk(`sed -i -e '/user: /d' -e 's/^stringData:/stringData:\\n  token: "12"/' "$1"`);

  await edit(bench);

  expect(await bench.read("a.yaml")).not.toContain(user);
  expect(await bench.read("a.yaml")).toContain(password);
  const sealed = (await bench.read("a.yaml")).replace(/template:[\s\S]*$/, "");
  await bench.write("b.yaml", sealed);
  expect(await item(bench, "token", "b.yaml")).toBe("12");
});

test("several documents, lists and JSON are edited in their places", async () => {
  const two =
    manifest({ p: seal("one", old) }) +
    yamlOf({ kind: "ConfigMap" }) +
    manifest({ p: seal("two", old, { name: "web" }) }, { name: "web" });
  const json = `{ "kind": "SealedSecret", "apiVersion": "bitnami.com/v1alpha1",\n  "metadata": {"name": "db", "namespace": "prod"}, "spec": {"encryptedData": {"p": "${seal("one", old)}"}}}`;
  const bench = await desk('sed -i -e "s/two/TWO/" -e "s/\\"one\\"/\\"ONE\\"/" "$1"', {
    "two.yaml": two,
    "a.json": json,
  });

  await edit(bench, { path: "two.yaml" });
  await edit(bench, { path: "a.json" });

  const changed = await bench.read("two.yaml");
  expect(changed.split("---\n")[1]).toBe(two.split("---\n")[1]);
  expect(changed.split("---\n")[3]).not.toBe(two.split("---\n")[3]);
  expect((await bench.read("a.json")).replace(/"A[^"]+"/, "X")).toBe(json.replace(/"A[^"]+"/, "X"));
  expect(await item(bench, "p", "a.json")).toBe("ONE");
});

test.for([
  [
    "a label",
    `sed -i 's/^  name: db/  name: db\\n  labels: {a: b}/' "$1"`,
    "CHANGES_REFUSED",
    'only values can be changed here, and "labels" was added',
  ],
  [
    "a type",
    'echo "type: Opaque" >> "$1"',
    "CHANGES_REFUSED",
    'only values can be changed here, and "type" was added',
  ],
  [
    "another name",
    'sed -i "s/name: db/name: web/" "$1"',
    "CHANGES_REFUSED",
    "only values can be changed here, and a name or namespace was changed, or the documents have another order",
  ],
  [
    "a document more",
    'printf -- "---\\nkind: Secret\\n" >> "$1"',
    "CHANGES_REFUSED",
    "only values can be changed here, and there are 2 documents instead of 1",
  ],
  [
    "a number",
    'sed -i "s/user: admin/user: 12/" "$1"',
    "SEALED_INVALID",
    "stringData.user is a number, not text",
  ],
  [
    "no base64",
    'sed -i "s|/wA=|/wA|" "$1"',
    "SEALED_INVALID",
    "data.blob: illegal base64 data at input byte 0",
  ],
  ["a key twice", 'echo "  user: x" >> "$1"', "FORMAT_INVALID", "a key stands twice in its mapping"],
  ["no YAML", 'echo "  : [" >> "$1"', "FORMAT_INVALID", /./],
  ["nothing", "true", "UNCHANGED", "the file was not changed"],
] as const)("%s is refused, and the file stays", async ([, script, code, message]) => {
  const bench = await desk(script);

  const failure = await failureOf(edit(bench));

  expect(failure.code).toBe(code);
  expect(failure.message).toMatch(message);
  expect(await bench.read("a.yaml")).toBe(text);
});

test("somebody else's change meanwhile is not overwritten", async () => {
  const bench = await desk('sed -i "s/admin/root/" "$1"; echo "# theirs" >> "$TARGET"');
  const context = {
    ...bench.context,
    host: { ...bench.context.host, env: { ...bench.host.env, TARGET: join(bench.host.cwd, "a.yaml") } },
  };

  expect(await failureOf(edit({ ...bench, context }))).toMatchObject({
    code: "FILE_CHANGED",
  });
});

test("without keys, and for what has to be sealed anew first, the next command is said", async () => {
  const v1 = yamlOf({
    apiVersion: "bitnami.com/v1alpha1",
    kind: "SealedSecret",
    metadata: { name: "db", namespace: "prod" },
    spec: { data: sealV1({ apiVersion: "v1", kind: "Secret" }, old) },
  });
  const bench = await desk("true", { "v1.yaml": v1 });

  expect(await failureOf(edit(bench, { keys: [] }))).toMatchObject({
    code: "USAGE",
    message: "no sealing key is named, and the values of a SealedSecret open with one",
    hint: "name a backup of the cluster's keys: --key FILE, or in KSEAL_SEALING_KEYS;\nwithout one a value can be replaced: kseal set a.yaml ITEM",
  });
  expect(await failureOf(edit(bench, { path: "v1.yaml" }))).toMatchObject({
    code: "SEALED_INVALID",
    message: "prod/db: it was sealed before version 0.7",
    hint: "write it as encryptedData first: kseal reseal v1.yaml",
  });
});
