import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { storeFor } from "../../src/formats/detect.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities, identityEnvironment, recipients, vectorsFolder } from "../support/identities.ts";
import { ksealAsSops, ksealCommand } from "../support/kseal-command.ts";
import { peer, sopsVersions } from "../support/peers.ts";
import { mapLimited, runProgram } from "../support/run-program.ts";
import { asSopsReads } from "../support/sops-view.ts";
import { type VectorFeature, type VectorRecipient, vectorFeatures } from "../support/vector-features.ts";

/*
 * What kseal writes, every version of sops opens, MAC included: for each feature of the golden files, the same files
 * made by kseal, in its own layout and in that of sops.
 */

/** What a version has no type or no field for, so that it cannot open such a file whoever wrote it. */
const exceptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "3.8.1": {
    "groups-dotenv": "it takes the threshold for text where the format has text only",
    "groups-ini": "it takes the threshold for text where the format has text only",
    timestamps: "encrypted timestamps came with 3.10.0",
    "unencrypted-comment-regex": "the field came with 3.9.0",
    "encrypted-comment-regex": "the field came with 3.9.0",
    "mac-only-encrypted": "the field came with 3.9.0",
    "age-post-quantum": "age1pq1 came with 3.12.0",
    "age-ssh-ed25519": "SSH recipients came with 3.10.0",
    "age-ssh-rsa": "SSH recipients came with 3.10.0",
  },
  "3.9.4": {
    timestamps: "encrypted timestamps came with 3.10.0",
    "age-post-quantum": "age1pq1 came with 3.12.0",
    "age-ssh-ed25519": "SSH recipients came with 3.10.0",
    "age-ssh-rsa": "SSH recipients came with 3.10.0",
  },
  "3.10.2": { "age-post-quantum": "age1pq1 came with 3.12.0" },
};

const writers = [
  { writer: "kseal encrypt", command: [...ksealCommand(), "encrypt", "--allow-nothing"] as const },
  { writer: "kseal sops", command: [...ksealAsSops(), "--encrypt"] as const },
];

describe.for(writers)("what $writer writes", ({ command }) => {
  const folder = makeFolder();
  const made = new Map<string, string>();

  beforeAll(async () => {
    for (const name of ["plain", "ssh"])
      cpSync(join(vectorsFolder, name), join(folder, name), { recursive: true });
    cpSync(join(vectorsFolder, "groups.sops.yaml"), join(folder, "groups.sops.yaml"));
    const results = await mapLimited(vectorFeatures, 2, (feature) => encrypt(feature, command, folder));
    for (const [index, feature] of vectorFeatures.entries()) made.set(feature.name, results[index] ?? "");
  }, 120_000);
  afterAll(() => removeFolder(folder));

  test.for(vectorFeatures)("$name was encrypted", ({ name }) => {
    expect(made.get(name)).toBe("");
  });

  describe.for([...sopsVersions])("sops %s", (version) => {
    const sops = peer("sops", version);
    const features = vectorFeatures.filter(({ name }) => exceptions[version]?.[name] === undefined);

    test.skipIf(sops === undefined).for(features)("opens $name", async (feature) => {
      const file = encryptedName(feature);
      const keys = feature.recipients?.includes("pq") ? identities.at(-1) : identities.slice(0, 3).join("\n");
      const env = {
        ...identityEnvironment(folder),
        SOPS_AGE_KEY: keys ?? "",
        SOPS_AGE_SSH_PRIVATE_KEY_FILE: join(
          folder,
          "ssh",
          feature.name === "age-ssh-rsa" ? "id_rsa" : "id_ed25519",
        ),
      };
      const { status, stdout, stderr } = await runProgram([sops ?? "", "--decrypt", file], {
        cwd: folder,
        env,
      });

      expect(status, stderr).toBe(0);
      await expectContent(feature, stdout);
    });
  });
});

/** @returns What went wrong, or an empty text. */
async function encrypt(
  feature: VectorFeature,
  command: readonly [string, ...string[]],
  folder: string,
): Promise<string> {
  const names = feature.recipients ?? ["x25519"];
  const keys = names.length === 0 ? [] : ["--age", names.map(recipient).join(",")];
  const env = identityEnvironment(folder);
  const { status, stdout, stderr } = await runProgram(
    [...command, ...keys, ...(feature.flags ?? []), join("plain", feature.source)],
    { cwd: folder, env },
  );
  writeFileSync(join(folder, encryptedName(feature)), stdout);
  return status === 0 ? "" : `exit ${status}: ${stderr}`;
}

/** The file holds what the newest `sops` decrypts from its own file of the same source. */
async function expectContent({ file, name }: VectorFeature, actual: Buffer): Promise<void> {
  const changed = name === "set" ? "equal-items.yaml" : undefined;
  const expected = readFileSync(
    changed === undefined
      ? join(vectorsFolder, `sops-${sopsVersions.at(-1)}`, file.replace(/(\.\w+)$/, ".dec$1"))
      : join(vectorsFolder, "plain", changed),
  );
  const format = { ".yaml": "yaml", ".json": "json" }[extname(file)];
  if (format !== "yaml" && format !== "json") {
    return expect(actual.toString("latin1").trimEnd()).toBe(expected.toString("latin1").trimEnd());
  }
  const { parse } = await storeFor(format);
  const [left, right] = [actual, expected].map((bytes) => asSopsReads(parse(bytes).document, format));
  expect(left).toEqual(right);
}

function recipient(name: VectorRecipient): string {
  if (name === "ssh-ed25519" || name === "ssh-rsa") {
    const text = readFileSync(join(vectorsFolder, "ssh", `${name.replace("ssh-", "id_")}.pub`), "utf8");
    return text.split(" ").slice(0, 2).join(" ");
  }
  return recipients[["x25519", "second", "third", "pq"].indexOf(name)] ?? "";
}

function encryptedName({ file }: VectorFeature): string {
  return file.replace(/(\.\w+)$/, ".enc$1");
}
