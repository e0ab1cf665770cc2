import { describe, expect, onTestFinished, test } from "vitest";
import { run } from "../../src/cli/run.ts";
import { diagnose } from "../../src/ops/doctor.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { type AwsKmsServer, startAwsKms } from "../support/kms/aws-kms.ts";
import { startFaults } from "../support/kms/faults.ts";
import {
  failureOf,
  inPlace,
  mine,
  ruleForMe,
  secret,
  theirs,
  type Workbench,
  workbench,
} from "./workbench.ts";

const arn = (name: string): string => `arn:aws:kms:eu-west-1:111122223333:key/${name}`;
const role = "arn:aws:iam::111122223333:role/deploy";

/** Encrypted files, each for keys of its own, and the server that wrapped them. */
async function bedside(
  files: Readonly<Record<string, { readonly age?: readonly string[]; readonly kms?: readonly string[] }>>,
): Promise<{ server: AwsKmsServer; bench: Workbench }> {
  const server = await startAwsKms();
  onTestFinished(() => server.close());
  const env = {
    AWS_ENDPOINT_URL: server.url,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "a-secret-of-the-tests",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  const texts = Object.fromEntries(Object.keys(files).map((path) => [path, secret]));
  const bench = await workbench(texts, { env });
  for (const [path, keys] of Object.entries(files)) {
    await encryptFiles({ paths: [path], destination: inPlace, keys }, bench.context);
  }
  return { server, bench };
}

const decrypts = (server: AwsKmsServer): number =>
  server.operations().filter((operation) => operation === "Decrypt").length;

describe("the keys of a file", () => {
  test("are all tried, also when one of them opens it, and each says how it fares and how long that took", async () => {
    const kms = ["ok", "denied", "disabled", "pending", "missing"].map(arn);
    const { server, bench } = await bedside({ "a.yaml": { age: [mine, theirs], kms } });
    for (const state of ["denied", "disabled", "pending", "missing"] as const)
      server.setKey(`key/${state}`, state);
    const { files, keys } = await diagnose({ paths: ["a.yaml"] }, await bench.again());
    expect(files).toEqual([
      { file: "a.yaml", opens: true, groups: { all: 1, needed: 1, opened: 1 }, problem: undefined },
    ]);
    expect(keys.map(({ state }) => state)).toEqual([
      ...["opens", "denied", "disabled", "disabled", "missing"],
      ...["opens", "absent"],
    ]);
    for (const { milliseconds } of keys) expect(milliseconds).toBeGreaterThanOrEqual(0);
    expect(keys[1]).toMatchObject({
      reason: expect.stringContaining("is not authorized to perform: kms:Decrypt"),
      hint: expect.stringContaining("aws sts get-caller-identity"),
      files: ["a.yaml"],
    });
  });

  test("whose source does not answer, or who want a role that no rule names, are told apart", async () => {
    const { bench } = await bedside({ "a.yaml": { kms: [arn("a"), `${arn("b")}+${role}`] } });
    const broken = await startFaults("reset");
    onTestFinished(() => broken.close());
    const env = {
      AWS_ENDPOINT_URL: broken.url,
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_EC2_METADATA_DISABLED: "true",
    };
    const patient = await workbench({ "a.yaml": await bench.read("a.yaml") }, { env });
    const { files, keys, nextSteps } = await diagnose({ paths: ["a.yaml"] }, patient.context);
    expect(files).toMatchObject([{ opens: false }]);
    expect(keys).toMatchObject([{ state: "unreachable" }, { state: "untrusted" }]);
    // What the keys' own sources say stands with them.
    expect(nextSteps).toEqual([]);
  });

  test("that did not open the entry in one file are tried with that in the next", async () => {
    const { server, bench } = await bedside({ "a.yaml": { kms: [arn("a")] }, "b.yaml": { kms: [arn("a")] } });
    await bench.write("a.yaml", (await bench.read("a.yaml")).replace(/enc: AS/, "enc: AT"));
    const { keys } = await diagnose({ paths: ["a.yaml", "b.yaml"] }, await bench.again());
    expect(keys).toMatchObject([{ state: "opens", files: ["a.yaml", "b.yaml"] }]);
    expect(decrypts(server)).toBe(2);
  });
});

describe("a folder", () => {
  test("costs one request a distinct key, however many files have it", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`s/${index}.yaml`, { kms: [arn("a"), arn("b")] }]),
    );
    const { server, bench } = await bedside(files);
    server.setKey("key/b", "denied");
    const { keys, files: checked } = await diagnose({ paths: ["s"] }, await bench.again());
    expect(keys.map(({ state, files }) => [state, files.length])).toEqual([
      ["opens", 12],
      ["denied", 12],
    ]);
    expect(checked.every(({ opens }) => opens)).toBe(true);
    expect(decrypts(server)).toBe(2);
  });

  test("has its broken files named, and the others looked at all the same", async () => {
    const { bench } = await bedside({ "s/a.yaml": { age: [mine] }, "s/b.yaml": { age: [theirs] } });
    await bench.write("s/c.yaml", "sops:\n  lastmodified: [\n");
    const { files } = await diagnose({ paths: ["s"] }, await bench.again());
    expect(files.map(({ file, opens }) => [file, opens])).toEqual([
      ["s/a.yaml", true],
      ["s/b.yaml", false],
      ["s/c.yaml", false],
    ]);
    expect(files[2]?.problem).toMatch(/\S/);
    expect(files[1]?.problem).toBeUndefined();
  });

  test("where nothing is encrypted is an error when it is named, and none without a name", async () => {
    const bench = await workbench({ "empty/readme.md": "text" });
    expect(await failureOf(diagnose({ paths: ["empty"] }, bench.context))).toMatchObject({ code: "NO_FILE" });
    expect(await diagnose({ paths: [] }, bench.context)).toMatchObject({ files: [], keys: [] });
  });
});

test("key groups: so many of them open, so many are needed", async () => {
  const groups = `creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: ["${mine}"]\n      - age: ["${theirs}"]\n      - kms: [{ arn: "${arn("a")}" }]\n`;
  const { server, bench } = await bedside({});
  await bench.write(".sops.yaml", groups);
  await bench.write("a.yaml", secret);
  await encryptFiles({ paths: ["a.yaml"], destination: inPlace }, await bench.again());
  expect(await diagnose({ paths: ["a.yaml"] }, await bench.again())).toMatchObject({
    files: [{ opens: true, groups: { all: 3, needed: 2, opened: 2 } }],
  });
  server.setKey("key/a", "denied");
  expect(await diagnose({ paths: ["a.yaml"] }, await bench.again())).toMatchObject({
    files: [{ opens: false, groups: { all: 3, needed: 2, opened: 1 } }],
  });
});

describe("the working folder", () => {
  test("also says which keys its rules list that no file has", async () => {
    const { bench } = await bedside({ "a.yaml": { age: [mine], kms: [arn("a")] } });
    await bench.write(".sops.yaml", `${ruleForMe}    kms: ${arn("a")},${arn("new")}\n`);
    const { keys } = await diagnose({ paths: [] }, await bench.again());
    expect(keys.map(({ key, state }) => [key.type, state])).toEqual([
      ["kms", "opens"],
      ["age", "opens"],
      ["kms", "untried"],
    ]);
    expect((await diagnose({ paths: ["a.yaml"] }, await bench.again())).keys).toHaveLength(2);
  });

  test("a configuration with mistakes is a finding", async () => {
    const { bench } = await bedside({ "a.yaml": { age: [mine] } });
    await bench.write(".sops.yaml", "creation_rules:\n  - agee: x\n");
    const { problems } = await diagnose({ paths: [] }, await bench.again());
    expect(problems).toEqual([expect.stringMatching(/\.sops\.yaml:2: .*agee/)]);
    expect(await run(["doctor", "a.yaml"], bench.host)).toBe(1);
  });
});

test("no secret of the environment stands in the report, in text or as data", async () => {
  const { server, bench } = await bedside({ "a.yaml": { age: [theirs], kms: [arn("a")] } });
  server.setKey("key/a", "denied");
  expect(await run(["doctor", "a.yaml"], bench.host)).toBe(1);
  expect(await run(["doctor", "-o", "json"], bench.host)).toBe(1);
  const said = bench.host.stdoutText() + bench.host.stderrText();
  expect(said).toContain("AWS_SECRET_ACCESS_KEY");
  expect(said).not.toContain("a-secret-of-the-tests");
  expect(said).not.toContain("AGE-SECRET-KEY");
});
