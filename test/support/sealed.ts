import { createPrivateKey, type KeyObject, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Certificate, readCertificates } from "../../src/sealed/certificate.ts";
import type { SealingKey } from "../../src/sealed/sealing-key.ts";
import { readPemKeys } from "../../src/sealed/sealing-key.ts";

/** The two throwaway key pairs of the vectors. */
export type VectorKey = "rsa2048" | "rsa4096";

/** One sealed value that Sealed Secrets made. */
export interface VectorEnvelope {
  readonly key: VectorKey;
  readonly label: string;
  readonly plaintext: Uint8Array;
  readonly bytes: Uint8Array;
  readonly base64: string;
}

const folder = join(import.meta.dirname, "..", "vectors", "sealed-secrets");

/** The text of a file of the vectors. */
export function sealedVector(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

/** The absolute path of a file of the vectors. */
export function sealedVectorPath(name: string): string {
  return join(folder, name);
}

export const envelopeVectors: readonly VectorEnvelope[] = readEnvelopes();

export function vectorCertificate(key: VectorKey): Certificate {
  return readCertificates(sealedVector(`${key}.crt.pem`))[0]!;
}

/** A key pair of the vectors, as it is read from its two files. */
export function vectorSealingKey(key: VectorKey): SealingKey {
  return readPemKeys(sealedVector(`${key}.key.pem`) + sealedVector(`${key}.crt.pem`))[0]!;
}

export function vectorPrivateKey(key: VectorKey): KeyObject {
  return createPrivateKey(sealedVector(`${key}.key.pem`));
}

export const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length));

function readEnvelopes(): readonly VectorEnvelope[] {
  const { envelopes } = JSON.parse(sealedVector("envelopes.json")) as {
    envelopes: readonly { Key: VectorKey; Label: string; PlaintextB64: string; CiphertextB64: string }[];
  };
  return envelopes.map(({ Key, Label, PlaintextB64, CiphertextB64 }) => ({
    key: Key,
    label: Label,
    plaintext: Uint8Array.from(Buffer.from(PlaintextB64, "base64")),
    bytes: Uint8Array.from(Buffer.from(CiphertextB64, "base64")),
    base64: CiphertextB64,
  }));
}
