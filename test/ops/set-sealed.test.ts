import { describe, expect, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { itemOf } from "../../src/ops/set-sealed.ts";
import { makeKey, manifest, seal, type TestKey } from "../support/sealed-files.ts";
import { createTestHost, type TestHost, type TestHostOptions } from "../support/test-host.ts";

const key: TestKey = await makeKey();
const user = seal("admin", key);
const text = `# who: me\r\napiVersion: bitnami.com/v1alpha1\r\nkind: SealedSecret\r\nmetadata: {name: db, namespace: prod}\r\nspec:\r\n    encryptedData:   # values\r\n        user: &u ${user}\r\n        password: "${seal("old", key)}"   # behind\r\n        copy: *u\r\n`;

async function host(options: TestHostOptions = {}): Promise<TestHost> {
  return createTestHost({
    ...options,
    files: { "a.yaml": text, "cert.pem": key.certificatePem, "keys.yaml": key.yaml, ...options.files },
  });
}

const read = async (at: TestHost, path = "a.yaml") => new TextDecoder().decode(await at.readFile(path));

/** What an item holds, as `kseal get` prints it. */
async function value(at: TestHost, item: string): Promise<string> {
  const fresh = await createTestHost({ files: { "a.yaml": await read(at), "keys.yaml": key.yaml } });
  expect(await run(["get", "a.yaml", item, "--key", "keys.yaml"], fresh)).toBe(0);
  return fresh.stdoutText();
}

describe("set: write without read", () => {
  test("what is typed is sealed with nothing but the certificate, and no other byte changes", async () => {
    const at = await host({ answers: ["correct horse"] });

    expect(await run(["set", "a.yaml", "password", "--cert", "cert.pem"], at)).toBe(0);

    expect(at.questions).toEqual(["new value of password: "]);
    expect(at.stderrText()).toContain("kseal: a.yaml: set password\n");
    const [, sealed = ""] = /password: "(\S+)"/.exec(await read(at)) ?? [];
    expect(await read(at)).toBe(text.replace(/(?<=password: ")\S+(?=")/, sealed));
    expect(await value(at, "password")).toBe("correct horse");
    expect(await value(at, "copy")).toBe("admin");
  });

  test.for([
    ["JSON from standard input", ["--value-stdin"], '"a\\nb"', "a\nb"],
    ["text from standard input", ["--value-stdin", "--string"], "a b\n", "a b"],
    ["a file", ["--value-file", "value.txt", "--string"], "", "from a file"],
  ] as const)("from %s", async ([, flags, stdin, expected]) => {
    const at = await host({ stdin, files: { "value.txt": "from a file\n" } });

    expect(
      await run(["set", "a.yaml", '["spec"]["encryptedData"]["new"]', "--cert", "cert.pem", ...flags], at),
    ).toBe(0);

    expect(await value(at, "new")).toBe(expected);
    expect(await read(at)).toContain(`user: &u ${user}\r\n`);
  });

  test("a generated value, and a dry run", async () => {
    const at = await host();

    expect(
      await run(["set", "a.yaml", "password", "--cert", "cert.pem", "--generate", "uuid", "--dry-run"], at),
    ).toBe(0);
    expect(await read(at)).toBe(text);
    expect(await run(["set", "a.yaml", "password", "--cert", "cert.pem", "--generate", "uuid"], at)).toBe(0);
    expect(await value(at, "password")).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("an anchored value is replaced without its alias", async () => {
    const at = await host({ answers: ["root"] });

    expect(await run(["set", "a.yaml", "user", "--cert", "cert.pem"], at)).toBe(0);

    expect(await value(at, "user")).toBe("root");
    expect(await value(at, "copy")).toBe("admin");
  });

  test("with keys a value that is there already keeps its ciphertext", async () => {
    const at = await host({ answers: ["admin"] });

    expect(await run(["set", "a.yaml", "user", "--cert", "cert.pem", "--key", "keys.yaml"], at)).toBe(0);

    expect(await read(at)).toBe(text);
    expect(at.stderrText()).toContain("holds that value already");
  });

  test("of several SealedSecrets --object names one", async () => {
    const two =
      manifest({ p: seal("1", key) }) + manifest({ p: seal("2", key, { name: "web" }) }, { name: "web" });
    const at = await host({ answers: ["new", "new"], files: { "a.yaml": two } });

    expect(await run(["set", "a.yaml", "p", "--cert", "cert.pem"], at)).not.toBe(0);
    expect(await read(at)).toBe(two);
    expect(await run(["set", "a.yaml", "p", "--cert", "cert.pem", "--object", "prod/web"], at)).toBe(0);
    expect((await read(at)).split("---\n")[1]).toBe(two.split("---\n")[1]);
    expect(await run(["get", "a.yaml", "p", "--object", "web", "--key", "keys.yaml"], at)).toBe(0);
    expect(at.stdoutText()).toBe("new");
  });

  test.for([
    ["a number", "12", "the value of a Secret is text, and this is no text in JSON"],
    ["a list", '["a"]', "the value of a Secret is text, and this is no text in JSON"],
    ["no JSON", "hush", "the value is not JSON"],
  ] as const)("%s is refused without a word of it", async ([, stdin, message]) => {
    const at = await host({ stdin });

    expect(await run(["set", "a.yaml", "password", "--cert", "cert.pem", "--value-stdin"], at)).toBe(7);

    expect(at.stderrText()).toContain(message);
    expect(at.stderrText()).not.toContain("hush");
    expect(await read(at)).toBe(text);
  });
});

describe("unset", () => {
  test("takes an item out, without any key, and nothing else", async () => {
    const at = await host();

    expect(await run(["unset", "a.yaml", "password"], at)).toBe(0);
    expect(await read(at)).toBe(text.replace(/ {8}password: .*\r\n/, ""));
    expect(await run(["unset", "a.yaml", "password"], at)).not.toBe(0);
    expect(at.stderrText()).toContain('kseal: a.yaml: there is no item "password"');
    expect(await run(["unset", "a.yaml", "password", "--idempotent"], at)).toBe(0);
  });

  test("does not guess which of several is meant", async () => {
    const two =
      manifest({ p: seal("1", key) }) + manifest({ p: seal("2", key, { name: "web" }) }, { name: "web" });
    const at = await host({ files: { "a.yaml": two } });

    expect(await run(["unset", "a.yaml", "p"], at)).toBe(8);
    expect(at.stderrText()).toContain('2 SealedSecrets have an item "p": prod/db, prod/web');
    expect(await read(at)).toBe(two);
  });
});

describe("an item", () => {
  test.for([
    ["password", "password"],
    ["tls.key", "tls.key"],
    ['["stringData"]["password"]', "password"],
    ['["data"]["tls.key"]', "tls.key"],
    ['["spec"]["encryptedData"]["a"]', "a"],
  ] as const)("%s", ([path, item]) => {
    expect(itemOf(path)).toBe(item);
  });

  test.for(['["metadata"]["name"]', '["spec"]["template"]["data"]["a"]', '["spec"]'])(
    "%s is none",
    (path) => {
      expect(() => itemOf(path)).toThrow(expect.objectContaining({ code: "PATH_INVALID" }));
    },
  );
});
