import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import type { MasterKey } from "../../src/core/master-key.ts";
import type { KeyContext } from "../../src/keys/provider.ts";
import { createVaultTransitProvider, vaultTransitProvider } from "../../src/keys/vault-transit.ts";
import { keyContext } from "../support/key-context.ts";
import { type Fault, type FaultOptions, startFaults } from "../support/kms/faults.ts";
import { type LoopbackServer, serveLoopback } from "../support/kms/loopback-server.ts";
import { type OpenBao, startOpenBao } from "../support/openbao.ts";
import { peer } from "../support/peers.ts";
import { createTestHost, type TestHost, type TestHostOptions } from "../support/test-host.ts";

type VaultKey = Extract<MasterKey, { type: "hc_vault" }>;

const dataKey = new DataKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const bytes = dataKey.reveal();
const { wrap, unwrap } = vaultTransitProvider;

function keyAt(vaultAddress: string, keyName = "k1", enginePath = "sops"): VaultKey {
  return { type: "hc_vault", vaultAddress, enginePath, keyName };
}

async function contextFor(
  address: string,
  env: Readonly<Record<string, string | undefined>>,
  options: TestHostOptions = {},
): Promise<KeyContext & { readonly host: TestHost }> {
  const host = await createTestHost({ ...options, env });
  return { ...keyContext(host, { vaultAddresses: [address] }), host };
}

/** The data key as the server itself wraps it, without kseal. */
async function wrappedBy(bao: OpenBao): Promise<string> {
  const plaintext = Buffer.from(bytes).toString("base64");
  return String((await bao.call("POST", "sops/encrypt/k1", { plaintext }))["ciphertext"]);
}

async function serve(server: Promise<LoopbackServer>): Promise<LoopbackServer> {
  const started = await server;
  onTestFinished(() => started.close());
  return started;
}

describe.skipIf(!peer("bao"))("with a real server", () => {
  let bao: OpenBao;
  let key: VaultKey;
  let enc: string;

  beforeAll(async () => {
    bao = await startOpenBao();
    key = keyAt(bao.url);
    enc = await wrappedBy(bao);
  });
  afterAll(() => bao.close());

  const asRoot = (env: Readonly<Record<string, string | undefined>> = {}, options?: TestHostOptions) =>
    contextFor(bao.url, { VAULT_TOKEN: bao.rootToken, ...env }, options);

  test("a data key comes back, from a ciphertext that says which version of the key made it", async () => {
    expect(enc).toMatch(/^vault:v1:[A-Za-z0-9+/]+=*$/);
    expect((await unwrap({ key, enc }, await asRoot()))?.reveal()).toEqual(bytes);
  });

  test("a token that may update the two paths is enough", async () => {
    const token = await bao.tokenFor(["sops/encrypt/k1", "sops/decrypt/k1"]);
    const context = await contextFor(bao.url, { VAULT_TOKEN: token });
    const opened = await unwrap({ key, enc: await wrap(key, dataKey, context) }, context);
    expect(opened?.reveal()).toEqual(bytes);
  });

  test("a share of a data key, of 33 bytes, comes back", async () => {
    const share = new DataKey(new Uint8Array(33).fill(7));
    const context = await asRoot();
    const opened = await unwrap({ key, enc: await wrap(key, share, context) }, context);
    expect(opened?.reveal()).toEqual(share.reveal());
  });

  test("an older version of a key still opens after the key was rotated", async () => {
    await bao.call("POST", "sops/keys/rotated");
    const rotated = keyAt(bao.url, "rotated");
    const old = await wrap(rotated, dataKey, await asRoot());
    await bao.call("POST", "sops/keys/rotated/rotate");
    expect(await wrap(rotated, dataKey, await asRoot())).toMatch(/^vault:v2:/);
    expect((await unwrap({ key: rotated, enc: old }, await asRoot()))?.reveal()).toEqual(bytes);
  });

  test.for([
    ["VAULT_TOKEN", { VAULT_TOKEN: "TOKEN" }, undefined],
    ["VAULT_TOKEN with a line break behind it", { VAULT_TOKEN: "TOKEN\n" }, undefined],
    ["~/.vault-token", {}, "TOKEN\n"],
    ["VAULT_TOKEN before ~/.vault-token", { VAULT_TOKEN: "TOKEN" }, "nonsense"],
    ["BAO_TOKEN, for users of OpenBao", { BAO_TOKEN: "TOKEN" }, undefined],
    ["VAULT_TOKEN before BAO_TOKEN", { VAULT_TOKEN: "TOKEN", BAO_TOKEN: "nonsense" }, undefined],
  ] as const)("the token comes from %s", async ([, env, file]) => {
    const real = (text: string): string => text.replace("TOKEN", bao.rootToken);
    const variables = Object.entries(env).map(([name, value]) => [name, real(value)]);
    const context = await contextFor(bao.url, Object.fromEntries(variables));
    if (file !== undefined) writeFileSync(join(context.host.homeDir, ".vault-token"), real(file));
    expect((await unwrap({ key, enc }, context))?.reveal()).toEqual(bytes);
  });

  test("reports say where the token is from, and nothing of it", async () => {
    const held = async (env: Readonly<Record<string, string>>, file = false): Promise<readonly string[]> => {
      const context = await contextFor(bao.url, env);
      if (file) writeFileSync(join(context.host.homeDir, ".vault-token"), "secret");
      const lines = (await vaultTransitProvider.holdings?.(context)) ?? [];
      return lines.map((line) => line.replace(context.host.homeDir, "~"));
    };
    expect(await held({ VAULT_TOKEN: "secret" })).toEqual(["you hold a Vault token from VAULT_TOKEN"]);
    expect(await held({ BAO_TOKEN: "secret" })).toEqual(["you hold a Vault token from BAO_TOKEN"]);
    expect(await held({}, true)).toEqual(["you hold a Vault token from ~/.vault-token"]);
    expect(await held({})).toEqual([]);
  });

  test("VAULT_NAMESPACE chooses the namespace", async () => {
    await bao.call("POST", "sys/namespaces/team");
    await bao.call("POST", "sys/mounts/sops", { type: "transit" }, { namespace: "team" });
    await bao.call("POST", "sops/keys/k1", {}, { namespace: "team" });
    const context = await asRoot({ VAULT_NAMESPACE: "team" });

    const inTeam = await wrap(key, dataKey, context);

    expect((await unwrap({ key, enc: inTeam }, context))?.reveal()).toEqual(bytes);
    await expect(unwrap({ key, enc: inTeam }, await asRoot())).rejects.toMatchObject({ kind: "mismatch" });
  });

  test("an engine may lie deep, and its path may hold what a URL does not", async () => {
    const engine = "team a/sops+ü".replace(" ", "-");
    await bao.call("POST", `sys/mounts/${encodeURIComponent(engine)}`, { type: "transit" });
    const deep = keyAt(bao.url, "key.of-a_team", engine);
    const context = await asRoot();
    const opened = await unwrap({ key: deep, enc: await wrap(deep, dataKey, context) }, context);
    expect(opened?.reveal()).toEqual(bytes);
  });

  test("an address with a slash behind it is the same address", async () => {
    const opened = await unwrap({ key: keyAt(`${bao.url}/`, "k1", "/sops/"), enc }, await asRoot());
    expect(opened?.reveal()).toEqual(bytes);
  });

  interface Refusal {
    readonly name: string;
    /** The policy of the token; root without one. */
    readonly allowed?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly key?: Partial<VaultKey>;
    readonly enc?: string;
    readonly wraps?: boolean;
    /** Calls to the server, before. */
    readonly prepare?: readonly (readonly [method: string, path: string, body?: unknown])[];
    readonly kind: string;
    readonly message: string;
    readonly hint?: string;
  }

  const refusals: readonly Refusal[] = [
    {
      name: "a token without a policy for the key, to open",
      allowed: ["sops/decrypt/k2"],
      kind: "denied",
      message: "no policy of the token allows update on sops/decrypt/k1: permission denied",
      hint: 'a line for its policy: path "sops/decrypt/k1" { capabilities = ["update"] }',
    },
    {
      name: "a token without a policy for the key, to wrap",
      allowed: ["sops/decrypt/k1"],
      wraps: true,
      kind: "denied",
      message:
        "no policy of the token allows update on sops/encrypt/k1, or there is no such key: permission denied",
      hint: 'a line for its policy: path "sops/encrypt/k1" { capabilities = ["update"] }',
    },
    {
      name: "a token that is none",
      env: { VAULT_TOKEN: "s.nonsense" },
      kind: "credentials",
      message: "the token is not valid there, or no longer: permission denied",
      hint: "vault login -address=URL",
    },
    {
      name: "a key that is missing, to open",
      key: { keyName: "k3" },
      kind: "missing",
      message: "encryption key not found",
      hint: "vault write -f sops/keys/k3",
    },
    {
      name: "a key that is missing, to wrap, with a token that may not create one",
      allowed: ["sops/encrypt/*"],
      key: { keyName: "k3" },
      wraps: true,
      kind: "denied",
      message:
        "no policy of the token allows update on sops/encrypt/k3, or there is no such key: permission denied",
      hint: 'a line for its policy: path "sops/encrypt/k3" { capabilities = ["update"] }',
    },
    {
      name: "a key that is missing, to wrap, where keys are not created on the way",
      prepare: [
        ["POST", "sys/mounts/strict", { type: "transit" }],
        ["POST", "strict/config/keys", { disable_upsert: true }],
      ],
      key: { enginePath: "strict", keyName: "k3" },
      wraps: true,
      kind: "missing",
      message: "encryption key not found",
      hint: "vault write -f strict/keys/k3",
    },
    {
      name: "an engine that is missing",
      key: { enginePath: "nothing" },
      kind: "missing",
      message: "there is no secrets engine at nothing",
      hint: "vault secrets enable -path=nothing transit",
    },
    {
      name: "an engine that is missing in a namespace",
      prepare: [["POST", "sys/namespaces/empty"]],
      env: { VAULT_NAMESPACE: "empty" },
      kind: "missing",
      message: "there is no secrets engine at sops in the namespace empty",
      hint: "vault secrets enable -path=sops transit",
    },
    {
      name: "a namespace that is missing",
      env: { VAULT_NAMESPACE: "nowhere" },
      kind: "missing",
      message: "there is no namespace nowhere",
      hint: "set VAULT_NAMESPACE to the path of a namespace",
    },
    {
      name: "an engine that is a versioned KV store",
      prepare: [["POST", "sys/mounts/kv2", { type: "kv", options: { version: "2" } }]],
      key: { enginePath: "kv2" },
      kind: "missing",
      message: "there is no transit engine at kv2",
      hint: "vault secrets enable -path=kv2 transit",
    },
    {
      name: "an engine that is a KV store and takes everything",
      prepare: [["POST", "sys/mounts/kv1", { type: "kv" }]],
      key: { enginePath: "kv1" },
      kind: "missing",
      message: "the secrets engine at kv1 is not a transit engine",
      hint: "vault secrets list",
    },
    {
      name: "a ciphertext of another key",
      key: { keyName: "k2" },
      kind: "mismatch",
      message: "this key did not encrypt it: cipher: message authentication failed",
    },
    {
      name: "a ciphertext that is none",
      enc: "nonsense",
      kind: "mismatch",
      message: "this key did not encrypt it: invalid ciphertext: no prefix",
    },
    {
      name: "a ciphertext of a version that the key does not have",
      enc: "vault:v9:AAAA",
      kind: "mismatch",
      message: "this key did not encrypt it: invalid ciphertext: version is too new",
    },
    {
      name: "a version of the key that was taken out of use",
      prepare: [
        ["POST", "sops/keys/retired"],
        ["POST", "sops/keys/retired/rotate"],
        ["POST", "sops/keys/retired/config", { min_decryption_version: 2 }],
      ],
      key: { keyName: "retired" },
      kind: "disabled",
      message: "ciphertext or signature version is disallowed by policy (too old)",
      hint: "vault read sops/keys/retired",
    },
    {
      name: "a key that can only sign",
      prepare: [["POST", "sops/keys/signs", { type: "ed25519" }]],
      key: { keyName: "signs" },
      wraps: true,
      kind: "unsupported",
      message: "message encryption not supported for key type ed25519",
      hint: "vault read sops/keys/signs",
    },
    {
      name: "a key that needs a context",
      prepare: [["POST", "sops/keys/derives", { derived: true }]],
      key: { keyName: "derives" },
      wraps: true,
      kind: "unsupported",
      message:
        "missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request information must be included in order to perform operations with the key",
      hint: "vault read sops/keys/derives",
    },
  ];

  test.for(refusals)("$name is refused", async (refusal) => {
    for (const [method, path, body] of refusal.prepare ?? []) await bao.call(method, path, body);
    const token = refusal.allowed ? await bao.tokenFor(refusal.allowed) : bao.rootToken;
    const context = await contextFor(bao.url, { VAULT_TOKEN: token, ...refusal.env });
    const refused = { ...key, ...refusal.key };

    const work = refusal.wraps
      ? wrap(refused, dataKey, context)
      : unwrap({ key: refused, enc: refusal.enc ?? enc }, context);

    const { kind, message, hint } = refusal;
    const expected = { code: "KEY_SOURCE_FAILED", kind, message, hint: hint?.replace("URL", bao.url) };
    await expect(work).rejects.toMatchObject(expected);
  });

  test("a token that was revoked, or has run out, is refused", async () => {
    const token = await bao.tokenFor(["sops/decrypt/k1"]);
    await bao.call("POST", "auth/token/revoke", { token });
    await expect(unwrap({ key, enc }, await asRoot({ VAULT_TOKEN: token }))).rejects.toMatchObject({
      kind: "credentials",
      message: "the token is not valid there, or no longer: permission denied",
      hint: `vault login -address=${bao.url}`,
    });
  });

  test("a rate limit that does not end is refused", async () => {
    const limited = await startOpenBao();
    onTestFinished(() => limited.close());
    const context = await contextFor(limited.url, { VAULT_TOKEN: limited.rootToken });
    const here = keyAt(limited.url);
    await limited.call("POST", "sys/quotas/rate-limit/slow", { path: "sops/", rate: 1, interval: "1h" });

    await wrap(here, dataKey, context);
    await expect(wrap(here, dataKey, context)).rejects.toMatchObject({
      kind: "throttled",
      message: 'too many requests: request path "sops/encrypt/k1": rate limit quota exceeded',
    });
  });

  test("a sealed server is refused", async () => {
    const sealed = await startOpenBao();
    onTestFinished(() => sealed.close());
    await sealed.call("PUT", "sys/seal");
    const context = await contextFor(sealed.url, { VAULT_TOKEN: sealed.rootToken });

    await expect(unwrap({ key: keyAt(sealed.url), enc }, context)).rejects.toMatchObject({
      kind: "unreachable",
      message: "the server is sealed: Vault is sealed",
      hint: "vault operator unseal",
    });
  });

  test("a server that is gone is refused", async () => {
    const gone = await startOpenBao();
    await gone.close();
    const context = await contextFor(gone.url, { VAULT_TOKEN: "t" });
    await expect(unwrap({ key: keyAt(gone.url), enc }, context)).rejects.toMatchObject({
      kind: "unreachable",
      message: `${new URL(gone.url).host}: the connection was refused`,
    });
  });

  describe("over https", () => {
    let secure: OpenBao;
    let sealed: { readonly key: VaultKey; readonly enc: string };

    beforeAll(async () => {
      secure = await startOpenBao({ https: true });
      sealed = { key: keyAt(secure.url), enc: await wrappedBy(secure) };
    });
    afterAll(() => secure.close());

    const open = async (env: Readonly<Record<string, string>>, options?: TestHostOptions) =>
      unwrap(sealed, await contextFor(secure.url, { VAULT_TOKEN: secure.rootToken, ...env }, options));

    test("the authority comes from VAULT_CACERT, VAULT_CACERT_BYTES or the folder VAULT_CAPATH", async () => {
      const pem = readFileSync(secure.caFile, "utf8");
      const folder = { files: { "ca/own.pem": pem, "ca/README": "no certificate", "ca/folder/x": "" } };
      expect((await open({ VAULT_CACERT: secure.caFile }))?.reveal()).toEqual(bytes);
      expect((await open({ VAULT_CACERT_BYTES: pem }))?.reveal()).toEqual(bytes);
      expect((await open({ VAULT_CAPATH: "ca" }, folder))?.reveal()).toEqual(bytes);
    });

    const untrusted = {
      kind: "unreachable",
      message: expect.stringMatching(/^127\.0\.0\.1:\d+: its certificate is not accepted \([A-Z_]+\)$/),
      hint: "VAULT_CACERT=ca.pem names the authority that signed it",
    };

    test("a certificate of an unknown authority is refused, also after VAULT_SKIP_VERIFY", async () => {
      await expect(open({})).rejects.toMatchObject(untrusted);
      await expect(open({ VAULT_SKIP_VERIFY: "true" })).rejects.toMatchObject(untrusted);
    });

    test("VAULT_TLS_SERVER_NAME is the name that the certificate has to be for", async () => {
      const env = { VAULT_CACERT: secure.caFile };
      expect((await open({ ...env, VAULT_TLS_SERVER_NAME: "localhost" }))?.reveal()).toEqual(bytes);
      await expect(open({ ...env, VAULT_TLS_SERVER_NAME: "vault.example.com" })).rejects.toMatchObject({
        ...untrusted,
        message: expect.stringContaining("its certificate is not accepted (ERR_TLS_CERT_ALTNAME_INVALID)"),
      });
    });

    test.for([
      [{ VAULT_CACERT: "nothing.pem" }, "NO_FILE", "nothing.pem does not exist"],
      [
        { VAULT_CACERT: "text" },
        "KEY_SOURCE_FAILED",
        "there is no certificate in PEM in what VAULT_CACERT names",
      ],
      [
        { VAULT_CAPATH: "." },
        "KEY_SOURCE_FAILED",
        "there is no certificate in PEM in what VAULT_CAPATH names",
      ],
      [
        { VAULT_CLIENT_KEY: "text" },
        "KEY_SOURCE_FAILED",
        "there is no private key in PEM in what VAULT_CLIENT_KEY names",
      ],
    ] as const)("%j is refused", async ([env, code, message]) => {
      await expect(open(env, { files: { text: "text" } })).rejects.toMatchObject({ code, message });
    });
  });
});

describe("D43: the Vault token", () => {
  const enc = "vault:v1:AAAA";

  async function refusal(key: VaultKey, context: KeyContext): Promise<unknown> {
    const [wrapping, opening] = await Promise.allSettled([
      wrap(key, dataKey, context),
      unwrap({ key, enc }, context),
    ]);
    expect(wrapping).toEqual(opening);
    return opening.status === "rejected" ? opening.reason : opening;
  }

  test("D43: goes to no address that the user did not name: not even a connection is made", async () => {
    const server = await serve(startFaults("garbage"));
    const host = await createTestHost({ env: { VAULT_TOKEN: "token-of-the-test" } });
    const config = join(host.configDir, "kseal", "config.yaml");

    for (const vaultAddresses of [[], ["https://vault.example.com"], [server.url.replace(/\d$/, "")]]) {
      expect(await refusal(keyAt(server.url), keyContext(host, { vaultAddresses }))).toMatchObject({
        kind: "untrusted",
        message: `your Vault token may not be sent to ${server.url}: neither VAULT_ADDR nor your own settings name it`,
        hint: `to allow it, set VAULT_ADDR=${server.url}, or write into ${config}: trust: { vault: ["${server.url}"] }`,
      });
    }
    expect(await refusal(keyAt(server.url), { ...keyContext(host), trust: undefined })).toMatchObject({
      kind: "untrusted",
    });
    expect([server.connections, server.requests]).toEqual([0, []]);
  });

  test.for([
    ["https://vault.example.com.evil.example", "untrusted"],
    ["https://vault.example.com@evil.example", "unsupported"],
    ["https://evil.example/https://vault.example.com", "unsupported"],
    ["https://vault.example.com:8200", "untrusted"],
    ["https://vault.example.com/prefix", "unsupported"],
    ["https://vault.example.com?x", "unsupported"],
    ["https://vault.example.com#x", "unsupported"],
    ["file:///etc/passwd", "unsupported"],
    ["vault.example.com", "unsupported"],
    ["", "unsupported"],
  ] as const)("D43: the address %j is not that of https://vault.example.com", async ([address, kind]) => {
    const context = await contextFor("https://vault.example.com", { VAULT_TOKEN: "t" });
    expect(await refusal(keyAt(address), context)).toMatchObject({ kind });
  });

  test.for(["http://vault.example.com", "http://10.0.0.1:8200", "http://127.evil.example"])(
    "D43: does not go over plain http to %s, even where all addresses are allowed",
    async (address) => {
      const host = await createTestHost({ env: { VAULT_TOKEN: "t" } });
      expect(await refusal(keyAt(address), keyContext(host, { vaultAddresses: "all" }))).toMatchObject({
        kind: "untrusted",
        message: "plain http would show your Vault token to the network",
        hint: "write its https address into .sops.yaml; http is for this machine alone (127.0.0.1, localhost)",
      });
    },
  );

  test("D43: goes everywhere when the user said so", async () => {
    const server = await serve(startFaults("garbage"));
    const host = await createTestHost({ env: { VAULT_TOKEN: "t" } });
    await refusal(keyAt(server.url), keyContext(host, { vaultAddresses: "all" }));
    expect(server.requests.map(({ headers }) => headers["x-vault-token"])).toEqual(["t", "t"]);
  });

  test.for([
    [{ enginePath: "a/../b" }, "its engine_path is not the path of a secrets engine"],
    [{ enginePath: "a//b" }, "its engine_path is not the path of a secrets engine"],
    [{ enginePath: "." }, "its engine_path is not the path of a secrets engine"],
    [{ enginePath: "" }, "its engine_path is not the path of a secrets engine"],
    [{ enginePath: "a?b" }, "its engine_path is not the path of a secrets engine"],
    [{ enginePath: "a#b" }, "its engine_path is not the path of a secrets engine"],
    [{ enginePath: "a%2e%2e/b" }, "its engine_path is not the path of a secrets engine"],
    [{ enginePath: "a\\b" }, "its engine_path is not the path of a secrets engine"],
    [{ enginePath: "a\nb" }, "its engine_path is not the path of a secrets engine"],
    [{ keyName: ".." }, "its key_name is not the name of a transit key"],
    [{ keyName: "../../sys/seal" }, "its key_name is not the name of a transit key"],
    [{ keyName: "k1?x=y" }, "its key_name is not the name of a transit key"],
    [{ keyName: "" }, "its key_name is not the name of a transit key"],
  ] as const)("is not sent along with a key like %j", async ([part, message]) => {
    const server = await serve(startFaults("garbage"));
    const context = await contextFor(server.url, { VAULT_TOKEN: "t" });
    const refused = await refusal({ ...keyAt(server.url), ...part }, context);
    expect(refused).toMatchObject({ kind: "unsupported", message });
    expect(server.connections).toBe(0);
  });

  test("that is missing is said without a request", async () => {
    const server = await serve(startFaults("garbage"));
    const context = await contextFor(server.url, {});
    expect(await refusal(keyAt(server.url), context)).toMatchObject({
      kind: "credentials",
      message: `no Vault token in VAULT_TOKEN, ${join(context.host.homeDir, ".vault-token")}`,
      hint: "vault login",
    });
    expect(server.connections).toBe(0);
  });

  test.for([
    [{ VAULT_TOKEN: "a\r\nx-evil: 1" }, "the Vault token holds characters that no token has"],
    [{ VAULT_TOKEN: "t", VAULT_NAMESPACE: "a\nb" }, "VAULT_NAMESPACE is not the path of a namespace"],
    [{ VAULT_TOKEN: "t", VAULT_CLIENT_TIMEOUT: "soon" }, "VAULT_CLIENT_TIMEOUT is not a time"],
  ] as const)("and what goes with it are checked: %j", async ([env, message]) => {
    const server = await serve(startFaults("garbage"));
    const refused = await refusal(keyAt(server.url), await contextFor(server.url, env));
    expect(refused).toMatchObject({ kind: "credentials", message });
    expect(server.connections).toBe(0);
  });

  test("in a file that cannot be read is no missing token", async () => {
    const context = await contextFor("https://vault.example.com", {});
    const file = join(context.host.homeDir, ".vault-token");
    mkdirSync(file);
    expect(await refusal(keyAt("https://vault.example.com"), context)).toMatchObject({
      message: `cannot read ${file}: it is a folder`,
    });
  });

  test("is taken out of what a server says", async () => {
    const token = "token-of-the-test";
    const answer = { status: 500, body: { errors: [`who is ${token}?\u001b[31m`] } };
    const server = await serve(startFaults("error", { answer }));
    const refused = await refusal(keyAt(server.url), await contextFor(server.url, { VAULT_TOKEN: token }));
    expect(refused).toMatchObject({
      message: "the server answered with status 500: who is [redacted]? [31m",
    });
  });
});

describe("a server that fails", () => {
  const enc = "vault:v1:AAAA";
  const good = { status: 200, body: { data: { plaintext: Buffer.from(bytes).toString("base64") } } };

  async function openAt(fault: Fault, options: FaultOptions = {}) {
    const server = await serve(startFaults(fault, options));
    const context = await contextFor(server.url, { VAULT_TOKEN: "t" });
    const provider = createVaultTransitProvider(fault === "hang" ? { timeoutMs: 100 } : {});
    const key = keyAt(server.url);
    return { server, work: provider.unwrap({ key, enc }, context), host: new URL(server.url).host };
  }

  test.for([
    ["hang", "unreachable", "HOST: no answer within 0.1 s", 3],
    ["reset", "unreachable", "HOST: the connection was reset", 3],
    ["garbage", "unreachable", "the answer is not one of Vault", 1],
    ["error", "unreachable", "the server answered with status 500", 3],
    ["throttle", "throttled", "too many requests", 3],
  ] as const)("by %s is refused as %s", async ([fault, kind, message, requests]) => {
    const { server, work, host } = await openAt(fault);
    await expect(work).rejects.toMatchObject({ kind, message: message.replace("HOST", host) });
    expect(server.requests).toHaveLength(requests);
  });

  test.for(["reset", "error", "throttle"] as const)(
    "by %s twice is asked until it answers",
    async (fault) => {
      const target = await serve(serveLoopback(() => good));
      const { work } = await openAt(fault, { times: 2, target: target.url });
      expect((await work)?.reveal()).toEqual(bytes);
    },
  );

  test("waits as long as Retry-After says", async () => {
    const target = await serve(serveLoopback(() => good));
    const answer = { status: 429, headers: { "retry-after": "1" }, body: "" };
    const started = Date.now();
    const { work } = await openAt("throttle", { times: 1, target: target.url, answer });
    expect((await work)?.reveal()).toEqual(bytes);
    expect(Date.now() - started).toBeGreaterThanOrEqual(990);
  });

  test.for([
    [{ status: 200, body: "" }, "the answer is not one of Vault"],
    [{ status: 200, body: "[]" }, "the answer is not one of Vault"],
    [{ status: 200, body: { data: null } }, "the secrets engine at sops is not a transit engine"],
    [{ status: 200, body: { data: { plaintext: 1 } } }, "the secrets engine at sops is not a transit engine"],
    [
      { status: 200, body: { data: { plaintext: "!" } } },
      "the secrets engine at sops is not a transit engine",
    ],
    [{ status: 503, body: "down for repairs" }, "the server answered with status 503"],
    [
      { status: 418, body: { errors: ["I'm a teapot.\nReally."] } },
      "the server answered with status 418: I'm a teapot",
    ],
    [
      { status: 403, body: { errors: ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"] } },
      "the token is not valid there, or no longer: permission denied; invalid token",
    ],
  ] as const)("with %j is refused", async ([answer, message]) => {
    const { work } = await openAt("error", { answer });
    await expect(work).rejects.toMatchObject({ code: "KEY_SOURCE_FAILED", message });
  });

  test("VAULT_CLIENT_TIMEOUT says how long an answer may take", async () => {
    const server = await serve(startFaults("hang"));
    const context = await contextFor(server.url, { VAULT_TOKEN: "t", VAULT_CLIENT_TIMEOUT: "50ms" });
    await expect(unwrap({ key: keyAt(server.url), enc }, context)).rejects.toMatchObject({
      message: `${new URL(server.url).host}: no answer within 0.05 s`,
    });
  });

  test("gives way to the user who ends the run", async () => {
    const server = await serve(startFaults("hang"));
    const context = await contextFor(server.url, { VAULT_TOKEN: "t" });
    const ending = new AbortController();
    const work = unwrap({ key: keyAt(server.url), enc }, { ...context, signal: ending.signal });
    await expect.poll(() => server.requests.length).toBe(1);
    ending.abort();
    await expect(work).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  test("is asked at most 16 things at a time, over connections that are kept", async () => {
    const waiting: (() => void)[] = [];
    const server = await serve(
      serveLoopback(() => good, { hold: () => new Promise((resolve) => waiting.push(resolve)) }),
    );
    const context = await contextFor(server.url, { VAULT_TOKEN: "t" });
    const key = keyAt(server.url);
    const work = Promise.all(Array.from({ length: 50 }, () => unwrap({ key, enc }, context)));
    await expect.poll(() => waiting.length).toBe(16);
    for (let answered = 0; answered < 50; answered++) {
      await expect.poll(() => waiting.length, { interval: 1 }).toBeGreaterThan(0);
      waiting.shift()?.();
    }
    expect((await work).every((opened) => opened !== null)).toBe(true);
    expect(server.mostInFlight).toBe(16);
    expect(server.connections).toBeLessThanOrEqual(16);
  });
});

describe("a standby server", () => {
  const enc = "vault:v1:AAAA";
  const good = { status: 200, body: { data: { plaintext: Buffer.from(bytes).toString("base64") } } };
  const standbyFor = (location: string) =>
    serve(serveLoopback(() => ({ status: 307, headers: { location } })));

  async function open(standby: LoopbackServer, trusted: readonly string[]) {
    const host = await createTestHost({ env: { VAULT_TOKEN: "t" } });
    return await unwrap({ key: keyAt(standby.url), enc }, keyContext(host, { vaultAddresses: trusted }));
  }

  test("leads to the active one, which gets the same request", async () => {
    const active = await serve(serveLoopback(() => good));
    const standby = await standbyFor(`${active.url}/v1/sops/decrypt/k1`);

    expect((await open(standby, [standby.url, active.url]))?.reveal()).toEqual(bytes);
    const [request] = active.requests;
    expect(request).toMatchObject({
      method: "PUT",
      path: "/v1/sops/decrypt/k1",
      body: `{"ciphertext":"${enc}"}`,
    });
    expect(request?.headers["x-vault-token"]).toBe("t");
  });

  test("D43: does not lead the token to a server that may not have it", async () => {
    const active = await serve(serveLoopback(() => good));
    const standby = await standbyFor(`${active.url}/v1/sops/decrypt/k1`);

    await expect(open(standby, [standby.url])).rejects.toMatchObject({
      kind: "untrusted",
      message: `your Vault token may not be sent to ${active.url}: neither VAULT_ADDR nor your own settings name it`,
    });
    expect(active.connections).toBe(0);
  });

  test.for([
    "http://vault.example.com/v1/sops/decrypt/k1",
    "/v1/sops/decrypt/k2",
    "/v1/sops/decrypt/k1?x",
    "http://[",
    "",
  ])("that leads to %j is refused", async (location) => {
    const standby = await standbyFor(location);
    await expect(open(standby, [standby.url])).rejects.toMatchObject({ code: "KEY_SOURCE_FAILED" });
    expect(standby.requests).toHaveLength(1);
  });

  test("that leads to itself is asked twice and no more", async () => {
    const standby = await standbyFor("/v1/sops/decrypt/k1");
    await expect(open(standby, [standby.url])).rejects.toMatchObject({
      kind: "unreachable",
      message: "the server answered with status 307",
    });
    expect(standby.requests).toHaveLength(2);
  });
});
