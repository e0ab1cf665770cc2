import type { Host } from "../../core/ports.ts";
import { printObjects } from "../../formats/manifest-print.ts";
import type { JsonObject } from "../../sealed/object-fields.ts";
import { formatOf, type KubesealCall } from "./kubeseal-call.ts";

/** What the modes of one run share: the machine, the command line, and where the result goes. */
export class KubesealRun {
  readonly host: Host;
  readonly call: KubesealCall;

  constructor(host: Host, call: KubesealCall) {
    this.host = host;
    this.call = call;
  }

  /** Prints objects in the format that was asked for. @throws KubesealError for a format that is none. */
  print(objects: readonly JsonObject[]): Uint8Array {
    return printObjects(objects, formatOf(this.call.format));
  }

  /** Writes the result, whole and at the end: to the file of `-w`, else to standard output. */
  async write(content: Uint8Array | string): Promise<void> {
    const { output } = this.call;
    if (output === "") return this.host.writeStdout(content);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await this.host.createFile(output, bytes, { overwrite: true });
  }

  warn(text: string): void {
    this.host.writeStderr(`warning: ${text}\n`);
  }
}
