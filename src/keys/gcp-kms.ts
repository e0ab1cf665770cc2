import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import { DataKey } from "../core/data-key.ts";
import type { MasterKey } from "../core/master-key.ts";
import type { Host } from "../core/ports.ts";
import { gcpCredentials } from "./gcp-credentials.ts";
import { parseGcpResource } from "./gcp-resource.ts";
import { gcpRest } from "./gcp-rest.ts";
import { type GcpRequest, type GcpService, gcpEndpoint } from "./gcp-service.ts";
import { type InFlight, inFlight } from "./in-flight.ts";
import { KeyFailure } from "./key-failure.ts";
import type { KeyContext, KeyProvider } from "./provider.ts";

type GcpKmsKey = Extract<MasterKey, { type: "gcp_kms" }>;

/** One connection to the service for all keys of a run. */
interface Connection {
  readonly service: Promise<GcpService>;
  readonly inFlight: InFlight;
}

/** Master keys of Google Cloud KMS. */
export const gcpKmsProvider: KeyProvider<GcpKmsKey> = createGcpKms();

/**
 * Builds the provider.
 *
 * @param options.timeout - How long each request may take, in milliseconds.
 */
export function createGcpKms({
  timeout = 10_000,
}: {
  readonly timeout?: number;
} = {}): KeyProvider<GcpKmsKey> {
  const connections = new WeakMap<Host, Connection>();

  const connection = (context: KeyContext, project: string): Connection => {
    const known = connections.get(context.host);
    if (known) return known;
    const service = connect(context, { project, timeout });
    const made = { service, inFlight: inFlight() };
    connections.set(context.host, made);
    // What failed may work the next time, in a program that goes on.
    service.catch(() => connections.delete(context.host));
    return made;
  };
  const ask = async (request: Omit<GcpRequest, "signal">, context: KeyContext): Promise<Uint8Array> => {
    const { service, inFlight } = connection(context, request.resource.project);
    const serve = await service;
    return await inFlight(() => serve({ ...request, signal: context.signal }));
  };

  return {
    async wrap({ resourceId }, dataKey, context) {
      const resource = parseGcpResource(resourceId);
      return encodeBase64(await ask({ operation: "encrypt", resource, bytes: dataKey.reveal() }, context));
    },

    async unwrap({ key: { resourceId }, enc }, context) {
      const resource = parseGcpResource(resourceId);
      // Go's decoder, and so SOPS, passes over line breaks.
      const bytes = decodeBase64(enc.replaceAll(/[\r\n]/g, ""));
      if (!bytes) {
        throw new KeyFailure("mismatch", "the wrapped data key is not base64", {
          hint: "take the key's entry of the sops block from Git: git log -p FILE",
        });
      }
      return new DataKey(await ask({ operation: "decrypt", resource, bytes }, context));
    },
  };
}

async function connect(
  context: KeyContext,
  { project, timeout }: { project: string; timeout: number },
): Promise<GcpService> {
  const protocol = protocolOf(context);
  const credentials = await gcpCredentials(context, { project, timeout });
  const endpoint = gcpEndpoint(context, credentials.client.universeDomain);
  const setup = { credentials, endpoint, timeout };
  if (protocol === "rest") return gcpRest(setup);
  const { gcpGrpc } = await import("./gcp-grpc.ts");
  return gcpGrpc(setup, project);
}

/**
 * SOPS speaks gRPC unless told otherwise. kseal speaks REST, because the library for gRPC takes longer to load than the
 * whole request takes.
 */
function protocolOf({ host }: KeyContext): "grpc" | "rest" {
  const chosen = host.env["SOPS_GCP_KMS_CLIENT_TYPE"]?.toLowerCase() || "rest";
  if (chosen === "grpc" || chosen === "rest") return chosen;
  throw new KeyFailure("unsupported", `SOPS_GCP_KMS_CLIENT_TYPE is neither grpc nor rest`, {
    hint: "SOPS_GCP_KMS_CLIENT_TYPE=rest",
  });
}
