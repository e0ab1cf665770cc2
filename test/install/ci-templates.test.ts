import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { version } from "../../src/version.ts";
import { random } from "../ops/check-planted.ts";
import { Clone } from "../support/clone.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

/*
 * What other repositories use: `action.yml` and `packaging/gitlab`. The steps run as a runner runs them, against a
 * release on this machine.
 */

const root = join(import.meta.dirname, "..", "..");
const action = parse(readFileSync(join(root, "action.yml"), "utf8"));
const archive = `kseal-${version}-linux-amd64.tar.gz`;

interface Step {
  readonly name: string;
  readonly shell: string;
  readonly run: string;
  readonly if?: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A server with one release: an archive whose kseal is the one that is tested. */
async function release(change: (files: Map<string, Buffer>) => void = () => {}): Promise<string> {
  const stage = new Clone("stage");
  const words = ksealCommand().map((word) => `'${word}'`);
  stage.write("kseal", `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
  chmodSync(join(stage.folder, "kseal"), 0o755);
  stage.write("README.md", "x\n");
  const bytes = execFileSync("tar", ["-C", stage.folder, "-cz", "."]);
  const sum = createHash("sha256").update(bytes).digest("hex");
  const files = new Map([
    [archive, bytes],
    ["checksums.txt", Buffer.from(`${"0".repeat(64)}  other.tar.gz\n${sum}  ${archive}\n`)],
  ]);
  change(files);
  const server = createServer((request, answer) => {
    const [, name = ""] =
      new RegExp(`^/somebody/kseal/releases/download/v${version}/(.*)$`).exec(request.url ?? "") ?? [];
    const content = files.get(name);
    answer.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Runs the steps of the action in a repository, as a runner does. */
async function runAction(
  clone: Clone,
  server: string,
  given: Readonly<Record<string, string>> = {},
  runner: Readonly<Record<string, string>> = {},
) {
  const inputs = Object.fromEntries(
    Object.entries<{ default: string }>(action.inputs).map(([name, input]) => [
      name,
      given[name] ?? String(input.default),
    ]),
  );
  const github: Record<string, string> = { "github.action_repository": "somebody/kseal" };
  const evaluated = (text: string) =>
    text.replace(/^\$\{\{ (.*) \}\}$/, (_, expression: string) => {
      const words = expression.split(" || ");
      const found = words.map((word) => inputs[word.replace("inputs.", "")] || github[word]);
      return found.find((value) => value !== undefined && value !== "") ?? "";
    });
  const files = ["path", "output"].map((name) => join(clone.root, name)) as [string, string];
  for (const file of files) writeFileSync(file, "");
  const steps: { status: number | string; output: string }[] = [];
  for (const step of action.runs.steps as readonly Step[]) {
    if (step.if !== undefined) {
      expect(step.if).toBe("inputs.check == 'true'");
      if (inputs["check"] !== "true") continue;
    }
    expect(step.shell).toBe("bash");
    const path = readFileSync(files[0], "utf8").split("\n").filter(Boolean).reverse();
    const { status, stdout, stderr } = await runProgram(
      ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.run],
      {
        cwd: clone.folder,
        env: {
          ...clone.env,
          PATH: [...path, clone.env["PATH"]].join(":"),
          GITHUB_ACTIONS: "true",
          GITHUB_ACTION_PATH: root,
          GITHUB_SERVER_URL: server,
          GITHUB_PATH: files[0],
          GITHUB_OUTPUT: files[1],
          RUNNER_TEMP: join(clone.root, "temp"),
          RUNNER_OS: "Linux",
          RUNNER_ARCH: "X64",
          ...runner,
          ...Object.fromEntries(Object.entries(step.env).map(([name, text]) => [name, evaluated(text)])),
        },
      },
    );
    steps.push({ status, output: stdout.toString("utf8") + stderr });
    if (status !== 0) break;
  }
  return { steps, output: readFileSync(files[1], "utf8"), path: readFileSync(files[0], "utf8") };
}

function repository(): Clone {
  const clone = new Clone();
  mkdirSync(join(clone.root, "temp"));
  clone.must("init", "-q", "-b", "main");
  clone.write("apps/a b.env", "A=b\n");
  clone.must("add", "-A");
  clone.must("commit", "-qm", "sound");
  return clone;
}

describe("the GitHub Action", () => {
  test("installs the release of its own version, and every expression in it is known", () => {
    expect(action.inputs.version.default).toBe(version);
    expect(action.runs.using).toBe("composite");
    const texts = JSON.stringify(action.runs.steps).match(/\$\{\{ .*? \}\}/g) ?? [];
    const names = texts.flatMap((text) => text.match(/inputs\.\w+/g) ?? []).map((name) => name.slice(7));
    expect([...new Set([...names, "check"])].sort()).toEqual(Object.keys(action.inputs).sort());
  });

  test("a sound repository: kseal is on PATH afterwards, and the findings are none", async () => {
    const clone = repository();
    const { steps, output, path } = await runAction(clone, await release());
    expect(steps).toEqual([
      { status: 0, output: `kseal ${version}\n` },
      { status: 0, output: "1 file: nothing wrong\n" },
    ]);
    expect(output).toBe("sarif=kseal.sarif\n");
    expect(JSON.parse(clone.read("kseal.sarif")).runs[0].results).toEqual([]);
    expect(existsSync(join(path.trim(), "kseal"))).toBe(true);
  });

  test("a finding fails the step, stands at its line and in the file for code scanning", async () => {
    const clone = repository();
    clone.write("apps/a b.env", `TOKEN=${random}\n`);
    clone.write("-other.env", `TOKEN=${random}\n`);
    const { steps, output } = await runAction(clone, await release(), {
      paths: "apps/a b.env\n",
      sarif: "out.sarif",
    });
    expect(steps[1]?.status).toBe(1);
    expect(steps[1]?.output).toContain("\n::warning file=apps/a b.env,line=1,title=kseal high-entropy::");
    expect(output).toBe("sarif=out.sarif\n");
    expect(JSON.parse(clone.read("out.sarif")).runs[0].results).toHaveLength(1);
    const since = await runAction(clone, await release(), { since: "HEAD", paths: "-other.env" });
    expect(since.steps[1]?.output).toContain("-other.env:1: warning high-entropy");
    expect(since.steps[1]?.output).toContain("1 file: 1 warning");
    await clone.kseal("check", "--baseline", "known.json", "--write-baseline");
    const known = await runAction(clone, await release(), { baseline: "known.json", since: "HEAD" });
    expect(known.steps[1]).toMatchObject({ status: 0 });
  });

  test("knows every archive that a release has", () => {
    const names = (file: string) =>
      readFileSync(join(root, file), "utf8").match(/\b(?:linux|darwin|windows)-(?:amd64|arm64)\b/g) ?? [];
    const released = new Set(names("scripts/release-files.ts"));
    expect(released.size).toBe(5);
    expect(new Set(names("packaging/github-action/install.sh"))).toEqual(released);
  });

  test("only installs when check is false", async () => {
    const { steps } = await runAction(repository(), await release(), { check: "false" });
    expect(steps).toHaveLength(1);
  });

  test.for<[string, Parameters<typeof release>[0], Record<string, string>, Record<string, string>, RegExp]>([
    [
      "another archive than the checksums say",
      (files) => appendTo(files, archive),
      {},
      {},
      /has the checksum [0-9a-f]{64}, and [0-9a-f]{64} was expected: it is not installed/,
    ],
    [
      "another archive than the workflow says, whatever the checksums say",
      undefined,
      { sha256: "a".repeat(64) },
      {},
      /and a{64} was expected/,
    ],
    [
      "an archive that the checksums do not name",
      (files) => files.set("checksums.txt", Buffer.from("")),
      {},
      {},
      /and none was expected/,
    ],
    ["no checksums", (files) => files.delete("checksums.txt"), {}, {}, /cannot fetch .*checksums\.txt/],
    [
      "a version that is not there",
      undefined,
      { version: "9.9.9" },
      {},
      /cannot fetch .*kseal-9\.9\.9-linux/,
    ],
    ["a version that is none", undefined, { version: "1/../../x" }, {}, /no version of kseal: 1/],
    ["a repository that is none", undefined, { repository: "x" }, {}, /no OWNER\/REPOSITORY: x/],
    [
      "a machine without an executable",
      undefined,
      {},
      { RUNNER_ARCH: "ARM" },
      /no executable of kseal for Linux on ARM/,
    ],
  ])("%s: nothing is installed", async ([, change, inputs, runner, message]) => {
    const { steps, path } = await runAction(repository(), await release(change), inputs, runner);
    expect(steps).toHaveLength(1);
    expect(steps[0]?.output).toMatch(/::error title=kseal::/);
    expect(steps[0]?.output).toMatch(message);
    expect([steps[0]?.status, path]).toEqual([1, ""]);
  });

  const actionlint = peer("actionlint");
  test.skipIf(actionlint === undefined)(
    "actionlint takes workflows that use it, and knows its inputs",
    async () => {
      const clone = new Clone();
      clone.must("init", "-q");
      clone.write("action.yml", readFileSync(join(root, "action.yml")));
      const lint = async (input: string) => {
        clone.write(
          ".github/workflows/a.yaml",
          `on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: ./\n        id: kseal\n        with: { ${input}: x }\n      - run: echo \${{ steps.kseal.outputs.sarif }}\n`,
        );
        return clone.run(actionlint ?? "", "-no-color", "-shellcheck=", "-pyflakes=");
      };
      expect(await lint("since")).toEqual({ status: 0, stdout: "", stderr: "" });
      expect((await lint("sinse")).stdout).toContain('input "sinse" is not defined in action "kseal check"');
    },
  );
});

test("docs/review.md uses both in this version, with inputs that they have", async () => {
  const page = readFileSync(join(root, "docs", "review.md"), "utf8");
  const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
  const workflow = blocks.find((text) => text.includes("runs-on:")) ?? "";
  const step = parse(workflow).jobs.check.steps.find(({ uses = "" }) => uses.startsWith("OWNER/kseal@"));
  expect(step.uses).toBe(`OWNER/kseal@v${version}`);
  expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(step.with)));
  const said = /Its inputs: ([^;]*?), and `check: "false"`/.exec(page)?.[1] ?? "";
  expect([...said.matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual(
    Object.keys(action.inputs).filter((name) => name !== "check"),
  );
  const actionlint = peer("actionlint");
  if (actionlint !== undefined) {
    const { stdout } = await runProgram([actionlint, "-no-color", "-shellcheck=", "-pyflakes=", "-"], {
      cwd: root,
      env: { PATH: "/usr/bin:/bin" },
      stdin: workflow,
    });
    expect(stdout.toString()).toBe("");
  }
  const gitlab = parse(blocks.find((text) => text.startsWith("include:")) ?? "");
  const [, tag, path = ""] = /\/kseal\/(v[\d.]+)\/(.*)$/.exec(gitlab.include[0].remote) ?? [];
  expect([tag, existsSync(join(root, path))]).toEqual([`v${version}`, true]);
  expect(Object.keys(gitlab.variables)).toEqual(["KSEAL_CHECK"]);
});

describe("the template for GitLab", () => {
  const { variables, "kseal-check": job } = parse(
    readFileSync(join(root, "packaging", "gitlab", "kseal-check.yml"), "utf8"),
  );

  test("installs this version with the clients of the registry, and nothing runs at that", () => {
    expect(variables.KSEAL_VERSION).toBe(version);
    expect(job.before_script).toEqual(['npm install --global --ignore-scripts "kseal@$KSEAL_VERSION"']);
    const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(job.image).toBe(`node:${/\d+/.exec(engines.node)?.[0]}`);
  });

  test("its script fails for a finding and leaves the reports that its artifacts name", async () => {
    const clone = repository();
    clone.install();
    const run = (args = "") =>
      runProgram(["bash", "-eo", "pipefail", "-c", job.script.join("\n")], {
        cwd: clone.folder,
        env: { ...clone.env, GITLAB_CI: "true", KSEAL_CHECK: args },
      });
    expect(await run(variables.KSEAL_CHECK)).toMatchObject({ status: 0 });
    const { codequality, junit } = job.artifacts.reports;
    expect(JSON.parse(clone.read(codequality))).toEqual([]);
    clone.write("app.env", `TOKEN=${random}\n`);
    const { status, stdout } = await run("--since HEAD app.env");
    expect(status).toBe(1);
    expect(stdout.toString()).toContain("app.env:1: warning high-entropy, TOKEN");
    expect(JSON.parse(clone.read(codequality))[0].location.path).toBe("app.env");
    expect(clone.read(junit)).toContain('failures="1"');
  });
});

/** Changes a file of a release. */
function appendTo(files: Map<string, Buffer>, name: string): void {
  files.set(name, Buffer.concat([files.get(name) ?? Buffer.alloc(0), Buffer.from("x")]));
}
