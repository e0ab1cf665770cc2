import { KsealError } from "../../errors.ts";
import type { Call, SopsRun } from "./sops-run.ts";
import { checkKeys, formatOf, indentOf } from "./sops-values.ts";

/** `sops updatekeys` */
export async function updateKeys(call: Call<"updatekeys">, run: SopsRun): Promise<number> {
  const { updateKeysAsSops } = await import("./sops-updatekeys.ts");
  const context = await run.context({ config: call.config });
  let failures = 0;
  for (const file of call.files) {
    try {
      await run.refuseFolder(file);
      await updateKeysAsSops(file, { yes: call.yes, inputType: formatOf(call.inputType) }, context);
    } catch (error) {
      // Of several files each is tried, and any failure is 1.
      if (call.files.length === 1 || !(error instanceof KsealError)) throw error;
      run.output.failure(error);
      failures++;
    }
  }
  return failures === 0 ? 0 : 1;
}

/** `sops groups add` and `sops groups delete` */
export async function groups(
  call: Call<"groups-add"> | Call<"groups-delete">,
  run: SopsRun,
): Promise<number> {
  const { addGroup, deleteGroup } = await import("../../ops/groups.ts");
  const common = {
    path: call.file,
    destination: call.inPlace ? ({ to: "in-place" } as const) : ({ to: "caller" } as const),
    shamirThreshold: call.threshold,
    indent: indentOf(call.indent),
  };
  if (call.command === "groups-add") await checkKeys(call.keys);
  const context = await run.context({ config: call.config });
  await run.print(
    call.command === "groups-add"
      ? await addGroup({ ...common, keys: call.keys }, context)
      : await deleteGroup({ ...common, index: groupIndex(call.index) }, context),
  );
  return 0;
}

function groupIndex(text: string): number {
  if (!/^\d{1,3}$/.test(text))
    throw new KsealError("USAGE", "the group is named by its number, counted from 0");
  return Number(text);
}
