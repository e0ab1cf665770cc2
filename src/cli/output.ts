import type { Host, Log } from "../core/ports.ts";
import { bugExitCode, KsealError, type Where } from "../errors.ts";
import { FilesError } from "../ops/map-files.ts";
import { printable } from "./printable.ts";

/**
 * The voice of kseal. Content and reports go to standard output; everything said to the user goes to standard error,
 * begins with the program's name, in lower case and without a full stop. There are four ways to talk: a report, a
 * note, a warning, and an error with its hint.
 */
export class Output implements Log {
  readonly #host: Host;
  readonly #format: "text" | "json";
  readonly #name: string;

  constructor(host: Host, options: { format: "text" | "json"; name: string }) {
    this.#host = host;
    this.#format = options.format;
    this.#name = options.name;
  }

  /** Content: the bytes of a file, a value. Text that a terminal could take for commands is refused there. */
  async content(bytes: Uint8Array): Promise<void> {
    if (this.#host.terminal.stdoutIsTerminal && isBinary(bytes)) {
      throw new KsealError("OUTPUT_UNWRITABLE", "the content is binary and standard output is a terminal", {
        hint: "write it to a file with --out FILE",
      });
    }
    await this.#host.writeStdout(bytes);
  }

  /** What a command has to say for itself: lines for people, or the same as JSON with `--output json`. */
  async report(text: string, json: unknown): Promise<void> {
    const line = this.#format === "json" ? JSON.stringify(json, null, 2) : text;
    if (line !== "") await this.#host.writeStdout(`${line}\n`);
  }

  info(text: string): void {
    if (this.#format === "text") this.#say(text);
  }

  warn(text: string): void {
    this.#say(`warning: ${text}`);
  }

  /** Tells of a failure and gives the exit status for it. */
  failure(error: unknown): number {
    if (!(error instanceof KsealError)) return this.#bug(error);
    if (this.#format === "json") {
      const { code, message, hint, where } = error;
      const failures = error instanceof FilesError ? error.failures.map(asJson) : undefined;
      this.#host.writeStderr(`${JSON.stringify({ error: { code, message, ...where, hint, failures } })}\n`);
    } else {
      this.#say(`${place(error.where)}${error.message}`);
      if (error.hint !== undefined) this.#host.writeStderr(`  ${error.hint.replaceAll("\n", "\n  ")}\n`);
    }
    return error.exitCode;
  }

  // The message of an unexpected error may quote what it could not read, so only the place in the code is shown.
  #bug(error: unknown): number {
    const names: string[] = [];
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      names.push(cause.name, ...(cause.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)));
    }
    this.#say("this is a bug in kseal; please report it with the lines below (they hold no data)");
    this.#host.writeStderr(`${names.join("\n")}\n`);
    return bugExitCode;
  }

  #say(text: string): void {
    this.#host.writeStderr(`${this.#name}: ${text}\n`);
  }
}

/** One of several failures; the text names the first of them, programs get all. */
function asJson({ code, message, hint, where }: KsealError): unknown {
  return { code, message, ...where, hint };
}

function place(where: Where | undefined): string {
  if (where === undefined) return "";
  const file = where.file === "-" ? "standard input" : where.file;
  const position = [file, where.line, where.line === undefined ? undefined : where.column];
  const parts = [position.filter((part) => part !== undefined).join(":"), where.path ?? ""];
  const text = parts.filter((part) => part !== "").join(" ");
  return text === "" ? "" : `${printable(text)}: `;
}

function isBinary(bytes: Uint8Array): boolean {
  return bytes.some(
    (byte) => (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) || byte === 0x7f,
  );
}
