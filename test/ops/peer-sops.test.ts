import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { decryptFiles } from "../../src/ops/decrypt.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { addGroup } from "../../src/ops/groups.ts";
import { renameKeyIn } from "../../src/ops/rename.ts";
import { rotateFiles } from "../../src/ops/rotate.ts";
import { setValue } from "../../src/ops/set.ts";
import { unsetValue } from "../../src/ops/unset.ts";
import { planUpdateKeys } from "../../src/ops/update-keys.ts";
import { identities } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { inPlace, mine, ruleForMe, theirs, toCaller, type Workbench, workbench } from "./workbench.ts";

const sops = peer("sops");
const text = `# about
name: x # inline
list:
    - 1
    # in the list
    - two
    - {a: 1.5}
nested:
    "yes": true
    when: 2024-01-01T10:00:00Z
---
second: document
`;

const changes: readonly { name: string; change: (path: string, bench: Workbench) => Promise<unknown> }[] = [
  { name: "encrypt", change: async () => {} },
  {
    name: "set",
    change: (path, { context }) =>
      setValue({ path, treePath: '["list"][1]', value: { json: "[1, null]" } }, context),
  },
  { name: "unset", change: (path, { context }) => unsetValue({ path, treePath: '["list"][0]' }, context) },
  {
    name: "rename",
    change: (path, { context }) => renameKeyIn({ path, treePath: '["nested"]', newKey: "moved" }, context),
  },
  {
    name: "rotate",
    change: (path, { context }) => rotateFiles({ paths: [path], destination: inPlace }, context),
  },
  {
    name: "updatekeys",
    change: async (path, { again, write }) => {
      await write(".sops.yaml", `creation_rules:\n  - age: "${theirs},${mine}"\n`);
      await (await planUpdateKeys({ paths: [path] }, await again())).apply();
    },
  },
  {
    name: "groups add",
    change: (path, { context }) => addGroup({ path, destination: inPlace, keys: { age: [mine] } }, context),
  },
];

describe.skipIf(sops === undefined)("after each change the real sops reads the same as kseal", () => {
  for (const { name, change } of changes) {
    for (const format of ["yaml", "json"] as const) {
      if (format === "json" && name === "unset") continue;
      test(`${name}, ${format}`, async () => {
        const path = `a.${format}`;
        const content =
          format === "yaml" ? text : '{"list": [1, "two", {"a": 1.5}], "nested": {"yes": true}, "n": null}\n';
        const bench = await workbench({ [path]: content, ".sops.yaml": ruleForMe });
        await encryptFiles({ paths: [path], destination: inPlace }, bench.context);
        await change(path, bench);
        const output = execFileSync(
          sops ?? "",
          ["decrypt", "--output-type", "json", bench.host.resolve(path)],
          {
            env: { SOPS_AGE_KEY: identities[0], SOPS_DISABLE_VERSION_CHECK: "1", HOME: bench.host.cwd },
            encoding: "utf8",
          },
        );
        const asJson = { paths: [path], destination: toCaller, outputType: "json" } as const;
        // SOPS prints the first document alone as JSON.
        const ours =
          format === "yaml"
            ? await firstDocument(bench, path)
            : await decryptFiles(asJson, await bench.again());
        expect(JSON.parse(new TextDecoder().decode(ours.stream))).toEqual(JSON.parse(output));
      });
    }
  }
});

async function firstDocument(bench: Workbench, path: string) {
  const { stream } = await decryptFiles({ paths: [path], destination: toCaller }, await bench.again());
  const [first = ""] = new TextDecoder().decode(stream).split("---\n");
  await bench.write("first.yaml", first);
  await encryptFiles({ paths: ["first.yaml"], destination: inPlace }, await bench.again());
  const options = { paths: ["first.yaml"], destination: toCaller, outputType: "json" } as const;
  return decryptFiles(options, await bench.again());
}
