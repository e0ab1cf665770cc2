import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { clientOf, startKubeServer, statusAnswer, trusting } from "../support/kube-server.ts";

const secret = { group: "", version: "v1", plural: "secrets", namespace: "team", name: "db" } as const;
const base64 = (text: string) => Buffer.from(text).toString("base64");
const ok = () => ({ body: { kind: "Secret" } });

describe("a user shows who they are", () => {
  test("with a client certificate in the kubeconfig", async () => {
    const server = await startKubeServer(ok);
    const { cert, key } = server.authority.client("alice");
    const user = { "client-certificate-data": base64(cert), "client-key-data": base64(key) };
    const { api } = await clientOf(server, { user });
    await api.get(secret);
    expect(server.requests[0]).toMatchObject({ client: "alice" });
    expect(server.requests[0]!.headers.authorization).toBeUndefined();
  });

  test("with a client certificate in files, those of the command line first", async () => {
    const server = await startKubeServer(ok);
    const { cert, key } = server.authority.client("bob");
    const user = { "client-certificate-data": "eA==", "client-key-data": "eA==" };
    const overrides = { clientCertificate: "bob.pem", clientKey: "bob.key" };
    const { api } = await clientOf(server, {
      user,
      overrides,
      host: { files: { "bob.pem": cert, "bob.key": key } },
    });
    await api.get(secret);
    expect(server.requests[0]!.client).toBe("bob");
  });

  test("with user name and password", async () => {
    const server = await startKubeServer(ok);
    const { api } = await clientOf(server, { user: { username: "ann", password: "p:w" } });
    await api.get(secret);
    expect(server.requests[0]!.headers.authorization).toBe(`Basic ${base64("ann:p:w")}`);
  });

  test("as somebody else", async () => {
    const server = await startKubeServer(ok);
    const user = {
      token: "t",
      as: "eve",
      "as-uid": "7",
      "as-groups": ["a", "b"],
      "as-user-extra": { "x/y": ["1", "2"] },
    };
    const { api } = await clientOf(server, { user });
    await api.get(secret);
    expect(server.requests[0]!.headers).toMatchObject({
      "impersonate-user": "eve",
      "impersonate-uid": "7",
      "impersonate-group": "a, b",
      "impersonate-extra-x%2fy": "1, 2",
    });
  });

  test("with a token from a file, which is read again after a minute and after a refusal", async () => {
    let now = 1_000_000;
    let valid = "one";
    const server = await startKubeServer(({ headers }) =>
      headers.authorization === `Bearer ${valid}` ? ok() : statusAnswer(401, "Unauthorized", "Unauthorized"),
    );
    const { api, host } = await clientOf(server, {
      user: { tokenFile: "../../work/token", token: "old" },
      host: { files: { token: "one\n" }, now: () => now },
    });
    const rotate = (text: string) => {
      valid = text;
      writeFileSync(host.resolve("token"), `${text}\n`);
    };
    await api.get(secret);
    rotate("two");
    await api.get(secret);
    rotate("three");
    now += 61_000;
    await api.get(secret);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(
      ["one", "one", "two", "three"].map((token) => `Bearer ${token}`),
    );
    valid = "nobody has it";
    await expect(api.get(secret)).rejects.toMatchObject({ code: "CLUSTER_FORBIDDEN", status: 401 });
  });

  test("with the id-token of oidc while it is valid", async () => {
    const token = (exp: number) => `e30.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.x`;
    const oidc = (exp: number) => ({ "auth-provider": { name: "oidc", config: { "id-token": token(exp) } } });
    const server = await startKubeServer(ok);
    const fresh = await clientOf(server, { user: oidc(2000), host: { now: 1_000_000 } });
    const stale = await clientOf(server, { user: oidc(999), host: { now: 1_000_000 } });
    const gone = await clientOf(server, { user: { "auth-provider": { name: "gcp" } } });
    await fresh.api.get(secret);
    expect(server.requests[0]!.headers.authorization).toBe(`Bearer ${token(2000)}`);
    await expect(stale.api.get(secret)).rejects.toMatchObject({
      code: "CLUSTER_FORBIDDEN",
      message: "the id-token in the kubeconfig has expired",
      hint: "`kubectl auth whoami --context test` gets a new one and keeps it",
    });
    await expect(gone.api.get(secret)).rejects.toMatchObject({
      message: 'the auth-provider "gcp" does not exist any more',
    });
  });
});

describe("a user whose credentials are broken", () => {
  test.for<[string, object, object]>([
    [
      "a certificate that is no base64",
      { "client-certificate-data": "%", "client-key-data": "eA==" },
      { code: "FORMAT_INVALID", message: "the client certificate of the kubeconfig is not PEM" },
    ],
    [
      "a file that does not exist",
      { "client-certificate": "no.pem", "client-key": "no.key" },
      { code: "NO_FILE" },
    ],
    ["a token file that does not exist", { tokenFile: "none" }, { code: "NO_FILE" }],
    [
      "a token with a line break",
      { token: "a\nb" },
      {
        code: "CLUSTER_UNREACHABLE",
        message: expect.stringMatching(
          /: a token or user name in the kubeconfig has characters that no request can hold$/,
        ),
      },
    ],
    [
      "PEM that holds no certificate",
      {
        "client-certificate-data": base64("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        "client-key-data": base64("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
      },
      {
        code: "CLUSTER_UNREACHABLE",
        message: expect.stringMatching(
          /: the certificates in the kubeconfig do not serve \(ERR_OSSL_[A-Z0-9_]+\)$/,
        ),
      },
    ],
  ])("%s", async ([, user, expected]) => {
    const server = await startKubeServer(ok);
    const { api } = await clientOf(server, { user });
    await expect(api.get(secret)).rejects.toMatchObject(expected);
    expect(server.requests).toEqual([]);
  });
});

/** A program that a kubeconfig names: a script of Node's own, which does what `body` says. */
function plugin(body: string, more: object = {}): { user: object; files: Readonly<Record<string, string>> } {
  return {
    user: {
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        interactiveMode: "IfAvailable",
        command: process.execPath,
        args: ["plugin.cjs"],
        ...more,
      },
    },
    files: { "plugin.cjs": body, count: "" },
  };
}

const give = (status: string) =>
  `const fs = require("node:fs"); fs.appendFileSync("count", "x");
   const n = fs.readFileSync("count", "utf8").length;
   const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
   process.stdout.write(JSON.stringify({ apiVersion: info.apiVersion, kind: "ExecCredential", status: ${status} }));`;

describe("an exec plugin", () => {
  test("is run once for requests that start together, and again when its token has ended or was refused", async () => {
    let now = 1_000_000;
    let accepted = 9;
    const server = await startKubeServer(({ headers }) =>
      Number(headers.authorization?.slice("Bearer t".length)) <= accepted
        ? ok()
        : statusAnswer(401, "Unauthorized", "Unauthorized"),
    );
    const { user, files } = plugin(
      give(`{ token: "t" + n, expirationTimestamp: new Date(${now} + 60000).toISOString() }`),
    );
    const { api } = await clientOf(server, { user, host: { files, now: () => now } });
    await Promise.all([api.get(secret), api.get(secret), api.get(secret)]);
    await api.get(secret);
    now += 61_000;
    await api.get(secret);
    const tokens = server.requests.map(({ headers }) => headers.authorization);
    expect(tokens).toEqual(["t1", "t1", "t1", "t1", "t2"].map((token) => `Bearer ${token}`));
    accepted = 0;
    await expect(api.get(secret)).rejects.toMatchObject({ code: "CLUSTER_FORBIDDEN", status: 401 });
  });

  test("may give a client certificate", async () => {
    const server = await startKubeServer(ok);
    const { cert, key } = server.authority.client("carol");
    const { user, files } = plugin(give(JSON.stringify({ clientCertificateData: cert, clientKeyData: key })));
    const { api } = await clientOf(server, { user, host: { files } });
    await api.get(secret);
    expect(server.requests[0]!.client).toBe("carol");
  });

  test("may give another client certificate when the server refuses the first", async () => {
    const server = await startKubeServer(({ client }) =>
      client === "carol" ? statusAnswer(401, "Unauthorized", "Unauthorized") : ok(),
    );
    const [first, second] = ["carol", "dave"].map((name) => {
      const { cert, key } = server.authority.client(name);
      return JSON.stringify({ clientCertificateData: cert, clientKeyData: key });
    });
    const { user, files } = plugin(give(`n === 1 ? ${first} : ${second}`));
    const { api } = await clientOf(server, { user, host: { files } });
    await api.get(secret);
    expect(server.requests.map(({ client }) => client)).toEqual(["carol", "dave"]);
  });

  test("is told the cluster, gets its variables, and its standard error goes to the user", async () => {
    const server = await startKubeServer(ok);
    const body = `process.stderr.write("open https://login.example.com\\n");
      ${give("{ token: Buffer.from(JSON.stringify({ info, v: process.env.STAGE })).toString('base64') }")}`;
    const { user, files } = plugin(body, {
      provideClusterInfo: true,
      env: [{ name: "STAGE", value: "x" }],
      interactiveMode: "Never",
    });
    const cluster = {
      "tls-server-name": "api.test",
      extensions: [{ name: "client.authentication.k8s.io/exec", extension: { audience: "a" } }],
    };
    const { api, host } = await clientOf(server, { user, cluster, host: { files } });
    await api.get(secret);
    const token = server.requests[0]!.headers.authorization?.slice("Bearer ".length) ?? "";
    expect(JSON.parse(Buffer.from(token, "base64").toString())).toEqual({
      v: "x",
      info: {
        apiVersion: "client.authentication.k8s.io/v1",
        kind: "ExecCredential",
        spec: {
          interactive: false,
          cluster: {
            server: server.url,
            "tls-server-name": "api.test",
            ...trusting(server),
            config: { audience: "a" },
          },
        },
      },
    });
    expect(host.stderrText()).toBe("open https://login.example.com\n");
  });

  test("does not run when the command line gives a token", async () => {
    const server = await startKubeServer(ok);
    const { user, files } = plugin("process.exit(1)");
    const { api } = await clientOf(server, { user, overrides: { token: "mine" }, host: { files } });
    await api.get(secret);
    expect(server.requests[0]!.headers.authorization).toBe("Bearer mine");
  });

  const name = process.execPath;
  test.for<[string, string, object, string, string]>([
    [
      "fails",
      "process.exit(3)",
      {},
      `cannot get credentials from ${name}: it ended with status 3`,
      `run \`${name}\` to see what is wrong`,
    ],
    [
      "is not installed",
      "",
      { command: "no-such-login", installHint: "brew install\n\u001b[1mlogin" },
      "cannot get credentials from no-such-login: there is no program no-such-login",
      "brew install \ufffd[1mlogin",
    ],
    [
      "prints no JSON",
      "process.stdout.write('t0p-secret')",
      {},
      `cannot get credentials from ${name}: what it printed is no JSON`,
      `run \`${name}\` to see what is wrong`,
    ],
    [
      "prints something else",
      "process.stdout.write('{}')",
      {},
      `cannot get credentials from ${name}: what it printed is no ExecCredential of client.authentication.k8s.io/v1`,
      `run \`${name}\` to see what is wrong`,
    ],
    [
      "prints nothing of use",
      give("{}"),
      {},
      `cannot get credentials from ${name}: it printed no token and no certificate`,
      `run \`${name}\` to see what is wrong`,
    ],
    [
      "prints half a pair",
      give('{ clientKeyData: "k" }'),
      {},
      `cannot get credentials from ${name}: it printed a certificate or a key, not both`,
      `run \`${name}\` to see what is wrong`,
    ],
    [
      "has an old version",
      give('{ token: "t" }'),
      { apiVersion: "client.authentication.k8s.io/v1alpha1" },
      `cannot get credentials from ${name}: its apiVersion client.authentication.k8s.io/v1alpha1 is none of client.authentication.k8s.io/v1, client.authentication.k8s.io/v1beta1`,
      `run \`${name}\` to see what is wrong`,
    ],
    [
      "has to ask, and cannot",
      give('{ token: "t" }'),
      { interactiveMode: "Always" },
      `cannot get credentials from ${name}: it wants to ask, and standard input is not a terminal`,
      `run \`${name}\` to see what is wrong`,
    ],
    [
      "does not say whether it asks",
      give('{ token: "t" }'),
      { interactiveMode: "" },
      `cannot get credentials from ${name}: its entry in the kubeconfig has no interactiveMode`,
      `run \`${name}\` to see what is wrong`,
    ],
  ])("that %s", async ([, body, more, message, hint]) => {
    const server = await startKubeServer(ok);
    const { user, files } = plugin(body, more);
    const { api } = await clientOf(server, { user, host: { files } });
    await expect(api.get(secret)).rejects.toMatchObject({ code: "CLUSTER_FORBIDDEN", message, hint });
    expect(server.requests).toEqual([]);
  });
});
