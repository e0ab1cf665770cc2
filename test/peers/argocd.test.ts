import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  callPlugin,
  groupEnded,
  type PluginAnswer,
  type PluginCall,
  pluginCommands,
} from "../support/argocd-plugin.ts";
import { waitFor } from "../support/cluster-processes.ts";
import { makeFolder, readFolder, removeFolder } from "../support/folders.ts";
import { identities, recipients } from "../support/identities.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

/*
 * The plugin called as Argo CD calls it, with the real kustomize. Functions of the tests' own stand in for generators that
 * go wrong: a value they have planted must not be found anywhere but on standard output.
 */

const kustomize = peer("kustomize");
const planted = "planted-hunter2";

const secret = `apiVersion: v1
kind: Secret
metadata:
  name: db
stringData:
  password: ${planted}
`;
const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  log: debug\n";

/** A kustomization with one generator, which is a program of the folder `tools`. */
const generatedBy = (program: string, more = "") => ({
  "kustomization.yaml": `generators: [generator.yaml]\nresources: [app.yaml]\n${more}`,
  "app.yaml": configMap,
  "generator.yaml": `apiVersion: viaduct.ai/v1
kind: ksops
metadata:
  name: db
  annotations:
    config.kubernetes.io/function: |
      exec:
        path: ${program}
files: [db.enc.yaml]
`,
});

const resourceList = (items: string) =>
  `cat <<END\napiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n${items}\nEND\n`;
const item = (value: string) =>
  `- apiVersion: v1\n  kind: Secret\n  metadata: {name: db}\n  stringData: {password: "${value}"}`;
// A function that is ended by a signal as a program without handlers is.
const wait = "touch started\nwhile :; do sleep 0.05; done\n";

const tools: Readonly<Record<string, string>> = {
  good: resourceList(item(planted)),
  // As kseal does it: a value where there is a key, and something in its place when asked for.
  either: `v=${planted}\nif [ "$KSEAL_PLACEHOLDER" = 1 ]; then v=a-placeholder; fi\n${resourceList(item("$v"))}`,
  refusing: `echo "kseal: db.enc.yaml: no key opens the file" >&2
echo "  get one of: age1..." >&2
echo "Error: ${planted}" >&2
exit 3
`,
  "only-with-keys": `if [ "$KSEAL_PLACEHOLDER" = 1 ]; then ${resourceList(item("x"))}\nelse echo "${planted}: ["; fi\n`,
  nothing: resourceList("[]").replace("items:\n[]", "items: []"),
  waiting: wait,
  stubborn: `trap "" TERM\n${wait}`,
};

describe.skipIf(kustomize === undefined)("the plugin in the sidecar of Argo CD", () => {
  const place = makeFolder({
    "home/.keep": "",
    "tmp/.keep": "",
    "tools/.keep": "",
    "repository/.git/config": "[core]\n",
    "repository/.sops.yaml": `creation_rules:\n  - age: ${recipients[0]}\n`,
    "repository/apps/plain/app.yaml": configMap,
    "repository/apps/plain/db.yaml": secret,
    "keys.txt": `${identities[0]}\n`,
  });
  const repository = join(place, "repository");
  const sidecar = {
    PATH: `${join(place, "tools")}:/usr/bin:/bin`,
    HOME: join(place, "home"),
    TMPDIR: join(place, "tmp"),
    SOPS_AGE_KEY_FILE: join(place, "keys.txt"),
    ARGOCD_EXEC_TIMEOUT: "150s",
  };
  const environment = {
    ARGOCD_APP_NAME: "shop",
    ARGOCD_APP_NAMESPACE: "shop",
    ARGOCD_APP_REVISION: "0123456789abcdef0123456789abcdef01234567",
    ARGOCD_APP_SOURCE_PATH: "apps/shop",
    KUBE_VERSION: "1.35",
    KUBE_API_VERSIONS: "v1,apps/v1",
    ARGOCD_APP_PARAMETERS: "null",
  };

  beforeAll(async () => {
    const { writeFileSync } = await import("node:fs");
    for (const [name, script] of Object.entries(tools)) {
      writeFileSync(join(place, "tools", name), `#!/bin/sh\n${script}`, { mode: 0o755 });
    }
    const words = ksealCommand().map((word) => `'${word}'`);
    writeFileSync(join(place, "tools", "kseal"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, {
      mode: 0o755,
    });
    symlinkSync(kustomize ?? "", join(place, "tools", "kustomize"));
    const { status, stderr } = await runProgram([...ksealCommand(), "encrypt", "-i", "apps/plain/db.yaml"], {
      cwd: repository,
      env: sidecar,
    });
    expect({ status, stderr }).toMatchObject({ status: 0 });
  });
  afterAll(() => removeFolder(place));

  /** An application of its own beside the others, and what the plugin makes of it. */
  async function generate(
    files: Readonly<Record<string, string>>,
    call: Partial<PluginCall> = {},
  ): Promise<PluginAnswer> {
    const own = makeFolder(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`apps/own/${name}`, text])),
    );
    try {
      return await callPlugin(pluginCommands.generate, {
        ...{ repository: own, path: "apps/own", sidecar, environment },
        ...call,
      });
    } finally {
      removeFolder(own);
    }
  }

  /** Nothing on standard output, nothing planted anywhere, nobody left behind. */
  function expectClean(answer: PluginAnswer): void {
    expect(answer).toMatchObject({ stdout: "", isLeftBehind: false });
    expect(answer.stderr).not.toContain("planted");
    const files = [...readFolder(join(place, "tmp")), ...readFolder(join(place, "home"))];
    expect(files.filter(([, bytes]) => bytes.includes("planted"))).toEqual([]);
  }

  test("decrypts the manifests of a plain folder, and leaves the copy of the repository alone", async () => {
    const answer = await callPlugin(pluginCommands.generate, {
      ...{ repository, path: "apps/plain", sidecar, environment },
    });

    expect(answer).toEqual({
      status: 0,
      stdout: `${configMap}---\n${secret}`,
      stderr: "",
      isLeftBehind: false,
      changed: [],
      pid: expect.any(Number),
    });
    expect(readFileSync(join(repository, "apps/plain/db.yaml"), "utf8")).not.toContain(planted);
  });

  test("builds a kustomization with its generators, several at a time", async () => {
    const answers = await Promise.all([1, 2].map(() => generate(generatedBy("good"))));

    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 0, stderr: "", changed: [], isLeftBehind: false });
      expect(answer.stdout).toContain(`password: ${planted}`);
      expect(answer.stdout).toContain("log: debug");
    }
  });

  test("asks for a key once, however many generators a build has", async () => {
    const generator = (name: string) => `apiVersion: viaduct.ai/v1
kind: ksops
metadata:
  name: ${name}
  annotations:
    config.kubernetes.io/function: |
      exec:
        path: kseal
secretFrom:
- metadata: {name: ${name}}
  files: [secret=db.yaml]
`;
    const asked = join(place, "asked");
    const { SOPS_AGE_KEY_FILE: keys, ...others } = sidecar;
    const answer = await generate(
      {
        "kustomization.yaml": "generators: [a.yaml, b.yaml, c.yaml]\n",
        "a.yaml": generator("a"),
        "b.yaml": generator("b"),
        "c.yaml": generator("c"),
        "db.yaml": readFileSync(join(repository, "apps/plain/db.yaml"), "utf8"),
      },
      { sidecar: { ...others, SOPS_AGE_KEY_CMD: `sh -c 'echo once >> "${asked}"; cat "${keys}"'` } },
    );

    expect(answer).toMatchObject({ status: 0, stderr: "" });
    expect(answer.stdout.match(/^ {2}name: [abc]$/gm)).toHaveLength(3);
    expect(readFileSync(asked, "utf8")).toBe("once\n");
  });

  test("says why kseal could not, with kustomize's status, and nothing that others say", async () => {
    const answer = await generate(generatedBy("refusing"));

    expect(answer).toMatchObject({
      status: 1,
      stderr: `kseal: db.enc.yaml: no key opens the file
  get one of: age1...
kseal: kustomize build failed with status 1
`,
    });
    expectClean(answer);
  });

  test("kustomize quotes a value in an error, and kseal shows the error without it", async () => {
    const more = `replacements:
- source: {kind: Secret, name: db, fieldPath: stringData.password, options: {delimiter: "-", index: 7}}
  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.log]}]
`;
    const real = await runProgram(
      [kustomize ?? "", "build", "--enable-alpha-plugins", "--enable-exec", "."],
      {
        cwd: makeFolder(generatedBy("either", more)),
        env: sidecar,
      },
    );
    expect(real.stderr).toContain(`out of bounds for value ${planted}`);

    const answer = await generate(generatedBy("either", more));
    expect(answer).toMatchObject({
      status: 1,
      stderr: `Error: options.index 7 is out of bounds for value a-placeholder
kseal: kustomize build failed with status 1
`,
    });
    expectClean(answer);
  });

  test("an error that only values cause is not shown at all", async () => {
    const answer = await generate(generatedBy("only-with-keys"));

    expect(answer.status).toBe(1);
    expect(
      answer.stderr,
    ).toBe(`kseal: with placeholders instead of values it builds; what kustomize says quotes values, and is not shown
kseal: kustomize build failed with status 1
`);
    expectClean(answer);
  });

  test("an empty build is refused, and an encrypted file among the resources, too", async () => {
    const empty = await generate({ "kustomization.yaml": "resources: []\nnamespace: x\n" });
    expect(empty).toMatchObject({
      status: expect.any(Number),
      stderr: expect.stringContaining("kseal: "),
      stdout: "",
    });
    expect(empty.status).not.toBe(0);

    const nothing = await generate({
      ...generatedBy("nothing"),
      "kustomization.yaml": "generators: [generator.yaml]",
    });
    expect(nothing).toMatchObject({
      status: 92,
      stdout: "",
      stderr: `kseal: the result is empty, and Argo CD would delete what there is
  if that is meant, set the parameter allow-empty to "true"
`,
    });

    const allowed = await generate(
      { ...generatedBy("nothing"), "kustomization.yaml": "generators: [generator.yaml]" },
      { environment: { ...environment, ARGOCD_ENV_KSEAL_ALLOW_EMPTY: "true" } },
    );
    expect(allowed).toMatchObject({ status: 0, stdout: "", stderr: "" });

    const encrypted = await generate({
      "kustomization.yaml": "resources: [db.yaml]\n",
      "db.yaml": readFileSync(join(repository, "apps/plain/db.yaml"), "utf8"),
    });
    expect(encrypted).toMatchObject({
      status: 1,
      stdout: "",
      stderr: `kseal: still encrypted: Secret db
  take the file from resources into a generator of kind ksops
`,
    });
  });

  test("without kustomize it says where to get it", async () => {
    const bare = makeFolder({ "x/.keep": "" });
    symlinkSync(join(place, "tools", "kseal"), join(bare, "kseal"));
    const answer = await generate(generatedBy("good"), {
      sidecar: { ...sidecar, PATH: `${bare}:${join(bare, "x")}` },
    });
    removeFolder(bare);

    expect(answer).toMatchObject({ status: 100, stdout: "" });
    expect(answer.stderr).toContain("kseal: there is no kustomize on PATH\n");
  });

  test("the time-out of Argo CD ends kustomize and the generators, and is said", async () => {
    const answer = await generate(generatedBy("waiting"), { deadline: generatorStarted });

    expect(answer).toMatchObject({
      status: 143,
      stderr: "kseal: kustomize build was stopped by signal 15\n",
    });
    expectClean(answer);
    expect(privateFoldersOf(answer)).toEqual([]);
  });

  test("a signal for kseal alone reaches kustomize and the generators", async () => {
    const answer = await generate(generatedBy("waiting"), {
      graceMs: 20_000,
      deadline: async (pid) => {
        await generatorStarted(pid);
        process.kill(pid, "SIGTERM");
        // What the driver does then comes too late for anybody.
        await groupEnded(pid);
      },
    });

    expect(answer).toMatchObject({
      status: 143,
      stderr: "kseal: kustomize build was stopped by signal 15\n",
    });
    expectClean(answer);
  });

  test("a generator that hears no SIGTERM is ended by SIGKILL, and what is left is cleared by the next call", async () => {
    const answer = await generate(generatedBy("stubborn"), { deadline: generatorStarted, graceMs: 300 });
    expectClean(answer);
    expect(privateFoldersOf(answer)).toHaveLength(1);

    expect(await generate(generatedBy("good"))).toMatchObject({ status: 0 });
    expect(privateFoldersOf(answer)).toEqual([]);
  });

  test("announces parameters as JSON", async () => {
    const answer = await callPlugin(pluginCommands.parameters, {
      ...{ repository, path: "apps/plain", sidecar, environment },
    });

    expect(answer).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(answer.stdout).map(({ name }: { name: string }) => name)).toEqual([
      ...["allow-empty", "recurse", "exclude", "allow-kinds"],
    ]);
  });

  /** The working folder of a generator is the application's. */
  async function generatorStarted(pid: number): Promise<void> {
    await waitFor("the generator", async () => (existsSync(`/proc/${pid}/cwd/started`) ? true : undefined));
  }

  /** Where one call kept its keys: the name has the number of its process. */
  function privateFoldersOf({ pid }: PluginAnswer): readonly string[] {
    return readdirSync("/dev/shm").filter((name) => name.startsWith("kseal-") && name.includes(`-${pid}-`));
  }
});
