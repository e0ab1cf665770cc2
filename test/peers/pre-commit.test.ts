import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { random } from "../ops/check-planted.ts";
import { Clone, type Said } from "../support/clone.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

/*
 * `.pre-commit-hooks.yaml` with the real pre-commit: a repository that has this file, used by another one. Without a
 * network: what pre-commit installs is in that repository.
 */

const root = join(import.meta.dirname, "..", "..");
const program = peer("pre-commit");
const bundle = join(root, "dist", "cli");

/** What runs pre-commit in a clone. */
function preCommitIn(clone: Clone): (...args: readonly string[]) => Promise<Said> {
  const env = environment(clone);
  return async (...args) => {
    const { status, stdout, stderr } = await runProgram([program ?? "", ...args], { cwd: clone.folder, env });
    return { status, stdout: stdout.toString("utf8"), stderr };
  };
}

function environment(clone: Clone): Record<string, string> {
  return {
    ...clone.env,
    PATH: [clone.tools, process.env["PATH"]].join(":"),
    PYTHONPATH: join(program ?? "", "..", ".."),
    PRE_COMMIT_HOME: join(clone.root, "cache"),
    PRE_COMMIT_COLOR: "never",
    npm_config_offline: "true",
    npm_config_audit: "false",
  };
}

/** A repository of kseal as pre-commit clones it. */
function published(clone: Clone): string {
  const folder = join(clone.root, "kseal");
  mkdirSync(folder);
  copyFileSync(join(root, ".pre-commit-hooks.yaml"), join(folder, ".pre-commit-hooks.yaml"));
  clone.must("-C", folder, "init", "-q");
  clone.must("-C", folder, "add", "-A");
  clone.must("-C", folder, "commit", "-qm", "release");
  return folder;
}

/** The two configurations of docs/review.md: the repository of kseal, and a package. */
function configurations(): readonly [repository: string, local: string] {
  const page = readFileSync(join(root, "docs", "review.md"), "utf8");
  const blocks = [...page.matchAll(/^```yaml\n(repos:\n[\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
  expect(blocks).toHaveLength(2);
  return blocks as [string, string];
}

/** A clone that uses a hook. */
function using(configuration: (clone: Clone) => string): Clone {
  const clone = new Clone();
  clone.must("init", "-q", "-b", "main");
  clone.write(".pre-commit-config.yaml", configuration(clone));
  clone.write("a.txt", "nothing\n");
  clone.must("add", "-A");
  clone.must("commit", "-qm", "first");
  return clone;
}

describe.skipIf(program === undefined)("pre-commit", { timeout: 180_000 }, () => {
  test("takes the list of hooks for one", async () => {
    const said = await preCommitIn(new Clone())("validate-manifest", join(root, ".pre-commit-hooks.yaml"));
    expect(said).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("the hook stops a commit of a secret in clear, and finds one that is there", async () => {
    const clone = using((one) => {
      const folder = published(one);
      const revision = one.must("-C", folder, "rev-parse", "HEAD").trim();
      return configurations()[0].replace("REPOSITORY", folder).replace("VERSION", revision);
    });
    clone.install();
    const preCommit = preCommitIn(clone);
    expect(await preCommit("install")).toMatchObject({ status: 0 });
    const commit = (...args: readonly string[]) =>
      runProgram(["git", "commit", "-m", "x", ...args], { cwd: clone.folder, env: environment(clone) });

    clone.write("app.env", `TOKEN=${random}\n`);
    clone.must("add", "-A");
    const refused = await commit();
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("kseal check..");
    expect(refused.stderr).toContain("app.env:1: warning high-entropy, TOKEN");
    // The hook looks at what is committed, not at what the folder holds since.
    clone.write("app.env", "TOKEN=\n");
    expect((await commit()).status).toBe(1);
    clone.must("add", "-A");
    expect((await commit()).status).toBe(0);

    expect(await preCommit("run", "--all-files")).toMatchObject({ status: 0 });
    clone.write("app.env", `TOKEN=${random}\n`);
    clone.must("commit", "-qam", "passed by", "--no-verify");
    const all = await preCommit("run", "--all-files", "--hook-stage", "manual");
    expect(all.status).toBe(1);
    expect(all.stdout).toContain("app.env:1: warning high-entropy, TOKEN");
    expect((await clone.kseal("doctor")).stderr).toBe("");
  });

  test.skipIf(!existsSync(bundle))("a local hook takes the package from the registry", async () => {
    const clone = using((one) => {
      const folder = join(one.root, "package");
      mkdirSync(join(folder, "dist"), { recursive: true });
      cpSync(bundle, join(folder, "dist", "cli"), { recursive: true });
      const { name, type, bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
      writeFileSync(join(folder, "package.json"), JSON.stringify({ name, type, bin, version }));
      const [, local] = configurations();
      expect(local).toContain(`"kseal@${version}"`);
      return local.replace(`kseal@${version}`, folder);
    });
    // Where Debian has Node, it has another name, and pre-commit takes that first.
    for (const name of ["node", "nodejs"]) symlinkSync(process.execPath, join(clone.tools, name));
    clone.write("app.env", `TOKEN=${random}\n`);
    clone.must("add", "-A");
    const said = await preCommitIn(clone)("run");
    expect(said.stdout).toContain("app.env:1: warning high-entropy, TOKEN");
    expect(said.status).toBe(1);
  });
});
