import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { exportToFolder, keepExported } from "../../src/ops/export.ts";
import { printValues } from "../../src/ops/export-print.ts";
import { type ValueOptions, valuesOf } from "../../src/ops/export-values.ts";
import { sealFiles } from "../../src/ops/seal.ts";
import { identities } from "../support/identities.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { sealedVector } from "../support/sealed.ts";
import { createTestHost } from "../support/test-host.ts";
import { encrypted, failureOf, inPlace, type Workbench, workbench } from "./workbench.ts";

const pem = sealedVector("rsa2048.crt.pem");
const secretOf = (name: string, password: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}, namespace: shop}\ndata: {tls.key: /wA=}\nstringData: {password: ${password}}\n`;

const all = { sealingKeys: [], items: [] };
const values = async (options: Partial<ValueOptions> & Pick<ValueOptions, "paths">, { context }: Workbench) =>
  Object.fromEntries(
    [...(await valuesOf({ ...all, ...options }, context))].map(([name, bytes]) => [
      name,
      Buffer.from(bytes).toString("latin1"),
    ]),
  );

describe("the values of a file", () => {
  test("are the items of its Secret, decoded", async () => {
    const desk = await encrypted(secretOf("db", "hunter2"));
    expect(await values({ paths: ["a.yaml"] }, desk)).toEqual({ password: "hunter2", "tls.key": "\u{ff}\0" });
    expect(await values({ paths: ["a.yaml"], items: ["password"] }, desk)).toEqual({ password: "hunter2" });
    expect(await failureOf(values({ paths: ["a.yaml"], items: ["user"] }, desk))).toMatchObject({
      code: "NOT_FOUND",
      message: 'there is no value "user"',
    });
  });

  test("are those of a SealedSecret, with its keys", async () => {
    const desk = await workbench({
      "cluster.pem": pem,
      "keys.pem": sealedVector("rsa2048.key.pem") + pem,
      "s/db.yaml": secretOf("db", "hunter2"),
      "s/web.yaml": secretOf("web", "other"),
    });
    await sealFiles({ paths: ["s"], cert: "cluster.pem", destination: inPlace }, desk.context);
    const options = { paths: ["s"], sealingKeys: ["keys.pem"] };
    expect(await failureOf(values(options, desk))).toMatchObject({
      code: "USAGE",
      message: 'two values are called "password", in s/db.yaml and in s/web.yaml',
    });
    expect(await values({ ...options, object: "shop/web", items: ["password"] }, desk)).toEqual({
      password: "other",
    });
    expect(await failureOf(values({ ...options, object: "no" }, desk))).toMatchObject({
      code: "NOT_FOUND",
      message: 'there is no SealedSecret "no"',
    });
  });

  test("are what stands at the top of any other, and a binary file is one", async () => {
    const desk = await encrypted({
      "app.env": "USER=admin\nPORT=8080\n",
      "b.json": '{"token": "x", "on": true}',
      "cert.p12": "\0binary",
      "deep.yaml": "a: {b: c}\n",
    });
    const paths = ["app.env", "b.json", "cert.p12"];
    expect(await values({ paths }, desk)).toEqual({
      USER: "admin",
      PORT: "8080",
      token: "x",
      on: "true",
      "cert.p12": "\0binary",
    });
    expect(await failureOf(values({ paths: ["deep.yaml"] }, desk))).toMatchObject({
      code: "FORMAT_CANNOT_HOLD",
    });
  });

  test("in clear are refused: nobody meant to have them in a file", async () => {
    const desk = await workbench({ "a.yaml": secretOf("db", "hunter2") });
    expect(await failureOf(values({ paths: ["a.yaml"] }, desk))).toMatchObject({ code: "NOT_ENCRYPTED" });
  });
});

describe("values as text", () => {
  const print = (entries: Record<string, string | Uint8Array>, format: "env" | "shell" | "dotenv" | "json") =>
    new TextDecoder().decode(
      printValues(
        new Map(
          Object.entries(entries).map(([name, value]) => [
            name,
            typeof value === "string" ? new TextEncoder().encode(value) : value,
          ]),
        ),
        format,
      ),
    );

  test("in each format", () => {
    const entries = { A: "plain", B: "it's $HOME", C: "" };
    expect(print(entries, "env")).toBe("A=plain\nB=it's $HOME\nC=\n");
    expect(print(entries, "shell")).toBe("export A='plain'\nexport B='it'\\''s $HOME'\nexport C=''\n");
    expect(print({ ...entries, B: "it's" }, "dotenv")).toBe("A=plain\nB=\"it's\"\nC=''\n");
    expect(print(entries, "json")).toBe('{\n  "A": "plain",\n  "B": "it\'s $HOME",\n  "C": ""\n}\n');
  });

  test.for<[Record<string, string | Uint8Array>, "env" | "shell" | "dotenv" | "json", string]>([
    [{ A: "a\nb" }, "env", "a value of several lines"],
    [{ "tls.key": "a" }, "shell", "a name with other characters than letters, digits and _"],
    [{ "A; rm": "a" }, "env", "a name with other characters than letters, digits and _"],
    [{ A: new Uint8Array([0xff]) }, "json", "bytes that are no text"],
    [{ A: "a\0b" }, "shell", "a NUL"],
    [{ A: 'it\'s "x"' }, "dotenv", "a value that its readers would read differently (quotes, backslashes)"],
  ])("of some kinds are refused: %#", async ([entries, format, what]) => {
    const [name] = Object.keys(entries);
    expect(await failureOf(Promise.resolve().then(() => print(entries, format)))).toMatchObject({
      code: "FORMAT_CANNOT_HOLD",
      message: `the value ${JSON.stringify(name)}: ${format} has no place for ${what}`,
    });
  });

  const text = fc.string({
    unit: fc.constantFrom("a", "'", '"', "\\", "$", "`", "#", " ", "\n", "=", "!", "é", "*"),
  });

  test("for a shell come back as they were, whatever is in them", () => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (texts) => {
        const lines = print(Object.fromEntries(texts.map((one, at) => [`V${at}`, one])), "shell");
        const printed = spawnSync("sh", [
          "-c",
          `${lines}\nprintf '%s\\0' ${texts.map((_, at) => `"$V${at}"`).join(" ")}`,
        ]);
        expect(printed.stdout.toString("utf8").split("\0").slice(0, -1)).toEqual(texts);
      }),
      { numRuns: 20 },
    );
  });

  test("for dotenv come back as they were in Node, or are refused", () => {
    fc.assert(
      fc.property(text, (one) => {
        let line: string;
        try {
          line = print({ A: one }, "dotenv");
        } catch {
          expect(one).toMatch(/['\\]/);
          return;
        }
        expect(parseEnv(line)).toEqual({ A: one });
        const { stdout } = spawnSync("sh", ["-c", `eval "$(cat)"; printf %s "$A"; printf x`], {
          input: line,
        });
        if (!line.startsWith('A="') && !/[\n]/.test(one)) expect(stdout.toString("utf8")).toBe(`${one}x`);
      }),
      { numRuns: 60 },
    );
  });

  test("stay away from a terminal unless they are to be shown", async () => {
    const desk = await encrypted({ "app.env": "USER=admin\n" });
    const host = await createTestHost({
      files: { "app.env": await desk.read("app.env") },
      env: { SOPS_AGE_KEY: identities[0] },
      stdoutIsTerminal: true,
    });
    expect(await run(["export", "-o", "env", "app.env"], host)).toBe(3);
    expect(host.stderrText()).toBe(
      "kseal: values are not printed on a terminal\n  send them to the program that needs them, or add --reveal\n",
    );
    expect(await run(["export", "-o", "env", "--reveal", "app.env"], host)).toBe(0);
    expect(host.stdoutText()).toBe("USER=admin\n");
  });

  test.for<[string[], string]>([
    [[], "nothing says where the values go"],
    [["-o", "text"], "nothing says where the values go"],
    [["-o", "env", "--out", "f"], "--out writes one file for each value, and -o env prints them"],
    [["-o", "env", "--refresh", "5m"], "--refresh needs a folder: --out FOLDER"],
    [["--out", "f", "--remove-at-end"], "--remove-at-end is for --refresh"],
    [["--out", "f", "--refresh", "0s"], '"0s" is no interval'],
    [["--out", "f", "--mode", "9"], '"9" is no mode'],
    [["--out", "f", "--mode", "644"], "the mode 644 is none for a file of secrets"],
  ])("%o: %s", async ([args, message]) => {
    const host = await createTestHost({ files: { "app.env": "" } });
    expect(await run(["export", ...args, "app.env"], host)).toBe(8);
    expect(host.stderrText().split("\n")[0]).toBe(`kseal: ${message}`);
  });
});

/** A folder in memory, that is gone after the test. */
function inMemory(): string {
  const folder = mkdtempSync("/dev/shm/kseal-export-");
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const hasMemory = process.platform === "linux" && existsSync("/dev/shm");

describe.skipIf(!hasMemory)("values as files", () => {
  const options = { ...all, paths: ["a.yaml"], mode: 0o400 };

  test("lie as the kubelet lays them, and only their owner reads them", async () => {
    const folder = join(inMemory(), "secrets");
    const { context } = await encrypted(secretOf("db", "hunter2"));
    expect(await exportToFolder({ ...options, folder }, context)).toEqual({
      names: ["tls.key", "password"],
      changed: true,
    });

    const [dated = "", ...rest] = readdirSync(folder).sort();
    expect(dated).toMatch(/^\.\.20\d\d-\d\d-\d\dT\d\d-\d\d-\d\d\./);
    expect(rest).toEqual(["..data", "password", "tls.key"]);
    expect(readlinkSync(join(folder, "..data"))).toBe(dated);
    expect(readlinkSync(join(folder, "password"))).toBe("..data/password");
    expect(readFileSync(join(folder, "password"), "utf8")).toBe("hunter2");
    expect(readFileSync(join(folder, "tls.key"))).toEqual(Buffer.from([0xff, 0]));
    const modes = [folder, join(folder, "..data"), join(folder, "password")].map(
      (path) => statSync(path).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o700, 0o400]);
    // Nothing changes when nothing changed.
    expect(await exportToFolder({ ...options, folder }, context)).toMatchObject({ changed: false });
    expect(readlinkSync(join(folder, "..data"))).toBe(dated);
  });

  test("are switched at once; what is gone goes, and what others put there stays", async () => {
    const folder = inMemory();
    const { context } = await encrypted(secretOf("db", "hunter2"));
    mkdirSync(join(folder, "..2020-01-01T00-00-00.killed"));
    writeFileSync(join(folder, "other"), "");
    await exportToFolder({ ...options, folder }, context);
    await exportToFolder({ ...options, folder, items: ["password"], mode: 0o440 }, context);
    expect(readdirSync(folder).filter((name) => !name.startsWith("..20"))).toEqual([
      "..data",
      "other",
      "password",
    ]);
    expect(readdirSync(folder).filter((name) => name.startsWith("..20"))).toEqual([
      readlinkSync(join(folder, "..data")),
    ]);
    expect(statSync(join(folder, "password")).mode & 0o777).toBe(0o440);
    expect(statSync(join(folder, "..data")).mode & 0o777).toBe(0o750);
  });

  test.skipIf(process.getuid?.() !== 0)("belong to whom they are for", async () => {
    const folder = join(inMemory(), "secrets");
    const { context } = await encrypted(secretOf("db", "hunter2"));
    await exportToFolder({ ...options, folder, owner: "65532:65531" }, context);
    for (const path of [folder, join(folder, "..data"), join(folder, "password")]) {
      expect(statSync(path)).toMatchObject({ uid: 65532, gid: 65531 });
    }
    expect(
      await failureOf(exportToFolder({ ...options, folder, owner: "nobody-here" }, context)),
    ).toMatchObject({
      code: "USAGE",
    });
  });

  test("are refused on a disk, over the file of somebody else, and under a name that leads elsewhere", async () => {
    const folder = inMemory();
    const { context, host } = await encrypted({
      "a.yaml": secretOf("db", "hunter2"),
      "b.json": '{"../x": "y"}',
    });
    expect(await failureOf(exportToFolder({ ...options, folder: "plain" }, context))).toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: "plain does not lie in memory, and what a disk held can be read again",
      hint: expect.stringContaining("kseal export --allow-disk --out plain"),
    });
    expect(await host.stat("plain")).toBeUndefined();
    expect(await exportToFolder({ ...options, folder: "plain", allowDisk: true }, context)).toMatchObject({
      changed: true,
    });

    writeFileSync(join(folder, "password"), "mine");
    expect(await failureOf(exportToFolder({ ...options, folder }, context))).toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: `${join(folder, "password")} exists already, and is not from kseal export`,
    });
    expect(readFileSync(join(folder, "password"), "utf8")).toBe("mine");
    symlinkSync("/etc/passwd", join(folder, "tls.key"));
    expect((await failureOf(exportToFolder({ ...options, items: ["tls.key"], folder }, context))).code).toBe(
      "OUTPUT_UNWRITABLE",
    );
    expect(await failureOf(exportToFolder({ ...options, paths: ["b.json"], folder }, context))).toMatchObject(
      {
        code: "FORMAT_CANNOT_HOLD",
        message: 'the value "../x" cannot be the name of a file',
      },
    );
  });

  test("a reader never sees old and new values together", async () => {
    const folder = inMemory();
    const { host } = await workbench({});
    const target = await host.openValueFolder(folder, { mode: 0o400 });
    const write = (text: string) =>
      target.replace(new Map(["a", "b"].map((name) => [name, Buffer.from(text)])));
    write("0");
    // Opens the folder once, as a program does that holds it open, and reads both below it.
    const reader = spawn(process.execPath, [
      "-e",
      `const { readFileSync, realpathSync } = require("node:fs");
       const data = process.argv[1] + "/..data";
       let seen = new Set();
       for (const end = Date.now() + 600; Date.now() < end; ) {
         let pair;
         try { const folder = realpathSync(data); pair = [readFileSync(folder + "/a", "utf8"), readFileSync(folder + "/b", "utf8")]; }
         catch (error) { if (error.code === "ENOENT") continue; throw error; }
         if (pair[0] !== pair[1]) { console.log("mixed", pair); process.exit(1); }
         seen.add(pair[0]);
       }
       console.log(seen.size);`,
      folder,
    ]);
    let printed = "";
    reader.stdout.on("data", (chunk) => {
      printed += chunk;
    });
    const ended = once(reader, "exit");
    for (let round = 1; reader.exitCode === null; round += 1) {
      write(String(round));
      await new Promise(setImmediate);
    }
    expect((await ended)[0], printed).toBe(0);
    expect(Number(printed)).toBeGreaterThan(5);
  });

  test("are written again when the source changes, and stay as they are when that fails", async () => {
    const folder = inMemory();
    const desk = await encrypted(secretOf("db", "one"));
    const stop = new AbortController();
    const written: string[] = [];
    const password = () => readFileSync(join(folder, "password"), "utf8");
    const done = keepExported(
      {
        ...options,
        folder,
        interval: 30,
        removeAtEnd: true,
        onWritten: () => written.push(password()),
        fresh: () => desk.again(),
      },
      { ...desk.context, signal: stop.signal },
    );
    await expect.poll(() => written).toEqual(["one"]);

    await desk.write("a.yaml", "not encrypted: yes\n");
    await expect.poll(() => desk.log.join("\n")).toContain("stay as they are");
    expect(password()).toBe("one");

    await desk.write("next.yaml", secretOf("db", "two"));
    await encryptFiles({ paths: ["next.yaml"], destination: inPlace }, desk.context);
    await desk.write("a.yaml", await desk.read("next.yaml"));
    await expect.poll(() => written).toEqual(["one", "two"]);
    stop.abort();
    await done;
    expect(readdirSync(folder)).toEqual([]);
  });

  test("are gone when a signal ends kseal, if that was asked for", async () => {
    const folder = inMemory();
    const desk = await encrypted(secretOf("db", "hunter2"));
    const [program, ...words] = ksealCommand();
    const start = async (...more: string[]) => {
      const child = spawn(
        program,
        [...words, "export", "--out", folder, "--refresh", "1h", ...more, "a.yaml"],
        {
          cwd: desk.host.cwd,
          env: { SOPS_AGE_KEY: identities[0], HOME: desk.host.homeDir },
          stdio: ["ignore", "ignore", "pipe"],
        },
      );
      const [said] = await once(child.stderr, "data");
      expect(String(said)).toBe(`kseal: wrote 2 values to ${folder}\n`);
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      return (await ended)[1];
    };
    expect(await start("--remove-at-end")).toBe("SIGTERM");
    expect(readdirSync(folder)).toEqual([]);
    expect(await start()).toBe("SIGTERM");
    expect(lstatSync(join(folder, "password")).isSymbolicLink()).toBe(true);
  });
});
