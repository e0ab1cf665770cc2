/**
 * Prints the bill of materials of what `npm install kseal` brings, as `npm sbom` makes it.
 *
 *   node scripts/sbom.ts cyclonedx|spdx
 *
 * In the clone npm 11 leaves out what a development dependency needs, too, although the package needs it as well (yaml);
 * so it is asked about a copy of package.json without these.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const format = process.argv[2] ?? "cyclonedx";
const place = mkdtempSync(join(tmpdir(), "kseal-sbom-"));
// npm takes the name of the folder for that of the package.
const folder = join(place, "kseal");
mkdirSync(folder);

try {
  const { devDependencies: _, ...manifest } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  copyFileSync(join(root, "package-lock.json"), join(folder, "package-lock.json"));
  // Takes what is no longer needed out of the lock file; everything else keeps its version, so nothing is fetched.
  npm("install", "--package-lock-only", "--ignore-scripts", "--offline", "--no-audit", "--no-fund");
  process.stdout.write(npm("sbom", "--sbom-format", format, "--package-lock-only"));
} finally {
  rmSync(place, { recursive: true, force: true });
}

function npm(...args: readonly string[]): string {
  return execFileSync("npm", args, {
    ...{ cwd: folder, encoding: "utf8", maxBuffer: 2 ** 26 },
    stdio: ["ignore", "pipe", "inherit"],
  });
}
