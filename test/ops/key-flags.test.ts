import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { identityText, type MasterKey } from "../../src/core/master-key.ts";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { renderWithKeys, resealWithKeys } from "../../src/ops/edit-keys.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { addGroup } from "../../src/ops/groups.ts";
import { openText, readText } from "../../src/ops/load-file.ts";
import type { KeyFlags } from "../../src/ops/recipients.ts";
import { removalsOf } from "../../src/ops/removed-keys.ts";
import { rotateFiles } from "../../src/ops/rotate.ts";
import { selectOne } from "../../src/ops/select-files.ts";
import { setValue } from "../../src/ops/set.ts";
import { planUpdateKeys } from "../../src/ops/update-keys.ts";
import { type AwsKmsServer, startAwsKms } from "../support/kms/aws-kms.ts";
import {
  failureOf,
  inPlace,
  mine,
  secret,
  theirs,
  toCaller,
  type Workbench,
  workbench,
} from "./workbench.ts";

const path = "a.yaml";
const arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
const other = "arn:aws:kms:eu-west-1:111122223333:alias/other";
const role = "arn:aws:iam::111122223333:role/sops";
const fingerprint = "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4";

let aws: AwsKmsServer;
beforeAll(async () => {
  aws = await startAwsKms();
});
afterAll(() => aws.close());

let awsEnv: Record<string, string>;
beforeEach(() => {
  awsEnv = {
    AWS_ENDPOINT_URL: aws.url,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_EC2_METADATA_DISABLED: "true",
  };
});

/** A Secret and a rule, encrypted in place when there are flags. */
async function bench(
  options: { rule?: string; env?: Record<string, string>; keys?: KeyFlags } = {},
): Promise<Workbench> {
  const { rule = "", env, keys } = options;
  const files = { [path]: secret, ...(rule && { ".sops.yaml": `creation_rules:\n  - ${rule}\n` }) };
  const made = await workbench(files, { env: { ...awsEnv, ...env } });
  if (keys !== undefined) await encryptFiles({ paths: [path], destination: inPlace, keys }, made.context);
  return made;
}

const encrypt = async (on: Workbench, keys?: KeyFlags): Promise<readonly string[]> => {
  const [file] = await encryptFiles({ paths: [path], destination: inPlace, keys }, on.context);
  return (file?.groups ?? []).map((group) => group.map(identityText).join(" "));
};

describe("the keys of a new file", () => {
  test("are one group in the order of sops, each once, and the file opens again", async () => {
    const on = await bench();

    expect(await encrypt(on, { age: [mine, `${theirs},${mine}`], kms: [`${other}, ${arn}`, arn] })).toEqual([
      `${other} ${arn} ${mine} ${theirs}`,
    ]);
    const { stream } = await decryptFiles({ paths: [path], destination: toCaller }, await on.again());
    expect(new TextDecoder().decode(stream)).toBe(secret);
  });

  test("opens with the KMS key alone, context and all", async () => {
    const on = await bench({ env: { SOPS_AGE_KEY: "" } });
    await encrypt(on, { kms: [arn], encryptionContext: ["Env:prod"] });

    const text = await on.read(path);
    expect(text).toMatch(
      /^ +- arn: arn:aws:kms:eu-west-1:111122223333:key\/1234abcd\n +aws_profile: ""\n +context:\n +Env: prod\n/m,
    );
    const { stream } = await decryptFiles({ paths: [path], destination: toCaller }, await on.again());
    expect(new TextDecoder().decode(stream)).toBe(secret);
  });

  test("come from variables too, and a flag beats its own variable alone", async () => {
    const env = { SOPS_AGE_RECIPIENTS: theirs, SOPS_KMS_ARN: arn };
    const rule = `age: ${theirs}`;

    expect(await encrypt(await bench({ rule, env }))).toEqual([`${arn} ${theirs}`]);
    expect(await encrypt(await bench({ rule, env }), { age: [mine] })).toEqual([`${arn} ${mine}`]);
    expect(await encrypt(await bench({ rule, env }), { kms: [other] })).toEqual([`${other} ${theirs}`]);
    const withFile = await bench({ rule, env });
    await withFile.write("team.txt", `# team\n${mine}\n`);
    expect(await encrypt(withFile, { ageFiles: ["team.txt"] })).toEqual([`${arn} ${mine}`]);
  });

  test("a variable that names none is refused by its name", async () => {
    const env = { SOPS_PGP_FP: "ada@example.com", SOPS_AGE_RECIPIENTS: mine };

    expect(await failureOf(encrypt(await bench({ env }), { age: [mine] }))).toMatchObject({
      code: "USAGE",
      message:
        'the variable SOPS_PGP_FP: "ada@example.com" is not a PGP fingerprint: it must be 40 hexadecimal digits, and a ! behind them for a subkey',
      hint: "unset SOPS_PGP_FP",
    });
  });

  test("a profile that is for no key is refused", async () => {
    const failure = await failureOf(encrypt(await bench({ rule: `age: ${mine}` }), { awsProfile: "prod" }));

    expect(failure).toMatchObject({
      code: "USAGE",
      message: "an AWS profile without an AWS KMS key to use it for",
      hint: "name the key with --kms; for a rule write aws_profile beside its keys",
    });
  });
});

describe("D30: an encryption context applies to all AWS KMS keys", () => {
  const encryptionContext = ["Env:prod"];

  test("of flags and of variables", async () => {
    expect(await encrypt(await bench(), { kms: [arn], encryptionContext })).toEqual([`${arn}|Env:prod`]);
    expect(await encrypt(await bench({ env: { SOPS_KMS_ARN: arn } }), { encryptionContext })).toEqual([
      `${arn}|Env:prod`,
    ]);
  });

  test("that stand in a rule", async () => {
    const rule = `kms: ${arn}\n    age: ${mine}`;

    expect(await encrypt(await bench({ rule }), { encryptionContext })).toEqual([`${mine} ${arn}|Env:prod`]);
  });

  test("that stand in key groups, beside what these say", async () => {
    const rule = [
      "key_groups:",
      `      - kms: [{arn: '${arn}', context: {Env: dev, Team: a}}]`,
      `      - kms: [{arn: '${other}'}]`,
    ].join("\n");

    expect(await encrypt(await bench({ rule }), { encryptionContext })).toEqual([
      `${arn}|Env:prod,Team:a`,
      `${other}|Env:prod`,
    ]);
  });

  test("and says so where there is none", async () => {
    const on = await bench({ rule: `age: ${mine}` });
    await encrypt(on, { encryptionContext });

    expect(on.log).toEqual([
      "warning: a.yaml: the encryption context has no effect: none of the keys is of AWS KMS",
    ]);
  });

  test("and one that cannot be read stops everything", async () => {
    const on = await bench({ rule: `kms: ${arn}` });

    expect(await failureOf(encrypt(on, { encryptionContext: ["Env=prod"] }))).toMatchObject({
      code: "USAGE",
      message: 'the KMS encryption context cannot be read: "Env=prod" is no key:value',
    });
    expect(await on.read(path)).toBe(secret);
  });
});

describe("rotate", () => {
  const rotate = (on: Workbench, change: { add?: KeyFlags; remove?: KeyFlags }) =>
    rotateFiles({ paths: [path], destination: inPlace, unlisted: "warn", ...change }, on.context);

  test("adds and removes keys of AWS KMS with their context", async () => {
    const on = await bench({ keys: { age: [mine], kms: [arn], encryptionContext: ["Env:prod"] } });
    const [result] = await rotate(on, {
      add: { kms: [other], encryptionContext: ["Env:prod"] },
      remove: { kms: [arn], encryptionContext: ["Env:prod"] },
    });

    expect(result?.groups.map((group) => group.map(identityText))).toEqual([[mine, `${other}|Env:prod`]]);
    expect(result?.removed.map(identityText)).toEqual([`${arn}|Env:prod`]);
    expect(on.log).toEqual([]);
  });

  test("tells of a key that a file has with another context, and how to name it", async () => {
    const on = await bench({ keys: { age: [mine], kms: [arn], encryptionContext: ["Env:prod,Team:a b"] } });
    await rotate(on, { remove: { kms: [arn], pgp: [fingerprint] } });

    expect(on.log).toEqual([
      `warning: a.yaml: ${arn} is not among its recipients and cannot be removed; the file has it with --encryption-context 'Env:prod,Team:a b'`,
      `warning: a.yaml: ${fingerprint} is not among its recipients and cannot be removed`,
    ]);
  });

  test("D8: does not take a key for unlisted whose context the rule cannot name", async () => {
    const rule = `kms: ${arn}\n    age: ${mine}`;
    const on = await bench({ rule });
    await encrypt(on, { encryptionContext: ["Env:prod"] });

    const [result] = await rotateFiles({ paths: [path], destination: inPlace }, on.context);
    expect(result?.groups.flat().map(identityText)).toEqual([`${arn}|Env:prod`, mine]);
  });
});

describe("D31: keys that are written into the sops block in the editor", () => {
  const edited = async (on: Workbench, entry: string): Promise<string> => {
    const source = await selectOne(path, on.context);
    const opened = await openText(await readText(source, {}, on.context), {}, on.context);
    const shown = new TextDecoder().decode(await renderWithKeys(opened, on.context));
    const text = shown.replace(/^(?= {4}lastmodified:)/m, entry);
    return new TextDecoder().decode(await resealWithKeys(opened, new TextEncoder().encode(text), on.context));
  };

  test("get the data key", async () => {
    const on = await bench({ keys: { age: [mine] } });
    const content = await edited(on, `    kms:\n        - arn: ${arn}\n          context: {Env: prod}\n`);

    await on.write(path, content);
    const alone = await workbench({ [path]: content }, { env: { ...awsEnv, SOPS_AGE_KEY: "" } });
    const { stream } = await decryptFiles({ paths: [path], destination: toCaller }, alone.context);
    expect(new TextDecoder().decode(stream)).toContain("correct horse");
  });

  test.for([
    [
      "    pgp:\n        - fp: --output=x\n",
      "--output=x names no key under pgp: it must be 40 hexadecimal digits, and a ! behind them for a subkey",
    ],
    [
      "    kms:\n        - arn: alias/team\n",
      "alias/team names no key under kms: it must look like arn:aws:kms:eu-west-1:111122223333:key/1234abcd, or end in :alias/name",
    ],
  ] as const)("are refused when they are none: %j", async ([entry, message]) => {
    const on = await bench({ keys: { age: [mine] } });

    expect(await failureOf(edited(on, entry))).toMatchObject({
      code: "USAGE",
      message,
      where: { file: path },
    });
  });
});

describe("a key is removed by what identifies it in sops", () => {
  const kms: MasterKey = { type: "kms", arn, role, context: { b: "2", a: "1" }, awsProfile: "prod" };
  const azure: MasterKey = { type: "azure_kv", vaultUrl: "https://v.example.net", name: "k", version: "1" };
  const pgp: MasterKey = { type: "pgp", fingerprint };
  const vault: MasterKey = {
    type: "hc_vault",
    vaultAddress: "https://v:8200",
    enginePath: "a/b",
    keyName: "k",
  };
  const odd: MasterKey = { type: "pgp", fingerprint: "ada@example.com" };

  test.for([
    [{ kms: [`${arn}+${role}`], encryptionContext: ["a:1,b:2"], awsProfile: "prod" }, kms, true],
    [{ kms: [`${arn}+${role}`], encryptionContext: ["a:1,b:2"] }, kms, false],
    [{ kms: [arn], encryptionContext: ["a:1,b:2"], awsProfile: "prod" }, kms, false],
    [{ kms: [arn] }, { type: "kms", arn } as const, true],
    // The context is for a key that is added in the same call.
    [{ kms: [arn], encryptionContext: ["a:1"] }, { type: "kms", arn } as const, true],
    [
      { kms: [`${arn}|a:1|prod`] },
      { type: "kms", arn, context: { a: "1" }, awsProfile: "prod" } as const,
      true,
    ],
    [{ azureKv: ["https://v.example.net/keys/k/1"] }, azure, true],
    [{ azureKv: ["https://v.example.net/keys/k/2"] }, azure, false],
    [{ azureKv: ["https://v.example.net/keys/k"] }, azure, true],
    [{ pgp: [fingerprint.toLowerCase()] }, pgp, true],
    [{ pgp: [`${fingerprint}!`] }, pgp, false],
    [{ pgp: ["ada@example.com"] }, odd, true],
    [{ hcVaultTransit: ["https://v:8200/v1/a/b/keys/k/"] }, vault, true],
    [{ gcpKms: ["x"] }, { type: "gcp_kms", resourceId: "x" } as const, true],
    [{ hckms: ["eu:1"] }, { type: "hckms", keyId: "eu:1" } as const, true],
    [{ age: [mine] }, { type: "age", recipient: mine } as const, true],
    [{ age: [mine] }, { type: "age", recipient: theirs } as const, false],
    [{}, pgp, false],
  ] as const)("%j and %j: %s", ([flags, key, matches]) => {
    expect(removalsOf(flags).some((removal) => removal.matches(key))).toBe(matches);
  });
});

describe("HuaweiCloud", () => {
  const entry = [
    "    hckms:",
    `        - created_at: "2026-01-01T00:00:00Z"`,
    "          enc: wrapped",
    "          key_id: tr-west-1:0b1a",
    "",
  ].join("\n");

  async function withEntry(): Promise<Workbench> {
    const on = await bench({ keys: { age: [mine] } });
    await on.write(path, (await on.read(path)).replace(/^(?= +lastmodified:)/m, entry));
    return on;
  }

  test("cannot be encrypted for, and nothing is written", async () => {
    const on = await bench();
    const failure = await failureOf(encrypt(on, { hckms: ["tr-west-1:0b1a"], age: [mine] }));

    expect(failure).toMatchObject({
      code: "ENCRYPT_FAILED",
      message:
        "cannot wrap the data key for 1 of 2 master keys\n  tr-west-1:0b1a: kseal cannot encrypt with HuaweiCloud KMS",
      hint: "leave the key out, or make this change with the original sops",
    });
    expect(await on.read(path)).toBe(secret);
  });

  test("an entry stays where only values change, and where a key is added", async () => {
    const on = await withEntry();
    await setValue(
      { path, treePath: '["stringData"]["user"]', value: { json: '"root"' }, destination: inPlace },
      on.context,
    );

    expect(await on.read(path)).toContain(entry);
    await on.write(
      ".sops.yaml",
      `creation_rules:\n  - age: [${mine}, ${theirs}]\n    hckms: ['tr-west-1:0b1a']\n`,
    );
    await (await planUpdateKeys({ paths: [path] }, await on.again())).apply();
    expect(await on.read(path)).toContain(entry);
    expect(await on.read(path)).toContain(theirs);
  });

  test("an entry that would have to be wrapped anew refuses the change", async () => {
    const on = await withEntry();
    const before = await on.read(path);
    const wrapFailure = {
      code: "ENCRYPT_FAILED",
      message: expect.stringContaining("tr-west-1:0b1a: kseal cannot encrypt with HuaweiCloud KMS"),
      hint: "leave the key out, or make this change with the original sops",
      where: { file: path },
    };

    expect(await failureOf(rotateFiles({ paths: [path], destination: inPlace }, on.context))).toMatchObject(
      wrapFailure,
    );
    expect(
      await failureOf(addGroup({ path, destination: inPlace, keys: { age: [theirs] } }, on.context)),
    ).toMatchObject(wrapFailure);
    expect(await on.read(path)).toBe(before);
  });

  test("an entry that goes away stands in nobody's way", async () => {
    const on = await withEntry();
    await rotateFiles(
      { paths: [path], destination: inPlace, remove: { hckms: ["tr-west-1:0b1a"] } },
      on.context,
    );

    expect(await on.read(path)).not.toContain("hckms");
  });

  test("a file with such a key alone is refused with the way out", async () => {
    const on = await withEntry();
    const failure = await failureOf(
      decryptFiles(
        { paths: [path], destination: toCaller },
        (await workbench({ [path]: await on.read(path) }, { env: { SOPS_AGE_KEY: "" } })).context,
      ),
    );

    expect(failure.code).toBe("NO_KEY");
    expect(failure.message).toContain("tr-west-1:0b1a: kseal cannot decrypt with HuaweiCloud KMS");
    expect(failure.hint).toContain("open the file with the original sops, or with another of its keys");
  });
});
