import { describe, expect, test } from "vitest";
import { KsealError } from "../../src/errors.ts";
import { encodeBech32 } from "../../src/keys/bech32.ts";
import { generateIdentity } from "../../src/keys/keygen.ts";
import { parseAgeRecipient, parseRecipientsFile } from "../../src/keys/recipients.ts";

const classic = "age1qa84n8ccxf56j54p5nuprp7zaks8098tdgydvv7q5ljclmmjhgwqklvwkm";
const ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9N+aXQKmAS7F1WMe7RlmCClH0RUHf3yAfJL3fGTmvM";
const fixed = {
  random: (length: number) => new Uint8Array(length).fill(5),
  now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678),
};

function failure(work: () => unknown): KsealError {
  try {
    work();
  } catch (error) {
    if (error instanceof KsealError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a recipient", () => {
  test.for([
    ["x25519", classic],
    ["hybrid", encodeBech32("age1pq", new Uint8Array(1216))],
    ["tag", encodeBech32("age1tag", new Uint8Array(33))],
    ["tag", encodeBech32("age1tagpq", new Uint8Array(1249))],
    ["plugin", encodeBech32("age1yubikey", new Uint8Array(33))],
    ["ssh", ed25519],
    ["ssh", `${ed25519} user@host`],
  ])("of kind %s is known by its form", ([kind, text = ""]) => {
    expect(parseAgeRecipient(text).kind).toBe(kind);
    expect(parseAgeRecipient(` ${text}\n`).text).toBe(text);
  });

  test.for([
    [classic.slice(0, -1), /cut off or mistyped/],
    [classic.toUpperCase(), /begin with age1/],
    [encodeBech32("age", new Uint8Array(31)), /wrong length/],
    [encodeBech32("age1pq", new Uint8Array(32)), /wrong length/],
    [encodeBech32("age1../x", new Uint8Array(32)), /names no plugin/],
    [encodeBech32("age1", new Uint8Array(32)), /names no plugin/],
    ["FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4", /begin with age1/],
    ["ssh-dss AAAA", /ssh-ed25519 and ssh-rsa/],
    ["ssh-ed25519 AAAA", /ssh-ed25519 and ssh-rsa/],
    ["ssh-ed25519", /ssh-ed25519 and ssh-rsa/],
    [ed25519.replace("ssh-ed25519", "ssh-rsa"), /its type is another/],
    [ed25519.slice(0, -4), /cut off or mistyped/],
    [`${ed25519}AAAA`, /cut off or mistyped/],
    ["", /begin with age1/],
  ] as const)("%s is refused", ([text, reason]) => {
    const error = failure(() => parseAgeRecipient(text));
    expect(error.code).toBe("USAGE");
    expect(error.message).toMatch(reason);
  });

  test("that is an identity is refused without repeating it", () => {
    const secret = encodeBech32("age-secret-key-", new Uint8Array(32)).toUpperCase();
    for (const text of [secret, secret.toLowerCase(), "AGE-PLUGIN-YUBIKEY-1QQQ"]) {
      const error = failure(() => parseAgeRecipient(text));
      expect(error.message).toContain("identity stands where a recipient belongs");
      expect(`${error.message}${error.hint}`).not.toContain(text.slice(15));
    }
  });
});

describe("a recipients file", () => {
  test("holds one recipient a line, beside comments and empty lines", () => {
    expect(parseRecipientsFile(`# team\n${classic}\r\n\n  ${ed25519} ann@host  \n`)).toEqual([
      classic,
      `${ed25519} ann@host`,
    ]);
    expect(parseRecipientsFile("")).toEqual([]);
  });

  test("with a mistake is refused with the line", () => {
    const error = failure(() => parseRecipientsFile(`# team\n${classic}\n${classic}x\n`));
    expect(error).toMatchObject({ code: "USAGE", where: { line: 3 } });
  });
});

describe("a new identity", () => {
  test("stands in the text of age-keygen", async () => {
    const { recipient, fileText } = await generateIdentity({ postQuantum: false, host: fixed });

    expect(fileText()).toMatch(
      /^# created: 2026-01-02T03:04:05Z\n# public key: age1[0-9a-z]{58}\nAGE-SECRET-KEY-1[0-9A-Z]{58}\n$/,
    );
    expect(fileText()).toContain(`# public key: ${recipient}\n`);
    expect(parseAgeRecipient(recipient).kind).toBe("x25519");
  });

  test("that is safe against quantum computers has a recipient of 1,959 characters", async () => {
    const { recipient, fileText } = await generateIdentity({ postQuantum: true, host: fixed });

    expect(recipient).toHaveLength(1959);
    expect(parseAgeRecipient(recipient).kind).toBe("hybrid");
    expect(fileText()).toMatch(/\nAGE-SECRET-KEY-PQ-1[0-9A-Z]{58}\n$/);
  });

  test("does not show its secret when it is printed", async () => {
    const identity = await generateIdentity({ postQuantum: false, host: fixed });
    expect(JSON.stringify(identity)).not.toContain("SECRET");
  });
});
