import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type CheckOptions, type CheckResult, check } from "../../src/ops/check.ts";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { diffFiles } from "../../src/ops/diff.ts";
import { resolveMerge } from "../../src/ops/resolve.ts";
import { random } from "../ops/check-planted.ts";
import { encrypted, failureOf, mine, toCaller, type Workbench, workbench } from "../ops/workbench.ts";
import { runInProcess } from "../support/kseal-in-process.ts";

/*
 * Repositories and trees that are not as one expects: submodules, worktrees, sparse checkouts, names that differ in case,
 * links that go in circles, files that are half there.
 */

const token = `TOKEN=${random}\n`;

const git = ({ host }: Workbench, ...args: readonly string[]): string => {
  const settings = ["user.name=a", "user.email=a@b", "protocol.file.allow=always", "init.defaultBranch=main"];
  return execFileSync("git", [...settings.flatMap((one) => ["-c", one]), ...args], {
    cwd: host.cwd,
    encoding: "utf8",
    stdio: "pipe",
  });
};

const run = async (bench: Workbench, options: Partial<CheckOptions> = {}): Promise<CheckResult> => {
  const all = { paths: ["."], staged: false, since: undefined, withKeys: false, baseline: undefined };
  return check({ ...all, writeBaseline: false, ...options }, await bench.again());
};

const filesOf = async (bench: Workbench, options: Partial<CheckOptions> = {}): Promise<readonly string[]> =>
  (await run(bench, options)).findings.map(({ file }) => file);

async function repository(files: Readonly<Record<string, string | Uint8Array>>): Promise<Workbench> {
  const bench = await workbench(files);
  git(bench, "init", "-q");
  git(bench, "add", "-A");
  if (Object.keys(files).length > 0) git(bench, "commit", "-qm", "a");
  return bench;
}

describe("a submodule", () => {
  test("is somebody else's: counted, not looked into, whichever way", async () => {
    const inner = await repository({ "a.env": token });
    const bench = await repository({ "b.env": "A=b\n" });
    git(bench, "submodule", "--quiet", "add", inner.host.cwd, "sub");
    expect(await run(bench)).toMatchObject({ findings: [], skipped: { submodules: 1 } });
    expect(await run(bench, { paths: [], staged: true })).toMatchObject({
      findings: [],
      skipped: { submodules: 1 },
    });
    expect(await run(bench, { paths: [], since: "HEAD" })).toMatchObject({ findings: [] });
    const compare = { revisions: [], paths: [], staged: true };
    expect(await diffFiles({ compare, open: false }, bench.context)).toEqual([]);
    // From inside it is a repository as any other.
    expect(await filesOf(bench, { paths: ["sub"] })).toEqual(["sub/a.env"]);
  });
});

describe("a linked worktree", () => {
  test("is checked as the main one, and inside the main one left alone", async () => {
    const bench = await repository({ "a.env": "A=b\n", "b.env": token });
    git(bench, "worktree", "add", "-q", "-b", "topic", "tree");
    expect(await run(bench)).toMatchObject({ findings: [{ file: "b.env" }], skipped: { submodules: 1 } });
    const cwd = join(bench.host.cwd, "tree");
    writeFileSync(join(cwd, "a.env"), token);
    const env = { HOME: cwd, PATH: process.env["PATH"] ?? "" };
    const kseal = async (...args: readonly string[]): Promise<readonly string[]> => {
      const { stdout } = await runInProcess(["check", "-o", "json", ...args], { cwd, env });
      const { findings } = JSON.parse(stdout.toString()) as CheckResult;
      return findings.map(({ file }) => file);
    };
    expect(await kseal("--since", "HEAD")).toEqual(["a.env"]);
    expect(await kseal("--staged")).toEqual([]);
    execFileSync("git", ["add", "-A"], { cwd });
    expect(await kseal("--staged")).toEqual(["a.env"]);
    expect(await kseal()).toEqual(["a.env", "b.env"]);
  });
});

describe("a sparse checkout", () => {
  test("has what is not there neither removed nor changed, and what is staged is read from the index", async () => {
    const bench = await repository({ "in/a.env": "A=b\n", "out/b.env": token });
    git(bench, "sparse-checkout", "set", "in");
    expect(await filesOf(bench)).toEqual([]);
    expect(await filesOf(bench, { paths: [], since: "HEAD" })).toEqual([]);
    const blob = git(bench, "rev-parse", "HEAD:out/b.env").trim();
    git(bench, "update-index", "--add", "--cacheinfo", `100644,${blob},out/c.env`);
    expect(await filesOf(bench, { paths: [], staged: true })).toEqual(["out/c.env"]);
  });
});

describe("names that differ in case", () => {
  test("are two files for Git, each with its own findings, also where the file system takes them for one", async () => {
    const bench = await repository({ "x.env": "A=b\n" });
    const blob = execFileSync("git", ["hash-object", "-w", "--stdin"], {
      cwd: bench.host.cwd,
      input: token,
      encoding: "utf8",
    }).trim();
    git(bench, "config", "core.ignorecase", "true");
    for (const name of ["a.env", "A.env"]) {
      git(bench, "update-index", "--add", "--cacheinfo", `100644,${blob},${name}`);
    }
    expect(await filesOf(bench, { paths: [], staged: true })).toEqual(["A.env", "a.env"]);
  });

  test("a Secret in clear is found under an ending in capitals, which SOPS takes for a binary file", async () => {
    const secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: b}\n";
    const bench = await repository({
      "a.YAML": secret,
      "b.Json": JSON.stringify({ ...{ a: 1 } }),
      "C.ENV": token,
    });
    const { findings } = await run(bench);
    expect(findings.map(({ file, rule }) => `${file} ${rule}`)).toEqual([
      "C.ENV high-entropy",
      "a.YAML secret-manifest",
    ]);
  });
});

describe("links and other things that are no files", () => {
  test("loops and pipes end no search, for any command that takes a folder", async () => {
    const bench = await encrypted({ "folder/a.yaml": "a: b\n" });
    const at = (name: string): string => join(bench.host.cwd, name);
    symlinkSync("b", at("a"));
    symlinkSync("a", at("b"));
    symlinkSync(".", at("folder/self"));
    symlinkSync("../folder", at("folder/up"));
    mkdirSync(at("other"));
    symlinkSync("../other", at("other/other"));
    execFileSync("sh", ["-c", "mkfifo folder/pipe.yaml"], { cwd: bench.host.cwd });
    git(bench, "init", "-q");
    expect(await run(bench)).toMatchObject({ findings: [], skipped: { links: 5 } });
    const { files } = await decryptFiles({ paths: ["folder"], destination: toCaller }, await bench.again());
    expect(files.map(({ file }) => file)).toEqual(["folder/a.yaml"]);
  });

  test("a link that comes in the place of a file is no change of the file", async () => {
    const bench = await repository({ "a.env": "A=b\n", "secret.txt": "nothing\n" });
    await bench.write("a.env", token);
    renameSync(join(bench.host.cwd, "a.env"), join(bench.host.cwd, "b.env"));
    symlinkSync("b.env", join(bench.host.cwd, "a.env"));
    const { findings, skipped } = await run(bench, { paths: [], since: "HEAD" });
    expect(findings.map(({ file }) => file)).toEqual(["b.env"]);
    expect(skipped.links).toBe(1);
  });
});

describe("a repository without commits", () => {
  test("is checked, compared and merged as far as there is something", async () => {
    const bench = await encrypted({ "a.yaml": "a: b\n" });
    git(bench, "init", "-q");
    expect((await run(bench)).findings).toEqual([]);
    expect(await run(bench, { paths: [], staged: true })).toMatchObject({ files: 0, findings: [] });
    git(bench, "add", "-A");
    expect(await run(bench, { paths: [], staged: true })).toMatchObject({ files: 2, findings: [] });
    const staged = { revisions: [], paths: [], staged: true };
    const diffs = await diffFiles({ compare: staged, open: false }, bench.context);
    expect(diffs.map(({ file, state }) => `${file} ${state}`)).toEqual([".sops.yaml added", "a.yaml added"]);
    const since = run(bench, { paths: [], since: "HEAD" });
    expect(await failureOf(since)).toMatchObject({
      code: "USAGE",
      message: "HEAD is no revision that Git knows",
    });
    const resolving = resolveMerge({ path: "a.yaml", ours: [], theirs: [] }, bench.context);
    expect(await failureOf(resolving)).toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("files that are half written", () => {
  const endings = ["yaml", "json", "env", "ini"] as const;
  const texts: Readonly<Record<(typeof endings)[number], string>> = {
    yaml: "user: admin\npassword: correct horse\n",
    json: '{"user": "admin", "password": "correct horse"}\n',
    env: "USER=admin\nPASSWORD=correct horse\n",
    ini: "[db]\nuser = admin\npassword = correct horse\n",
  };

  test.for(endings)("every prefix of an encrypted %s file with a value in it is found", async (ending) => {
    const bench = await encrypted({ [`a.${ending}`]: texts[ending] });
    const whole = await bench.read(`a.${ending}`);
    const first = whole.indexOf("ENC[AES256_GCM,") + "ENC[AES256_GCM,".length;
    const lengths = Array.from(
      { length: Math.ceil((whole.length - first) / 11) },
      (_, at) => first + at * 11,
    );
    mkdirSync(join(bench.host.cwd, "cut"));
    for (const length of lengths) await bench.write(`cut/${length}.${ending}`, whole.slice(0, length));
    const found = new Set((await run(bench, { paths: ["cut"] })).findings.map(({ file }) => file));
    // The last line break is no part of what it says.
    const missed = lengths.filter((length) => !found.has(`cut/${length}.${ending}`));
    expect(missed.filter((length) => whole.slice(length).trim() !== "")).toEqual([]);
    expect((await run(bench, { paths: [`a.${ending}`] })).findings).toEqual([]);
  });

  test("half a Secret in clear, and half a file that a rule is for, are found although they do not parse", async () => {
    const bench = await repository({
      ".sops.yaml": `creation_rules:\n  - path_regex: ^secrets/\n    age: ${mine}\n`,
      "a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a\nstringData:\n  a: b\n",
      "a.json": '{"kind": "Secret",\n"stringData": {"a": "b"',
      "helm/a.yaml": "kind: Secret\nmetadata: {name: {{ .Values.name }}\ndata:\n  a: {{ .Values.a }}\n",
      "secrets/a.yaml": "a: [b\n",
    });
    const { findings } = await run(bench);
    expect(findings.map(({ file, line, rule }) => `${file}:${line} ${rule}`)).toEqual([
      "a.json:2 secret-manifest",
      "a.yaml:4 secret-manifest",
      "secrets/a.yaml:1 clear-covered",
    ]);
  });
});

describe("a merge driver that attributes name and nobody has", () => {
  test("leaves the merge to Git, which merges text, and kseal check finds its markers", async () => {
    const bench = await encrypted(
      { "a.yaml": "password: one\n" },
      { beside: { ".gitattributes": "*.yaml merge=kseal\n" } },
    );
    git(bench, "init", "-q");
    git(bench, "add", "-A");
    git(bench, "commit", "-qm", "base");
    const change = async (value: string): Promise<void> => {
      const { setValue } = await import("../../src/ops/set.ts");
      await setValue(
        { path: "a.yaml", treePath: '["password"]', value: { json: value } },
        await bench.again(),
      );
      git(bench, "commit", "-qam", value);
    };
    git(bench, "checkout", "-qb", "topic");
    await change('"two"');
    git(bench, "checkout", "-q", "main");
    await change('"three"');
    expect(() => git(bench, "merge", "topic")).toThrow();
    expect((await run(bench)).findings.map(({ file, rule }) => `${file} ${rule}`)).toEqual([
      "a.yaml merge-marker",
    ]);
    expect(await bench.read("a.yaml")).toContain("<<<<<<<");
    // A driver that is configured and is not there is another thing: Git takes our side and says that it failed.
    git(bench, "merge", "--abort");
    git(bench, "config", "merge.kseal.driver", "no-such-kseal merge %O %A %B");
    expect(() => git(bench, "merge", "topic")).toThrow();
    expect(await bench.read("a.yaml")).not.toContain("<<<<<<<");
  });
});
