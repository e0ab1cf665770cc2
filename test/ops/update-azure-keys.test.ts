import { beforeAll, describe, expect, test } from "vitest";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { planUpdateKeys } from "../../src/ops/update-keys.ts";
import { azureInProcess } from "../support/kms/azure-in-process.ts";
import type { AzureKeyVaultServer } from "../support/kms/azure-key-vault.ts";
import { failureOf, inPlace, mine, secret, theirs, type Workbench, workbench } from "./workbench.ts";

let server: AzureKeyVaultServer;

const azure = azureInProcess();
beforeAll(() => {
  server = azure.server;
});

/** A rule whose Azure key has no version, which means the newest. */
const rule = (key: string, ...age: readonly string[]): string =>
  `creation_rules:\n  - azure_keyvault: ${server.url}/keys/${key}\n    age: ${age.join(",")}\n`;

async function encryptedFor(key: string): Promise<Workbench> {
  const trust = `trust:\n  azure: ["${server.url}"]\n`;
  const bench = await workbench({ "a.yaml": secret, ".sops.yaml": rule(key, mine) });
  const settings = bench.host.resolve(bench.host.configDir, "kseal");
  await bench.host.makeFolder(settings);
  await bench.write(bench.host.resolve(settings, "config.yaml"), trust);
  await encryptFiles({ paths: ["a.yaml"], destination: inPlace }, await bench.again());
  return bench;
}

const plan = async (bench: Workbench) => planUpdateKeys({ paths: ["a.yaml"] }, await bench.again());

describe("a rule with an Azure key of no version", () => {
  test("is what the file has, as long as the key has no newer version", async () => {
    const bench = await encryptedFor("steady");
    expect(await bench.read("a.yaml")).toContain(`version: ${server.versionOf("steady")}`);
    expect((await plan(bench)).files).toMatchObject([{ changed: false }]);
  });

  test("brings the file to a newer version, and shuts nobody out", async () => {
    const bench = await encryptedFor("rotated");
    const old = server.versionOf("rotated");
    const newest = server.rotate("rotated");
    const { files, apply } = await plan(bench);
    expect(files).toMatchObject([
      { added: [{ version: newest }], removed: [{ version: old }], shutOut: [], rekey: false, exposed: [] },
    ]);
    await apply();
    expect(await bench.read("a.yaml")).toContain(`version: ${newest}`);
    expect((await plan(bench)).files).toMatchObject([{ changed: false }]);
  });

  test("stays at the version of the file where the vault does not say which is the newest", async () => {
    const bench = await encryptedFor("closed");
    server.setKey("closed", "denied");
    await bench.write(".sops.yaml", rule("closed", mine, theirs));
    const { files, apply } = await plan(bench);
    expect(files).toMatchObject([{ added: [{ recipient: theirs }], removed: [] }]);
    expect(bench.log.at(-1)).toMatch(
      /^warning: a\.yaml: keeps its version of https:\/\/127\.0\.0\.1:\d+\/keys\/closed\/; the newest is not known: /,
    );
    await apply();
    expect(await bench.read("a.yaml")).toContain(theirs);
  });

  test("that the file does not have yet cannot be planned without the vault", async () => {
    const bench = await encryptedFor("known");
    server.setKey("other", "denied");
    await bench.write(".sops.yaml", rule("other", mine));
    expect(await failureOf(plan(bench))).toMatchObject({
      code: "KEY_SOURCE_FAILED",
      where: { file: "a.yaml" },
    });
  });
});
