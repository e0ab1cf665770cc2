import {
  type LoopbackAnswer,
  type LoopbackOptions,
  type LoopbackRequest,
  type LoopbackServer,
  serveLoopback,
} from "./loopback-server.ts";

/** `hang` never answers, `reset` ends the connection, `garbage` answers 200 with no protocol's words. */
export type Fault = "hang" | "reset" | "garbage" | "error" | "throttle";

export interface FaultOptions extends LoopbackOptions {
  /** How many requests meet the fault; all of them when left out. Those after go to `target`. */
  readonly times?: number;
  /** The URL of the server that answers the rest. */
  readonly target?: string;
  /** The service's own words for `error` (else a bare 500) and `throttle` (else a bare 429). */
  readonly answer?: LoopbackAnswer;
}

/** A server that fails in one way: for good, or so many times before it passes requests on. */
export function startFaults(fault: Fault, options: FaultOptions = {}): Promise<LoopbackServer> {
  let left = options.times ?? Number.POSITIVE_INFINITY;
  return serveLoopback((request) => {
    if (left-- > 0) return faultOf(fault, options.answer);
    if (options.target === undefined) throw new Error("the faults are over, and there is no target");
    return passOn(request, options.target);
  }, options);
}

function faultOf(fault: Fault, answer: LoopbackAnswer | undefined): LoopbackAnswer | "hang" | "reset" {
  switch (fault) {
    case "hang":
    case "reset":
      return fault;
    case "garbage":
      return {
        status: 200,
        headers: { "content-type": "text/html" },
        body: "<html>Welcome to the hotel</html>",
      };
    case "error":
      return answer ?? { status: 500, body: "" };
    case "throttle":
      return answer ?? { status: 429, body: "" };
  }
}

async function passOn(
  { method, path, headers, body }: LoopbackRequest,
  target: string,
): Promise<LoopbackAnswer> {
  const { host: _host, connection: _connection, "content-length": _length, ...rest } = headers;
  const passed = Object.entries(rest).map(([name, value]): [string, string] => [name, String(value)]);
  const answer = await fetch(new URL(path, target), {
    method,
    headers: passed,
    body: method === "GET" || method === "HEAD" ? null : body,
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: { "content-type": answer.headers.get("content-type") ?? "application/json" },
    body: text,
  };
}
