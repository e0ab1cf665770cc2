import { spawnSync } from "node:child_process";
import { constants, privateDecrypt } from "node:crypto";
import { gcm } from "@noble/ciphers/aes.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openEnvelope, parseEnvelope, sealItem } from "../../src/sealed/envelope.ts";
import { keyFingerprint } from "../../src/sealed/rsa-key.ts";
import { peer } from "../support/peers.ts";
import {
  envelopeVectors,
  random,
  sealedVector,
  sealedVectorPath,
  type VectorKey,
  vectorCertificate,
  vectorPrivateKey,
} from "../support/sealed.ts";

const openssl = peer("openssl");
const keys: readonly VectorKey[] = ["rsa2048", "rsa4096"];
const short = envelopeVectors.find(({ key, label }) => key === "rsa2048" && label === "myns/mysecret")!;

const open = (bytes: Uint8Array, key: VectorKey, label: string) =>
  openEnvelope(parseEnvelope(bytes), { privateKey: vectorPrivateKey(key), label });
const seal = (plaintext: Uint8Array, key: VectorKey, label: string, sessionKey = random(32)) =>
  sealItem(plaintext, { publicKey: vectorCertificate(key).publicKey, label, sessionKey });

describe("the vectors of Sealed Secrets", () => {
  test.for(envelopeVectors)("a value for $key with the label $label opens", (vector) => {
    expect(open(vector.bytes, vector.key, vector.label)).toEqual(vector.plaintext);
  });

  test.for(envelopeVectors)(
    "a value sealed again for $key with the label $label has the same shape",
    (vector) => {
      const again = seal(vector.plaintext, vector.key, vector.label);
      expect(again.length).toBe(vector.bytes.length);
      expect(again.subarray(0, 2)).toEqual(vector.bytes.subarray(0, 2));
      expect(again).not.toEqual(vector.bytes);
      expect(open(again, vector.key, vector.label)).toEqual(vector.plaintext);
    },
  );

  test.for(envelopeVectors)(
    "the second half of a value for $key with the label $label is made again byte for byte",
    (vector) => {
      // OAEP is random; what follows it depends on the session key alone.
      const { wrappedKey, ciphertext, tag } = parseEnvelope(vector.bytes);
      const sessionKey = unwrap(wrappedKey, vector.key, vector.label);
      const again = parseEnvelope(seal(vector.plaintext, vector.key, vector.label, sessionKey));
      expect([again.ciphertext, again.tag]).toEqual([ciphertext, tag]);
    },
  );

  test.for(envelopeVectors)(
    "AES-GCM of a value for $key with the label $label is that of another implementation",
    (vector) => {
      const { wrappedKey, ciphertext, tag } = parseEnvelope(vector.bytes);
      const cipher = gcm(unwrap(wrappedKey, vector.key, vector.label), new Uint8Array(12));
      expect(cipher.decrypt(Buffer.concat([ciphertext, tag]))).toEqual(vector.plaintext);
      expect(Buffer.from(cipher.encrypt(vector.plaintext))).toEqual(Buffer.concat([ciphertext, tag]));
    },
  );

  test.for(keys)("the fingerprint of %s is that of Sealed Secrets", (key) => {
    const { fingerprints } = JSON.parse(sealedVector("envelopes.json")) as {
      fingerprints: Record<string, string>;
    };
    expect(keyFingerprint(vectorPrivateKey(key))).toBe(fingerprints[`${key}-fingerprint`]);
    expect(vectorCertificate(key).keyFingerprint).toBe(fingerprints[`${key}-fingerprint`]);
  });
});

describe.skipIf(openssl === undefined)("OAEP of openssl", () => {
  test.for(keys)("opens what kseal seals for %s, and the reverse", (key) => {
    for (const label of ["myns/mysecret", "myns", "", "default/ünïcode"]) {
      const sessionKey = random(32);
      const { wrappedKey } = parseEnvelope(seal(Uint8Array.of(1), key, label, sessionKey));
      expect(pkeyutl(["-decrypt", "-inkey", sealedVectorPath(`${key}.key.pem`)], label, wrappedKey)).toEqual(
        sessionKey,
      );

      const wrapped = pkeyutl(
        ["-encrypt", "-certin", "-inkey", sealedVectorPath(`${key}.crt.pem`)],
        label,
        sessionKey,
      );
      const content = gcm(sessionKey, new Uint8Array(12)).encrypt(Buffer.from("theirs"));
      const bytes = Buffer.concat([
        Uint8Array.of(wrapped.length >> 8, wrapped.length & 255),
        wrapped,
        content,
      ]);
      expect(Buffer.from(open(bytes, key, label)!).toString()).toBe("theirs");
    }
  });
});

describe("a value that was changed", () => {
  test("S10: no beginning of it opens, and none breaks anything", () => {
    const whole = 2 + 256 + 16;
    for (let length = 0; length < whole; length += 1) {
      expect(() => parseEnvelope(short.bytes.subarray(0, length)), String(length)).toThrow(
        expect.objectContaining({ code: "SEALED_INVALID", message: "SealedSecret data is too short" }),
      );
    }
    // From here on it could be a shorter value, and the tag has to tell.
    for (let length = whole; length < short.bytes.length; length += 1) {
      expect(open(short.bytes.subarray(0, length), "rsa2048", short.label)).toBeUndefined();
    }
  });

  test("S10: no flipped bit of it opens", () => {
    const privateKey = vectorPrivateKey("rsa2048");
    const at = fc.integer({ min: 0, max: short.bytes.length * 8 - 1 });
    // All bits of the head and of what follows the RSA part; a sample of the RSA part, where each costs a private operation.
    const bits = [
      ...Array(16).keys(),
      ...fc.sample(at, 150),
      ...Array.from({ length: 152 }, (_, bit) => 258 * 8 + bit),
    ];
    for (const bit of bits) {
      const changed = Uint8Array.from(short.bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(opened(changed), `bit ${bit}`).toBeUndefined();
    }

    function opened(bytes: Uint8Array): Uint8Array | undefined {
      try {
        return openEnvelope(parseEnvelope(bytes), { privateKey, label: short.label });
      } catch (error) {
        expect(error).toMatchObject({ code: "SEALED_INVALID" });
        return undefined;
      }
    }
  });

  test("S10: arbitrary bytes neither open nor break anything", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        try {
          const privateKey = vectorPrivateKey("rsa2048");
          expect(openEnvelope(parseEnvelope(bytes), { privateKey, label: "" })).toBeUndefined();
        } catch (error) {
          expect(error).toMatchObject({ code: "SEALED_INVALID" });
        }
      }),
    );
  });

  test.for(["", "myns", "myns/other", "myns/mysecret ", "myns/mysecre"])(
    "it does not open with the label %j",
    (label) => {
      expect(open(short.bytes, "rsa2048", label)).toBeUndefined();
    },
  );

  test("it does not open with a key of another size", () => {
    expect(open(short.bytes, "rsa4096", short.label)).toBeUndefined();
  });
});

test("every plaintext opens again", () => {
  const privateKey = vectorPrivateKey("rsa2048");
  const publicKey = vectorCertificate("rsa2048").publicKey;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.string({ unit: "binary" }), (plaintext, label) => {
      const bytes = sealItem(plaintext, { publicKey, label, sessionKey: random(32) });
      expect(bytes.length).toBe(18 + 256 + plaintext.length);
      expect(openEnvelope(parseEnvelope(bytes), { privateKey, label })).toEqual(plaintext);
    }),
    { numRuns: 50 },
  );
});

test("a session key of another length is a mistake of the program", () => {
  expect(() => seal(Uint8Array.of(1), "rsa2048", "", random(16))).toThrow(TypeError);
});

function unwrap(wrappedKey: Uint8Array, key: VectorKey, label: string): Uint8Array {
  return Uint8Array.from(
    privateDecrypt(
      {
        key: vectorPrivateKey(key),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: "sha256",
        oaepLabel: Buffer.from(label),
      },
      wrappedKey,
    ),
  );
}

function pkeyutl(args: readonly string[], label: string, input: Uint8Array): Uint8Array {
  const options = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"];
  if (label !== "") options.push(`rsa_oaep_label:${Buffer.from(label).toString("hex")}`);
  const result = spawnSync(
    openssl!,
    ["pkeyutl", ...args, ...options.flatMap((option) => ["-pkeyopt", option])],
    { input },
  );
  if (result.status !== 0) throw new Error(result.stderr.toString());
  return Uint8Array.from(result.stdout);
}
