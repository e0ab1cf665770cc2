import type { Host } from "../core/ports.ts";
import { createNodeHost } from "../host/node-host.ts";
import { commandTable, globalOptions } from "./command-table.ts";
import { Output } from "./output.ts";
import { quickParse } from "./quick-parse.ts";
import { runAction } from "./run-action.ts";

/**
 * Runs kseal once for the process it lives in.
 *
 * @param calledAs - The name the program was called by; `sops` and `kubeseal` make it behave as these programs do.
 * @returns The exit status.
 */
export async function runProcess(calledAs: string, args: readonly string[]): Promise<number> {
  return run(calledAs === "kseal" ? args : [calledAs, ...args], createNodeHost());
}

/** Runs one command line on a host. Never throws: what goes wrong is said on standard error. */
export async function run(args: readonly string[], host: Host): Promise<number> {
  try {
    if (args[0] === "sops") {
      const { runSops } = await import("./compat/sops.ts");
      return await runSops(args.slice(1), host);
    }
    if (args[0] === "kubeseal") {
      const { runKubeseal } = await import("./compat/kubeseal.ts");
      return await runKubeseal(args.slice(1), host);
    }
    const spec = commandTable.find(({ name }) => name === args[0]);
    const call = spec && quickParse(spec, [...spec.options, ...globalOptions], args.slice(1));
    if (spec !== undefined && call !== undefined) return await runAction(spec, call, host);
    const { runProgram } = await import("./program.ts");
    return await runProgram(args, host);
  } catch (error) {
    return new Output(host, { format: "text", name: "kseal" }).failure(error);
  }
}
