import type { Host } from "../core/ports.ts";
import { createNodeHost } from "../host/node-host.ts";
import { commandTable, optionsOf } from "./command-table.ts";
import { Output } from "./output.ts";
import { quickParse } from "./quick-parse.ts";
import { runAction } from "./run-action.ts";

/**
 * Runs kseal once for the process it lives in.
 *
 * @param calledAs - The name the program was called by; `sops`, `kubeseal` and `ksops` make it behave as these
 *   programs do, `render` is the name of a command, and `kubectl_complete-kseal` as the program that kubectl asks for completions.
 *   `kubectl-kseal` is kseal, whose help says how a plugin of kubectl is called.
 * @returns The exit status.
 */
export async function runProcess(calledAs: string, args: readonly string[]): Promise<number> {
  if (calledAs === "kubectl_complete-kseal") return run(["__complete", ...args], createNodeHost());
  if (calledAs === "kubectl-kseal") return run(args, createNodeHost(), "kubectl kseal");
  return run(calledAs === "kseal" ? args : [calledAs, ...args], createNodeHost());
}

/**
 * Runs one command line on a host. Never throws: what goes wrong is said on standard error.
 *
 * @param program - What help calls the program.
 */
export async function run(args: readonly string[], host: Host, program = "kseal"): Promise<number> {
  try {
    if (args[0] === "sops") {
      const { runSops } = await import("./compat/sops.ts");
      return await runSops(args.slice(1), host);
    }
    if (args[0] === "kubeseal") {
      const { runKubeseal } = await import("./compat/kubeseal.ts");
      return await runKubeseal(args.slice(1), host);
    }
    if (args[0] === "ksops") {
      const { runKsops } = await import("./compat/ksops.ts");
      return await runKsops(args.slice(1), host);
    }
    if (args.length === 0 && !host.terminal.stdinIsTerminal) {
      const status = await runFunction(host);
      if (status !== undefined) return status;
    }
    if (args[0] === "kustomize") return await run(["render", ...args.slice(1)], host);
    if (args[0] === "__complete") {
      const { printCompletions } = await import("./completion.ts");
      return await printCompletions(args.slice(1), host);
    }
    const spec = commandTable.find(({ name }) => name === args[0]);
    const call = spec && quickParse(spec, optionsOf(spec), args.slice(1));
    if (spec !== undefined && call !== undefined) return await runAction(spec, call, host);
    const { runProgram } = await import("./program.ts");
    return await runProgram(args, host, program);
  } catch (error) {
    return new Output(host, { format: "text", name: "kseal" }).failure(error);
  }
}

/**
 * Called with nothing but a standard input, kseal is a KRM function: Kustomize 5.6 and older can give it no arguments.
 *
 * @returns `undefined` when nothing came, as for a program that is started without an input.
 */
async function runFunction(host: Host): Promise<number | undefined> {
  const input = await host.readStdin();
  if (input.length === 0) return undefined;
  const { runRender } = await import("./render-run.ts");
  return await runRender({ as: "kseal", file: undefined, input }, host);
}
