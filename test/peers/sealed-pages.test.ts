import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { addBitnamiController, hasBitnamiController } from "../support/cluster-bitnami.ts";
import { type ConsoleStep, consoleSections } from "../support/console-blocks.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { matchesLines } from "../support/transcript.ts";

/*
 * The pages about SealedSecrets, typed from top to bottom in an empty folder. What is printed has to be what the page
 * shows, but for what comes out different each time: ciphertext, fingerprints, serial numbers, dates, age recipients.
 */

/** These ask a real API server, and the real controller behind it. */
const inCluster = [
  "Certificates of a cluster",
  "Pinning what a cluster serves",
  "Verifying with the cluster",
  "Re-sealing through the cluster",
];

describe("docs/sealed-secrets.md", () => {
  const place = workplace();
  const sections = consoleSections("sealed-secrets.md");
  let cluster: TestCluster | undefined;
  beforeAll(async () => {
    if (!hasBitnamiController) return;
    cluster = await startCluster({ controllerManager: false });
    await addBitnamiController(cluster);
    // As somebody has it who calls the administrator of this cluster so.
    const kubeconfig = JSON.parse(readFileSync(cluster.kubeconfig, "utf8"));
    kubeconfig.contexts[0].name = "staging-admin";
    mkdirSync(join(place.home, ".kube"));
    writeFileSync(join(place.home, ".kube", "config"), JSON.stringify(kubeconfig));
  });
  afterAll(async () => {
    place.remove();
    await cluster?.stop();
  });

  test("says in the heading what asks a cluster", () => {
    const asking = sections.filter(({ steps }) =>
      steps.some(({ command }) => /staging|--context|--online|--fetch/.test(command)),
    );
    expect(asking.map(({ heading }) => heading)).toEqual(inCluster);
  });

  test("a page that shows something else than what is printed is found", async () => {
    const command = "echo sealed 2 values";
    await place.play({ command, output: ["sealed 2 values"], status: 0 });
    await expect(place.play({ command, output: ["sealed 3 values"], status: 0 })).rejects.toThrow("wanted");
    await expect(place.play({ command, output: ["sealed 2 values"], status: 1 })).rejects.toThrow("wanted");
    await expect(place.play({ command, output: [], status: 0 })).rejects.toThrow("wanted");
  });

  for (const { heading, steps } of sections) {
    test.skipIf(inCluster.includes(heading) && !hasBitnamiController)(heading, async () => {
      for (const step of steps) await place.play(step);
    });
  }
});

describe("docs/flux.md", () => {
  const place = workplace();
  afterAll(() => place.remove());

  for (const { heading, steps } of consoleSections("flux.md")) {
    test(heading, async () => {
      for (const step of steps) await place.play(step);
    });
  }

  const sops = peer("sops");
  test.skipIf(sops === undefined)(
    "sops itself opens what the page leaves for Flux, MAC included",
    async () => {
      const { status, output } = await place.run(
        `"${sops}" decrypt --extract '["stringData"]["TOKEN"]' apps/web.sealed.yaml; "${sops}" filestatus apps/db.yaml`,
      );
      expect({ status, output }).toEqual({ status: 0, output: 's3cret{"encrypted":true}\n' });
    },
  );
});

describe("docs/review.md", () => {
  const place = workplace();
  afterAll(() => place.remove());

  for (const { heading, steps } of consoleSections("review.md")) {
    test(heading, async () => {
      for (const step of steps) await place.play(step);
    });
  }
});

describe("README.md", () => {
  const place = workplace();
  afterAll(() => place.remove());

  test("the tour of SealedSecrets, after the first steps", async () => {
    const sections = consoleSections("../README.md");
    const steps = (heading: string) => sections.find((section) => section.heading === heading)?.steps ?? [];
    const first = steps("Five minutes").map(({ command }) => command);
    const from = first.findIndex((command) => command.startsWith("kseal init"));
    const to = first.findIndex((command) => command.startsWith("kseal encrypt"));

    // There is no terminal to ask at.
    const setUp = first
      .slice(from, to + 1)
      .map((command) => command.replace(/^kseal init/, "kseal init --yes"));
    for (const command of setUp) await place.run(command);
    for (const { command } of steps("SealedSecrets")) {
      expect(await place.run(command), command).toMatchObject({ status: 0 });
    }

    expect(setUp).toHaveLength(3);
    expect(steps("SealedSecrets")).toHaveLength(5);
  });
});

/** An empty folder, and `kseal` on a PATH of its own. */
function workplace() {
  const folder = makeFolder({ "home/.keep": "", "tools/.keep": "", "work/.keep": "" });
  const [home, tools, work] = ["home", "tools", "work"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const words = ksealCommand().map((word) => `'${word}'`);
  // A link called kubeseal leads here, and the sources are not called by its name.
  const name = `case "$0" in *kubeseal) set -- kubeseal "$@";; esac`;
  writeFileSync(join(tools, "kseal"), `#!/bin/sh\n${name}\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
  const run = async (command: string) => {
    const env = { PATH: `${tools}:${process.env["PATH"]}`, HOME: home };
    const script = `exec 2>&1\n${command}`;
    const { status, stdout } = await runProgram(["bash", "--norc", "-euo", "pipefail", "-c", script], {
      cwd: work,
      env,
    });
    return { status, output: stdout.toString("utf8") };
  };
  return {
    home,
    run,
    async play({ command, output, status }: ConsoleStep): Promise<void> {
      const printed = await run(command);
      expect({ command, ...printed }).toSatisfy(
        () =>
          printed.status === status &&
          matchesLines(masked(printed.output.replaceAll(home, "~")), masked(output.join("\n")).split("\n")),
        `wanted: ${JSON.stringify({ status, output }, null, 1)}`,
      );
    },
    remove: () => removeFolder(folder),
  };
}

function masked(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{64}\b/g, "FINGERPRINT")
    .replaceAll(/SHA256:[\w+/]{43}/g, "KEY-FINGERPRINT")
    .replaceAll(/\b[0-9A-F]{32}\b/g, "SERIAL")
    .replaceAll(/\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "DATE")
    .replaceAll(/\bage1[a-z0-9]{50,}/g, "RECIPIENT")
    .replaceAll(/\bA[\w+/]{30,}(?:={0,2}$|…)/gm, "…");
}
