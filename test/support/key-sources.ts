import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, removeFolder } from "./folders.ts";
import { createGpgHome, type GpgHome, type PgpTestKey } from "./gpg.ts";
import { identities, recipients } from "./identities.ts";
import { type AwsKmsServer, badAccessKeys, startAwsKms } from "./kms/aws-kms.ts";
import { type AzureKeyVaultServer, badSecrets, startAzureKeyVault } from "./kms/azure-key-vault.ts";
import { makeCertificate, type TestCertificate } from "./kms/certificate.ts";
import { badTokens, type GcpKmsServer, startGcpKms } from "./kms/gcp-kms.ts";
import { type OpenBao, startOpenBao } from "./openbao.ts";

/** Every source of master keys. */
export type SourceName = "age" | "aws" | "gcp" | "azure" | "vault" | "pgp";

/** One key of a source. */
export interface SourceKey {
  /** As a flag of `sops` and of kseal. */
  readonly flag: readonly [name: string, key: string];
  /** As an item of `key_groups` in `.sops.yaml`. */
  readonly rule: string;
  /** Variables with which a program may use the key. */
  readonly open: Readonly<Record<string, string>>;
  /** Variables with which the source turns it away. */
  readonly refused: Readonly<Record<string, string>>;
}

/** A real server, or the real program, for every source at once, all on this machine. */
export interface KeySources {
  readonly keys: Readonly<Record<SourceName, SourceKey>>;
  /** The whole environment of a program that may use these keys and is turned away by all the others. */
  environment(open: readonly SourceName[]): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const resourceId = "projects/team/locations/europe-west3/keyRings/sops/cryptoKeys/prod";
const arn = "arn:aws:kms:eu-west-1:111122223333:key/0d5d7d3c-7c4d-4c0b-9d3e-5b1d1a6f2f10";

interface Servers {
  readonly home: string;
  readonly certificate: TestCertificate;
  readonly aws: AwsKmsServer;
  readonly gcp: GcpKmsServer;
  readonly azure: AzureKeyVaultServer;
  readonly vault: OpenBao;
  readonly gpg: GpgHome;
}

/** Starts them all; it takes about two seconds. */
export async function startKeySources(): Promise<KeySources> {
  const certificate = makeCertificate();
  const servers: Servers = {
    home: makeFolder(),
    certificate,
    aws: await startAwsKms(),
    gcp: await startGcpKms(),
    azure: await startAzureKeyVault(certificate),
    vault: await startOpenBao(),
    gpg: await createGpgHome(),
  };
  mkdirSync(join(servers.home, "no-keys"), { mode: 0o700 });
  const keys = keysOf(servers, await servers.gpg.generate("A Tester <tester@example.com>"));
  const names = Object.keys(keys) as SourceName[];
  return {
    keys,
    environment: (open) =>
      Object.assign(
        commonEnvironment(servers),
        ...names.map((name) => (open.includes(name) ? keys[name].open : keys[name].refused)),
      ),
    close: async () => {
      const { aws, gcp, azure, vault, gpg, home } = servers;
      await Promise.all([aws, gcp, azure, vault, gpg].map((server) => server.close()));
      certificate.remove();
      removeFolder(home);
    },
  };
}

function commonEnvironment({ home, certificate, aws, gcp, azure, vault }: Servers): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    SOPS_DISABLE_VERSION_CHECK: "1",
    // Nothing but these servers may be asked who somebody is.
    AWS_EC2_METADATA_DISABLED: "true",
    METADATA_SERVER_DETECTION: "none",
    AZURE_TOKEN_CREDENTIALS: "EnvironmentCredential",
    AWS_ENDPOINT_URL: aws.url,
    AWS_SECRET_ACCESS_KEY: "aws-secret-of-the-tests",
    SOPS_GCP_KMS_CLIENT_TYPE: "rest",
    SOPS_GCP_KMS_ENDPOINT: gcp.url,
    AZURE_TENANT_ID: "11111111-1111-1111-1111-111111111111",
    AZURE_CLIENT_ID: "22222222-2222-2222-2222-222222222222",
    HTTPS_PROXY: azure.proxy,
    NO_PROXY: "127.0.0.1,localhost",
    SSL_CERT_FILE: certificate.file,
    NODE_EXTRA_CA_CERTS: certificate.file,
    VAULT_ADDR: vault.url,
  };
}

function keysOf(
  { home, azure, vault, gpg }: Servers,
  { fingerprint }: PgpTestKey,
): Readonly<Record<SourceName, SourceKey>> {
  const [recipient = ""] = recipients;
  const vaultUrl = "https://team.vault.azure.net";
  const version = azure.versionOf("sops");
  const transit = `${vault.url}/v1/sops/keys/k1`;
  return {
    age: {
      flag: ["--age", recipient],
      rule: `age: [${recipient}]`,
      open: { SOPS_AGE_KEY: identities[0] ?? "" },
      refused: {},
    },
    aws: {
      flag: ["--kms", arn],
      rule: `kms: [{ arn: "${arn}" }]`,
      open: { AWS_ACCESS_KEY_ID: "test" },
      refused: { AWS_ACCESS_KEY_ID: badAccessKeys.unknown },
    },
    gcp: {
      flag: ["--gcp-kms", resourceId],
      rule: `gcp_kms: [{ resource_id: ${resourceId} }]`,
      open: { GOOGLE_OAUTH_ACCESS_TOKEN: "ya29.good" },
      refused: { GOOGLE_OAUTH_ACCESS_TOKEN: badTokens.expired },
    },
    azure: {
      flag: ["--azure-kv", `${vaultUrl}/keys/sops/${version}`],
      rule: `azure_keyvault: [{ vaultUrl: "${vaultUrl}", key: sops, version: "${version}" }]`,
      open: { AZURE_CLIENT_SECRET: "good-secret" },
      refused: { AZURE_CLIENT_SECRET: badSecrets.wrong },
    },
    vault: {
      flag: ["--hc-vault-transit", transit],
      rule: `hc_vault: ["${transit}"]`,
      open: { VAULT_TOKEN: vault.rootToken },
      refused: { VAULT_TOKEN: "hvs.no-such-token" },
    },
    pgp: {
      flag: ["--pgp", fingerprint],
      rule: `pgp: [${fingerprint}]`,
      open: { GNUPGHOME: gpg.folder },
      refused: { GNUPGHOME: join(home, "no-keys") },
    },
  };
}
