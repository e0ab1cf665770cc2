import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Clone } from "../support/clone.ts";
import { random } from "./check-planted.ts";
import { mine } from "./workbench.ts";

/* The pre-commit hook that `kseal init` puts into a clone, with the real git. */

const hook = ".git/hooks/pre-commit";
const wrote = "it stops commits with secrets in clear";

async function cloned(prepare: (clone: Clone) => void = () => {}): Promise<Clone> {
  const clone = new Clone();
  clone.must("init", "-q", "-b", "main");
  clone.install();
  prepare(clone);
  return clone;
}

const init = (clone: Clone, ...args: readonly string[]) => clone.kseal("init", "--age", mine, ...args);

describe("init", () => {
  test("puts a hook into the clone, which stops commits with secrets in clear and says nothing else", async () => {
    const clone = await cloned();
    expect((await init(clone)).stderr).toContain(`kseal: wrote ${join(clone.folder, hook)}: ${wrote}\n`);
    expect(statSync(join(clone.folder, hook)).mode & 0o111).toBe(0o111);
    clone.must("add", "-A");
    expect(await clone.git("commit", "-qm", "sound")).toEqual({ status: 0, stdout: "", stderr: "" });

    clone.write("app.env", `TOKEN=${random}\n`);
    clone.must("add", "-A");
    const refused = await clone.git("commit", "-qm", "bad");
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^app\.env:1: warning high-entropy, TOKEN\n[\s\S]*1 file: 1 warning\n$/);
    expect(clone.must("log", "--format=%s")).toBe("sound\n");
    expect(await clone.git("commit", "-qm", "meant", "--no-verify")).toMatchObject({ status: 0 });
  });

  test("the hook takes what the baseline has for known", async () => {
    const clone = await cloned();
    await init(clone);
    clone.write("app.env", `TOKEN=${random}\n`);
    await clone.kseal("check", "--baseline", ".kseal-baseline.json", "--write-baseline");
    clone.must("add", "-A");
    expect(await clone.git("commit", "-qm", "known")).toMatchObject({ status: 0 });
  });

  test("where kseal is not on PATH the commit goes through, and the hook says so", async () => {
    const clone = await cloned();
    await init(clone);
    clone.must("add", "-A");
    await clone.run("rm", join(clone.tools, "kseal"));
    expect(await clone.git("commit", "-qm", "x")).toEqual({
      status: 0,
      stdout: "",
      stderr: "kseal is not on PATH, so nothing has looked for secrets in clear in this commit\n",
    });
  });

  test("only once; a dry run and --skip-git write nothing", async () => {
    const clone = await cloned();
    const dry = await init(clone, "--dry-run");
    expect(dry.stderr).toContain(`kseal: would write ${join(clone.folder, hook)}: ${wrote}\n`);
    const skipped = await init(clone, "--skip-git");
    expect(skipped.stderr).not.toContain("pre-commit");
    expect([clone.has(hook), clone.has(".gitattributes")]).toEqual([false, false]);
    expect(await clone.kseal("init")).toMatchObject({ status: 0 });
    const before = clone.read(hook);
    expect((await clone.kseal("init")).stderr).toContain("there is a configuration for this folder already");
    expect(clone.read(hook)).toBe(before);
  });

  test("a hook that is there stays, and init says what to add", async () => {
    const clone = await cloned((one) => one.write(hook, "#!/bin/sh\nmake lint\n"));
    const { status, stderr } = await init(clone);
    expect(status).toBe(0);
    expect(stderr).toContain(
      `kseal: warning: there is a pre-commit hook already, ${hook}; add to it: kseal check --staged\n`,
    );
    expect(clone.read(hook)).toBe("#!/bin/sh\nmake lint\n");
    clone.write(hook, "#!/bin/sh\nmake lint && kseal check --staged\n");
    chmodSync(join(clone.folder, hook), 0o755);
    expect((await clone.kseal("doctor")).stderr).toBe("");
  });

  test.for([
    [".pre-commit-config.yaml", "repos: []\n", "add kseal's hook kseal-check to it"],
    [".husky/pre-commit", "npm test\n", "add to .husky/pre-commit: kseal check --staged"],
    ["lefthook.yml", "pre-push: {}\n", "add a command to its pre-commit: kseal check --staged"],
    [".overcommit.yml", "PreCommit: {}\n", "add a PreCommit hook: kseal check --staged"],
  ] as const)("with %s the hooks are another program's: nothing is written", async ([file, text, advice]) => {
    const clone = await cloned((one) => one.write(file, text));
    const { stderr } = await init(clone);
    expect(stderr).toContain(`runs the hooks of this repository (${file}); ${advice}\n`);
    expect(clone.has(hook)).toBe(false);
    clone.write(file, `${text}# kseal check --staged\n`);
    expect((await clone.kseal("doctor")).stderr).not.toContain("hooks");
  });

  test("respects core.hooksPath: a folder of the repository gets the hook, Git's own does not", async () => {
    const clone = await cloned((one) => one.must("config", "core.hooksPath", ".githooks"));
    expect((await init(clone)).stderr).toContain(join(clone.folder, ".githooks/pre-commit"));
    expect([clone.has(".githooks/pre-commit"), clone.has(hook)]).toEqual([true, false]);
    clone.write("app.env", `TOKEN=${random}\n`);
    clone.must("add", "-A");
    expect(await clone.git("commit", "-qm", "bad")).toMatchObject({ status: 1 });
  });

  test.for([
    ["of all repositories of a user", "--global", "hooks-of-mine"],
    ["that switches hooks off", "--local", "/dev/null"],
  ] as const)("a core.hooksPath %s gets no file", async ([, scope, value]) => {
    const clone = await cloned();
    const folder = value.startsWith("/") ? value : join(clone.home, value);
    clone.must("config", scope, "core.hooksPath", folder);
    const { status, stderr } = await init(clone);
    expect(status).toBe(0);
    expect(stderr).toContain(
      scope === "--global"
        ? `kseal: warning: core.hooksPath leads to ${folder}, which is not this repository's own; add there to pre-commit: kseal check --staged\n`
        : `kseal: warning: hooks are switched off here: core.hooksPath is /dev/null\n`,
    );
    expect([clone.has(`../home/${value}/pre-commit`), clone.has(hook)]).toEqual([false, false]);
  });

  test("in a linked worktree, and from a folder of it, it is the hook of all worktrees", async () => {
    const clone = await cloned();
    clone.must("commit", "-qm", "first", "--allow-empty");
    clone.must("worktree", "add", "-q", "../linked");
    clone.write("../linked/apps/a.yaml", "a: b\n");
    const { status, stderr } = await clone.ksealIn("../linked/apps", "init", "--age", mine);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stderr).toContain(`kseal: wrote ${join(clone.folder, hook)}: ${wrote}\n`);
    clone.write("../linked/app.env", `TOKEN=${random}\n`);
    clone.must("-C", "../linked", "add", "-A");
    expect(await clone.git("-C", "../linked", "commit", "-qm", "bad")).toMatchObject({ status: 1 });
  });

  test("in a submodule it is the submodule's own", async () => {
    const clone = await cloned();
    clone.must("init", "-q", "-b", "main", "../other");
    clone.must("-C", "../other", "commit", "-qm", "first", "--allow-empty");
    clone.must("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../other", "inner");
    expect((await clone.ksealIn("inner", "init", "--age", mine)).stderr).toContain(
      `kseal: wrote ${join(clone.folder, ".git/modules/inner/hooks/pre-commit")}: ${wrote}\n`,
    );
    expect(clone.has(hook)).toBe(false);
    clone.write("inner/app.env", `TOKEN=${random}\n`);
    clone.must("-C", "inner", "add", "-A");
    expect(await clone.git("-C", "inner", "commit", "-qm", "bad")).toMatchObject({ status: 1 });
  });

  test("in a bare repository there is nothing to set up", async () => {
    const clone = new Clone();
    clone.must("init", "-q", "--bare");
    const { status, stderr } = await init(clone);
    expect(status).toBe(0);
    expect(stderr).not.toContain("pre-commit");
    expect(clone.has("hooks/pre-commit")).toBe(false);
  });
});

describe("doctor", () => {
  const doctor = async (clone: Clone) => (await clone.kseal("doctor")).stderr.split("\n").slice(0, -1);

  test("says nothing about a clone that is set up, nor about one that does not use kseal", async () => {
    const clone = await cloned();
    expect(await doctor(clone)).toEqual([]);
    await init(clone);
    expect(await doctor(clone)).toEqual([]);
  });

  test("says what a clone lacks that its .gitattributes name", async () => {
    const clone = await cloned();
    await init(clone, "--filter");
    clone.must("config", "--remove-section", "merge.kseal");
    clone.must("config", "--remove-section", "filter.kseal");
    await clone.run("rm", hook);
    expect(await doctor(clone)).toEqual([
      "kseal: warning: this clone merges encrypted files as text, although .gitattributes names kseal for it: kseal init",
      "kseal: warning: nothing refuses files in clear in this clone, although .gitattributes names kseal for it: kseal init",
      "kseal: warning: nothing looks for secrets in clear before a commit of this clone: kseal init",
    ]);
    expect(await clone.kseal("init")).toMatchObject({ status: 0 });
    expect(await doctor(clone)).toEqual([]);
  });

  test("knows a hook that Git passes by, and a kseal that is gone", async () => {
    const clone = await cloned();
    await init(clone);
    chmodSync(join(clone.folder, hook), 0o644);
    await clone.run("rm", join(clone.tools, "kseal"));
    expect(await doctor(clone)).toEqual([
      `kseal: warning: Git passes the hook ${hook} by, because it is not executable: chmod +x ${hook}`,
      "kseal: warning: Git starts kseal by its name here, and it is not on PATH",
    ]);
  });
});

describe("the schema comment of .sops.yaml", () => {
  test("names the schema of the kseal that is installed beside it, else the published one", async () => {
    const clone = await cloned();
    await init(clone);
    expect(clone.read(".sops.yaml")).toMatch(
      /^# yaml-language-server: \$schema=https:\/\/unpkg\.com\/kseal@\d+\.\d+\.\d+\/schema\/sops-config\.schema\.json\n/,
    );
    const local = await cloned((one) => one.write("node_modules/kseal/schema/sops-config.schema.json", "{}"));
    await init(local);
    expect(local.read(".sops.yaml")).toMatch(
      /^# yaml-language-server: \$schema=node_modules\/kseal\/schema\/sops-config\.schema\.json\n/,
    );
    expect((await local.kseal("doctor")).stderr).toBe("");
    await local.run("rm", "-r", "node_modules");
    expect((await local.kseal("doctor")).stderr).toBe(
      `kseal: warning: ${join(local.folder, ".sops.yaml")} names a schema for editors that is not there: node_modules/kseal/schema/sops-config.schema.json\n`,
    );
  });
});
