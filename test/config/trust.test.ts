import { describe, expect, test } from "vitest";
import { trustOf } from "../../src/config/trust.ts";
import { parseUserFile } from "../../src/config/user-file.ts";
import { originOf } from "../../src/core/trust.ts";
import { KsealError } from "../../src/errors.ts";

const path = "/home/ada/.config/kseal/config.yaml";
const parse = (text: string) => parseUserFile(new TextEncoder().encode(text), path).trust;
const own = {
  vault: ["https://own.example.com"],
  azure: ["https://keys.example.com"],
  awsRoles: ["arn:aws:iam::1:role/a"],
  awsProfiles: ["prod"],
  plainStores: ["http://minio.example.com:9000"],
};

describe("the origin of an address", () => {
  test.for([
    ["https://vault.example.com:8200", "https://vault.example.com:8200"],
    ["https://VAULT.example.com:443/v1/transit", "https://vault.example.com"],
    ["HTTPS://vault.example.com/", "https://vault.example.com"],
    ["http://127.0.0.1:8200", "http://127.0.0.1:8200"],
    ["http://127.1:8200/x", "http://127.0.0.1:8200"],
    ["http://localhost", "http://localhost"],
    ["http://[::1]:8200", "http://[::1]:8200"],
    ["http://vault.example.com", undefined],
    ["http://127.0.0.1.example.com", undefined],
    ["http://10.0.0.1", undefined],
    ["https://vault.example.com@evil.net", undefined],
    ["https://user:secret@vault.example.com", undefined],
    ["ftp://vault.example.com", undefined],
    ["vault.example.com", undefined],
    ["unix:///run/vault.sock", undefined],
    ["https://", undefined],
    ["", undefined],
  ] as const)("%s: %s", ([address, origin]) => {
    expect(originOf(address)).toBe(origin);
  });
});

describe("D43: a Vault token goes nowhere that a repository names", () => {
  test.for([
    [{}, []],
    [{ VAULT_ADDR: "https://vault.example.com:8200/" }, ["https://vault.example.com:8200"]],
    [{ VAULT_ADDR: "http://vault.example.com:8200" }, []],
    [{ VAULT_ADDR: "unix:///run/vault.sock" }, []],
    [
      { SOPS_HC_VAULT_ALLOWLIST: "https://a.example.com, https://b.example.com:8200/" },
      ["https://a.example.com", "https://b.example.com:8200"],
    ],
    [
      { SOPS_HC_VAULT_ALLOWLIST: "https://a.example.com", VAULT_ADDR: "https://b.example.com" },
      ["https://b.example.com", "https://a.example.com"],
    ],
    [{ SOPS_HC_VAULT_ALLOWLIST: "https://a.example.com,,https://a.example.com" }, ["https://a.example.com"]],
    // With these, sops matches no address, or all that there are.
    [{ SOPS_HC_VAULT_ALLOWLIST: "https://a.example.com/v1/team" }, []],
    [{ SOPS_HC_VAULT_ALLOWLIST: "a.example.com" }, []],
    [{ SOPS_HC_VAULT_ALLOWLIST: "https://" }, []],
    [{ SOPS_HC_VAULT_ALLOWLIST: "" }, []],
    [{ SOPS_HC_VAULT_ALLOWLIST: "none", VAULT_ADDR: "https://vault.example.com" }, []],
    [{ SOPS_HC_VAULT_ALLOWLIST: "all", VAULT_ADDR: "https://vault.example.com" }, "all"],
  ] as const)("%o allows %o", ([env, addresses]) => {
    expect(trustOf(env, undefined).vaultAddresses).toEqual(addresses);
  });

  test("the user's own file adds to the variables, unless they say none", () => {
    const env = { VAULT_ADDR: "https://vault.example.com" };

    expect(trustOf(env, own)).toEqual({
      vaultAddresses: ["https://vault.example.com", "https://own.example.com"],
      azureVaults: ["https://keys.example.com"],
      awsRoles: ["arn:aws:iam::1:role/a"],
      awsProfiles: ["prod"],
      plainStores: ["http://minio.example.com:9000"],
    });
    expect(trustOf({ SOPS_HC_VAULT_ALLOWLIST: "none" }, own).vaultAddresses).toEqual([]);
  });
});

describe("the section trust of the user's own file", () => {
  test("holds addresses, roles and profiles", () => {
    const text = [
      "trust:",
      "  vault: [https://Vault.example.com:8200, 'http://127.0.0.1:8200/']",
      "  azure: [https://keys.example.com:443]",
      "  aws_roles:",
      "    - arn:aws:iam::111122223333:role/team/sops",
      "  aws_profiles: [prod, 2024]",
      "  s3_plain_http: ['http://minio.example.com:9000/']",
    ].join("\n");

    expect(parse(text)).toEqual({
      vault: ["https://vault.example.com:8200", "http://127.0.0.1:8200"],
      azure: ["https://keys.example.com"],
      awsRoles: ["arn:aws:iam::111122223333:role/team/sops"],
      awsProfiles: ["prod", "2024"],
      plainStores: ["http://minio.example.com:9000"],
    });
    expect(parse("trust:\n")).toBeUndefined();
    expect(parse("trust: {}\n")).toEqual({
      vault: [],
      azure: [],
      awsRoles: [],
      awsProfiles: [],
      plainStores: [],
    });
  });

  test("is read strictly, with all problems at once", () => {
    const text = [
      "trust:",
      "  vault: https://vault.example.com",
      "  azure: [http://keys.example.com, https://keys.example.com/keys, '*', https://a@b.example.com]",
      "  aws_roles: [admin, 'arn:aws:iam::1:user/a']",
      "  aws_profiles: ['', [a]]",
      "  gcp: []",
      "  s3_plain_http: [minio, 'http://minio/bucket']",
    ].join("\n");
    const address =
      "an item of azure must look like https://vault.example.com:8200, without a path; http only on this machine";
    const role = "an item of aws_roles must look like arn:aws:iam::111122223333:role/name";

    expect(problems(text)).toEqual([
      `${path}:2:10: vault must be a list: write each behind a dash, or [one, two]`,
      `${path}:3:11: ${address}`,
      `${path}:3:36: ${address}`,
      `${path}:3:67: ${address}`,
      `${path}:3:72: ${address}`,
      `${path}:4:15: ${role}`,
      `${path}:4:22: ${role}`,
      `${path}:5:18: an item of aws_profiles is empty`,
      `${path}:5:22: an item of aws_profiles must be text, not a list`,
      `${path}:6:3: unknown field "gcp" in trust: known are vault, azure, aws_roles, aws_profiles, s3_plain_http`,
      `${path}:7:19: an item of s3_plain_http must look like http://minio.example.com:9000, without a path`,
      `${path}:7:26: an item of s3_plain_http must look like http://minio.example.com:9000, without a path`,
    ]);
    expect(problems("trust: all")).toEqual([
      `${path}:1:8: trust must be a mapping: write vault: [https://vault.example.com:8200] below it`,
    ]);
  });
});

function problems(text: string): readonly string[] {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return `${path}:${error.where?.line}:${error.where?.column}: ${error.message}`.split("\n");
  }
  throw new Error("the file was accepted");
}
