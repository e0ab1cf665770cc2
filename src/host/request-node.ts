import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { HttpAnswer } from "../core/ports.ts";
import { isLoopback, readAnswer, type Send } from "./http-answer.ts";
import type { Machine } from "./machine.ts";

/** Sends a request with Node's own client. Connections stay open for the next one. */
export const sendWithNode: Send = async (machine, request) => {
  const { url, method, headers, body, tls, signal } = request;
  const isSecure = url.startsWith("https:");
  const { Agent, request: open } = isSecure ? await import("node:https") : await import("node:http");
  const proxyEnv = isSecure && !isLoopback(url) ? machine.env : undefined;
  const agent = agentFor(machine, `${isSecure} ${proxyEnv !== undefined}`, () => {
    const options = { keepAlive: true, ...(proxyEnv && { proxyEnv }) };
    return new Agent(options);
  });
  const { serverName, ...material } = tls ?? {};
  const options = {
    method,
    headers,
    agent,
    signal,
    ...material,
    ...(serverName && { servername: serverName }),
  };
  return await answerTo((respond) => open(url, options as RequestOptions, respond), body);
};

const agents = new WeakMap<Machine, Map<string, Agent>>();

function agentFor(machine: Machine, kind: string, create: () => Agent): Agent {
  const known = agents.get(machine) ?? new Map<string, Agent>();
  agents.set(machine, known);
  const agent = known.get(kind) ?? create();
  known.set(kind, agent);
  return agent;
}

function answerTo(
  open: (respond: (incoming: IncomingMessage) => void) => ClientRequest,
  body: string | undefined,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = open((incoming) => {
      whole(incoming).then(resolve, reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function whole(incoming: IncomingMessage): Promise<HttpAnswer> {
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as const);
  return {
    status: incoming.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    body: await readAnswer(incoming),
  };
}
