import { execFileSync, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chooseCertificate, readCertificates, validity } from "../../src/sealed/certificate.ts";
import { selfSignedCertificate } from "../../src/sealed/self-signed.ts";
import { peer } from "../support/peers.ts";
import { random, sealedVector, vectorCertificate, vectorPrivateKey } from "../support/sealed.ts";

const openssl = peer("openssl");
const day = 86_400_000;
const now = Date.parse("2026-11-21T09:00:00Z");

function make(options: { notBefore?: number; notAfter?: number; commonName?: string } = {}): string {
  return selfSignedCertificate(vectorPrivateKey("rsa2048"), {
    commonName: options.commonName ?? "",
    notBefore: options.notBefore ?? now - day,
    notAfter: options.notAfter ?? now + day,
    serial: random(16),
  });
}

describe("reading a certificate", () => {
  test("that a controller made gives its key, times and fingerprint", () => {
    const certificate = vectorCertificate("rsa2048");
    expect(certificate).toMatchObject({
      modulusLength: 256,
      subject: "",
      selfSigned: true,
      notBefore: Date.parse("2026-11-20T15:06:00Z"),
      notAfter: Date.parse("2036-11-17T15:06:00Z"),
      pem: sealedVector("rsa2048.crt.pem"),
      fingerprint:
        "1F:83:F0:0C:99:29:B1:8A:1E:41:EF:EB:BB:36:32:ED:25:17:76:4B:12:7E:F8:98:53:B2:3F:06:F2:E3:A5:E6",
    });
    expect(vectorCertificate("rsa4096").modulusLength).toBe(512);
  });

  test("works in DER, in bytes, with CRLF and with text around it", () => {
    const pem = sealedVector("rsa2048.crt.pem");
    const { der, fingerprint } = vectorCertificate("rsa2048");
    const around = `Bag Attributes\r\n${pem.replaceAll("\n", "\r\n")}\r\nthe end`;
    for (const content of [der, Buffer.from(pem), around]) {
      expect(readCertificates(content).map((one) => one.fingerprint)).toEqual([fingerprint]);
    }
  });

  test.for([
    ["nothing", "", "failed to read any certificates"],
    ["a private key", sealedVector("rsa2048.key.pem"), "failed to read any certificates"],
    [
      "a certificate cut off",
      sealedVector("rsa2048.crt.pem").slice(0, 500),
      "failed to read any certificates",
    ],
    [
      "junk in PEM",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "the certificate cannot be read",
    ],
    ["junk in DER", Uint8Array.of(0x30, 0x82, 1, 2, 3), "the certificate cannot be read"],
  ] as const)("refuses %s", ([, content, message]) => {
    expect(() => readCertificates(content)).toThrow(
      expect.objectContaining({ code: "CERTIFICATE_INVALID", exitCode: 33, message }),
    );
  });

  test("never breaks on a certificate that was cut off or changed", () => {
    const { der } = vectorCertificate("rsa2048");
    for (let at = 0; at < der.length; at += 3) {
      const changed = Uint8Array.from(der);
      changed[at]! ^= 0x41;
      for (const bytes of [der.subarray(0, at), changed]) {
        try {
          readCertificates(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: "CERTIFICATE_INVALID" });
        }
      }
    }
  });
});

describe("choosing a certificate", () => {
  const old = make({ notBefore: now - 30 * day, commonName: "old" });
  const newer = make({ notBefore: now - 2 * day, commonName: "newer" });
  const expired = make({ notBefore: now - day, notAfter: now - 1000, commonName: "expired" });
  const future = make({ notBefore: now + day, notAfter: now + 2 * day, commonName: "future" });

  test.for([
    ["the newest that is valid", [old, newer, expired, future], "CN=newer"],
    ["the newest, wherever it stands", [newer, old], "CN=newer"],
  ] as const)("of several self-signed ones takes %s", ([, pems, subject]) => {
    expect(chooseCertificate(readCertificates(pems.join("")), now).subject).toBe(subject);
  });

  test.for([
    ["expired", expired, "the certificate expired on 2026-11-21"],
    ["not yet valid", future, "the certificate is not valid before 2026-11-22"],
  ] as const)("refuses one that is %s", ([state, pem, message]) => {
    const [certificate] = readCertificates(pem);
    expect(validity(certificate!, now)).toBe(state);
    expect(() => chooseCertificate([certificate!], now)).toThrow(
      expect.objectContaining({ code: "CERTIFICATE_INVALID", message }),
    );
  });

  test("one that a cluster whose clock is ahead has just made is taken at once", () => {
    const [ahead] = readCertificates(make({ notBefore: now + 10 * 60_000, commonName: "ahead" }));
    expect(validity(ahead!, now)).toBe("valid");
    expect(chooseCertificate([ahead!], now)).toBe(ahead);
  });

  test("of nothing is refused", () => {
    expect(() => chooseCertificate([], now)).toThrow("there is no certificate");
  });
});

describe("a self-signed certificate", () => {
  test("has the bytes of one that a controller made, but for serial, times and signature", () => {
    const theirs = Buffer.from(vectorCertificate("rsa2048").der);
    const { notBefore, notAfter } = vectorCertificate("rsa2048");
    const serial = Buffer.from(new X509Certificate(theirs).serialNumber, "hex");
    const privateKey = vectorPrivateKey("rsa2048");
    const pem = selfSignedCertificate(privateKey, { commonName: "", notBefore, notAfter, serial });
    // RSA signatures of PKCS#1 are not random: with the same serial and times every byte is the same.
    expect(Buffer.from(readCertificates(pem)[0]!.der).toString("hex")).toBe(theirs.toString("hex"));
  });

  test("is accepted by the runtime, with and without a name", () => {
    for (const commonName of ["", "sealing key of ünïcode"]) {
      const certificate = new X509Certificate(
        make({ commonName, notAfter: Date.parse("2055-01-01T00:00:00Z") }),
      );
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(certificate.validToDate.toISOString()).toBe("2055-01-01T00:00:00.000Z");
      expect(certificate.subject).toBe(commonName === "" ? undefined : `CN=${commonName}`);
    }
  });
});

describe.skipIf(openssl === undefined)("certificates and openssl", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "kseal-certificates-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.for(["", "prod"])("openssl takes the self-signed certificate of %j for what it is", (commonName) => {
    const file = join(folder, `self-${commonName}.pem`);
    writeFileSync(file, make({ commonName, notAfter: now + 3650 * day }));
    const text = execFileSync(openssl!, ["x509", "-in", file, "-noout", "-text"], { encoding: "utf8" });
    expect(text).toMatch(/Version: 3 \(0x2\)/);
    expect(text).toMatch(/X509v3 Key Usage: critical\s+Encipher Only/);
    expect(text).toMatch(/X509v3 Basic Constraints: critical\s+CA:TRUE/);
    expect(text).toMatch(/X509v3 Subject Key Identifier:/);
    expect(text).toMatch(/Signature Algorithm: sha256WithRSAEncryption/);
    const verified = spawnSync(openssl!, ["verify", "-CAfile", file, "-attime", String(now / 1000), file]);
    expect(verified.stdout.toString()).toBe(`${file}: OK\n`);
  });

  test("a key that is not RSA is refused", () => {
    for (const [name, options, type] of [
      ["ec", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "ec"],
      ["ed25519", ["-newkey", "ed25519"], "ed25519"],
      ["pss", ["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"], "rsa-pss"],
    ] as const) {
      const pem = request(name, options);
      expect(() => readCertificates(pem)).toThrow(
        expect.objectContaining({
          code: "CERTIFICATE_INVALID",
          message: `the certificate is for a key of type ${type}, and only RSA keys can seal`,
        }),
      );
    }
  });

  test("a short RSA key is refused", () => {
    const pem = request("short", ["-newkey", "rsa:512"]);
    expect(() => readCertificates(pem)).toThrow("the certificate's RSA key has 512 bits, too few to be safe");
  });

  test("of a chain the first is taken, also when the authority is newer, or has another type of key", () => {
    const authority = request("ca", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    writeFileSync(join(folder, "ca.pem"), authority);
    const leaf = request("leaf", [
      "-newkey",
      "rsa:2048",
      "-CA",
      join(folder, "ca.pem"),
      "-CAkey",
      join(folder, "ca.key"),
    ]);
    const certificates = readCertificates(leaf + authority + make({ notBefore: Date.now() + day }));
    expect(certificates.map(({ subject, selfSigned }) => [subject, selfSigned])).toEqual([
      ["CN=leaf", false],
      ["", true],
    ]);
    expect(chooseCertificate(certificates, Date.now() + 1000).subject).toBe("CN=leaf");
  });

  function request(name: string, options: readonly string[]): string {
    const [key, out] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
    const args = [
      "req",
      "-x509",
      "-nodes",
      "-days",
      "30",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      key,
      "-out",
      out,
      ...options,
    ];
    const result = spawnSync(openssl!, args, { encoding: "utf8" });
    if (result.status !== 0) throw new Error(result.stderr);
    return execFileSync(openssl!, ["x509", "-in", out], { encoding: "utf8" });
  }
});
