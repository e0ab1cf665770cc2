import {
  constants,
  createHash,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from "node:crypto";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { TestCertificate } from "./certificate.ts";
import { type KeyStates, keyStates } from "./key-states.ts";
import {
  type LoopbackAnswer,
  type LoopbackOptions,
  type LoopbackRequest,
  type LoopbackServer,
  serveLoopback,
} from "./loopback-server.ts";

/**
 * Azure Key Vault on 127.0.0.1, with the services that give tokens for it: Microsoft Entra ID and the managed identity
 * of an App Service. Every name is a key with one version.
 *
 * It can be reached at `url`, or through `proxy` under the names of the real services.
 */
export interface AzureKeyVaultServer extends LoopbackServer {
  /** An HTTP proxy that brings `*.vault.azure.net`, `*.managedhsm.azure.net` and the login to this server. */
  readonly proxy: string;
  readonly setKey: KeyStates["setKey"];
  /** The newest version of a key. */
  versionOf(name: string): string;
  /** Rotates a key; the older versions stay. */
  rotate(name: string): string;
  /** Requests for keys, in order: `GET /keys/sops`, `POST /keys/sops/0123/decrypt`, and whether they had a token. */
  operations(): readonly string[];
  /** From now on tokens are demanded for this service; for the vault's own domain when `undefined`. */
  setChallenge(resource: string | undefined): void;
  tokensGiven(): number;
  /** How often the managed identity was asked for one. */
  tokensAsked(): number;
  /** From now on the managed identity refuses to give tokens, or does not answer. */
  setIdentity(state: "good" | "refused" | "hanging"): void;
  /**
   * What makes the SDKs of any language find this server's tokens. The one for JavaScript takes the first it sees for
   * the whole process, and keeps a token for each service.
   */
  readonly identity: Readonly<Record<"IDENTITY_ENDPOINT" | "IDENTITY_HEADER", string>>;
}

/** Client secrets that are refused. Any other is good. */
export const badSecrets = { wrong: "wrong-secret", expired: "expired-secret" } as const;

/** The text that no message may hold. */
export const accessToken = "eyJhbGciOiJub25lIn0.eyJvaWQiOiJ0ZXN0In0.signature";

export const tenant = "11111111-1111-1111-1111-111111111111";
const loginHost = "login.microsoftonline.com";
const identityHeader = "the-header-of-the-tests";

export async function startAzureKeyVault(
  certificate: TestCertificate,
  options: Omit<LoopbackOptions, "tls"> = {},
): Promise<AzureKeyVaultServer> {
  const states = keyStates();
  const versions = new Map<string, string[]>();
  const versionsOf = (name: string): string[] => {
    const known = versions.get(name) ?? [hash(`${name} 0`)];
    versions.set(name, known);
    return known;
  };
  let tokens = 0;
  let demanded: string | undefined;
  let identity: "good" | "refused" | "hanging" = "good";
  const give = (answer: LoopbackAnswer): LoopbackAnswer => {
    tokens++;
    return answer;
  };
  const vault = (request: LoopbackRequest): LoopbackAnswer =>
    request.headers.host?.startsWith(loginHost)
      ? login(request, give)
      : serveVault(request, {
          ...states,
          versionsOf,
          resource: demanded ?? resourceOf(request.headers.host ?? ""),
        });
  const server = await serveLoopback(vault, { ...options, tls: certificate });
  const gate = await openGate(new URL(server.url).port, () => identity, give);
  const closeServer = server.close;
  return Object.assign(server, {
    proxy: gate.url,
    setKey: states.setKey,
    versionOf: (name: string) => versionsOf(name).at(-1) ?? "",
    rotate: (name: string) => {
      const version = hash(`${name} ${versionsOf(name).length}`);
      versionsOf(name).push(version);
      return version;
    },
    operations: () =>
      server.requests
        .filter(({ path }) => path.startsWith("/keys/"))
        .map(({ method, path, headers }) => {
          const who = headers.authorization === undefined ? "without a token" : "with a token";
          return `${method} ${path.replace(/\?.*/, "")} ${who}`;
        }),
    setChallenge: (resource: string | undefined) => {
      demanded = resource;
    },
    setIdentity: (state: typeof identity) => {
      identity = state;
    },
    tokensGiven: () => tokens,
    tokensAsked: () => gate.requests(),
    identity: { IDENTITY_ENDPOINT: `${gate.url}/msi/token`, IDENTITY_HEADER: identityHeader },
    close: async () => {
      await gate.close();
      await closeServer();
    },
  });
}

/** The plain part: a proxy, and the managed identity's endpoint, which lies on the machine itself. */
async function openGate(
  port: string,
  identity: () => "good" | "refused" | "hanging",
  give: (answer: LoopbackAnswer) => LoopbackAnswer,
): Promise<{ readonly url: string; requests(): number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const gate: Server = createServer((request, response) => {
    requests++;
    if (identity() === "hanging") return;
    const header = identity() === "good" ? request.headers["x-identity-header"] : undefined;
    const { status, body } = managedIdentity(request.url ?? "", header, give);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  gate.on("connection", (socket) => void sockets.add(socket));
  gate.on("connect", (request, client: Socket) => {
    sockets.add(client);
    client.on("error", () => {});
    if (
      !/^([\w-]+\.(vault|managedhsm)\.azure\.net|login\.microsoftonline\.com):443$/.test(request.url ?? "")
    ) {
      client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      return;
    }
    const target = connect(Number(port), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      client.pipe(target).pipe(client);
    });
    target.on("error", () => client.destroy());
    sockets.add(target);
  });
  await new Promise<void>((resolve) => void gate.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(gate.address() as AddressInfo).port}`,
    requests: () => requests,
    close: () =>
      new Promise((resolve) => {
        gate.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function managedIdentity(
  url: string,
  header: unknown,
  give: (answer: LoopbackAnswer) => LoopbackAnswer,
): LoopbackAnswer {
  if (header !== identityHeader) {
    return {
      status: 401,
      body: { statusCode: 401, message: "the X-IDENTITY-HEADER is not that of this machine" },
    };
  }
  const resource = new URL(url, "http://localhost").searchParams.get("resource");
  const expires = Math.floor(Date.now() / 1000) + 3600;
  return give({
    status: 200,
    body: { access_token: accessToken, expires_on: String(expires), resource, token_type: "Bearer" },
  });
}

function login(
  { path, body }: LoopbackRequest,
  give: (answer: LoopbackAnswer) => LoopbackAnswer,
): LoopbackAnswer {
  const base = `https://${loginHost}`;
  if (path.includes("/discovery/instance")) {
    return {
      status: 200,
      body: {
        tenant_discovery_endpoint: `${base}/${tenant}/v2.0/.well-known/openid-configuration`,
        "api-version": "1.1",
        metadata: [{ preferred_network: loginHost, preferred_cache: loginHost, aliases: [loginHost] }],
      },
    };
  }
  if (path.includes("/.well-known/openid-configuration")) {
    const [, ofTenant] = path.split("/");
    return {
      status: 200,
      body: {
        issuer: `${base}/${ofTenant}/v2.0`,
        authorization_endpoint: `${base}/${ofTenant}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/${ofTenant}/oauth2/v2.0/token`,
        jwks_uri: `${base}/${ofTenant}/discovery/v2.0/keys`,
      },
    };
  }
  switch (new URLSearchParams(body).get("client_secret")) {
    case badSecrets.wrong:
      return refusedClient(
        7000215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
      );
    case badSecrets.expired:
      return refusedClient(
        7000222,
        "The provided client secret keys for app 'test' are expired. Visit the Azure portal to create new keys for your app.",
      );
    default:
      return give({
        status: 200,
        body: { token_type: "Bearer", expires_in: 3599, access_token: accessToken },
      });
  }
}

function refusedClient(code: number, text: string): LoopbackAnswer {
  const trace = "Trace ID: 5d3f Correlation ID: 77aa Timestamp: 2026-01-02 03:04:05Z";
  return {
    status: 401,
    body: {
      error: "invalid_client",
      error_description: `AADSTS${code}: ${text} ${trace}`,
      error_codes: [code],
    },
  };
}

interface Keys extends KeyStates {
  versionsOf(name: string): readonly string[];
  /** What tokens must be for. */
  readonly resource: string;
}

function serveVault(request: LoopbackRequest, keys: Keys): LoopbackAnswer {
  const { host = "" } = request.headers;
  if (!/^Bearer ./.test(request.headers.authorization ?? "")) {
    const challenge = `Bearer authorization="https://${loginHost}/${tenant}", resource="${keys.resource}"`;
    return {
      ...refused(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token."),
      headers: { "www-authenticate": challenge },
    };
  }
  const url = new URL(request.path, "https://vault");
  const [, name, version = "", operation] =
    /^\/keys\/([\w-]+)(?:\/([\da-f]*))?(?:\/(encrypt|decrypt))?$/.exec(url.pathname) ?? [];
  if (name === undefined || !url.searchParams.has("api-version")) {
    return refused(400, "BadParameter", "The request URI contains an invalid name or api-version");
  }
  const used = version || keys.versionsOf(name).at(-1) || "";
  const refusal = refusedKey(`${name}/${used}`, operation, keys);
  if (refusal) return refusal;
  if (!keys.versionsOf(name).includes(used)) return notFound(`${name}/${used}`);
  const kid = `https://${host}/keys/${name}/${used}`;
  if (operation === undefined) {
    const jwk = pairOf(name, used).publicKey.export({ format: "jwk" });
    return {
      status: 200,
      body: { key: { kid, kty: "RSA", n: jwk.n, e: jwk.e }, attributes: { enabled: true } },
    };
  }
  const { alg, value } = JSON.parse(request.body) as { alg?: string; value?: string };
  if (alg !== "RSA-OAEP-256") return refused(400, "BadParameter", `Algorithm ${alg} is not supported`);
  const result = compute(operation, Buffer.from(value ?? "", "base64url"), pairOf(name, used));
  if (!result) return refused(400, "BadParameter", "The parameter is incorrect.\r\n", "BadParameter");
  return { status: 200, body: { kid, value: result.toString("base64url") } };
}

/** The domain that tokens for a host must be for. SDKs compare it with the host, that of Go with its port too. */
function resourceOf(host: string): string {
  return `https://${host.replace(/^[^.]*\./, "").replace(/(\.net):443$/, "$1")}`;
}

function refusedKey(
  id: string,
  operation: string | undefined,
  { stateOf }: KeyStates,
): LoopbackAnswer | undefined {
  switch (stateOf(id)) {
    case "enabled":
      return undefined;
    case "denied":
      return refused(
        403,
        "Forbidden",
        `Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: appid=test;oid=test\r\nAction: 'Microsoft.KeyVault/vaults/keys/${operation ?? "read"}/action'\r\n`,
        "ForbiddenByRbac",
      );
    case "missing":
      return notFound(id);
    case "disabled":
      return refused(
        403,
        "Forbidden",
        `Operation ${operation ?? "get"} is not allowed on a disabled key.`,
        "KeyDisabled",
      );
    case "pending":
      return notFound(id);
    case "throttled":
      return {
        ...refused(
          429,
          "Throttled",
          "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached",
        ),
        headers: { "retry-after": "0" },
      };
  }
}

function notFound(id: string): LoopbackAnswer {
  return refused(
    404,
    "KeyNotFound",
    `A key with (name/id) ${id} was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182`,
  );
}

function refused(status: number, code: string, message: string, innerCode?: string): LoopbackAnswer {
  const innererror = innerCode === undefined ? {} : { innererror: { code: innerCode } };
  return { status, body: { error: { code, message, ...innererror } } };
}

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

// Making one takes longer than all that a test does with it.
const pairs = new Map<string, Pair>();

function pairOf(name: string, version: string): Pair {
  const id = `${name}/${version}`;
  const pair = pairs.get(id) ?? generateKeyPairSync("rsa", { modulusLength: 2048 });
  pairs.set(id, pair);
  return pair;
}

function compute(operation: string, input: Buffer, { publicKey, privateKey }: Pair): Buffer | undefined {
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
  try {
    return operation === "encrypt"
      ? publicEncrypt({ key: publicKey, ...padding }, input)
      : privateDecrypt({ key: privateKey, ...padding }, input);
  } catch {
    return undefined;
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
