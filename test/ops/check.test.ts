import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { githubOf, gitlabOf, junitOf } from "../../src/cli/check-annotations.ts";
import { describeCheck } from "../../src/cli/check-report.ts";
import { sarifOf } from "../../src/cli/check-sarif.ts";
import { type CheckOptions, type CheckResult, check } from "../../src/ops/check.ts";
import { isClear } from "../../src/ops/check-manifest.ts";
import { checkRules } from "../../src/ops/check-rules.ts";
import { checkTokens } from "../../src/ops/check-tokens.ts";
import { cleanRepository } from "./check-corpus.ts";
import { planted, plantedRepository, random } from "./check-planted.ts";
import { encrypted, secret, theirs, type Workbench, workbench } from "./workbench.ts";

const run = ({ context }: Workbench, options: Partial<CheckOptions> = {}): Promise<CheckResult> =>
  check(
    {
      paths: ["."],
      staged: false,
      since: undefined,
      withKeys: false,
      baseline: undefined,
      writeBaseline: false,
      ...options,
    },
    context,
  );

test("D8, D14: each planted problem is reported once, at its line, and nothing else is", async () => {
  const bench = await plantedRepository();
  const { findings } = await run(bench);
  const expected = await Promise.all(
    planted.map(async ({ file, rule, at = "" }) => {
      const lines = (await bench.read(file)).split("\n");
      const wanted = at.replace("THEIRS", theirs);
      const line = lines.findIndex(
        (one) =>
          one
            .trim()
            .replace(/^- (?=recipient|enc)/, "")
            .startsWith(wanted) || one.trim().startsWith(wanted),
      );
      return `${file}:${line + 1} ${rule}`;
    }),
  );
  expect(findings.map(({ file, line, rule }) => `${file}:${line} ${rule}`).toSorted()).toEqual(
    expected.toSorted(),
  );
  const found = new Set(findings.map(({ rule }) => rule));
  expect(Object.keys(checkRules).filter((rule) => !found.has(rule as never))).toEqual(["sops-opens"]);
});

test("a rule that does not say what is encrypted leaves it to the defaults, of SOPS and of Kubernetes Secrets", async () => {
  const bench = await encrypted({ "a.yaml": "a: b\n", "b.yaml": secret });
  expect(await bench.read("b.yaml")).toContain("encrypted_regex: ^(data|stringData)$");
  expect((await run(bench)).findings).toEqual([]);
});

test("a repository in the shapes of well-known projects has nothing to report, with keys or without", async () => {
  const bench = await cleanRepository();
  for (const withKeys of [false, true]) {
    const { findings, files, skipped } = await run({ ...bench, context: await bench.again() }, { withKeys });
    expect(findings).toEqual([]);
    expect(files).toBeGreaterThan(70);
    expect(skipped.binary).toBe(1);
  }
});

test("with keys a value that was moved is found, and a file for others is a note", async () => {
  const bench = await plantedRepository();
  const sound = await bench.read("secrets/sound.yaml");
  const [, user = "", password = ""] = /user: (.*)\npassword: (.*)/.exec(sound) ?? [];
  await bench.write(
    "secrets/sound.yaml",
    sound.replace(user, "U").replace(password, user).replace("U", password),
  );
  const { findings } = await run(bench, { paths: ["secrets/sound.yaml"], withKeys: true });
  expect(findings.map(({ rule, severity, line }) => [rule, severity, line])).toEqual([
    ["sops-opens", "error", 1],
  ]);
  expect((await run(bench, { paths: ["secrets/sound.yaml"] })).findings).toEqual([]);
});

test("no report has a value in it, a part of one or a digest of one", async () => {
  const bench = await plantedRepository();
  const result = await run(bench);
  const reports = [describeCheck, sarifOf, githubOf, gitlabOf, junitOf]
    .map((print) => print(result))
    .join("\n");
  const shown = reports + JSON.stringify(result);
  for (const value of [
    "correct horse",
    "hunter2",
    "aHVudGVyMg",
    random.slice(0, 12),
    "QWERTYUIOP",
    "QYQSZQGP",
  ]) {
    expect(shown).not.toContain(value);
    expect(shown).not.toContain(createHash("sha256").update(value).digest("hex"));
  }
});

test("SARIF has what code scanning needs: rules, relative addresses, lines, fingerprints that stay, no snippets", async () => {
  const bench = await plantedRepository();
  await bench.write("a b%c.env", `TOKEN=${random}\n`);
  const result = await run(bench);
  const sarif = JSON.parse(sarifOf(result));
  expect(sarif).toMatchObject({ version: "2.1.0", runs: [{ tool: { driver: { name: "kseal" } } }] });
  const [{ results, tool }] = sarif.runs;
  expect(results).toHaveLength(result.findings.length);
  const { rules } = tool.driver;
  for (const one of results) {
    expect(rules[one.ruleIndex].id).toBe(one.ruleId);
    expect(["error", "warning", "note"]).toContain(one.level);
    const { artifactLocation, region } = one.locations[0].physicalLocation;
    expect(artifactLocation.uri).toMatch(/^(?![/.])[\w%./-]+$|^sub\/\.sops\.yaml$/);
    expect(region).toEqual({ startLine: expect.any(Number) });
  }
  expect(results[0].locations[0].physicalLocation.artifactLocation.uri).toBe("a%20b%25c.env");
  const prints = results.map((one: { partialFingerprints: object }) =>
    JSON.stringify(one.partialFingerprints),
  );
  expect(new Set(prints).size).toBe(prints.length);
  // Lines that move leave the fingerprints as they are.
  await bench.write("a b%c.env", `\n\n\nTOKEN=${random}\n`);
  const moved = JSON.parse(sarifOf(await run(bench)));
  expect(
    moved.runs[0].results.map((one: { partialFingerprints: object }) =>
      JSON.stringify(one.partialFingerprints),
    ),
  ).toEqual(prints);
});

const one: CheckResult = {
  files: 1,
  findings: [
    {
      rule: "known-token",
      severity: "error",
      file: "a,b:c%d.txt",
      line: 3,
      path: undefined,
      message: "<100%>\nsure",
      hint: undefined,
      key: "k",
    },
  ],
  known: 0,
  skipped: { links: 0, submodules: 0, large: 0, binary: 0 },
};

test("annotations of GitHub, Code Quality of GitLab and JUnit say the same, each escaped as it wants", () => {
  expect(githubOf(one)).toBe(
    "::error file=a%2Cb%3Ac%25d.txt,line=3,title=kseal known-token::<100%25>%0Asure\n",
  );
  expect(JSON.parse(gitlabOf(one))).toEqual([
    {
      description: "<100%>\nsure",
      check_name: "known-token",
      fingerprint: createHash("sha256").update("k").digest("hex"),
      severity: "critical",
      location: { path: "a,b:c%d.txt", lines: { begin: 3 } },
    },
  ]);
  expect(junitOf(one)).toContain('<failure type="known-token" message="&lt;100%&gt;&#10;sure">');
  expect(junitOf({ ...one, findings: [] })).toContain('tests="1" failures="0"');
  const [first] = one.findings;
  const many = { ...one, findings: Array.from({ length: 25 }, () => first as never) };
  expect(githubOf(many).split("\n").filter(Boolean)).toHaveLength(11);
  expect(githubOf(many)).toContain("::notice::15 more findings of kseal check are in the log\n");
});

test("a baseline hides what it has, wherever its line is now, and nothing that comes new", async () => {
  const bench = await workbench({ "a.env": `TOKEN=${random}\n` });
  const baseline = "known.json";
  const written = await run(bench, { baseline, writeBaseline: true });
  expect(written).toMatchObject({ findings: [], known: 1 });
  expect(await bench.read(baseline)).toBe(
    '{"version":1,"findings":[\n  ["high-entropy","a.env","TOKEN",1]\n]}\n',
  );
  await bench.write("a.env", `A=b\nTOKEN=${random}\nAPI_KEY=${random}\n`);
  const { findings, known } = await run(bench, { baseline });
  expect(findings.map(({ line, path }) => [line, path])).toEqual([[3, "API_KEY"]]);
  expect(known).toBe(1);
  await bench.write(baseline, "[]");
  await expect(run(bench, { baseline })).rejects.toMatchObject({ code: "FORMAT_INVALID" });
});

describe("in a Git repository", () => {
  const git = (bench: Workbench, ...args: readonly string[]): void => {
    const identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"];
    execFileSync("git", [...identity, ...args], { cwd: bench.host.cwd, stdio: "pipe" });
  };

  test("--staged reads what is in the index, not what is in the folder, and needs no commit", async () => {
    const token = `TOKEN=${random}\n`;
    const bench = await workbench({
      "staged.env": token,
      "fixed.env": token,
      "other.env": token,
      "ä b.env": token,
    });
    git(bench, "init", "-q");
    git(bench, "add", "staged.env", "fixed.env", "ä b.env");
    await bench.write("staged.env", "A=b\n");
    const files = async (options: Partial<CheckOptions> = {}) =>
      (await run(bench, { paths: [], staged: true, ...options })).findings.map(({ file }) => file);
    expect(await files()).toEqual(["fixed.env", "staged.env", "ä b.env"]);
    expect(await files({ paths: ["fixed.env"] })).toEqual(["fixed.env"]);
    git(bench, "commit", "-qm", "a");
    expect(await files()).toEqual([]);
    git(bench, "rm", "-q", "--cached", "fixed.env");
    expect(await files()).toEqual([]);
  });

  test("--since reads what differs from a revision, and new files that nobody has added", async () => {
    const bench = await workbench({ "a.env": `TOKEN=${random}\n`, "b.env": "A=b\n" });
    git(bench, "init", "-q");
    git(bench, "add", ".");
    git(bench, "commit", "-qm", "a");
    const files = async () =>
      (await run(bench, { paths: [], since: "HEAD" })).findings.map(({ file }) => file);
    expect(await files()).toEqual([]);
    await bench.write("b.env", `TOKEN=${random}\n`);
    await bench.write("new.env", `TOKEN=${random}\n`);
    symlinkSync("new.env", join(bench.host.cwd, "link.env"));
    expect(await files()).toEqual(["b.env", "new.env"]);
    await expect(run(bench, { paths: [], since: "nowhere" })).rejects.toMatchObject({
      code: "USAGE",
      message: "nowhere is no revision that Git knows",
    });
  });

  test("what Git ignores, links, loops, submodules, binary and huge files are passed over and counted", async () => {
    const token = `TOKEN=${random}\n`;
    const bench = await workbench({
      ".gitignore": "local.env\nnode_modules/\n",
      "local.env": token,
      "node_modules/a/b.env": token,
      "folder/a.env": token,
      "sub/.git": "gitdir: ../elsewhere\n",
      "sub/a.env": token,
      "binary.env": `${token}\0`,
      "huge.env": token.repeat(250_000),
    });
    git(bench, "init", "-q");
    symlinkSync("..", join(bench.host.cwd, "folder", "loop"));
    const { findings, skipped } = await run(bench);
    expect(findings.map(({ file }) => file)).toEqual(["folder/a.env"]);
    expect(skipped).toEqual({ links: 1, submodules: 1, large: 1, binary: 1 });
  });

  test("outside of one --staged is refused", async () => {
    const bench = await workbench({});
    await expect(run(bench, { paths: [], staged: true })).rejects.toMatchObject({
      code: "USAGE",
      message: "there is no Git repository here",
    });
  });
});

test("no text makes the search for secrets long", () => {
  const started = performance.now();
  for (const part of ["eyJ-", "eyJaaaaaaaaaaaa.", "://:", "a://b:", "-----BEGIN ", "secret: ", "{{", "${"]) {
    const text = part.repeat(500_000 / part.length);
    expect(checkTokens("a.yaml", text)).toEqual([]);
    expect(isClear(text)).toBe(true);
  }
  // Each takes some milliseconds; a pattern that goes back over the text takes many seconds.
  expect(performance.now() - started).toBeLessThan(5000);
});
