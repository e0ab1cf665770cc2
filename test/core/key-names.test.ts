import { describe, expect, test } from "vitest";
import { describeKey, noNames } from "../../src/core/key-names.ts";
import { type MasterKey, sameHolder } from "../../src/core/master-key.ts";

const arn = "arn:aws:kms:eu-west-1:111122223333:key/0d5d7d3c-7c4d-4c0b-9d3e-5b1d1a6f2f10";
const role = "arn:aws:iam::111122223333:role/deploy";
const fingerprint = "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4";
const azure = {
  type: "azure_kv",
  vaultUrl: "https://team.vault.azure.net",
  name: "sops",
  version: "1",
} as const;

describe("a key is called by its name, beside which its id stands", () => {
  test.for<[what: string, key: MasterKey, named: string, expected: string]>([
    ["named as such", { type: "age", recipient: "age1x" }, "age1x", "CI (age1x)"],
    ["a role was added to", { type: "kms", arn, role }, arn, `CI (${arn}+${role})`],
    ["named with its role", { type: "kms", arn, role }, `${arn}+${role}`, `CI (${arn}+${role})`],
    [
      "of any version",
      azure,
      "https://team.vault.azure.net/keys/sops/",
      "CI (https://team.vault.azure.net/keys/sops/1)",
    ],
    [
      "in small letters",
      { type: "pgp", fingerprint: fingerprint.toLowerCase() },
      fingerprint,
      `CI (${fingerprint.toLowerCase()})`,
    ],
    [
      "that insists on a subkey",
      { type: "pgp", fingerprint: `${fingerprint}!` },
      fingerprint,
      `CI (${fingerprint}!)`,
    ],
    ["without a name", { type: "age", recipient: "age1y" }, "age1x", "age1y"],
  ])("%s", ([, key, named, expected]) => {
    expect(describeKey(key, new Map([[named, "CI"]]))).toBe(expected);
  });
});

describe("an id for people", () => {
  test("is shortened when it is a post-quantum recipient, and whole when it is an ARN with its role", () => {
    const recipient = `age1pq1${"x".repeat(1950)}end`;
    expect(describeKey({ type: "age", recipient }, noNames)).toBe(`${recipient.slice(0, 40)}...xxxxxend`);
    expect(describeKey({ type: "kms", arn, role }, noNames)).toBe(`${arn}+${role}`);
    expect(describeKey({ type: "hckms", keyId: "x".repeat(1e6) }, noNames)).toHaveLength(51);
  });

  test("holds nothing that a terminal takes for a command, whatever the file says", () => {
    const key: MasterKey = { type: "unknown", name: "a\u001b[2Jb\nc\u202ed" };
    expect(describeKey(key, noNames)).toBe("a\ufffd[2Jb\ufffdc\ufffdd");
  });
});

describe("who can use one key can use the other", () => {
  const kms = (more: object): MasterKey => ({ type: "kms", arn, ...more });
  test.for<[what: string, a: MasterKey, b: MasterKey, expected: boolean]>([
    ["another version of an Azure key", azure, { ...azure, version: "2" }, true],
    ["another Azure key", azure, { ...azure, name: "other" }, false],
    ["another role for an AWS key", kms({ role }), kms({}), true],
    ["another profile for an AWS key", kms({ awsProfile: "prod" }), kms({}), true],
    ["another context of an AWS key", kms({ context: { app: "a" } }), kms({ context: { app: "b" } }), false],
    [
      "a fingerprint in small letters",
      { type: "pgp", fingerprint },
      { type: "pgp", fingerprint: fingerprint.toLowerCase() },
      true,
    ],
    [
      "another age recipient",
      { type: "age", recipient: "age1x" },
      { type: "age", recipient: "age1y" },
      false,
    ],
  ])("%s", ([, a, b, expected]) => {
    expect(sameHolder(a, b)).toBe(expected);
  });
});
