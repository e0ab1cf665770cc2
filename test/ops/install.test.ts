import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createNodeHost } from "../../src/host/node-host.ts";
import { installInto } from "../../src/ops/install.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { failureOf } from "./workbench.ts";

const isRoot = process.getuid?.() === 0;

/** A machine whose kseal is a single executable: a script stands in for it. */
function machine(options: { readonly kustomize?: string } = {}) {
  const folder = makeFolder({ "bin/kseal-1.2": "#!/bin/sh\necho version $1\n", "path/.keep": "" });
  onTestFinished(() => removeFolder(folder));
  chmodSync(join(folder, "bin", "kseal-1.2"), 0o700);
  if (options.kustomize !== undefined) {
    writeFileSync(join(folder, "bin", "kustomize-5"), options.kustomize, { mode: 0o700 });
    symlinkSync("../bin/kustomize-5", join(folder, "path", "kustomize"));
  }
  const host = createNodeHost({
    cwd: folder,
    env: { PATH: join(folder, "path") },
    executable: join(folder, "bin", "kseal-1.2"),
  });
  return { folder, context: { host } };
}

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

describe("install", () => {
  test("copies the executable into a folder that need not exist, for everybody to run", async () => {
    const { folder, context } = machine();
    const old = process.umask(0o077);
    onTestFinished(() => void process.umask(old));
    const written = await installInto(
      { folder: "custom/tools", name: "kseal", withKustomize: false },
      context,
    );

    expect(written).toEqual(["custom/tools/kseal"]);
    expect(modeOf(join(folder, "custom/tools/kseal"))).toBe("755");
    expect(readFileSync(join(folder, "custom/tools/kseal"), "utf8")).toBe("#!/bin/sh\necho version $1\n");
    expect(readdirSync(join(folder, "custom/tools"))).toEqual(["kseal"]);
  });

  test("copies kustomize, too, where a link on PATH leads", async () => {
    const { folder, context } = machine({ kustomize: "#!/bin/sh\necho v5\n" });
    const written = await installInto({ folder: "tools", name: "ksops", withKustomize: true }, context);

    expect(written).toEqual(["tools/ksops", "tools/kustomize"]);
    expect(readFileSync(join(folder, "tools/kustomize"), "utf8")).toBe("#!/bin/sh\necho v5\n");
    expect(statSync(join(folder, "tools/kustomize")).isFile()).toBe(true);
    expect(modeOf(join(folder, "tools/kustomize"))).toBe("755");
  });

  test("replaces a program that runs", async () => {
    const { folder, context } = machine();
    const target = join(folder, "tools", "kseal");
    mkdirSync(join(folder, "tools"));
    await context.host.copyProgram("/bin/sleep", target);
    const running = spawn(target, ["60"]);
    onTestFinished(() => void running.kill());
    await once(running, "spawn");
    await installInto({ folder: "tools", name: "kseal", withKustomize: false }, context);

    expect(readFileSync(target, "utf8")).toContain("version");
    expect(running.exitCode).toBeNull();
  });

  test("without kustomize on PATH it installs nothing", async () => {
    const { folder, context } = machine();
    const failure = await failureOf(
      installInto({ folder: "tools", name: "kseal", withKustomize: true }, context),
    );

    expect(failure).toMatchObject({
      code: "NO_FILE",
      message: "there is no kustomize on PATH",
      hint: "the image kseal-argocd has it",
    });
    expect(readdirSync(folder)).not.toContain("tools");
  });

  test.skipIf(isRoot)("says which file it may not write", async () => {
    const { folder, context } = machine();
    mkdirSync(join(folder, "tools"), { mode: 0o500 });

    expect(
      await failureOf(installInto({ folder: "tools", name: "kseal", withKustomize: false }, context)),
    ).toMatchObject({ code: "OUTPUT_UNWRITABLE", message: "cannot write tools/kseal: permission denied" });
  });

  test("what stands in the way and is no file stays", async () => {
    const { folder, context } = machine();
    mkdirSync(join(folder, "tools", "kseal"), { recursive: true });

    expect(
      await failureOf(installInto({ folder: "tools", name: "kseal", withKustomize: false }, context)),
    ).toMatchObject({
      code: "OUTPUT_UNWRITABLE",
      message: "cannot replace tools/kseal: it is no regular file",
    });
    expect(readdirSync(join(folder, "tools"))).toEqual(["kseal"]);
  });

  test("on Node there is nothing to copy", async () => {
    const folder = makeFolder();
    onTestFinished(() => removeFolder(folder));
    const { status, stderr } = await runInProcess(["install", "tools"], {
      cwd: folder,
      env: { HOME: folder },
    });

    expect({ status, stderr }).toEqual({
      status: 8,
      stderr: `kseal: this kseal is run by Node, and there is no single executable to copy
  take the executable of the release, or the image kseal-cli
`,
    });
  });
});
