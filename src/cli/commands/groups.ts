import { keyId } from "../../core/master-key.ts";
import { KsealError } from "../../errors.ts";
import { addGroup, deleteGroup } from "../../ops/groups.ts";
import type { Action } from "../command.ts";
import { destinationOf } from "../destination.ts";
import { keysOf } from "../key-flags.ts";
import { numberOf, typesOf } from "../option-parsing.ts";

export const action: Action = async (
  { args: [verb, path = "", index], options },
  { host, output, context },
) => {
  const common = {
    path,
    destination: await destinationOf(options, [path], host, "refuse"),
    inputType: typesOf(options).inputType,
    shamirThreshold: numberOf(options, "shamirSecretSharingThreshold"),
    dryRun: options.flag("dryRun"),
  };
  const result =
    verb === "add"
      ? await addGroup({ ...common, keys: keysOf(options) ?? {} }, await context())
      : await deleteGroup({ ...common, index: groupIndex(verb, index) }, await context());
  if (result.writtenTo === undefined && !options.flag("dryRun")) await output.content(result.content);
  const count = result.groups.length;
  const has = options.flag("dryRun") ? "would have" : "has";
  // Without a threshold of its own a file needs all of its groups.
  const needed = result.shamirThreshold === 0 ? count : result.shamirThreshold;
  output.info(
    count === 1
      ? `${result.file}: ${has} one key group`
      : `${result.file}: ${has} ${count} key groups, ${needed} needed to open it`,
  );
  if (result.writtenTo !== undefined) {
    const groups = result.groups.map((group) => group.map(keyId));
    await output.report("", { file: result.file, writtenTo: result.writtenTo, groups, needed });
  }
  return 0;
};

function groupIndex(verb: string | undefined, index: string | undefined): number {
  if (verb !== "delete") {
    throw new KsealError("USAGE", `groups knows add and delete, not ${JSON.stringify(verb)}`, {
      hint: "kseal groups add -i FILE --age age1..., or kseal groups delete -i FILE 0",
    });
  }
  if (index === undefined || !/^\d{1,3}$/.test(index)) {
    throw new KsealError("USAGE", "groups delete needs the number of the group, counted from 0", {
      hint: "kseal groups delete -i FILE 0",
    });
  }
  return Number(index);
}
