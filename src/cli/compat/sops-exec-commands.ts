import { KsealError } from "../../errors.ts";
import { SopsArgsError } from "./sops-args-error.ts";
import type { Call, SopsRun } from "./sops-run.ts";
import { formatOf, layoutOf } from "./sops-values.ts";

/** `sops exec-env` */
export async function execEnvironment(call: Call<"exec-env">, run: SopsRun): Promise<number> {
  const { execEnv } = await import("../../ops/exec-env.ts");
  const { file: path, line, pristine, sameProcess, user, ignoreMac } = call;
  const options = {
    path,
    command: [line],
    pristine,
    sameProcess,
    user,
    ignoreMac,
    inputType: formatOf(call.inputType),
  };
  return execEnv(options, await run.context(call));
}

/** `sops exec-file` */
export async function execOnFile(call: Call<"exec-file">, run: SopsRun): Promise<number> {
  const { execFile } = await import("../../ops/exec-file.ts");
  const { file: path, line, noFifo, fileName, user, ignoreMac } = call;
  const options = { path, command: [line], noFifo, fileName, user, ignoreMac, ...layoutOf(call) };
  const context = await run.context(call);
  return execFile(options, context).catch((error: unknown) => {
    // A name outside the folder, a user that does not exist.
    const isUsage = error instanceof KsealError && error.code === "USAGE";
    throw isUsage ? new SopsArgsError(error.message, { status: 1, hint: error.hint }) : error;
  });
}
