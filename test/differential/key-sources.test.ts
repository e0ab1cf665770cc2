import { afterAll } from "vitest";
import { createGpgHome } from "../support/gpg.ts";
import { startKeySources } from "../support/key-sources.ts";
import { compareWithSops, type World } from "./harness.ts";
import { smallDotenv, smallIni, smallJson, smallYaml } from "./samples.ts";
import type { Scenario } from "./scenario.ts";

const arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const alias = "arn:aws:kms:us-east-1:111122223333:alias/team/sops";

// Started once for all that follows.
let started: Promise<World> | undefined;
afterAll(async () => (await started)?.close());

async function everySource(): Promise<World> {
  started ??= startEverySource();
  return { ...(await started), close: async () => {} };
}

/** Every key source on this machine, and a PGP home with two keys. */
async function startEverySource(): Promise<World> {
  const sources = await startKeySources();
  const gpg = await createGpgHome();
  const first = await gpg.generate("First <first@example.com>", { subkeys: 2 });
  const second = await gpg.generate("Second <second@example.com>");
  const { keys } = sources;
  const {
    HOME: _,
    SOPS_AGE_KEY: __,
    ...env
  } = sources.environment(["age", "aws", "gcp", "azure", "vault", "pgp"]);
  return {
    env: { ...env, GNUPGHOME: gpg.folder },
    variables: {
      FP: first.fingerprint,
      FP2: second.fingerprint,
      SUBKEY: `${first.subkeys[0]}!`,
      ARN: arn,
      ALIAS: alias,
      GCP: keys.gcp.flag[1],
      AZURE: keys.azure.flag[1],
      AZURERULE: keys.azure.rule,
      VAULT: keys.vault.flag[1],
      HUAWEI: "tr-west-1:1234",
      NOBODY: "0123456789ABCDEF0123456789ABCDEF01234567",
    },
    close: async () => {
      await gpg.close();
      await sources.close();
    },
  };
}

const rule = (...lines: readonly string[]) => `creation_rules:\n  - ${lines.join("\n    ")}\n`;
const stores = {
  "a.yaml": smallYaml,
  "a.json": smallJson,
  "a.env": smallDotenv,
  "a.ini": smallIni,
  "a.bin": "a\0b",
};
const names = Object.keys(stores);
/** Without any age identity. */
const noAge = { SOPS_AGE_KEY: undefined, SOPS_AGE_SSH_PRIVATE_KEY_FILE: undefined };
const noPgp = { GNUPGHOME: "/nonexistent" };

const allFlags =
  "--kms $ARN,$ALIAS --gcp-kms $GCP --azure-kv $AZURE --hc-vault-transit $VAULT --pgp $FP,$FP2 --age $R1";

/** Azure's hosts are real ones, and only a process of its own takes the way to this machine from its environment. */
const byProxy = { ownProcess: true } as const;

const sourceFlags: readonly (readonly [string, string])[] = [
  ["kms", "$ARN"],
  ["gcp-kms", "$GCP"],
  ["azure-kv", "$AZURE"],
  ["hc-vault-transit", "$VAULT"],
  ["pgp", "$FP"],
];

compareWithSops(
  "keys of every source at once, in every store",
  names.map((name) => ({
    name: `all at once by flag: ${name}`,
    files: { [name]: stores[name as keyof typeof stores] },
    run: [`encrypt -i ${allFlags} ${name}`, { line: `decrypt ${name}`, env: noAge }],
    ...byProxy,
  })),
  everySource,
);

compareWithSops(
  "keys of every source by flag, variable and rule",
  [
    ...sourceFlags.map(
      ([flag, key]): Scenario => ({
        name: `--${flag} alone`,
        files: { "a.yaml": smallYaml, "a.json": smallJson },
        run: [
          `encrypt -i --${flag} ${key} a.yaml`,
          `-e -i --${flag}=${key} a.json`,
          { line: "decrypt a.yaml", env: noAge },
          { line: "-d a.json", env: noAge },
          { line: `set a.yaml '["b"]' '"new"'`, env: noAge },
        ],
        ...(flag === "azure-kv" && byProxy),
      }),
    ),
    {
      name: "short flags",
      files: { "a.yaml": smallYaml },
      run: ["encrypt -k $ARN -p $FP -a $R1 a.yaml", "-e -k $ARN -p $FP -a $R1 a.yaml"],
    },
    {
      name: "spaces in keys, and a subkey that is insisted on",
      files: { "a.yaml": smallYaml },
      run: ["encrypt --pgp '$SUBKEY, $FP2' --kms ' $ARN, $ALIAS' a.yaml"],
    },
    {
      name: "variables, whatever the configuration says",
      files: { ".sops.yaml": rule("age: $R2"), "a.yaml": smallYaml },
      run: [
        { line: "encrypt a.yaml", env: { SOPS_KMS_ARN: "$ARN", SOPS_PGP_FP: "$FP" } },
        { line: "encrypt a.yaml", env: { SOPS_GCP_KMS_IDS: "$GCP", SOPS_AZURE_KEYVAULT_URLS: "$AZURE" } },
        { line: "encrypt a.yaml", env: { SOPS_VAULT_URIS: "$VAULT" } },
        // A flag beats its own variable alone.
        { line: "encrypt --age $R1 a.yaml", env: { SOPS_PGP_FP: "$FP", SOPS_AGE_RECIPIENTS: "$R3" } },
        "encrypt -i --age $R1 a.yaml",
        { line: "rotate a.yaml", env: { SOPS_PGP_FP: "$FP" } },
      ],
      ...byProxy,
    },
    {
      name: "edit makes a new file for the keys of flags and variables",
      files: { "content.yaml": smallYaml },
      run: [
        { line: "edit --pgp $FP a.yaml", env: { SOPS_EDITOR: "cp content.yaml" } },
        { line: "edit b.yaml", env: { SOPS_EDITOR: "cp content.yaml", SOPS_KMS_ARN: "$ARN" } },
      ],
    },
  ],
  everySource,
);

compareWithSops(
  "keys of every source by rule, in every store",
  [
    {
      name: "a rule with keys of every type",
      files: {
        ".sops.yaml": rule(
          "age: $R1",
          "pgp: $FP,$FP2",
          "kms: $ARN",
          "gcp_kms: $GCP",
          "azure_keyvault: $AZURE",
          "hc_vault_transit_uri: $VAULT",
        ),
        "a.yaml": smallYaml,
      },
      run: ["encrypt -i a.yaml", { line: "decrypt a.yaml", env: noAge }],
      ...byProxy,
    },
    {
      name: "key groups with keys of every type, and an encryption context",
      files: {
        ".sops.yaml": rule(
          "shamir_threshold: 2",
          "key_groups:",
          "  - kms: [{arn: '$ARN', context: {Env: prod, Team: a}}]",
          "    pgp: [$FP]",
          "  - gcp_kms: [{resource_id: '$GCP'}]",
          "    $AZURERULE",
          "  - hc_vault: ['$VAULT']",
          "    age: [$R1]",
        ),
        "a.yaml": smallYaml,
        "a.env": smallDotenv,
        "a.ini": smallIni,
      },
      run: [
        "encrypt -i a.yaml",
        "encrypt -i a.env",
        "encrypt -i a.ini",
        { line: "decrypt a.yaml", env: noAge },
        { line: "decrypt a.ini", env: { ...noPgp, AWS_ACCESS_KEY_ID: "AKIAUNKNOWN000000000" } },
        { line: "decrypt a.env", env: { GOOGLE_OAUTH_ACCESS_TOKEN: "x", AZURE_CLIENT_SECRET: "wrong" } },
      ],
      ...byProxy,
    },
  ],
  everySource,
);

compareWithSops(
  "the encryption context of AWS KMS",
  [
    {
      name: "by flag",
      files: { "a.yaml": smallYaml, "a.ini": smallIni },
      run: [
        "encrypt -i --kms $ARN --encryption-context Env:prod,Team:a a.yaml",
        "encrypt -i --kms $ARN,$ALIAS --encryption-context Env:prod a.ini",
        { line: "decrypt a.yaml", env: noAge },
        { line: "decrypt a.ini", env: noAge },
        "rotate -i a.yaml",
        "updatekeys -y a.yaml",
      ],
    },
    {
      name: "a file whose context was changed does not open",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --kms $ARN --encryption-context Env:prod a.yaml"],
      damage: (files) => files.set("a.yaml", (files.get("a.yaml") ?? "").replace("Env: prod", "Env: dev")),
      run: [{ line: "decrypt a.yaml", env: noAge }],
    },
    ...["Env=prod", "Env", "Env:prod,", "a:b:c"].map(
      (context): Scenario => ({
        name: `${context} is none`,
        files: { "a.yaml": smallYaml },
        run: [
          `encrypt --kms $ARN --encryption-context ${context} a.yaml`,
          `-e --kms $ARN --encryption-context ${context} a.yaml`,
        ],
      }),
    ),
    {
      name: "applies to the keys of rules too",
      files: { ".sops.yaml": rule("kms: $ARN"), "a.yaml": smallYaml },
      run: ["encrypt -i --encryption-context Env:prod a.yaml"],
      deviation: { decision: "D30", status: 0, files: { "a.yaml": /context:\n +Env: prod\n/ } },
    },
    {
      name: "that cannot be read stops rotate, which would add the key without",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --age $R1 a.yaml"],
      run: ["rotate -i --add-kms $ARN --encryption-context Env=prod a.yaml"],
      deviation: { decision: "D30", status: 6, untouched: true, stderr: /"Env=prod" is no key:value/ },
    },
  ],
  everySource,
);

compareWithSops(
  "keys of every source in files that are there",
  [
    ...sourceFlags.map(
      ([flag, key]): Scenario => ({
        name: `rotate --add-${flag} and --rm-${flag}`,
        files: { "a.yaml": smallYaml, "a.json": smallJson },
        prepare: ["encrypt -i --age $R1 a.yaml", `encrypt -i --age $R1 --${flag} ${key} a.json`],
        run: [
          `rotate -i --add-${flag} ${key} a.yaml`,
          { line: "decrypt a.yaml", env: noAge },
          `rotate -i --rm-${flag} ${key} a.json`,
          `-r -i --rm-age $R1 --add-${flag}=${key} a.json`,
          { line: "decrypt a.json", env: noAge },
        ],
        ...(flag === "azure-kv" && byProxy),
      }),
    ),
    {
      name: "rotate adds and removes AWS KMS keys with their context",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --age $R1 --kms $ARN --encryption-context Env:prod a.yaml"],
      run: [
        // Without its context it is another key.
        "rotate -i --rm-kms $ARN a.yaml",
        "rotate -i --rm-kms $ARN --encryption-context Env:prod a.yaml",
        "rotate -i --add-kms $ALIAS --encryption-context Env:prod a.yaml",
        "rotate -i --rm-kms '$ALIAS|Env:prod' a.yaml",
      ],
    },
    ...sourceFlags.map(
      ([flag, key]): Scenario => ({
        name: `groups add --${flag}`,
        files: { "a.yaml": smallYaml },
        prepare: ["encrypt -i --age $R1 a.yaml"],
        run: [
          `groups add -f a.yaml -i --${flag} ${key}`,
          "decrypt a.yaml",
          `groups add -f a.yaml -i --age $R2 --${flag} ${key} --shamir-secret-sharing-threshold 2`,
          "groups delete -f a.yaml -i 0",
          { line: "decrypt a.yaml", env: noAge },
        ],
        ...(flag === "azure-kv" && byProxy),
      }),
    ),
    {
      name: "groups add with an encryption context",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --age $R1 a.yaml"],
      run: [
        "groups add -f a.yaml -i --kms $ARN --kms $ALIAS --encryption-context Env:prod,Team:a",
        "decrypt a.yaml",
      ],
    },
    {
      name: "updatekeys between keys of different sources",
      files: {
        "a.yaml": smallYaml,
        "b.yaml": smallYaml,
        ".sops.yaml": rule("age: $R1", "pgp: $FP", "kms: $ARN", "hc_vault_transit_uri: $VAULT"),
        "context.yaml": rule(
          "key_groups:",
          "  - kms: [{arn: '$ARN', context: {Env: prod}}]",
          "    age: [$R1]",
        ),
      },
      prepare: ["encrypt -i --age $R1 --pgp $FP2 --gcp-kms $GCP a.yaml", "encrypt -i --age $R1 b.yaml"],
      run: [
        "updatekeys -y a.yaml",
        { line: "decrypt a.yaml", env: noAge },
        "--config context.yaml updatekeys -y b.yaml",
        { line: "decrypt b.yaml", env: noAge },
      ],
    },
    {
      name: "a file with two PGP keys opens with either, and with none it does not",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --pgp $FP,$FP2 a.yaml"],
      run: [
        { line: "decrypt a.yaml", env: noAge },
        { line: "decrypt a.yaml", env: { ...noAge, ...noPgp } },
        { line: `set a.yaml '["b"]' '"new"'`, env: { ...noAge, ...noPgp } },
      ],
    },
    {
      name: "two groups, of which one cannot be opened",
      files: {
        ".sops.yaml": rule("key_groups:", "  - pgp: [$FP]", "  - kms: [{arn: '$ARN'}]"),
        "a.yaml": smallYaml,
      },
      prepare: ["encrypt -i a.yaml"],
      run: [
        "decrypt a.yaml",
        { line: "decrypt a.yaml", env: noPgp },
        { line: "decrypt a.yaml", env: { AWS_ACCESS_KEY_ID: "AKIAUNKNOWN000000000" } },
      ],
    },
    {
      name: "entries of HuaweiCloud stay where they are",
      files: { "a.yaml": smallYaml, "a.json": smallJson },
      prepare: ["encrypt -i --age $R1 a.yaml"],
      damage: (files) => {
        const entry = `    hckms:\n        - created_at: "2026-01-01T00:00:00Z"\n          enc: x\n          key_id: tr-west-1:1\n`;
        files.set("a.yaml", (files.get("a.yaml") ?? "").replace(/^(?= {4}lastmodified:)/m, entry));
      },
      run: [`set a.yaml '["b"]' '"new"'`, "decrypt a.yaml", `unset a.yaml '["a"]'`],
    },
  ],
  everySource,
);

compareWithSops(
  "keys that are none, and keys that cannot be used",
  [
    ...[
      "--kms alias/team",
      "--kms arn:aws:s3:::bucket",
      "--pgp $NOBODY",
      "--gcp-kms projects/p",
      "--hckms nowhere",
      "--azure-kv https://team.vault.azure.net/secrets/k",
      "--hc-vault-transit vault.example.com/v1/transit/keys/k",
      "--hc-vault-transit https://proxy.example.com/vault/v1/transit/keys/k",
      "--age $R1 --pgp $NOBODY",
    ].map(
      (flags): Scenario => ({
        name: `encrypt ${flags}`,
        files: { "a.yaml": smallYaml },
        run: [`encrypt -i ${flags} a.yaml`, `-e ${flags} a.yaml`],
      }),
    ),
    {
      name: "edit of a new file for a key that is not there",
      files: { "content.yaml": smallYaml },
      run: [{ line: "edit --pgp $NOBODY a.yaml", env: { SOPS_EDITOR: "cp content.yaml" } }],
    },
    {
      name: "rotate and updatekeys with a key that is not there",
      files: { "a.yaml": smallYaml, ".sops.yaml": rule("age: $R1", "pgp: $NOBODY") },
      prepare: ["encrypt -i --age $R1 a.yaml"],
      run: [
        "rotate -i --add-pgp $NOBODY a.yaml",
        "rotate -i --add-azure-kv https://v/k a.yaml",
        "rotate -i --add-kms $ARN nope.yaml",
        "updatekeys -y a.yaml",
      ],
    },
    {
      name: "groups add with a key that is not there, which sops writes unwrapped",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --age $R1 a.yaml"],
      run: ["groups add -f a.yaml -i --pgp $NOBODY"],
      deviation: {
        decision: "D34",
        status: 1,
        untouched: true,
        stderr: /0123456789ABCDEF0123456789ABCDEF01234567: /,
      },
    },
    {
      name: "groups add --hckms, of which sops takes no notice",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --age $R1 a.yaml"],
      run: ["groups add -f a.yaml -i --hckms $HUAWEI --age $R2"],
      deviation: {
        decision: "D34",
        status: 1,
        untouched: true,
        stderr: /tr-west-1:1234: kseal cannot encrypt with HuaweiCloud KMS/,
      },
    },
    {
      name: "groups add with a URI that is none, which sops leaves out with a message",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --age $R1 a.yaml"],
      run: ["groups add -f a.yaml -i --hc-vault-transit vault --age $R2"],
      deviation: {
        decision: "D34",
        status: 1,
        untouched: true,
        stderr: /"vault" is not a Vault transit key/,
      },
    },
    {
      name: "a Vault address that nobody but the file names",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --hc-vault-transit $VAULT a.yaml"],
      run: [{ line: "decrypt a.yaml", env: { VAULT_ADDR: undefined } }],
      deviation: { decision: "D43", status: 128, stderr: /to allow it, set VAULT_ADDR=http:/ },
    },
    {
      name: "SOPS_HC_VAULT_ALLOWLIST",
      files: { "a.yaml": smallYaml },
      prepare: ["encrypt -i --hc-vault-transit $VAULT a.yaml"],
      run: [
        { line: "decrypt a.yaml", env: { VAULT_ADDR: undefined, SOPS_HC_VAULT_ALLOWLIST: "all" } },
        { line: "decrypt a.yaml", env: { SOPS_HC_VAULT_ALLOWLIST: "none" } },
        {
          line: "decrypt a.yaml",
          env: { VAULT_ADDR: undefined, SOPS_HC_VAULT_ALLOWLIST: "https://vault.example.com" },
        },
      ],
    },
  ],
  everySource,
);
