import { protos } from "@google-cloud/kms";
import { Server, ServerCredentials, type ServiceDefinition, type sendUnaryData, status } from "@grpc/grpc-js";
import type { TestCertificate } from "./certificate.ts";
import { type GcpOperation, serveGcpKms } from "./gcp-kms.ts";
import { type KeyStates, keyStates } from "./key-states.ts";

/** Google Cloud KMS on 127.0.0.1, as gRPC with TLS, which is how `sops` speaks to it unless told otherwise. */
export interface GcpKmsGrpcServer {
  /** `host:port`: gRPC addresses have no scheme. */
  readonly address: string;
  /** `Encrypt`, `Decrypt`, in the order of the calls. */
  readonly calls: readonly string[];
  readonly setKey: KeyStates["setKey"];
  close(): Promise<void>;
}

/** @param options.hang - Calls get no answer. */
export async function startGcpKmsGrpc(
  certificate: TestCertificate,
  options: { readonly hang?: boolean } = {},
): Promise<GcpKmsGrpcServer> {
  const states = keyStates();
  const calls: string[] = [];
  const handler =
    (operation: GcpOperation) =>
    (
      call: { request: GrpcRequest; metadata: { get(name: string): readonly (string | Buffer)[] } },
      answer: sendUnaryData<Uint8Array>,
    ): void => {
      calls.push(operation);
      if (options.hang) return;
      const [token] = call.metadata.get("authorization");
      const outcome = serveGcpKms({ ...call.request, operation, token: token?.toString() }, states);
      if ("status" in outcome) answer({ code: status[outcome.status], details: outcome.message });
      else answer(null, outcome.bytes);
    };
  const server = new Server();
  server.addService(service, { encrypt: handler("encrypt"), decrypt: handler("decrypt") });
  const pair = { private_key: Buffer.from(certificate.key), cert_chain: Buffer.from(certificate.cert) };
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createSsl(null, [pair]), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    address: `localhost:${port}`,
    calls,
    setKey: states.setKey,
    close: async () => server.forceShutdown(),
  };
}

interface GrpcRequest {
  readonly name: string;
  readonly bytes: Buffer;
}

const { EncryptRequest, EncryptResponse, DecryptRequest, DecryptResponse } = protos.google.cloud.kms.v1;
const service: ServiceDefinition = {
  encrypt: {
    path: "/google.cloud.kms.v1.KeyManagementService/Encrypt",
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: (bytes: Buffer): GrpcRequest => {
      const { name, plaintext } = EncryptRequest.decode(bytes);
      return { name, bytes: Buffer.from(plaintext) };
    },
    responseSerialize: (ciphertext: Uint8Array) =>
      Buffer.from(EncryptResponse.encode({ ciphertext }).finish()),
    responseDeserialize: () => undefined,
  },
  decrypt: {
    path: "/google.cloud.kms.v1.KeyManagementService/Decrypt",
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: (bytes: Buffer): GrpcRequest => {
      const { name, ciphertext } = DecryptRequest.decode(bytes);
      return { name, bytes: Buffer.from(ciphertext) };
    },
    responseSerialize: (plaintext: Uint8Array) => Buffer.from(DecryptResponse.encode({ plaintext }).finish()),
    responseDeserialize: () => undefined,
  },
};
