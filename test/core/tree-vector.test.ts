import { expect, test } from "vitest";
import { decryptTree } from "../../src/core/decrypt-tree.ts";
import { encryptTree } from "../../src/core/encrypt-tree.ts";
import { sealMac, verifyMac } from "../../src/core/mac.ts";
import { compileSelection, defaultSelection } from "../../src/core/selection.ts";
import { bool, document, entry, key, map } from "./build-tree.ts";

const random = (length: number) => new Uint8Array(length).fill(0x42);
const tree = document(entry("a", map(entry("b", "hello"))), entry("flag", bool(true)));

test("the file of sops 3.13.3 with a known key and IV comes out the same, MAC included", async () => {
  const options = {
    key,
    selector: await compileSelection(defaultSelection),
    macOnlyEncrypted: false,
    random,
  };
  const sealed = encryptTree(tree, options);

  expect(sealed.mac).toBe(
    "704045B8CE69E4772BDEFEE65E20580CE0C810B8F050BA4E30748E341D9DFEB45805F9BBFDEE6A02266064C64CCFFF679DC18F5574A1E6D91175A97FEFF991B1",
  );
  expect(sealed.encrypted).toBe(2);
  const lastModified = "2026-01-02T03:04:05Z";
  const mac = sealMac(sealed.mac, { key, lastModified, random });
  expect(mac).toBe(
    "ENC[AES256_GCM,data:Xt8h1Nu5LEnoKTz49jPKW5U1/AyLcutUL+yJsLGKUo6IUWupYqEhY/gpYfGpSCzi2S6VdJmztNMlSNgvfmd3r1PFPRKyPQMyZx38nCgdi4C5xnj1Y6R/o8x6fPaGxaHkjgjj+Xwj3JajfLAFUyQFyjrAHW4Z97O5y6CwUC7tSiM=,iv:QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=,tag:sKdWRJkquPW1yA1FGmBTQg==,type:str]",
  );
  expect(JSON.stringify(sealed.document).match(/data:[^,]+|tag:[^,]+/g)).toEqual([
    "data:AYp5iIA=",
    "tag:+yvZUwq1EuAlfZfWuYDnpA==",
    "data:PZ1ggQ==",
    "tag:ejih7Aq/z2uWjWMyIaU3yw==",
  ]);
  const opened = decryptTree(sealed.document, options);
  expect(opened.document).toEqual(tree);
  expect(() =>
    verifyMac(opened.mac, { key, mac, lastModified: "2026-01-02T03:04:05.9+00:00" }),
  ).not.toThrow();
});
