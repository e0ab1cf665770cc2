import { expect, test } from "vitest";
import { differenceBetween, formatOf, isEncrypted, maskCiphertext } from "./compare.ts";
import { parseStep } from "./scenario.ts";

const sealed = (data: string, type = "str") => `ENC[AES256_GCM,data:${data},iv:AAAA,tag:BBBB,type:${type}]`;
const artifact = (text: string) => ({ name: "a.yaml", bytes: Buffer.from(text) });

test("two encryptions of the same value are equal", async () => {
  const [a, b] = [`a: ${sealed("abcd")}\n`, `a: ${sealed("wxyz").replace("AAAA", "CCCC")}\n`];

  expect(await differenceBetween(artifact(a), artifact(b), "bytes")).toBeUndefined();
});

test.for([
  ["a longer ciphertext", `a: ${sealed("abcdefgh")}\n`],
  ["another type", `a: ${sealed("abcd", "int")}\n`],
  ["another key", `b: ${sealed("abcd")}\n`],
  ["a value in clear", "a: text\n"],
  ["one more blank", `a:  ${sealed("abcd")}\n`],
  ["a lost final line break", `a: ${sealed("abcd")}`],
  ["nothing at all", ""],
] as const)("%s is a difference", async ([, other]) => {
  expect(await differenceBetween(artifact(`a: ${sealed("abcd")}\n`), artifact(other), "bytes")).toContain(
    "differs",
  );
});

test("a comment that sops writes as a list item is the comment that kseal writes", () => {
  const theirs = `l:\n    - ${sealed("abcd", "comment")}\n    - x\n`;
  const ours = `l:\n    #${sealed("wxyz", "comment")}\n    - x\n`;

  expect(maskCiphertext(ours)).toBe(maskCiphertext(theirs));
});

test.for([
  ["json", '{\n\t"a": 1,\n\t"sops": {}\n}\n'],
  ["yaml", "a: 1\nsops:\n    age: []\n"],
  ["dotenv", "A=1\nsops_mac=x\n"],
  ["ini", "[a]\nb = 1\n\n[sops]\nmac = x\n"],
] as const)("an encrypted %s file is known by its look", ([format, text]) => {
  expect(isEncrypted(Buffer.from(text))).toBe(true);
  expect(formatOf(Buffer.from(text))).toBe(format);
});

test("a step is split as a shell does", () => {
  const { args, into } = parseStep(`decrypt --extract '["a b"]' "$R1" x'y'z > out.txt`, { R1: "age1x" });

  expect(args).toEqual(["decrypt", "--extract", '["a b"]', "age1x", "xyz"]);
  expect(into).toBe("out.txt");
});
