import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../../src/config/rules.ts";
import { KsealError } from "../../src/errors.ts";
import { peer } from "../support/peers.ts";
import { badConfigs, goodConfigs } from "./configs.ts";

const sops = peer("sops");

// What rules.test.ts expects of kseal is asked of SOPS itself here.
describe.skipIf(!sops)("the real sops", () => {
  const asked = goodConfigs.filter(({ notInSops }) => !notInSops);

  test.for(asked)("takes the same keys in the same order: $name", ({ text, file = "a.yaml", groups }) => {
    const folder = newFolder({ ".sops.yaml": text, [file]: encryptedForNobody });
    // It prints every key of the matching rule before it asks, and needs neither keys nor network for that.
    const { stdout, stderr } = run(["updatekeys", file], { cwd: folder, input: "n\n" });

    if (groups === undefined) {
      expect(stderr).toMatch(/no matching creation rules found|does not contain any creation rule/);
    } else {
      const expected = groups.length === 0 ? [[]] : groups;
      expect(addedKeys(stdout)).toEqual(expected);
    }
  });

  test.for(asked.filter(({ selection }) => selection !== undefined))(
    "takes the same selection: $name",
    ({ text, file = "a.yaml", selection }) => {
      const folder = newFolder({ ".sops.yaml": text, [file]: "a: 1\n" });
      const { stdout } = run(["encrypt", file], { cwd: folder });

      expect(
        stdout
          .split("\n")
          .filter((line) => /^ {4}\w+_(suffix|regex):/.test(line))
          .map((line) => line.trim()),
      ).toEqual([selection]);
    },
  );

  test("D27: takes the path as it was typed, below the configuration's folder, symbolic links and all", () => {
    const text =
      "creation_rules:\n  - path_regex: ^link/\n    pgp: L\n  - path_regex: ^/\n    pgp: ROOT\n  - pgp: OTHER\n";
    const folder = newFolder({ ".sops.yaml": text, "real/a.yaml": encryptedForNobody });
    const elsewhere = newFolder({ "a.yaml": encryptedForNobody });
    symlinkSync("real", join(folder, "link"));
    const keysFor = (file: string) =>
      addedKeys(run(["updatekeys", file], { cwd: folder, input: "n\n" }).stdout);

    // updatekeys does not make paths absolute; encrypt does. Both see the same text here.
    expect(keysFor("link/a.yaml")).toEqual([["L"]]);
    expect(keysFor(join(folder, "link", "a.yaml"))).toEqual([["L"]]);
    expect(keysFor("real/a.yaml")).toEqual([["OTHER"]]);
    expect(keysFor(join(elsewhere, "a.yaml"))).toEqual([["ROOT"]]);
  });

  // What follows is why kseal is stricter.
  test("D6: ignores unknown fields without a word", () => {
    const text = "creation_rules:\n  - pgp: A\n    encryped_regex: ^data$\n";
    const folder = newFolder({ ".sops.yaml": text, "a.yaml": encryptedForNobody });

    expect(addedKeys(run(["updatekeys", "a.yaml"], { cwd: folder, input: "n\n" }).stdout)).toEqual([["A"]]);
    expect(() => parseConfig(new TextEncoder().encode(text), "c")).toThrow(KsealError);
  });

  test("D5: does not look at a bad pattern before its rule is reached", () => {
    const text = "creation_rules:\n  - pgp: A\n  - path_regex: (\n    pgp: B\n";
    const folder = newFolder({ ".sops.yaml": text, "a.yaml": encryptedForNobody });

    expect(addedKeys(run(["updatekeys", "a.yaml"], { cwd: folder, input: "n\n" }).stdout)).toEqual([["A"]]);
    expect(() => parseConfig(new TextEncoder().encode(text), "c")).toThrow(KsealError);
  });

  test.for(badConfigs.filter(({ name }) => /D47: (hckms|texts)|duplicate field|names no mapping/.test(name)))(
    "refuses too: $name",
    ({ text }) => {
      const folder = newFolder({ ".sops.yaml": text, "a.yaml": "a: 1\n" });

      expect(run(["encrypt", "a.yaml"], { cwd: folder })).toMatchObject({ status: 1, stdout: "" });
    },
  );
});

const encryptedForNobody = `a: ENC[AES256_GCM,data:AA==,iv:AAAA,tag:AAAA,type:str]
sops:
    pgp:
        - created_at: "2026-01-01T00:00:00Z"
          enc: x
          fp: NOBODY
    lastmodified: "2026-01-01T00:00:00Z"
    mac: x
    version: 3.13.3
`;

/** The keys of each group in the diff that `updatekeys` prints. */
function addedKeys(diff: string): readonly (readonly string[])[] {
  return diff
    .split(/^Group \d+\n/m)
    .slice(1)
    .map((group) => [...group.matchAll(/^\+\+\+ (.*)$/gm)].map(([, key = ""]) => key));
}

function newFolder(files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kseal-config-")));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function run(
  args: readonly string[],
  { cwd, input = "" }: { cwd: string; input?: string },
): { stdout: string; stderr: string; status: number | null } {
  const env = { PATH: process.env["PATH"], HOME: cwd, SOPS_DISABLE_VERSION_CHECK: "1" };
  return spawnSync(sops ?? "sops", args, { cwd, input, env, encoding: "utf8" });
}
