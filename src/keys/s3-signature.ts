import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import type { AwsIdentity } from "./aws-credential-sources.ts";

/** A request as it is sent: the headers are signed, too. */
export interface SignedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Signs a request for S3 as AWS asks for it (Signature Version 4), with the hash of its whole body.
 *
 * @param request.now - Milliseconds since 1970: the store refuses what is more than 15 minutes off.
 */
export async function signS3(
  request: {
    readonly method: "GET" | "PUT";
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly now: number;
  },
  signer: { readonly region: string; readonly credentials: AwsIdentity },
): Promise<SignedRequest> {
  const { SignatureV4 } = await import("@smithy/signature-v4");
  const { method, url, headers, body, now } = request;
  const { protocol, host, hostname, pathname, searchParams } = new URL(url);
  const signature = new SignatureV4({
    service: "s3",
    region: signer.region,
    credentials: signer.credentials,
    sha256: Sha256,
    // S3 alone signs the path as it is sent.
    uriEscapePath: false,
  });
  const signed = await signature.sign(
    {
      method,
      protocol,
      hostname,
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: { ...headers, host, "x-amz-content-sha256": createHash("sha256").update(body).digest("hex") },
      body,
    },
    { signingDate: new Date(now) },
  );
  // Whoever sends it names the host as the address has it.
  const { host: _, ...rest } = signed.headers;
  return { url, headers: rest };
}

/** SHA-256 as the signer takes it: with a secret it is the HMAC. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return Uint8Array.from(this.#hash.digest());
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return new TextEncoder().encode(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
