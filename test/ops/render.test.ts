import { chmodSync, mkdtempSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { readGoDotenv } from "../../src/formats/godotenv.ts";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { serveKeyCache } from "../../src/ops/key-cache.ts";
import { createContext } from "../../src/wiring.ts";
import { identities, recipients } from "../support/identities.ts";
import { type AwsKmsServer, startAwsKms } from "../support/kms/aws-kms.ts";
import { makeKey, manifest, seal } from "../support/sealed-files.ts";
import { createTestHost, type TestHost } from "../support/test-host.ts";
import { inPlace, toCaller } from "./workbench.ts";

const [mine = ""] = recipients;
const base64 = (text: string) => Buffer.from(text).toString("base64");

const secret = (name: string, values = "  password: hunter-two\n") =>
  `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${name}\nstringData:\n${values}`;

const generator = (body: string, name = "shop") =>
  `apiVersion: kseal.dev/v1alpha1\nkind: SecretGenerator\nmetadata:\n  name: ${name}\n${body}`;

const ksops = (body: string) => `apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: tide\n${body}`;

/** A folder with encrypted files, and files that stay in clear. */
async function stage(
  encrypted: Readonly<Record<string, string>>,
  clear: Readonly<Record<string, string>> = {},
  options: { env?: Record<string, string>; stdin?: string; rule?: string } = {},
): Promise<TestHost> {
  const rule = options.rule ?? `    age: ${mine}\n`;
  const rules = [
    `  - path_regex: \\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n${rule}`,
    `  - path_regex: .\n${rule}`,
  ];
  const host = await createTestHost({
    env: { SOPS_AGE_KEY: identities[0] ?? "", ...options.env },
    files: { ...encrypted, ...clear, ".sops.yaml": `creation_rules:\n${rules.join("")}` },
    ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
  });
  const paths = Object.keys(encrypted);
  if (paths.length > 0) await encryptFiles({ paths, destination: inPlace }, await createContext(host));
  return host;
}

interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function render(host: TestHost, ...args: readonly string[]): Promise<Answer> {
  const [before, said] = [host.stdoutText().length, host.stderrText().length];
  const status = await run(["render", ...args], host);
  return { status, stdout: host.stdoutText().slice(before), stderr: host.stderrText().slice(said) };
}

describe("kseal's own generator", () => {
  test("gives data and type, whatever the file had", async () => {
    const host = await stage(
      { "db.yaml": secret("db", "  password: hunter-two\n  port: '5432'\n") },
      { "gen.yaml": generator("files: [db.yaml]\n") },
    );
    expect(await render(host, "gen.yaml")).toEqual({
      status: 0,
      stdout: `apiVersion: v1\ndata:\n  password: ${base64("hunter-two")}\n  port: ${base64("5432")}\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\n`,
      stderr: "",
    });
  });

  test("puts a Secret together of files, env files, one variable, literals and inline texts", async () => {
    const host = await stage({
      "app.env": 'A=1\nQUOTED="as $IT is"\n',
      "one.env": "B=2\nC=3\n",
      "tls.key": "\0key",
      word: "inside",
    });
    const inline = new TextDecoder().decode(await host.readFile("word"));
    const body = `secretFrom:
  - metadata: {name: app, namespace: shop, labels: {a: b}, annotations: {c: d}}
    type: example.com/app
    immutable: true
    needsHash: true
    behavior: replace
    envs: [app.env, C=one.env]
    files: [tls.key, other=tls.key]
    literals: [X=y=z]
    inline:
      word: |
${inline.replace(/^(?=.)/gm, "        ")}
`;
    await host.createFile("gen.yaml", new TextEncoder().encode(generator(body)));
    const { status, stdout, stderr } = await render(host, "gen.yaml");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const values = {
      A: "1",
      C: "3",
      QUOTED: '"as $IT is"',
      X: "y=z",
      other: "\0key",
      "tls.key": "\0key",
      word: "inside",
    };
    const data = Object.entries(values).map(([key, value]) => `  ${key}: ${base64(value)}\n`);
    expect(stdout).toBe(
      `apiVersion: v1\ndata:\n${data.join("")}immutable: true\nkind: Secret\nmetadata:\n  annotations:\n    c: d\n    kustomize.config.k8s.io/behavior: replace\n    kustomize.config.k8s.io/needs-hash: "true"\n  labels:\n    a: b\n  name: app\n  namespace: shop\ntype: example.com/app\n`,
    );
  });

  test.for<[body: string, problems: readonly string[]]>([
    ["file: [a]\n", ["the generator shop: file is unknown", "the generator shop: it generates nothing"]],
    ["files: a\n", ["the generator shop: files is no list", "the generator shop: it generates nothing"]],
    ["files: [1]\n", ["the generator shop: files[0] is no text", "the generator shop: it generates nothing"]],
    [
      "secretFrom:\n  - metadata: {name: a, finalizers: []}\n    binaryFiles: [x]\n    literals: [novalue]\n",
      [
        "the generator shop: secretFrom[0].binaryFiles is unknown",
        "the generator shop: secretFrom[0].metadata.finalizers is unknown",
        "the generator shop: secretFrom[0].literals[0] is no KEY=VALUE",
      ],
    ],
    [
      "secretFrom:\n  - files: ['a b=x', c=]\n    behavior: add\n",
      [
        "the generator shop: secretFrom[0].metadata.name is missing",
        "the generator shop: secretFrom[0].behavior is none that Kustomize knows",
        "the generator shop: secretFrom[0].files[0]: the key is none that a Secret can have",
        "the generator shop: secretFrom[0].files[1] names no file",
      ],
    ],
  ])("is read strictly: %j", async ([body, problems]) => {
    const { status, stdout, stderr } = await render(
      await stage({}, { "gen.yaml": generator(body) }),
      "gen.yaml",
    );
    expect({ status, stdout }).toEqual({ status: 5, stdout: "" });
    expect(stderr.split("\n").filter((line) => line.startsWith("kseal: "))).toEqual(
      problems.map((problem) => `kseal: ${problem}`),
    );
  });

  test("a key that two sources give is an error", async () => {
    const body = "secretFrom:\n  - metadata: {name: a}\n    envs: [a.env]\n    literals: [A=2]\n";
    const host = await stage({ "a.env": "A=1\n" }, { "gen.yaml": generator(body) });
    expect(await render(host, "gen.yaml")).toMatchObject({
      status: 5,
      stdout: "",
      stderr:
        "kseal: the generator shop: secretFrom[0]: two sources give the key A\n  give one of them another key: KEY=PATH\n",
    });
  });

  test("a number in stringData is an error, as it is for Kubernetes", async () => {
    const host = await stage(
      { "a.yaml": secret("a", "  port: 5432\n") },
      { "gen.yaml": generator("files: [a.yaml]\n") },
    );
    const { status, stdout, stderr } = await render(host, "gen.yaml");
    expect({ status, stdout }).toEqual({ status: 30, stdout: "" });
    expect(stderr).toBe("kseal: a.yaml: stringData.port is a number, not text\n  put the value in quotes\n");
  });

  test("a SealedSecret opens with the keys at hand, and without any it says what to do", async () => {
    const key = await makeKey({ age: 1 });
    const sealed = manifest({ user: seal("admin", key) });
    const clear = { "s.yaml": sealed, "keys.yaml": key.yaml, "gen.yaml": generator("files: [s.yaml]\n") };
    const host = await stage({}, clear, { env: { KSEAL_SEALING_KEYS: "keys.yaml" } });
    const { status, stdout, stderr } = await render(host, "gen.yaml");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(
      `apiVersion: v1\ndata:\n  user: ${base64("admin")}\nkind: Secret\nmetadata:\n  name: db\n  namespace: prod\ntype: Opaque\n`,
    );
    const without = await stage({}, clear);
    expect(await render(without, "gen.yaml")).toEqual({
      status: 31,
      stdout: "",
      stderr:
        "kseal: s.yaml: it holds a SealedSecret, and no sealing key is at hand\n  name a backup of the cluster's keys in KSEAL_SEALING_KEYS; or list the file under resources: for the controller\n",
    });
    const hidden = await render(without, "--placeholder", "gen.yaml");
    expect(hidden).toMatchObject({ status: 0, stderr: "" });
    expect(hidden.stdout).toContain(`  user: ${base64("KSEAL_PLACEHOLDER")}\n`);
  });
});

describe("the root", () => {
  const outside = ["../out.yaml", "sub/../../out.yaml", "link.yaml", "folder/out.yaml"];

  test.for(outside)("%s leads out of it, and is not read", async (path) => {
    const { status, stdout, stderr } = await render(await leading(path), "gen.yaml");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(`kseal: ${path}: the path leads out of the kustomization\n`);
  });

  test.for(outside)(
    "%s is read with --allow-outside-root, and when the user's environment says so",
    async (path) => {
      expect(await render(await leading(path), "--allow-outside-root", "gen.yaml")).toMatchObject({
        status: 0,
        stderr: "",
      });
      expect(await render(await leading(path, { KSEAL_OUTSIDE_ROOT: "allow" }), "gen.yaml")).toMatchObject({
        status: 0,
      });
    },
  );

  test("called ksops, kseal reads it as KSOPS does, with a warning, unless the environment forbids it", async () => {
    const host = await leading("../out.yaml");
    expect(await run(["ksops", "gen.yaml"], host)).toBe(0);
    expect(host.stderrText()).toContain(
      "ksops: warning: ../out.yaml: the path leads out of the kustomization",
    );
    const strict = await leading("../out.yaml", { KSEAL_OUTSIDE_ROOT: "refuse" });
    expect(await run(["ksops", "gen.yaml"], strict)).toBe(1);
  });

  async function leading(path: string, env: Record<string, string> = {}): Promise<TestHost> {
    const host = await stage(
      { "../out.yaml": secret("out") },
      { "gen.yaml": ksops(`files: ['${path}']\n`), "sub/x": "" },
      { env },
    );
    symlinkSync("../out.yaml", host.resolve("link.yaml"));
    symlinkSync("..", host.resolve("folder"));
    return host;
  }
});

describe("documents of KSOPS", () => {
  test("unknown fields are warned about, and errors with --strict", async () => {
    const gen = ksops(
      "files: [a.yaml]\nfails-silently: true\nsecretFrom:\n  - metadata: {name: x}\n    literals: [a=b]\n    file: [y]\n",
    );
    const host = await stage({ "a.yaml": secret("a") }, { "gen.yaml": gen });
    const warned = await render(host, "gen.yaml");
    expect(warned.status).toBe(0);
    const lines = [
      "the generator tide: secretFrom[0].literals is unknown to KSOPS and ignored; kind SecretGenerator of kseal.dev/v1alpha1 has it",
      "the generator tide: secretFrom[0].file is unknown to KSOPS and ignored; did you mean files?",
      "the generator tide: fails-silently is unknown to KSOPS and ignored",
    ];
    expect(warned.stderr.split("\n").slice(0, -1).sort()).toEqual(
      lines.map((line) => `kseal: warning: ${line}`).sort(),
    );
    const strict = await render(host, "--strict", "gen.yaml");
    expect(strict).toMatchObject({ status: 5, stdout: "" });
    expect(strict.stderr.split("\n").slice(0, -1).sort()).toEqual(
      lines.map((line) => `kseal: ${line}`).sort(),
    );
  });

  test("nothing of a document that is none is shown, nor of an env file that is none", async () => {
    const list = `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n  stringData: {p: planted-4471}\n`;
    const host = await stage({}, {}, { stdin: list });
    expect(await run(["ksops"], host)).toBe(1);
    expect(host.stderrText()).toContain("ksops: the generator s: it has neither files nor secretFrom\n");
    const env = await stage(
      { "a.env.txt": "OK=1\nplanted-4471 \n" },
      { "gen.yaml": ksops("secretFrom:\n  - metadata: {name: x}\n    envs: [a.env.txt]\n") },
    );
    const { stderr, status } = await render(env, "gen.yaml");
    expect(status).toBe(2);
    expect(stderr).toContain("kseal: a.env.txt: line 2 of the decrypted text: this is no NAME=value");
    expect(host.stderrText() + stderr).not.toContain("planted");
  });

  test("used as a legacy transformer the build's resources would vanish, which is refused", async () => {
    const stdin = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
    const host = await stage(
      { "a.yaml": secret("a") },
      { "gen.yaml": ksops("files: [a.yaml]\n") },
      { stdin, env: { KUSTOMIZE_PLUGIN_CONFIG_ROOT: "/" } },
    );
    expect(await run(["ksops", "gen.yaml"], host)).toBe(1);
    expect(host.stdoutText()).toBe("");
    expect(host.stderrText()).toContain("ksops: it is used as a transformer");
  });

  test.for<[text: string, variables: Readonly<Record<string, string>>]>([
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the env file.
    ["A=$B\nB=1\nC=\"${B}-$B\"\nD='$B'\n", { A: "", B: "1", C: "1-1", D: "$B" }],
    ['A="\\"x\\""\n', { A: '"x\\' }],
    ["A=a # b # c\nB=x#y\n  # z\nexport C=1\nexported=2", { A: "a # b", B: "x#y", C: "1", exported: "2" }],
    ["A:\tx \r\nB=\n", { A: "x", B: "" }],
    ["A=cost$5\nB=\\$A\n", { A: "cost", B: "$A" }],
  ])("an env file is read as godotenv does: %j", ([text, variables]) => {
    expect(Object.fromEntries(readGoDotenv(text))).toEqual(variables);
  });
});

describe("as Helm's post-renderer", () => {
  test("opens what is encrypted, and leaves everything else byte for byte", async () => {
    const host = await stage({ "a.yaml": secret("a"), "b.yaml": secret("b") });
    const encrypted = new TextDecoder().decode(await host.readFile("a.yaml"));
    const map =
      "---\n# Source: shop/templates/map.yaml\napiVersion: v1\nkind: ConfigMap   # as it is\nmetadata: { name: m }\n";
    const stdin = `${map}---\n# Source: shop/templates/a.yaml\n${encrypted}---\n# Source: shop/templates/gen.yaml\n${generator("files: [b.yaml]\n")}${map}`;
    const again = { ...host, readStdin: async () => Buffer.from(stdin) };
    expect(await run(["render", "--post-renderer"], again)).toBe(0);
    const made = (name: string) =>
      `apiVersion: v1\ndata:\n  password: ${base64("hunter-two")}\nkind: Secret\nmetadata:\n  name: ${name}\ntype: Opaque\n`;
    expect(host.stdoutText()).toBe(
      `${map}---\n# Source: shop/templates/a.yaml\n${made("a")}---\n# Source: shop/templates/gen.yaml\n${made("b")}${map}`,
    );
    const broken = {
      ...host,
      readStdin: async () => Buffer.from(stdin.replace("data:", "data:x").replaceAll("mac: ENC", "mac: XNC")),
    };
    const before = host.stdoutText().length;
    expect(await run(["render", "--post-renderer"], broken)).not.toBe(0);
    expect(host.stdoutText()).toHaveLength(before);
    expect(host.stderrText()).toMatch(/^kseal: shop\/templates\/a\.yaml/m);
  });
});

describe("data keys", () => {
  const servers: AwsKmsServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  const key = "arn:aws:kms:eu-west-1:111122223333:key/files";
  const environment = (url: string) => ({
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_EC2_METADATA_DISABLED: "true",
  });

  /** A hundred files whose data key was wrapped once: the values of one document in each. */
  async function hundred(): Promise<{ host: TestHost; server: AwsKmsServer; unwraps: () => number }> {
    const server = await startAwsKms();
    servers.push(server);
    const names = Array.from({ length: 100 }, (_, at) => `f${at}.yaml`);
    const host = await stage(
      { "f0.yaml": secret("f") },
      { "gen.yaml": ksops(`files: [${names.join(", ")}]\n`) },
      { env: environment(server.url), rule: `    kms: ${key}\n` },
    );
    const text = await host.readFile("f0.yaml");
    for (const name of names.slice(1)) await host.createFile(name, text);
    const unwraps = () =>
      server.requests.filter(({ headers }) => headers["x-amz-target"] === "TrentService.Decrypt").length;
    return { host, server, unwraps };
  }

  test("a hundred files that share one are opened with one request", async () => {
    const { host, unwraps } = await hundred();
    const { status, stderr, stdout } = await render(host, "gen.yaml");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.match(/hunter-two/g)).toHaveLength(100);
    expect(unwraps()).toBe(1);
  });

  test("the processes of one build share them over a socket, and a socket that others reach is left alone", async () => {
    const { host, unwraps } = await hundred();
    const folder = await host.openPrivateFolder();
    const cache = await serveKeyCache(folder, { host });
    const process = () => ({ ...host, env: { ...host.env, ...cache.env } });
    const once = async (one: TestHost | ReturnType<typeof process>) =>
      (await decryptFiles({ paths: ["f0.yaml"], destination: toCaller }, await createContext(one))).files
        .length;
    expect([await once(process()), await once(process()), await once(process())]).toEqual([1, 1, 1]);
    expect(unwraps()).toBe(1);
    // Nothing but the socket is in the folder.
    expect(readdirSync(folder.path)).toEqual(["keys.sock"]);
    await cache.close();
    expect(await once(process())).toBe(1);
    expect(unwraps()).toBe(2);
    const open = mkdtempSync(join(host.cwd, "open-"));
    const stop = await host.serveLines(join(open, "keys.sock"), () => '{"key":"AAAA"}');
    chmodSync(open, 0o755);
    expect(await host.askLine(join(open, "keys.sock"), "{}")).toBeUndefined();
    chmodSync(open, 0o700);
    expect(await host.askLine(join(open, "keys.sock"), "{}")).toBe('{"key":"AAAA"}');
    await stop();
    await folder.remove();
  });
});

test("a document of another kind is refused", async () => {
  const host = await stage({}, { "gen.yaml": "apiVersion: x/v1\nkind: Other\n" });
  expect(await render(host, "gen.yaml")).toMatchObject({ status: 5, stdout: "" });
  expect(host.stderrText()).toContain("kseal: kseal has no generator for x/v1 Other\n");
});
