import { describe, expect, test } from "vitest";
import type { KubeApi } from "../../src/kube/api.ts";
import {
  fetchCertificatePem,
  findController,
  rotateSealed,
  verifySealed,
} from "../../src/kube/sealed-secrets-service.ts";
import { type Answer, clientOf, startKubeServer, statusAnswer } from "../support/kube-server.ts";

const controller = { namespace: "kube-system", name: "sealed-secrets-controller" };
const lookUp = "/api/v1/namespaces/kube-system/services/sealed-secrets-controller";
const proxied = "/api/v1/namespaces/kube-system/services/http:sealed-secrets-controller:http/proxy";
const service = { kind: "Service", spec: { ports: [{ name: "http", port: 8080 }, { name: "metrics" }] } };
const body = new TextEncoder().encode('{"kind":"SealedSecret"}');
const text = { "content-type": "text/plain; charset=utf-8" };

async function cluster(answer: Answer, first: Answer = { body: service }) {
  const server = await startKubeServer(({ url }) => (url === lookUp ? first : answer));
  return { ...(await clientOf(server)), server };
}

test("the certificate is fetched through the API server, from the port that the service names first", async () => {
  const { api, server } = await cluster({
    headers: { "content-type": "application/x-pem-file" },
    body: "PEM\n",
  });
  expect(await fetchCertificatePem(api, controller)).toBe("PEM\n");
  expect(await fetchCertificatePem(api, controller)).toBe("PEM\n");
  expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
    `GET ${lookUp}`,
    `GET ${proxied}/v1/cert.pem`,
    `GET ${proxied}/v1/cert.pem`,
  ]);
});

test("a port without a name is addressed by none, as kubeseal does it", async () => {
  const { api, server } = await cluster({ body: "PEM" }, { body: { spec: { ports: [{ port: 8080 }] } } });
  await fetchCertificatePem(api, controller);
  expect(server.requests[1]!.url).toBe(proxied.replace(":http/", ":/").concat("/v1/cert.pem"));
});

test.for<[string, Answer, boolean]>([
  ["opens", { status: 200, body: "" }, true],
  ["does not open", { status: 409, body: "" }, false],
])("the controller says whether a SealedSecret %s", async ([, answer, expected]) => {
  const { api, server } = await cluster(answer);
  expect(await verifySealed(api, controller, body)).toBe(expected);
  expect(server.requests[1]).toMatchObject({
    method: "POST",
    url: `${proxied}/v1/verify`,
    body: '{"kind":"SealedSecret"}',
    headers: { "content-type": "application/json" },
  });
});

test("a controller that is asked too often is asked again after the time it names", async () => {
  const server = await startKubeServer(({ url }, count) => {
    if (url === lookUp) return { body: service };
    return count === 2
      ? { status: 429, headers: { ...text, "retry-after": "0" }, body: "limit exceeded" }
      : { body: '{"kind":"SealedSecret","spec":{}}' };
  });
  const { api } = await clientOf(server);
  const rotated = await rotateSealed(api, controller, body);
  expect(JSON.parse(new TextDecoder().decode(rotated))).toEqual({ kind: "SealedSecret", spec: {} });
  expect(server.requests.at(-1)!.url).toBe(`${proxied}/v1/rotate`);
});

describe("failures", () => {
  const fetch = (api: KubeApi) => fetchCertificatePem(api, controller);
  const rotate = (api: KubeApi) => rotateSealed(api, controller, body);
  const logs = "`kubectl logs -n kube-system deployment/sealed-secrets-controller` says why";
  const noRight =
    'services "http:sealed-secrets-controller:http" is forbidden: User "eve" cannot get resource "services/proxy"';

  test.for<[string, (api: KubeApi) => Promise<unknown>, Answer, Answer | undefined, object]>([
    [
      "no such service",
      (api) => findController(api, controller),
      {},
      statusAnswer(404, "NotFound", "not found"),
      {
        code: "CLUSTER_UNREACHABLE",
        status: 404,
        serverMessage: 'services "sealed-secrets-controller" not found',
        message: expect.stringMatching(
          /^there is no service kube-system\/sealed-secrets-controller of a Sealed Secrets controller in the cluster at https:/,
        ),
        hint: "`kubectl get services -A --context test | grep sealed-secrets` finds it; name it with --controller-namespace and --controller-name",
      },
    ],
    [
      "a service without ports",
      fetch,
      {},
      { body: { spec: {} } },
      {
        code: "CLUSTER_UNREACHABLE",
        message: "the service kube-system/sealed-secrets-controller has no ports",
      },
    ],
    [
      "no right to the service",
      fetch,
      {},
      statusAnswer(403, "Forbidden", 'services "x" is forbidden'),
      {
        code: "CLUSTER_FORBIDDEN",
        hint: "`kubectl auth can-i get services/sealed-secrets-controller -n kube-system --context test` asks for this right alone",
      },
    ],
    [
      "no right to the proxy",
      fetch,
      statusAnswer(403, "Forbidden", noRight),
      undefined,
      {
        code: "CLUSTER_FORBIDDEN",
        message: noRight,
        hint: "`kubectl auth can-i get services/http:sealed-secrets-controller:http --subresource=proxy -n kube-system --context test` asks for this right alone",
      },
    ],
    [
      "no pod behind the service",
      fetch,
      statusAnswer(503, "ServiceUnavailable", 'no endpoints available for service "x"'),
      undefined,
      {
        code: "CLUSTER_UNREACHABLE",
        status: 503,
        reason: "ServiceUnavailable",
        serverMessage: 'no endpoints available for service "x"',
      },
    ],
    [
      "a controller without a certificate",
      fetch,
      { status: 500, headers: text, body: "cannot get certificate\n" },
      undefined,
      {
        code: "CLUSTER_UNREACHABLE",
        status: 500,
        message:
          "the controller kube-system/sealed-secrets-controller does not give its certificate (status 500): cannot get certificate",
        hint: logs,
      },
    ],
    [
      "a controller that cannot rotate",
      rotate,
      { status: 500, body: "" },
      undefined,
      {
        status: 500,
        message:
          "the controller kube-system/sealed-secrets-controller does not seal the SealedSecret again (status 500)",
      },
    ],
    [
      "a web page in its place",
      (api) => verifySealed(api, controller, body),
      { status: 404, headers: { "content-type": "text/html" }, body: "<p>" },
      undefined,
      {
        status: 404,
        message:
          "the controller kube-system/sealed-secrets-controller does not verify the SealedSecret (status 404)",
      },
    ],
    [
      "a certificate of 2 MiB",
      fetch,
      { body: Buffer.alloc(2 << 20, 0x20) },
      undefined,
      { code: "CLUSTER_UNREACHABLE" },
    ],
  ])("%s", async ([, call, answer, first, expected]) => {
    const { api } = await cluster(answer, first);
    await expect(call(api)).rejects.toMatchObject(expected);
  });
});
