import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import { createPgpProvider, pgpProvider } from "../../src/keys/pgp.ts";
import type { KeyContext } from "../../src/keys/provider.ts";
import { createGpgHome, type GpgHome, type PgpTestKey } from "../support/gpg.ts";
import { keyContext } from "../support/key-context.ts";
import { peer } from "../support/peers.ts";
import { createTestHost, type TestHost, type TestHostOptions } from "../support/test-host.ts";

const dataKey = new DataKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const bytes = dataKey.reveal();

type Context = KeyContext & { readonly host: TestHost };

async function contextFor(env: TestHostOptions["env"] = {}, options: TestHostOptions = {}): Promise<Context> {
  const host = await createTestHost({ ...options, env: { ...env } });
  return { ...keyContext(host), host };
}

const wrap = (fingerprint: string, context: KeyContext, content = dataKey) =>
  pgpProvider.wrap({ type: "pgp", fingerprint }, content, context);

async function open(enc: string, context: KeyContext, fingerprint = ""): Promise<Uint8Array | undefined> {
  const wrapped = { key: { type: "pgp", fingerprint }, enc } as const;
  return (await pgpProvider.unwrap(wrapped, context))?.reveal();
}

/** A program in a folder of its own, as what SOPS_GPG_EXEC names. */
async function contextWithProgram(script: string): Promise<Context> {
  const context = await contextFor();
  const program = join(context.host.cwd, "gpg-of-the-test");
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  return await contextFor({ SOPS_GPG_EXEC: program });
}

describe.skipIf(!peer("gpg"))("with the real gpg", () => {
  let home: GpgHome;
  let others: GpgHome;
  let ann: PgpTestKey;
  let locked: PgpTestKey;
  let enc: string;
  let lockedEnc: string;

  beforeAll(async () => {
    home = await createGpgHome();
    others = await createGpgHome();
    ann = await home.generate("Ann <ann@example.com>", { subkeys: 2 });
    locked = await home.generate("Lou <lou@example.com>", { passphrase: "open sesame" });
    await others.import(home, ann.fingerprint);
    enc = await encrypt(ann.fingerprint);
    lockedEnc = await encrypt(locked.fingerprint);
  });
  afterAll(async () => {
    await home.close();
    await others.close();
  });

  const encrypt = (fingerprint: string, content: Uint8Array = bytes) =>
    home.run(["--armor", "--trust-model", "always", "--recipient", fingerprint, "--encrypt"], content);
  const at = (from: GpgHome, env: TestHostOptions["env"] = {}, options?: TestHostOptions) =>
    contextFor({ GNUPGHOME: from.folder, LC_ALL: "C", ...env }, options);

  test("a data key comes back, from an armored message", async () => {
    const message = await wrap(ann.fingerprint, await at(home));
    expect(message).toMatch(/^-----BEGIN PGP MESSAGE-----\n\n[\s\S]+\n-----END PGP MESSAGE-----$/);
    expect(await open(message, await at(home))).toEqual(bytes);
    expect(Buffer.from(await home.run(["--decrypt"], message), "latin1")).toEqual(Buffer.from(bytes));
  });

  test("a share of a data key, of 33 bytes, comes back", async () => {
    const share = new DataKey(new Uint8Array(33).fill(7));
    const message = await wrap(ann.fingerprint, await at(home), share);
    expect(await open(message, await at(home))).toEqual(share.reveal());
  });

  test("the keys are found in ~/.gnupg too", async () => {
    const context = await at(home, { GNUPGHOME: undefined });
    const { homeDir } = context.host;
    const inHome = { ...home.env, GNUPGHOME: join(homeDir, ".gnupg") };
    await context.host.makeFolder(inHome.GNUPGHOME);
    chmodSync(inHome.GNUPGHOME, 0o700);
    const run = (...args: readonly string[]) =>
      context.host.exec(["gpg", "--batch", ...args], { env: inHome });
    await context.host.createFile(
      "key.asc",
      Buffer.from(await home.run(["--armor", "--export-secret-keys", ann.fingerprint])),
    );
    onTestFinished(async () => {
      await context.host.exec(["gpgconf", "--kill", "all"], { env: inHome });
    });
    expect(await run("--import", "key.asc")).toMatchObject({ status: 0 });

    expect(await open(enc, context)).toEqual(bytes);
  });

  test("a key that nobody vouches for is used, and nobody vouches for it afterwards", async () => {
    const before = await others.run(["--export-ownertrust"]);
    await wrap(ann.fingerprint, await at(others));
    await expect(others.run(["--armor", "--recipient", ann.fingerprint, "--encrypt"], "x")).rejects.toThrow(
      "There is no assurance this key belongs to the named user",
    );
    expect((await others.run(["--export-ownertrust"])).split("\n").slice(1)).toEqual(
      before.split("\n").slice(1),
    );
  });

  test("the fingerprint of a subkey with ! insists on that subkey", async () => {
    for (const subkey of ann.subkeys) {
      const message = await wrap(`${subkey}!`, await at(others));
      const packets = await home.run(["--list-packets"], message);
      expect(packets).toContain(`keyid ${subkey.slice(-16)}`);
      expect(await open(message, await at(home))).toEqual(bytes);
    }
  });

  test("a fingerprint may have spaces, small letters, or be the long key id", async () => {
    const { fingerprint } = ann;
    for (const text of [
      fingerprint.replaceAll(/(.{4})/g, "$1 "),
      fingerprint.toLowerCase(),
      fingerprint.slice(-16),
    ]) {
      expect(await open(await wrap(text, await at(home)), await at(home))).toEqual(bytes);
    }
  });

  test.for([
    "--output=/tmp/x",
    "ann@example.com",
    "=Ann",
    "DEADBEEF",
    "",
    "!",
    "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4!!",
    "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4\n",
    "0xFBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4",
  ])("D43: %j never becomes an argument of gpg", async (fingerprint) => {
    const context = await contextWithProgram('touch "$HOME/was-run"; exit 2');
    await expect(wrap(fingerprint, context)).rejects.toMatchObject({
      kind: "unsupported",
      message: "this is not the fingerprint of a PGP key",
      hint: "gpg --list-keys --with-subkey-fingerprint",
    });
    expect(await context.host.list(context.host.homeDir)).toEqual([]);
  });

  test("messages for several keys, for nobody by name, and signed ones open", async () => {
    const trusted = ["--armor", "--trust-model", "always"];
    const to = (...names: readonly string[]) => names.flatMap((name) => ["--recipient", name]);
    for (const args of [
      [...trusted, ...to(locked.fingerprint, ann.fingerprint), "--encrypt"],
      [...trusted, "--throw-keyids", ...to(ann.fingerprint), "--encrypt"],
      [...trusted, "--local-user", ann.fingerprint, ...to(ann.fingerprint), "--sign", "--encrypt"],
    ]) {
      await home.answer();
      expect(await open(await home.run(args, bytes), { ...(await at(home)), quiet: true })).toEqual(bytes);
    }
    expect(home.asked()).toEqual([]);
  });

  test("what gpg.conf wants for other messages is left out", async () => {
    const configured = await createGpgHome();
    onTestFinished(() => configured.close());
    await configured.import(home, ann.fingerprint);
    await configured.import(home, locked.fingerprint);
    writeFileSync(
      join(configured.folder, "gpg.conf"),
      `encrypt-to ${locked.fingerprint}\ndefault-recipient-self\n`,
    );

    const packets = await home.run(["--list-packets"], await wrap(ann.fingerprint, await at(configured)));

    expect(packets.match(/:pubkey enc packet:/g)).toHaveLength(1);
  });

  describe("a key with a passphrase", () => {
    test("opens with the passphrase that the pinentry gives, asked once", async () => {
      await home.answer("open sesame");
      const context = await at(home);
      expect(await open(lockedEnc, context)).toEqual(bytes);
      expect(await open(await encrypt(locked.fingerprint), context)).toEqual(bytes);
      expect(home.asked().filter((line) => line === "GETPIN")).toHaveLength(1);
    });

    test("is not asked for where nobody may be asked, and opens there once the agent has it", async () => {
      await home.answer("open sesame");
      const context = await at(home);
      await expect(open(lockedEnc, { ...context, quiet: true })).rejects.toMatchObject({
        kind: "credentials",
        message: "gpg-agent would have to ask for the passphrase",
      });
      expect(home.asked()).toEqual([]);

      expect(await open(lockedEnc, context)).toEqual(bytes);
      expect(await open(lockedEnc, { ...(await at(home)), quiet: true })).toEqual(bytes);
    });

    test("tells the pinentry which terminal to ask on", async () => {
      await home.answer("open sesame");
      await open(lockedEnc, await at(home, { GPG_TTY: "/dev/pts/77" }));
      expect(home.asked()).toContain("OPTION ttyname=/dev/pts/77");
    });

    test.for([
      [
        "nothing to ask on",
        [],
        "gpg-agent has no terminal to ask for the passphrase on",
        "export GPG_TTY=$(tty)",
      ],
      ["cancel", ["cancel"], "the question for the passphrase was cancelled", undefined],
      ["three wrong ones", ["a", "b", "c"], "the passphrase is wrong", undefined],
    ] as const)("is refused after %s", async ([, answers, message, hint]) => {
      await home.answer(...answers);
      const refused = { code: "KEY_SOURCE_FAILED", kind: "credentials", message, hint };
      await expect(open(lockedEnc, await at(home))).rejects.toMatchObject(refused);
    });

    test("is refused without a pinentry program", async () => {
      const without = await createGpgHome();
      onTestFinished(() => without.close());
      const { fingerprint } = await without.generate("Max", { passphrase: "x" });
      writeFileSync(join(without.folder, "gpg-agent.conf"), "pinentry-program /nonexistent/pinentry\n");
      const message = await wrap(fingerprint, await at(without));
      await expect(open(message, await at(without))).rejects.toMatchObject({
        kind: "credentials",
        message: "gpg-agent has no pinentry program to ask for the passphrase with",
        hint: "name one in gpg-agent.conf: pinentry-program /usr/bin/pinentry",
      });
    });

    test("under which a message itself is, is asked for too", async () => {
      const flags = ["--pinentry-mode", "loopback", "--passphrase", "open sesame"];
      const message = await home.run([...flags, "--armor", "--symmetric"], bytes);
      await home.answer("open sesame");
      expect(await open(message, await at(home))).toEqual(bytes);
    });
  });

  interface Refusal {
    readonly name: string;
    readonly message: string;
    readonly kind: string;
    readonly hint?: string;
  }

  const unopened: readonly (Refusal & { readonly enc: () => Promise<string> | string })[] = [
    {
      name: "text that is no message",
      enc: () => "nonsense",
      kind: "mismatch",
      message: "its enc field is not an OpenPGP message",
    },
    { name: "nothing", enc: () => "", kind: "mismatch", message: "its enc field is not an OpenPGP message" },
    {
      name: "a key instead of a message",
      enc: () => home.run(["--armor", "--export", ann.fingerprint]),
      kind: "mismatch",
      message: "its enc field is not an OpenPGP message",
    },
    {
      name: "a message that was changed",
      enc: () => damaged(enc, (body) => body.with(-5, body.at(-5)! ^ 1)),
      kind: "mismatch",
      message: "its enc field was cut off or changed",
    },
    {
      name: "a message that was cut off",
      enc: () => damaged(enc, (body) => body.subarray(0, -20)),
      kind: "mismatch",
      message: "its enc field was cut off or changed",
    },
    {
      name: "a message of no content",
      enc: () => encrypt(ann.fingerprint, new Uint8Array()),
      kind: "unsupported",
      message: "gpg printed nothing: the message is empty, or this gpg is too old for it",
      hint: "gpg --version",
    },
    {
      name: "a message that unpacks to a million times its length",
      enc: () => encrypt(ann.fingerprint, new Uint8Array(50_000_000)),
      kind: "mismatch",
      message: "what gpg opened is too long for a data key",
    },
  ];

  test.for(unopened)("$name does not open", async ({ enc, kind, message, hint }) => {
    const refused = { code: "KEY_SOURCE_FAILED", kind, message, hint };
    await expect(open(await enc(), await at(home))).rejects.toMatchObject(refused);
  });

  test("without the secret key it does not open", async () => {
    const message = await wrap(`${ann.subkeys[0]}!`, await at(others));
    await expect(open(message, await at(others))).rejects.toMatchObject({
      kind: "credentials",
      message: `gpg holds no secret key for it (${ann.subkeys[0]?.slice(-16)})`,
      hint: "gpg --import SECRET-KEY-FILE",
    });
  });

  test("where GnuPG was never used, it is not started, and makes no folder", async () => {
    const context = await contextFor();
    const folder = join(context.host.homeDir, ".gnupg");
    await expect(open(enc, context)).rejects.toMatchObject({
      kind: "credentials",
      message: `gpg holds no secret key: there is no folder ${folder}`,
      hint: "gpg --import SECRET-KEY-FILE",
    });
    expect(await context.host.stat(folder)).toBeUndefined();
  });

  describe("a key that cannot be used", () => {
    const old = { madeAt: "20200101T000000", expires: "2d" };
    const cases: readonly (Refusal & { readonly key: (home: GpgHome) => Promise<string> })[] = [
      {
        name: "that is missing",
        key: async () => "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4",
        kind: "missing",
        message: "gpg has no public key with this fingerprint",
        hint: "gpg --import PUBLIC-KEY-FILE, or gpg --recv-keys FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4",
      },
      {
        name: "that has expired",
        key: async (home) => (await home.generate("Old", old)).fingerprint,
        kind: "disabled",
        message: "the key expired on 2020-01-03",
        hint: "gpg --list-keys FPR",
      },
      {
        name: "whose subkey has expired",
        key: async (home) =>
          (await home.generate("Old sub", { madeAt: old.madeAt, subkeyExpires: "2d" })).fingerprint,
        kind: "disabled",
        message: "its subkey for encryption: the key expired on 2020-01-03",
        hint: "gpg --list-keys FPR",
      },
      {
        name: "that was revoked",
        key: async (home) => {
          const { fingerprint } = await home.generate("Rev");
          const path = join(home.folder, "openpgp-revocs.d", `${fingerprint}.rev`);
          await home.run(["--import"], readFileSync(path, "utf8").replace(/^:-/m, "-"));
          return fingerprint;
        },
        kind: "disabled",
        message: "the key was revoked",
        hint: "gpg --list-keys FPR",
      },
      {
        name: "that only signs",
        key: async (home) => (await home.generate("Sig", { subkeys: 0 })).fingerprint,
        kind: "disabled",
        message: "the key has no subkey that encrypts",
        hint: "gpg --list-keys FPR",
      },
      {
        name: "whose part with ! only signs",
        key: async (home) => `${(await home.generate("Sub")).fingerprint}!`,
        kind: "disabled",
        message: "this very subkey cannot encrypt",
        hint: "gpg --list-keys FPR",
      },
    ];

    test.for(cases)("$name is refused", async ({ key, kind, message, hint }) => {
      const own = await createGpgHome();
      onTestFinished(() => own.close());
      const fingerprint = await key(own);
      await expect(wrap(fingerprint, await at(own))).rejects.toMatchObject({
        code: "KEY_SOURCE_FAILED",
        kind,
        message,
        hint: hint?.replace("FPR", fingerprint.replace("!", "")),
      });
    });

    test("that has expired still opens what was encrypted for it", async () => {
      const own = await createGpgHome();
      onTestFinished(() => own.close());
      const { fingerprint } = await own.generate("Old", old);
      const time = ["--faked-system-time", "20200101T120000!"];
      const message = await own.run(
        [...time, "--armor", "--trust-model", "always", "--recipient", fingerprint, "--encrypt"],
        bytes,
      );
      expect(await open(message, await at(own))).toEqual(bytes);
    });
  });

  test("reports say whose secret keys are at hand", async () => {
    const held = async (from: GpgHome) => (await pgpProvider.holdings?.(await at(from))) ?? [];
    expect(await held(home)).toEqual([
      `you hold the PGP key ${ann.fingerprint} (Ann <ann@example.com>)`,
      `you hold the PGP key ${locked.fingerprint} (Lou <lou@example.com>)`,
    ]);
    expect(await held(others)).toEqual([`no PGP secret key in ${others.folder}`]);
    const context = await contextFor();
    const folder = join(context.host.homeDir, ".gnupg");
    expect(await pgpProvider.holdings?.(context)).toEqual([`no PGP secret key in ${folder}`]);
  });

  test("64 messages at the same time are made, and open", async () => {
    const context = await at(home);
    const together = Array.from({ length: 64 });
    const messages = await Promise.all(together.map(() => wrap(ann.fingerprint, context)));
    const opened = await Promise.all(messages.map((message) => open(message, context)));
    expect(opened.every((content) => Buffer.from(content ?? []).equals(bytes))).toBe(true);
  });

  test("a gpg.conf with a mistake is told in gpg's own words", async () => {
    const broken = await createGpgHome();
    onTestFinished(() => broken.close());
    await broken.import(home, ann.fingerprint);
    writeFileSync(join(broken.folder, "gpg.conf"), "cipher-algo NONSENSE\n");
    const refused = {
      kind: "unreachable",
      message: "gpg ended with status 2: selected cipher algorithm is invalid",
    };
    await expect(wrap(ann.fingerprint, await at(broken))).rejects.toMatchObject(refused);
    await expect(open(enc, await at(broken))).rejects.toMatchObject(refused);
  });
});

describe("the program", () => {
  const fingerprint = "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4";

  async function refusals(context: KeyContext): Promise<readonly unknown[]> {
    const settled = await Promise.allSettled([wrap(fingerprint, context), open("x", context)]);
    return settled.map((one) => (one.status === "rejected" ? one.reason : one));
  }

  test("that is missing is a refusal", async () => {
    const context = await contextFor({ PATH: "/nonexistent" });
    await context.host.makeFolder(join(context.host.homeDir, ".gnupg"));
    const refused = {
      code: "KEY_SOURCE_FAILED",
      kind: "unreachable",
      message: "the program gpg is not on PATH",
      hint: "install GnuPG, or name its program: SOPS_GPG_EXEC=/usr/local/bin/gpg",
    };
    for (const refusal of await refusals(context)) expect(refusal).toMatchObject(refused);
    const folder = join(context.host.homeDir, ".gnupg");
    expect(await pgpProvider.holdings?.(context)).toEqual([`no PGP secret key in ${folder}`]);
  });

  test.for([
    ["/nonexistent/gpg", "SOPS_GPG_EXEC: there is no program /nonexistent/gpg"],
    ["gpg-nonexistent", "SOPS_GPG_EXEC: there is no program gpg-nonexistent on PATH"],
    ["./gpg", "SOPS_GPG_EXEC: there is no program ./gpg"],
  ] as const)("that SOPS_GPG_EXEC names, %s, is a refusal when missing", async ([program, message]) => {
    const context = await contextFor({ SOPS_GPG_EXEC: program }, { files: { gpg: "#!/bin/sh\n" } });
    const refused = { kind: "unreachable", message, hint: "SOPS_GPG_EXEC=/usr/bin/gpg" };
    for (const refusal of await refusals(context)) expect(refusal).toMatchObject(refused);
  });

  test("in the working folder is not run", async () => {
    const context = await contextFor({ PATH: ".:" }, { files: { gpg: "#!/bin/sh\necho pwned\n" } });
    chmodSync(join(context.host.cwd, "gpg"), 0o755);
    await context.host.makeFolder(join(context.host.homeDir, ".gnupg"));
    for (const refusal of await refusals(context)) {
      expect(refusal).toMatchObject({ message: "the program gpg is not on PATH" });
    }
  });

  test("that SOPS_GPG_EXEC names gets the data key on standard input, and nothing of it as an argument", async () => {
    const context = await contextWithProgram(
      'printf "%s\\n" "$@" > "$HOME/args"; od -An -tx1 > "$HOME/stdin"; echo sealed',
    );
    expect(await wrap(fingerprint, context)).toBe("sealed");
    const read = async (name: string): Promise<string> =>
      Buffer.from(await context.host.readFile(join(context.host.homeDir, name))).toString();
    expect((await read("args")).split("\n").slice(0, -1)).toEqual([
      "--batch",
      "--status-fd",
      "2",
      "--yes",
      "--no-default-recipient",
      "--no-encrypt-to",
      "--armor",
      "--trust-model",
      "always",
      "--recipient",
      fingerprint,
      "--encrypt",
    ]);
    expect((await read("stdin")).replaceAll(/\s/g, "")).toBe(Buffer.from(bytes).toString("hex"));
  });

  test.for([
    [
      "exit 0",
      "gpg printed nothing",
      "gpg printed nothing: the message is empty, or this gpg is too old for it",
    ],
    ["echo oops >&2; exit 3", "gpg ended with status 3: oops", "gpg ended with status 3: oops"],
    [
      "exit 3",
      "gpg ended with status 3: it does not say why",
      "gpg ended with status 3: it does not say why",
    ],
    [
      "kill -9 $$",
      "gpg ended with status 137: it does not say why",
      "gpg ended with status 137: it does not say why",
    ],
  ] as const)("that does %j is a refusal", async ([script, wrapping, opening]) => {
    const [wrapped, opened] = await refusals(await contextWithProgram(script));
    expect(wrapped).toMatchObject({ code: "KEY_SOURCE_FAILED", message: wrapping });
    expect(opened).toMatchObject({ code: "KEY_SOURCE_FAILED", message: opening });
  });
});

test("a gpg that hangs is ended, and not asked a second time", async () => {
  const context = await contextWithProgram('echo started >> "$HOME/runs"; exec sleep 1000');
  const impatient = createPgpProvider({ timeoutMs: 500 });
  const key = { type: "pgp", fingerprint: "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4" } as const;
  const message = `${context.host.env["SOPS_GPG_EXEC"]} did not end within 0.5 s`;
  const refused = { code: "KEY_SOURCE_FAILED", kind: "unreachable", message };

  for (const quiet of [true, false]) {
    await expect(impatient.unwrap({ key, enc: "x" }, { ...context, quiet })).rejects.toMatchObject(refused);
  }
  const runs = await context.host.readFile(join(context.host.homeDir, "runs"));
  expect(Buffer.from(runs).toString()).toBe("started\n");
  await expect(impatient.wrap(key, dataKey, context)).rejects.toMatchObject(refused);
});

/** A message with its body changed, and a checksum that fits: the reader has to notice by the content. */
function damaged(armored: string, change: (body: Uint8Array) => Uint8Array): string {
  const base64 = armored.split("\n\n")[1]!.split("\n=")[0]!.replaceAll("\n", "");
  const body = Buffer.from(change(Buffer.from(base64, "base64"))).toString("base64");
  return `-----BEGIN PGP MESSAGE-----\n\n${body.replaceAll(/(.{64})/g, "$1\n")}\n-----END PGP MESSAGE-----\n`;
}
