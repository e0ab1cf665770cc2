import { describe, expect, test } from "vitest";
import { Clone } from "../support/clone.ts";
import { recipients } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { makeKey, manifest, seal } from "../support/sealed-files.ts";

const [alice = "", bob = "", carol = ""] = recipients;

const secret =
  "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  password: hunter2\n  token: abc\n";

const people = { Alice: alice, Bob: bob, Carol: carol };
type Person = keyof typeof people;

/** A configuration that names people, whose keys a rule lists. */
const config = (listed: readonly Person[], named: readonly Person[] = listed): string =>
  [
    ...(named.length === 0 ? [] : ["kseal:", "  keys:"]),
    ...named.map((name) => `    - name: ${name}\n      key: ${people[name]}`),
    "creation_rules:",
    `  - age: ${listed.map((name) => people[name]).join(",")}`,
    "",
  ].join("\n");

const day = (number: number): string => `2026-03-0${number}T12:00:00+00:00`;

/** Commits everything there is, as somebody and on a day of March 2026. */
function commit(clone: Clone, number: number, author = "Ann <ann@example.com>"): string {
  clone.must("add", "-A");
  clone.must(
    "commit",
    "-qm",
    `day ${number}`,
    `--author=${author}`,
    `--date=${day(number)}`,
    "--allow-empty",
  );
  return clone.must("rev-parse", "--short=12", "HEAD").trim();
}

/** A repository in which Alice and Bob can read `db.yaml` since the first of March. */
async function repository(files: Readonly<Record<string, string>> = { "db.yaml": secret }): Promise<Clone> {
  const clone = new Clone();
  clone.must("init", "-q", "-b", "main");
  clone.write(".sops.yaml", config(["Alice", "Bob"]));
  for (const [path, text] of Object.entries(files)) clone.write(path, text);
  await done(clone.kseal("encrypt", "-i", ...Object.keys(files)));
  commit(clone, 1);
  return clone;
}

async function done(said: Promise<{ status: number | string; stderr: string }>): Promise<void> {
  const { status, stderr } = await said;
  expect({ status, stderr }).toMatchObject({ status: 0 });
}

async function lines(clone: Clone, ...args: readonly string[]): Promise<readonly string[]> {
  const { status, stdout, stderr } = await clone.kseal("who", ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").slice(0, -1);
}

interface Holder {
  readonly key: { readonly id: string; readonly name?: string; readonly type: string };
  readonly since?: { readonly date: string; readonly author: string; readonly hash: string };
  readonly until?: { readonly date: string };
  readonly isCut: boolean;
  readonly isUncommitted: boolean;
  readonly groups: readonly number[];
  readonly earlier: readonly unknown[];
  readonly known?: { same: string[]; anew: string[]; gone: string[]; sameDataKey: boolean };
}

interface Report {
  readonly history: string;
  readonly files: readonly {
    readonly file: string;
    readonly state: string;
    readonly kind: string;
    readonly problem?: string;
    readonly holders: readonly Holder[];
    readonly former: readonly Holder[];
    readonly groups: { readonly all: number; readonly needed: number };
    readonly clearUntil: readonly { readonly date: string }[];
    readonly clearFrom: readonly { readonly date: string }[];
    readonly unreadable: number;
  }[];
}

async function report(clone: Clone, ...args: readonly string[]): Promise<Report> {
  const { status, stdout } = await clone.kseal("who", "-o", "json", ...args);
  expect(status).toBe(0);
  return JSON.parse(stdout) as Report;
}

const short = (report: Report) =>
  report.files.map(({ file, holders, former }) => [
    file,
    holders.map(({ key, since }) => `${key.name ?? key.id} ${since?.date.slice(8, 10)}`),
    former.map(
      ({ key, since, until }) =>
        `${key.name ?? key.id} ${since?.date.slice(8, 10)}-${until?.date.slice(8, 10)}`,
    ),
  ]);

describe("who can read a file", () => {
  test("is said with the commit that gave it to them, and its author", async () => {
    const clone = await repository();
    const first = clone.must("rev-parse", "--short=12", "HEAD").trim();
    clone.write(".sops.yaml", config(["Alice", "Bob", "Carol"]));
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    const second = commit(clone, 2, "Ben <ben@example.com>");
    expect(await lines(clone)).toEqual(
      [
        "db.yaml",
        `  Alice (${alice}): since 2026-03-01, ${first} by Ann <ann@example.com>`,
        `  Bob (${bob}): since 2026-03-01, ${first} by Ann <ann@example.com>`,
        `  Carol (${carol}): since 2026-03-02, ${second} by Ben <ben@example.com>`,
        "1 file that somebody can read",
      ].filter((line) => !line.includes("nothing")),
    );
  });

  test("also where the working tree says otherwise than the last commit", async () => {
    const clone = await repository();
    clone.write(".sops.yaml", config(["Alice", "Carol"]));
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    const [file] = (await report(clone)).files;
    expect(file?.holders).toMatchObject([
      { key: { name: "Alice" }, isUncommitted: false },
      { key: { name: "Carol" }, isUncommitted: true },
    ]);
    expect(file?.former).toMatchObject([{ key: { name: "Bob" }, isUncommitted: true }]);
    const text = (await lines(clone)).join("\n");
    expect(text).toContain(`Carol (${carol}): not committed yet`);
    expect(text).toContain("until now: the removal is not committed yet");
  });

  test("names the key groups and how many have to open, since when", async () => {
    const clone = await repository();
    clone.write(
      ".sops.yaml",
      `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [${alice}]\n      - age: [${bob}]\n      - age: [${carol}]\n`,
    );
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    const second = commit(clone, 2);
    const text = await lines(clone);
    expect(text[1]).toBe(
      `  2 of 3 key groups have to open it, since 2026-03-02, ${second} by Ann <ann@example.com>`,
    );
    expect(text[3]).toMatch(/^ {2}age1\w+, group 2: since 2026-03-01, /);
    expect((await report(clone)).files[0]).toMatchObject({ groups: { all: 3, needed: 2 } });
  });

  test("of every kind of key", async () => {
    const clone = new Clone();
    clone.must("init", "-q");
    const entries = {
      kms: {
        arn: "arn:aws:kms:eu-west-1:111122223333:key/a",
        created_at: day(1),
        enc: "AQ==",
        aws_profile: "",
      },
      gcp_kms: {
        resource_id: "projects/p/locations/l/keyRings/r/cryptoKeys/k",
        created_at: day(1),
        enc: "AQ==",
      },
      azure_kv: {
        vault_url: "https://v.vault.azure.net",
        name: "k",
        version: "1",
        created_at: day(1),
        enc: "AQ",
      },
      hc_vault: {
        vault_address: "https://v",
        engine_path: "sops",
        key_name: "k",
        created_at: day(1),
        enc: "vault:v1:AQ==",
      },
      hckms: { key_id: "eu:1", created_at: day(1), enc: "AQ==" },
      pgp: { fp: "B3AB1A17ED1C5C3A8F4A5C3E5C1B7E1C7D3C9F11", created_at: day(1), enc: "x" },
      age: { recipient: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHM5 c@d", enc: "x" },
    };
    const keys = Object.fromEntries(Object.entries(entries).map(([type, entry]) => [type, [entry]]));
    const sops = { ...keys, lastmodified: day(1), mac: "", version: "3.10.2" };
    clone.write("a.json", JSON.stringify({ a: "b", sops }));
    commit(clone, 1);
    const [file] = (await report(clone)).files;
    expect(file?.holders.map(({ key }) => key.type).sort()).toEqual([
      "age",
      "azure_kv",
      "gcp_kms",
      "hc_vault",
      "hckms",
      "kms",
      "pgp",
    ]);
    expect(file?.holders.every(({ since }) => since?.date === day(1))).toBe(true);
  });
});

describe("who could read a file", () => {
  test("still knows what was there, until the data key and the values are new", async () => {
    const clone = await repository();
    clone.write(".sops.yaml", config(["Alice"]));
    await done(clone.kseal("updatekeys", "--yes", "--keep-data-key", "db.yaml"));
    commit(clone, 2);
    const known = async () => (await report(clone)).files[0]?.former[0]?.known;
    const both = ['["stringData"]["password"]', '["stringData"]["token"]'];
    expect(await known()).toEqual({ same: both, anew: [], gone: [], sameDataKey: true });

    // A new value under the old data key is one that they can read, too.
    await done(clone.kseal("set", "--generate", "password", "db.yaml", '["stringData"]["password"]'));
    await done(clone.kseal("unset", "db.yaml", '["stringData"]["token"]'));
    commit(clone, 3);
    expect(await known()).toEqual({
      same: [],
      anew: ['["stringData"]["password"]'],
      gone: ['["stringData"]["token"]'],
      sameDataKey: true,
    });

    await done(clone.kseal("rotate", "-i", "db.yaml"));
    commit(clone, 4);
    expect(await known()).toMatchObject({ anew: ['["stringData"]["password"]'], sameDataKey: false });
  });

  test("is said in words, under the name that they had then", async () => {
    const clone = await repository();
    const first = clone.must("rev-parse", "--short=12", "HEAD").trim();
    clone.write(".sops.yaml", config(["Alice"]));
    await done(clone.kseal("updatekeys", "--yes", "--keep-data-key", "db.yaml"));
    const second = commit(clone, 2, "Ben <ben@example.com>");
    expect((await lines(clone)).slice(2)).toEqual([
      `  no longer: Bob (${bob}): from 2026-03-01, ${first} by Ann <ann@example.com> until 2026-03-02, ${second} by Ben <ben@example.com>`,
      "    the data key is still the one they had: it opens the whole file, also what was added since; kseal rotate -i db.yaml",
      '    not changed since, so still known: ["stringData"]["password"], ["stringData"]["token"]; put in new values: kseal set db.yaml PATH',
      "1 file that somebody can read; 1 that somebody could read and cannot now, of which 1 still hold what they know",
    ]);
  });

  test("and can again, has an earlier time", async () => {
    const clone = await repository();
    clone.write(".sops.yaml", config(["Alice"]));
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    commit(clone, 2);
    clone.write(".sops.yaml", config(["Alice", "Bob"]));
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    commit(clone, 3);
    expect((await report(clone)).files[0]?.holders[1]).toMatchObject({
      key: { name: "Bob" },
      since: { date: day(3) },
      earlier: [{ since: { date: day(1) }, until: { date: day(2) } }],
    });
    expect((await lines(clone)).join("\n")).toMatch(/and earlier, from 2026-03-01, .* until 2026-03-02, /);
  });

  test("is found in deleted files, and in files under earlier names", async () => {
    const clone = await repository({ "db.yaml": secret, "old/gone.yaml": secret });
    clone.must("mv", "db.yaml", "prod.yaml");
    clone.must("rm", "-q", "old/gone.yaml");
    commit(clone, 2);
    clone.write(".sops.yaml", config(["Alice"]));
    await done(clone.kseal("updatekeys", "--yes", "prod.yaml"));
    commit(clone, 3);
    expect(short(await report(clone))).toEqual([
      ["old/gone.yaml", [], ["Alice 01-02", "Bob 01-02"]],
      ["prod.yaml", ["Alice 01"], ["Bob 01-03"]],
    ]);
    expect(await lines(clone, "old/gone.yaml")).toContainEqual(
      "    they know what was in it; where its values are still in use cannot be seen",
    );
    expect((await clone.kseal("who", "never.yaml")).stderr).toBe(
      "kseal: never.yaml: no such file, and no encrypted one in the history\n",
    );
  });
});

describe("of one person", () => {
  test("only what they can and could read is listed, by name, by key and by the beginning of a key", async () => {
    const clone = await repository({ "db.yaml": secret, "app.yaml": secret });
    clone.write(".sops.yaml", config(["Alice"]));
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    commit(clone, 2);
    for (const asked of ["Bob", "bob", bob, bob.slice(0, 12)]) {
      expect(short(await report(clone, "--recipient", asked))).toEqual([
        ["app.yaml", ["Bob 01"], []],
        ["db.yaml", [], ["Bob 01-02"]],
      ]);
    }
    expect((await lines(clone, "--recipient", "Bob")).at(-1)).toBe(
      "Bob: can read 1 file, could read 1 more; values of 0 files are still known from then",
    );
  });

  test("whom nobody knows it is an error", async () => {
    const clone = await repository();
    expect(await clone.kseal("who", "--recipient", "Mallory")).toEqual({
      status: 1,
      stdout: "",
      stderr:
        'kseal: no encrypted file has, or ever had, the recipient "Mallory"\n  kseal who lists all of them; names are those of kseal: keys: in .sops.yaml\n',
    });
  });
});

describe("merges", () => {
  test("a recipient who came on a branch is there since the branch's commit", async () => {
    const clone = await repository();
    clone.must("checkout", "-qb", "topic");
    clone.write(".sops.yaml", config(["Alice", "Bob", "Carol"]));
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    commit(clone, 2, "Ben <ben@example.com>");
    clone.must("checkout", "-q", "main");
    clone.write("other.txt", "x");
    commit(clone, 3);
    clone.must("merge", "-q", "--no-ff", "-m", "m", "topic");
    expect(short(await report(clone))).toEqual([["db.yaml", ["Alice 01", "Bob 01", "Carol 02"], []]]);
  });

  test("a merge that adds somebody itself is found, and one that drops somebody, too", async () => {
    const clone = await repository();
    const before = clone.read("db.yaml");
    clone.must("checkout", "-qb", "topic");
    clone.write(".sops.yaml", config(["Alice", "Bob", "Carol"]));
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    commit(clone, 2);
    clone.must("checkout", "-q", "main");
    await done(clone.kseal("set", "--generate", "uuid", "db.yaml", '["stringData"]["id"]'));
    commit(clone, 3);
    // The merge takes neither side: Carol is dropped, and so is Bob.
    clone.must("merge", "-q", "--no-ff", "--no-commit", "-s", "ours", "topic");
    clone.write(".sops.yaml", config(["Alice"]));
    clone.write("db.yaml", before);
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    commit(clone, 4);
    expect(short(await report(clone))).toEqual([
      ["db.yaml", ["Alice 01"], ["Bob 01-04", "Carol 02-undefined"]],
    ]);
    expect((await lines(clone)).join("\n")).toContain("until a merge dropped it");
  });
});

describe("where the history is not whole", () => {
  test("outside of Git only the present is known", async () => {
    const clone = await repository();
    const outside = new Clone();
    outside.write("db.yaml", clone.read("db.yaml"));
    expect(await lines(outside)).toEqual([
      "db.yaml",
      `  ${alice}`,
      `  ${bob}`,
      "1 file that somebody can read",
      "there is no Git repository here, so only the present is known",
    ]);
    expect((await outside.kseal("who", "gone.yaml")).stderr).toBe("kseal: gone.yaml: no such file\n");
  });

  test("a repository without commits has only the present, too", async () => {
    const clone = new Clone();
    clone.must("init", "-q");
    clone.write("db.yaml", (await repository()).read("db.yaml"));
    expect((await lines(clone)).slice(1)).toEqual([
      `  ${alice}: not committed yet`,
      `  ${bob}: not committed yet`,
      "1 file that somebody can read",
      "the repository has no commit yet, so only the present is known",
    ]);
  });

  test("a shallow clone says where it begins", async () => {
    const clone = await repository();
    clone.write(".sops.yaml", config(["Alice", "Bob", "Carol"]));
    commit(clone, 2);
    await done(clone.kseal("updatekeys", "--yes", "db.yaml"));
    commit(clone, 3);
    const shallow = new Clone();
    shallow.must("clone", "-q", "--depth", "2", `file://${clone.folder}`, "inner");
    const { stdout } = await shallow.ksealIn("inner", "who");
    expect(stdout).toMatch(
      /Alice .*: since 2026-03-02, \w+ by Ann <ann@example.com>, or earlier: this clone's history begins there\n/,
    );
    expect(stdout).toMatch(/Carol .*: since 2026-03-03, \w+ by Ann <ann@example.com>\n/);
    expect(stdout).toContain(
      "this clone is shallow: what was before its first commit cannot be seen; git fetch --unshallow\n",
    );
  });

  test("worktrees, folders below the top and linked folders are the same repository", async () => {
    const clone = await repository({ "db.yaml": secret, "apps/shop/db.yaml": secret });
    clone.must("worktree", "add", "-q", "../other");
    const whole = short(await report(clone));
    expect(JSON.parse((await clone.ksealIn("../other", "who", "-o", "json")).stdout).files).toHaveLength(2);
    clone.must("-C", "..", "init", "-q", "unrelated");
    const { stdout } = await clone.ksealIn("apps", "who", "shop");
    expect(stdout).toMatch(/^shop\/db\.yaml\n {2}Alice .*since 2026-03-01/);
    const below = JSON.parse((await clone.ksealIn("apps", "who", "-o", "json")).stdout) as Report;
    expect(below.files.map(({ file }) => file)).toEqual(["../db.yaml", "shop/db.yaml"]);
    expect(whole).toHaveLength(2);
  });

  test("a sparse checkout has files that are not in the working tree", async () => {
    const clone = await repository({ "a/db.yaml": secret, "b/db.yaml": secret });
    clone.must("sparse-checkout", "set", "a");
    expect((await report(clone)).files).toMatchObject([
      { file: "a/db.yaml", state: "present" },
      { file: "b/db.yaml", state: "absent", holders: [{ isUncommitted: false }, { isUncommitted: false }] },
    ]);
    expect(await lines(clone)).toContain("b/db.yaml (not in the working tree)");
  });

  test("in a partial clone nothing is fetched: versions that are missing are said to be", async () => {
    const clone = await repository();
    await done(clone.kseal("set", "--generate", "uuid", "db.yaml", '["stringData"]["id"]'));
    commit(clone, 2);
    clone.must("config", "uploadpack.allowFilter", "true");
    const partial = new Clone();
    partial.must("clone", "-q", "--filter=blob:none", `file://${clone.folder}`, "inner");
    const { stdout, status } = await partial.ksealIn("inner", "who");
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("1 version in the history cannot be read"),
    });
  });
});

describe("SealedSecrets", () => {
  test("are opened by the controller of the cluster that their rule names, if one does", async () => {
    const key = await makeKey();
    const clone = new Clone();
    clone.must("init", "-q");
    const sealed = manifest({ password: seal("x", key) });
    clone.write(
      ".sops.yaml",
      "kseal:\n  clusters:\n    - name: prod\n      certificate: prod.pem\n  sealing:\n    - path_regex: ^prod/\n      cluster: prod\n",
    );
    clone.write("prod/db.yaml", "apiVersion: v1\nkind: Secret\nstringData:\n  password: x\n");
    commit(clone, 1);
    clone.write("prod/db.yaml", sealed);
    clone.write("stage/db.yaml", sealed);
    commit(clone, 2);
    const text = (await lines(clone)).map((line) => line.replaceAll(/\b[0-9a-f]{12}\b/g, "HASH"));
    expect(text).toEqual([
      "prod/db.yaml",
      "  the controller of the cluster prod: since 2026-03-02, HASH by Ann <ann@example.com>",
      "  SealedSecret prod/db, strict, 1 value",
      "  in clear before 2026-03-02, HASH by Ann <ann@example.com>: everybody who can read the repository knows what it held then",
      "stage/db.yaml",
      "  the cluster's controller (no sealing rule says which cluster): since 2026-03-02, HASH by Ann <ann@example.com>",
      "  SealedSecret prod/db, strict, 1 value",
      "2 files that somebody can read",
    ]);
  });
});

describe("files of the real sops", () => {
  const sops = peer("sops");

  test.skipIf(sops === undefined)("in every format: who came, who went, and what they know", async () => {
    const clone = new Clone();
    clone.must("init", "-q");
    const texts = {
      "a.yaml": secret,
      "a.json": '{"password": "x", "n": 1}',
      "a.env": "PASSWORD=x\n",
      "a.ini": "[db]\npassword=x\n",
      "a.bin": "x\0y",
    };
    const run = async (...args: readonly string[]): Promise<void> => {
      const env = { ...clone.env, SOPS_DISABLE_VERSION_CHECK: "1" };
      const { status, stderr } = await runProgram([sops ?? "", ...args], { cwd: clone.folder, env });
      expect({ status, stderr }).toMatchObject({ status: 0 });
    };
    for (const [name, text] of Object.entries(texts)) {
      clone.write(name, text);
      await run("--encrypt", "--in-place", "--age", `${alice},${bob}`, name);
    }
    commit(clone, 1);
    for (const name of Object.keys(texts))
      await run("rotate", "--in-place", "--rm-age", bob, "--add-age", carol, name);
    commit(clone, 2);
    const { files } = await report(clone);
    expect(files.map(({ file }) => file)).toEqual(Object.keys(texts).sort());
    for (const { holders, former } of files) {
      expect(holders.map(({ key, since }) => [key.id, since?.date])).toEqual([
        [alice, day(1)],
        [carol, day(2)],
      ]);
      expect(former.map(({ key, until }) => [key.id, until?.date])).toEqual([[bob, day(2)]]);
      expect(former[0]?.known).toMatchObject({ same: [], sameDataKey: false });
      expect(former[0]?.known?.anew.length).toBeGreaterThan(0);
    }
  });
});

describe("hostile repositories", () => {
  const author = `O'Brien "x" & \u{1b}[31mred <evil"@example.com>`;

  test("names of files and authors are shown as what they are, and never as markup or commands", async () => {
    const clone = await repository();
    const text = clone.read("db.yaml");
    const names = [
      "<img src=x onerror=alert(1)>.yaml",
      "a\u{1b}[2Jb.yaml",
      "line\nbreak.yaml",
      "-rf.yaml",
      ":100644 x.yaml",
      "commit x.yaml",
    ];
    for (const name of names) clone.write(name, text);
    commit(clone, 2, author);
    // Git takes angle brackets out of names; whoever writes the object themselves does not.
    const forge = `git cat-file commit HEAD | sed 's/^author .*/author <script>alert(1)<\\/script> <a@b> 1772539200 +0000/' | git hash-object -t commit -w --stdin --literally`;
    const { stdout: forged } = await clone.run("sh", "-c", forge);
    clone.must("reset", "-q", "--soft", forged.trim());
    clone.write("later.yaml", text);
    commit(clone, 3, author);
    const { stdout, stderr } = await clone.kseal("who");
    expect(stderr).toBe("");
    expect(stdout).not.toContain("\u{1b}");
    expect(stdout.split("\n").filter((line) => line.endsWith(".yaml"))).toHaveLength(8);
    const { files } = await report(clone);
    expect(files.map(({ file }) => file).sort()).toEqual(["db.yaml", "later.yaml", ...names].sort());
    expect(files.find(({ file }) => file === "-rf.yaml")?.holders[0]?.since?.hash).toBe(forged.trim());

    const html = (await clone.kseal("who", "-o", "html")).stdout;
    expect(html).not.toMatch(/<script|<img|https?:/);
    expect(html).not.toContain("\u{1b}");
    expect(html).toContain("by O&#39;Brien &quot;x&quot; &amp; \u{fffd}[31mred &lt;evil");
    expect(html).toContain("&lt;img src=x onerror=alert(1)&gt;.yaml");
    // Nothing but what the page is made of, and every element closed.
    const tags = [...html.matchAll(/<(\/?[a-z0-9]+)/g)].map(([, tag]) => tag);
    const open = new Map<string, number>();
    for (const tag of tags.filter((one) => !/^(?:meta|br|\/?html|\/?head)$/.test(one ?? ""))) {
      const name = tag?.replace("/", "") ?? "";
      open.set(name, (open.get(name) ?? 0) + (tag?.startsWith("/") ? -1 : 1));
    }
    expect([...open].filter(([, count]) => count !== 0)).toEqual([]);
  });

  test("settings of the repository change nothing and run nothing", async () => {
    const clone = await repository();
    const before = await lines(clone);
    clone.write("order", "*.nothing\n");
    const settings = {
      "log.showSignature": "true",
      "gpg.program": "touch ran",
      "diff.orderFile": "order",
      "diff.renames": "copies",
      "log.showRoot": "false",
      "log.diffMerges": "off",
      "color.ui": "always",
      "format.pretty": "oneline",
      "core.fsmonitor": "touch ran",
      "diff.external": "touch ran",
      "log.follow": "true",
      "diff.relative": "true",
      "log.date": "relative",
      "core.quotePath": "true",
    };
    for (const [name, value] of Object.entries(settings)) clone.must("config", name, value);
    expect(await lines(clone)).toEqual(before);
    expect(clone.has("ran")).toBe(false);
  });

  test("damaged, huge and half-written versions are said, and stop nothing", async () => {
    const clone = await repository();
    const whole = clone.read("db.yaml");
    clone.write("db.yaml", whole.replace(/lastmodified: .*/, "lastmodified: never"));
    commit(clone, 2);
    clone.write("db.yaml", whole.slice(0, whole.indexOf("lastmodified") + 20));
    commit(clone, 3);
    clone.write("db.yaml", whole);
    clone.write("half.yaml", whole.replace(/version: .*\n/, ""));
    clone.write("huge.yaml", `${whole}${"#".repeat(9 * 1024 * 1024)}\n`);
    commit(clone, 4);
    const { status, stdout, stderr } = await clone.kseal("who", "-o", "json");
    expect(status).toBe(0);
    expect(stderr).toBe("kseal: warning: huge.yaml: larger than 8 MiB, so nobody looked into it\n");
    const { files } = JSON.parse(stdout) as Report;
    expect(short({ history: "", files: files.filter(({ file }) => file === "db.yaml") })).toEqual([
      ["db.yaml", ["Alice 01", "Bob 01"], []],
    ]);
    expect(files).toContainEqual(expect.objectContaining({ file: "db.yaml", unreadable: 2 }));
    clone.write("db.yaml", whole.replace(/version: .*\n/, ""));
    expect(short(await report(clone, "db.yaml"))).toEqual([["db.yaml", [], []]]);
    expect(files).toContainEqual(
      expect.objectContaining({
        file: "half.yaml",
        kind: "unreadable",
        problem: "cannot read the metadata: sops.version is missing: the file was cut off or edited by hand",
      }),
    );
  });

  test("links in circles, submodules and a broken .sops.yaml are passed over", async () => {
    const clone = await repository();
    clone.must("init", "-q", "module");
    clone.write("module/db.yaml", clone.read("db.yaml"));
    clone.must("-C", "module", "add", "-A");
    clone.must("-C", "module", "commit", "-qm", "m");
    clone.must("-c", "advice.addEmbeddedRepo=false", "add", "-A");
    await clone.run("ln", "-s", "..", "loop");
    await clone.run("ln", "-s", "me.yaml", "me.yaml");
    clone.write(".sops.yaml", "creation_rules: 7\n");
    commit(clone, 2);
    const { status, stdout, stderr } = await clone.kseal("who");
    expect(status).toBe(0);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "db.yaml",
      expect.stringMatching(/^ {2}age1\w+: since 2026-03-01/),
      expect.stringMatching(/^ {2}age1\w+: since 2026-03-01/),
    ]);
    expect(stderr).toMatch(/^kseal: warning: .*\.sops\.yaml: /);
  });

  test("a file that stood in clear between is said", async () => {
    const clone = await repository();
    const whole = clone.read("db.yaml");
    clone.write("db.yaml", secret);
    commit(clone, 2);
    clone.write("db.yaml", whole);
    commit(clone, 3);
    expect((await report(clone)).files[0]).toMatchObject({
      clearFrom: [{ date: day(2) }],
      clearUntil: [{ date: day(3) }],
      former: [],
    });
    expect((await lines(clone)).join("\n")).toContain("put into the repository in clear: 2026-03-02");
  });
});
