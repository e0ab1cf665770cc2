import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { ksealAsSops, ksealCommand } from "../support/kseal-command.ts";
import { type ProgramResult, runProgram } from "../support/run-program.ts";

/** One small file for each store, as both tools print it. */
export const fiveStores: Readonly<Record<string, string>> = {
  "app.yaml": "password: correct horse\nuser: admin\nports:\n    - 1\n    - 2\n",
  "app.json": '{\n\t"password": "correct horse",\n\t"ports": [\n\t\t1,\n\t\t2\n\t]\n}\n',
  "app.env": "PASSWORD=correct horse\nUSER=admin\n",
  "app.ini": "[app]\npassword = correct horse\n",
  "app.bin": "correct horse\u0000battery",
};

export interface KeySourceRun {
  /** The real `sops`. */
  readonly sops: string;
  /** The fields of a creation rule, as YAML in one line. */
  readonly rule: () => string;
  /** The whole environment of `sops`, and of kseal. */
  readonly env: (tool: "sops" | "kseal") => Readonly<Record<string, string>>;
}

/**
 * Defines the tests for one source of keys: every store, written by `sops` and read by kseal and the other way round,
 * and one of them by kseal in the place of `sops`. Who reads says nothing on standard error.
 */
export function testFiveStores({ sops, rule, env }: KeySourceRun): void {
  const names = Object.keys(fiveStores);
  let folder = "";
  beforeEach(() => {
    folder = makeFolder({ ...fiveStores, ".sops.yaml": `creation_rules:\n  - { ${rule()} }\n` });
  });
  afterEach(() => removeFolder(folder));

  const run = async (tool: "sops" | "kseal", command: readonly string[]): Promise<ProgramResult> => {
    const [program = "", ...args] = command;
    const home = { HOME: join(folder, "home") };
    const result = await runProgram([program, ...args], { cwd: folder, env: { ...home, ...env(tool) } });
    expect(result.status, `${args.join(" ")}: ${result.stderr}`).toBe(0);
    return result;
  };
  const read = async (tool: "sops" | "kseal", command: readonly string[], name: string): Promise<void> => {
    const { stdout, stderr } = await run(tool, [...command, "decrypt", name]);
    expect([stdout.toString(), stderr], name).toEqual([fiveStores[name], ""]);
  };

  test("what sops writes, kseal reads, in every store", async () => {
    for (const name of names) await run("sops", [sops, "encrypt", "-i", name]);
    const { stderr } = await run("kseal", [...ksealCommand(), "decrypt", "--out", "plain", ...names]);

    expect(stderr).not.toMatch(/warning/i);
    const opened = names.map((name) => [name, readFileSync(join(folder, "plain", name), "utf8")]);
    expect(Object.fromEntries(opened)).toEqual(fiveStores);
    await read("kseal", ksealAsSops(), "app.ini");
  });

  test("what kseal writes, sops reads, in every store", async () => {
    await run("kseal", [...ksealCommand(), "encrypt", "-i", ...names]);
    for (const name of names) await read("sops", [sops], name);
  });

  test("what kseal writes in the place of sops, both read", async () => {
    await run("kseal", [...ksealAsSops(), "encrypt", "-i", "app.yaml"]);
    await read("sops", [sops], "app.yaml");
    await read("kseal", ksealCommand(), "app.yaml");
  });
}
