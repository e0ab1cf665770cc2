import { describe, expect, test } from "vitest";
import { Clone, type Said } from "../support/clone.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { mine } from "./workbench.ts";

/* The clean filter of `kseal init --filter`, with the real git: add, commit, stash, checkout, status, merge, renormalize. */

const secret = (password: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: ${password}\n  token: abc\n`;

const unfiltered = ["-c", "filter.kseal.clean=cat"];

/** A clone with the filter, and a commit `base` with db.yaml encrypted; no hook, which would hide what the filter does. */
async function filtered(): Promise<Clone> {
  const clone = new Clone();
  clone.must("init", "-q", "-b", "main");
  clone.install();
  const { status, stderr } = await clone.kseal("init", "--age", mine, "--filter");
  expect({ status, stderr }).toMatchObject({ status: 0 });
  clone.must("config", "core.hooksPath", "/dev/null");
  clone.write("db.yaml", secret("p"));
  expect(await clone.kseal("encrypt", "-i", "db.yaml")).toMatchObject({ status: 0 });
  // Starting kseal for each of them takes long here.
  clone.must(...unfiltered, "add", "-A");
  clone.must(...unfiltered, "commit", "-qm", "base");
  return clone;
}

const refusal = (file: string, line = 5) =>
  `kseal: ${file}:${line}: it is a Secret with its values in clear\n`;

function expectRefused(said: Said, file: string, line = 5): void {
  expect(said.stderr).toContain(refusal(file, line));
  expect(said.stderr).toContain(`${file}: clean filter 'kseal' failed`);
  expect(said.status).not.toBe(0);
}

describe("git add", () => {
  test("refuses a file in clear that a rule is for, and says what to do", async () => {
    const clone = await filtered();
    clone.write("apps/new file's.yaml", secret("x"));
    clone.write("-dash.yaml", secret("y"));
    // From a folder below.
    const said = await clone.git("-C", "apps", "add", ".");
    expectRefused(said, "apps/new file's.yaml");
    expect(said.stderr).toContain("  encrypt");
    expectRefused(await clone.git("add", "--", "-dash.yaml"), "-dash.yaml");
    expect(clone.must("diff", "--cached", "--name-only")).toBe("");
  });

  test("takes encrypted files, and what no rule is for, byte for byte", async () => {
    const clone = await filtered();
    await clone.kseal("rotate", "-i", "db.yaml");
    clone.write("crlf.yaml", "a: b\r\nc:\r\n  - d\r\n");
    expect(await clone.git("add", "-A")).toMatchObject({ status: 0, stderr: "" });
    for (const name of ["crlf.yaml", "db.yaml"]) {
      expect(clone.must("rev-parse", `:${name}`)).toBe(clone.must("hash-object", "--no-filters", name));
    }
    const others = {
      "deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
      "empty.json": "",
      "no-end.ini": "[a]\nb = c",
      "binary.yaml": Buffer.from([0, 1, 2, 255, 10, 13, 10]),
      "large.json": `[${"1,".repeat(5_000_000)}1]`,
      ".sops.yaml": clone.read(".sops.yaml"),
      "broken.yaml": "a: [\n",
    };
    for (const [name, content] of Object.entries(others)) {
      const { status, stdout, stderr } = await runInProcess(["check", `--clean=${name}`], {
        cwd: clone.folder,
        env: clone.env,
        stdin: content,
      });
      expect({ status, stderr, isSame: stdout.equals(Buffer.from(content)) }, name).toEqual({
        status: 0,
        stderr: "",
        isSame: true,
      });
    }
  });

  test.for<[string, string | Uint8Array]>([
    ["key.pem", "-----BEGIN X-----\n"],
    ["binary.p12", Buffer.from([0, 1, 2, 3])],
    ["half.yaml", "a: [\n"],
    ["large.json", `["${"x".repeat(9_000_000)}"]`],
    ["db.env", "A=b\n"],
  ])("refuses %s below a folder that a rule is for", async ([name, content]) => {
    const clone = new Clone();
    clone.write(".sops.yaml", `creation_rules:\n  - path_regex: ^secrets/\n    age: ${mine}\n`);
    const { status, stdout, stderr } = await runInProcess(["check", `--clean=secrets/${name}`], {
      cwd: clone.folder,
      env: clone.env,
      stdin: content,
    });
    expect({ status, length: stdout.length }).toEqual({ status: 1, length: 0 });
    expect(stderr).toContain(
      `kseal: secrets/${name}:1: it is in clear, and the rule at line 2 of its .sops.yaml is for it\n`,
    );
  });

  test("refuses a value that was put into an encrypted file by hand", async () => {
    const clone = await filtered();
    clone.write("db.yaml", clone.read("db.yaml").replace(/token: .*/, "token: by-hand"));
    const { status, stderr } = await clone.git("add", "db.yaml");
    expect(stderr).toMatch(/^kseal: db\.yaml:\d+: .*in clear/);
    expect(stderr).not.toContain("by-hand");
    expect(status).not.toBe(0);
  });

  test("refuses everything but encrypted files and .sops.yaml while that cannot be used", async () => {
    const clone = await filtered();
    clone.write(".sops.yaml", "creation_rulez: []\n");
    clone.write("new.yaml", "a: b\n");
    const { status, stderr } = await clone.git("add", "new.yaml");
    expect(stderr).toMatch(/^kseal: \.sops\.yaml:1: unknown field "creation_rulez"/);
    expect(stderr).toContain("  nothing says whether new.yaml may be in clear before this is right\n");
    expect(status).not.toBe(0);
    await clone.kseal("rotate", "-i", "db.yaml");
    expect(await clone.git("add", "db.yaml", ".sops.yaml")).toMatchObject({ status: 0 });
  });

  test("takes what a comment says is meant", async () => {
    const clone = await filtered();
    clone.write(
      "example.yaml",
      secret("x").replace("stringData:", "# kseal:ignore secret-manifest -- an example\nstringData:"),
    );
    expect(await clone.git("add", "example.yaml")).toMatchObject({ status: 0 });
  });

  test("without kseal everything passes, and Git shows a word about it", async () => {
    const clone = await filtered();
    await clone.run("rm", `${clone.tools}/kseal`);
    clone.write("new one.yaml", secret("x"));
    const { status, stderr } = await clone.git("add", "new one.yaml");
    expect(status).toBe(0);
    expect(stderr).toContain(
      "kseal is not on PATH, so nothing has looked whether this is in clear: new one.yaml\n",
    );
    expect(clone.must("show", ":new one.yaml")).toBe(secret("x"));
  });
});

describe("everything else that Git does", () => {
  test("a decrypted file cannot be committed or stashed; status and checkout work", async () => {
    const clone = await filtered();
    expect(await clone.kseal("decrypt", "-i", "db.yaml")).toMatchObject({ status: 0 });
    expect((await clone.git("status", "--short")).stdout).toBe(" M db.yaml\n");
    expectRefused(await clone.git("commit", "-qam", "plain"), "db.yaml");
    expectRefused(await clone.git("stash"), "db.yaml");
    expect(clone.must("cat-file", "--batch-all-objects", "--batch")).not.toContain("password: p");
    expect(await clone.git("checkout", "-q", "--", "db.yaml")).toMatchObject({ status: 0 });
    expect(await clone.git("status", "--short")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect((await clone.kseal("decrypt", "db.yaml")).stdout).toBe(secret("p"));
  });

  test("checkout, stash and pop of encrypted files keep every byte", async () => {
    const clone = await filtered();
    await clone.kseal("rotate", "-i", "db.yaml");
    const text = clone.read("db.yaml");
    clone.must("stash", "-q");
    expect(clone.read("db.yaml")).not.toBe(text);
    clone.must("stash", "pop", "-q");
    expect(clone.read("db.yaml")).toBe(text);
    clone.must("commit", "-qam", "new");
    clone.must("checkout", "-q", "HEAD~1");
    clone.must("checkout", "-q", "main");
    expect(clone.read("db.yaml")).toBe(text);
    // Looked at anew, as after a clone.
    await clone.run("touch", "db.yaml");
    expect(await clone.git("status", "--short")).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("merge with the driver, and renormalize", async () => {
    const clone = await filtered();
    const set = (key: string, value: string) => {
      clone.write("value", value);
      return clone.kseal("set", "db.yaml", `["stringData"]["${key}"]`, "--string", "--value-file", "value");
    };
    clone.must("checkout", "-qb", "topic");
    expect(await set("token", "new")).toMatchObject({ status: 0 });
    clone.must(...unfiltered, "commit", "-qam", "token");
    clone.must("checkout", "-q", "main");
    expect(await set("password", "q")).toMatchObject({ status: 0 });
    clone.must(...unfiltered, "commit", "-qam", "password");
    expect(await clone.git("merge", "-q", "-m", "merged", "-X", "renormalize", "topic")).toMatchObject({
      status: 0,
    });
    expect((await clone.kseal("decrypt", "db.yaml")).stdout).toBe(secret("q").replace("abc", "new"));
    expect(await clone.git("add", "--renormalize", ".")).toMatchObject({ status: 0 });
    expect(clone.must("status", "--short", "--untracked-files=no")).toBe("");
  });

  test("what was committed in clear before is found by renormalize, and old commits can be checked out", async () => {
    const clone = await filtered();
    clone.write("old.yaml", secret("old"));
    clone.must(...unfiltered, "add", "old.yaml");
    clone.must(...unfiltered, "commit", "-qm", "old");
    expectRefused(await clone.git("add", "--renormalize", "."), "old.yaml");
    for (const commit of ["HEAD~1", "main"]) {
      expect(await clone.git(...unfiltered, "checkout", "-q", commit)).toMatchObject({ status: 0 });
    }
    expect(clone.read("old.yaml")).toBe(secret("old"));
  });

  test("a fresh clone has the lines, and kseal init its settings", async () => {
    const clone = await filtered();
    clone.must("clone", "-q", ".", "../fresh");
    clone.write("../fresh/new.yaml", secret("x"));
    expect(await clone.git("-C", "../fresh", "add", "new.yaml")).toMatchObject({ status: 0 });
    clone.must("-C", "../fresh", "reset", "-q");
    expect(await clone.ksealIn("../fresh", "init")).toMatchObject({ status: 0 });
    expectRefused(await clone.git("-C", "../fresh", "add", "new.yaml"), "new.yaml");
  });
});
