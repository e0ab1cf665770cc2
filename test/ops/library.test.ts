import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { decrypt, decryptFile, edit, editFile, encrypt, encryptFile } from "../../src/index.ts";
import { makeFolder, removeFolder } from "../support/folders.ts";
import { identities, recipients } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { failureOf, secret } from "./workbench.ts";

const mine = { identities: identities.slice(0, 1) };
const toMe = { recipients: recipients.slice(0, 1) };
const name = "config.json";
const json = '{\n  "a": 1,\n  "b": "two"\n}\n';

function folder(files: Record<string, string>): (file: string) => string {
  const path = makeFolder(files);
  onTestFinished(() => removeFolder(path));
  return (file) => join(path, file);
}

describe("text", () => {
  test("comes back byte for byte", async () => {
    for (const [file, text] of [
      [name, json],
      ["secret.yaml", secret],
      ["x.env", "A=b\n"],
      ["x.bin", "\u0000"],
    ] as const) {
      const sealed = await encrypt(text, { name: file, ...toMe });
      expect(sealed).toContain("ENC[");
      expect(await decrypt(sealed, { name: file, ...mine })).toBe(text);
    }
  });

  test("goes in as bytes and comes out as bytes", async () => {
    const bytes = new Uint8Array([0, 255, 1]);
    const sealed = await encrypt(bytes, { format: "binary", ...toMe });
    expect(new Uint8Array(await decrypt(sealed, { format: "binary", ...mine }))).toEqual(bytes);
    const text = new TextDecoder().decode(sealed);
    expect(await failureOf(decrypt(text, { format: "binary", ...mine }))).toMatchObject({
      code: "FORMAT_CANNOT_HOLD",
    });
  });

  test("an edit keeps the ciphertext of what did not change", async () => {
    const sealed = await encrypt(json, { name, ...toMe });
    const edited = await edit(sealed, (plain) => plain.replace("two", "three"), { name, ...mine });
    expect(await decrypt(edited, { name, ...mine })).toBe(json.replace("two", "three"));
    const valueOfA = /"a": "ENC.*"/;
    expect(valueOfA.exec(edited)?.[0]).toBe(valueOfA.exec(sealed)?.[0]);
    expect(await edit(sealed, (plain) => plain, { name, ...mine })).toBe(sealed);
  });

  test("opens with the identities of the caller only", async () => {
    const sealed = await encrypt(json, { name, ...toMe });
    const options = { name, identities: identities.slice(1, 2) };
    expect(await failureOf(decrypt(sealed, options))).toMatchObject({ code: "NO_KEY" });
    expect(await failureOf(decrypt(sealed, { name, identities: [] }))).toMatchObject({ code: "NO_KEY" });
  });

  test("a change of the text is refused, with the name of the text", async () => {
    const sealed = await encrypt(json, {
      name,
      ...toMe,
      selection: { rule: "encrypted_regex", pattern: "^b$" },
    });
    const failure = await failureOf(decrypt(sealed.replace('"a": 1', '"a": 2'), { name, ...mine }));
    expect(failure).toMatchObject({ code: "MAC_MISMATCH", where: { file: name } });
    const warnings: string[] = [];
    const onWarning = (text: string) => void warnings.push(text);
    await decrypt(sealed.replace('"a": 1', '"a": 2'), { name, ...mine, ignoreMac: true, onWarning });
    expect(warnings).toHaveLength(1);
  });

  test("a misuse is a TypeError", async () => {
    await expect(decrypt("{}", mine)).rejects.toThrow(TypeError);
  });
});

describe("files", () => {
  test("are encrypted in place, read and changed", async () => {
    const at = folder({ [name]: json });
    await encryptFile(at(name), toMe);
    expect(readFileSync(at(name), "utf8")).not.toContain("two");
    expect(new TextDecoder().decode(await decryptFile(at(name), mine))).toBe(json);
    expect(await editFile(at(name), (plain) => plain.replace("two", "2"), mine)).toBe(true);
    expect(await editFile(at(name), (plain) => plain, mine)).toBe(false);
    expect(new TextDecoder().decode(await decryptFile(at(name), mine))).toBe(json.replace("two", "2"));
  });

  test("take their recipients from .sops.yaml", async () => {
    const at = folder({ [name]: json, ".sops.yaml": `creation_rules:\n  - age: ${recipients[0]}\n` });
    await encryptFile(at(name));
    expect(new TextDecoder().decode(await decryptFile(at(name), mine))).toBe(json);
  });

  test("stay as they were when the change throws", async () => {
    const at = folder({ [name]: json });
    await encryptFile(at(name), toMe);
    const before = readFileSync(at(name));
    const change = () => {
      throw new RangeError("changed my mind");
    };
    await expect(editFile(at(name), change, mine)).rejects.toThrow(RangeError);
    const broken = await failureOf(editFile(at(name), () => "{", mine));
    expect(broken).toMatchObject({ code: "FORMAT_INVALID", where: { file: at(name) } });
    expect(readFileSync(at(name))).toEqual(before);
  });
});

const sops = peer("sops");
test.skipIf(!sops)("the real sops opens what the library encrypts", async () => {
  const at = folder({ [name]: await encrypt(json, { name, ...toMe }) });
  const output = execFileSync(sops ?? "", ["decrypt", at(name)], {
    env: { SOPS_AGE_KEY: identities[0], SOPS_DISABLE_VERSION_CHECK: "1" },
    encoding: "utf8",
  });
  expect(JSON.parse(output)).toEqual(JSON.parse(json));
});
