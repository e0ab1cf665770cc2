import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { ApplyStage, planted, secretYaml } from "../support/apply-stage.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { consoleSections } from "../support/console-blocks.ts";
import type { KubeObject } from "../support/controller.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

/*
 * docs/ci.md: its commands typed in a repository in front of a real API server, the scripts of its pipelines run as the
 * runners would, its Job as far as there is a cluster without nodes.
 */

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "ci.md"), "utf8");
const [github = "", gitlab = "", job = ""] = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
  ([, text]) => text ?? "",
);

describe("docs/ci.md", () => {
  test.skipIf(peer("actionlint") === undefined)("the workflow passes actionlint", async () => {
    const { status, stdout } = await runProgram(
      [peer("actionlint") ?? "", "-shellcheck=", "-pyflakes=", "-"],
      {
        cwd: import.meta.dirname,
        env: { PATH: "/usr/bin:/bin" },
        stdin: github,
      },
    );
    expect(stdout.toString()).toBe("");
    expect(status).toBe(0);
  });

  test("its pipelines name stages, images and versions that are there", () => {
    const { stages, default: common, plan, deploy } = parse(gitlab);
    expect([plan.stage, deploy.stage]).toEqual(stages);
    const { version } = JSON.parse(
      readFileSync(join(import.meta.dirname, "..", "..", "package.json"), "utf8"),
    );
    expect(common.before_script).toEqual([`npm install --global --ignore-scripts kseal@${version}`]);
    expect(github).toContain(`run: ${common.before_script[0]}\n`);
  });

  describe.skipIf(!hasCluster)("in front of a real API server", () => {
    let cluster: TestCluster;
    let stage: ApplyStage;
    beforeAll(async () => {
      cluster = await startCluster({ controllerManager: false });
      await cluster.createNamespace("prod");
      stage = new ApplyStage(cluster);
      for (const folder of ["clusters/prod", "overlays/prod", "runner", "tools", "files/..data"]) {
        mkdirSync(join(stage.folder, folder), { recursive: true });
      }
      stage.write("clusters/prod/db.yaml", secretYaml("db", { password: `${planted}-1` }));
      stage.write("overlays/prod/web.yaml", secretYaml("web", { password: `${planted}-2` }));
      await stage.encrypt("clusters/prod/db.yaml", "overlays/prod/web.yaml");
      stage.write("overlays/prod/kustomization.yaml", "kind: Kustomization\nresources: [web.yaml]\n");
      const words = ksealCommand().map((word) => `'${word}'`);
      writeFileSync(join(stage.folder, "tools/kseal"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, {
        mode: 0o755,
      });
    });
    afterAll(async () => {
      stage?.remove();
      await cluster?.stop();
    });

    const shell = async (script: string, env: Record<string, string> = {}) => {
      const PATH = `${join(stage.folder, "tools")}:${stage.env["PATH"]}`;
      const { status, stdout, stderr } = await runProgram(
        ["bash", "--norc", "-eo", "pipefail", "-c", script],
        {
          cwd: stage.folder,
          env: { ...stage.env, PATH, ...env },
        },
      );
      expect(stdout.toString() + (env["GITHUB_ACTIONS"] ? "" : stderr)).not.toContain(planted);
      return { status, output: stdout.toString() + stderr };
    };

    test("its commands", async () => {
      const commands = consoleSections("ci.md").flatMap(({ steps }) => steps.map(({ command }) => command));
      expect(commands.length).toBeGreaterThan(6);
      for (const command of commands) {
        if (command.includes("kustomize build") && peer("kustomize") === undefined) continue;
        const { status, output } = await shell(command);
        // The first ones find that nothing is there yet, and those of the set that its label is missing.
        expect(status, `${command}\n${output}`).toBe(command.includes("--check") ? 1 : 0);
      }
      expect((await stage.get("prod", "secrets", "web"))?.["data"]).toBeDefined();
    });

    test("the steps of the workflow, as GitHub runs them", async () => {
      const { steps } = parse(github).jobs.apply;
      const named = (name: string): KubeObject => steps.find((step: KubeObject) => step["name"] === name);
      const runner = {
        RUNNER_TEMP: join(stage.folder, "runner"),
        GITHUB_ENV: join(stage.folder, "runner", "env"),
        GITHUB_ACTIONS: "true",
      };
      const connect = named("Connect to the cluster");
      await shell(connect["run"], { ...runner, KUBECONFIG_TEXT: readFileSync(cluster.kubeconfig, "utf8") });
      const [, kubeconfig = ""] = /^KUBECONFIG=(.*)$/m.exec(readFileSync(runner.GITHUB_ENV, "utf8")) ?? [];
      expect(Object.keys(connect["env"])).toEqual(["KUBECONFIG_TEXT"]);

      for (const name of ["Show what would change", "Apply"]) {
        expect(Object.keys(named(name)["env"])).toEqual(["SOPS_AGE_KEY"]);
        const { status, output } = await shell(named(name)["run"], { ...runner, KUBECONFIG: kubeconfig });
        expect(status, output).toBe(0);
        expect(output).toContain(`::add-mask::${planted}-1\n`);
      }
      expect(await stage.get("default", "configmaps", "kseal-shop")).toBeDefined();
    });

    test("the scripts of the pipeline, as GitLab runs them", async () => {
      const keys = join(stage.folder, "runner", "age.txt");
      writeFileSync(keys, `${stage.env["SOPS_AGE_KEY"]}\n`);
      const { plan, deploy } = parse(gitlab);
      for (const command of [...plan.script, ...deploy.script]) {
        const { status, output } = await shell(command, {
          SOPS_AGE_KEY: "",
          SOPS_AGE_KEY_FILE: keys,
          GITLAB_CI: "true",
          CI: "true",
        });
        expect(status, output).toBe(0);
      }
    });

    test("the Job is accepted, and its account may do what it does and not more", async () => {
      const documents = parseAllDocuments(job).map((document) => document.toJS() as KubeObject);
      await cluster.kubectl(["apply", "--server-side", "--validate=strict", "-f", "-"], { stdin: job });
      await cluster.kubectl(["delete", "-n", "prod", "secret", "db"]);
      const spec = documents.find(({ kind }) => kind === "Job")?.["spec"]?.template?.spec ?? {};
      const [container] = spec.containers;
      stage.write("files/..data/db.yaml", readFileSync(join(stage.folder, "clusters/prod/db.yaml"), "utf8"));
      const args = container.args.map((word: string) => word.replace(/^\/files\//, "files/..data/"));

      const { status, output } = await shell(`kseal ${args.join(" ")}`, {
        KUBECONFIG: await cluster.serviceAccountKubeconfig("prod", spec.serviceAccountName),
      });

      expect(status, output).toBe(0);
      expect(await stage.get("prod", "secrets", "db")).toBeDefined();
      const account = `--as=system:serviceaccount:prod:${spec.serviceAccountName}`;
      const may = await cluster.exec([
        peer("kubectl") ?? "",
        ...["auth", "can-i", "get", "secrets", "-n", "kube-system", account],
      ]);
      expect(may.stdout.toString()).toBe("no\n");
    });
  });
});
