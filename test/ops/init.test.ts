import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { generateValue } from "../../src/ops/generate-value.ts";
import { type InitOptions, initFolder } from "../../src/ops/init.ts";
import { makeIdentity } from "../../src/ops/keygen.ts";
import { createContext } from "../../src/wiring.ts";
import { peer } from "../support/peers.ts";
import { createTestHost, type TestHostOptions } from "../support/test-host.ts";
import { failureOf, inPlace, mine, secret, theirs, toCaller } from "./workbench.ts";

async function start(options: TestHostOptions = {}) {
  const host = await createTestHost(options);
  const keys = join(host.homeDir, ".config/sops/age/keys.txt");
  const text = async (path: string) => Buffer.from(await host.readFile(path)).toString("utf8");
  return { host, keys, text, context: await createContext(host) };
}

const asked: InitOptions = {
  recipients: [],
  postQuantum: false,
  yes: false,
  dryRun: false,
  version: "1.2.3",
};
const yes = { ...asked, yes: true };

describe("init in a folder whose .sops.yaml has no creation rule", () => {
  const pinned = "# of the platform team\nkseal:\n  clusters:\n    - {name: prod, certificate: prod.pem}";

  test("adds the first one, and leaves what is there", async () => {
    const { text, host, context } = await start({ files: { ".sops.yaml": pinned, "secret.yaml": secret } });
    const options = { ...asked, recipients: [mine] };
    const dry = await initFolder({ ...options, dryRun: true }, context);
    expect(await text(".sops.yaml")).toBe(pinned);
    const { done, config } = await initFolder(options, context);

    expect([dry.done, done]).toEqual([[`would add a rule to ${config}`], [`added a rule to ${config}`]]);
    expect((await text(".sops.yaml")).startsWith(`${pinned}\n# Which files`)).toBe(true);
    await encryptFiles({ paths: ["secret.yaml"], destination: inPlace }, await createContext(host));
    expect(await text("secret.yaml")).toMatch(/password: "?ENC\[/);
  });

  test.for(["{kseal: {}}\n", "---\nkseal: {}\n---\n", "creation_rules: []\n"])(
    "%o is left to people: there is no place for a rule, or there are some",
    async (text) => {
      const { context, host } = await start({ files: { ".sops.yaml": text } });
      const failure = await failureOf(initFolder({ ...asked, recipients: [mine] }, context));
      expect(["OUTPUT_UNWRITABLE", "CONFIG_INVALID"]).toContain(failure.code);
      expect(Buffer.from(await host.readFile(".sops.yaml")).toString()).toBe(text);
    },
  );
});

describe("init in an empty folder, without an identity", () => {
  test("makes both, and the first Secret can be encrypted and opened with them", async () => {
    const { host, keys, text, context } = await start({ files: { "secret.yaml": secret } });
    const { recipients, config, done, next } = await initFolder(yes, context);

    expect(await text(".sops.yaml")).toMatch(
      /path_regex: "\\\\\.ya\?ml\$"\n {4}encrypted_regex: \^\(data\|stringData\)\$/,
    );
    expect([config, next[0]]).toEqual([join(host.cwd, ".sops.yaml"), "kseal encrypt -i FILE"]);
    expect(done).toEqual([
      `made an age identity in ${keys}; keep a copy where it survives this machine`,
      `wrote ${config}`,
    ]);
    expect(await host.stat(keys)).toMatchObject({ mode: 0o600 });
    expect(await text(keys)).toContain(recipients[0]);
    const again = await createContext({ ...host });
    await encryptFiles({ paths: ["secret.yaml"], destination: inPlace }, again);
    expect(await text("secret.yaml")).toMatch(/name: database[\s\S]*password: "?ENC\[/);
    const { stream } = await decryptFiles({ paths: ["secret.yaml"], destination: toCaller }, again);
    expect(Buffer.from(stream ?? []).toString()).toBe(secret);
  });

  test("asks first", async () => {
    const { host, keys, context } = await start({ answers: ["y"] });
    await initFolder(asked, context);

    expect(host.questions).toEqual([`make an age identity in ${keys}? [Y/n] `]);
    expect(await host.stat(keys)).toBeDefined();
  });

  test.for([
    ["a no", { answers: ["n"] }, "CHANGES_REFUSED"],
    ["nobody to ask", {}, "USAGE"],
  ] as const)("with %s it makes nothing", async ([, options, code]) => {
    const { host, keys, context } = await start(options);

    expect((await failureOf(initFolder(asked, context))).code).toBe(code);
    expect(await host.stat(keys)).toBeUndefined();
    expect(await host.list(".")).toEqual([]);
  });

  test("a dry run says what it would do", async () => {
    const { host, keys, context } = await start();
    const { done } = await initFolder({ ...asked, dryRun: true }, context);

    expect(done).toEqual([expect.stringMatching(/^would make /), expect.stringMatching(/^would write /)]);
    expect([await host.list("."), await host.stat(keys)]).toEqual([[], undefined]);
  });
});

describe("init", () => {
  test("takes the identity that is there, and the named recipients before that", async () => {
    const { text, context, host } = await start({ env: { SOPS_AGE_KEY: "" } });
    const { recipient } = await makeIdentity({ postQuantum: false, save: true, dryRun: false }, context);
    const again = await createContext(host);
    expect((await initFolder(asked, again)).recipients).toEqual([recipient]);
    const other = await start();
    await initFolder({ ...asked, recipients: [mine, theirs], pathRegex: "^prod/" }, other.context);

    expect(await text(".sops.yaml")).toContain(`      - ${recipient}\n`);
    expect(await other.text(".sops.yaml")).toMatch(`path_regex: "^prod/"`);
    expect(await other.text(".sops.yaml")).toContain(`      - ${mine}\n      - ${theirs}\n`);
  });

  test("in a subfolder finds the configuration above and says so", async () => {
    const { host, text } = await start({ files: { ".sops.yaml": "creation_rules: []\n" } });
    mkdirSync(join(host.cwd, "apps"));
    const below = await createContext({ ...host, cwd: join(host.cwd, "apps") });
    const error = await failureOf(initFolder(yes, below));

    expect(error).toMatchObject({ code: "OUTPUT_UNWRITABLE", where: { file: join(host.cwd, ".sops.yaml") } });
    expect(await text(".sops.yaml")).toBe("creation_rules: []\n");
  });

  test.for([
    ["a recipient that is none", { recipients: ["age1nobody"] }],
    ["a pattern that does not compile", { recipients: [mine], pathRegex: "(" }],
  ] as const)("with %s it writes nothing", async ([, options]) => {
    const { host, context } = await start();
    await failureOf(initFolder({ ...asked, ...options }, context));

    expect(await host.list(".")).toEqual([]);
  });
});

describe("keygen", () => {
  test.for([
    [false, /^AGE-SECRET-KEY-1[0-9A-Z]+$/m, /^age1[0-9a-z]{58}$/],
    [true, /^AGE-SECRET-KEY-PQ-1[0-9A-Z]+$/m, /^age1pq1[0-9a-z]+$/],
  ] as const)("makes an identity (post-quantum: %s)", async ([postQuantum, secretLine, recipientForm]) => {
    const { host, context } = await start();
    const { text, recipient, writtenTo } = await makeIdentity(
      { postQuantum, save: false, dryRun: false },
      context,
    );

    expect(text).toMatch(secretLine);
    expect(recipient).toMatch(recipientForm);
    expect(text).toContain(`# public key: ${recipient}\n`);
    expect([writtenTo, await host.list(".")]).toEqual([undefined, []]);
  });

  test.skipIf(!peer("age-keygen"))("the real age-keygen derives the same recipient", async () => {
    const { host, context } = await start();
    for (const postQuantum of [false, true]) {
      const { text, recipient } = await makeIdentity({ postQuantum, save: false, dryRun: false }, context);
      const { stdout } = await host.exec([peer("age-keygen")!, "-y"], { stdin: Buffer.from(text) });

      expect(Buffer.from(stdout).toString().trim()).toBe(recipient);
    }
  });

  test("--out makes a file for its owner alone and never replaces one", async () => {
    const { host, context, text } = await start();
    const options = { postQuantum: false, out: "key.txt", save: false, dryRun: false };
    await makeIdentity(options, context);
    const before = await text("key.txt");

    expect(await host.stat("key.txt")).toMatchObject({ mode: 0o600 });
    expect(await failureOf(makeIdentity(options, context))).toMatchObject({ code: "OUTPUT_UNWRITABLE" });
    expect(await text("key.txt")).toBe(before);
  });

  test("--save adds to keys.txt and keeps what is in it, without a last line break too", async () => {
    const { host, keys, context, text } = await start();
    const save = { postQuantum: false, save: true, dryRun: false };
    const first = await makeIdentity(save, context);
    await host.createFile(keys, Buffer.from(first.text.trimEnd()), { overwrite: true });
    const second = await makeIdentity(save, context);
    await Promise.all([makeIdentity(save, context), makeIdentity(save, context)]);

    expect(await text(keys)).toContain(`${first.text.trimEnd()}\n${second.text}`);
    expect((await text(keys)).match(/^AGE-SECRET-KEY-1/gm)).toHaveLength(4);
    expect(await failureOf(makeIdentity({ ...save, out: "x" }, context))).toMatchObject({ code: "USAGE" });
  });
});

describe("a generated value", () => {
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

  test("password: letters and digits, each as likely, as many as asked for", () => {
    expect(generateValue("password", undefined, random).value).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(generateValue("password", 8, random).value).toHaveLength(8);
    expect(generateValue("password", 1024, random).value).toHaveLength(1024);
    const all = (length: number) => Uint8Array.from({ length }, (_, index) => index % 256);
    const counts = new Map<string, number>();
    for (const letter of generateValue("password", 248, (length) => all(length + 8)).value) {
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    expect([...new Set(counts.values())]).toEqual([4]);
    expect(counts.size).toBe(62);
  });

  test("uuid: version 4", () => {
    expect(generateValue("uuid", undefined, random).value).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(generateValue("uuid", undefined, (length) => new Uint8Array(length).fill(0xff)).value).toBe(
      "ffffffff-ffff-4fff-bfff-ffffffffffff",
    );
  });

  test("ssh-key: a private key of which ssh-keygen, where there is one, derives the public half", async () => {
    const { value, publicKey } = generateValue("ssh-key", undefined, random);
    expect(value).toMatch(
      /^-----BEGIN OPENSSH PRIVATE KEY-----\n[\s\S]+-----END OPENSSH PRIVATE KEY-----\n$/,
    );
    expect(publicKey).toMatch(/^ssh-ed25519 AAAA/);
    const host = await createTestHost();
    if ((await host.which("ssh-keygen")) === undefined) return;
    await host.createFile("key", Buffer.from(value));
    const { stdout } = await host.exec(["ssh-keygen", "-y", "-f", "key"]);
    expect(Buffer.from(stdout).toString().trim().split(" ").slice(0, 2)).toEqual(
      publicKey!.trim().split(" ").slice(0, 2),
    );
  });

  test.for([
    ["password", 7],
    ["password", 1025],
    ["password", 8.5],
    ["uuid", 8],
    ["ssh-key", 8],
  ] as const)("%s of length %s is refused", ([kind, length]) => {
    expect(() => generateValue(kind, length, random)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});
