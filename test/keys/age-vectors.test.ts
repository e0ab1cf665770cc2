import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { KsealError } from "../../src/errors.ts";
import { armor, dearmor } from "../../src/keys/age-armor.ts";
import { openAgeFile, parseAgeFile } from "../../src/keys/age-file.ts";
import { parseAgeHeader, printAgeHeader } from "../../src/keys/age-header.ts";
import { openPayload, sealPayload } from "../../src/keys/age-payload.ts";
import { loadChaCha } from "../../src/keys/chacha.ts";
import { readIdentities } from "../../src/keys/identity-text.ts";
import type { KeyContext } from "../../src/keys/provider.ts";
import { unwrapWithPassphrase } from "../../src/keys/scrypt.ts";

interface Vector {
  readonly name: string;
  readonly expected: string;
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly file: Uint8Array;
}

/** What each kind of failure says first. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/^the age armor is malformed/, "armor failure"],
  [/^the age header (is malformed|is cut off|asks for too much work)/, "header failure"],
  [/^the age header does not match its MAC/, "HMAC failure"],
  [/^the age payload/, "payload failure"],
];

function parseVector([name, bytes]: [string, Uint8Array]): Vector {
  const end = Buffer.from(bytes).indexOf("\n\n");
  const fields = new Map<string, string[]>();
  for (const line of Buffer.from(bytes.subarray(0, end)).toString().split("\n")) {
    const [key = "", ...value] = line.split(": ");
    fields.set(key, [...(fields.get(key) ?? []), value.join(": ")]);
  }
  const raw = bytes.subarray(end + 2);
  const file = fields.has("compressed") ? inflateSync(raw) : raw;
  return { name, expected: fields.get("expect")?.[0] ?? "", fields, file };
}

// Its types describe a CommonJS module, which it is not.
const exported: Readonly<Record<string, unknown>> = await import("cctv-age");
const all = Object.entries(exported)
  .filter((entry): entry is [string, Uint8Array] => entry[1] instanceof Uint8Array)
  .map(parseVector);

// The vectors' identities ask nothing, so there is nobody to answer.
const context = {} as KeyContext;

async function open({ fields, file }: Vector): Promise<Uint8Array | null> {
  const parsed = parseAgeFile(fields.has("armored") ? Buffer.from(file).toString("latin1") : file);
  for (const text of fields.get("identity") ?? []) {
    const { identities, problems } = readIdentities(new TextEncoder().encode(text), {
      source: "vector",
      context,
    });
    expect(problems).toEqual([]);
    const fileKey = await identities[0]?.unwrap(parsed.header);
    if (fileKey) return await openAgeFile(parsed, fileKey);
  }
  for (const passphrase of fields.get("passphrase") ?? []) {
    const fileKey = await unwrapWithPassphrase(parsed.header, passphrase);
    if (fileKey) return await openAgeFile(parsed, fileKey);
  }
  return null;
}

async function outcome(vector: Vector): Promise<string> {
  try {
    const content = await open(vector);
    if (!content) return "no match";
    return createHash("sha256").update(content).digest("hex");
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return kinds.find(([pattern]) => pattern.test(error.message))?.[1] ?? error.message;
  }
}

test("there are 143 vectors of the age project", () => {
  expect(all).toHaveLength(143);
});

describe("a vector of the age project", () => {
  test.for(all)("$name ends in $expected", async (vector) => {
    const hash = vector.fields.get("payload")?.[0];

    const expected = vector.expected === "success" ? hash : vector.expected;

    expect(await outcome(vector)).toBe(expected);
  });

  test.for(all.filter(({ expected }) => expected === "success"))(
    "$name is written again to the same bytes",
    async ({ fields, file }) => {
      const bytes = fields.has("armored") ? dearmor(Buffer.from(file).toString("latin1")) : file;
      const fileKey = Buffer.from(fields.get("file key")?.[0] ?? "", "hex");
      const { header, payload } = parseAgeHeader(bytes);
      const chacha = await loadChaCha();
      const content = await openPayload(payload, { fileKey, chacha });
      const nonce = payload.subarray(0, 16);

      expect(Buffer.from(printAgeHeader(header.stanzas, fileKey))).toEqual(Buffer.from(header.bytes));
      expect(Buffer.from(await sealPayload(content, { fileKey, nonce, chacha })).equals(payload)).toBe(true);
      expect(Buffer.from(dearmor(armor(bytes))).equals(bytes)).toBe(true);
    },
  );
});
