import { randomBytes } from "node:crypto";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { Decrypter, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KsealError } from "../../src/errors.ts";
import { armor, dearmor } from "../../src/keys/age-armor.ts";
import { type AgeIdentity, openAgeFile, parseAgeFile, sealAgeFile } from "../../src/keys/age-file.ts";
import { openPayload, sealPayload } from "../../src/keys/age-payload.ts";
import { decodeBech32, encodeBech32 } from "../../src/keys/bech32.ts";
import { type ChaCha, loadChaCha, loadPortableChaCha, loadWebChaCha } from "../../src/keys/chacha.ts";
import { hybridIdentity, wrapForHybrid } from "../../src/keys/hybrid.ts";
import { sealWithTypage, typageIdentity } from "../../src/keys/typage.ts";
import { wrapForX25519, x25519Identity } from "../../src/keys/x25519.ts";

const secret = new Uint8Array(32).fill(1);
const content = new Uint8Array(32).fill(9);
const random = (length: number): Uint8Array => randomBytes(length);

async function open(file: Uint8Array | string, identity: AgeIdentity): Promise<Uint8Array | null> {
  const parsed = parseAgeFile(file);
  const fileKey = await identity.unwrap(parsed.header);
  return fileKey && Uint8Array.from(await openAgeFile(parsed, fileKey));
}

async function publicKey(identity: AgeIdentity): Promise<Uint8Array> {
  return decodeBech32(await identity.describe())?.data ?? new Uint8Array();
}

async function seal(bytes: Uint8Array): Promise<string> {
  const recipient = await publicKey(x25519Identity(secret));
  return await sealAgeFile(bytes, { wrap: (key) => wrapForX25519(key, recipient, random), random });
}

/** Opens a damaged file: all that may come out is an error of kseal, or nothing. */
async function openDamaged(file: Uint8Array | string): Promise<void> {
  try {
    expect(await open(file, x25519Identity(secret))).toBeNull();
  } catch (error) {
    expect(error).toBeInstanceOf(KsealError);
    expect((error as KsealError).code).toBe("DECRYPT_FAILED");
  }
}

describe("an age file", () => {
  test.for([0, 1, 15, 16, 17, 500, 65_535, 65_536, 65_537, 131_072, 131_073])(
    "of %i bytes opens again",
    async (length) => {
      const bytes = Uint8Array.from(randomBytes(length));
      expect(await open(await seal(bytes), x25519Identity(secret))).toEqual(bytes);
    },
  );

  test("with any byte changed does not open", async () => {
    const file = dearmor(await seal(content));
    for (let i = 0; i < file.length; i++) {
      for (const change of [1, 0x20, 0x80]) {
        const damaged = Uint8Array.from(file);
        damaged[i]! ^= change;
        await openDamaged(damaged);
      }
    }
  });

  test("cut off anywhere does not open, and neither does one that goes on", async () => {
    const file = dearmor(await seal(content));
    for (let end = 0; end < file.length; end++) await openDamaged(file.subarray(0, end));
    await openDamaged(Buffer.concat([file, Buffer.of(0)]));
  });

  test("whose armor was changed or cut off anywhere does not open, or opens to the same", async () => {
    const text = await seal(content);
    for (let i = 0; i < text.length - 1; i++) {
      await openDamaged(text.slice(0, i));
      const damaged = `${text.slice(0, i)}${text[i] === "A" ? "B" : "A"}${text.slice(i + 1)}`;
      await openDamaged(damaged);
    }
  });

  test("is too large a header rather than a full memory", () => {
    const stanza = "-> X25519 AAAA\n\n";
    const file = `age-encryption.org/v1\n${stanza.repeat(1025)}--- ${"A".repeat(43)}\n`;
    expect(() => parseAgeFile(new TextEncoder().encode(file))).toThrow(/too many recipients/);
  });
});

describe("armor", () => {
  const text = armor(content);

  test.for([
    ["itself", text],
    ["lines that end in CR LF", text.replaceAll("\n", "\r\n")],
    ["empty lines around it", `\n \n${text}\n\n`],
    ["no final line break", text.trimEnd()],
  ])("takes %s", ([, variant = ""]) => {
    expect(Uint8Array.from(dearmor(variant))).toEqual(content);
  });

  test.for([
    ["text before it", `x\n${text}`],
    ["text after it", `${text}x`],
    ["space before its first line", ` ${text}`],
    ["another kind of space", `\u00a0\n${text}`],
    ["a kilobyte of space", `${"\n".repeat(1025)}${text}`],
    ["an empty line in it", text.replace("\n", "\n\n")],
    ["a line of 65 columns", text.replace("\n", "\nA")],
    ["base64 that is not canonical", text.replace("=", "")],
    ["another first line", text.replace("AGE", "PGP")],
    ["nothing", ""],
  ])("refuses %s", ([, variant = ""]) => {
    const refused = expect.objectContaining({ code: "DECRYPT_FAILED" });
    expect(() => dearmor(variant)).toThrow(refused);
  });
});

describe("node:crypto, WebCrypto and the implementations in JavaScript agree", () => {
  const text = encodeBech32("age-secret-key-pq-", secret).toUpperCase();

  test("on ChaCha20-Poly1305", async () => {
    const ciphers = await allChaChas();
    const bytes = fc.uint8Array({ maxLength: 300 });
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const nonce = fc.uint8Array({ minLength: 12, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(key, nonce, bytes, async (key, nonce, plaintext) => {
        const sealed = Uint8Array.from(chacha20poly1305(key, nonce).encrypt(plaintext));
        for (const cipher of ciphers) {
          expect(Buffer.from(await cipher.seal(key, nonce, plaintext))).toEqual(Buffer.from(sealed));
          expect(Buffer.from((await cipher.open(key, nonce, sealed)) ?? [])).toEqual(Buffer.from(plaintext));
          sealed[0]! ^= 1;
          expect(await cipher.open(key, nonce, sealed)).toBeUndefined();
          expect(await cipher.open(key, nonce, sealed.subarray(0, 15))).toBeUndefined();
          sealed[0]! ^= 1;
        }
      }),
    );
  });

  test("on payloads", async () => {
    const [native, ...others] = await allChaChas();
    const keys = { fileKey: secret.subarray(16), nonce: content.subarray(16) };
    const bytes = Uint8Array.from(randomBytes(70_000));
    const sealed = await sealPayload(bytes, { ...keys, chacha: native });

    for (const chacha of others) {
      expect(Buffer.from(await sealPayload(bytes, { ...keys, chacha })).equals(sealed)).toBe(true);
      expect(Buffer.from(await openPayload(sealed, { ...keys, chacha })).equals(bytes)).toBe(true);
    }
  });

  test("on X25519: each opens what the other made", async () => {
    const identity = encodeBech32("age-secret-key-", secret).toUpperCase();
    const recipient = await identityToRecipient(identity);
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);

    expect(x25519Identity(secret).describe()).toBe(recipient);
    expect(await decrypter.decrypt(dearmor(await seal(content)))).toEqual(content);
    expect(await open(await sealWithTypage(content, recipient), x25519Identity(secret))).toEqual(content);
  });

  test("on post-quantum keys: the same recipient, and each opens what the other made", async () => {
    const [native, portable] = [hybridIdentity(secret), typageIdentity(text)];
    const recipient = await native.describe();
    const bytes = await publicKey(native);
    const sealed = await sealAgeFile(content, { wrap: (key) => wrapForHybrid(key, bytes, random), random });

    expect(await portable.describe()).toBe(recipient);
    expect(await open(sealed, native)).toEqual(content);
    expect(await open(sealed, portable)).toEqual(content);
    expect(await open(await sealWithTypage(content, recipient), native)).toEqual(content);
    expect(await open(await seal(content), portable)).toBeNull();
  });

  test("on what no public key is", async () => {
    await expect(sealWithTypage(content, "age1pq1qqqq")).rejects.toMatchObject({ code: "ENCRYPT_FAILED" });
    const zero = new Uint8Array(32);
    await expect(wrapForX25519(secret, zero, random)).rejects.toMatchObject({ code: "ENCRYPT_FAILED" });
    const noPoint = new Uint8Array(1216).fill(0xff);
    await expect(wrapForHybrid(secret, noPoint, random)).rejects.toMatchObject({ code: "ENCRYPT_FAILED" });
  });
});

/** That of node:crypto first. */
async function allChaChas(): Promise<readonly [ChaCha, ...ChaCha[]]> {
  const web = await loadWebChaCha();
  expect(web).toBeDefined();
  return [await loadChaCha(), web!, await loadPortableChaCha()];
}
