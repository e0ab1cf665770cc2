import { spawnSync } from "node:child_process";
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities, recipients } from "../support/identities.ts";
import { sealedVectorPath } from "../support/sealed.ts";

const root = join(import.meta.dirname, "..", "..");
const source = join(root, "src", "cli", "main.ts");
const bundle = join(root, "dist", "cli", "main.cjs");
const sealingCertificate = sealedVectorPath("rsa2048.crt.pem");
const sourceChunks = ["aws-kms", "gcp-kms", "azure-key-vault", "vault-transit", "pgp"];

let cwd: string;
beforeAll(() => {
  cwd = makeWorkspace();
  return () => removeFolder(cwd);
});

// Start-up is a promise (README, benchmark). It is guarded by what is loaded, never by a stopwatch.
describe("a command loads only the packages it uses", () => {
  test.for<[string[], string[]]>([
    [["--version"], []],
    [["version"], []],
    [["decrypt", "a.json"], []],
    [["decrypt", "a.yaml"], ["js-yaml"]],
    [["get", "a.yaml", '["data"]["a"]'], ["js-yaml"]],
    [["filestatus", "a.yaml"], ["js-yaml"]],
    [["apply", "--dry-run", "client", "secret.yaml"], ["js-yaml"]],
    [["keygen"], []],
    [
      ["encrypt", "plain.yaml"],
      ["js-yaml", "re2js", "yaml"],
    ],
    // The indentation that .sops.yaml asks for, which sops reads for this too.
    [
      ["sops", "decrypt", "a.yaml"],
      ["js-yaml", "re2js", "yaml"],
    ],
    [["kubeseal", "--cert", sealingCertificate, "-f", "secret.json"], []],
    [["kubeseal", "--cert", sealingCertificate, "-f", "secret.json", "-o", "yaml"], []],
    [["kubeseal", "--cert", sealingCertificate, "-f", "secret.yaml"], ["js-yaml"]],
    [["kubeseal", "--cert", sealingCertificate, "--raw", "--scope", "cluster-wide"], []],
    // Only what needs the namespace of a context reads the kubeconfig.
    [["kubeseal", "--cert", sealingCertificate, "--raw", "--name", "a", "-n", "b"], []],
    [["--help"], ["commander"]],
    [
      ["doctor", "a.yaml"],
      ["js-yaml", "re2js", "yaml"],
    ],
  ])("%o: %o", ([args, packages]) => {
    expect(packagesLoadedBy(args, cwd)).toEqual(packages);
  });

  test.for<[string[]]>([
    [["decrypt", "mixed.yaml"]],
    [["updatekeys", "--dry-run", "mixed.yaml"]],
    [["set", "mixed.yaml", '["data"]["b"]', "--generate", "password", "--dry-run"]],
  ])("%o: a file that also has keys of every cloud loads no SDK where an age key does", ([args]) => {
    const packages = packagesLoadedBy(args, cwd);
    expect(packages).toContain("js-yaml");
    expect(packages).toEqual(packages.filter((name) => ["js-yaml", "re2js", "yaml"].includes(name)));
  });

  test("sealing for a certificate at hand loads neither the reader of .sops.yaml nor anything for clusters", () => {
    const certificate = join(root, "test", "vectors", "sealed-secrets", "rsa2048.crt.pem");
    const json = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "a", namespace: "b" },
      data: { c: "" },
    };
    const yaml = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\ndata: {c: ''}\n";
    const folder = makeFolder({ "a.json": JSON.stringify(json), "a.yaml": yaml });
    onTestFinished(() => removeFolder(folder));

    expect(packagesLoadedBy(["seal", "--cert", certificate, "a.json"], folder)).toEqual([]);
    expect(packagesLoadedBy(["seal", "--cert", certificate, "a.yaml"], folder)).toEqual(["js-yaml"]);
    const into = [
      "seal",
      "--cert",
      certificate,
      "--into",
      "sealed.yaml",
      "--item",
      "d",
      "--generate",
      "uuid",
    ];
    packagesLoadedBy(["seal", "--cert", certificate, "a.yaml", "--out", "sealed.yaml"], folder);
    expect(packagesLoadedBy(into, folder)).toEqual(["js-yaml"]);
  });

  test("a pattern that is more than a list of words loads the engine for patterns", () => {
    expect(packagesLoadedBy(["decrypt", "pattern.yaml"], cwd)).toEqual(["js-yaml", "re2js"]);
  });
});

describe.skipIf(!existsSync(bundle))("the package's bundle", () => {
  test.for<[string[], string[]]>([
    [["--version"], ["main"]],
    [
      ["decrypt", "a.json"],
      ["kseal", "main", "rolldown-runtime"],
    ],
    [
      ["decrypt", "a.yaml"],
      ["kseal", "main", "rolldown-runtime", "yaml"],
    ],
    [
      ["kubeseal", "--cert", sealingCertificate, "-f", "secret.yaml"],
      ["kseal", "kubeseal", "main", "rolldown-runtime", "sealed", "yaml"],
    ],
  ])("%o loads the chunks %o", ([args, chunks]) => {
    expect(chunksLoadedBy(args, cwd)).toEqual(chunks);
  });

  test("seal without a .sops.yaml loads the chunks of its own", () => {
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "a", namespace: "b" } };
    const folder = makeFolder({ "a.yaml": JSON.stringify({ ...secret, data: { c: "" } }) });
    onTestFinished(() => removeFolder(folder));
    expect(chunksLoadedBy(["seal", "--cert", sealingCertificate, "a.yaml"], folder)).toEqual([
      ...["kseal", "main", "rolldown-runtime", "seal", "sealed", "yaml"],
    ]);
  });

  test.for<[string, Record<string, string>]>([
    ["aws-kms", { type: "kms", arn: "no ARN" }],
    ["gcp-kms", { type: "gcp_kms", resource_id: "no resource" }],
    ["azure-key-vault", { type: "azure_kv", vault_url: "https://127.0.0.1:1", name: "a", version: "b" }],
    [
      "vault-transit",
      { type: "hc_vault", vault_address: "https://127.0.0.1:1", engine_path: "a", key_name: "b" },
    ],
  ])("a key of the source %s loads no other source", ([source, { type = "", ...key }]) => {
    const { age, ...sops } = JSON.parse(readFileSync(join(cwd, "a.json"), "utf8")).sops;
    expect(age).toHaveLength(1);
    const entry = { ...key, enc: "AAAA", created_at: sops.lastmodified };
    writeFileSync(join(cwd, "source.json"), JSON.stringify({ a: "b", sops: { ...sops, [type]: [entry] } }));
    // Each is refused before anything is sent.
    const chunks = chunksLoadedBy(["decrypt", "source.json"], cwd, 128);
    expect(chunks.filter((name) => sourceChunks.includes(name))).toEqual([source]);
  });

  test("the chunks of every call hold no package but js-yaml, and of that neither schemas nor the writer", () => {
    const text = ["main", "kseal", "yaml"].map((name) => readFileSync(chunk(name), "utf8")).join("");
    expect(text).not.toMatch(/RE2JS|CommanderError|YAMLParseError|webcrypto|blowfish/i);
    expect(text).not.toMatch(/tag:yaml\.org,2002:(omap|binary|timestamp)"|u\{10ffff\}/i);
  });

  describe("keeps its compiled code", () => {
    beforeAll(() => {
      rmSync(join(cwd, "home", ".cache"), { recursive: true, force: true });
      run(bundle, ["decrypt", "a.yaml"], cwd);
    });
    const kept = () => globSync(join(cwd, "home", ".cache", "kseal", "*", "*"));

    test("one file a chunk, for each command, after the command has succeeded", () => {
      const names = kept().map((path) => basename(path).replace(/-[\w-]{8}\.cjs/, ""));
      expect(names.sort()).toEqual(["kseal-decrypt", "rolldown-runtime-decrypt", "yaml-decrypt"]);
      run(bundle, ["decrypt", "missing.yaml"], cwd, { status: 100 });
      expect(kept()).toHaveLength(3);
    });

    test("what was damaged is not run, and is written anew", () => {
      for (const path of kept()) {
        const intact = readFileSync(path);
        for (const damaged of [Buffer.alloc(0), intact.subarray(0, intact.length / 2), flipped(intact)]) {
          writeFileSync(path, damaged);
          expect(run(bundle, ["decrypt", "a.yaml"], cwd)).toContain("kind: Secret");
          expect(readFileSync(path).equals(damaged)).toBe(false);
        }
      }
    });

    test("what other versions kept goes a month after it was written, when something new is kept", () => {
      const cache = join(cwd, "home", ".cache", "kseal");
      const old = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000);
      const others = ["0.0.1-v24.15.0-x64", "0.0.2-rc.1-v24.15.0-arm64", "0.0.3-v24.15.0-x64", "notes"];
      for (const name of others) {
        mkdirSync(join(cache, name));
        writeFileSync(join(cache, name, "main.cjs-decrypt"), "");
        if (name !== "0.0.3-v24.15.0-x64") utimesSync(join(cache, name), old, old);
      }
      const left = () =>
        readdirSync(cache)
          .filter((name) => others.includes(name))
          .sort();
      run(bundle, ["decrypt", "a.yaml"], cwd);
      expect(left()).toEqual(others);
      run(bundle, ["filestatus", "a.yaml"], cwd);
      expect(left()).toEqual(["0.0.3-v24.15.0-x64", "notes"]);
    });

    test("a home that cannot be written to is no failure", () => {
      rmSync(join(cwd, "home", ".cache"), { recursive: true });
      writeFileSync(join(cwd, "home", ".cache"), "");
      expect(run(bundle, ["decrypt", "a.yaml"], cwd)).toContain("kind: Secret");
    });
  });
});

function chunk(name: string): string {
  const found = globSync(join(root, "dist", "cli", `${name}{,-????????}.cjs`));
  expect(found).toHaveLength(1);
  return found[0] ?? "";
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >> 1;
  copy[middle] = (copy[middle] ?? 0) ^ 0xff;
  return copy;
}

/** A folder with an identity, a configuration, a plain file and encrypted ones. */
function makeWorkspace(): string {
  const plain = "kind: Secret\ndata:\n  a: eA==\n";
  const age = recipients[0] ?? "";
  const rule = (path: string, pattern: string) =>
    `  - { path_regex: ${path}, encrypted_regex: ${pattern}, age: ${age} }\n`;
  const folder = makeFolder({
    "home/.config/sops/age/keys.txt": `${identities[0]}\n`,
    ".sops.yaml": `creation_rules:\n${rule("^pattern", "^da.a$")}${rule("yaml$|json$", "^(data|stringData)$")}`,
    "plain.yaml": plain,
    "a.yaml": plain,
    "pattern.yaml": plain,
    "a.json": JSON.stringify({ kind: "Secret", data: { a: "eA==" } }),
    "secret.json":
      '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","namespace":"b"},"data":{"a":"eA=="}}',
    "secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: { name: a, namespace: b }\ndata: { a: eA== }\n",
  });
  run(source, ["encrypt", "-i", "a.yaml", "a.json", "pattern.yaml"], folder);
  const encrypted = readFileSync(join(folder, "a.yaml"), "utf8");
  writeFileSync(join(folder, "mixed.yaml"), encrypted.replace(/^( +)(?=lastmodified:)/m, cloudKeys));
  return folder;
}

/** Entries of a `sops` block that nobody can open. */
const cloudKeys = [
  ...["kms:", `  - arn: arn:aws:kms:eu-west-1:111122223333:key/x`],
  ...["gcp_kms:", "  - resource_id: projects/a/locations/b/keyRings/c/cryptoKeys/d"],
  ...["azure_kv:", "  - vault_url: https://a.vault.azure.net", "    name: b", "    version: c"],
  ...["hc_vault:", "  - vault_address: https://a.example.com", "    engine_path: b", "    key_name: c"],
  ...["pgp:", "  - fp: FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4"],
]
  .flatMap((line) =>
    line.startsWith("  - ") ? [line, '    created_at: "2026-01-02T03:04:05Z"', "    enc: eA=="] : line,
  )
  .map((line) => `$1${line}\n`)
  .join("")
  .concat("$1");

function run(
  program: string,
  args: readonly string[],
  cwd: string,
  { nodeOptions = [], status = 0 }: { nodeOptions?: readonly string[]; status?: number } = {},
): string {
  const home = join(cwd, "home");
  const env = { PATH: process.env["PATH"], HOME: home, XDG_CONFIG_HOME: join(home, ".config") };
  const result = spawnSync(process.execPath, [...nodeOptions, program, ...args], {
    cwd,
    env,
    encoding: "utf8",
  });
  expect(result.status, result.stderr).toBe(status);
  return result.stdout + result.stderr;
}

function packagesLoadedBy(args: readonly string[], cwd: string): readonly string[] {
  const recorder = join(cwd, "recorder.mjs");
  writeFileSync(
    recorder,
    `import { registerHooks } from "node:module";
     const seen = new Set();
     registerHooks({ resolve(specifier, context, next) {
       const found = next(specifier, context);
       const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(found.url)?.[1];
       if (name !== undefined) seen.add(name);
       return found;
     } });
     process.on("exit", () => process.stderr.write("\\nloaded:" + JSON.stringify([...seen].sort())));`,
  );
  return loaded(run(source, args, cwd, { nodeOptions: ["--import", recorder] }));
}

function chunksLoadedBy(args: readonly string[], cwd: string, status = 0): readonly string[] {
  const recorder = join(cwd, "recorder.cjs");
  writeFileSync(
    recorder,
    `const { basename } = require("node:path");
     process.on("exit", () => {
       const names = Object.keys(require.cache).map((path) => basename(path).replace(/(-[\\w-]{8})?\\.cjs$/, ""));
       process.stderr.write("\\nloaded:" + JSON.stringify(names.filter((name) => name !== "recorder").sort()));
     });`,
  );
  return loaded(run(bundle, args, cwd, { nodeOptions: ["--require", recorder], status }));
}

function loaded(text: string): readonly string[] {
  return JSON.parse(/loaded:(\[.*\])/.exec(text)?.[1] ?? "null");
}
