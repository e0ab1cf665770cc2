import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { kustomize, objectsOf, ofKind } from "../support/install.ts";
import { runProgram } from "../support/run-program.ts";

const root = join(import.meta.dirname, "..", "..");
const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
/** What packages look for, and do without. */
const extras = ["@aws-sdk/signature-v4-crt", "@aws-sdk/signature-v4a", "kerberos", "supports-color"];
const stages = dockerfile.split(/^(?=FROM )/m);
const [build = "", compiled = "", image = ""] = [stages[1], stages.at(-2), stages.at(-1)];
const wordsOf = (instruction: string): readonly string[] =>
  JSON.parse(new RegExp(`^${instruction} (.*\\.cjs.*)$`, "m").exec(dockerfile)?.[1] ?? "[]");

describe("the bundle of the controller, which is all of the image but Node", () => {
  const folder = makeFolder({ "empty/.keep": "" });
  const bundle = join(folder, "bundle");
  beforeAll(async () => {
    const rolldown = join(root, "node_modules", ".bin", "rolldown");
    const config = ["-c", "rolldown.controller.config.js", "-d", bundle];
    const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
    const { status, stderr } = await runProgram([process.execPath, rolldown, ...config], { cwd: root, env });
    expect(status, stderr).toBe(0);
    return () => removeFolder(folder);
  });

  const run = async (...args: readonly string[]) => {
    const command = [process.execPath, join(bundle, "main.cjs"), ...args] as const;
    const { status, stdout, stderr } = await runProgram(command, { cwd: join(folder, "empty"), env: {} });
    return { status, stdout: stdout.toString(), stderr };
  };

  test("runs where nothing else is", async () => {
    expect(await run("--version")).toEqual({
      status: 0,
      stdout: `controller version: ${version}\n`,
      stderr: "",
    });
    expect(await run("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("--key-size") });
  });

  test("S27: says in one line what is wrong", async () => {
    const { status, stdout, stderr } = await run("--key-size", "12");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(/^error: --key-size is no whole number from 2048 to 16384.*\n$/);
  });

  test("starts from the code that was compiled where the image was made", async () => {
    const [, ...compile] = wordsOf("RUN");
    const [, ...flags] = wordsOf("ENTRYPOINT");
    const told = join(folder, "told.cjs");
    // V8 says of each piece of code whether it took it.
    writeFileSync(
      told,
      `const vm = require("node:vm");
       vm.Script = class extends vm.Script {
         constructor(text, options) {
           super(text, options);
           console.error(options.filename, this.cachedDataRejected);
         }
       };`,
    );
    const start = async (): Promise<readonly string[]> => {
      const command = [process.execPath, "--require", told, ...flags, "--version"] as const;
      const { status, stderr } = await runProgram(command, { cwd: bundle, env: {} });
      expect(status, stderr).toBe(0);
      return stderr.trim().split("\n").toSorted();
    };
    const taken = (text: string) =>
      ["basics", "controller", "rolldown-runtime"].map((name) =>
        expect.stringMatching(new RegExp(`/${name}-.*\\.cjs ${text}$`)),
      );
    const before = readdirSync(bundle);
    expect(await start()).toEqual(taken("undefined"));

    const { status, stderr } = await runProgram([process.execPath, ...compile], { cwd: bundle, env: {} });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(await start()).toEqual(taken("false"));
    const code = readdirSync(bundle).filter((name) => !before.includes(name));
    expect(code).toHaveLength(3);
    for (const name of code) expect(name).toMatch(/\.cjs\.v24\.\d+\.\d+-\w+$/);

    for (const name of code)
      writeFileSync(join(bundle, name), readFileSync(join(bundle, name)).fill(0, 0, 16));
    expect(await start()).toEqual(taken("true"));
    for (const name of code) rmSync(join(bundle, name));
  });

  test("needs no package", () => {
    const files = readdirSync(bundle).filter((name) => name.endsWith(".cjs"));
    const needed = files.flatMap((name) => {
      const text = readFileSync(join(bundle, name), "utf8");
      return [...text.matchAll(/\b(?:require|import)\([`"']([^`"']+)[`"']\)/g)].map(
        ([, module]) => module ?? "",
      );
    });
    const isThere = (module: string) =>
      module.startsWith("node:") ||
      builtinModules.includes(module) ||
      (module.startsWith("./") && files.includes(module.slice(2)));
    expect(files).toContain("main.cjs");
    expect(needed.length).toBeGreaterThan(10);
    const missing = new Set(needed.filter((module) => !isThere(module)));
    expect([...missing].toSorted()).toEqual(extras);
  });
});

describe("the Dockerfile", () => {
  test("copies what the build needs, and nothing that tells where it was built", () => {
    const copied = [...build.matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, names = ""]) => names.split(" "));
    const let_ = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
    expect(copied).toEqual([
      "package.json",
      "package-lock.json",
      "rolldown.controller.config.js",
      "src",
      "controller",
    ]);
    for (const name of copied) expect(let_).toContain(`!${name}`);
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(scripts["build:controller"]).toBe("rolldown -c rolldown.controller.config.js");
  });

  test("makes an image with the bundle alone, which nobody but root can change and root does not run", async () => {
    expect(image.match(/^COPY .*$/gm)).toEqual(["COPY --from=compiled /kseal ./"]);
    expect(compiled.match(/^COPY .*$/gm)).toEqual(["COPY --from=build /kseal/dist/controller ./"]);
    expect(image).not.toMatch(/npm|node_modules|^RUN/m);
    const { securityContext, containers } = ofKind(objectsOf(await kustomize("base")), "Deployment").spec
      .template.spec;
    expect(image).toContain(`\nUSER ${securityContext.runAsUser}:${securityContext.runAsGroup}\n`);
    expect(compiled).toContain('\nRUN ["/nodejs/bin/node", "compile.cjs"]\n');
    expect(image).toContain('\nENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=1", "main.cjs"]\n');
    expect(image.match(/^ENV .*$/gm)).toEqual(["ENV MALLOC_ARENA_MAX=1"]);
    expect(containers[0]).not.toHaveProperty("command");
    expect(containers[0].image).toBe(`kseal-controller:${version}`);
  });

  test("is for the Node that kseal is for", () => {
    const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const [, major] = /^>=(\d+)/.exec(engines.node) ?? [];
    expect([build, compiled, image].map((stage) => /^FROM (?:--\S+ )?(\S+)/.exec(stage)?.[1])).toEqual([
      `node:${major}-slim`,
      `gcr.io/distroless/nodejs${major}-debian13:nonroot`,
      `gcr.io/distroless/nodejs${major}-debian13:nonroot`,
    ]);
  });
});

test("chart, manifests and program have one version", () => {
  const chart = readFileSync(join(root, "controller", "chart", "Chart.yaml"), "utf8");
  expect(chart.match(/^(?:version|appVersion): .*$/gm)).toEqual([
    `version: ${version}`,
    `appVersion: ${version}`,
  ]);
});
