#!/usr/bin/env node
import { version } from "../version.ts";
import { keepCompiledCode } from "./code-cache.ts";

// Everything else loads only after the Node version was checked: on an old one a named import that it lacks would
// fail at link time, before any message.
const floor = [24, 15] as const;

main();

function main(): void {
  const old = tooOld();
  if (old !== undefined) {
    console.error(`kseal: needs Node.js ${floor.join(".")} or later, but this is ${old}`);
    process.exitCode = 1;
    return;
  }
  const args = process.argv.slice(2);
  const name = calledName();
  if (name === "kseal" && args.length === 1 && args[0] === "--version") {
    say(`kseal ${version}\n`);
    return;
  }
  if (name === "kseal" && (args[0] === "unseal" || args[0] === "reseal")) useAllCores();
  const keep = cacheCode(name === "kseal" ? (args[0] ?? "render") : name);
  void import("./run.ts")
    .then(({ runProcess }) => runProcess(name, args))
    .then((status) => {
      process.exitCode = status;
      if (status === 0) keep();
    });
}

/**
 * Lets the threads on which Node opens sealed values be as many as there are cores: they are four otherwise, and begin
 * with the first file that is read.
 */
function useAllCores(): void {
  // biome-ignore lint/style/noProcessEnv: libuv looks there, and at nothing else.
  process.env["UV_THREADPOOL_SIZE"] ??= String(Math.max(4, navigator.hardwareConcurrency));
}

function tooOld(): string | undefined {
  // The single executable runs on Bun, which brings what is needed.
  if (process.versions["bun"] !== undefined) return undefined;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > floor[0] || (major === floor[0] && minor >= floor[1]) ? undefined : process.version;
}

/**
 * The name the user typed: a link called `sops`, `kubeseal` or `ksops` makes kseal behave as that program does, and one
 * called as a plugin of Kustomize render.
 */
function calledName(): string {
  // In the executable argv[1] lies inside the bundle, and argv0 is what was typed.
  const typed = process.versions["bun"] === undefined ? (process.argv[1] ?? "") : process.argv0;
  const name = typed.slice(Math.max(typed.lastIndexOf("/"), typed.lastIndexOf("\\")) + 1);
  if (/^(?:kseal-kustomize|SecretGenerator|SecretValidator)(?:\.exe)?$/.test(name)) return "render";
  return /^(sops|kubeseal|ksops|kubectl-kseal|kubectl_complete-kseal)(?:\.exe)?$/.exec(name)?.[1] ?? "kseal";
}

function say(line: string): void {
  try {
    // Making `process.stdout` takes several times as long as all the rest.
    process.getBuiltinModule("node:fs").writeSync(1, line);
  } catch {
    // A pipe that is full or closed: the stream knows what to do.
    process.stdout.write(line);
  }
}

function cacheCode(command = ""): () => void {
  if (process.versions["bun"] !== undefined || typeof __dirname === "undefined") return () => undefined;
  // biome-ignore lint/style/noProcessEnv: the host is not loaded yet, and node:os only where it must be.
  const home = process.env["HOME"] || homeOfUser();
  if (home === undefined) return () => undefined;
  const name = /^[a-z_-]{1,24}$/.test(command) ? command : "other";
  return keepCompiledCode(`${home}/.cache/kseal/${version}-${process.version}-${process.arch}`, name);
}

function homeOfUser(): string | undefined {
  try {
    return process.getBuiltinModule("node:os").homedir();
  } catch {
    // A user whom the system does not know, in a container.
    return undefined;
  }
}
