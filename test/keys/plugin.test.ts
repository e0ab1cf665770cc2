import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import { ageProvider } from "../../src/keys/age.ts";
import { encodeBech32 } from "../../src/keys/bech32.ts";
import { ageKey, keyContext, pluginPath, wrapFor } from "../support/key-context.ts";
import { peer } from "../support/peers.ts";
import { createTestHost, type TestHost, type TestHostOptions } from "../support/test-host.ts";

const key = new Uint8Array(32).fill(3);
const recipient = encodeBech32("age1test", key);
const identity = encodeBech32("age-plugin-test-", key).toUpperCase();
const dataKey = new DataKey(new Uint8Array(32).fill(8));

async function hostWithPlugin(script = "", options: TestHostOptions = {}): Promise<TestHost> {
  const bare = await createTestHost();
  const env = {
    PATH: await pluginPath(bare.cwd),
    SOPS_AGE_KEY: identity,
    AGE_PLUGIN_TEST: script,
    AGE_PLUGIN_TEST_LOG: join(bare.cwd, "sent.txt"),
  };
  return await createTestHost({ ...options, env: { ...env, ...options.env } });
}

async function sent(host: TestHost): Promise<string> {
  return await readFile(host.env["AGE_PLUGIN_TEST_LOG"] ?? "", "utf8");
}

describe("a plugin", () => {
  test("wraps and unwraps", async () => {
    const context = keyContext(await hostWithPlugin());
    const wrapped = await wrapFor(recipient, dataKey, context);

    const opened = await ageProvider.unwrap({ ...wrapped, key: ageKey(recipient) }, context);

    expect(opened?.reveal()).toEqual(dataKey.reveal());
    const log = await sent(context.host as TestHost);
    expect(log).toContain(`-> add-recipient ${recipient}\n`);
    expect(log).toContain("-> extension-labels\n");
    expect(log).toContain(`-> add-identity ${identity}\n`);
    expect(log).toContain("-> recipient-stanza 0 test 1\n");
  });

  test("is sometimes sent a command that it has to ignore", async () => {
    for (const [byte, greased] of [
      [1, true],
      [3, false],
    ] as const) {
      const random = (length: number): Uint8Array => new Uint8Array(length).fill(byte);
      const context = keyContext(await hostWithPlugin("", { random }));
      await wrapFor(recipient, dataKey, context);
      expect((await sent(context.host as TestHost)).includes("-> grease-")).toBe(greased);
    }
  });

  test("may speak to the user, in words that cannot command the terminal", async () => {
    const context = keyContext(await hostWithPlugin("msg touch \u001b[31myour token\u0007"));
    await wrapFor(recipient, dataKey, context);
    expect(context.said).toEqual(["age-plugin-test: touch  [31myour token "]);
  });

  test("may ask for a secret, a text and a choice", async () => {
    const script = "secret PIN? = 1234\npublic Name? = Ann\nconfirm Sure? = yes\nconfirm Really? = no";
    const host = await hostWithPlugin(script, { answers: ["1234", "Ann", "perhaps", "y", "NO"] });

    await wrapFor(recipient, dataKey, keyContext(host));

    expect(host.questions).toEqual([
      "age-plugin-test: PIN? ",
      "age-plugin-test: Name? ",
      "age-plugin-test: Sure? (y = Go on, n = Stop) ",
      "age-plugin-test: Sure? (y = Go on, n = Stop) ",
      "age-plugin-test: Really? (y = Go on, n = Stop) ",
    ]);
  });

  test("is told when there is nobody to ask", async () => {
    const script = "secret PIN? = fail\npublic Name? = fail\nconfirm Sure? = fail";
    await wrapFor(recipient, dataKey, keyContext(await hostWithPlugin(script)));
  });

  test("may send labels, and commands that nobody knows", async () => {
    await wrapFor(recipient, dataKey, keyContext(await hostWithPlugin("labels postquantum b\nunknown")));
  });

  test.for([
    ["error the token is locked\nerror and lost", "age-plugin-test: the token is locked; and lost"],
    ["labels a\nlabels b", "age-plugin-test: the plugin sent labels twice"],
    ["noise", "age-plugin-test: the plugin does not speak the protocol of age"],
    ["leave", "age-plugin-test: the plugin ended before it was done"],
    ["nothing", "age-plugin-test: the plugin wrapped nothing"],
    ["wrong-index", "age-plugin-test: the plugin sent a malformed stanza"],
    ["secret PIN? = 1", "age-plugin-test: the answer was fail"],
  ] as const)("that does %j fails the wrap", async ([script, message]) => {
    const context = keyContext(await hostWithPlugin(script));
    const refused = { code: "ENCRYPT_FAILED", message };
    await expect(wrapFor(recipient, dataKey, context)).rejects.toMatchObject(refused);
  });

  test.for([
    ["error the token is locked\nnothing", "age-plugin-test: the token is locked"],
    ["noise", "age-plugin-test: the plugin does not speak the protocol of age"],
    ["leave", "age-plugin-test: the plugin ended before it was done"],
    ["wrong-index", "age-plugin-test: the plugin sent a malformed file key"],
    ["twice", "age-plugin-test: the plugin sent a malformed file key"],
  ] as const)("that does %j fails the unwrap", async ([script, message]) => {
    const wrapped = await wrapFor(recipient, dataKey, keyContext(await hostWithPlugin()));
    const context = keyContext(await hostWithPlugin(script));
    const refused = { code: "DECRYPT_FAILED", message };
    await expect(ageProvider.unwrap({ ...wrapped, key: ageKey(recipient) }, context)).rejects.toMatchObject(
      refused,
    );
  });

  test("that has nothing to give leaves the file to others", async () => {
    const wrapped = await wrapFor(recipient, dataKey, keyContext(await hostWithPlugin()));
    const context = keyContext(await hostWithPlugin("nothing"));
    expect(await ageProvider.unwrap({ ...wrapped, key: ageKey(recipient) }, context)).toBeNull();
  });

  test("that is not installed is named, with what to do", async () => {
    const context = keyContext(await createTestHost());
    await expect(wrapFor(recipient, dataKey, context)).rejects.toMatchObject({
      code: "ENCRYPT_FAILED",
      message: "the program age-plugin-test is not on PATH",
      hint: "install age-plugin-test and put it into a folder of PATH",
    });
  });

  test("is not started from the working folder", async () => {
    const files = { "age-plugin-test": "#!/bin/sh\ntouch started\n" };
    const host = await createTestHost({ files, env: { PATH: ".:" } });
    await expect(wrapFor(recipient, dataKey, keyContext(host))).rejects.toThrow("is not on PATH");
    expect(await host.stat("started")).toBeUndefined();
  });

  test("is left alone when only silent identities may be used", async () => {
    const context = keyContext(await hostWithPlugin());
    const wrapped = await wrapFor(recipient, dataKey, context);
    const quiet = { ...context, quiet: true };
    expect(await ageProvider.unwrap({ ...wrapped, key: ageKey(recipient) }, quiet)).toBeNull();
  });
});

const age = peer("age");

describe.skipIf(!age)("the test plugin and the real age", () => {
  test("age opens what kseal wrapped with the plugin, and the reverse", async () => {
    const context = keyContext(await hostWithPlugin("msg hello\nlabels x"));
    const { host } = context;
    const env = { ...host.env, HOME: host.homeDir };
    const run = promisify(execFile);
    const wrapped = await wrapFor(recipient, dataKey, context);
    await host.createFile("enc.age", new TextEncoder().encode(wrapped.enc));
    await host.createFile("id.txt", new TextEncoder().encode(`${identity}\n`));
    await host.createFile("plain", dataKey.reveal());

    const options = { cwd: host.cwd, env, encoding: "buffer" } as const;
    const opened = await run(age!, ["-d", "-i", "id.txt", "enc.age"], options);
    const sealed = await run(age!, ["-a", "-r", recipient, "plain"], options);

    expect(new Uint8Array(opened.stdout)).toEqual(dataKey.reveal());
    const back = { key: ageKey(recipient), enc: sealed.stdout.toString() };
    expect((await ageProvider.unwrap(back, context))?.reveal()).toEqual(dataKey.reveal());
  });
});
