import { expect, test } from "vitest";
import { fileStatus } from "../../src/ops/file-status.ts";
import { encrypted, failureOf, secret, workbench } from "./workbench.ts";

test("says of each file whether it is encrypted, without any key", async () => {
  const bench = await encrypted(secret, { beside: { "b.json": "{}" }, env: { SOPS_AGE_KEY: "" } });
  expect(await fileStatus({ paths: ["a.yaml", "b.json"] }, bench.context)).toEqual([
    { file: "a.yaml", encrypted: true },
    { file: "b.json", encrypted: false },
  ]);
});

test("D36: a binary file that is no JSON is not encrypted, which is no error", async () => {
  const { context } = await workbench({
    "key.pem": "-----BEGIN KEY-----\n",
    "list.bin": "[1]",
    "n.bin": new Uint8Array([0, 255]),
  });
  expect(await fileStatus({ paths: ["key.pem", "list.bin", "n.bin"] }, context)).toMatchObject([
    { encrypted: false },
    { encrypted: false },
    { encrypted: false },
  ]);
});

test("a file that does not parse is an error, not a no", async () => {
  const { context } = await workbench({ "a.json": "{" });
  expect(await failureOf(fileStatus({ paths: ["a.json"] }, context))).toMatchObject({
    code: "FORMAT_INVALID",
  });
});
