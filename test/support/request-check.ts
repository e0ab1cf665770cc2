/*
 * Sends the requests that its first argument lists, one after the other, through the host of the runtime it is run in,
 * and prints what each came to. Node and Bun, which the executable is built on, have clients of their own.
 */
import type { HttpRequest } from "../../src/core/ports.ts";
import { KsealError } from "../../src/errors.ts";
import { createNodeHost } from "../../src/host/node-host.ts";

/** What became of a request: the text of the answer, or why there was none. */
export interface RequestOutcome {
  readonly status?: number;
  readonly location?: string | undefined;
  readonly body?: string;
  readonly message?: string;
  /** The system's name for the reason. */
  readonly code?: string | undefined;
}

const requests: readonly HttpRequest[] = JSON.parse(process.argv[2] ?? "[]");
const host = createNodeHost();
const outcomes: RequestOutcome[] = [];
for (const request of requests) outcomes.push(await outcomeOf(request));
process.stdout.write(JSON.stringify(outcomes));

async function outcomeOf(request: HttpRequest): Promise<RequestOutcome> {
  try {
    const { status, headers, body } = await host.request(request);
    return { status, location: headers["location"], body: Buffer.from(body).toString("utf8").slice(0, 100) };
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const { cause } = error;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
    return { message: error.message, code: code ?? (cause instanceof Error ? cause.name : undefined) };
  }
}
