import { describe, expect, test } from "vitest";
import { describeDiff } from "../../src/cli/diff-report.ts";
import { diffFile } from "../../src/ops/diff-file.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { resealFiles } from "../../src/ops/reseal.ts";
import { setValue } from "../../src/ops/set.ts";
import { unsealFiles } from "../../src/ops/unseal.ts";
import { verifyFiles } from "../../src/ops/verify.ts";
import { encrypted, failureOf, inPlace, mine, others, plain, toCaller, workbench } from "../ops/workbench.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { makeKey, manifest, seal, type TestKey } from "../support/sealed-files.ts";
import { attack, checked, outcomeOf, rule, sops, victim } from "./attacked-file.ts";

/*
 * Attacks 2 and 4: ciphertext that is moved to other keys, files, objects and clusters, and what is old, widened or
 * renamed.
 */

const isSops = (said: string | undefined, wanted: string): void => {
  if (sops !== undefined) expect(said).toBe(wanted);
};

const sealedAt = (text: string, key: string): string =>
  new RegExp(`^ *${key}: "?(ENC\\[[^\\]]*\\])`, "m").exec(text)?.[1] ?? `no ${key}`;

describe("attack 2a: a value is moved to another key of its file", () => {
  test("swapped: it does not open, and kseal diff shows both", async () => {
    const said = await attack((text) => {
      const [user, password] = [sealedAt(text, "user"), sealedAt(text, "password")];
      return text.replace(user, "\0").replace(password, user).replace("\0", password);
    });
    isSops(said.sops, "25");
    expect(said).toMatchObject({
      opens: "DECRYPT_FAILED",
      diff: [
        '~ ["stringData"]["user"] changed, encrypted',
        '~ ["stringData"]["password"] changed, encrypted',
      ],
    });
  });

  test("copied: kseal check finds it, too", async () => {
    const said = await attack((text) => text.replace(sealedAt(text, "password"), sealedAt(text, "user")));
    isSops(said.sops, "25");
    expect(said).toMatchObject({ opens: "DECRYPT_FAILED", check: ["sops-value:10"] });
  });
});

describe("attack 2b: a value is moved to the same key of another file", () => {
  test("with another data key it does not open", async () => {
    const other = await encrypted({ "a.yaml": victim.replace("hunter2", "theirs") }, { rule });
    const foreign = sealedAt(await other.read("a.yaml"), "password");
    const said = await attack((text) => text.replace(sealedAt(text, "password"), foreign));
    isSops(said.sops, "25");
    expect(said.opens).toBe("DECRYPT_FAILED");
  });

  test("with the same data key, as copies of a file have it, the MAC does not match", async () => {
    const bench = await encrypted({ "a.yaml": victim }, { rule });
    const before = await bench.read("a.yaml");
    const change = { treePath: '["stringData"]["password"]', value: { json: '"theirs"' } };
    await setValue({ path: "a.yaml", ...change }, bench.context);
    const foreign = sealedAt(await bench.read("a.yaml"), "password");
    const after = before.replace(sealedAt(before, "password"), foreign);
    await bench.write("a.yaml", after);
    const said = await outcomeOf(bench, { path: "a.yaml", before, after });
    isSops(said.sops, "51");
    expect(said.opens).toBe("MAC_MISMATCH");
  });
});

describe("attack 2c: a whole file is copied to another path", () => {
  const rules = `creation_rules:\n  - path_regex: ^prod/\n    age: ${mine}\n  - path_regex: ^dev/\n    age: ${mine},${others}\n`;

  test("kseal check compares it with the rule of its new place; where that is the same, nothing tells", async () => {
    const bench = await workbench({ ".sops.yaml": rules, "prod/a.yaml": "a: b\n", "dev/a.yaml": "a: c\n" });
    await encryptFiles({ paths: ["prod/a.yaml", "dev/a.yaml"], destination: inPlace }, bench.context);
    const dev = await bench.read("dev/a.yaml");
    await bench.write("prod/b.yaml", await bench.read("prod/a.yaml"));
    expect(await checked(bench)).toEqual([]);
    await bench.write("prod/a.yaml", dev);
    expect(await checked(bench)).toEqual([expect.stringMatching(/^sops-recipients:/)]);
    expect(await plain(bench, "prod/a.yaml")).toBe("a: c\n");
  });
});

describe("attack 4a: an older version of a file comes back", () => {
  test("it opens, and kseal diff tells that it is older, by a date that the MAC covers", async () => {
    const bench = await encrypted({ "a.yaml": victim }, { rule });
    const old = (await bench.read("a.yaml")).replace("tier:", "tier:");
    // The next whole second: dates have no parts of one.
    await expect
      .poll(() => new Date().toISOString().slice(0, 19), { interval: 100, timeout: 3000 })
      .not.toBe(/lastmodified: "(.{19})/.exec(old)?.[1]);
    const change = { treePath: '["stringData"]["password"]', value: { json: '"new"' } };
    await setValue({ path: "a.yaml", ...change }, await bench.again());
    const before = await bench.read("a.yaml");
    await bench.write("a.yaml", old);
    const said = await outcomeOf(bench, { path: "a.yaml", before, after: old });
    isSops(said.sops, "opens");
    expect(said).toMatchObject({ opens: "opens", check: [] });
    expect(said.diff).toEqual([
      expect.stringMatching(/^! an older version came back: it was changed last .*Z, the one before it .*Z$/),
      '~ ["stringData"]["password"] changed, encrypted',
    ]);
  });
});

describe("attack 4b: an older value comes back into a newer file", () => {
  test("the MAC does not match", async () => {
    const bench = await encrypted({ "a.yaml": victim }, { rule });
    const old = sealedAt(await bench.read("a.yaml"), "password");
    const change = { treePath: '["stringData"]["password"]', value: { json: '"new"' } };
    await setValue({ path: "a.yaml", ...change }, bench.context);
    const before = await bench.read("a.yaml");
    const after = before.replace(sealedAt(before, "password"), old);
    await bench.write("a.yaml", after);
    const said = await outcomeOf(bench, { path: "a.yaml", before, after });
    isSops(said.sops, "51");
    expect(said.opens).toBe("MAC_MISMATCH");
  });
});

const [key, foreign] = (await Promise.all([makeKey(), makeKey({ age: 9 })])) as [TestKey, TestKey];
const kubeseal = peer("kubeseal");
const items = { user: seal("admin", key), password: seal("hunter2", key) };
const scopeAnnotation = (scope: string) => ({ [`sealedsecrets.bitnami.com/${scope}`]: "true" });

/** What everybody says about a SealedSecret that came in the place of another one. */
async function sealedOutcome(before: string, after: string, more: Readonly<Record<string, string>> = {}) {
  const bench = await workbench({ "keys.yml": key.yaml, "s.yaml": after, ...more });
  const opens = await unsealFiles(
    { paths: ["s.yaml"], keys: ["keys.yml"], destination: toCaller },
    bench.context,
  ).then(
    ({ content }) => new TextDecoder().decode(content),
    (error: { code: string }) => error.code,
  );
  const [old, now] = [before, after].map((text) => new TextEncoder().encode(text));
  const diff = await diffFile({ name: "s.yaml", before: old, after: now }, { open: true }, bench.context);
  const upstream =
    kubeseal === undefined
      ? undefined
      : await runProgram(
          [kubeseal, "--recovery-unseal", "--recovery-private-key", "keys.yml", "-f", "s.yaml"],
          {
            cwd: bench.host.cwd,
            env: { HOME: bench.host.cwd, PATH: "/usr/bin:/bin" },
          },
        );
  return {
    opens,
    kubeseal: upstream && upstream.status === 0,
    check: await checked(bench, { paths: ["s.yaml"] }),
    diff: describeDiff(diff ? [diff] : [], { reveal: false })
      .split("\n")
      .slice(1)
      .map((line) => line.trim()),
  };
}

const isKubeseal = (said: boolean | undefined, wanted: boolean): void => {
  if (kubeseal !== undefined) expect(said).toBe(wanted);
};

describe("attack 2d: values of one SealedSecret are swapped", () => {
  test("nothing binds them to their keys: it opens, and kseal diff shows that they moved", async () => {
    const swapped = { user: items.password, password: items.user };
    const said = await sealedOutcome(manifest(items), manifest(swapped));
    isKubeseal(said.kubeseal, true);
    expect(said.opens).toContain("user: aHVudGVyMg==\n");
    expect(said.check).toEqual([]);
    expect(said.diff.slice(0, 2)).toEqual([
      "! db: the sealed value user stands at password now",
      "! db: the sealed value password stands at user now",
    ]);
  });
});

describe("attack 2e: sealed values are moved to another object, namespace or cluster", () => {
  test("they do not open there; kseal check finds the copy in a file, kseal verify in a repository", async () => {
    const moved = manifest({ token: items.password }, { name: "web" });
    const said = await sealedOutcome(manifest(items), moved);
    isKubeseal(said.kubeseal, false);
    expect(said.opens).toBe("SEALED_NO_KEY");
    const both = `${manifest(items)}---\n${moved}`;
    expect((await sealedOutcome(manifest(items), both)).check).toEqual([
      expect.stringMatching(/^sealed-moved-value:/),
    ]);
    const bench = await workbench({ "s.yaml": manifest(items), "t.yaml": moved });
    const { findings } = await verifyFiles({ paths: ["."], keys: [], online: false }, bench.context);
    expect(findings.map(({ rule: name, file }) => `${file} ${name}`)).toEqual(["t.yaml moved-value"]);
  });

  test("of another cluster they do not open, and kseal verify says so with keys", async () => {
    const theirs = manifest({ user: seal("admin", foreign) });
    const said = await sealedOutcome(manifest(items), theirs);
    isKubeseal(said.kubeseal, false);
    expect(said.opens).toBe("SEALED_NO_KEY");
    const bench = await workbench({ "keys.yml": key.yaml, "s.yaml": theirs });
    const { findings } = await verifyFiles(
      { paths: ["s.yaml"], keys: ["keys.yml"], online: false },
      bench.context,
    );
    expect(findings.map(({ rule: name }) => name)).toEqual(["does-not-open"]);
  });
});

describe("attack 2f: a template copies a value to where more people see it", () => {
  test("templates are for that: it opens, and kseal diff shows the template", async () => {
    const template = { data: { "config.txt": "{{ .password }}" } };
    const said = await sealedOutcome(manifest(items), manifest(items, { template }));
    expect(said.opens).toContain("config.txt: aHVudGVyMg==\n");
    expect(said.diff).toContain("! db: values in clear in its template: config.txt");
  });
});

describe("attack 4c: an older sealed value comes back", () => {
  test("it opens as long as its key is kept, and kseal diff shows that it changed", async () => {
    const newer = manifest({ ...items, password: seal("changed", key) });
    const said = await sealedOutcome(newer, manifest(items));
    isKubeseal(said.kubeseal, true);
    expect(said.opens).toContain("password: aHVudGVyMg==\n");
    expect(said.check).toEqual([]);
    expect(said.diff).toEqual(['~ ["spec"]["encryptedData"]["password"] changed, encrypted']);
  });
});

describe("attack 4d: the scope of a SealedSecret is widened", () => {
  const sealing = "kseal:\n  sealing:\n    - scope: strict\n";

  test.for([
    [
      "namespace-wide",
      "whoever can create SealedSecrets in the namespace can read its values under another name",
    ],
    ["cluster-wide", "whoever can create SealedSecrets anywhere in the cluster can read its values"],
  ] as const)(
    "%s: it does not open, kseal diff tells of it, and kseal check where the rule says the scope",
    async ([scope, meaning]) => {
      const annotations = scopeAnnotation(scope);
      const said = await sealedOutcome(manifest(items), manifest(items, { annotations }), {
        ".sops.yaml": sealing,
      });
      isKubeseal(said.kubeseal, false);
      expect(said.opens).toBe("SEALED_NO_KEY");
      expect(said.check).toEqual([expect.stringMatching(/^sealed-scope-rule:/)]);
      expect(said.diff[0]).toBe(`! db: the scope widens from strict to ${scope}: ${meaning}`);
    },
  );

  test("sealing anew never widens it, whatever the template says", async () => {
    const template = { metadata: { annotations: scopeAnnotation("cluster-wide") } };
    const bench = await workbench({
      "keys.yml": key.yaml + foreign.yaml,
      "s.yaml": manifest(items, { template }),
    });
    await resealFiles({ paths: ["s.yaml"], keys: ["keys.yml"], force: true }, bench.context);
    const text = await bench.read("s.yaml");
    const [metadata = ""] = text.split("\nspec:");
    expect(metadata).not.toContain("cluster-wide");
    const wide = resealFiles(
      { paths: ["s.yaml"], keys: ["keys.yml"], scope: "cluster-wide", force: true },
      await bench.again(),
    );
    expect((await failureOf(wide)).code).not.toBe("");
    expect(await bench.read("s.yaml")).toBe(text);
  });
});

describe("attack 4e: a SealedSecret is renamed or moved to another namespace", () => {
  test("a strict one does not open", async () => {
    const said = await sealedOutcome(manifest(items), manifest(items, { name: "web" }));
    isKubeseal(said.kubeseal, false);
    expect(said.opens).toBe("SEALED_NO_KEY");
  });

  test("a namespace-wide one opens under another name, and kseal diff warns of new ones that are so", async () => {
    const wide = { token: seal("hunter2", key, { scope: "namespace-wide" }) };
    const annotations = scopeAnnotation("namespace-wide");
    const said = await sealedOutcome(
      manifest(wide, { annotations }),
      manifest(wide, { name: "web", annotations }),
    );
    isKubeseal(said.kubeseal, true);
    expect(said.opens).toContain("token: aHVudGVyMg==\n");
    expect(said.diff[0]).toMatch(/^! web: new, and namespace-wide: /);
    expect(said.diff[1]).toBe("! web: the sealed value token of db stands at token now");
  });
});
