import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { serveLoopback } from "../support/kms/loopback-server.ts";
import { ksealAsSops, ksealCommand } from "../support/kseal-command.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { type OpenBao, startOpenBao } from "../support/openbao.ts";
import { peer, sopsVersions } from "../support/peers.ts";
import { type ProgramResult, runProgram } from "../support/run-program.ts";
import { fiveStores, testFiveStores } from "./five-stores.ts";

const sops = peer("sops") ?? "";
const hasPeers = sops !== "" && peer("bao") !== undefined;
const basis = { PATH: process.env["PATH"] ?? "", SOPS_DISABLE_VERSION_CHECK: "1" };

function project(rule: string): string {
  const folder = makeFolder({ ...fiveStores, ".sops.yaml": `creation_rules:\n  - ${rule}\n` });
  onTestFinished(() => removeFolder(folder));
  return folder;
}

describe.skipIf(!hasPeers)("with the real sops and a real server", () => {
  let bao: OpenBao;
  let secure: OpenBao;
  beforeAll(async () => {
    bao = await startOpenBao();
    secure = await startOpenBao({ https: true });
  });
  afterAll(async () => {
    await bao.close();
    await secure.close();
  });

  const uri = (key: string, engine = "sops"): string => `${bao.url}/v1/${engine}/keys/${key}`;
  const environment = () => ({ ...basis, VAULT_ADDR: bao.url, VAULT_TOKEN: bao.rootToken });
  const run = (command: readonly string[], cwd: string, env = environment()): Promise<ProgramResult> => {
    const [program = "", ...args] = command;
    return runProgram([program, ...args], { cwd, env: { HOME: join(cwd, "home"), ...env } });
  };

  const kseal = (args: readonly string[], cwd: string) => runInProcess(args, { cwd, env: environment() });

  describe("over http on this machine", () => {
    testFiveStores({ sops, rule: () => `hc_vault_transit_uri: "${uri("k1")}"`, env: environment });
  });

  describe("over https, with the authority from VAULT_CACERT", () => {
    testFiveStores({
      sops,
      rule: () => `hc_vault_transit_uri: "${secure.url}/v1/sops/keys/k1"`,
      env: () => ({
        ...basis,
        VAULT_ADDR: secure.url,
        VAULT_TOKEN: secure.rootToken,
        VAULT_CACERT: secure.caFile,
      }),
    });
  });

  describe("in a namespace", () => {
    beforeAll(async () => {
      await bao.call("POST", "sys/namespaces/team");
      await bao.call("POST", "sys/mounts/deep%2Fsops", { type: "transit" }, { namespace: "team" });
      await bao.call("POST", "deep/sops/keys/k.1-a", {}, { namespace: "team" });
    });
    testFiveStores({
      sops,
      rule: () => `hc_vault_transit_uri: "${uri("k.1-a", "deep/sops")}"`,
      env: () => ({ ...environment(), VAULT_NAMESPACE: "team" }),
    });
  });

  describe("with two groups that must come together", () => {
    testFiveStores({
      sops,
      rule: () =>
        `shamir_threshold: 2, key_groups: [{ hc_vault: ["${uri("k1")}"] }, { hc_vault: ["${uri("k2")}"] }]`,
      env: environment,
    });
  });

  test.for(sopsVersions)("what sops %s wrote opens, and the reverse", async (version) => {
    const old = peer("sops", version) ?? "";
    const folder = project(`{ hc_vault_transit_uri: "${uri("k1")}" }`);

    expect(await run([old, "-e", "-i", "app.json"], folder)).toMatchObject({ status: 0 });
    const theirs = await kseal(["decrypt", "app.json"], folder);
    expect(await kseal(["encrypt", "-i", "app.env"], folder)).toMatchObject({ status: 0 });
    const ours = await run([old, "-d", "app.env"], folder);

    expect(JSON.parse(theirs.stdout.toString())).toEqual(JSON.parse(fiveStores["app.json"] ?? ""));
    expect(ours.stdout.toString()).toBe(fiveStores["app.env"]);
  });

  test("the entry has the fields and the spelling of sops", async () => {
    const folder = project(`{ hc_vault_transit_uri: "${uri("k1")}" }`);
    await kseal(["encrypt", "-i", "app.yaml"], folder);

    const fields = [
      /created_at: "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/,
      /enc: vault:v1:[\w+/]+=*/,
      /engine_path: sops/,
      /key_name: k1/,
      new RegExp(`vault_address: ${bao.url}`),
    ].map(({ source }) => source);
    expect(readFileSync(join(folder, "app.yaml"), "utf8")).toMatch(
      new RegExp(`\\n {4}hc_vault:\\n {8}- ${fields.join("\\n {10}")}\\n {4}lastmodified:`),
    );
  });

  test("a token of the login, with the rights that docs/keys/vault-transit.md gives, is enough", async () => {
    const folder = project(`{ hc_vault_transit_uri: "${uri("k1")}" }`);
    const token = await bao.tokenFor(["sops/encrypt/k1", "sops/decrypt/k1"]);
    const home = makeFolder({ ".vault-token": token });
    onTestFinished(() => removeFolder(home));
    const env = { ...basis, HOME: home, VAULT_ADDR: bao.url, VAULT_TOKEN: "" };

    for (const [writer, reader] of [
      [[sops], ksealCommand()],
      [ksealCommand(), [sops]],
    ] as const) {
      writeFileSync(join(folder, "app.yaml"), fiveStores["app.yaml"] ?? "");
      expect(await run([...writer, "encrypt", "-i", "app.yaml"], folder, env)).toMatchObject({ status: 0 });
      const { stdout } = await run([...reader, "decrypt", "app.yaml"], folder, env);
      expect(stdout.toString()).toBe(fiveStores["app.yaml"]);
    }
  });

  test("what was wrapped by an older version of the key opens in both after a rotation in Vault", async () => {
    const folder = project(`{ hc_vault_transit_uri: "${uri("rotated")}" }`);
    await bao.call("POST", "sops/keys/rotated");
    await run([sops, "encrypt", "-i", "app.yaml"], folder);
    await kseal(["encrypt", "-i", "app.json"], folder);
    await bao.call("POST", "sops/keys/rotated/rotate");

    const theirs = await kseal(["decrypt", "app.yaml"], folder);
    const ours = await run([sops, "decrypt", "app.json"], folder);

    expect(theirs.stdout.toString()).toBe(fiveStores["app.yaml"]);
    expect(ours.stdout.toString()).toBe(fiveStores["app.json"]);
  });

  test.for([
    ["kseal", ksealCommand(), 128],
    ["kseal sops", ksealAsSops(), 128],
  ] as const)("D43: %s sends no token where sops does", async ([, program, exitCode]) => {
    const folder = project(`{ hc_vault_transit_uri: "${uri("k1")}" }`);
    await run([sops, "encrypt", "-i", "app.yaml"], folder);
    const stranger = await serveLoopback(() => ({ status: 500 }));
    onTestFinished(() => stranger.close());
    const path = join(folder, "app.yaml");
    writeFileSync(path, readFileSync(path, "utf8").replace(bao.url, stranger.url));

    const refused = await run([...program, "decrypt", "app.yaml"], folder);
    expect(refused.status).toBe(exitCode);
    expect(refused.stderr).toContain(`your Vault token may not be sent to ${stranger.url}: `);
    expect(stranger.connections).toBe(0);

    const env = { ...environment(), SOPS_HC_VAULT_ALLOWLIST: stranger.url };
    await run([...program, "decrypt", "app.yaml"], folder, env);
    expect(stranger.requests.map(({ headers }) => headers["x-vault-token"])).toContain(bao.rootToken);

    const before = stranger.requests.length;
    await run([sops, "decrypt", "app.yaml"], folder);
    expect(stranger.requests.length).toBeGreaterThan(before);
  });
});
