import type { Host } from "../../core/ports.ts";
import type { Call, SopsRun } from "./sops-run.ts";
import { destinationOf, layoutOf } from "./sops-values.ts";

/** `sops set` */
export async function set(call: Call<"set">, run: SopsRun): Promise<number> {
  const { setValue } = await import("../../ops/set.ts");
  const result = await setValue(
    {
      path: call.file,
      treePath: call.path,
      value: { json: await newValue(call.value, run.host) },
      destination:
        call.inPlace === undefined
          ? { to: "in-place" }
          : destinationOf({ ...call, inPlace: call.inPlace, output: call.output }),
      idempotent: call.idempotent,
      ignoreMac: call.ignoreMac,
      nameOverride: call.filenameOverride,
      ...layoutOf(call),
    },
    await run.context(call),
  );
  // In place nothing is written either when the value stands there already.
  if (call.inPlace !== undefined) await run.print(result);
  return 0;
}

async function newValue(value: Call<"set">["value"], host: Host): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  if (value === "stdin") return decoder.decode(await host.readStdin());
  return "json" in value ? value.json : decoder.decode(await host.readFile(value.file));
}

/** `sops unset` */
export async function unset(call: Call<"unset">, run: SopsRun): Promise<number> {
  const { unsetValue } = await import("../../ops/unset.ts");
  await unsetValue(
    {
      path: call.file,
      treePath: call.path,
      idempotent: call.idempotent,
      ignoreMac: call.ignoreMac,
      nameOverride: call.filenameOverride,
      ...layoutOf(call),
    },
    await run.context(call),
  );
  return 0;
}
