import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { version } from "../../src/version.ts";
import { consoleSections } from "../support/console-blocks.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { imageTarget } from "../support/image-contents.ts";
import { peers } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { matchesLines } from "../support/transcript.ts";

/*
 * docs/install.md. Nothing is published, so what fetches or verifies a release is held against what the workflow writes.
 */

const root = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(root, "docs", "install.md"), "utf8");
const release = readFileSync(join(root, ".github", "workflows", "release.yaml"), "utf8");
const scripts = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? "").join("");
const executable = join(root, "build", "kseal");

describe("docs/install.md", () => {
  test("its scripts are ones for a shell", async () => {
    const checked = await runProgram(["bash", "-n"], { cwd: root, env: {}, stdin: scripts });
    expect(checked).toMatchObject({ status: 0, stderr: "" });
  });

  test("fetches and verifies what the workflow of the release writes", () => {
    const { jobs } = parse(release);
    const built = jobs.executables.strategy.matrix.include.map(
      ({ platform }: { platform: string }) => platform,
    );
    const [, platform] = /platform=(\S+)/.exec(scripts) ?? [];
    expect(built).toContain(platform);

    // Whose signature it is: this file, at the tag.
    const identity = /--certificate-identity "?(\S+?)"?$/gm;
    for (const [, who = ""] of scripts.matchAll(identity)) {
      expect(who).toMatch(
        /^https:\/\/github\.com\/OWNER\/kseal\/\.github\/workflows\/release\.yaml@refs\/tags\/v(?:\$version|[\d.]+)$/,
      );
    }
    expect(release).toContain('tags: ["v*"]');
    for (const file of [
      "checksums.txt",
      "checksums.txt.sigstore.json",
      "kseal.cdx.json",
      "kseal.spdx.json",
    ]) {
      expect(page).toContain(file);
      expect(release).toContain(file);
    }
    for (const name of ["kseal.yaml", "kseal.rb"]) {
      expect(page).toContain(name);
      expect(readFileSync(join(root, "scripts", "release-files.ts"), "utf8")).toContain(`"${name}"`);
    }
  });

  test("names images, a chart and versions that there are", () => {
    for (const [, target = ""] of scripts.matchAll(/--target (\S+)/g)) {
      expect(imageTarget(target).entryPoint).not.toEqual([]);
      expect(scripts).toContain(`--tag registry.example/kseal-${target}:v${version} .`);
    }
    const { name } = parse(readFileSync(join(root, "controller", "chart", "Chart.yaml"), "utf8"));
    expect(scripts).toContain(`/charts/${name} --version ${version} `);
    expect(release).toContain(`/${name}-$`);
    for (const [, said] of page.matchAll(/v(\d+\.\d+\.\d+)/g)) expect(said).toBe(version);
  });

  test("builds from a clone with scripts that the package has", () => {
    const { scripts: known } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const commands = consoleSections("install.md")[0]?.steps.map(({ command }) => command) ?? [];
    const bun = peers.find(({ name }) => name === "bun");

    // All of them are steps of .ci/run.
    expect(commands).toEqual([
      "npm ci",
      `npm run peers -- bun-${bun?.version}`,
      "npm run build:exe",
      "build/kseal --version",
    ]);
    expect(Object.keys(known)).toEqual(expect.arrayContaining(["peers", "build:exe"]));
    for (const [, script = ""] of page.matchAll(/npm run ([\w:-]+)/g)) expect(known).toHaveProperty([script]);
  });

  test.skipIf(!existsSync(executable))("the executable under other names", async () => {
    const folder = makeFolder({ "home/.keep": "" });
    onTestFinished(() => removeFolder(folder));
    const steps =
      consoleSections("install.md").find(({ heading }) => heading === "The executable")?.steps ?? [];
    expect(steps.length).toBe(4);
    for (const { command, output, status } of steps) {
      const script = `kseal() { '${executable}' "$@"; }\nexec 2>&1\n${command}`;
      const printed = await runProgram(["bash", "--norc", "-c", script], {
        cwd: folder,
        env: { HOME: join(folder, "home"), PATH: "/usr/bin:/bin" },
      });
      expect(printed.status).toBe(status);
      expect(matchesLines(printed.stdout.toString("utf8"), output), printed.stdout.toString("utf8")).toBe(
        true,
      );
    }
  });
});
