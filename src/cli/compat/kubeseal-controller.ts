import { KsealError } from "../../errors.ts";
import { quote } from "../../gotemplate/quote.ts";
import { type KubeApi, KubeError, type ServiceAnswer } from "../../kube/api.ts";
import { pause } from "../../kube/retries.ts";
import { listField, objectAt, objectField, textField } from "../../sealed/object-fields.ts";
import { KubesealError } from "./kubeseal-error.ts";
import { checkConfigured } from "./kubeseal-kubeconfig.ts";
import type { KubesealRun } from "./kubeseal-run.ts";

// As the client library of Kubernetes.
const mostRetries = 10;
/** Seconds. */
const longestPause = 30;

interface Request {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: Uint8Array;
}

/** Asks the controller. @returns What it said with a status of success, or with 409, which says that it cannot open it. */
type Ask = (request: Request, what: string) => Promise<ServiceAnswer>;

/**
 * Connects to the controller that the call names, and closes the connection behind the work.
 *
 * @throws KubesealError in the original's words, which end in what the API server or the controller said.
 */
export async function withController<T>(run: KubesealRun, work: (ask: Ask) => Promise<T>): Promise<T> {
  const api = await connect(run);
  const { controller } = run.call;
  try {
    const port = await portOf(api, controller);
    return await work(async ({ method, path, body }, what) => {
      try {
        const contentType = body === undefined ? undefined : "application/json";
        const service = { ...controller, port };
        const answer = await patiently(() => api.proxyService(service, { method, path, body, contentType }));
        if (isSuccess(answer) || (method === "POST" && answer.status === 409)) return answer;
        const attempt = `${method.toLowerCase()} services http:${controller.name}:${port}`;
        throw new KubesealError(`${what}: ${refusal(answer)} (${attempt})`);
      } catch (error) {
        throw worded(error, (text) => `${what}: ${text}`);
      }
    });
  } finally {
    api.close();
  }
}

/** Asks again when the controller says when: it answers two questions a second. */
async function patiently(ask: () => Promise<ServiceAnswer>): Promise<ServiceAnswer> {
  for (let attempt = 0; ; attempt++) {
    const answer = await ask();
    const seconds = /^\d+$/.exec(answer.headers["retry-after"] ?? "")?.[0];
    const isBusy = answer.status === 429 || answer.status >= 500;
    if (!isBusy || seconds === undefined || attempt === mostRetries) return answer;
    await pause(Math.min(Number(seconds), longestPause) * 1000, undefined);
  }
}

async function connect(run: KubesealRun): Promise<KubeApi> {
  const { call, host } = run;
  await checkConfigured(call.cluster, host);
  const log = { info: () => undefined, warn: (text: string) => run.warn(text) };
  const { createKubeApi } = await import("../../kube/client.ts");
  try {
    return await createKubeApi({ host, cluster: call.cluster, log });
  } catch (error) {
    if (error instanceof KsealError && error.message.startsWith("--request-timeout")) {
      throw new KubesealError(
        "Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)",
      );
    }
    throw error;
  }
}

/** The name of the service's first port, which may be empty. */
async function portOf(
  api: KubeApi,
  { namespace, name }: { namespace: string; name: string },
): Promise<string> {
  const failed = (text: string): string =>
    `cannot get sealed secret service: ${text}.\nPlease, use the flag --controller-name and --controller-namespace to set up the name and namespace of the sealed secrets controller`;
  try {
    const service = await api.get({ group: "", version: "v1", plural: "services", namespace, name });
    if (service === undefined) throw new KubesealError(failed(`services ${quote(name)} not found`));
    const [port] = listField(objectField(service, "spec", ""), "ports", "spec");
    if (port === undefined) throw new KubesealError(failed(`the service ${quote(name)} has no port`));
    return textField(objectAt(port, "spec.ports[0]"), "name", "spec.ports[0]") ?? "";
  } catch (error) {
    throw worded(error, failed);
  }
}

/** A failure of the API server in the words of the original, which are the server's own where it said something. */
function worded(error: unknown, text: (reason: string) => string): unknown {
  return error instanceof KubeError ? new KubesealError(text(error.serverMessage ?? error.message)) : error;
}

function isSuccess({ status }: ServiceAnswer): boolean {
  return status >= 200 && status < 300;
}

/** What the client library of Kubernetes says for a status without an explanation that it understands. */
const statusTexts: Readonly<Record<number, string>> = {
  400: "the server rejected our request for an unknown reason",
  401: "the server has asked for the client to provide credentials",
  404: "the server could not find the requested resource",
  405: "the server does not allow this method on the requested resource",
  409: "the server reported a conflict",
  422: "the server rejected our request due to an error in our request",
  429: "the server has received too many requests and has asked us to try again later",
  503: "the server is currently unable to handle the request",
  504: "the server was unable to return a response in the time allotted, but may still be processing the request",
};

function refusal({ status, body, headers }: ServiceAnswer): string {
  const isText = /^text\//.test(headers["content-type"] ?? "text/plain");
  const said = isText ? new TextDecoder().decode(body.subarray(0, 2048)).trim() : "unknown";
  const text = statusTexts[status];
  if (text !== undefined) return text;
  if (status === 403) return said;
  return status >= 500
    ? `an error on the server (${quote(said)}) has prevented the request from succeeding`
    : `the server responded with the status code ${status} but did not return more information`;
}
