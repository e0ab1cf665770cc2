import { createECDH, createHmac, type ECDH } from "node:crypto";
import { describe, expect, test } from "vitest";
import { DataKey } from "../../src/core/data-key.ts";
import { openAgeFile, parseAgeFile } from "../../src/keys/age-file.ts";
import { encodeBech32 } from "../../src/keys/bech32.ts";
import { loadChaCha } from "../../src/keys/chacha.ts";
import { hpkeKeyAndNonce } from "../../src/keys/hpke.ts";
import { decodeUnpadded } from "../../src/keys/unpadded-base64.ts";
import { keyContext, wrapFor } from "../support/key-context.ts";
import { peer } from "../support/peers.ts";
import { createTestHost } from "../support/test-host.ts";

/*
 * Recipients on hardware tokens. Their identities live in tokens, so the test plays the token: DHKEM of RFC 9180 with
 * P-256, then HPKE.
 */
const dataKey = new DataKey(new Uint8Array(32).fill(9));
const suite = Buffer.concat([Buffer.from("KEM"), Buffer.of(0, 0x10)]);
const label = (text: string): Buffer => Buffer.concat([Buffer.from("HPKE-v1"), suite, Buffer.from(text)]);
const hmac = (key: Uint8Array, ...parts: Uint8Array[]): Buffer =>
  createHmac("sha256", key).update(Buffer.concat(parts)).digest();

async function openWithToken(file: string, token: ECDH): Promise<Uint8Array> {
  const parsed = parseAgeFile(file);
  const [stanza] = parsed.header.stanzas;
  const enc = decodeUnpadded(stanza?.args[2] ?? "") ?? new Uint8Array();
  const extracted = hmac(new Uint8Array(), label("eae_prk"), token.computeSecret(enc));
  const context = Buffer.concat([enc, token.getPublicKey()]);
  const shared = hmac(extracted, Buffer.of(0, 32), label("shared_secret"), context, Buffer.of(1));
  const { key, nonce } = hpkeKeyAndNonce(shared, { kem: 0x10, info: "age-encryption.org/p256tag" });
  expect(stanza?.args[0]).toBe("p256tag");
  const fileKey = await (await loadChaCha()).open(key, nonce, stanza?.body ?? new Uint8Array());
  return new Uint8Array(await openAgeFile(parsed, fileKey ?? new Uint8Array()));
}

function newToken(): { token: ECDH; recipient: string } {
  const token = createECDH("prime256v1");
  token.generateKeys();
  return { token, recipient: encodeBech32("age1tag", token.getPublicKey(null, "compressed")) };
}

test("a hardware token opens what kseal wrapped for it, without its plugin", async () => {
  const { token, recipient } = newToken();
  const { enc } = await wrapFor(recipient, dataKey, keyContext(await createTestHost()));
  expect(await openWithToken(enc, token)).toEqual(dataKey.reveal());
});

test("a recipient that is no point of the curve is refused", async () => {
  const recipient = encodeBech32("age1tag", new Uint8Array(33).fill(5));
  const context = keyContext(await createTestHost());
  await expect(wrapFor(recipient, dataKey, context)).rejects.toMatchObject({ code: "ENCRYPT_FAILED" });
});

const age = peer("age");

describe.skipIf(!age)("the real age", () => {
  test("wraps for a hardware token in the same form", async () => {
    const { token, recipient } = newToken();
    const host = await createTestHost();
    const { stdout } = await host.exec([age!, "-a", "-r", recipient], { stdin: dataKey.reveal() });
    expect(await openWithToken(new TextDecoder().decode(stdout), token)).toEqual(dataKey.reveal());
  });
});
