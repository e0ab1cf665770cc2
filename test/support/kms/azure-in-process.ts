import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, beforeEach, vi } from "vitest";
import { type AzureKeyVaultServer, startAzureKeyVault } from "./azure-key-vault.ts";
import { makeCertificate, type TestCertificate } from "./certificate.ts";

/** The server of a file's tests, there when the first one starts. */
export interface AzureInProcess {
  readonly server: AzureKeyVaultServer;
  readonly certificate: TestCertificate;
}

/**
 * An Azure for the tests of a file that run kseal in their own process: a vault whose certificate it trusts, and the
 * managed identity that it is logged in with. Nothing of this machine is found, and nobody's metadata service asked.
 */
export function azureInProcess(): AzureInProcess {
  const trusted = getCACertificates("default");
  const running = {} as { server: AzureKeyVaultServer; certificate: TestCertificate };
  beforeAll(async () => {
    running.certificate = makeCertificate();
    setDefaultCACertificates([...trusted, running.certificate.cert]);
    running.server = await startAzureKeyVault(running.certificate);
  });
  afterAll(async () => {
    setDefaultCACertificates(trusted);
    await running.server.close();
    running.certificate.remove();
  });
  beforeEach(() => {
    for (const name of Object.keys(process.env)) {
      if (/^(AZURE_|IDENTITY_|MSI_|IMDS_|https?_proxy$|all_proxy$|no_proxy$)/i.test(name))
        vi.stubEnv(name, undefined);
    }
    vi.stubEnv("AZURE_TOKEN_CREDENTIALS", "prod");
    for (const [name, value] of Object.entries(running.server.identity)) vi.stubEnv(name, value);
  });
  return running;
}
