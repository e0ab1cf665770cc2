import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { hasBitnamiController, installDefinition } from "../support/cluster-bitnami.ts";
import { type ConsoleStep, consoleSections } from "../support/console-blocks.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { type Moto, motoServer, startMoto } from "../support/kms/moto.ts";
import { checkRights, makeBucket, type S3User } from "../support/kms/moto-s3.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { makeKey, manifest, seal } from "../support/sealed-files.ts";
import { matchesLines } from "../support/transcript.ts";

/* The page about sealing keys, typed from top to bottom against a real API server and a store that checks signatures. */
describe.skipIf(!hasBitnamiController || !motoServer)("docs/operations.md: keys", () => {
  const folder = makeFolder({ "home/.kube/.keep": "", "tools/.keep": "", "work/clusters/prod/.keep": "" });
  const work = join(folder, "work");
  let cluster: TestCluster;
  let moto: Moto;
  let user: S3User;

  beforeAll(async () => {
    [cluster, moto] = await Promise.all([startCluster({ controllerManager: false }), startMoto()]);
    user = await makeBucket(moto, "acme-keys", ["s3:PutObject", "s3:GetObject", "s3:ListBucket"]);
    await checkRights(moto, true);
    await installDefinition(cluster);
    await cluster.createNamespace("prod");
    const [oldest, newest] = await Promise.all([
      makeKey({ age: 60, name: "sealed-secrets-keyx7k2p" }),
      makeKey({ age: 1, name: "sealed-secrets-keyb9fwm" }),
    ]);
    const files = {
      "db.yaml": manifest({ user: seal("admin", oldest), password: seal("x", oldest) }),
      "web.yaml": manifest({ token: seal("y", newest, { name: "web" }) }, { name: "web" }),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(work, "clusters/prod", name), text);
    const all = [oldest.yaml, newest.yaml, ...Object.values(files)];
    await cluster.kubectl(["apply", "-f", "-"], { stdin: all.join("") });
    const kubeconfig = JSON.parse(readFileSync(cluster.kubeconfig, "utf8"));
    kubeconfig.contexts[0].name = "prod";
    writeFileSync(join(folder, "home/.kube/config"), JSON.stringify(kubeconfig));
    const words = ksealCommand().map((word) => `'${word}'`);
    mkdirSync(join(folder, "tools"), { recursive: true });
    writeFileSync(join(folder, "tools/kseal"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
    symlinkSync(peer("kubectl") ?? "", join(folder, "tools/kubectl"));
  });
  afterAll(async () => {
    await Promise.all([moto?.close(), cluster?.stop()]);
    removeFolder(folder);
  });

  const sections = new Set([
    "Keys",
    "Backups",
    "Where backups go",
    "A new key",
    "Recovery drill",
    "Recovery",
  ]);
  sections.add("Keys in envelopes");
  sections.add("Taking keys out of use");
  for (const { heading, steps } of consoleSections("operations.md").filter((one) =>
    sections.has(one.heading),
  )) {
    test(heading, async () => {
      for (const step of steps) await play(step);
    });
  }

  async function play({ command, output, status }: ConsoleStep): Promise<void> {
    const PATH = `${join(folder, "tools")}:${process.env["PATH"]}`;
    const env = { ...user, PATH, HOME: join(folder, "home"), AWS_ENDPOINT_URL_S3: moto.url };
    const script = `exec 2>&1\n${command}`;
    const ran = await runProgram(["bash", "--norc", "-euo", "pipefail", "-c", script], { cwd: work, env });
    const printed = { command, status: ran.status, output: ran.stdout.toString("utf8") };
    expect(printed).toSatisfy(
      () =>
        ran.status === status && matchesLines(masked(printed.output), masked(output.join("\n")).split("\n")),
      `wanted: ${JSON.stringify({ status, output }, null, 1)}`,
    );
  }
});

/** What comes out different each time: dates, keys, and names that are drawn. Lines that are sorted by them, too. */
function masked(text: string): string {
  const same = text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, "DATE")
    .replaceAll(/SHA256:[\w+/]{43}/g, "FINGERPRINT")
    .replaceAll(/age1[a-z0-9]{58}/g, "RECIPIENT")
    .replaceAll(/sealed-secrets-key(?!b9fwm|x7k2p)[a-z0-9]{5}/g, "NEW");
  const isList = /^(backups\/|secret ")/m.test(same);
  return isList ? same.split("\n").toSorted().join("\n").trim() : same;
}
