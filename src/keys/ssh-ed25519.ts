import { createHash, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { concatBytes } from "../core/concat-bytes.ts";
import type { Host } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { malformedHeader, type Stanza } from "./age-header.ts";
import { loadChaCha } from "./chacha.ts";
import { type SshPublicKey, sshTag } from "./ssh-public-key.ts";
import { decodeUnpadded, encodeUnpadded } from "./unpadded-base64.ts";
import { zeroNonce } from "./x25519.ts";
import { x25519Agree, x25519PublicBytes, x25519Secret } from "./x25519-key.ts";

type Ed25519PublicKey = Extract<SshPublicKey, { type: "ssh-ed25519" }>;

const label = "age-encryption.org/v1/ssh-ed25519";
const prime = 2n ** 255n - 19n;
// -121665/121666, the constant of the curve.
const curveD = (-121665n * power(121666n, prime - 2n)) % prime;

/** Wraps a file key for an Ed25519 key of SSH, turned into its X25519 twin. */
export async function wrapForSshEd25519(
  fileKey: Uint8Array,
  recipient: Ed25519PublicKey,
  random: Host["random"],
): Promise<Stanza> {
  const ephemeral = x25519Secret(random(32));
  const share = x25519PublicBytes(ephemeral);
  const theirs = toMontgomery(recipient.point);
  const shared = theirs && x25519Agree(ephemeral, theirs);
  const key = theirs && shared && wrappingKey(shared, { share, ours: theirs, wire: recipient.wire });
  if (!key) throw new KsealError("ENCRYPT_FAILED", "the recipient is no usable public key");
  const body = await (await loadChaCha()).seal(key, zeroNonce, fileKey);
  return { args: ["ssh-ed25519", sshTag(recipient.wire), encodeUnpadded(share)], body };
}

/** The file key, if a stanza is for the key with the given seed. */
export async function unwrapSshEd25519(
  stanzas: readonly Stanza[],
  { seed, wire }: { seed: Uint8Array; wire: Uint8Array },
): Promise<Uint8Array | null> {
  const secret = toX25519(seed);
  const ours = x25519PublicBytes(secret);
  const chacha = await loadChaCha();
  for (const { args, body } of stanzas) {
    if (args[0] !== "ssh-ed25519") continue;
    const share = args.length === 3 ? decodeUnpadded(args[2] ?? "") : undefined;
    if (share?.length !== 32) throw malformedHeader("a ssh-ed25519 stanza is invalid");
    if (args[1] !== sshTag(wire)) continue;
    const shared = x25519Agree(secret, share);
    const key = shared && wrappingKey(shared, { share, ours, wire });
    if (!key) throw malformedHeader("a ssh-ed25519 stanza is invalid");
    const fileKey = await chacha.open(key, zeroNonce, body);
    if (fileKey) return fileKey;
  }
  return null;
}

// The tweak ties the secret to the SSH key itself: no key material, and the key's binary form as the salt.
function wrappingKey(
  shared: Uint8Array,
  { share, ours, wire }: { share: Uint8Array; ours: Uint8Array; wire: Uint8Array },
): Uint8Array | undefined {
  const tweak = x25519Secret(new Uint8Array(hkdfSync("sha256", new Uint8Array(), wire, label, 32)));
  const tweaked = x25519Agree(tweak, shared);
  if (!tweaked) return undefined;
  return new Uint8Array(hkdfSync("sha256", createSecretKey(tweaked), concatBytes([share, ours]), label, 32));
}

function toX25519(seed: Uint8Array): KeyObject {
  return x25519Secret(createHash("sha512").update(seed).digest().subarray(0, 32));
}

/** The X25519 public key of an Ed25519 point: u = (1 + y) / (1 - y). `undefined` for what is no point. */
function toMontgomery(point: Uint8Array): Uint8Array | undefined {
  const digits = Uint8Array.from(point);
  digits[31] = (digits[31] ?? 0) & 127;
  const y = BigInt(`0x${hex(digits.reverse())}`) % prime;
  const [above, below] = [y * y - 1n, curveD * y * y + 1n];
  // x squared must be a square; zero counts as one.
  const square = mod(above * power(mod(below), prime - 2n));
  if (square !== 0n && power(square, (prime - 1n) / 2n) !== 1n) return undefined;
  const u = mod((1n + y) * power(mod(1n - y), prime - 2n));
  const bytes = u.toString(16).padStart(64, "0").match(/../g) ?? [];
  return Uint8Array.from(bytes, (byte) => Number.parseInt(byte, 16)).reverse();
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function mod(value: bigint): bigint {
  return ((value % prime) + prime) % prime;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = mod(base);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}
