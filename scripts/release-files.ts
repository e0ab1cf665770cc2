/**
 * Writes what goes with the archives of a release: `checksums.txt` and the manifests for krew and Homebrew, of the
 * templates in `packaging`.
 *
 *   node scripts/release-files.ts OWNER/REPOSITORY FOLDER
 *
 * FOLDER holds an archive for every platform, `kseal-VERSION-PLATFORM.tar.gz`, for Windows `.zip`; everything else in it
 * gets a checksum, too.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const written = ["checksums.txt", "kseal.yaml", "kseal.rb"];
const platforms = ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64"];

const [repository = "", folder = ""] = process.argv.slice(2);
if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || folder === "") {
  console.error("release-files: needs OWNER/REPOSITORY and a folder");
  process.exit(8);
}
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

const files = readdirSync(folder)
  .filter((name) => !written.includes(name))
  .sort();
const checksums = new Map(files.map((name) => [name, sha256Of(join(folder, name))]));
const missing = platforms.map(archiveOf).filter((name) => !checksums.has(name));
if (missing.length > 0) {
  console.error(`release-files: not in ${folder}: ${missing.join(", ")}`);
  process.exit(1);
}

for (const [template, name] of [
  ["krew/kseal.yaml", "kseal.yaml"],
  ["homebrew/kseal.rb", "kseal.rb"],
] as const) {
  const text = readFileSync(join(root, "packaging", template), "utf8");
  // The first line tells about the template.
  writeFileSync(join(folder, name), text.replace(/^#.*\n/, "").replaceAll(/\{\{([^}]+)\}\}/g, fill));
  checksums.set(name, sha256Of(join(folder, name)));
}
const lines = [...checksums].sort().map(([name, sum]) => `${sum}  ${name}\n`);
writeFileSync(join(folder, "checksums.txt"), lines.join(""));
console.log(`checksums.txt has ${lines.length} files`);

function fill(_: string, what: string): string {
  const [kind, platform = ""] = what.split(" ");
  if (kind === "version") return version;
  if (kind === "repository") return repository;
  const archive = archiveOf(platform);
  const sum = checksums.get(archive);
  if (sum === undefined) throw new Error(`a template asks for ${what}`);
  return kind === "sha256"
    ? sum
    : `https://github.com/${repository}/releases/download/v${version}/${archive}`;
}

function archiveOf(platform: string): string {
  return `kseal-${version}-${platform}.${platform.startsWith("windows") ? "zip" : "tar.gz"}`;
}

function sha256Of(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
