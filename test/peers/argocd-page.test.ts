import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { announceParameters, readArgocdSettings } from "../../src/ops/argocd-settings.ts";
import { version } from "../../src/version.ts";
import { argocdInstall } from "../support/argocd-install.ts";
import { pluginCommands } from "../support/argocd-plugin.ts";
import { hasCluster, startCluster, type TestCluster } from "../support/cluster.ts";
import { type ConsoleStep, consoleSections } from "../support/console-blocks.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { manifests } from "../support/install.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { matchesLines } from "../support/transcript.ts";

/*
 * docs/argocd.md, typed from top to bottom in an empty folder; Argo CD itself is not there, so its repo-server is one in
 * name, in a real cluster without nodes.
 */

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "argocd.md"), "utf8");
const [application = "", kustomization = "", components = ""] = [
  ...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm),
].map(([, text]) => text ?? "");
const executable = join(import.meta.dirname, "..", "..", "build", "kseal");
const kustomize = peer("kustomize");

test("the Application of the page names the plugin, and parameters that there are", () => {
  const { plugin } = parse(application).spec.source;
  const { metadata, spec } = parse(readFileSync(manifests("argocd/sidecar/plugin.yaml"), "utf8"));

  // With a version the name would be NAME-VERSION.
  expect(spec).not.toHaveProperty("version");
  expect(plugin.name).toBe(metadata.name);
  expect(pluginCommands.generate).toEqual(["kseal", "argocd", "generate"]);
  expect(readArgocdSettings({ ARGOCD_APP_PARAMETERS: JSON.stringify(plugin.parameters) })).toMatchObject({
    recurse: true,
    exclude: ["values.yaml"],
  });
});

test("the table of parameters has all of them", () => {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| /gm)].map(([, name]) => name);
  expect(rows).toEqual(announceParameters(false).map(({ name }) => name));
});

describe.skipIf(!hasCluster || kustomize === undefined)("the commands of the page", () => {
  const place = makeFolder({ "home/.keep": "", "tools/.keep": "", "work/.keep": "" });
  const [home = "", tools = "", work = ""] = ["home", "tools", "work"].map((name) => join(place, name));
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ controllerManager: false });
    const words = ksealCommand().map((word) => `'${word}'`);
    writeFileSync(join(tools, "kseal"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
    symlinkSync(kustomize ?? "", join(tools, "kustomize"));
    symlinkSync(peer("kubectl") ?? "", join(tools, "kubectl"));
    writeFileSync(join(work, "install.yaml"), argocdInstall);
    writeFileSync(join(work, "kustomization.yaml"), kustomization);
    cpSync(manifests("argocd"), join(work, "kseal/controller/manifests/argocd"), { recursive: true });
  });
  afterAll(async () => {
    removeFolder(place);
    await cluster?.stop();
  });

  const exported: string[] = [];
  async function play({ command, output, status }: ConsoleStep, path = tools): Promise<void> {
    // What one line sets in the environment, the next ones have.
    if (command.startsWith("export ")) exported.push(command);
    const script = ["exec 2>&1", ...exported, command].join("\n");
    const printed = await runProgram(["bash", "--norc", "-euo", "pipefail", "-c", script], {
      cwd: work,
      env: { PATH: `${path}:${process.env["PATH"]}`, HOME: home, KUBECONFIG: cluster.kubeconfig },
    });
    const lines = printed.stdout.toString("utf8").split("\n");
    // A first line of `…` is any number of lines.
    const [first, ...rest] = output;
    const shown = first === "…" ? rest : output;
    const text = lines.slice(first === "…" ? -1 - rest.length : 0).join("\n");
    expect({ command, text, status: printed.status }).toSatisfy(
      () => printed.status === status && matchesLines(text, shown),
      `wanted: ${JSON.stringify({ status, output }, null, 1)}`,
    );
  }

  const needExecutable = "Beside the kustomize of the repo-server";
  for (const { heading, steps } of consoleSections("argocd.md")) {
    test.skipIf(heading === needExecutable && !existsSync(executable))(heading, async () => {
      if (heading === needExecutable) {
        writeFileSync(join(tools, "kseal"), `#!/bin/sh\nexec '${executable}' "$@"\n`, { mode: 0o755 });
      }
      for (const step of steps) await play(step);
    });
  }

  test("the cluster has the sidecar, and what the page says about it is true", async () => {
    const { spec } = JSON.parse(
      await cluster.kubectl([
        "--namespace",
        "argocd",
        "get",
        "deployment",
        "argocd-repo-server",
        "-o",
        "json",
      ]),
    ).spec.template;
    const sidecar = spec.containers.find(({ name }: { name: string }) => name === "kseal");

    expect(sidecar.image).toBe(`registry.example/kseal-argocd:v${version}`);
    expect(sidecar.env).toContainEqual({ name: "ARGOCD_EXEC_TIMEOUT", value: "150s" });
    expect(sidecar.env).toContainEqual({ name: "SOPS_AGE_KEY_FILE", value: "/kseal/keys/age.txt" });
    const secret = JSON.parse(
      await cluster.kubectl(["--namespace", "argocd", "get", "secret", "kseal-keys", "-o", "json"]),
    );
    expect(Object.keys(secret.data)).toEqual(["age.txt"]);
  });

  test("the other components that the page names are there", () => {
    const named = [...parse(components).components, "kseal/controller/manifests/argocd/health"];
    for (const path of named) {
      expect(page).toContain(path);
      expect(existsSync(join(work, path, "kustomization.yaml")), path).toBe(true);
    }
  });
});
