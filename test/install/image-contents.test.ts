import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { assembleImage, canRunImages, imageTarget, runInImage } from "../support/image-contents.ts";
import { mainJob } from "../support/main-job.ts";
import { peer, peers } from "../support/peers.ts";

/*
 * There is no container runtime here: what each target of the Dockerfile copies is put together in a folder, with the
 * C library of its base and nothing else, and its entry point runs with that folder as its root.
 */

const executable = join(import.meta.dirname, "..", "..", "build", "kseal");
// biome-ignore lint/suspicious/noTemplateCurlyInString: as the Dockerfile has it
const released = "build/kseal-linux-${TARGETARCH}";
const kustomize = peer("kustomize");
const canRun = canRunImages && existsSync(executable) && kustomize !== undefined;

describe.skipIf(!canRun)("an image, put together", () => {
  const place = makeFolder({ "tools/.keep": "", "cli/.keep": "", "argocd/.keep": "" });
  const root = (target: string) => join(place, target);
  const [cli, argocd] = [imageTarget("cli"), imageTarget("argocd")];
  beforeAll(() => {
    copyFileSync(kustomize ?? "", join(place, "tools", "kustomize"));
    symlinkSync("kseal", join(place, "tools", "ksops"));
    const sources = {
      [`:${released}`]: executable,
      "tools:/tools/": join(place, "tools"),
    };
    assembleImage(cli, root("cli"), sources);
    assembleImage(argocd, root("argocd"), sources);
  });
  afterAll(() => removeFolder(place));

  test("has kseal and a C library, and no shell", () => {
    expect(readdirSync(join(root("cli"), "usr/local/bin"))).toEqual(["kseal"]);
    expect(readdirSync(join(root("argocd"), "usr/local/bin")).toSorted()).toEqual([
      ...[".keep", "kseal", "ksops", "kustomize"],
    ]);
    expect(existsSync(join(root("argocd"), "bin"))).toBe(false);
    expect((statSync(join(root("cli"), "usr/local/bin/kseal")).mode & 0o777).toString(8)).toBe("755");
  });

  test("kseal-cli does the main job in an empty folder with an empty HOME", async () => {
    expect(cli.user).toBe(65532);
    await mainJob(join(root("cli"), "work"), (args) =>
      runInImage(cli, root("cli"), args, { env: { HOME: "/tmp" } }),
    );
  });

  test("kseal-cli runs as a user without a name and without HOME", async () => {
    const { status, stdout, stderr } = await runInImage(cli, root("cli"), ["version", "-o", "json"]);

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout.toString("utf8"))).toMatchObject({ version });
  });

  test("kseal-cli copies itself out of the image, as an init container does", async () => {
    const { status, stderr } = await runInImage(cli, root("cli"), ["install", "/work/custom-tools"]);

    expect({ status, stderr }).toEqual({ status: 0, stderr: "kseal: installed /work/custom-tools/kseal\n" });
    const copy = join(root("cli"), "work/custom-tools/kseal");
    expect(readFileSync(copy).equals(readFileSync(executable))).toBe(true);
    const ran = await runInImage(cli, root("cli"), ["--version"], {
      entryPoint: ["/work/custom-tools/kseal"],
    });
    expect(ran.stdout.toString("utf8")).toBe(`kseal ${version}\n`);
  });

  test("kseal-argocd builds kustomizations with its own kustomize, as the user of Argo CD", async () => {
    const work = join(root("argocd"), "work");
    expect(argocd).toMatchObject({ user: 999, environment: { HOME: "/tmp" } });
    await mainJob(work, (args) => runInImage(argocd, root("argocd"), args));
    const app = makeFolder({
      "kustomization.yaml": "namePrefix: shop-\nresources: [app.yaml]\ngenerators: [generator.yaml]\n",
      "app.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n",
      "generator.yaml": `apiVersion: viaduct.ai/v1
kind: ksops
metadata:
  name: generator
  annotations:
    config.kubernetes.io/function: |
      exec:
        path: ksops
files: [db.yaml]
`,
    });
    cpSync(app, join(work, "app"), { recursive: true });
    copyFileSync(join(work, "db.yaml"), join(work, "app", "db.yaml"));
    removeFolder(app);
    const { status, stdout, stderr } = await runInImage(argocd, root("argocd"), [
      "argocd",
      "generate",
      "app",
    ]);

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.toString("utf8")).toContain("password: hunter2");
    expect(stdout.toString("utf8")).toMatch(/name: shop-db\b/);
  });
});

describe("the images of the Dockerfile", () => {
  const own = ["cli", "argocd"].map((name) => imageTarget(name));

  test("hold the executable of the release as it is, and run nothing while they are built", () => {
    for (const { base, copies, runs, entryPoint } of own) {
      expect(base).toBe("gcr.io/distroless/base-debian13:nonroot");
      expect(runs).toEqual([]);
      expect(copies[0]).toEqual({
        from: undefined,
        sources: [released],
        to: "/usr/local/bin/kseal",
        mode: 0o755,
      });
      expect(entryPoint).toEqual(["/usr/local/bin/kseal"]);
    }
  });

  test("have the kustomize that the tests run", () => {
    const newest = peers.find(({ name }) => name === "kustomize")?.version;
    const { base, runs } = imageTarget("tools");
    expect(base).toMatch(/^golang:1\.\d+$/);
    expect(runs.join("\n")).toContain(`go install sigs.k8s.io/kustomize/kustomize/v5@v${newest}`);
    expect(runs.join("\n")).toContain("ln -s kseal /tools/ksops");
  });
});
