import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { consoleCommands } from "../support/console-blocks.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { startAwsKms } from "../support/kms/aws-kms.ts";
import { motoServer, startMoto } from "../support/kms/moto.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { newestSops, peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

/*
 * What kseal encrypts for keys of AWS KMS, the real sops opens, and the other way round, each against moto and against
 * the tests' own server.
 */

const sops = peer("sops", newestSops);
const role = "arn:aws:iam::123456789012:role/deploy";
const context = { Environment: "prod", Team: "database" };

/** A file for every store, as sops writes it, so that its text survives both tools. */
const files: Readonly<Record<string, string>> = {
  yaml: "password: correct horse\n",
  json: '{\n\t"password": "correct horse"\n}\n',
  env: "password=correct horse\n",
  ini: "[database]\npassword = correct horse\n",
  bin: "correct horse",
};
const uses = ["key", "alias", "context", "role", "same"] as const;
const cases = uses
  .filter((use) => use !== "same")
  .flatMap((use) => Object.keys(files).map((suffix) => [use, suffix] as const));

interface Server {
  readonly url: string;
  createKey(alias: string): Promise<{ readonly key: string; readonly alias: string }>;
  close(): Promise<void>;
}

async function ownServer(): Promise<Server> {
  const server = await startAwsKms();
  const arn = (name: string): string => `arn:aws:kms:eu-west-1:123456789012:${name}`;
  return {
    url: server.url,
    createKey: async (alias) => ({ key: arn(`key/${alias}`), alias: arn(`alias/${alias}`) }),
    close: () => server.close(),
  };
}

const servers = [
  { name: "the tests' own server", start: ownServer, isThere: true },
  { name: "moto", start: startMoto, isThere: motoServer !== undefined },
];

describe.for(servers)("AWS KMS of $name", ({ start, isThere }) => {
  let server: Server | undefined;
  let folder = "";
  let env: Record<string, string> = {};

  beforeAll(async () => {
    if (!isThere || sops === undefined) return;
    server = await start();
    const { key, alias } = await server.createKey("sops");
    const rules = {
      key: { arn: key },
      alias: { arn: alias },
      context: { arn: key, context },
      role: { arn: key, role },
      same: { arn: key, context: { Environment: "database", Team: "database" } },
    };
    folder = makeFolder({
      ".sops.yaml": JSON.stringify({
        creation_rules: uses.map((use) => ({ path_regex: `${use}\\.`, key_groups: [{ kms: [rules[use]] }] })),
      }),
    });
    env = {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      SOPS_DISABLE_VERSION_CHECK: "1",
      AWS_ENDPOINT_URL: server.url,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_EC2_METADATA_DISABLED: "true",
    };
  }, 60_000);
  afterAll(async () => {
    await server?.close();
    if (folder !== "") removeFolder(folder);
  });

  const available = isThere && sops !== undefined;
  const runKseal = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await runInProcess(args, { cwd: folder, env });
    expect(stderr).not.toContain("warning");
    expect(status, stderr).toBe(0);
    return stdout.toString("utf8");
  };
  const runSops = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await runProgram([sops ?? "", ...args], { cwd: folder, env });
    expect(status, stderr).toBe(0);
    return stdout.toString("utf8");
  };

  test.skipIf(!available).for(cases)("kseal -> sops: %s, %s", async ([use, suffix]) => {
    const name = `ours-${use}.${suffix}`;
    writeFileSync(join(folder, name), files[suffix] ?? "");
    await runKseal("encrypt", "-i", name);
    expect(readFileSync(join(folder, name), "utf8")).not.toContain("horse");
    expect(await runSops("--decrypt", name)).toContain("correct horse");
  });

  test.skipIf(!available).for(cases)("sops -> kseal: %s, %s", async ([use, suffix]) => {
    const name = `theirs-${use}.${suffix}`;
    writeFileSync(join(folder, name), files[suffix] ?? "");
    await runSops("--encrypt", "--in-place", name);
    expect(await runKseal("decrypt", name)).toBe(files[suffix]);
  });

  test.skipIf(!available)("every kseal command of docs/keys/aws-kms.md runs as it stands", async () => {
    const commands = consoleCommands("keys/aws-kms.md").filter((command) => command.startsWith("kseal "));
    expect(commands).toHaveLength(4);
    const cwd = makeFolder({
      "secrets/prod/db.yaml": files["yaml"] ?? "",
      ".sops.yaml": readFileSync(join(folder, ".sops.yaml"), "utf8").replace(
        "context\\\\.",
        "^secrets/prod/",
      ),
    });
    onTestFinished(() => removeFolder(cwd));
    for (const command of commands) {
      const { status, stderr } = await runInProcess(command.split(" ").slice(1), { cwd, env });
      expect(status, `${command}: ${stderr}`).toBe(0);
    }
  });

  test.skipIf(!available)(
    "D42: a file with the wrong context of sops before 3.3.0 opens in both",
    async () => {
      const same = join(folder, "same.yaml");
      writeFileSync(same, files["yaml"] ?? "");
      await runSops("--encrypt", "--in-place", same);
      const today = readFileSync(same, "utf8");
      const old = today
        .replace("Environment: database", "Environment: prod")
        .replace(/version: .*/, "version: 3.2.0");
      expect(old).not.toBe(today);
      const path = join(folder, "old-context.yaml");
      writeFileSync(path, old);

      expect(await runSops("--decrypt", path)).toContain("correct horse");
      const { status, stdout, stderr } = await runInProcess(["decrypt", path], { cwd: folder, env });
      expect([status, stdout.toString("utf8")]).toEqual([0, files["yaml"]]);
      expect(stderr).toContain("as sops did before 3.3.0; repair it with: kseal rotate -i FILE");
      expect(readFileSync(path, "utf8")).toBe(old);

      const repaired = await runInProcess(["rotate", "-i", path], { cwd: folder, env });
      expect(repaired.status, repaired.stderr).toBe(0);
      expect((await runInProcess(["decrypt", path], { cwd: folder, env })).stderr).toBe("");
    },
  );
});
