import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import {
  isInstalled,
  type ModuleFiles,
  type Peer,
  peer,
  peerFolder,
  peers,
  peersFolder,
} from "../test/support/peers.ts";

/*
 * Installs the real tools that the tests and the benchmark hold kseal against, with the ordinary clients of their
 * registries, into a folder outside the repository. What is there already is left alone, so running it twice is free.
 *
 *   npm run peers                        install what is missing
 *   npm run peers -- --list              only say what is there
 *   npm run peers -- sops-3.13.3 age-1.3.2
 */

/** What the system's package manager brings, and for which tests. */
const packages = {
  vim: "kseal edit with a real editor",
  nano: "kseal edit with a real editor",
  zsh: "the completion for it",
  fish: "the completion for it",
  mandoc: "the manual pages",
} as const;
const packageNames = Object.keys(packages) as (keyof typeof packages)[];

const { values: options, positionals: chosen } = parseArgs({
  options: { list: { type: "boolean", default: false } },
  allowPositionals: true,
});

const known = [...peers.map(label), ...packageNames];
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
failed.push(...packageNames.filter((name) => isChosen(name) && !providePackage(name)));

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
      return (
        source.packages.every((name) => run("go", ["install", name], { GOBIN: folder })) &&
        copyFiles(source.files, folder)
      );
    case "go-modules":
      return buildModules(source, folder) && copyFiles(source.files, folder);
    case "go-source":
      return run("go", [
        "build",
        "-C",
        join(import.meta.dirname, "..", source.folder),
        "-trimpath",
        "-o",
        `${folder}/`,
      ]);
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

/** Copies files and folders out of Go's cache of modules, where the programs they belong to came from. */
function copyFiles(files: readonly ModuleFiles[] | undefined, folder: string): boolean {
  return (files ?? []).every(({ module, paths }) => {
    const answer = outputOf("go", ["mod", "download", "-json", module]);
    if (answer === undefined) return false;
    const { Dir } = JSON.parse(answer) as { Dir: string };
    for (const path of paths) copyTree(join(Dir, path), join(folder, basename(path)));
    return true;
  });
}

/** The cache is read-only, and what is copied out of it must not be: a folder like that cannot be removed. */
function copyTree(from: string, to: string): void {
  if (!statSync(from).isDirectory()) {
    copyFileSync(from, to);
    return;
  }
  mkdirSync(to);
  for (const name of readdirSync(from)) copyTree(join(from, name), join(to, name));
}

/** One module that requires all of them, so that what they share is compiled once. */
function buildModules(source: Extract<Peer["source"], { kind: "go-modules" }>, folder: string): boolean {
  const module = mkdtempSync(join(folder, ".module-"));
  const requirements = source.modules.map((required) => `require ${required.replace("@", " ")}\n`);
  writeFileSync(join(module, "go.mod"), `module kseal.test/peers\n\ngo 1.25.0\n\n${requirements.join("")}`);
  const variables = Object.entries(source.variables).map(([name, text]) => `-X ${name}=${text}`);
  const flags = ["-mod=mod", "-trimpath", "-ldflags", ["-s", "-w", ...variables].join(" ")];
  try {
    return Object.entries(source.packages).every(([program, name]) =>
      run("go", ["build", "-C", module, ...flags, "-o", join(folder, program), name]),
    );
  } finally {
    rmSync(module, { recursive: true, force: true });
  }
}

function providePackage(name: keyof typeof packages): boolean {
  const purpose = packages[name];
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

function outputOf(program: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}

function report(name: string, state: string, purpose: string, good = true): boolean {
  console.log(`  ${name.padEnd(33)} ${state.padEnd(17)} ${purpose}`);
  return good;
}
