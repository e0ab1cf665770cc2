import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { type AzureKeyVaultServer, startAzureKeyVault } from "../support/kms/azure-key-vault.ts";
import { makeCertificate, type TestCertificate } from "../support/kms/certificate.ts";
import { ksealAsSops, ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";
import { fiveStores, testFiveStores } from "./five-stores.ts";

const sops = peer("sops") ?? "";
const vaultUrl = "https://team.vault.azure.net";

let certificate: TestCertificate;
let server: AzureKeyVaultServer;
beforeAll(async () => {
  certificate = makeCertificate();
  server = await startAzureKeyVault(certificate);
});
afterAll(async () => {
  await server.close();
  certificate.remove();
});

/** The identity of an App Service, and a proxy that brings the names of the real services to the tests' server. */
const env = () => ({
  PATH: process.env["PATH"] ?? "",
  SOPS_DISABLE_VERSION_CHECK: "1",
  AZURE_TOKEN_CREDENTIALS: "ManagedIdentityCredential",
  ...server.identity,
  HTTPS_PROXY: server.proxy,
  NO_PROXY: "127.0.0.1,localhost",
  SSL_CERT_FILE: certificate.file,
  NODE_EXTRA_CA_CERTS: certificate.file,
});
const rule = () => `azure_keyvault: "${vaultUrl}/keys/sops/${server.versionOf("sops")}"`;

describe.skipIf(sops === "")("with a version in the rule,", () => {
  testFiveStores({ sops, rule, env });
});

describe.skipIf(sops === "")("without a version in the rule,", () => {
  testFiveStores({ sops, rule: () => `azure_keyvault: "${vaultUrl}/keys/sops"`, env });
});

describe.skipIf(sops === "")("with a client secret,", () => {
  testFiveStores({
    sops,
    rule,
    env: () => ({
      ...env(),
      AZURE_TOKEN_CREDENTIALS: "EnvironmentCredential",
      AZURE_TENANT_ID: "11111111-1111-1111-1111-111111111111",
      AZURE_CLIENT_ID: "22222222-2222-2222-2222-222222222222",
      AZURE_CLIENT_SECRET: "of-the-tests",
    }),
  });
});

describe("a file of kseal's", () => {
  const encrypt = async (rule: string, more: Readonly<Record<string, string>> = {}) => {
    const folder = makeFolder({ ...fiveStores, ".sops.yaml": `creation_rules:\n  - { ${rule} }\n` });
    const result = await runProgram([...ksealCommand(), "encrypt", "-i", "app.yaml"], {
      cwd: folder,
      env: { ...env(), HOME: folder, ...more },
    });
    return { ...result, folder, text: readFileSync(join(folder, "app.yaml"), "utf8") };
  };

  test("has the fields and the spelling of sops, and the version that was the newest", async () => {
    const { text, folder } = await encrypt(`azure_keyvault: "${vaultUrl}/keys/fresh"`);
    removeFolder(folder);

    expect(text).toMatch(
      /\n {4}azure_kv:\n {8}- created_at: "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\n {10}enc: [\w-]{342}\n {10}name: fresh\n {10}vault_url: https:\/\/team\.vault\.azure\.net\n {10}version: [\da-f]{32}\n {4}lastmodified:/,
    );
    expect(text).toContain(`version: ${server.versionOf("fresh")}\n`);
  });

  test("still opens after the key was rotated, in both tools", async () => {
    const { folder } = await encrypt(`azure_keyvault: "${vaultUrl}/keys/old"`);
    server.rotate("old");
    const programs = [ksealCommand(), ksealAsSops(), ...(sops === "" ? [] : [[sops] as [string]])];
    for (const program of programs) {
      const { status, stdout, stderr } = await runProgram([...program, "decrypt", "app.yaml"], {
        cwd: folder,
        env: env(),
      });
      expect([status, stderr, stdout.toString()]).toEqual([0, "", fiveStores["app.yaml"]]);
    }
    removeFolder(folder);
  });

  test("D43: another vault in it gets no byte, also in the place of sops", async () => {
    const { folder, text } = await encrypt(rule());
    writeFileSync(join(folder, "app.yaml"), text.replace(vaultUrl, server.url));
    const before = server.connections;
    for (const program of [ksealCommand(), ksealAsSops()]) {
      const { status, stdout, stderr } = await runProgram([...program, "decrypt", "app.yaml"], {
        cwd: folder,
        env: { ...env(), HOME: folder },
      });

      expect([status, stdout.toString()]).toEqual([128, ""]);
      expect(stderr).toContain(`its vault, ${server.url}, is none of Azure's, so no token goes there`);
      expect(stderr).toContain(`config.yaml: trust: { azure: ["${server.url}"] }`);
    }
    expect(server.connections).toBe(before);
    removeFolder(folder);
  });
});
