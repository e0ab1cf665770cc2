import { encodeBase64 } from "../../src/core/base64.ts";
import { printObjects } from "../../src/formats/manifest-print.ts";
import type { Certificate } from "../../src/sealed/certificate.ts";
import { sealItem } from "../../src/sealed/envelope.ts";
import type { Scope } from "../../src/sealed/scope.ts";
import { sealValue } from "../../src/sealed/seal-secret.ts";
import { newSealingKey, readSealingKey, type SealingKey } from "../../src/sealed/sealing-key.ts";
import { type Secret, secretObject } from "../../src/sealed/secret.ts";
import { random } from "./sealed.ts";

/** A sealing key of a cluster, as its controller keeps it. */
export interface TestKey {
  readonly secret: Secret;
  readonly key: SealingKey;
  readonly certificate: Certificate;
  /** The Secret, as `kubectl get -o yaml` prints it. */
  readonly yaml: string;
  readonly pem: string;
  readonly certificatePem: string;
}

const day = 86_400_000;
const text = new TextDecoder();

/**
 * Makes a sealing key.
 *
 * @param options.age - How many days ago it was made; the smallest is the newest.
 */
export async function makeKey(
  options: { readonly age?: number; readonly bits?: number; readonly name?: string } = {},
): Promise<TestKey> {
  const { age = 1, bits = 2048, name = `sealed-secrets-key${age}` } = options;
  const secret = await newSealingKey({
    bits,
    validFor: 3650 * day,
    commonName: "",
    now: Date.now() - age * day,
    random,
    namespace: "kube-system",
    name,
  });
  const key = readSealingKey(secret);
  return {
    secret,
    key,
    certificate: key.certificate!,
    yaml: yamlOf(secretObject(secret)),
    pem: text.decode(secret.data.get("tls.key")),
    certificatePem: text.decode(secret.data.get("tls.crt")),
  };
}

/** An object as `kubectl get -o yaml` prints it, with `---` in front. */
export function yamlOf(object: Readonly<Record<string, unknown>>): string {
  return text.decode(printObjects([object], "yaml"));
}

/** Seals one value for a place; `prod/db` in strict scope unless told otherwise. */
export function seal(
  value: string | Uint8Array,
  { certificate }: TestKey,
  to: { readonly scope?: Scope; readonly namespace?: string; readonly name?: string } = {},
): string {
  const { scope = "strict", namespace = "prod", name = "db" } = to;
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return sealValue(bytes, { publicKey: certificate.publicKey, random, scope, namespace, name });
}

/** A whole Secret in one sealed value, as versions before 0.7 wrote it. */
export function sealV1(secret: Readonly<Record<string, unknown>>, { certificate }: TestKey): string {
  const plaintext = new TextEncoder().encode(JSON.stringify(secret));
  const to = { publicKey: certificate.publicKey, label: "prod/db", sessionKey: random(32) };
  return encodeBase64(sealItem(plaintext, to));
}

/** A manifest with a SealedSecret `prod/db`: values that are sealed already, by item. */
export function manifest(
  items: Readonly<Record<string, string>>,
  more: {
    readonly name?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly template?: Readonly<Record<string, unknown>>;
  } = {},
): string {
  const { name = "db", annotations, template } = more;
  return yamlOf({
    apiVersion: "bitnami.com/v1alpha1",
    kind: "SealedSecret",
    metadata: { name, namespace: "prod", ...(annotations && { annotations }) },
    spec: { encryptedData: items, ...(template && { template }) },
  });
}
