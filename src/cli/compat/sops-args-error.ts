import { KsealError } from "../../errors.ts";

/** A command line that `sops` refuses with a status of its own: 1 for a wrong flag, 3 for an unknown help topic. */
export class SopsArgsError extends KsealError {
  readonly #status: number;

  constructor(message: string, options: { readonly status: number; readonly hint?: string | undefined }) {
    super("USAGE", message, { hint: options.hint });
    this.#status = options.status;
  }

  override get exitCode(): number {
    return this.#status;
  }
}
