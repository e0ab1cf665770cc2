import { X509Certificate } from "node:crypto";
import { pemBlocks } from "../core/pem.ts";
import { decodeBase64 } from "./base-encoding.ts";
import {
  type CertificateRequest,
  issueCertificate,
  type SigningCertificate,
  selfSignedCertificate,
} from "./certificate-template.ts";
import { decodeGoString } from "./go-string.ts";
import { newCertificateKey, parsePrivateKey } from "./key-pem.ts";
import { define, goMap, goString, integerAt, textAt, valueAt } from "./sprig-definition.ts";
import { GoError, type GoFunction, type GoObject, type GoType, type GoValue } from "./value.ts";

const days: GoType = "int";
const list: GoType = "[]interface {}";
const certificate: GoType = "sprig.certificate";

interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

const made = new WeakMap<GoValue, CertificateAndKey>();

/** Sprig's makers of certificates. Keys that they draw are RSA of 2048 bits. */
export const certificateFunctions: readonly GoFunction[] = [
  define("buildCustomCert", ["string", "string"], (args) =>
    goCertificate(customCertificate(textAt(args, 0), textAt(args, 1))),
  ),
  define("genCA", ["string", days], (args, world) =>
    goCertificate(selfSignedCertificate(authority(args), newCertificateKey(world), world)),
  ),
  define("genCAWithKey", ["string", days, "string"], (args, world) =>
    goCertificate(selfSignedCertificate(authority(args), givenKey(textAt(args, 2)), world)),
  ),
  define("genSelfSignedCert", ["string", list, list, days], (args, world) =>
    goCertificate(selfSignedCertificate(server(args), newCertificateKey(world), world)),
  ),
  define("genSelfSignedCertWithKey", ["string", list, list, days, "string"], (args, world) =>
    goCertificate(selfSignedCertificate(server(args), givenKey(textAt(args, 4)), world)),
  ),
  define("genSignedCert", ["string", list, list, days, certificate], (args, world) => {
    const key = newCertificateKey(world);
    return goCertificate(issueCertificate(server(args), { key, signer: signerOf(valueAt(args, 4)) }, world));
  }),
  define("genSignedCertWithKey", ["string", list, list, days, certificate, "string"], (args, world) => {
    const key = givenKey(textAt(args, 5));
    return goCertificate(issueCertificate(server(args), { key, signer: signerOf(valueAt(args, 4)) }, world));
  }),
];

/** Sprig's `certificate`: a struct of two texts in PEM. */
function goCertificate(content: CertificateAndKey): GoObject {
  const { cert, key } = content;
  const fields = new Map([
    ["Cert", goString(cert)],
    ["Key", goString(key)],
  ]);
  const value: GoObject = {
    kind: "object",
    type: certificate,
    member: (name) => {
      const field = fields.get(name);
      return field && { call: () => field };
    },
    text: () => `{${cert} ${key}}`,
    json: () => goMap(new Map(fields)),
  };
  made.set(value, content);
  return value;
}

function authority(args: readonly GoValue[]): CertificateRequest {
  return {
    commonName: textAt(args, 0),
    addresses: [],
    names: [],
    days: integerAt(args, 1),
    isCa: true,
  };
}

function server(args: readonly GoValue[]): CertificateRequest {
  return {
    commonName: textAt(args, 0),
    addresses: itemsOf(valueAt(args, 1)),
    names: itemsOf(valueAt(args, 2)),
    days: integerAt(args, 3),
    isCa: false,
  };
}

function itemsOf(value: GoValue): readonly GoValue[] {
  return value.kind === "list" ? value.items : [];
}

function givenKey(pem: string): ReturnType<typeof parsePrivateKey> {
  return naming("parsing private key", () => parsePrivateKey(pem));
}

function naming<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof GoError) throw new GoError(`${what}: ${error.message}`);
    throw error;
  }
}

function signerOf(value: GoValue): SigningCertificate {
  const { cert, key } = made.get(value) ?? { cert: "", key: "" };
  return {
    certificate: parseCertificate(cert),
    key: naming("error parsing private key", () => parsePrivateKey(key)),
  };
}

function parseCertificate(pem: string): X509Certificate {
  const [block] = pemBlocks(pem);
  if (block === undefined) throw new GoError("unable to decode certificate");
  try {
    return new X509Certificate(block.text);
  } catch {
    throw new GoError("error parsing certificate: decodedCert.Bytes: x509: malformed certificate");
  }
}

/** A certificate and a key that exist already, both in PEM in base64; that they belong together is not asked. */
function customCertificate(encodedCertificate: string, encodedKey: string): CertificateAndKey {
  const cert = decoded(encodedCertificate, "certificate");
  const key = decoded(encodedKey, "private key");
  parseCertificate(cert);
  naming("error parsing private key", () => parsePrivateKey(key));
  return { cert, key };
}

function decoded(base64: string, what: string): string {
  try {
    return decodeGoString(decodeBase64(base64));
  } catch (error) {
    if (error instanceof GoError) throw new GoError(`unable to decode base64 ${what}`);
    throw error;
  }
}
