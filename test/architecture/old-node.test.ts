import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";

const bundle = join(import.meta.dirname, "..", "..", "dist", "cli", "main.cjs");
const oldNode = findOldNode();

describe.skipIf(oldNode === undefined || !existsSync(bundle))("on a Node that is too old", () => {
  test.for([["--version"], ["decrypt", "a.yaml"], []])("%o: one line says which one is needed", (args) => {
    const { status, stdout, stderr } = spawnSync(oldNode?.path ?? "", [bundle, ...args], {
      encoding: "utf8",
    });
    const message = `kseal: needs Node.js 24.15 or later, but this is ${oldNode?.version}\n`;
    expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: "", stderr: message });
  });
});

/** A Node below 24 on this machine: most systems have one of their own. */
function findOldNode(): { readonly path: string; readonly version: string } | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"];
  for (const path of folders.map((folder) => join(folder, "node"))) {
    const { stdout } = existsSync(path)
      ? spawnSync(path, ["--version"], { encoding: "utf8" })
      : { stdout: "" };
    const version = stdout.trim();
    if (Number(/^v(\d+)\./.exec(version)?.[1] ?? 24) < 24) return { path, version };
  }
  return undefined;
}
