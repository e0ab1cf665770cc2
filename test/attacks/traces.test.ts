import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { unsealFiles } from "../../src/ops/unseal.ts";
import { encrypted, failureOf, ruleForMe, toCaller, workbench } from "../ops/workbench.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities } from "../support/identities.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { runProgram } from "../support/run-program.ts";
import { makeKey, manifest, seal } from "../support/sealed-files.ts";
import { checked } from "./attacked-file.ts";

/*
 * Attacks 5, 7 and 9: templates that ask for more than their values, secrets in arguments and environments of the programs
 * that kseal starts, and addresses that a repository names.
 */

describe("attack 5d: a template asks for files, variables, other objects or names on the network", () => {
  test.for([
    '{{ env "HOME" }}',
    '{{ expandenv "$HOME" }}',
    '{{ getHostByName "attacker.example.com" }}',
    '{{ readFile "/etc/passwd" }}',
    '{{ (lookup "v1" "Secret" "kube-system" "x").data }}',
    '{{ include "x" . }}',
    "{{ tpl .password . }}",
  ])("%s: there is no such function; kseal check finds it, and it does not open", async (template) => {
    const key = await keyOfTests;
    const text = manifest({ password: seal("hunter2", key) }, { template: { data: { "a.txt": template } } });
    const bench = await workbench({ "keys.yml": key.yaml, "s.yaml": text });
    expect(await checked(bench, { paths: ["s.yaml"] })).toEqual([
      expect.stringMatching(/^sealed-template-syntax:/),
    ]);
    const opening = unsealFiles(
      { paths: ["s.yaml"], keys: ["keys.yml"], destination: toCaller },
      bench.context,
    );
    const { message, hint = "" } = await failureOf(opening);
    expect(message + hint).not.toContain("hunter2");
  });
});

const keyOfTests = makeKey();

describe.skipIf(process.platform !== "linux")(
  "attack 7a: arguments and environments are there for all to read",
  () => {
    const traces = makeFolder();
    const log = join(traces, "started");
    const shim = (program: string): string =>
      `#!/bin/sh\n{ tr '\\0' ' ' < /proc/$$/cmdline; tr '\\0' '\\n' < /proc/$$/environ; echo; } >> '${log}'\n${program}\n`;
    afterAll(() => removeFolder(traces));

    test("no program that kseal starts has a value in either", async () => {
      const bin = makeFolder({
        git: shim('PATH=/usr/local/bin:/usr/bin:/bin exec git "$@"'),
        "an-editor": shim(`sed -i 's/planted-one/planted-two/' "$1"`),
      });
      const programs = ["git", "an-editor"].map((name) => join(bin, name));
      await runProgram(["chmod", "755", ...programs], { cwd: bin, env: { PATH: "/usr/bin:/bin" } });
      const bench = await encrypted({ "a.yaml": "password: planted-one\ntoken: planted-first\n" });
      const cwd = bench.host.cwd;
      const identity = join(traces, "keys.txt");
      const env = {
        HOME: traces,
        PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
        EDITOR: "an-editor",
        SOPS_AGE_KEY_FILE: identity,
      };
      const { writeFileSync, readFileSync } = await import("node:fs");
      writeFileSync(identity, `${identities[0]}\n`);
      const git = (...args: readonly string[]) =>
        runProgram(["git", "-c", "user.name=a", "-c", "user.email=a@b", ...args], { cwd, env });
      const kseal = async (args: readonly string[], stdin = ""): Promise<void> => {
        const { status, stderr } = await runInProcess(args, { cwd, env, stdin });
        expect({ args, status, stderr }).toMatchObject({ status: args[0] === "diff" ? 1 : 0 });
      };
      await git("init", "-q");
      await git("add", "-A");
      await git("commit", "-qm", "a");
      await kseal(["set", "--string", "--value-stdin", "a.yaml", '["token"]'], "planted-token");
      await kseal(["edit", "a.yaml"]);
      await kseal(["diff", "--reveal"]);
      await kseal(["check", "--with-keys", "."]);
      await kseal(["rotate", "-i", "a.yaml"]);
      await git("add", "-A");
      await kseal(["check", "--staged"]);
      const started = readFileSync(log, "utf8");
      expect(started).toContain("an-editor");
      expect(started).toContain("cat-file");
      expect(started).not.toMatch(/planted|AGE-SECRET-KEY/);
      removeFolder(bin);
    });

    test("kseal itself takes no value as an argument, and repeats none", async () => {
      const bench = await encrypted({ "a.yaml": "password: one\n" });
      for (const [words, message] of [
        [['"planted\nvalue"'], "too many arguments for 'set'. Expected 2 arguments but got 3"],
        [["--value=planted"], "unknown option '--value'"],
      ] as const) {
        const { status, stderr } = await runInProcess(["set", "a.yaml", '["password"]', ...words], {
          cwd: bench.host.cwd,
          env: { HOME: bench.host.cwd, SOPS_AGE_KEY: identities[0] ?? "" },
        });
        expect(status).toBe(8);
        expect(stderr.split("\n")[0]).toBe(`kseal: ${message}`);
        expect(stderr).not.toMatch(/planted|value"/);
      }
    });
  },
);

describe("attack 9b: a repository names an address, and a reviewer's machine or CI calls it", () => {
  test("kseal check, diff and verify ask nobody", async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const key = await keyOfTests;
    const bench = await encrypted({ "a.yaml": "password: one\n" });
    const text = await bench.read("a.yaml");
    const vault = `    hc_vault:\n        - vault_address: ${address}\n          engine_path: sops\n          key_name: k\n          created_at: "2026-01-01T00:00:00Z"\n          enc: vault:v1:AAAA\n`;
    await bench.write(
      "a.yaml",
      text.replace(/^( *)lastmodified:/m, (line) => `${vault}${line}`),
    );
    await bench.write("s.yaml", manifest({ password: seal("x", key) }));
    await bench.write(
      ".sops.yaml",
      `${ruleForMe}kseal:\n  clusters:\n    - name: prod\n      certificate: ${address}/v1/cert.pem\n  sealing:\n    - cluster: prod\n`,
    );
    const env = {
      HOME: bench.host.cwd,
      PATH: "/usr/bin:/bin",
      SOPS_AGE_KEY: identities[0] ?? "",
      VAULT_TOKEN: "planted-token",
    };
    for (const args of [
      ["check", "."],
      ["diff", "--keyless", "a.yaml", "s.yaml"],
      ["verify", "s.yaml"],
    ]) {
      await runInProcess(args, { cwd: bench.host.cwd, env });
    }
    expect(asked).toBe(0);
    await new Promise((resolve) => server.close(resolve));
  });
});
