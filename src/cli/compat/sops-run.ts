import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import type { OpContext } from "../../ops/context.ts";
import { createContext } from "../../wiring.ts";
import type { Output } from "../output.ts";
import type { SopsInvocation } from "./sops-invocation.ts";

/** What the command line asks of one command. */
export type Call<C extends SopsInvocation["command"]> = Extract<SopsInvocation, { command: C }>;

/** What the commands of one run of the drop-in share: the machine, the voice, and how an operation is set up. */
export class SopsRun {
  readonly host: Host;
  readonly output: Output;

  constructor(host: Host, output: Output) {
    this.host = host;
    this.output = output;
  }

  /**
   * What the operations work with.
   *
   * @throws KsealError `CONFIG_NOT_FOUND` when the flags name a configuration file that is missing.
   */
  async context(flags: {
    readonly config: string | undefined;
    readonly decryptionOrder?: string | undefined;
  }): Promise<OpContext> {
    const { config: configPath, decryptionOrder } = flags;
    // SOPS reads it for every command, kseal only where something depends on it.
    if (configPath !== undefined && (await this.host.stat(configPath)) === undefined) {
      throw new KsealError("CONFIG_NOT_FOUND", "no such configuration file", { where: { file: configPath } });
    }
    return createContext(this.host, {
      log: this.output,
      configPath,
      decryptionOrder,
      configFrom: "working-folder",
      layout: "sops",
    });
  }

  /** Refuses a folder: kseal's own commands take one as the files below it. */
  async refuseFolder(file: string | undefined): Promise<void> {
    if (file === undefined || (await this.host.stat(file))?.kind !== "folder") return;
    throw new KsealError("INPUT_UNREADABLE", "a folder, where a file is needed", { where: { file } });
  }

  /** Writes content that went to no file to standard output. */
  async print(result: {
    readonly content: string | Uint8Array;
    readonly writtenTo: string | undefined;
  }): Promise<void> {
    if (result.writtenTo === undefined) await this.host.writeStdout(result.content);
  }
}

/** The refusal of a command or flag that is known and does not work yet. */
export function comesLater(what: string): KsealError {
  return new KsealError("USAGE", `${what} comes in a later version of kseal`, {
    hint: "the original sops does it on the same files",
  });
}
