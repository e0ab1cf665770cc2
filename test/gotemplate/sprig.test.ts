import { createDecipheriv, createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { printJson } from "../../src/gotemplate/go-json.ts";
import { goTime } from "../../src/gotemplate/go-time.ts";
import { typeName } from "../../src/gotemplate/go-type.ts";
import { sprigFunctions } from "../../src/gotemplate/sprig.ts";
import { goText } from "../../src/gotemplate/sprig-cast.ts";
import { utc } from "../../src/gotemplate/time-zone.ts";
import { GoError, type GoValue, type World } from "../../src/gotemplate/value.ts";

/** One call of the real Sprig 3.3.0: see test/vectors/sprig-3.3.0/README.md. */
interface Case {
  readonly function: string;
  readonly args: readonly unknown[];
  readonly type?: string;
  readonly text: string;
  readonly json?: string;
  readonly error?: string;
}

const source = readFileSync(new URL("../vectors/sprig-3.3.0/cases.json", import.meta.url), "utf8");
const cases = JSON.parse(markFloats(source)) as readonly Case[];

/** Random bytes that count up; at the moment 2024-03-05T06:07:08.090Z. */
function testWorld({ output = 1_000_000, steps = 10_000_000 } = {}): World {
  let next = 0;
  let spent = 0;
  return {
    now: () => Date.UTC(2024, 2, 5, 6, 7, 8, 90),
    random: (length) => Uint8Array.from({ length }, () => next++ % 256),
    utcOffset: 0,
    limits: { steps, output, depth: 100 },
    spend: (count) => {
      spent += count;
      if (spent > steps) throw new GoError("too many steps");
    },
  };
}

/** JSON.parse would lose the difference of 1.0 and 1, and digits of large numbers. */
function markNumber(token: string): string {
  if (/[.e]/.test(token)) return `{"$float":"${token}"}`;
  return token.length > 15 ? `{"$int":"${token}"}` : token;
}

/** The numbers in the arguments as JSON.parse keeps them apart. */
function markFloats(text: string): string {
  return text
    .split("\n")
    .map((line) => {
      const start = line.indexOf('"args":');
      if (start < 0) return line;
      const end = line.search(/,"(type|text)":/);
      const args = line
        .slice(start, end)
        .replace(/"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?/g, (token) =>
          token.startsWith('"') ? token : markNumber(token),
        );
      return line.slice(0, start) + args + line.slice(end);
    })
    .join("\n");
}

function goValue(value: unknown): GoValue {
  if (value === null) return { kind: "nil" };
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "boolean") return { kind: "bool", value };
  if (typeof value === "number") return { kind: "int", type: "int", value: BigInt(value) };
  if (Array.isArray(value)) return { kind: "list", element: "interface {}", items: value.map(goValue) };
  const fields = Object.entries(value as object);
  for (const [name, content] of fields) {
    if (name === "$float") return { kind: "float", value: Number(content) };
    if (name === "$int") return { kind: "int", type: "int", value: BigInt(content) };
    if (name === "$int64") return { kind: "int", type: "int64", value: BigInt(content) };
    if (name === "$time") return time(content);
    if (name === "$strings") return { kind: "list", element: "string", items: content.map(goValue) };
  }
  const entries = new Map(fields.map(([key, item]) => [key, goValue(item)]));
  return { kind: "map", element: "interface {}", entries };
}

function time(text: string): GoValue {
  return goTime({ nanoseconds: BigInt(Date.parse(text)) * 1_000_000n, zone: utc }, 0);
}

function call(name: string, args: readonly GoValue[], world = testWorld()): GoValue {
  const made = sprigFunctions.get(name);
  if (made === undefined) throw new TypeError(`no function ${name}`);
  return made.call(args, world);
}

function outcome({ function: name, args }: Case): Pick<Case, "type" | "text" | "json" | "error"> {
  try {
    const world = testWorld();
    const result = call(name, args.map(goValue), world);
    return { type: typeName(result), text: goText(result).toWellFormed(), ...jsonOf(result, world) };
  } catch (error) {
    if (error instanceof GoError) return { text: "", error: error.message };
    throw error;
  }
}

function jsonOf(value: GoValue, world: World): { readonly json?: string } {
  try {
    return { json: printJson(value, { escapesHtml: true, pretty: false }, world) };
  } catch {
    return {};
  }
}

describe("what the real Sprig returned", () => {
  const byFunction = Map.groupBy(cases, (recorded) => recorded.function);
  it.each([...byFunction.keys()])("%s returns the same values and errors", (name) => {
    const differences = (byFunction.get(name) ?? []).flatMap((recorded) => {
      const { function: _, args, ...wanted } = recorded;
      const found = outcome(recorded);
      return JSON.stringify({ json: "", ...found }) === JSON.stringify({ json: "", ...wanted }) ||
        expectSame(found, wanted)
        ? []
        : [{ args: JSON.stringify(args), wanted, found }];
    });
    expect(differences).toEqual([]);
  });
});

function expectSame(found: object, wanted: object): boolean {
  const sorted = (value: object): string => JSON.stringify(Object.entries(value).sort());
  return sorted(found) === sorted(wanted);
}

describe("functions of chance and time", () => {
  const text = (value: string): GoValue => ({ kind: "string", value });
  const int = (value: number): GoValue => ({ kind: "int", type: "int", value: BigInt(value) });

  test.for([
    ["randAlphaNum", /^[0-9A-Za-z]{40}$/],
    ["randAlpha", /^[A-Za-z]{40}$/],
    ["randNumeric", /^[0-9]{40}$/],
    ["randAscii", /^[ -~]{40}$/],
    ["randBytes", /^[0-9A-Za-z+/]{54}==$/],
  ] as const)("%s draws 40 from the caller's randomness", ([name, shape]) => {
    expect(goText(call(name, [int(40)]))).toMatch(shape);
  });

  it("uuidv4 marks version and variant", () => {
    expect(goText(call("uuidv4", []))).toBe("00010203-0405-4607-8809-0a0b0c0d0e0f");
  });

  it("randInt stays between its bounds", () => {
    const world = testWorld();
    const drawn = Array.from({ length: 50 }, () => Number(goText(call("randInt", [int(3), int(6)], world))));
    expect(new Set(drawn)).toEqual(new Set([3, 4, 5]));
  });

  it("shuffle keeps the characters", () => {
    expect([...goText(call("shuffle", [text("héllo")]))].sort().join("")).toBe([..."héllo"].sort().join(""));
  });

  it("now is the caller's time", () => {
    const now = call("now", []);
    expect(goText(now)).toBe("2024-03-05 06:07:08.09 +0000 UTC");
    expect(goText(call("ago", [int(1_709_618_828)]))).toBe("0s");
    expect(goText(call("ago", [time("2024-03-05T05:00:00Z")]))).toBe("1h7m8s");
    expect(goText(call("date", [text("2006"), text("no date")]))).toBe("2024");
  });

  it("encryptAES is what decryptAES and AES-256-CBC open", () => {
    const sealed = goText(call("encryptAES", [text("key"), text("plain é")]));
    expect(goText(call("decryptAES", [text("key"), text(sealed)]))).toBe("plain é");
    const bytes = Buffer.from(sealed, "base64");
    const key = new Uint8Array(32);
    key.set(new TextEncoder().encode("key"));
    const cipher = createDecipheriv("aes-256-cbc", key, bytes.subarray(0, 16));
    expect(cipher.update(bytes.subarray(16)).toString() + cipher.final().toString()).toBe("plain é");
  });

  test.for([
    ["ecdsa", "EC PRIVATE KEY", "ec"],
    ["ed25519", "PRIVATE KEY", "ed25519"],
  ])("genPrivateKey %s is a key in PEM", ([type = "", label = "", kind]) => {
    const pem = goText(call("genPrivateKey", [text(type)]));
    expect(pem).toContain(`-----BEGIN ${label}-----`);
    expect(createPrivateKey(pem).asymmetricKeyType).toBe(kind);
  });
});

test("every function that SealedSecrets may use is there", () => {
  const vectors = new URL("../vectors/sprig-3.3.0/functions.json", import.meta.url);
  expect([...sprigFunctions.keys()].sort()).toEqual(JSON.parse(readFileSync(vectors, "utf8")));
});

test("every function has a case: here, or in certificates.test.ts", () => {
  const recorded = new Set(cases.map((one) => one.function));
  const elsewhere = ["bcrypt", "buildCustomCert", "genCA", "genCAWithKey", "genSelfSignedCert"].concat(
    ["genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey", "htpasswd"],
    // Above, among those of chance and time.
    ["now", "uuidv4"],
  );
  expect([...sprigFunctions.keys()].filter((name) => !recorded.has(name)).sort()).toEqual(elsewhere);
});

test("a dictionary that holds itself is refused", () => {
  const entries = new Map<string, GoValue>();
  const cycle: GoValue = { kind: "map", element: "interface {}", entries };
  entries.set("self", cycle);
  expect(() => call("deepCopy", [cycle])).toThrow("values are nested too deep");
  expect(() => call("mustToJson", [cycle])).toThrow("json: unsupported value: encountered a cycle");
});

describe("bounds", () => {
  const text = (value: string): GoValue => ({ kind: "string", value });
  const int = (value: number): GoValue => ({ kind: "int", type: "int", value: BigInt(value) });

  test.for<[string, GoValue[]]>([
    ["repeat", [int(1_000_000_000), text("xx")]],
    ["indent", [int(1_000_000_000), text("x")]],
    ["nindent", [int(1_000_000_000), text("x")]],
    ["replace", [text(""), text("y".repeat(500)), text("x".repeat(500))]],
    ["regexReplaceAll", [text(""), text("x".repeat(500)), text("y".repeat(500))]],
    ["wrapWith", [int(1), text("y".repeat(500)), text("x".repeat(500))]],
    ["randAlpha", [int(1_000_000_000)]],
    ["randBytes", [int(1_000_000_000)]],
  ])("%s makes no text beyond the limit", ([name, args]) => {
    expect(() => call(name, args, testWorld({ output: 10_000 }))).toThrow(
      "text of more than 10000 characters",
    );
  });

  test.for<[string, GoValue[]]>([
    ["until", [int(1_000_000_000_000)]],
    ["untilStep", [int(0), int(1_000_000_000), int(1)]],
    ["seq", [int(1_000_000_000)]],
    ["genPrivateKey", [text("rsa")]],
    ["derivePassword", [int(1), text("long"), text("a"), text("b"), text("c")]],
  ])("%s is paid for in steps", ([name, args]) => {
    expect(() => call(name, args, testWorld({ steps: 100_000 }))).toThrow("too many steps");
  });
});
