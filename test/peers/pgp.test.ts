import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { createGpgHome, type GpgHome, type PgpTestKey } from "../support/gpg.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { newestSops, peer, sopsVersions } from "../support/peers.ts";
import { type ProgramResult, runProgram } from "../support/run-program.ts";
import { fiveStores, testFiveStores } from "./five-stores.ts";

const sops = peer("sops") ?? "";
const hasPeers = sops !== "" && peer("gpg") !== undefined;

function project(rule: string): string {
  const folder = makeFolder({ ...fiveStores, ".sops.yaml": `creation_rules:\n  - ${rule}\n` });
  onTestFinished(() => removeFolder(folder));
  return folder;
}

describe.skipIf(!hasPeers)("with the real sops and the real gpg", () => {
  let home: GpgHome;
  let ann: PgpTestKey;
  let ben: PgpTestKey;
  let lou: PgpTestKey;
  beforeAll(async () => {
    home = await createGpgHome();
    ann = await home.generate("Ann", { subkeys: 2 });
    ben = await home.generate("Ben");
    lou = await home.generate("Lou", { passphrase: "open sesame" });
  });
  afterAll(() => home.close());

  const environment = () => ({ ...home.env, SOPS_DISABLE_VERSION_CHECK: "1" });
  const run = (
    command: readonly string[],
    cwd: string,
    env: Readonly<Record<string, string>> = environment(),
  ) => {
    const [program = "", ...args] = command;
    return runProgram([program, ...args], { cwd, env });
  };
  const kseal = (args: readonly string[], cwd: string) => runInProcess(args, { cwd, env: environment() });
  const contentOf = ({ status, stdout, stderr }: ProgramResult): string => {
    expect([status, stderr]).toEqual([0, ""]);
    return stdout.toString();
  };

  describe("for a key", () => {
    testFiveStores({ sops, rule: () => `pgp: ${ann.fingerprint}`, env: environment });
  });

  describe("for one of its subkeys, with !, and for another key", () => {
    testFiveStores({ sops, rule: () => `pgp: "${ann.subkeys[0]}!,${ben.fingerprint}"`, env: environment });
  });

  describe("with two groups that must come together", () => {
    testFiveStores({
      sops,
      rule: () =>
        `shamir_threshold: 2, key_groups: [{ pgp: [${ann.fingerprint}] }, { pgp: [${ben.fingerprint}] }]`,
      env: environment,
    });
  });

  test.for(sopsVersions)("what sops %s wrote opens, and the reverse", async (version) => {
    const old = peer("sops", version) ?? "";
    const folder = project(`{ pgp: ${ann.fingerprint} }`);

    expect(await run([old, "-e", "-i", "app.json"], folder)).toMatchObject({ status: 0 });
    const theirs = contentOf(await kseal(["decrypt", "app.json"], folder));
    expect(await kseal(["encrypt", "-i", "app.env"], folder)).toMatchObject({ status: 0 });
    const ours = await run([old, "-d", "app.env"], folder);

    expect(JSON.parse(theirs)).toEqual(JSON.parse(fiveStores["app.json"] ?? ""));
    expect(ours.stdout.toString()).toBe(fiveStores["app.env"]);
  });

  test("the entry has the fields and the spelling of sops", async () => {
    const folder = project(`{ pgp: "${ann.subkeys[1]}!" }`);
    await kseal(["encrypt", "-i", "app.yaml"], folder);

    const fields = [
      /created_at: "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/,
      /enc: \|-\n {12}-----BEGIN PGP MESSAGE-----\n\n(?: {12}\S+\n)+ {12}-----END PGP MESSAGE-----/,
      new RegExp(`fp: ${ann.subkeys[1]}!`),
    ].map(({ source }) => source);
    expect(readFileSync(join(folder, "app.yaml"), "utf8")).toMatch(
      new RegExp(`\\n {4}pgp:\\n {8}- ${fields.join("\\n {10}")}\\n`),
    );
  });

  test("a program that SOPS_GPG_EXEC names does the work for both", async () => {
    const folder = project(`{ pgp: ${ann.fingerprint} }`);
    const program = join(folder, "my-gpg");
    writeFileSync(program, `#!/bin/sh\necho run >> "${folder}/runs"\nexec gpg "$@"\n`);
    chmodSync(program, 0o755);
    const env = { ...environment(), SOPS_GPG_EXEC: program };

    expect(await run([...ksealCommand(), "encrypt", "-i", "app.yaml"], folder, env)).toMatchObject({
      status: 0,
    });
    expect(contentOf(await run([...ksealCommand(), "decrypt", "app.yaml"], folder, env))).toBe(
      fiveStores["app.yaml"],
    );
    expect(contentOf(await run([sops, "decrypt", "app.yaml"], folder, env))).toBe(fiveStores["app.yaml"]);
    expect(readFileSync(join(folder, "runs"), "utf8").split("\n").length).toBeGreaterThanOrEqual(4);
  });

  test("without a terminal and without the passphrase, the report says why and what to type", async () => {
    const folder = project(`{ pgp: ${lou.fingerprint} }`);
    await run([sops, "encrypt", "-i", "app.yaml"], folder);
    await home.answer();

    const { status, stderr } = await kseal(["decrypt", "app.yaml"], folder);

    expect(status).toBe(128);
    expect(stderr).toContain(
      `${lou.fingerprint}: gpg-agent has no terminal to ask for the passphrase on\n  you hold the PGP key ${ann.fingerprint} (Ann)\n`,
    );
    expect(stderr).toContain("export GPG_TTY=$(tty)");
  });

  const hasScript = process.platform === "linux" && peer("script") !== undefined;
  test.skipIf(!hasScript)(
    "the passphrase is asked for on the user's terminal, also without GPG_TTY",
    async () => {
      const folder = project(`{ pgp: ${lou.fingerprint} }`);
      await run([sops, "encrypt", "-i", "app.yaml"], folder);
      await home.answer("open sesame");

      const [kseal = "", ...args] = ksealCommand();
      const words = [kseal, ...args, "decrypt", "app.yaml"].map((word) => `'${word}'`).join(" ");
      const { stdout } = await run(["script", "-qec", `tty; ${words} < /dev/null`, "/dev/null"], folder);

      const [terminal = "", ...screen] = stdout.toString().split("\r\n");
      expect(terminal).toMatch(/^\/dev\//);
      expect(screen.join("\n")).toContain("password: correct horse");
      expect(home.asked()).toContain(`OPTION ttyname=${terminal}`);
    },
  );
});

/*
 * Files that sops itself brings as its fixtures, written by 3.3.1 to 3.13.2 for an RSA-1024 and an RSA-2048 key. They
 * are where Go put the source of the peer.
 */
describe.skipIf(!hasPeers || upstream() === undefined)("fixtures of sops", () => {
  let home: GpgHome;
  const source = upstream() ?? "";
  beforeAll(async () => {
    home = await createGpgHome();
    await home.run(["--import"], readFileSync(join(source, "pgp", "sops_functional_tests_key.asc")));
  });
  afterAll(() => home.close());

  test.for([
    "functional-tests/res/comments.enc.yaml",
    "functional-tests/res/comments_unencrypted_comments.yaml",
    "functional-tests/res/multiple_keys.yaml",
    "functional-tests/res/format.enc.yaml",
    "functional-tests/res/format.enc.json",
    "functional-tests/res/format.enc.env",
    "functional-tests/res/format.enc.ini",
    "functional-tests/res/format-2.enc.ini",
    "example.yaml",
    "example.json",
    "example.ini",
    "example.txt",
    "examples/all_in_one/config/secret.enc.json",
    "examples/per_file/config.enc/static_github.json",
  ])("%s opens, with its MAC, as sops opens it", async (name) => {
    const folder = makeFolder({ "fixture.bin": readFileSync(join(source, name)) });
    onTestFinished(() => removeFolder(folder));
    const env = { ...home.env, SOPS_DISABLE_VERSION_CHECK: "1" };
    const as = ["--input-type", formatOf(name), "--output-type", "json"];

    const ours = await runInProcess(["decrypt", ...as, "fixture.bin"], { cwd: folder, env });
    const theirs = await runProgram([sops, "decrypt", ...as, "fixture.bin"], { cwd: folder, env });

    expect([theirs.status, ours.status], ours.stderr).toEqual([0, 0]);
    expect(JSON.parse(ours.stdout.toString())).toEqual(JSON.parse(theirs.stdout.toString()));
  });
});

function formatOf(name: string): string {
  const formats: Readonly<Record<string, string>> = { yaml: "yaml", json: "json", env: "dotenv", ini: "ini" };
  return formats[name.split(".").at(-1) ?? ""] ?? "binary";
}

/** Where Go put the source of the newest sops; `undefined` when it did not. */
function upstream(): string | undefined {
  const { GOMODCACHE, GOPATH } = process.env;
  const cache = GOMODCACHE || join(GOPATH || join(homedir(), "go"), "pkg", "mod");
  const folder = join(cache, "github.com", "getsops", "sops", `v3@v${newestSops}`);
  return existsSync(join(folder, "pgp", "sops_functional_tests_key.asc")) ? folder : undefined;
}
