/**
 * Builds `build/kseal`, or the file that is named, one executable that needs no Node: Bun's compile with bytecode, which
 * starts in a quarter of the time of Node (docs/decisions/0002-one-executable.md). It is made of the package's bundle,
 * which leaves more of the libraries out than Bun's own bundler does. Bun comes from the peers' cache: `npm run peers`.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const peers = process.env["KSEAL_PEERS"] ?? join(homedir(), ".cache", "kseal-peers");
// What npm puts into .bin on Windows is no program.
const bin = process.platform === "win32" ? join("bun", "bin", "bun.exe") : join(".bin", "bun");
const bun = join(peers, "bun-1.4.5", "node_modules", bin);
if (!existsSync(bun)) {
  console.error("build:exe: bun is not installed; run: npm run peers");
  process.exit(1);
}
const args = [
  "build",
  "--compile",
  "--bytecode",
  "--format=cjs",
  "--minify",
  // Most runs end before code that was compiled for speed has paid for its compiling: a hundred small files take a third
  // less without it. What runs for seconds gets it a moment later, which shows nowhere.
  "--compile-jit-policy=8",
  // A proxy that wants Kerberos needs a module of its own, which nobody has; the library says so then.
  "--external",
  "kerberos",
  // Bun would take variables (`SOPS_AGE_KEY_CMD`) and code to run first from files in the working folder, which may be
  // anybody's repository.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "dist/cli/main.cjs",
  "--outfile",
  process.argv[2] ?? join("build", "kseal"),
];
const { status } = spawnSync(bun, args, { stdio: "inherit" });
process.exitCode = status ?? 1;
