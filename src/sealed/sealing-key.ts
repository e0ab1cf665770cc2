import { createPrivateKey, generateKeyPair, type KeyObject } from "node:crypto";
import { epochOf } from "../core/calendar.ts";
import { pemBlocks } from "../core/pem.ts";
import { KsealError } from "../errors.ts";
import { type Certificate, readCertificates } from "./certificate.ts";
import { field, type JsonObject, objectAt } from "./object-fields.ts";
import { noMeta } from "./object-meta.ts";
import { keyFingerprint, modulusLength } from "./rsa-key.ts";
import { expandList, placeOf, readSecret, type Secret } from "./secret.ts";
import { selfSignedCertificate } from "./self-signed.ts";
import { activeLabel, isWrapped, sealingKeyLabel } from "./wrapped-key.ts";

/** A key pair of a cluster. It opens what was sealed for its certificate. */
export interface SealingKey {
  /** The Secret it came from: `kube-system/sealed-secrets-keyx7k2p`; empty for a key from a PEM file. */
  readonly name: string;
  readonly privateKey: KeyObject;
  /** Missing where a backup holds the key alone. */
  readonly certificate?: Certificate;
  /** As OpenSSH prints it. */
  readonly fingerprint: string;
  /** Bytes. */
  readonly modulusLength: number;
  /** When its Secret was made; milliseconds since 1970. */
  readonly createdAt?: number;
  /** The value of the label that makes a controller load it: `active`, or `wrapped`. */
  readonly label?: string;
}

/** How a cluster orders its keys, in the controller's words: `--key-order-priority`. */
export type KeyOrder = "CertNotBefore" | "SecretCreationTimestamp";

/** What a backup holds. */
export interface KeyBackup {
  /** Each with the Secret that it is in. */
  readonly keys: readonly (SealingKey & { readonly secret: Secret })[];
  /** Objects that are no key, each with the reason: one bad entry does not make the others useless (S13). */
  readonly refused: readonly { readonly name: string; readonly error: KsealError }[];
  /** Secrets whose key has to be unwrapped first, by position. */
  readonly wrapped: readonly { readonly name: string; readonly secret: Secret }[];
}

/**
 * Reads the key of a Secret as the controller writes it: `tls.key` (PKCS#1 or PKCS#8) and `tls.crt`.
 *
 * @throws KsealError `CERTIFICATE_INVALID` when there is no RSA key, or the certificate is for another key (S14).
 */
export function readSealingKey(secret: Secret): SealingKey {
  const name = placeOf(secret.metadata);
  const pem = secret.data.get("tls.key");
  if (pem === undefined) {
    throw new KsealError("CERTIFICATE_INVALID", `the Secret ${name} has no tls.key`, {
      hint: `sealing keys are the Secrets with the label ${sealingKeyLabel}`,
    });
  }
  if (isWrapped(secret)) {
    throw new KsealError("CERTIFICATE_INVALID", `the private key of ${name} is wrapped: SOPS encrypted it`, {
      hint: "take it out of its envelope: kseal keys unwrap",
    });
  }
  const crt = secret.data.get("tls.crt");
  const decoder = new TextDecoder();
  const key = keyOf(decoder.decode(pem), crt && decoder.decode(crt), name);
  const created = secret.metadata.other.get("creationTimestamp");
  const createdAt = typeof created === "string" ? epochOf(created) : undefined;
  const label = secret.metadata.labels.get(sealingKeyLabel);
  return {
    ...key,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(label === undefined ? {} : { label }),
  };
}

/**
 * Reads a PEM file: every private key in it, and the certificate that belongs to it where there is one.
 *
 * @throws KsealError `CERTIFICATE_INVALID` when there is no private key, or one is unreadable or not RSA.
 */
export function readPemKeys(text: string): readonly SealingKey[] {
  const blocks = pemBlocks(text);
  const keys = blocks
    .filter(({ label }) => label.endsWith("PRIVATE KEY"))
    .map(({ text: pem }) => keyOf(pem, undefined, ""));
  if (keys.length === 0) throw new KsealError("CERTIFICATE_INVALID", "the file holds no private key");
  const certificates = blocks.some(({ label }) => label === "CERTIFICATE") ? readCertificates(text) : [];
  return unique(
    keys.map((key) => {
      const certificate = certificates.find(({ keyFingerprint }) => keyFingerprint === key.fingerprint);
      return certificate === undefined ? key : { ...key, certificate };
    }),
  );
}

/**
 * Reads a backup that was parsed from YAML or JSON: Secrets, and lists of them, as `kubectl get -o yaml` prints them.
 *
 * @param documents - One for each document of the file.
 */
export function readKeyBackup(documents: readonly unknown[]): KeyBackup {
  const keys: (SealingKey & { secret: Secret })[] = [];
  const refused: { name: string; error: KsealError }[] = [];
  const wrapped: { name: string; secret: Secret }[] = [];
  for (const [at, object] of documents.flatMap(backedUp).entries()) {
    const position = `object ${at + 1}`;
    try {
      const secret = readSecret(object);
      if (isWrapped(secret)) wrapped.push({ name: position, secret });
      else keys.push({ ...readSealingKey(secret), secret });
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      refused.push({ name: position, error });
    }
  }
  return { keys: unique(keys), refused, wrapped };
}

/** The objects of a document. Programs in Go that save what the API server answered leave out what kind of object it is. */
function backedUp(document: unknown): readonly JsonObject[] {
  const object = objectAt(document, "");
  if (field(object, "kind") !== undefined || field(object, "apiVersion") !== undefined) {
    return expandList(object).map(asSecret);
  }
  if (field(object, "items") !== undefined) return expandList({ ...object, kind: "List" }).map(asSecret);
  return [asSecret(object)];
}

function asSecret(object: JsonObject): JsonObject {
  const isNamed = field(object, "kind") !== undefined || field(object, "apiVersion") !== undefined;
  return isNamed ? object : { ...object, apiVersion: "v1", kind: "Secret" };
}

/**
 * Keys in the order in which they are tried, and of which the first seals: newest first. A key without the date that
 * counts comes last.
 */
export function newestFirst<K extends Pick<SealingKey, "certificate" | "createdAt">>(
  keys: readonly K[],
  by: KeyOrder = "CertNotBefore",
): readonly K[] {
  const date = ({ certificate, createdAt }: K) =>
    (by === "CertNotBefore" ? certificate?.notBefore : createdAt) ?? Number.NEGATIVE_INFINITY;
  return keys.toSorted((a, b) => {
    const [left, right] = [date(a), date(b)];
    return left === right ? 0 : right - left;
  });
}

export interface NewSealingKey {
  /** 4096 is what controllers make. */
  readonly bits: number;
  /** Milliseconds. */
  readonly validFor: number;
  /** Empty for a certificate that names nobody. */
  readonly commonName: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly random: (length: number) => Uint8Array;
  readonly namespace: string;
  /** The Secret's name, or `generateName`, the beginning of one that the cluster completes. */
  readonly name: string | { readonly generateName: string };
}

/** Makes a key pair with a self-signed certificate, as the Secret in which a controller finds it. */
export async function newSealingKey(options: NewSealingKey): Promise<Secret> {
  const privateKey = await generateRsaKey(options.bits);
  const certificate = selfSignedCertificate(privateKey, {
    commonName: options.commonName,
    notBefore: options.now,
    notAfter: options.now + options.validFor,
    serial: options.random(16),
  });
  const encoder = new TextEncoder();
  const key = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
  const named = typeof options.name === "string";
  return {
    metadata: {
      ...noMeta,
      name: typeof options.name === "string" ? options.name : "",
      namespace: options.namespace,
      labels: new Map([[sealingKeyLabel, activeLabel]]),
      other: new Map(named ? [] : Object.entries(options.name)),
    },
    type: "kubernetes.io/tls",
    data: new Map([
      ["tls.crt", encoder.encode(certificate)],
      ["tls.key", encoder.encode(key)],
    ]),
  };
}

function keyOf(pem: string, crt: string | undefined, name: string): SealingKey {
  const of = name === "" ? "" : ` of ${name}`;
  const privateKey = parsePrivateKey(pem, of);
  // As the controller: the first certificate is the key's own, whatever follows.
  const certificate = crt === undefined || crt.trim() === "" ? undefined : readCertificates(crt)[0];
  const fingerprint = keyFingerprint(privateKey);
  if (certificate !== undefined && certificate.keyFingerprint !== fingerprint) {
    throw new KsealError("CERTIFICATE_INVALID", `the certificate${of} does not belong to its private key`, {
      hint: "take tls.crt and tls.key from the same backup",
    });
  }
  return {
    name,
    privateKey,
    ...(certificate === undefined ? {} : { certificate }),
    fingerprint,
    modulusLength: modulusLength(privateKey),
  };
}

function parsePrivateKey(pem: string, of: string): KeyObject {
  const block = pemBlocks(pem).find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) {
    throw new KsealError("CERTIFICATE_INVALID", `the private key${of} is not PEM`);
  }
  if (block.label === "ENCRYPTED PRIVATE KEY" || block.text.includes("Proc-Type: 4,ENCRYPTED")) {
    throw new KsealError("CERTIFICATE_INVALID", `the private key${of} is protected by a passphrase`, {
      hint: "take the passphrase off: openssl rsa -in KEY -out PLAIN",
    });
  }
  const key = createKey(block.text, of);
  if (key.asymmetricKeyType !== "rsa") {
    throw new KsealError("CERTIFICATE_INVALID", `the private key${of} is not an RSA key`);
  }
  return key;
}

function createKey(pem: string, of: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause of OpenSSL says nothing that helps, and hangs on to the text.
    throw new KsealError("CERTIFICATE_INVALID", `the private key${of} cannot be read`);
  }
}

function unique<K extends SealingKey>(keys: readonly K[]): readonly K[] {
  return [...Map.groupBy(keys, ({ fingerprint }) => fingerprint).values()].flatMap((same) =>
    same.slice(0, 1),
  );
}

function generateRsaKey(bits: number): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    generateKeyPair("rsa", { modulusLength: bits }, (error, _publicKey, privateKey) => {
      if (error) reject(error);
      else resolve(privateKey);
    });
  });
}
