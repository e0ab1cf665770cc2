import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { generateSshKey } from "../../src/keys/ssh-keygen.ts";
import { readSshKeyFile } from "../../src/keys/ssh-private-key.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";

test("a generated SSH key is one that kseal itself can read", () => {
  const { privateKey, publicKey } = generateSshKey(randomBytes);
  expect(readSshKeyFile(privateKey)).toBeDefined();
  expect(publicKey).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[\w+/]{43}$/);
});

test("the same randomness gives the same key", () => {
  const random = (length: number) => new Uint8Array(length).fill(7);
  expect(generateSshKey(random)).toEqual(generateSshKey(random));
});

const sshKeygen = findSshKeygen();
describe.skipIf(sshKeygen === undefined)("ssh-keygen", () => {
  test("takes a generated key and finds the same public half", () => {
    const { privateKey, publicKey } = generateSshKey(randomBytes);
    const folder = makeFolder();
    onTestFinished(() => removeFolder(folder));
    const file = join(folder, "key");
    writeFileSync(file, privateKey, { mode: 0o600 });
    expect(execFileSync(sshKeygen ?? "", ["-y", "-f", file], { encoding: "utf8" }).trim()).toBe(publicKey);
  });
});

function findSshKeygen(): string | undefined {
  try {
    return execFileSync("which", ["ssh-keygen"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}
