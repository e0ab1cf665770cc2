import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");

// Each room with an import that it must not have: the linter is the guard, and this is the proof that it bites.
const violations = [
  ["src/core", 'import { readFileSync } from "node:fs";\nexport const planted: unknown = readFileSync;\n'],
  ["src/core", 'import { readFile } from "node:fs/promises";\nexport const planted: unknown = readFile;\n'],
  [
    "src/core",
    'import { storeFor } from "../formats/detect.ts";\nexport const planted: unknown = storeFor;\n',
  ],
  ["src/core", "export const planted: unknown = Date.now();\n"],
  [
    "src/formats",
    'import { Keyring } from "../keys/keyring.ts";\nexport const planted: unknown = Keyring;\n',
  ],
  [
    "src/keys",
    'import { storeFor } from "../formats/detect.ts";\nexport const planted: unknown = storeFor;\n',
  ],
  [
    "src/sealed",
    'import { storeFor } from "../formats/detect.ts";\nexport const planted: unknown = storeFor;\n',
  ],
  ["src/sealed", "export const planted: unknown = Date.now();\n"],
  [
    "src/gotemplate",
    'import { Keyring } from "../keys/keyring.ts";\nexport const planted: unknown = Keyring;\n',
  ],
  ["src/gotemplate", "export const planted: unknown = Date.now();\n"],
  [
    "src/kube",
    'import { createNodeHost } from "../host/node-host.ts";\nexport const planted: unknown = createNodeHost;\n',
  ],
  ["src/kube", 'import { readFile } from "node:fs/promises";\nexport const planted: unknown = readFile;\n'],
  ["src/kube", "export const planted: unknown = fetch;\n"],
  ["src/config", 'import { Keyring } from "../keys/keyring.ts";\nexport const planted: unknown = Keyring;\n'],
  ["src/host", 'import { DataKey } from "../core/data-key.ts";\nexport const planted: unknown = DataKey;\n'],
  [
    "src/ops",
    'import { createNodeHost } from "../host/node-host.ts";\nexport const planted: unknown = createNodeHost;\n',
  ],
  [
    "src/ops",
    'import { createKubeApi } from "../kube/client.ts";\nexport const planted: unknown = createKubeApi;\n',
  ],
  ["controller", 'import { run } from "../src/cli/run.ts";\nexport const planted: unknown = run;\n'],
  ["controller", "export const planted: unknown = process.env;\n"],
  ["src/cli", 'import { encrypt } from "../index.ts";\nexport const planted: unknown = encrypt;\n'],
  ["src/ops", "export const planted: unknown = process.env;\n"],
] as const;

describe("the linter refuses", () => {
  const planted = violations.map(([room, code], index) => ({
    room,
    code,
    file: join(room, `planted-violation-${index}.ts`),
  }));
  let report = "";

  // One run for all: starting the linter takes longer than its work.
  beforeAll(() => {
    for (const { file, code } of planted) writeFileSync(join(root, file), code);
    try {
      const biome = join(root, "node_modules", ".bin", "biome");
      const files = planted.map(({ file }) => file);
      const options = ["lint", "--reporter=github", "--max-diagnostics=none"];
      const { stdout, stderr, status } = spawnSync(biome, [...options, ...files], {
        cwd: root,
        encoding: "utf8",
      });
      expect(status, stdout + stderr).not.toBe(0);
      report = stdout;
    } finally {
      for (const { file } of planted) rmSync(join(root, file), { force: true });
    }
  });

  test.for(planted)("$room: $code", ({ file }) => {
    const lines = report.split("\n").filter((line) => line.includes(file));
    expect(lines.join("\n")).toMatch(/noRestrictedImports|noRestrictedGlobals|noProcessEnv/);
  });
});
