import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { makeFolder, removeFolder } from "../support/folders.ts";

const executable = join(import.meta.dirname, "..", "..", "build", "kseal");

describe.skipIf(!existsSync(executable))("the executable", () => {
  test("takes neither variables nor code from the working folder", () => {
    const cwd = makeFolder({
      ".env": "SOPS_AGE_KEY_CMD=touch taken-from-env\nBUN_OPTIONS=--preload=./taken.js\n",
      "bunfig.toml": 'preload = ["./taken.js"]\n',
      "package.json": '{ "main": "taken.js" }',
      "tsconfig.json": '{ "compilerOptions": { "paths": { "*": ["./taken.js"] } } }',
      "taken.js": 'require("node:fs").writeFileSync("taken", "");\n',
      "home/x": "",
    });
    onTestFinished(() => removeFolder(cwd));
    const file = join(import.meta.dirname, "..", "vectors", "sops-3.13.3", "age-post-quantum.enc.yaml");
    const { status, stderr } = spawnSync(executable, ["decrypt", file], {
      cwd,
      encoding: "utf8",
      env: { HOME: join(cwd, "home"), PATH: process.env["PATH"] },
    });
    expect({ status, stderr }).toMatchObject({ status: 128 });
    expect(["taken", "taken-from-env"].filter((name) => existsSync(join(cwd, name)))).toEqual([]);
  });
});
