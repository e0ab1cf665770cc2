import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ageIdentityFile, sealFiles } from "../support/encrypted-folder.ts";
import { makeFolder, readFolder, removeFolder } from "../support/folders.ts";
import { addLegacyPlugin, build, pluginFolder } from "../support/kustomize.ts";
import { peer } from "../support/peers.ts";

/* kseal as a plugin of the real Kustomize, newest and 5.5, and of kubectl. */

const newest = peer("kustomize", "5.8.1");
const older = peer("kustomize", "5.5.0");
const kubectl = peer("kubectl");
const flags = ["--enable-alpha-plugins", "--enable-exec"];
const vectors = join(import.meta.dirname, "..", "vectors", "ksops-4.5.1");

let place = "";
let env: Record<string, string> = {};
beforeAll(() => {
  place = makeFolder({ "home/x": "", "tmp/x": "" });
  const home = join(place, "plugins");
  addLegacyPlugin(home, "viaduct.ai/v1", "ksops", "ksops");
  for (const kind of ["SecretGenerator", "SecretValidator"]) {
    addLegacyPlugin(home, "kseal.dev/v1alpha1", kind, "kseal");
  }
  env = {
    HOME: join(place, "home"),
    TMPDIR: join(place, "tmp"),
    PATH: `${pluginFolder(join(place, "bin"))}:${process.env["PATH"] ?? ""}`,
    KUSTOMIZE_PLUGIN_HOME: home,
  };
});
afterAll(() => removeFolder(place));

const planted = ["planted-password-4471", "planted-token-9921"];

/** No planted value but in what was asked for. */
function expectNoTraces(stderr: string): void {
  const left = [...readFolder(join(place, "tmp")), ...readFolder(join(place, "home"))];
  for (const value of planted) {
    const encoded = Buffer.from(value).toString("base64");
    for (const text of [value, encoded, encoded.replace(/=+$/, "")]) {
      expect(stderr).not.toContain(text);
      expect(left.filter(([, content]) => content.includes(text)).map(([path]) => path)).toEqual([]);
    }
  }
}

describe.skipIf(!newest || !older)("builds that were recorded with the real KSOPS", () => {
  /** What is not only about one file: hashes, behaviours, bases, prefixes, several generators, order. */
  const names = [
    "unicode-values",
    "generator-in-base",
    "two-generators",
    "needs-hash-data",
    "behavior-merge",
    "behavior-create-exists",
    "prefix-namespace-labels",
    "secretfrom-several",
    "missing-file",
  ];

  test.for(names)("%s, as a KRM function", async (name) => {
    const cwd = join(vectors, name, "input");
    const { status, stdout } = await recorded([newest ?? "", "build", ...flags, "."], cwd);
    expect({ status, stdout }).toEqual(recordedBuild(name, "build"));
  });

  test.for(names.slice(-5))("%s, as a legacy plugin of Kustomize 5.5", async (name) => {
    const folder = join(place, `legacy-${name}`);
    cpSync(join(vectors, name, "input"), folder, { recursive: true });
    cpSync(join(vectors, name, "legacy"), folder, { recursive: true });
    const { status, stdout } = await recorded([older ?? "", "build", "--enable-alpha-plugins", "."], folder);
    expect({ status, stdout }).toEqual(recordedBuild(name, "build-legacy"));
  });

  test("without --enable-exec the build is quiet and has no Secret: nobody called kseal", async () => {
    const cwd = join(vectors, "flag-missing-exec", "input");
    const { status, stdout, stderr } = await recorded(
      [newest ?? "", "build", "--enable-alpha-plugins", "."],
      cwd,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(readFileSync(join(vectors, "flag-missing-exec", "build.yaml"), "utf8"));
  });

  function recorded(command: readonly [string, ...string[]], cwd: string): ReturnType<typeof build> {
    return build(command, { cwd, env: { ...env, SOPS_AGE_KEY_FILE: join(vectors, "keys.txt") } });
  }

  function recordedBuild(name: string, run: string): { status: number; stdout: string } {
    const exit = join(vectors, name, "exit");
    const found = existsSync(exit)
      ? new RegExp(`^${run} (\\d+)$`, "m").exec(readFileSync(exit, "utf8"))
      : null;
    return {
      status: Number(found?.[1] ?? 0),
      stdout: readFileSync(join(vectors, name, `${run}.yaml`), "utf8"),
    };
  }
});

const generator = (body: string): string => `apiVersion: kseal.dev/v1alpha1
kind: SecretGenerator
metadata:
  name: shop
  annotations:
    config.kubernetes.io/function: |
      exec:
        path: kseal
${body}`;

const manifest = `apiVersion: v1
kind: Secret
metadata:
  name: db
stringData:
  password: ${planted[0]}
`;

describe.skipIf(!newest || !older)("kseal's own generator", () => {
  let folder = "";
  beforeAll(async () => {
    folder = join(place, "own");
    await sealFiles(folder, {
      "db.yaml": manifest,
      "app.env": `TOKEN=${planted[1]}\nPLAIN=$HOME\n`,
      "blob.bin": "\0\x01",
    });
    env["SOPS_AGE_KEY_FILE"] = ageIdentityFile(folder);
  });

  const secrets = generator(`files:
  - db.yaml
secretFrom:
  - metadata:
      name: app
    needsHash: true
    envs: [app.env]
    files: [blob.bin, key=blob.bin]
    literals: [LEVEL=info]
`);

  const expected = `apiVersion: v1
data:
  LEVEL: aW5mbw==
  PLAIN: JEhPTUU=
  TOKEN: ${Buffer.from(planted[1] ?? "").toString("base64")}
  blob.bin: AAE=
  key: AAE=
kind: Secret
metadata:
  name: eu-app-HASH
  namespace: shop
type: Opaque
---
apiVersion: v1
data:
  password: ${Buffer.from(planted[0] ?? "").toString("base64")}
kind: Secret
metadata:
  name: eu-db
  namespace: shop
type: Opaque
`;

  function write(generatorText: string, kustomization = ""): void {
    writeFileSync(join(folder, "generator.yaml"), generatorText);
    writeFileSync(
      join(folder, "kustomization.yaml"),
      kustomization || "namePrefix: eu-\nnamespace: shop\ngenerators: [generator.yaml]\n",
    );
  }

  function withoutHash(text: string): string {
    return text.replace(/eu-app-[a-z0-9]{10}$/m, "eu-app-HASH");
  }

  test.for(["5.8.1", "5.5.0"])("gives data and type, as a function of Kustomize %s", async (version) => {
    write(secrets);
    const { status, stdout, stderr } = await build(
      [peer("kustomize", version) ?? "", "build", ...flags, "."],
      { cwd: folder, env },
    );
    expect({ status, stderr, stdout: withoutHash(stdout) }).toEqual({
      status: 0,
      stderr: "",
      stdout: expected,
    });
    expectNoTraces(stderr);
  });

  test.skipIf(!kubectl)(
    "gives the same as a legacy plugin of kubectl, which has no --enable-exec",
    async () => {
      write(secrets.replace(/ {2}annotations:\n(?: {4}.*\n)+/, ""));
      const { status, stdout, stderr } = await build(
        [kubectl ?? "", "kustomize", "--enable-alpha-plugins", "."],
        { cwd: folder, env },
      );
      expect({ status, stderr, stdout: withoutHash(stdout) }).toEqual({
        status: 0,
        stderr: "",
        stdout: expected,
      });
      expectNoTraces(stderr);
    },
  );

  test("a Secret of the base keeps its type and values when one is merged into it", async () => {
    write(
      generator(`secretFrom:
  - metadata: {name: app}
    behavior: merge
    type: example.com/app
    literals: [LEVEL=info]
`),
      "resources: [base.yaml]\ngenerators: [generator.yaml]\n",
    );
    writeFileSync(
      join(folder, "base.yaml"),
      "apiVersion: v1\nkind: Secret\nmetadata: {name: app}\ntype: example.com/app\ndata: {OLD: b2xk}\n",
    );
    const { stdout, status } = await build([newest ?? "", "build", ...flags, "."], { cwd: folder, env });
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout:
        "apiVersion: v1\ndata:\n  LEVEL: aW5mbw==\n  OLD: b2xk\nkind: Secret\nmetadata:\n  name: app\ntype: example.com/app\n",
    });
  });

  test("as a transformer it adds its Secrets and keeps everything else", async () => {
    write(secrets, "resources: [map.yaml]\ntransformers: [generator.yaml]\n");
    writeFileSync(
      join(folder, "map.yaml"),
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n",
    );
    const { stdout, status, stderr } = await build([newest ?? "", "build", ...flags, "."], {
      cwd: folder,
      env,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.match(/^ {2}name: .*$/gm)).toEqual(["  name: settings", "  name: app", "  name: db"]);
    expect(stdout).toContain("data:\n  a: b\n");
  });

  // Under `validators:` Kustomize refuses every function that answers at all: it annotates the resources itself before it
  // compares, and then prints them.
  test.for(["a function", "a legacy plugin"])("as %s a validator refuses a Secret in clear", async (how) => {
    const own = generator("").replace("SecretGenerator", "SecretValidator");
    const validator = how === "a function" ? own : own.replace(/ {2}annotations:\n(?: {4}.*\n)+/, "");
    const kustomization = `resources: [base.yaml]\ntransformers: [generator.yaml]\n`;
    const clear = `apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\nstringData:\n  p: ${planted[0]}\n`;
    writeFileSync(join(folder, "base.yaml"), clear);
    write(validator, kustomization);
    const refused = await build([newest ?? "", "build", ...flags, "."], { cwd: folder, env });
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toContain("kseal: the Secret app is in this build with its values\n");
    expectNoTraces(refused.stderr);
    write(`${validator}allow: [app]\n`, kustomization);
    const allowed = await build([newest ?? "", "build", ...flags, "."], { cwd: folder, env });
    expect(allowed).toEqual({ status: 0, stdout: clear, stderr: "" });
  });

  test("half of the files undecryptable: nothing comes out, and every problem has its line", async () => {
    writeFileSync(
      join(folder, "broken.yaml"),
      readFileSync(join(folder, "db.yaml"), "utf8").replace(/(password: ENC\[AES256_GCM,data:)./, "$1_"),
    );
    symlinkSync("/etc/hostname", join(folder, "link.yaml"));
    mkdirSync(join(place, "outside"), { recursive: true });
    write(
      generator("files: [db.yaml, broken.yaml, gone.yaml, link.yaml, ../outside/x.yaml, /etc/hostname]\n"),
    );
    const { status, stdout, stderr } = await build([newest ?? "", "build", ...flags, "."], {
      cwd: folder,
      env,
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.split("\n").filter((line) => line.startsWith("kseal: "))).toEqual([
      expect.stringMatching(/^kseal: broken\.yaml \["stringData"\]\["password"\]: /),
      "kseal: gone.yaml: no such file",
      "kseal: link.yaml: the path leads out of the kustomization",
      "kseal: ../outside/x.yaml: the path leads out of the kustomization",
      "kseal: /etc/hostname: the path leads out of the kustomization",
    ]);
    expectNoTraces(stderr);
  });

  test("KSEAL_PLACEHOLDER=1 shows the structure without a key", async () => {
    write(secrets);
    const keyless = { ...env, KSEAL_PLACEHOLDER: "1", SOPS_AGE_KEY_FILE: "" };
    const { status, stdout, stderr } = await build([newest ?? "", "build", ...flags, "."], {
      cwd: folder,
      env: keyless,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain('    kseal.dev/placeholder: "true"\n');
    expect(stdout.match(/^ {2}(?:TOKEN|password|blob.bin): (.*)$/gm)).toEqual(
      ["TOKEN", "blob.bin", "password"].map(
        (key) => `  ${key}: ${Buffer.from("KSEAL_PLACEHOLDER").toString("base64")}`,
      ),
    );
  });

  test("builds at the same time do not meet", async () => {
    write(secrets);
    const builds = Array.from({ length: 4 }, () =>
      build([newest ?? "", "build", ...flags, "."], { cwd: folder, env }),
    );
    const texts = new Set((await Promise.all(builds)).map(({ stdout }) => withoutHash(stdout)));
    expect([...texts]).toEqual([expected]);
  });

  test("in a container it opens what stands in its document, where there are no files", async () => {
    const db = readFileSync(join(folder, "db.yaml"), "utf8");
    const inline = `inline:\n  - |\n${db.replace(/^(?=.)/gm, "    ")}`;
    write(generator(inline).replace(/exec:\n +path: kseal/, "container:\n        image: example.com/kseal"));
    // What Kustomize calls, in the place of the container.
    const docker = join(place, "docker");
    mkdirSync(docker, { recursive: true });
    cpSync(join(place, "bin", "kseal"), join(docker, "kseal"));
    writeFileSync(join(docker, "docker"), `#!/bin/sh\ncd / && exec '${join(docker, "kseal")}'\n`, {
      mode: 0o755,
    });
    const { status, stdout, stderr } = await build([newest ?? "", "build", "--enable-alpha-plugins", "."], {
      cwd: folder,
      env: { ...env, PATH: `${docker}:${env["PATH"]}` },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(`  password: ${Buffer.from(planted[0] ?? "").toString("base64")}\n`);
  });

  test("500 files in one generator", async () => {
    const many = join(folder, "many");
    mkdirSync(many, { recursive: true });
    const text = readFileSync(join(folder, "db.yaml"));
    const names = Array.from({ length: 500 }, (_, at) => `many/${at}.yaml`);
    for (const name of names) writeFileSync(join(folder, name), text);
    write(generator(`files:\n${names.map((name) => `  - ${name}\n`).join("")}`));
    const { status, stderr } = await build([newest ?? "", "build", ...flags, "."], { cwd: folder, env });
    // All have one name, which only Kustomize minds: every file was opened by then.
    expect(status).toBe(1);
    expect(stderr).toContain("may not add resource with an already registered id");
    expect(readdirSync(many)).toHaveLength(500);
  });
});
