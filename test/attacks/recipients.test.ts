import { describe, expect, test } from "vitest";
import { describeDiff } from "../../src/cli/diff-report.ts";
import { armor } from "../../src/keys/age-armor.ts";
import { diffFile } from "../../src/ops/diff-file.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { rotateFiles } from "../../src/ops/rotate.ts";
import { planUpdateKeys } from "../../src/ops/update-keys.ts";
import { encrypted, failureOf, inPlace, mine, others, theirs, workbench } from "../ops/workbench.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities } from "../support/identities.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { attack, checked, differences, outcomeOf, rule, sops, victim } from "./attacked-file.ts";

/*
 * Attack 3: recipients swapped in a file, and in the configuration that innocent commands follow.
 */

const age = peer("age");
const isSops = (said: string | undefined, wanted: string): void => {
  if (sops !== undefined) expect(said).toBe(wanted);
};

/** A second entry like the first one, under the name of somebody else. */
const listed = (text: string): string =>
  text.replace(
    /^ +- enc: \|\n[\s\S]*?recipient: .*\n|^ +- recipient: .*\n[\s\S]*?END AGE.*\n/m,
    (entry) => `${entry}${entry.replace(mine, others)}`,
  );

describe("attack 3a: somebody lists himself in a file", () => {
  test("it opens; kseal check and kseal diff name him", async () => {
    const said = await attack(listed);
    isSops(said.sops, "opens");
    expect(said.opens).toBe("opens");
    expect(said.check).toEqual([expect.stringMatching(/^sops-recipients:/)]);
    expect(said.diff).toContain(`! new recipient: ${others} can read every value of this file`);
  });

  test("the next rotation does not hand him the new data key", async () => {
    const bench = await encrypted({ "a.yaml": victim }, { rule });
    await bench.write("a.yaml", listed(await bench.read("a.yaml")));
    const rotated = rotateFiles({ paths: ["a.yaml"], destination: inPlace }, await bench.again());
    expect(await failureOf(rotated)).toMatchObject({ code: "CHANGES_REFUSED" });
  });
});

describe("attack 3b: the data key is wrapped for somebody whom the file does not list", () => {
  test.skipIf(age === undefined)("it opens; kseal check counts who can open an age file", async () => {
    const bench = await encrypted({ "a.yaml": victim }, { rule });
    const before = await bench.read("a.yaml");
    const [old = ""] = /-----BEGIN AGE[\s\S]*END AGE ENCRYPTED FILE-----\n/.exec(before) ?? [];
    const folder = makeFolder({ "keys.txt": `${identities[0]}\n` });
    const env = { HOME: folder, PATH: "/usr/bin:/bin" };
    const run = async (args: readonly string[], stdin: string | Uint8Array): Promise<Buffer> => {
      const { status, stdout } = await runProgram([age ?? "", ...args], { cwd: folder, env, stdin });
      expect(status).toBe(0);
      return stdout;
    };
    const dataKey = await run(["-d", "-i", "keys.txt"], old.replaceAll(/^ +/gm, ""));
    const [indent = ""] = /^ +(?=-----BEGIN AGE)/m.exec(before) ?? [];
    const wrap = async (...recipients: readonly string[]): Promise<string> =>
      armor(
        await run(
          recipients.flatMap((one) => ["-r", one]),
          dataKey,
        ),
      ).replaceAll(/\n(?=.)/g, `\n${indent}`);
    for (const [recipients, findings] of [
      [[mine], []],
      [[mine, others], [expect.stringMatching(/^sops-recipients:/)]],
    ] as const) {
      const after = before.replace(old, await wrap(...recipients));
      await bench.write("a.yaml", after);
      const said = await outcomeOf(bench, { path: "a.yaml", before, after });
      isSops(said.sops, "opens");
      expect(said).toMatchObject({ opens: "opens", check: findings });
    }
    removeFolder(folder);
  });
});

describe("attack 3c: the whole file is made anew", () => {
  const remade = async (keys: readonly string[]) => {
    const bench = await encrypted({ "a.yaml": victim }, { rule });
    const before = await bench.read("a.yaml");
    await bench.write("a.yaml", victim.replace("hunter2", "mine"));
    await encryptFiles({ paths: ["a.yaml"], destination: inPlace, keys: { age: keys } }, bench.context);
    return outcomeOf(bench, { path: "a.yaml", before, after: await bench.read("a.yaml") });
  };

  test("for other recipients: kseal check and kseal diff name them", async () => {
    const said = await remade([mine, others]);
    expect(said.check).toEqual([expect.stringMatching(/^sops-recipients:/)]);
    expect(said.diff).toContain(`! new recipient: ${others} can read every value of this file`);
  });

  test("for the same recipients: nobody can tell who made it; kseal diff shows the new data key", async () => {
    const said = await remade([mine]);
    isSops(said.sops, "opens");
    expect(said).toMatchObject({ opens: "opens", check: [] });
    expect(said.diff).toEqual([
      "a new data key: every value was encrypted anew",
      "whether 5 values changed cannot be seen without a key",
    ]);
  });
});

/** What `kseal diff` prints about two versions of `.sops.yaml`, without the name of the file. */
async function configDiff(before: string, after: string): Promise<readonly string[]> {
  const bench = await workbench({});
  return differences(bench, { path: ".sops.yaml", before, after });
}

describe("attack 3d: somebody lists himself in .sops.yaml, and waits for an innocent updatekeys", () => {
  const swapped = rule.replace(mine, `${mine},${others}`);

  test("kseal diff names him in .sops.yaml, and kseal check says that he cannot read the files yet", async () => {
    expect(await configDiff(rule, swapped)).toEqual([
      `! the rule for every file (line 2): new recipient ${others}: updatekeys and encrypt let them read its files`,
    ]);
    const bench = await encrypted({ "a.yaml": victim }, { rule });
    await bench.write(".sops.yaml", swapped);
    expect(await checked(bench)).toEqual([expect.stringMatching(/^sops-missing-recipient:/)]);
  });

  test("updatekeys names him first, and asks", async () => {
    const bench = await encrypted({ "a.yaml": victim }, { rule });
    await bench.write(".sops.yaml", swapped);
    const plan = await planUpdateKeys({ paths: ["a.yaml"] }, await bench.again());
    expect(plan.files.map(({ added }) => added)).toMatchObject([[{ recipient: others }]]);
    const before = await bench.read("a.yaml");
    const { status, stdout } = await runInProcess(["updatekeys", "a.yaml"], {
      cwd: bench.host.cwd,
      env: { HOME: bench.host.cwd, SOPS_AGE_KEY: identities[0] ?? "" },
    });
    expect(status).not.toBe(0);
    expect(stdout.toString()).toContain(others);
    expect(await bench.read("a.yaml")).toBe(before);
  });

  test("git diff and kseal diff between commits have it, too", async () => {
    const bench = await workbench({});
    const [before, after] = [rule, swapped].map((text) => new TextEncoder().encode(text));
    const name = bench.host.resolve("sub/.sops.yaml");
    const diff = await diffFile({ name, before, after }, { open: true }, bench.context);
    expect(diff).toMatchObject({ kind: "config", recipients: { added: [others], removed: [] } });
    const nothing = await diffFile({ name, before, after: before }, { open: true }, bench.context);
    expect(describeDiff(nothing ? [nothing] : [], { reveal: false })).toContain(
      "nothing about recipients or rules changed",
    );
  });
});

describe("attack 3e: .sops.yaml gets a rule that takes files away from another one", () => {
  const rules = (...each: readonly (readonly [string, string])[]): string =>
    `creation_rules:\n${each.map(([path, key]) => `  - path_regex: ${path}\n    age: ${key}\n`).join("")}`;

  test.for<readonly [string, string, string, readonly string[]]>([
    [
      "a new one in front",
      rules(["^prod/", mine]),
      rules(["^prod/db", `${mine},${others}`], ["^prod/", mine]),
      [`! new: the rule for ^prod/db (line 2): ${mine}, ${others} can read its files`],
    ],
    [
      "the order changes",
      rules(["^prod/", mine], ["^", `${mine},${others}`]),
      rules(["^", `${mine},${others}`], ["^prod/", mine]),
      ["! the rules come in another order: the first one that matches a file counts"],
    ],
    [
      "the one for them is taken out",
      rules(["^prod/", mine], ["^", `${mine},${others}`]),
      rules(["^", `${mine},${others}`]),
      ["! the rule for ^prod/ is gone: its files fall to the next rule that matches"],
    ],
    ["all of them are gone", rules(["^", mine]), "", ["! it is gone: no rule says who can read the files"]],
    [
      "it cannot be used any more",
      rules(["^", mine]),
      "creation_rules: 7\n",
      ["! it cannot be used: creation_rules must be a list: write each rule behind a dash"],
    ],
  ])("%s: kseal diff says so", async ([, before, after, lines]) => {
    if (after === "") {
      const bench = await workbench({});
      const pair = { name: ".sops.yaml", before: new TextEncoder().encode(before), after: undefined };
      const diff = await diffFile(pair, { open: false }, bench.context);
      expect(diff?.warnings.map((warning) => `! ${warning}`)).toEqual(lines);
    } else {
      expect(await configDiff(before, after)).toEqual(lines);
    }
  });

  test("what is encrypted, and how many groups are needed, is told, too", async () => {
    const groups = (more: string): string =>
      `creation_rules:\n  - key_groups:\n      - age: [${mine}]\n      - age: [${theirs}]\n      - age: [${others}]\n${more}`;
    expect(
      await configDiff(
        groups("    shamir_threshold: 3\n    encrypted_regex: ^data$\n"),
        groups("    shamir_threshold: 2\n    encrypted_regex: ^password$\n    mac_only_encrypted: true\n"),
      ),
    ).toEqual([
      "! the rule for every file (line 2): what is encrypted changed: encrypted_regex ^data$ -> encrypted_regex ^password$",
      "! the rule for every file (line 2): groups needed to open a file changed: 3 of 3 -> 2 of 3",
      "! the rule for every file (line 2): what the MAC covers changed: all values -> encrypted values only",
    ]);
  });

  test("whoever is removed is a note", async () => {
    expect(await configDiff(rules(["^", `${mine},${theirs}`]), rules(["^", mine]))).toEqual([
      `the rule for ^ (line 2): removed recipient ${theirs}: kseal updatekeys takes them out of the files`,
    ]);
  });
});

describe("attack 3f: a known name is given to another key", () => {
  const named = (key: string): string =>
    `${rule}kseal:\n  keys:\n    - name: Ann\n      key: ${mine}\n    - name: Bob\n      key: ${key}\n`;

  test("kseal diff tells whose it is now", async () => {
    expect(await configDiff(named(theirs), named(others))).toEqual([
      `! the name Bob stands for ${others} now`,
    ]);
  });
});

describe("attack 3g: fewer people than the rule says could open a file from its next data key on", () => {
  const groups = (...each: readonly string[]): string =>
    `creation_rules:\n  - key_groups:\n${each.map((keys) => `      - age: [${keys}]\n`).join("")}`;

  test("a lower threshold: kseal check and kseal diff find it", async () => {
    const three = `${groups(mine, theirs, others)}    shamir_threshold: 3\n`;
    const { check, diff } = await attack(
      (text) => text.replace("shamir_threshold: 3", "shamir_threshold: 2"),
      { rule: three },
    );
    expect(check).toEqual([expect.stringMatching(/^sops-groups:/)]);
    expect(diff).toEqual(["! 3 -> 2 groups needed to open the file"]);
  });

  test("keys of two groups in each: kseal check finds it, and kseal diff shows the groups", async () => {
    const bench = await encrypted(
      { "a.yaml": victim },
      { rule: groups(`${mine},${theirs}`, `${mine},${theirs}`) },
    );
    await bench.write(".sops.yaml", groups(mine, theirs));
    expect(await checked(bench)).toEqual([expect.stringMatching(/^sops-groups:/)]);
    await bench.write(".sops.yaml", groups(`${mine},${theirs}`, `${theirs},${mine}`));
    expect(await checked(bench)).toEqual([]);
  });
});

describe("attack 3h: the certificate that a repository seals for is swapped in .sops.yaml", () => {
  const sealing = (more: string, scope = "strict"): string =>
    `kseal:\n  clusters:\n    - name: prod\n      certificate: ${more}\n  sealing:\n    - path_regex: ^prod/\n      cluster: prod\n      scope: ${scope}\n`;

  test("kseal diff says so, and that a scope is widened", async () => {
    expect(await configDiff(sealing("prod.pem"), sealing("other.pem", "cluster-wide"))).toEqual([
      "! cluster prod (line 3): its certificate comes from elsewhere now",
      "! sealing rule for ^prod/ (line 6): strict, cluster prod -> cluster-wide, cluster prod",
    ]);
  });
});
