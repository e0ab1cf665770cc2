import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { armor, Decrypter } from "age-encryption";
import { beforeAll, describe, expect, test } from "vitest";
import { decryptTree } from "../../src/core/decrypt-tree.ts";
import { encryptTree } from "../../src/core/encrypt-tree.ts";
import { sealMac, verifyMac } from "../../src/core/mac.ts";
import type { Metadata } from "../../src/core/metadata.ts";
import { compileSelection, defaultSelection } from "../../src/core/selection.ts";
import { sopsVersions } from "../support/peers.ts";
import { loadTextStore } from "./file-text.ts";
import { identity, realSops } from "./real-sops.ts";

const sops = realSops();
const random = (length: number) => randomBytes(length);
const rules = { selector: await compileSelection(defaultSelection), macOnlyEncrypted: false };

/** Plain files whose layout is not that of sops. */
const plain: readonly (readonly ["json" | "dotenv" | "ini", string, string])[] = [
  ["json", "minified", '{"a":"1","b":{"c":2.5,"d":["x",true,null,""]},"e_unencrypted":"clear"}'],
  ["json", "windows", '{\r\n  "a" : 1,\r\n\r\n  "b" : [ "x", "y" ]\r\n}\r\n'],
  ["dotenv", "blank lines", "\n# c\n\nA=1\n\n\nB=a\\nb\nC=\n\n"],
  ["dotenv", "no final newline", "# c\r\nA=1\r\nB=2"],
  ["ini", "inline comments", "# top\ntop=1\n[s] ; behind\n\n;above\n  a = x ; beside\n\tb: 'y' # quoted\n"],
  ["ini", "quotes", '[s]\na = " x "\nb = `p#q`\nc = """l1\n  l2\n"""\nd = one \\\n  two\ne =\n'],
  ["ini", "windows", "; c\r\n[s]\r\na=1\r\n\r\n[t]\r\n; d\r\nb=2"],
  ["ini", "a comment at the end", "[s]\na=1\n\n; the end\n"],
];

describe.skipIf(!sops)("a file that is encrypted in place", () => {
  let key: KeyObject;
  let metadata: Metadata;

  beforeAll(async () => {
    const made = (await loadTextStore("json")).parse(sops!.encrypt('{"a":"1"}', "json").toString());
    metadata = made.metadata!;
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const [wrapped] = metadata.groups[0]!;
    key = createSecretKey(await decrypter.decrypt(armor.decode(wrapped!.enc)));
  });

  const encrypt = async (format: "json" | "dotenv" | "ini", text: string): Promise<string> => {
    const store = await loadTextStore(format);
    const base = store.parse(text);
    const sealed = encryptTree(base.document, { key, ...rules, random });
    const mac = sealMac(sealed.mac, { key, lastModified: metadata.lastModified, random });
    return store.splice(base, sealed.document, { ...metadata, mac });
  };

  test.for(plain)("%s, %s: comes back byte for byte", async ([format, , text]) => {
    const store = await loadTextStore(format);
    const base = store.parse(await encrypt(format, text));
    const opened = decryptTree(base.document, { key, ...rules });
    verifyMac(opened.mac, { key, mac: base.metadata!.mac, lastModified: metadata.lastModified });

    // A continued line is one line; a comment behind a header cannot stay there, because ENC[] has a bracket; what
    // stands above a key and behind it is one comment in sops.
    expect(store.splice(base, opened.document)).toBe(
      text
        .replace("one \\\n  two", "one two")
        .replace("[s] ; behind", "; behind\n[s]")
        .replace("  a = x ; beside", "; beside\n  a = x"),
    );
  });

  describe.for(sopsVersions)("opens in sops %s", (version) => {
    const old = realSops(version);

    test.skipIf(!old).for(plain)("%s, %s", async ([format, , text]) => {
      const expected = sops!.decrypt(sops!.encrypt(text, format), format).toString();

      expect(
        old!
          .decrypt(await encrypt(format, text), format)
          .toString()
          .trimEnd(),
      ).toBe(expected.trimEnd());
    });
  });
});
