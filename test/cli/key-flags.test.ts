import { describe, expect, test } from "vitest";
import { OptionValues } from "../../src/cli/command.ts";
import { commandTable } from "../../src/cli/command-table.ts";
import { commands } from "../../src/cli/compat/sops-flags.ts";
import { changedKeysOf, keysOf } from "../../src/cli/key-flags.ts";
import { quickParse } from "../../src/cli/quick-parse.ts";

function optionsOf(line: string): OptionValues {
  const [name = "", ...words] = line.split(" ");
  const spec = commandTable.find((command) => command.name === name);
  const call = spec && quickParse(spec, spec.options, words);
  if (call === undefined) throw new Error(`${line} is not understood`);
  return new OptionValues(call.options);
}

describe("keys by flag", () => {
  test.for([
    ["encrypt -i f", undefined],
    ["encrypt -a A -a B,C -p P -k K f", { age: ["A", "B,C"], pgp: ["P"], kms: ["K"] }],
    [
      "encrypt --kms=K --aws-profile p --encryption-context a:b --encryption-context c:d f",
      {
        kms: ["K"],
        awsProfile: "p",
        encryptionContext: ["a:b", "c:d"],
      },
    ],
    [
      "edit --gcp-kms G --azure-kv Z --hc-vault-transit V --hckms H f",
      {
        gcpKms: ["G"],
        azureKv: ["Z"],
        hcVaultTransit: ["V"],
        hckms: ["H"],
      },
    ],
    ["groups add f -R team.txt", { ageFiles: ["team.txt"] }],
  ] as const)("%s", ([line, flags]) => {
    expect(keysOf(optionsOf(line))).toEqual(flags);
  });

  test("to add and to remove, with a profile for whichever are of AWS KMS", () => {
    const options = optionsOf("rotate --add-pgp P --rm-kms K --rm-gcp-kms G --aws-profile p f");

    expect(changedKeysOf(options, "add")).toEqual({ pgp: ["P"], awsProfile: undefined });
    expect(changedKeysOf(options, "rm")).toEqual({ kms: ["K"], gcpKms: ["G"], awsProfile: "p" });
    // With none of them it is refused further on.
    expect(changedKeysOf(optionsOf("rotate --aws-profile p f"), "add")).toEqual({ awsProfile: "p" });
    expect(changedKeysOf(optionsOf("rotate -i f"), "add")).toBeUndefined();
  });

  test.for([
    ["encrypt", "encrypt"],
    ["edit", "edit"],
    ["rotate", "rotate"],
    ["groups", "groups add"],
  ] as const)("kseal %s has every key flag of sops %s, with its short form", ([own, theirs]) => {
    const mine = commandTable.find(({ name }) => name === own)?.options.map(({ flags }) => flags) ?? [];
    const keyFlag =
      /^(add-|rm-)?(age|pgp|kms|gcp-kms|hckms|azure-kv|hc-vault-transit)$|^aws-profile$|^encryption-context$/;
    const wanted = commands[theirs].flags.filter(({ names }) => keyFlag.test(names[0]));

    expect(wanted.length).toBeGreaterThan(8);
    for (const { names } of wanted) {
      const [long, short] = names;
      const form = `${short === undefined ? "" : `-${short}, `}--${long} <`;
      expect(
        mine.some((flags) => flags.includes(form)),
        form,
      ).toBe(true);
    }
  });
});
