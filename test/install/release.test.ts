import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { version } from "../../src/version.ts";
import { makeFolder, readFolder, removeFolder } from "../support/folders.ts";
import { peer } from "../support/peers.ts";

const root = join(import.meta.dirname, "..", "..");
const workflows = join(root, ".github", "workflows");
const actionlint = peer("actionlint");
const repository = "somebody/kseal";

const platforms = ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64"] as const;
const archives = platforms.map(
  (platform) => `kseal-${version}-${platform}.${platform === "windows-amd64" ? "zip" : "tar.gz"}`,
);

/** A folder with archives, as the jobs of the release leave them. */
function released(names: readonly string[] = archives): string {
  const folder = makeFolder(Object.fromEntries(names.map((name) => [name, `the bytes of ${name}`])));
  onTestFinished(() => removeFolder(folder));
  return folder;
}

function releaseFiles(...args: readonly string[]) {
  const script = join(root, "scripts", "release-files.ts");
  return spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("what goes with the archives of a release", () => {
  test("the checksums are those of every file, in the form that sha256sum checks", () => {
    const folder = released([...archives, "kseal.cdx.json"]);
    expect(releaseFiles(repository, folder)).toMatchObject({ status: 0, stderr: "" });

    const checked = spawnSync("sha256sum", ["--check", "--strict", "checksums.txt"], {
      cwd: folder,
      encoding: "utf8",
    });
    const names = readdirSync(folder).filter((name) => name !== "checksums.txt");
    expect(checked).toMatchObject({ status: 0, stderr: "" });
    expect(checked.stdout).toBe(
      names
        .toSorted()
        .map((name) => `${name}: OK\n`)
        .join(""),
    );
    // Once more changes nothing.
    const before = [...readFolder(folder)];
    releaseFiles(repository, folder);
    expect([...readFolder(folder)]).toEqual(before);
  });

  test("krew finds each archive, what is in it and its checksum", () => {
    const folder = released();
    releaseFiles(repository, folder);
    const { apiVersion, kind, metadata, spec } = parse(readFileSync(join(folder, "kseal.yaml"), "utf8"));

    expect({ apiVersion, kind, metadata }).toEqual({
      apiVersion: "krew.googlecontainertools.github.com/v1alpha2",
      kind: "Plugin",
      metadata: { name: "kseal" },
    });
    expect(spec.version).toBe(`v${version}`);
    expect(spec.shortDescription.length).toBeLessThanOrEqual(50);
    expect(spec.platforms).toEqual(
      platforms.map((platform, at) => {
        const [os, arch] = platform.split("-");
        return {
          selector: { matchLabels: { os, arch } },
          uri: `https://github.com/${repository}/releases/download/v${version}/${archives[at]}`,
          sha256: sha256(`the bytes of ${archives[at]}`),
          bin: os === "windows" ? "kseal.exe" : "kseal",
        };
      }),
    );
  });

  test("the formula of Homebrew has an archive for every machine it runs on", () => {
    const folder = released();
    releaseFiles(repository, folder);
    const formula = readFileSync(join(folder, "kseal.rb"), "utf8");

    for (const [at, platform] of platforms.entries()) {
      const [os = "", arch = ""] = platform.split("-");
      if (os === "windows") continue;
      const [, block = ""] =
        new RegExp(`on_${os === "darwin" ? "macos" : os} do\n([\\s\\S]*?)\n  end\n`).exec(formula) ?? [];
      const [, inner = ""] =
        new RegExp(`on_${arch === "arm64" ? "arm" : "intel"} do\n([\\s\\S]*?)\n    end`).exec(block) ?? [];
      expect(inner).toContain(`/releases/download/v${version}/${archives[at]}"`);
      expect(inner).toContain(`sha256 "${sha256(`the bytes of ${archives[at]}`)}"`);
    }
    expect(formula).not.toContain("{{");
    // Every block is closed: `do`, `def` and `class` at the end or the beginning of a line.
    const opened = formula.match(/\bdo$|^ *def |^class /gm) ?? [];
    expect(formula.match(/^ *end$/gm)).toHaveLength(opened.length);
  });

  test("a platform that is missing stops it, and nothing is written", () => {
    const folder = released(archives.slice(1));
    const { status, stderr } = releaseFiles(repository, folder);

    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `release-files: not in ${folder}: kseal-${version}-linux-amd64.tar.gz\n`,
    });
    expect(readdirSync(folder)).toEqual(archives.slice(1).toSorted());
    expect(releaseFiles("kseal", folder)).toMatchObject({ status: 8 });
  });
});

describe("the workflows", () => {
  const files = readdirSync(workflows).map((name) => join(workflows, name));

  test.skipIf(actionlint === undefined)("are ones, by actionlint", () => {
    const lint = (...names: readonly string[]) =>
      spawnSync(actionlint ?? "", ["-no-color", "-shellcheck=", "-pyflakes=", ...names], {
        encoding: "utf8",
      });
    expect(lint(...files)).toMatchObject({ status: 0, stdout: "", stderr: "" });

    const folder = makeFolder({
      "broken.yaml": "on: push\njobs:\n  a:\n    runs-on: ubuntu-1\n    steps: []\n",
    });
    onTestFinished(() => removeFolder(folder));
    expect(lint(join(folder, "broken.yaml")).status).toBe(1);
  });

  test("name every action by its commit, with the version beside it", () => {
    const uses = files.flatMap((file) => readFileSync(file, "utf8").match(/^.*\buses:.*$/gm) ?? []);

    expect(uses.length).toBeGreaterThan(10);
    for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    // The same action is the same commit everywhere.
    const commits = new Set(uses.map((line) => line.replace(/^.*uses: /, "")));
    expect(new Set([...commits].map((commit) => commit.split("@")[0])).size).toBe(commits.size);
  });

  test("give rights job by job, and none to the checked-out repository", () => {
    for (const file of files) {
      const { permissions, jobs } = parse(readFileSync(file, "utf8"));
      expect(permissions).toEqual({ contents: "read" });
      for (const job of Object.values<{ steps: { uses?: string; with?: object }[] }>(jobs)) {
        for (const step of job.steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))) {
          expect(step.with).toMatchObject({ "persist-credentials": false });
        }
      }
    }
  });

  test("the release builds an executable for every platform that its manifests name", () => {
    const { jobs } = parse(readFileSync(join(workflows, "release.yaml"), "utf8"));
    const built = jobs.executables.strategy.matrix.include.map(
      ({ platform }: { platform: string }) => platform,
    );
    expect(built).toEqual([...platforms]);
    // Nothing is published before everything was tested and built.
    for (const name of ["archives", "npm", "images"]) {
      expect(jobs[name].needs).toEqual(["check", "executables"]);
    }
  });

  test("what decides whether a change lands is what runs here", () => {
    const { jobs } = parse(readFileSync(join(workflows, "ci.yaml"), "utf8"));
    expect(jobs.linux.steps.at(-1)).toEqual({ run: "bash .ci/run" });
  });
});

test("there is a bill of materials for what the package installs", () => {
  const script = join(root, "scripts", "sbom.ts");
  const { status, stdout } = spawnSync(process.execPath, [script, "cyclonedx"], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  expect(status).toBe(0);
  const { bomFormat, metadata, components } = JSON.parse(stdout);
  expect({ bomFormat, version: metadata.component.version }).toEqual({ bomFormat: "CycloneDX", version });
  const names = components.map(({ name }: { name: string }) => name);
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  // Whether the scope is a part of the name depends on the version of npm.
  for (const name of Object.keys(dependencies)) {
    expect(
      names.some((one: string) => one === name || one === name.split("/").at(-1)),
      name,
    ).toBe(true);
  }
  expect(names).not.toContain("vitest");
});
