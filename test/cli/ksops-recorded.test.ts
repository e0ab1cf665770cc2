import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { createNodeHost } from "../../src/host/node-host.ts";

/*
 * Every recorded run of the real KSOPS 4.5.1 (test/vectors/ksops-4.5.1/README.md), against kseal in its place. What it wrote
 * comes byte for byte; what failed fails, with nothing on standard output and another message. The cases below are
 * otherwise on purpose.
 */

const vectors = join(import.meta.dirname, "..", "vectors", "ksops-4.5.1");

interface Case {
  readonly name: string;
  readonly env?: Readonly<Record<string, string | null>>;
  readonly arguments?: readonly string[];
  readonly cwd?: readonly string[];
  readonly runs?: readonly ("direct" | "build" | "build-legacy" | "cli")[];
}

const cases = JSON.parse(readFileSync(join(vectors, "cases.json"), "utf8")) as readonly Case[];

/** What kseal does otherwise, and why: the run fails, or writes other bytes for the same values. */
const otherwise: Readonly<Record<string, { readonly is: "refused" | "other bytes"; readonly why: string }>> =
  {
    "secretfrom-files-not-utf8": {
      is: "refused",
      why: "KSOPS puts U+FFFD in place of bytes that are not UTF-8; kseal names binaryFiles",
    },
    "secretfrom-control-characters": {
      is: "refused",
      why: "KSOPS puts a blank in place of U+0085; kseal names binaryFiles",
    },
    "secretfrom-quoting": { is: "refused", why: "one of its values ends with U+0085, as above" },
    "unicode-values": {
      is: "other bytes",
      why: "KSOPS writes U+2028 raw with blanks behind, which readers of YAML 1.2 keep; kseal writes \\L",
    },
  };

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function ksops(
  one: Case,
  args: readonly string[],
  { cwd, stdin = "", env = {} }: { cwd: string; stdin?: string; env?: Record<string, string> },
): Promise<Run> {
  let stdout = "";
  let stderr = "";
  const given = Object.entries(one.env ?? {}).map(([name, value]) => [
    name,
    value === null ? undefined : value.replace("<VECTORS>", vectors),
  ]);
  const host = createNodeHost({
    cwd,
    homeDir: "/nonexistent",
    env: { SOPS_AGE_KEY_FILE: join(vectors, "keys.txt"), ...env, ...Object.fromEntries(given) },
    terminal: {
      stdinIsTerminal: false,
      stdoutIsTerminal: false,
      stderrIsTerminal: false,
      ask: async () => undefined,
    },
    readStdin: async () => Buffer.from(stdin),
    writeStdout: async (bytes) => {
      stdout += typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("utf8");
    },
    writeStderr: (text) => {
      stderr += text;
    },
    ownsProcess: false,
  });
  const status = await run(["ksops", ...args], host);
  return { status, stdout, stderr };
}

function read(name: string, file: string): string {
  return readFileSync(join(vectors, name, file), "utf8");
}

function exitOf(name: string, run: string): number {
  const path = join(vectors, name, "exit");
  const found = existsSync(path) ? new RegExp(`^${run} (\\d+)$`, "m").exec(readFileSync(path, "utf8")) : null;
  return Number(found?.[1] ?? 0);
}

function folderOf({ name, cwd = [] }: Case, at: number): string {
  const input = join(vectors, name, "input", cwd[at] ?? "");
  return existsSync(input) ? input : join(vectors, name);
}

function check(one: Case, recorded: { stdout: string; status: number }, given: Run): void {
  const other = otherwise[one.name];
  if (other?.is === "other bytes") {
    expect(given.status).toBe(0);
    expect(given.stdout).not.toBe(recorded.stdout);
    return;
  }
  if (other?.is === "refused" || recorded.status !== 0) {
    expect(given).toMatchObject({ status: 1, stdout: "" });
    expect(given.stderr).toMatch(/^ksops: .|^kseal .*in the place of KSOPS/);
    return;
  }
  expect(given.status, given.stderr).toBe(0);
  expect(given.stdout).toBe(recorded.stdout);
}

describe("what KSOPS 4.5.1 did as a KRM function", () => {
  const direct = cases.flatMap((one) =>
    ["", "-2"].flatMap((suffix, at) =>
      existsSync(join(vectors, one.name, `stdin${suffix}.yaml`))
        ? [{ one, suffix, at, name: one.name + suffix }]
        : [],
    ),
  );

  test.for(direct)("$name", async ({ one, suffix, at }) => {
    const given = await ksops(one, [], {
      cwd: folderOf(one, at),
      stdin: read(one.name, `stdin${suffix}.yaml`),
    });
    check(one, { stdout: read(one.name, `stdout${suffix}.yaml`), status: exitOf(one.name, "direct") }, given);
  });
});

describe("what KSOPS 4.5.1 did as a legacy plugin", () => {
  const legacy = cases.flatMap((one) =>
    (one.arguments ?? ["generator.yaml"]).flatMap((argument, at) => {
      const suffix = at === 0 ? "" : `-${at + 1}`;
      const recorded = join(vectors, one.name, `legacy-stdout${suffix}.yaml`);
      return existsSync(recorded) ? [{ one, argument, suffix, at, name: one.name + suffix }] : [];
    }),
  );

  test.for(legacy)("$name", async ({ one, argument, suffix, at }) => {
    const cwd = folderOf(one, at);
    const inside = one.cwd?.[at] ?? "";
    const laidOver = join(vectors, one.name, "legacy", inside, argument);
    const file = existsSync(laidOver) ? laidOver : join(cwd, argument);
    const env = {
      KUSTOMIZE_PLUGIN_CONFIG_ROOT: cwd,
      KUSTOMIZE_PLUGIN_CONFIG_STRING: readFileSync(file, "utf8"),
    };
    const recorded = read(one.name, `legacy-stdout${suffix}.yaml`);
    check(
      one,
      { stdout: recorded, status: exitOf(one.name, "legacy") },
      await ksops(one, [file], { cwd, env }),
    );
  });
});

describe("what KSOPS 4.5.1 did with other words on its command line", () => {
  const cli = cases.filter(({ runs, name }) => runs?.includes("cli") && name !== "cli-install");

  test.for(cli)("$name", async (one) => {
    const args = (one.arguments ?? []).map((word) => word.replace("<TARGET>", "/nonexistent"));
    const given = await ksops(one, args, { cwd: vectors });
    check(one, { stdout: read(one.name, "stdout.txt"), status: exitOf(one.name, "cli") }, given);
  });
});

test("every case is played, or is one of a build alone", () => {
  const builds = cases.filter(({ runs }) => runs?.every((one) => one.startsWith("build")));
  expect(builds.map(({ name }) => name)).toEqual(["flag-missing-exec", "flag-missing-plugins"]);
  expect(cases).toHaveLength(164);
  expect(Object.keys(otherwise).filter((name) => !cases.some((one) => one.name === name))).toEqual([]);
});
