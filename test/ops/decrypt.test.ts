import { describe, expect, test } from "vitest";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { getValue } from "../../src/ops/get.ts";
import { identities } from "../support/identities.ts";
import { encrypted, failureOf, inPlace, secret, toCaller, type Workbench, workbench } from "./workbench.ts";

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe("what does not open", () => {
  test("a plain file is NOT_ENCRYPTED, and the hint says how to encrypt it", async () => {
    const { context } = await workbench({ "my secret.yaml": secret });
    const failure = await failureOf(
      decryptFiles({ paths: ["my secret.yaml"], destination: toCaller }, context),
    );
    expect(failure).toMatchObject({ code: "NOT_ENCRYPTED", exitCode: 37, where: { file: "my secret.yaml" } });
    expect(failure.hint).toBe("encrypt it with: kseal encrypt -i 'my secret.yaml'");
  });

  test.for([
    { name: "no identity", key: "" },
    { name: "the identity of another file", key: identities[1] },
  ])("with $name it is NO_KEY", async ({ key }) => {
    const bench = await encrypted({ "a.yaml": secret });
    const other = await workbench(
      { "a.yaml": await bench.read("a.yaml") },
      { env: { SOPS_AGE_KEY: key ?? "" } },
    );
    const failure = await failureOf(
      decryptFiles({ paths: ["a.yaml"], destination: toCaller }, other.context),
    );
    expect(failure).toMatchObject({ code: "NO_KEY", exitCode: 128, where: { file: "a.yaml" } });
  });

  test("conflict markers are told of", async () => {
    const bench = await encrypted({ "a.json": '{"a": 1}' });
    await bench.write("a.json", `<<<<<<< HEAD\n${await bench.read("a.json")}=======\n>>>>>>> main\n`);
    const failure = await failureOf(
      decryptFiles({ paths: ["a.json"], destination: toCaller }, bench.context),
    );
    expect(failure).toMatchObject({ code: "FORMAT_INVALID" });
    expect(failure.hint).toContain("conflict markers");
  });
});

describe("the MAC", () => {
  const tampered = async (change: (text: string) => string): Promise<Workbench> => {
    const bench = await encrypted({ "a.yaml": secret });
    await bench.write("a.yaml", change(await bench.read("a.yaml")));
    return bench;
  };

  test("a clear value changed by hand is MAC_MISMATCH, and nothing is written", async () => {
    const bench = await tampered((text) => text.replace("name: database", "name: other"));
    const before = await bench.read("a.yaml");
    const failure = await failureOf(decryptFiles({ paths: ["a.yaml"], destination: inPlace }, bench.context));
    expect(failure).toMatchObject({ code: "MAC_MISMATCH", exitCode: 51, where: { file: "a.yaml" } });
    expect(failure.message).not.toMatch(/[0-9A-F]{32}/i);
    expect(await bench.read("a.yaml")).toBe(before);
  });

  test("a missing MAC is MAC_MISSING", async () => {
    const bench = await tampered((text) => text.replace(/^ +mac: .*\n/m, ""));
    const failure = await failureOf(
      decryptFiles({ paths: ["a.yaml"], destination: toCaller }, bench.context),
    );
    expect(failure).toMatchObject({ code: "MAC_MISSING", exitCode: 52 });
  });

  test("D50: --ignore-mac lets the text through, with a warning", async () => {
    const bench = await tampered((text) => text.replace("name: database", "name: other"));
    const options = { paths: ["a.yaml"], destination: toCaller, ignoreMac: true };
    const { stream } = await decryptFiles(options, bench.context);
    expect(textOf(stream)).toBe(secret.replace("name: database", "name: other"));
    expect(bench.log).toEqual([expect.stringMatching(/^warning: a\.yaml: the MAC was not checked/)]);
  });

  test("a value moved to another key is DECRYPT_FAILED with its path", async () => {
    const bench = await tampered((text) => text.replace("  user:", "  owner:"));
    const failure = await failureOf(
      decryptFiles({ paths: ["a.yaml"], destination: toCaller }, bench.context),
    );
    expect(failure).toMatchObject({ code: "DECRYPT_FAILED", where: { path: '["stringData"]["owner"]' } });
  });
});

describe("several files", () => {
  test("YAML files become one stream of documents", async () => {
    const bench = await encrypted({ "a.yaml": "a: 1\n", "b.yaml": "---\nb: 2", "c.json": '{"c": 3}\n' });
    const paths = ["a.yaml", "b.yaml", "c.json"];
    const { stream, files } = await decryptFiles({ paths, destination: toCaller }, bench.context);
    expect(textOf(stream)).toBe('a: 1\n---\nb: 2\n---\n{"c": 3}\n');
    expect(files.map(({ file }) => file)).toEqual(paths);
  });

  test("formats that cannot follow each other are refused", async () => {
    const bench = await encrypted({ "a.yaml": "a: 1\n", "b.ini": "[s]\nk = v\n" });
    const options = { paths: ["a.yaml", "b.ini"], destination: toCaller };
    expect(await failureOf(decryptFiles(options, bench.context))).toMatchObject({ code: "USAGE" });
  });

  test("below a folder the encrypted files are meant, and --out DIR keeps the tree", async () => {
    const plain = { "plain.yaml": secret, "about.md": "sops writes lastmodified" };
    const bench = await encrypted({ "k/a.yaml": secret, "k/deep/b.json": '{"b": 1}\n' }, { beside: plain });
    await bench.write("k/plain.yaml", secret);
    await bench.write("k/about.md", "sops writes lastmodified");
    const destination = { to: "folder", path: "out" } as const;
    const { files } = await decryptFiles({ paths: ["k"], destination }, bench.context);
    expect(files.map(({ writtenTo }) => writtenTo)).toEqual(["out/a.yaml", "out/deep/b.json"]);
    expect(await bench.read("out/a.yaml")).toBe(secret);
    expect((await bench.host.stat("out/deep/b.json"))?.mode).toBe(0o600);
  });

  test("one that does not open leaves all as they were", async () => {
    const bench = await encrypted({ "a.yaml": secret, "b.yaml": secret });
    await bench.write("b.yaml", (await bench.read("b.yaml")).replace("name: database", "name: x"));
    const before = await bench.read("a.yaml");
    const options = { paths: ["a.yaml", "b.yaml"], destination: inPlace };
    expect(await failureOf(decryptFiles(options, bench.context))).toMatchObject({
      where: { file: "b.yaml" },
    });
    expect(await bench.read("a.yaml")).toBe(before);
  });

  test("a folder without an encrypted file is NO_FILE", async () => {
    const { context } = await workbench({ "k/a.yaml": secret });
    expect(await failureOf(decryptFiles({ paths: ["k"], destination: toCaller }, context))).toMatchObject({
      code: "NO_FILE",
      where: { file: "k" },
    });
  });
});

describe("where it goes", () => {
  test("--out FILE makes a file that only its owner can read", async () => {
    const bench = await encrypted({ "a.yaml": secret });
    await decryptFiles({ paths: ["a.yaml"], destination: { to: "file", path: "plain.yaml" } }, bench.context);
    expect(await bench.read("plain.yaml")).toBe(secret);
    expect((await bench.host.stat("plain.yaml"))?.mode).toBe(0o600);
  });

  test("in place the mode stays, and a warning says that others can read it", async () => {
    const bench = await encrypted({ "a.yaml": secret });
    const mode = (await bench.host.stat("a.yaml"))?.mode;
    await decryptFiles({ paths: ["a.yaml"], destination: inPlace }, bench.context);
    expect(await bench.read("a.yaml")).toBe(secret);
    expect((await bench.host.stat("a.yaml"))?.mode).toBe(mode);
    expect(bench.log).toEqual([expect.stringMatching(/^warning: a\.yaml: others on this machine can read/)]);
  });

  test("a dry run writes nothing", async () => {
    const bench = await encrypted({ "a.yaml": secret });
    const before = await bench.read("a.yaml");
    await decryptFiles({ paths: ["a.yaml"], destination: inPlace, dryRun: true }, bench.context);
    expect(await bench.read("a.yaml")).toBe(before);
  });
});

describe("one value", () => {
  test("a string comes raw", async () => {
    const bench = await encrypted({ "a.yaml": secret });
    const { content, node } = await getValue(
      { path: "a.yaml", treePath: '["stringData"]["password"]' },
      bench.context,
    );
    expect(textOf(content)).toBe("correct horse");
    expect(node).toEqual({ kind: "str", value: "correct horse" });
  });

  test.for([
    { name: "a path that leads nowhere", treePath: '["no"]', code: "NOT_FOUND", exitCode: 1 },
    { name: "a path that is none", treePath: "stringData.password", code: "PATH_INVALID", exitCode: 91 },
    { name: "D39: a position in a map", treePath: '["stringData"][0]', code: "PATH_INVALID", exitCode: 91 },
    { name: "D39: a path into a value", treePath: '["kind"]["x"]', code: "PATH_INVALID", exitCode: 91 },
  ])("$name is $code", async ({ treePath, code, exitCode }) => {
    const bench = await encrypted({ "a.yaml": secret });
    const failure = await failureOf(getValue({ path: "a.yaml", treePath }, bench.context));
    expect(failure).toMatchObject({ code, exitCode, where: { file: "a.yaml" } });
  });
});
