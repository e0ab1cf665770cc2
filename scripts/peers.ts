import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isInstalled, type Peer, peer, peerFolder, peers, peersFolder } from "../test/support/peers.ts";

/*
 * Installs the real tools that the tests and the benchmark hold kseal against, with the ordinary clients of their
 * registries, into a folder outside the repository. What is there already is left alone, so running it twice is free.
 *
 *   npm run peers                        install what is missing
 *   npm run peers -- --list              only say what is there
 *   npm run peers -- sops-3.13.3 age-1.3.2
 */

const editors = ["vim", "nano"] as const;

const { values: options, positionals: chosen } = parseArgs({
  options: { list: { type: "boolean", default: false } },
  allowPositionals: true,
});

const known = [...peers.map(label), ...editors];
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no such peer: ${unknown.join(", ")}; known are ${known.join(", ")}`);
  process.exit(8);
}

console.log(`peers in ${peersFolder}`);
const failed = [
  ...peers
    .filter(isChosen)
    .filter((one) => !provide(one))
    .map(label),
];
failed.push(...editors.filter((name) => isChosen(name) && !provideEditor(name)));

if (failed.length > 0) {
  console.error(`${options.list ? "missing" : "could not install"}: ${failed.join(", ")}`);
  process.exitCode = 1;
}

function isChosen(one: Peer | string): boolean {
  return chosen.length === 0 || chosen.includes(typeof one === "string" ? one : label(one));
}

function label(one: Peer): string {
  return `${one.name}-${one.version}`;
}

function provide(one: Peer): boolean {
  if (isInstalled(one)) return report(label(one), "there", one.purpose);
  if (options.list) return report(label(one), "missing", one.purpose, false);

  const started = Date.now();
  mkdirSync(peersFolder, { recursive: true });
  // Beside its final place, so that the rename is atomic: an interrupted run never leaves half a peer.
  const staging = mkdtempSync(join(peersFolder, `.${label(one)}-`));
  try {
    if (!install(one, staging)) return report(label(one), "FAILED", one.purpose, false);
    rmSync(peerFolder(one), { recursive: true, force: true });
    renameSync(staging, peerFolder(one));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  return isInstalled(one)
    ? report(label(one), `installed, ${seconds} s`, one.purpose)
    : report(
        label(one),
        `FAILED: ${one.programs.join(", ")} not among what was installed`,
        one.purpose,
        false,
      );
}

function install({ source }: Peer, folder: string): boolean {
  switch (source.kind) {
    case "go":
      return source.packages.every((name) => run("go", ["install", name], { GOBIN: folder }));
    case "npm":
      return run("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", ...source.packages]);
    case "pip":
      return run("python3", [
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        // It knows nothing of --target, and compares with what the system has.
        "--no-warn-conflicts",
        "--target",
        folder,
        ...source.packages,
      ]);
  }
}

function provideEditor(name: (typeof editors)[number]): boolean {
  const purpose = "kseal edit with a real editor";
  if (has(name)) return report(name, "there", purpose);
  if (options.list) return report(name, "missing", purpose, false);
  if (process.getuid?.() !== 0 || !run("apt-get", ["--version"], {}, "ignore")) {
    return report(name, "missing; install it with the system's package manager", purpose, false);
  }
  const apt = ["install", "-y", "-q", "--no-install-recommends", name];
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  // The package lists of a fresh container are empty or old: only then are they fetched.
  const done =
    run("apt-get", apt, quiet, "ignore") ||
    (run("apt-get", ["update", "-q"], quiet, "ignore") && run("apt-get", apt, quiet, "ignore"));
  return report(name, done ? "installed" : "FAILED", purpose, done);
}

// Here a missing peer is to be installed, so it must not throw.
function has(program: string): boolean {
  delete process.env["KSEAL_REQUIRE_PEERS"];
  return peer(program) !== undefined;
}

function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
  stdout: "ignore" | "inherit" = "inherit",
): boolean {
  const result = spawnSync(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", stdout, stdout],
  });
  if (result.error) console.error(`${program}: ${result.error.message}`);
  return result.status === 0;
}

function report(name: string, state: string, purpose: string, good = true): boolean {
  console.log(`  ${name.padEnd(18)} ${state.padEnd(16)} ${purpose}`);
  return good;
}
