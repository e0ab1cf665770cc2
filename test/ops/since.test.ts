import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities } from "../support/identities.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { sealedVectorPath } from "../support/sealed.ts";
import { mine, others, theirs } from "./workbench.ts";

/*
 * `--since` of the commands that change files, in real repositories: what differs from a revision, new files included,
 * committed or not.
 */

const folders: string[] = [];
afterAll(() => folders.forEach(removeFolder));

const rule = (...recipients: readonly string[]) =>
  `creation_rules:\n  - path_regex: \\.yaml$\n    encrypted_regex: ^stringData$\n    age: ${recipients.join(",")}\n`;
const secret = (name: string) =>
  `kind: Secret\nmetadata:\n  name: ${name}\nstringData:\n  password: p-${name}\n`;

let repository: string;

const git = (...args: readonly string[]) =>
  execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], {
    cwd: repository,
    stdio: "pipe",
    encoding: "utf8",
  });
const kseal = async (args: readonly string[], more: { cwd?: string; key?: string } = {}) => {
  const { status, stdout, stderr } = await runInProcess(args, {
    cwd: join(repository, more.cwd ?? "."),
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: repository,
      XDG_STATE_HOME: join(repository, "..", "kseal-state"),
      SOPS_AGE_KEY: more.key ?? identities[0] ?? "",
    },
  });
  return { status, stdout: stdout.toString(), stderr };
};
const read = (path: string) => readFileSync(join(repository, path), "utf8");
const write = (path: string, text: string) => {
  mkdirSync(join(repository, path, ".."), { recursive: true });
  writeFileSync(join(repository, path), text);
};
/** The files that a recipient is in. */
const filesOf = (recipient: string, ...paths: readonly string[]) =>
  paths.filter((path) => read(path).includes(recipient));

/** A commit `main` with encrypted files a, b and sub/c; then one for sub/c, and nothing in the working tree. */
beforeEach(async () => {
  repository = makeFolder({ ".sops.yaml": rule(mine), ".gitignore": "ignored.yaml\n.local\n" });
  folders.push(repository);
  git("init", "-q", "-b", "main");
  for (const path of ["a.yaml", "b.yaml", "sub/c.yaml"]) write(path, secret(path));
  expect(await kseal(["encrypt", "-i", "."])).toMatchObject({ status: 0 });
  git("add", "-A");
  git("commit", "-qm", "base");
  git("tag", "base");
  await kseal(["rotate", "-i", "sub/c.yaml"]);
  git("commit", "-qam", "c");
});

describe("updatekeys --since", () => {
  test("changes what differs from the revision, committed, staged, changed or new, and says how many", async () => {
    await kseal(["rotate", "-i", "a.yaml"]);
    git("add", "a.yaml");
    write("new.yaml", secret("new"));
    await kseal(["encrypt", "-i", "new.yaml"]);
    write("clear.yaml", secret("clear"));
    write("ignored.yaml", read("b.yaml"));
    symlinkSync("b.yaml", join(repository, "link.yaml"));
    write(".sops.yaml", rule(mine, theirs));

    const dry = await kseal(["updatekeys", "--dry-run", "--since", "base"]);
    expect(dry.stdout).toMatch(/^3 files\n {2}a\.yaml\n {2}new\.yaml\n {2}sub\/c\.yaml\n/);
    expect(dry).toMatchObject({ status: 0, stderr: "kseal: since base: 3 would change, 0 unchanged\n" });
    const done = await kseal(["updatekeys", "--yes", "--since", "base"]);
    expect(done).toMatchObject({
      status: 0,
      stderr: "kseal: changed the recipients of 3 files\nkseal: since base: 3 changed, 0 unchanged\n",
    });
    expect(filesOf(theirs, "a.yaml", "b.yaml", "sub/c.yaml", "new.yaml", "ignored.yaml")).toEqual([
      "a.yaml",
      "sub/c.yaml",
      "new.yaml",
    ]);
    expect(await kseal(["updatekeys", "--yes", "--since", "base"])).toEqual({
      status: 0,
      stdout: "a.yaml: up to date\nnew.yaml: up to date\nsub/c.yaml: up to date\n",
      stderr: "kseal: since base: 0 changed, 3 unchanged\n",
    });
  });

  test("is about the whole repository from a folder of it, unless paths are named", async () => {
    git("config", "diff.relative", "true");
    await kseal(["rotate", "-i", "a.yaml"]);
    write("new.yaml", secret("new"));
    await kseal(["encrypt", "-i", "new.yaml"]);
    write(".sops.yaml", rule(mine, theirs));
    const inside = { cwd: "sub" };
    const [named, all] = [["."], []].map((paths) =>
      kseal(["updatekeys", "--dry-run", "-o", "json", "--since", "base", ...paths], inside),
    );
    const files = async (run: typeof all) =>
      (JSON.parse((await run)?.stdout ?? "") as { file: string }[]).map(({ file }) => file);
    expect(await files(named)).toEqual(["c.yaml"]);
    expect(await files(all)).toEqual([join(repository, "a.yaml"), join(repository, "new.yaml"), "c.yaml"]);
  });

  test("that nothing differs is no failure", async () => {
    expect(await kseal(["updatekeys", "--yes", "--since", "HEAD"])).toEqual({
      status: 0,
      stdout: "",
      stderr: "kseal: no encrypted file differs from HEAD\n",
    });
  });

  test("one that does not open stops all of them, and programs are told of each", async () => {
    await kseal(["rotate", "-i", "a.yaml"]);
    write(".sops.yaml", rule(mine, theirs));
    const before = [read("a.yaml"), read("sub/c.yaml")];
    for (const path of ["a.yaml", "sub/c.yaml"]) write(path, read(path).replace(/data:./, "data:A"));
    const broken = [read("a.yaml"), read("sub/c.yaml")];
    expect(broken).not.toEqual(before);
    write("good.yaml", secret("good"));
    await kseal(["encrypt", "-i", "good.yaml"]);
    const good = read("good.yaml");

    const { status, stderr } = await kseal(["updatekeys", "--yes", "-o", "json", "--since", "base"]);
    const { error } = JSON.parse(stderr);
    expect(status).not.toBe(0);
    expect(error.message).toMatch(/^2 of 3 files failed:/);
    expect(error.failures.map(({ file }: { file: string }) => file)).toEqual(["a.yaml", "sub/c.yaml"]);
    expect(read("good.yaml")).toBe(good);
  });

  test.for([
    [["--since", "nothing"], "nothing is no revision that Git knows"],
    [["--since", "-p"], "-p is no revision that Git knows"],
    [["--since", "HEAD", "-"], "standard input differs from no revision"],
    [["--since", "HEAD", "typo.yaml"], "typo.yaml: no such file"],
    [[], "missing required argument 'files'"],
  ] as const)("%j is refused", async ([args, message]) => {
    const { status, stderr } = await kseal(["updatekeys", "--yes", ...args]);
    expect(stderr).toContain(`kseal: ${message}\n`);
    expect(status).not.toBe(0);
  });
});

test("without a repository there is nothing to compare with", async () => {
  repository = makeFolder({ ".sops.yaml": rule(mine) });
  folders.push(repository);
  expect(await kseal(["rotate", "-i", "--since", "HEAD"])).toEqual({
    status: 8,
    stdout: "",
    stderr: "kseal: there is no Git repository here\n  name the files or folders\n",
  });
});

test("rotate --since gives what differs new data keys, and nothing else", async () => {
  const [b, c] = [read("b.yaml"), read("sub/c.yaml")];
  expect(await kseal(["rotate", "-i", "--since", "base"])).toEqual({
    status: 0,
    stdout: "",
    stderr: "kseal: sub/c.yaml: new data key\nkseal: since base: 1 changed, 0 unchanged\n",
  });
  expect([read("b.yaml") === b, read("sub/c.yaml") === c]).toEqual([true, false]);
  expect((await kseal(["rotate", "--since", "base"])).stderr).toContain("several files need a place to go");
});

test("encrypt --since encrypts the new and changed files that a rule is for", async () => {
  write(".sops.yaml", rule(others, mine));
  write("new.yaml", secret("new"));
  write("ignored.yaml", secret("ignored"));
  write("notes.txt", "nothing\n");
  const { status, stderr } = await kseal(["encrypt", "-i", "--since", "base"]);
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr:
      "kseal: new.yaml: encrypted 1 value for 2 recipients (encrypted_regex ^stringData$, as the rule says)\n" +
      "kseal: since base: 1 changed, 0 unchanged\n",
  });
  expect(filesOf("ENC[", "new.yaml", "ignored.yaml", "notes.txt")).toEqual(["new.yaml"]);
  expect((await kseal(["encrypt", "-i", "--since", "base"])).stderr).toBe(
    "kseal: no file in clear that a rule is for differs from base\n",
  );
  expect(await kseal(["decrypt", "new.yaml"])).toMatchObject({ status: 0, stdout: secret("new") });
});

test("reseal --since seals what differs for the newest key", async () => {
  const certificate = sealedVectorPath("rsa2048.crt.pem");
  const key = sealedVectorPath("rsa2048.key.pem");
  const plain = (name: string) =>
    `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}, namespace: prod}\nstringData: {a: b}\n`;
  const seal = async (name: string) => {
    write(`.local/${name}.yaml`, plain(name));
    const out = `${name}.sealed`;
    const sealed = await kseal(["seal", "--cert", certificate, "--out", out, `.local/${name}.yaml`]);
    expect(sealed).toMatchObject({ status: 0 });
    return out;
  };
  await seal("old");
  git("add", "-A");
  git("commit", "-qm", "sealed");
  const fresh = await seal("fresh");
  const old = read("old.sealed");
  const before = read(fresh);
  const { status, stderr } = await kseal([
    "reseal",
    "--force",
    "--key",
    key,
    "--cert",
    certificate,
    "--since",
    "HEAD",
  ]);
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: expect.stringMatching(
      /fresh\.sealed: prod\/fresh: 1 value sealed anew.*\nkseal: since HEAD: 1 changed, 0 unchanged\n$/,
    ),
  });
  expect([read("old.sealed") === old, read(fresh) === before]).toEqual([true, false]);
});
