import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readManifest } from "../../src/formats/manifest.ts";
import { lineAt } from "../../src/formats/manifest-lines.ts";
import { checkRules } from "../../src/ops/check-rules.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { planted, plantedRepository } from "./check-planted.ts";
import { sarifProblems } from "./sarif-shape.ts";
import { sealed, sealedDefects } from "./sealed-planted.ts";

/*
 * `kseal check` as a CI without any key runs it, on a repository in which everything that it can find is planted: what it
 * says on standard output, and the reports that it writes for others.
 */

interface Reported {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly severity: string;
}

interface Reports {
  readonly status: number | string;
  readonly found: readonly Reported[];
  /** What was written to a file, by its format. */
  readonly report: (format: string) => string;
}

// One file each, in a folder of its own: copies of one object would be a finding themselves.
const sealedFiles = sealedDefects.map(([what, plant, rule, path], at) => {
  const object = sealed();
  plant(object);
  return { file: `sealed/${at}.json`, text: JSON.stringify(object, null, 2), what, rule, path };
});

async function checkAll(): Promise<Reports> {
  const { host, write } = await plantedRepository();
  await host.makeFolder(host.resolve("sealed"));
  for (const { file, text } of sealedFiles) await write(file, text);
  execFileSync("git", ["init", "-q"], { cwd: host.cwd });
  execFileSync("git", ["add", "-A"], { cwd: host.cwd });
  const reports = ["sarif", "gitlab", "junit", "github"].flatMap((format) => [
    "-o",
    `${format}=../report.${format}`,
  ]);
  const { status, stdout } = await runInProcess(["check", "-o", "json", ...reports], {
    cwd: host.cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: host.cwd, CI: "true" },
  });
  return {
    status,
    found: JSON.parse(stdout.toString()).findings,
    report: (format) => readFileSync(join(host.cwd, "..", `report.${format}`), "utf8"),
  };
}

const shown = ({ file, line, rule }: Reported): string => `${file}:${line} ${rule}`;

test("a repository with every finding in it, in a CI without a key: each once, at its line, in every report", {
  timeout: 60_000,
}, async () => {
  const { status, found, report } = await checkAll();
  expect(status).toBe(1);
  const all = found.map(shown);
  expect(all).toEqual([...new Set(all)]);
  // The lines of these are compared in check.test.ts.
  const outside = found.filter(({ file }) => !file.startsWith("sealed/"));
  expect(outside.map(({ file, rule }) => `${file} ${rule}`).toSorted()).toEqual(
    planted.map(({ file, rule }) => `${file} ${rule}`).toSorted(),
  );
  const rules = new Set(found.map(({ rule }) => rule));
  // Whether a file opens takes a key.
  expect(Object.keys(checkRules).filter((name) => !rules.has(name))).toEqual(["sops-opens"]);
  for (const { file, text, what, rule, path } of sealedFiles) {
    const here = found.filter((one) => one.file === file && one.rule === `sealed-${rule}`);
    const manifest = await readManifest(new TextEncoder().encode(text), { file });
    expect({ what, lines: here.map(({ line }) => line) }).toEqual({
      what,
      lines: [path === "" ? 1 : lineAt(manifest, 0, stepsOf(path))],
    });
  }

  const sarif = JSON.parse(report("sarif"));
  expect(sarifProblems(sarif)).toEqual([]);
  const [run] = sarif.runs;
  const inSarif = run.results.map((one: SarifResult) => {
    const { artifactLocation, region } = one.locations[0].physicalLocation;
    return `${decodeURIComponent(artifactLocation.uri)}:${region.startLine} ${one.ruleId}`;
  });
  expect(inSarif).toEqual(all);
  for (const [broken, problem] of [
    [{ ...sarif, version: "2.0.0" }, "sarif.version is none of 2.1.0"],
    [{ ...sarif, runs: [{ ...run, tool: undefined }] }, "sarif.runs[0].tool is no object"],
    [{ ...sarif, runs: [{ ...run, result: [] }] }, "sarif.runs[0] may not have result"],
    [
      { ...sarif, runs: [{ ...run, results: [{ level: "error" }] }] },
      "sarif.runs[0].results[0] has no message",
    ],
  ] as const) {
    expect(sarifProblems(broken)).toContain(problem);
  }

  const gitlab = JSON.parse(report("gitlab")) as readonly GitlabIssue[];
  const inGitlab = gitlab.map(
    ({ location, check_name: name }) => `${location.path}:${location.lines.begin} ${name}`,
  );
  expect(inGitlab).toEqual(all);
  expect(new Set(gitlab.map(({ fingerprint }) => fingerprint)).size).toBe(all.length);
  const fields = ["check_name", "description", "fingerprint", "location", "severity"];
  for (const issue of gitlab) {
    expect(Object.keys(issue).toSorted()).toEqual(fields);
    expect(["info", "minor", "major", "critical", "blocker"]).toContain(issue.severity);
    expect(issue.location.path).not.toMatch(/^\.?\//);
  }

  const failed = found.filter(({ severity }) => severity !== "note").length;
  expect(report("junit")).toContain(`tests="${failed}" failures="${failed}"`);
  expect(report("junit").match(/<testcase /g)).toHaveLength(failed);
  expect(isWellFormed(report("junit"))).toBe(true);
  expect(isWellFormed(report("junit").replace("</failure>", ""))).toBe(false);
  expect(report("github").match(/^::error /gm)).toHaveLength(10);
});

/** A path as `verify` prints it, in its steps. */
function stepsOf(path: string): readonly string[] {
  return [...path.matchAll(/\["([^"]+)"\]|([^.[\]]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

interface SarifResult {
  readonly ruleId: string;
  readonly locations: readonly [{ readonly physicalLocation: Place }];
}

interface Place {
  readonly artifactLocation: { readonly uri: string };
  readonly region: { readonly startLine: number };
}

interface GitlabIssue {
  readonly check_name: string;
  readonly description: string;
  readonly fingerprint: string;
  readonly severity: string;
  readonly location: { readonly path: string; readonly lines: { readonly begin: number } };
}

/** Whether every element ends in its place, and no text has a sign that XML reserves. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  let rest = xml.replace(/^<\?xml[^>]*\?>\n/, "");
  for (let tag = /<(\/?)(\w+)((?: \w+="[^"<]*")*)(\/?)>/.exec(rest); tag; ) {
    if (/[<>]|&(?!(?:amp|lt|gt|quot|#10);)/.test(rest.slice(0, tag.index))) return false;
    const [whole, closing, name = "", , empty] = tag;
    if (closing === "/" && open.pop() !== name) return false;
    if (closing === "" && empty === "") open.push(name);
    rest = rest.slice(tag.index + whole.length);
    tag = /<(\/?)(\w+)((?: \w+="[^"<]*")*)(\/?)>/.exec(rest);
  }
  return open.length === 0 && rest.trim() === "";
}
