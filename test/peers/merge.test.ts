import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import type { Document, Entry } from "../../src/core/tree.ts";
import { storeFor } from "../../src/formats/detect.ts";
import { createNodeHost } from "../../src/host/node-host.ts";
import { mergeFiles } from "../../src/ops/merge.ts";
import { sealTree } from "../../src/ops/reseal-file.ts";
import { createContext } from "../../src/wiring.ts";
import { identities, recipients } from "../support/identities.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { peer } from "../support/peers.ts";
import { type ProgramResult, runProgram } from "../support/run-program.ts";

/*
 * The merge driver in real Git repositories, judged by the real sops: SLOW=1 lets sops open all of the random merges,
 * not one in twenty.
 */

const sops = peer("sops");
const root = mkdtempSync(join(tmpdir(), "kseal-merge-"));
const home = join(root, "home");
const [mine = "", other = ""] = recipients;
const env = {
  HOME: home,
  PATH: process.env["PATH"] ?? "",
  SOPS_AGE_KEY: identities[0] ?? "",
  SOPS_DISABLE_VERSION_CHECK: "1",
  GIT_CONFIG_NOSYSTEM: "1",
};

beforeAll(() => mkdirSync(home));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const word = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A repository whose files merge with kseal, and what to do in it. */
class Repository {
  readonly folder: string = mkdtempSync(join(root, "repository-"));
  readonly driver: string;

  constructor() {
    this.driver = `${ksealCommand().map(word).join(" ")} merge --path %P --marker-size %L %O %A %B`;
  }

  git(...args: readonly string[]): Promise<Said> {
    return this.gitAs({}, ...args);
  }

  /** With more, or other, variables: as somebody else. */
  async gitAs(more: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Said> {
    const identity = ["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
    return said(
      await runProgram(["git", ...identity, ...args], { cwd: this.folder, env: { ...env, ...more } }),
    );
  }

  async kseal(...args: readonly string[]): Promise<Said> {
    return said(await runInProcess(args, { cwd: this.folder, env }));
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }

  async commit(message: string): Promise<void> {
    await this.git("add", "-A");
    expect(await this.git("commit", "-qm", message)).toMatchObject({ status: 0 });
  }

  async set(file: string, key: string, value: string): Promise<void> {
    const command = ["set", "--string", "--value-stdin", file, `["stringData"]["${key}"]`];
    expect(said(await runInProcess(command, { cwd: this.folder, env, stdin: value }))).toMatchObject({
      status: 0,
    });
  }

  /** What the real sops opens, else what it says. */
  async opened(file: string): Promise<string> {
    const { stdout, stderr, status } = await runProgram([sops ?? "", "-d", file], {
      cwd: this.folder,
      env,
    });
    return status === 0 ? stdout.toString() : stderr;
  }
}

interface Said {
  readonly status: number | string;
  readonly text: string;
}

const said = ({ status, stdout, stderr }: ProgramResult): Said => ({
  status,
  text: stdout.toString() + stderr,
});

const secret = (values: Readonly<Record<string, string>>) =>
  `apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n${Object.entries(values)
    .map(([key, value]) => `  ${key}: ${value}\n`)
    .join("")}`;

async function repository(values = { password: "p", token: "t", user: "u" }): Promise<Repository> {
  const repo = new Repository();
  await repo.git("init", "-q");
  await repo.git("config", "merge.kseal.driver", repo.driver);
  repo.write(".gitattributes", "*.yaml merge=kseal\n");
  repo.write(".sops.yaml", `creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: ${mine}\n`);
  repo.write("db.yaml", secret(values));
  expect(await repo.kseal("encrypt", "-i", "db.yaml")).toMatchObject({ status: 0 });
  await repo.commit("base");
  return repo;
}

/** Changes on two branches; the second one stays checked out. */
async function twoBranches(
  repo: Repository,
  changes: { main: () => Promise<void>; topic: () => Promise<void> },
) {
  await repo.git("checkout", "-qb", "topic");
  await changes.topic();
  await repo.commit("topic");
  await repo.git("checkout", "-q", "main");
  await changes.main();
  await repo.commit("main");
}

describe.skipIf(sops === undefined)("git, with kseal as its merge driver", { timeout: 120_000 }, () => {
  test("merges branches that change different values, without a question, and sops opens the result", async () => {
    const repo = await repository();
    await twoBranches(repo, {
      main: () => repo.set("db.yaml", "password", "new-p"),
      topic: () => repo.set("db.yaml", "token", "new-t"),
    });
    const before = repo.read("db.yaml");
    expect(await repo.git("merge", "-q", "-m", "merged", "topic")).toEqual({
      status: 0,
      text: "Auto-merging db.yaml\n",
    });
    const merged = secret({ password: "new-p", token: "new-t", user: "u" });
    expect((await repo.opened("db.yaml")).replaceAll("    ", "  ")).toBe(merged);
    const changed = repo
      .read("db.yaml")
      .split("\n")
      .filter((line) => !before.includes(line));
    const keys = changed.map((line) => line.trim().split(":")[0]);
    // Within one second the date stays the same.
    expect(keys.filter((key) => key !== "lastmodified")).toEqual(["token", "mac"]);
  });

  test("stops where both changed a value, and resolve finishes the merge by path", async () => {
    const repo = await repository();
    await twoBranches(repo, {
      main: () => repo.set("db.yaml", "token", "ours"),
      topic: async () => {
        await repo.set("db.yaml", "token", "theirs");
        await repo.set("db.yaml", "user", "new-u");
      },
    });
    const merge = await repo.git("merge", "topic");
    expect(merge.status).toBe(1);
    expect(merge.text).toContain('kseal: db.yaml: ["stringData"]["token"]: changed on both sides\n');
    expect(await repo.opened("db.yaml")).toContain("pending");
    const undecided = await repo.kseal("resolve", "db.yaml");
    expect(undecided).toEqual({
      status: 1,
      text: `kseal: db.yaml: to be decided: ["stringData"]["token"]: changed on both sides\n  kseal resolve db.yaml --ours '["stringData"]["token"]', or --theirs; '*' stands for all of them\n`,
    });
    expect(
      await repo.kseal("resolve", "db.yaml", "--theirs", '["stringData"]["user"]', "--ours", "*"),
    ).toEqual({
      status: 8,
      text: 'kseal: db.yaml: the two versions do not conflict at ["stringData"]["user"]\n',
    });
    expect(await repo.kseal("resolve", "db.yaml", "--theirs", '["stringData"]["token"]')).toMatchObject({
      status: 0,
    });
    expect((await repo.opened("db.yaml")).replaceAll("    ", "  ")).toBe(
      secret({ password: "p", token: "theirs", user: "new-u" }),
    );
    await repo.git("add", "db.yaml");
    expect(await repo.git("commit", "-qm", "merged")).toMatchObject({ status: 0 });
  });

  test("without a key the file waits, also when it was committed, and who has a key finishes it", async () => {
    const repo = await repository();
    await twoBranches(repo, {
      main: () => repo.set("db.yaml", "password", "new-p"),
      topic: () => repo.set("db.yaml", "token", "new-t"),
    });
    const locked = await repo.gitAs({ SOPS_AGE_KEY: identities[1] ?? "" }, "merge", "topic");
    expect(locked.status).toBe(1);
    await repo.commit("merged without a key");
    expect(await repo.kseal("decrypt", "db.yaml")).toMatchObject({ status: 52 });
    expect(await repo.kseal("resolve", "db.yaml")).toEqual({
      status: 0,
      text: "kseal: db.yaml: merged; tell Git so with: git add db.yaml\n",
    });
    expect((await repo.opened("db.yaml")).replaceAll("    ", "  ")).toBe(
      secret({ password: "new-p", token: "new-t", user: "u" }),
    );
  });

  test("stops the whole merge when a side was tampered with", async () => {
    const repo = await repository();
    await twoBranches(repo, {
      main: () => repo.set("db.yaml", "password", "new-p"),
      topic: async () => repo.write("db.yaml", repo.read("db.yaml").replace("name: db", "name: other")),
    });
    const before = repo.read("db.yaml");
    const merge = await repo.git("merge", "topic");
    expect(merge.status).not.toBe(0);
    expect(merge.text).toContain("the MAC does not match");
    expect(repo.read("db.yaml")).toBe(before);
  });

  test.for([
    ["rebase", ["rebase", "-q", "main", "topic"]],
    ["cherry-pick", ["cherry-pick", "topic"]],
  ] as const)("%s", async ([, command]) => {
    const repo = await repository();
    await twoBranches(repo, {
      main: () => repo.set("db.yaml", "password", "new-p"),
      topic: () => repo.set("db.yaml", "token", "new-t"),
    });
    expect(await repo.git(...command)).toMatchObject({ status: 0 });
    expect((await repo.opened("db.yaml")).replaceAll("    ", "  ")).toBe(
      secret({ password: "new-p", token: "new-t", user: "u" }),
    );
  });

  test("octopus merges are made by another program of Git, which gives up and changes nothing", async () => {
    const repo = await repository();
    await repo.git("checkout", "-qb", "third");
    await repo.set("db.yaml", "user", "new-u");
    await repo.commit("third");
    await repo.git("checkout", "-q", "main");
    await twoBranches(repo, {
      main: () => repo.set("db.yaml", "password", "new-p"),
      topic: () => repo.set("db.yaml", "token", "new-t"),
    });
    const before = repo.read("db.yaml");
    expect((await repo.git("merge", "topic", "third")).status).not.toBe(0);
    await repo.git("reset", "-q", "--hard", "HEAD");
    expect(repo.read("db.yaml")).toBe(before);
    for (const branch of ["topic", "third"]) {
      expect(await repo.git("merge", "-q", "-m", "merged", branch)).toMatchObject({ status: 0 });
    }
    expect((await repo.opened("db.yaml")).replaceAll("    ", "  ")).toBe(
      secret({ password: "new-p", token: "new-t", user: "new-u" }),
    );
  });

  test("a removed recipient stays removed, and what the other side changed is not for them", async () => {
    const repo = await repository();
    const rule = repo.read(".sops.yaml");
    repo.write(".sops.yaml", rule.replace(mine, `${mine},${other}`));
    expect(await repo.kseal("updatekeys", "--yes", "db.yaml")).toMatchObject({ status: 0 });
    await repo.commit("somebody joins");
    await twoBranches(repo, {
      main: async () => {
        repo.write(".sops.yaml", rule);
        expect(await repo.kseal("updatekeys", "--yes", "db.yaml")).toMatchObject({ status: 0 });
      },
      topic: () => repo.set("db.yaml", "token", "new-t"),
    });
    expect(await repo.git("merge", "-q", "-m", "merged", "topic")).toEqual({
      status: 0,
      text: "Auto-merging db.yaml\n",
    });
    expect(repo.read("db.yaml")).not.toContain(other);
    expect(await repo.opened("db.yaml")).toContain("token: new-t");
  });
});

describe.skipIf(sops === undefined)("a clone after kseal init", { timeout: 120_000 }, () => {
  /** A folder with a program called kseal, as on somebody's PATH. */
  const installed = (): string => {
    const folder = mkdtempSync(join(root, "bin-"));
    const file = join(folder, "kseal");
    writeFileSync(file, `#!/bin/sh\nexec ${ksealCommand().map(word).join(" ")} "$@"\n`, { mode: 0o755 });
    return `${folder}:${env.PATH}`;
  };

  async function initialised(): Promise<Repository> {
    const repo = new Repository();
    await repo.git("init", "-q");
    expect(await repo.kseal("init", "--age", mine)).toMatchObject({ status: 0 });
    repo.write("db.yaml", secret({ password: "p", token: "t" }));
    expect(await repo.kseal("encrypt", "-i", "db.yaml")).toMatchObject({ status: 0 });
    await repo.commit("base");
    return repo;
  }

  test("merges with plain git merge, and git diff shows which values changed", async () => {
    const repo = await initialised();
    await twoBranches(repo, {
      main: () => repo.set("db.yaml", "password", "new-p"),
      topic: () => repo.set("db.yaml", "token", "new-t"),
    });
    const PATH = installed();
    const shown = await repo.gitAs({ PATH }, "diff", "main~1", "main");
    const lines = shown.text.split("\n").filter((line) => /^[+-] /.test(line));
    expect(lines).toEqual([
      expect.stringMatching(/^- {2}password: .\[encrypted [0-9a-f]{8}\]/),
      expect.stringMatching(/^\+ {2}password: .\[encrypted [0-9a-f]{8}\]/),
    ]);
    expect(await repo.gitAs({ PATH }, "merge", "-q", "-m", "merged", "topic")).toMatchObject({ status: 0 });
    expect(await repo.opened("db.yaml")).toContain("new-p\n");
    expect(await repo.opened("db.yaml")).toContain("new-t\n");
  });

  test("does as Git alone where kseal is not installed", async () => {
    const repo = await initialised();
    await twoBranches(repo, {
      main: () => repo.set("db.yaml", "password", "new-p"),
      topic: () => repo.set("db.yaml", "token", "new-t"),
    });
    expect((await repo.git("diff", "main~1", "main")).text).toContain("ENC[AES256_GCM,");
    expect((await repo.git("merge", "topic")).status).toBe(1);
    expect(repo.read("db.yaml")).toContain("<<<<<<<");
  });

  test("is set up again where the repository has its lines already, and only once", async () => {
    const repo = await initialised();
    await repo.git("config", "--unset", "merge.kseal.driver");
    const doctor = await repo.kseal("doctor");
    expect(doctor.text).toContain(
      "warning: this clone merges encrypted files as text, although .gitattributes names kseal for it: kseal init\n",
    );
    expect(await repo.kseal("init")).toMatchObject({ status: 0 });
    expect((await repo.git("config", "merge.kseal.driver")).text).toContain("kseal merge --path %P");
    const attributes = repo.read(".gitattributes");
    expect((await repo.kseal("init")).text).toContain("there is a configuration for this folder already");
    expect(repo.read(".gitattributes")).toBe(attributes);
  });
});

type Values = Readonly<Record<string, string>>;

/** The merge of plain values, as simply as it can be said. */
function mergeValues(
  base: Values,
  ours: Values,
  theirs: Values,
): { merged: Values; conflicts: readonly string[] } {
  const conflicts: string[] = [];
  const merged: Record<string, string> = {};
  for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const [a, b, c] = [base[key], ours[key], theirs[key]];
    if (b !== c && a !== b && a !== c) conflicts.push(key);
    const taken = a === b ? c : b;
    if (taken !== undefined) merged[key] = taken;
  }
  return { merged, conflicts };
}

test.skipIf(sops === undefined)(
  "1,000 random pairs of versions merge as their values do, and sops opens the results",
  { timeout: 600_000 },
  async () => {
    const seed = Number(process.env["KSEAL_SEED"] ?? Date.now() % 1_000_000);
    const random = generator(seed);
    const folder = mkdtempSync(join(root, "random-"));
    const host = createNodeHost({ cwd: folder, env, homeDir: home, ownsProcess: false });
    const silent = { info: () => {}, warn: () => {} };
    const context = await createContext(host, { log: silent });
    const store = await storeFor("json");
    const dataKey = new DataKey(host.random(32));
    const groups = await context.keyring.wrapAll(dataKey, [[{ type: "age", recipient: mine }]], 0);
    const unsealed = {
      groups,
      shamirThreshold: 0,
      selection: undefined,
      macOnlyEncrypted: false,
      version: "3.13.3",
    };
    const checked = process.env["SLOW"] === undefined ? 20 : 1;
    const toOpen: { file: string; values: Values }[] = [];
    for (let round = 0; round < 1000; round++) {
      const pick = (some: readonly string[]) => some[Math.floor(random() * some.length)] ?? "";
      const keys = ["a", "b", "c", "d", "e"];
      const edit = (values: Values): Values => {
        const changed: Record<string, string> = { ...values };
        for (let times = Math.floor(random() * 4); times > 0; times--) {
          const key = pick([...keys, "f", "g"]);
          if (random() < 0.25) delete changed[key];
          else changed[key] = `v${Math.floor(random() * 1000)}`;
        }
        return changed;
      };
      const base: Values = Object.fromEntries(keys.map((key) => [key, `${key}${Math.floor(random() * 10)}`]));
      const versions = { base, ours: edit(base), theirs: edit(base) };
      const sealed = await sealVersions(versions);
      const expected = mergeValues(base, versions.ours, versions.theirs);
      const { content, conflicts } = await mergeFiles({ name: "r.json", ...sealed }, {}, context);
      expect(conflicts.map(({ path }) => path).sort(), `seed ${seed}, round ${round}`).toEqual(
        expected.conflicts.map((key) => `["${key}"]`).sort(),
      );
      if (conflicts.length > 0 || round % checked !== 0) continue;
      const file = `merged-${round}.json`;
      writeFileSync(join(folder, file), content);
      toOpen.push({ file, values: expected.merged });
    }
    expect(toOpen.length).toBeGreaterThan(10);
    for (const { file, values } of toOpen) {
      const { stdout, stderr } = await runProgram([sops ?? "", "-d", file], { cwd: folder, env });
      expect({ stderr, values: JSON.parse(stdout.toString()) }, `seed ${seed}, ${file}`).toEqual({
        stderr: "",
        values,
      });
    }

    /** The versions as edits of one encrypted file: one data key, and untouched ciphertext in common. */
    async function sealVersions(versions: Readonly<Record<"base" | "ours" | "theirs", Values>>) {
      const plain = treeOf(versions.base);
      const base = await sealTree(plain, unsealed, { dataKey }, context);
      const previous = { plain, sealed: base.sealed.document };
      const render = ({ sealed, metadata }: typeof base) =>
        store.render({ document: sealed.document, metadata });
      const edited = async (values: Values) =>
        render(await sealTree(treeOf(values), unsealed, { dataKey, previous }, context));
      return { base: render(base), ours: await edited(versions.ours), theirs: await edited(versions.theirs) };
    }
  },
);

function treeOf(values: Values): Document {
  const items = Object.entries(values).map(
    ([key, value]): Entry => ({
      kind: "entry",
      key,
      value: { kind: "str", value },
    }),
  );
  return { branches: [{ kind: "map", items }] };
}

/** A generator whose numbers a seed decides (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
