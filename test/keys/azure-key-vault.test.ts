import { chmod } from "node:fs/promises";
import { delimiter } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import { createAzureKeyVault } from "../../src/keys/azure-key-vault.ts";
import { KeyFailure } from "../../src/keys/key-failure.ts";
import { keyContext } from "../support/key-context.ts";
import { azureInProcess } from "../support/kms/azure-in-process.ts";
import {
  type AzureKeyVaultServer,
  accessToken,
  badSecrets,
  startAzureKeyVault,
  tenant,
} from "../support/kms/azure-key-vault.ts";
import type { TestCertificate } from "../support/kms/certificate.ts";
import { type Fault, type FaultOptions, startFaults } from "../support/kms/faults.ts";
import { createTestHost } from "../support/test-host.ts";

const dataKey = new DataKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const provider = createAzureKeyVault();
const trusted = getCACertificates("default");
let certificate: TestCertificate;
let server: AzureKeyVaultServer;

const azure = azureInProcess();
beforeAll(() => {
  ({ server, certificate } = azure);
});

/** A run whose user trusts this origin, besides those of Azure. */
async function contextFor(origin: string = server.url) {
  return keyContext(await createTestHost(), { azureVaults: [origin] });
}

function keyAt(vaultUrl: string = server.url, name = "sops", version = server.versionOf(name)) {
  return { type: "azure_kv", vaultUrl, name, version } as const;
}

/** The Azure CLI, as far as the SDK uses it. */
const azureCli = `#!/bin/sh
echo "$@" >> "$AZ_RUNS"
cat <<END
{"accessToken": "${accessToken}", "expires_on": 4102444800, "tokenType": "Bearer"}
END
`;

/** What a refused attempt says; fails when it was none. */
async function refusalOf(work: Promise<unknown>): Promise<Pick<KeyFailure, "kind" | "message" | "hint">> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KeyFailure)) throw error ?? new Error("it was not refused");
  expect(error.message + error.hint, "a token in a message").not.toContain(accessToken);
  expect(error.cause, "the request holds the token and the data key").toBeUndefined();
  return { kind: error.kind, message: error.message, hint: error.hint };
}

test("what is wrapped opens again, is base64url without padding, and costs one question for the token", async () => {
  const context = await contextFor();
  const before = server.operations().length;
  const enc = await provider.wrap(keyAt(), dataKey, context);
  const opened = await provider.unwrap({ key: keyAt(), enc }, context);

  expect(opened?.reveal()).toEqual(dataKey.reveal());
  expect(enc).toMatch(/^[\w-]{342}$/);
  const path = `/keys/sops/${server.versionOf("sops")}`;
  expect(server.operations().slice(before)).toEqual([
    `POST ${path}/encrypt without a token`,
    `POST ${path}/encrypt with a token`,
    `POST ${path}/decrypt with a token`,
  ]);
});

test("a key without a version is resolved to the newest, which is what is wrapped for", async () => {
  const context = await contextFor();
  const open = { ...keyAt(server.url, "rotated"), version: "" };
  const first = await provider.resolve?.(open, context);
  const enc = await provider.wrap(first ?? open, dataKey, context);
  const newest = server.rotate("rotated");

  expect(first).toEqual({ ...open, version: expect.stringMatching(/^[\da-f]{32}$/) });
  expect(await provider.resolve?.(open, context)).toEqual({ ...open, version: newest });
  expect((await provider.unwrap({ key: first ?? open, enc }, context))?.reveal()).toEqual(dataKey.reveal());
});

test("a key with a version is taken as it is, without asking", async () => {
  const before = server.requests.length;

  expect(await provider.resolve?.(keyAt(), await contextFor())).toEqual(keyAt());
  expect(server.requests.length).toBe(before);
});

test.for([
  [
    "denied",
    {
      kind: "denied",
      message: "Caller is not authorized to perform action on resource",
      hint: 'az role assignment create --role "Key Vault Crypto User" --assignee YOU@example.com --scope $(az keyvault show --name 127 --query id --output tsv)',
    },
  ],
  [
    "missing",
    {
      kind: "missing",
      message: expect.stringMatching(
        /^A key with \(name\/id\) sops\/[\da-f]{32} was not found in this key vault\. If you/,
      ),
      hint: "az keyvault key list --vault-name 127, or, after a deletion: az keyvault key recover --vault-name 127 --name sops",
    },
  ],
  [
    "disabled",
    {
      kind: "disabled",
      message: "Operation decrypt is not allowed on a disabled key",
      hint: expect.stringMatching(
        /^az keyvault key set-attributes --vault-name 127 --name sops --version [\da-f]{32} --enabled true$/,
      ),
    },
  ],
] as const)("a key that is %s is refused at once, in the words of the service", async ([state, refusal]) => {
  const context = await contextFor();
  const enc = await provider.wrap(keyAt(), dataKey, context);
  const before = server.requests.length;
  server.setKey("sops", state, 1);

  expect(await refusalOf(provider.unwrap({ key: keyAt(), enc }, context))).toEqual(refusal);
  expect(server.requests.length - before).toBe(1);
});

describe("a version or key that is", () => {
  test("not there is refused when the newest version is looked for, too", async () => {
    server.setKey("sops", "missing", 1);
    const work = provider.resolve?.({ ...keyAt(), version: "" }, await contextFor());

    expect(await refusalOf(work ?? Promise.resolve())).toMatchObject({ kind: "missing" });
  });

  test.for(["other key", "other version"])("another one makes a mismatch: %s", async (what) => {
    const context = await contextFor();
    const enc = await provider.wrap(keyAt(), dataKey, context);
    const other =
      what === "other key" ? keyAt(server.url, "other") : keyAt(server.url, "sops", server.rotate("sops"));

    expect(await refusalOf(provider.unwrap({ key: other, enc }, context))).toEqual({
      kind: "mismatch",
      message: "The parameter is incorrect",
      hint: "take the key's entry of the sops block from Git: git log -p FILE",
    });
  });
});

test("what is throttled is asked for again, three times at most", async () => {
  const context = await contextFor();
  await provider.wrap(keyAt(), dataKey, context);
  server.setKey("sops", "throttled", 2);
  await provider.wrap(keyAt(), dataKey, context);
  const before = server.requests.length;
  server.setKey("sops", "throttled", 3);

  expect(await refusalOf(provider.wrap(keyAt(), dataKey, context))).toEqual({
    kind: "throttled",
    message:
      "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached",
    hint: "try again in a minute",
  });
  expect(server.requests.length - before).toBe(3);
});

test("a wrapped data key that was damaged is not sent; one with line breaks is read as sops reads it", async () => {
  const context = await contextFor();
  const enc = await provider.wrap(keyAt(), dataKey, context);
  const broken = `${enc.slice(0, 8)}\n${enc.slice(8)}\n`;

  expect((await provider.unwrap({ key: keyAt(), enc: broken }, context))?.reveal()).toEqual(dataKey.reveal());
  expect(await refusalOf(provider.unwrap({ key: keyAt(), enc: `${enc}=` }, context))).toMatchObject({
    kind: "mismatch",
    message: "the wrapped data key is not base64url",
  });
});

describe("D43: a token goes to Azure alone, and no byte goes elsewhere:", () => {
  const connectionsAfter = async (work: () => Promise<unknown>) => {
    const before = server.connections;
    await work();
    return server.connections - before;
  };

  test("a vault of the file's choice is refused with the line that allows it", async () => {
    const host = await createTestHost();
    const connections = await connectionsAfter(async () => {
      expect(await refusalOf(provider.wrap(keyAt(), dataKey, keyContext(host)))).toEqual({
        kind: "untrusted",
        message: `its vault, ${server.url}, is none of Azure's, so no token goes there`,
        hint: `to allow it, write into ${host.resolve(host.configDir, "kseal", "config.yaml")}: trust: { azure: ["${server.url}"] }`,
      });
    });
    expect(connections).toBe(0);
  });

  test.for([
    "https://team.vault.azure.net.example.com",
    "https://vault.azure.net",
    "https://evil-vault.azure.net",
    "https://team.vault.azure.net:x@example.com",
    "http://team.vault.azure.net",
    "http://127.0.0.1:1",
    "team.vault.azure.net",
  ])("%s is not Azure's", async (vaultUrl) => {
    expect(
      await refusalOf(provider.wrap(keyAt(vaultUrl), dataKey, await contextFor("http://127.0.0.1:1"))),
    ).toMatchObject({ kind: "untrusted" });
  });

  test.for<[string, () => Partial<ReturnType<typeof keyAt>>]>([
    ["a path", () => ({ vaultUrl: `${server.url}/proxy` })],
    ["a name that leads elsewhere", () => ({ name: "../secrets/db" })],
    ["a version that leads elsewhere", () => ({ version: "1/../../secrets" })],
  ])("%s is no address of a key", async ([, fields]) => {
    const key = { ...keyAt(), ...fields() };
    const connections = await connectionsAfter(async () => {
      expect(await refusalOf(provider.wrap(key, dataKey, await contextFor()))).toEqual({
        kind: "missing",
        message: "this is not the address of a key in Azure Key Vault",
        hint: "az keyvault key show --vault-name VAULT --name KEY --query key.kid prints it",
      });
    });
    expect(connections).toBe(0);
  });

  test("a vault that asks for a token of another service gets none", async () => {
    vi.stubEnv("HTTPS_PROXY", server.proxy);
    server.setChallenge("https://management.azure.com");
    onTestFinished(() => server.setChallenge(undefined));
    const before = server.tokensGiven();

    expect(
      await refusalOf(provider.wrap(keyAt("https://team.vault.azure.net"), dataKey, await contextFor())),
    ).toEqual({
      kind: "untrusted",
      message: "team.vault.azure.net asks for a token of another service, which it does not get",
      hint: undefined,
    });
    expect(server.tokensGiven()).toBe(before);
  });
});

describe("through a proxy, under the names of the real services,", () => {
  beforeEach(() => vi.stubEnv("HTTPS_PROXY", server.proxy));

  test.for([
    "https://team.vault.azure.net",
    "https://team.vault.azure.net/",
    "https://hsm.managedhsm.azure.net",
  ])("%s needs nobody's permission", async (vaultUrl) => {
    const context = keyContext(await createTestHost());
    const key = keyAt(vaultUrl);
    const enc = await provider.wrap(key, dataKey, context);

    expect((await provider.unwrap({ key, enc }, context))?.reveal()).toEqual(dataKey.reveal());
  });

  test("a Managed HSM has roles of its own", async () => {
    server.setKey("sops", "denied", 1);
    const key = keyAt("https://hsm.managedhsm.azure.net");

    expect((await refusalOf(provider.wrap(key, dataKey, await contextFor()))).hint).toBe(
      'az keyvault role assignment create --hsm-name hsm --role "Managed HSM Crypto User" --assignee YOU@example.com --scope /keys',
    );
  });

  test("one token serves all vaults: az is started once", async () => {
    const host = await createTestHost({ files: { "bin/az": azureCli, runs: "" } });
    await chmod(host.resolve("bin/az"), 0o755);
    vi.stubEnv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential");
    vi.stubEnv("PATH", [host.resolve("bin"), process.env["PATH"]].join(delimiter));
    vi.stubEnv("AZ_RUNS", host.resolve("runs"));
    const context = keyContext(host);
    await Promise.all(
      ["one", "two", "three"].map((vault) =>
        provider.wrap(keyAt(`https://${vault}.vault.azure.net`), dataKey, context),
      ),
    );

    expect(new TextDecoder().decode(await host.readFile("runs"))).toBe(
      `account get-access-token --output json --resource https://vault.azure.net --tenant ${tenant}\n`,
    );
  });

  describe("a client secret", () => {
    const wrapWith = async (secret: string) => {
      vi.stubEnv("AZURE_TENANT_ID", tenant);
      vi.stubEnv("AZURE_CLIENT_ID", "22222222-2222-2222-2222-222222222222");
      vi.stubEnv("AZURE_CLIENT_SECRET", secret);
      const context = keyContext(await createTestHost());
      return await provider.wrap(keyAt("https://team.vault.azure.net"), dataKey, context);
    };

    test("from the environment is exchanged for a token", async () => {
      expect(await wrapWith("good-secret")).toMatch(/^[\w-]{342}$/);
    });

    test.for([
      [
        badSecrets.wrong,
        "Azure: AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID",
      ],
      [
        badSecrets.expired,
        "Azure: AADSTS7000222: The provided client secret keys for app 'test' are expired. Visit the Azure portal to create new keys for your app",
      ],
    ] as const)("that is refused is a matter of credentials: %s", async ([secret, message]) => {
      const refusal = await refusalOf(wrapWith(secret));

      expect(refusal).toEqual({
        kind: "credentials",
        message,
        hint: "set AZURE_CLIENT_SECRET to one that is good",
      });
      expect(JSON.stringify(refusal)).not.toContain(secret);
    });
  });
});

describe("credentials", () => {
  test.for(["EnvironmentCredential", "dev"])(
    "that are nowhere are asked for with az login: %s",
    async (chain) => {
      vi.stubEnv("AZURE_TOKEN_CREDENTIALS", chain);
      vi.stubEnv("PATH", "/nonexistent");

      expect(await refusalOf(provider.wrap(keyAt(), dataKey, await contextFor()))).toEqual({
        kind: "credentials",
        message: "there are no credentials for Azure",
        hint: "az login",
      });
    },
  );

  test.for([
    ["refused", "credentials", "Azure: the X-IDENTITY-HEADER is not that of this machine", "az login"],
    ["hanging", "unreachable", "the credentials of Azure: no answer within 0.45 s", undefined],
  ] as const)("of the machine that are %s are no token", async ([state, kind, message, hint]) => {
    server.setChallenge(`https://${state}.example.com`);
    server.setIdentity(state);
    onTestFinished(() => {
      server.setChallenge(undefined);
      server.setIdentity("good");
    });
    const quick = createAzureKeyVault({ timeout: 150 });

    expect(await refusalOf(quick.wrap(keyAt(), dataKey, await contextFor()))).toEqual({
      kind,
      message,
      hint,
    });
  });

  test("of a login that is not there are unreachable", async () => {
    vi.stubEnv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential");
    vi.stubEnv("AZURE_TENANT_ID", tenant);
    vi.stubEnv("AZURE_CLIENT_ID", "22222222-2222-2222-2222-222222222222");
    vi.stubEnv("AZURE_CLIENT_SECRET", "good-secret");
    vi.stubEnv("AZURE_AUTHORITY_HOST", "https://127.0.0.1:1");

    expect(await refusalOf(provider.wrap(keyAt(), dataKey, await contextFor()))).toEqual({
      kind: "unreachable",
      message: "the login service of Azure cannot be reached",
      hint: "check AZURE_AUTHORITY_HOST, or: curl -sI https://login.microsoftonline.com",
    });
  });

  test("that name no chain are refused", async () => {
    vi.stubEnv("AZURE_TOKEN_CREDENTIALS", "magic");

    expect(await refusalOf(provider.wrap(keyAt(), dataKey, await contextFor()))).toMatchObject({
      kind: "credentials",
      message: expect.stringMatching(/^Azure: Invalid value for AZURE_TOKEN_CREDENTIALS = magic/),
    });
  });
});

describe("a server that", () => {
  const quick = createAzureKeyVault({ timeout: 150 });
  const faulty = async (fault: Fault, options?: FaultOptions) => {
    const broken = await startFaults(fault, { ...options, tls: certificate });
    onTestFinished(() => broken.close());
    return { broken, host: new URL(broken.url).host };
  };

  test.for<[Fault, string, number]>([
    ["hang", ": no answer within 0.15 s", 3],
    ["reset", ": the connection was reset", 3],
    ["garbage", ": the answer is not one of Azure Key Vault", 1],
    ["error", " answers with HTTP status 500", 3],
  ])("has the fault %s is unreachable: %s", async ([fault, reason, attempts]) => {
    const { broken, host } = await faulty(fault);

    expect(await refusalOf(quick.wrap(keyAt(broken.url), dataKey, await contextFor(broken.url)))).toEqual({
      kind: "unreachable",
      message: `${host}${reason}`,
      hint: `curl -sI ${broken.url} shows whether this machine gets there`,
    });
    expect(broken.requests).toHaveLength(attempts);
    expect(JSON.stringify(broken.requests)).not.toContain(accessToken);
  });

  test("is not there is unreachable, and is not asked again", async () => {
    const { broken, host } = await faulty("error");
    await broken.close();

    expect(
      await refusalOf(provider.wrap(keyAt(broken.url), dataKey, await contextFor(broken.url))),
    ).toMatchObject({
      kind: "unreachable",
      message: `${host}: the connection was refused`,
    });
  });

  test("has a certificate of nobody's is told apart from one that is not there", async () => {
    setDefaultCACertificates(trusted);
    onTestFinished(() => setDefaultCACertificates([...trusted, certificate.cert]));
    const { broken, host } = await faulty("error");

    expect(await refusalOf(provider.wrap(keyAt(broken.url), dataKey, await contextFor(broken.url)))).toEqual({
      kind: "unreachable",
      message: `${host}: its certificate is not accepted (DEPTH_ZERO_SELF_SIGNED_CERT)`,
      hint: "NODE_EXTRA_CA_CERTS=ca.pem adds the authority that signed it",
    });
  });

  test("hangs does not keep an interrupted run", async () => {
    const { broken } = await faulty("hang");
    const controller = new AbortController();
    const context = { ...(await contextFor(broken.url)), signal: controller.signal };
    const work = provider.wrap(keyAt(broken.url), dataKey, context);
    await vi.waitFor(() => expect(broken.requests).toHaveLength(1));
    controller.abort();

    await expect(work).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

test("many keys share one client and one token, and 16 requests at most are on their way", async () => {
  const waiting = { release: (): void => {} };
  const full = new Promise<void>((resolve) => {
    waiting.release = resolve;
  });
  const busy = await startAzureKeyVault(certificate, {
    hold: (inFlight) => {
      if (inFlight === 16) waiting.release();
      return full;
    },
  });
  onTestFinished(() => busy.close());
  const context = await contextFor(busy.url);
  const before = server.tokensGiven();
  busy.setChallenge("https://many.example.com");
  const key = keyAt(busy.url, "sops", busy.versionOf("sops"));
  await Promise.all(Array.from({ length: 60 }, () => provider.wrap(key, dataKey, context)));

  expect(busy.mostInFlight).toBe(16);
  expect(server.tokensGiven() - before).toBe(1);
});
