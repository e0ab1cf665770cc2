import { createHash } from "node:crypto";
import { decodeBase64 } from "../core/base64.ts";
import { SshReader } from "./ssh-wire.ts";
import { encodeUnpadded } from "./unpadded-base64.ts";

/** An SSH public key of a type that age can encrypt to. `wire` is the binary form that SSH itself uses. */
export type SshPublicKey =
  | { readonly type: "ssh-ed25519"; readonly wire: Uint8Array; readonly point: Uint8Array }
  | { readonly type: "ssh-rsa"; readonly wire: Uint8Array; readonly e: Uint8Array; readonly n: Uint8Array };

const shortestModulus = 256;
// Nobody has longer ones, and the work grows with the cube.
const longestModulus = 2048;

/** Reads a line of `authorized_keys` or a `.pub` file without options. A text says what is wrong with it. */
export function parseSshPublicKey(line: string): SshPublicKey | string {
  const [type, base64 = ""] = line.trim().split(/[ \t]+/);
  if (type !== "ssh-ed25519" && type !== "ssh-rsa") return "age takes ssh-ed25519 and ssh-rsa keys only";
  const wire = decodeBase64(base64);
  if (!wire) return "its base64 was cut off or mistyped";
  const key = parseSshWire(wire);
  if (typeof key === "string") return key;
  return key.type === type ? key : "its type is another than it says";
}

/** Reads a public key in its binary form. */
export function parseSshWire(wire: Uint8Array): SshPublicKey | string {
  const reader = new SshReader(wire);
  const type = reader.text();
  if (type === "ssh-ed25519") {
    const point = reader.string();
    if (reader.failed || reader.rest.length > 0 || point.length !== 32) return "it was cut off or mistyped";
    return { type, wire, point };
  }
  if (type !== "ssh-rsa") return "age takes ssh-ed25519 and ssh-rsa keys only";
  const e = positive(reader.string());
  const n = positive(reader.string());
  if (reader.failed || reader.rest.length > 0 || !e || !n) return "it was cut off or mistyped";
  // A modulus of 2048 bits has its top bit set.
  if (n.length < shortestModulus || (n.length === shortestModulus && (n[0] ?? 0) < 128)) {
    return "RSA keys below 2048 bits are too weak";
  }
  if (n.length > longestModulus || e.length > 4) return "the RSA key is too large";
  return { type, wire, e, n };
}

/** What names the key in a stanza: four bytes of its hash. */
export function sshTag(wire: Uint8Array): string {
  return encodeUnpadded(createHash("sha256").update(wire).digest().subarray(0, 4));
}

/** What names the key for people: `ssh-ed25519 SHA256:...`, as `ssh-keygen -l` prints it. */
export function sshName({ type, wire }: SshPublicKey): string {
  return `${type} SHA256:${encodeUnpadded(createHash("sha256").update(wire).digest())}`;
}

/** The digits of a positive number, without the zero byte that keeps it from looking negative. */
export function positive(number: Uint8Array): Uint8Array | undefined {
  const [first = 128, second = 0] = number;
  if (first >= 128 || (first === 0 && second < 128)) return undefined;
  return first === 0 ? number.subarray(1) : number;
}
