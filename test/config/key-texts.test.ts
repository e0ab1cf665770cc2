import { describe, expect, test } from "vitest";
import { parseEncryptionContext, parseKeyTexts } from "../../src/config/key-texts.ts";
import { parseKey, problemOf } from "../../src/config/master-keys.ts";
import { identityText, keyId, type MasterKey } from "../../src/core/master-key.ts";

const arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
const alias = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/team/sops";
const role = "arn:aws:iam::111122223333:role/team/sops";
const gcp = "projects/p/locations/l/keyRings/r/cryptoKeys/k";
const azure = "https://vault.example.net/keys/k/v";
const vault = "https://vault.example.com:8200/v1/a/b/keys/k";
const fingerprint = "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4";

describe("keys as flags name them", () => {
  test("come in the order of sops, whatever the order of the flags", () => {
    const keys = parseKeyTexts({
      age: ["age1b,age1a", "age1c"],
      hcVaultTransit: [vault],
      pgp: [`${fingerprint} , FBC7 B9E2 A4F9 289A`],
      azureKv: [`${azure},https://vault.example.net/keys/k`],
      hckms: ["eu:1"],
      gcpKms: [gcp],
      kms: [`${arn}+${role}, ${alias}`],
    });

    expect(keys.map(keyId)).toEqual([
      `${arn}+${role}`,
      alias,
      gcp,
      "eu:1",
      azure,
      "https://vault.example.net/keys/k/",
      fingerprint,
      "FBC7B9E2A4F9289A",
      vault,
      "age1b",
      "age1a",
      "age1c",
    ]);
  });

  test("get the profile and the context when they are of AWS KMS", () => {
    const keys = parseKeyTexts({
      kms: [`${arn},${alias}`],
      pgp: [fingerprint],
      awsProfile: "prod",
      encryptionContext: ["Env:prod,Team:a", "App:web"],
    });

    expect(keys.map(identityText)).toEqual([
      `${arn}|App:web,Env:prod,Team:a|prod`,
      `${alias}|App:web,Env:prod,Team:a|prod`,
      fingerprint,
    ]);
  });

  test("are none when nothing is named", () => {
    expect(parseKeyTexts({})).toEqual([]);
    expect(parseKeyTexts({ kms: [" , "], age: [""], encryptionContext: [""] })).toEqual([]);
  });

  const looks = {
    kms: "is not the ARN of an AWS KMS key: it must look like arn:aws:kms:eu-west-1:111122223333:key/1234abcd, or end in :alias/name",
    gcp: "is not a Google Cloud KMS key: it must look like projects/name/locations/europe/keyRings/ring/cryptoKeys/key",
    azure: "is not an Azure Key Vault key: it must look like https://vault.example.net/keys/name/version",
    vault:
      "is not a Vault transit key: it must look like https://vault.example.com:8200/v1/transit/keys/name, with nothing before /v1",
    pgp: "is not a PGP fingerprint: it must be 40 hexadecimal digits, and a ! behind them for a subkey",
  };
  const hint = "gpg --list-keys shows the fingerprints of your keys";
  test.for([
    [{ kms: ["alias/team"] }, `"alias/team" ${looks.kms}`, undefined],
    [{ kms: ["arn:aws:kms:eu-west-1:1:key/a,arn:aws:s3:::b"] }, `"arn:aws:s3:::b" ${looks.kms}`, undefined],
    [
      { kms: ["arn:aws:kms:eu@evil.net/:1:key/a"] },
      `"arn:aws:kms:eu@evil.net/:1:key/a" ${looks.kms}`,
      undefined,
    ],
    [
      { kms: [`${arn}+arn:aws:iam::1:user/a`] },
      `"${arn}+arn:aws:iam::1:user/a" is not the ARN of an AWS KMS key: the role must look like arn:aws:iam::111122223333:role/name`,
      undefined,
    ],
    [{ gcpKms: ["projects/p"] }, `"projects/p" ${looks.gcp}`, undefined],
    [{ hckms: ["eu"] }, '"eu" is not a HuaweiCloud KMS key: it must look like region:key-uuid', undefined],
    [{ azureKv: ["http://v/keys/k"] }, `"http://v/keys/k" ${looks.azure}`, undefined],
    [{ hcVaultTransit: ["https://v/keys/k"] }, `"https://v/keys/k" ${looks.vault}`, undefined],
    [{ hcVaultTransit: ["https://v/p/v1/t/keys/k"] }, `"https://v/p/v1/t/keys/k" ${looks.vault}`, undefined],
    [
      { hcVaultTransit: ["https://v/v1/../t/keys/k"] },
      `"https://v/v1/../t/keys/k" ${looks.vault}`,
      undefined,
    ],
    [{ pgp: ["ada@example.com"] }, `"ada@example.com" ${looks.pgp}`, hint],
    [{ pgp: ["--output=x"] }, `"--output=x" ${looks.pgp}`, hint],
    [{ pgp: [`0x${fingerprint}`] }, `"0x${fingerprint}" ${looks.pgp}`, hint],
    [{ pgp: [`${fingerprint}!!`] }, `"${fingerprint}!!" ${looks.pgp}`, hint],
    [{ pgp: ["AGE-SECRET-KEY-1QQPQYQ"] }, `an age identity ${looks.pgp}`, hint],
    [{ kms: ["x".repeat(200)] }, `"${"x".repeat(60)}..." ${looks.kms}`, undefined],
  ] as const)("are refused when they are none: %o", ([texts, message, advice]) => {
    expect(() => parseKeyTexts(texts)).toThrow(
      expect.objectContaining({ code: "USAGE", message, hint: advice }),
    );
  });
});

describe("an encryption context", () => {
  test("is one or more pairs", () => {
    expect(parseEncryptionContext(["a:b"])).toEqual({ a: "b" });
    expect(parseEncryptionContext(["a:b,c:", "d:e", "a:b"])).toEqual({ a: "b", c: "", d: "e" });
    expect(Object.entries(parseEncryptionContext(["__proto__:b"]) ?? {})).toEqual([["__proto__", "b"]]);
    expect(parseEncryptionContext([])).toBeUndefined();
    expect(parseEncryptionContext([""])).toBeUndefined();
    expect(parseEncryptionContext(undefined)).toBeUndefined();
  });

  test.for([
    ["Env", '"Env" is no key:value'],
    ["Env=prod", '"Env=prod" is no key:value'],
    ["Env:prod,", '"" is no key:value'],
    ["a:b:c", '"a:b:c" is no key:value'],
    [":b", '":b" is no key:value'],
    ["a:b,a:c", 'it gives "a" two values'],
    ['{"a":"b"}', "it is JSON"],
  ] as const)("in another form is refused, never left out: %s", ([text, reason]) => {
    expect(() => parseEncryptionContext([text])).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: `the KMS encryption context cannot be read: ${reason}`,
        hint: "write it as --encryption-context Environment:prod,Team:payments",
      }),
    );
  });
});

describe("a key of any type is told by its looks", () => {
  test.for([
    ["age1qqq", "age"],
    ["ssh-ed25519 AAAA me@example.com", "age"],
    [`${arn}+${role}`, "kms"],
    [gcp, "gcp_kms"],
    [azure, "azure_kv"],
    [vault, "hc_vault"],
    ["http://127.0.0.1:8200/v1/transit/keys/k", "hc_vault"],
    [` ${fingerprint}! `, "pgp"],
    ["FBC7 B9E2 A4F9 289A C0C1  D484 3D16 CEE4 A273 81B4", "pgp"],
    ["eu-west-101:1234-abcd", "hckms"],
  ] as const)("%s: %s", ([text, type]) => {
    expect(parseKey(text)).toMatchObject({ key: { type } });
  });

  test.for(["", "hello", "AGE-SECRET-KEY-1QQ", "arn:aws:s3:::b", "FBC7", "https://example.com"])(
    "%o is none",
    (text) => {
      expect(parseKey(text)).toEqual({ problem: expect.any(String) });
    },
  );
});

test("a key that was written into a sops block by hand is checked as one of a rule", () => {
  const keys: readonly MasterKey[] = [
    { type: "kms", arn, role },
    { type: "gcp_kms", resourceId: gcp },
    { type: "azure_kv", vaultUrl: "https://v.example.net", name: "k", version: "" },
    { type: "hc_vault", vaultAddress: "https://v:8200", enginePath: "a/b", keyName: "k" },
    { type: "pgp", fingerprint },
    { type: "hckms", keyId: "eu:1" },
    { type: "age", recipient: "age1x" },
    { type: "unknown", name: "future" },
  ];
  expect(keys.map(problemOf)).toEqual(keys.map(() => undefined));
  expect(problemOf({ type: "kms", arn: "a" })).toMatch(/^must look like arn:aws:kms/);
  expect(problemOf({ type: "pgp", fingerprint: "-r" })).toMatch(/^must be 40 hex/);
  expect(problemOf({ type: "hc_vault", vaultAddress: "v", enginePath: "e", keyName: "k" })).toMatch(
    /^must look like/,
  );
});
