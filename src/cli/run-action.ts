import type { Host } from "../core/ports.ts";
import { createContext } from "../wiring.ts";
import { type CommandSpec, OptionValues } from "./command.ts";
import { Output } from "./output.ts";
import { progressOn } from "./progress.ts";
import type { ParsedCall } from "./quick-parse.ts";

/**
 * Runs one command, and tells what goes wrong in the format that the user asked for.
 *
 * @returns The exit status.
 */
export async function runAction(spec: CommandSpec, call: ParsedCall, host: Host): Promise<number> {
  const options = new OptionValues(call.options);
  const output = new Output(host, {
    format: options.text("output") === "json" ? "json" : "text",
    name: "kseal",
  });
  try {
    const { action } = await spec.load();
    const context = () =>
      createContext(host, {
        log: output,
        configPath: options.text("config"),
        decryptionOrder: options.text("decryptionOrder"),
        onProgress: progressOn(host),
      });
    return await action({ args: call.args, options }, { host, output, context });
  } catch (error) {
    return output.failure(error);
  }
}
