import { type KubeApi, KubeError, type ServiceAnswer, type ServicePort } from "./api.ts";
import { fieldOf, listOf, numberOf, textOf } from "./fields.ts";
import { pause } from "./retries.ts";
import { oneLine, shellWord } from "./server-text.ts";

/*
 * The Sealed Secrets controller serves plain HTTP behind a service, which clients reach through the API server
 * (sealed-secrets.md 4 and 5.6):
 *
 *   GET  /v1/cert.pem   the certificate to seal with
 *   POST /v1/verify     a SealedSecret; 200 opens, 409 does not
 *   POST /v1/rotate     a SealedSecret; the same under the newest key
 */

/** Where a controller is said to be. */
export interface ControllerName {
  readonly namespace: string;
  readonly name: string;
}

const found = new WeakMap<KubeApi, Map<string, Promise<ServicePort>>>();

/**
 * The service of a controller with its port, which is the first one, as `kubeseal` has it. A client asks once.
 *
 * @throws KubeError `CLUSTER_UNREACHABLE` with status 404 when there is no such service.
 */
export function findController(api: KubeApi, controller: ControllerName): Promise<ServicePort> {
  const known = found.get(api) ?? new Map<string, Promise<ServicePort>>();
  found.set(api, known);
  const key = `${controller.namespace}/${controller.name}`;
  const service = known.get(key) ?? lookUp(api, controller);
  known.set(key, service);
  service.catch(() => known.delete(key));
  return service;
}

async function lookUp(api: KubeApi, { namespace, name }: ControllerName): Promise<ServicePort> {
  const service = await api.get({ group: "", version: "v1", plural: "services", namespace, name });
  const chosen = api.context === undefined ? "" : ` --context ${shellWord(api.context)}`;
  if (service === undefined) {
    throw new KubeError(
      "CLUSTER_UNREACHABLE",
      `there is no service ${namespace}/${name} of a Sealed Secrets controller in the cluster at ${api.server}`,
      {
        status: 404,
        reason: "NotFound",
        serverMessage: `services ${JSON.stringify(name)} not found`,
        hint: `\`kubectl get services -A${chosen} | grep sealed-secrets\` finds it; name it with --controller-namespace and --controller-name`,
      },
    );
  }
  const [port] = listOf(fieldOf(service, "spec"), "ports");
  if (port === undefined) {
    throw new KubeError("CLUSTER_UNREACHABLE", `the service ${namespace}/${name} has no ports`, {
      hint: `\`kubectl get service ${shellWord(name)} -n ${shellWord(namespace)}${chosen} -o yaml\` shows it`,
    });
  }
  return { namespace, name, port: textOf(port, "name") ?? "" };
}

const patience = 15_000;
const largestCertificate = 1024 * 1024;

/**
 * The certificate that the controller seals with now, as it is sent: PEM, unchecked.
 *
 * @throws KubeError
 */
export async function fetchCertificatePem(api: KubeApi, controller: ControllerName): Promise<string> {
  const service = await findController(api, controller);
  const answer = await api.proxyService(service, { method: "GET", path: "/v1/cert.pem" });
  if (answer.status !== 200) throw refused("give its certificate", controller, answer);
  if (answer.body.length > largestCertificate)
    throw refused("give a certificate of usual size", controller, answer);
  return new TextDecoder().decode(answer.body);
}

/**
 * Whether the controller can open a SealedSecret.
 *
 * @param sealed - The object as JSON or YAML.
 * @throws KubeError When the controller cannot say.
 */
export async function verifySealed(
  api: KubeApi,
  controller: ControllerName,
  sealed: Uint8Array,
  signal?: AbortSignal,
): Promise<boolean> {
  const answer = await post(api, controller, { path: "/v1/verify", sealed, signal });
  if (answer.status === 200) return true;
  if (answer.status === 409) return false;
  throw refused("verify the SealedSecret", controller, answer);
}

/**
 * A SealedSecret under the controller's newest key, as the controller prints it: JSON. What the original controller
 * leaves out of it (template, labels, annotations) is for the caller to keep.
 *
 * @param sealed - The object as JSON or YAML.
 * @throws KubeError With the controller's status, which is 500 for whatever is wrong.
 */
export async function rotateSealed(
  api: KubeApi,
  controller: ControllerName,
  sealed: Uint8Array,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const answer = await post(api, controller, { path: "/v1/rotate", sealed, signal });
  if (answer.status === 200) return answer.body;
  throw refused("seal the SealedSecret again", controller, answer);
}

/** Posts; a controller that is asked too often (two a second for each client) is asked again. */
async function post(
  api: KubeApi,
  controller: ControllerName,
  { path, sealed, signal }: { path: string; sealed: Uint8Array; signal: AbortSignal | undefined },
): Promise<ServiceAnswer> {
  const service = await findController(api, controller);
  for (let waited = 0; ; ) {
    const request = { method: "POST", path, body: sealed, contentType: "application/json" } as const;
    const answer = await api.proxyService(service, request);
    const ms = Number(answer.headers["retry-after"] ?? 1) * 1000 + 100;
    if (answer.status !== 429 || !(waited + ms <= patience) || signal?.aborted === true) return answer;
    await pause(ms, signal);
    waited += ms;
  }
}

function refused(
  what: string,
  { namespace, name }: ControllerName,
  { status, headers, body }: ServiceAnswer,
): KubeError {
  const isText = headers["content-type"]?.startsWith("text/plain") === true && body.length < 2000;
  const said = isText ? oneLine(new TextDecoder().decode(body)) : "";
  const words = said === "" ? "" : `: ${said}`;
  return new KubeError(
    "CLUSTER_UNREACHABLE",
    `the controller ${namespace}/${name} does not ${what} (status ${status})${words}`,
    {
      status,
      ...(said !== "" && { serverMessage: said }),
      hint: `\`kubectl logs -n ${shellWord(namespace)} deployment/${shellWord(name)}\` says why`,
      retryAfterMs: numberOf({ ms: Number(headers["retry-after"]) * 1000 }, "ms"),
    },
  );
}
