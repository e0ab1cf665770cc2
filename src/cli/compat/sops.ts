import { formatVersion } from "../../core/metadata.ts";
import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import { version } from "../../version.ts";
import { Output } from "../output.ts";
import { parseSopsArgs } from "./sops-args.ts";
import { execEnvironment, execOnFile } from "./sops-exec-commands.ts";
import { sopsExitCode } from "./sops-exit-code.ts";
import { decrypt, edit, encrypt, rotate } from "./sops-file-commands.ts";
import type { SopsInvocation } from "./sops-invocation.ts";
import { groups, updateKeys } from "./sops-key-commands.ts";
import { type Call, comesLater, SopsRun } from "./sops-run.ts";
import { set, unset } from "./sops-value-commands.ts";
import { formatOf } from "./sops-values.ts";

const auditFile = "/etc/sops/audit.yaml";

/**
 * Runs a command line of `sops` on kseal's own operations: each command maps its flags onto the options of one.
 * Differences from the original are the numbered decisions of the project; everything else that a script can see is
 * the same: output, layout, exit status.
 *
 * @returns The exit status.
 */
export async function runSops(args: readonly string[], host: Host): Promise<number> {
  const output = new Output(host, { format: "text", name: "sops" });
  let call: SopsInvocation | undefined;
  try {
    call = parseSopsArgs(args, host.env, (text) => output.warn(text));
    await refuseAudit(host);
    return await runCommand(call, new SopsRun(host, output));
  } catch (error) {
    const status = output.failure(error);
    return call !== undefined && error instanceof KsealError ? sopsExitCode(error, call) : status;
  }
}

// SOPS writes every use of a key into the databases that this file names, and fails when it cannot.
async function refuseAudit(host: Host): Promise<void> {
  if ((await host.stat(auditFile)) !== undefined) {
    throw new KsealError(
      "CONFIG_INVALID",
      "this machine audits every use of sops, which kseal cannot do yet",
      {
        hint: "use the original sops here, or ask who keeps this machine to remove the file",
        where: { file: auditFile },
      },
    );
  }
}

async function runCommand(call: SopsInvocation, run: SopsRun): Promise<number> {
  if ("file" in call) await run.refuseFolder(call.file);
  switch (call.command) {
    case "encrypt":
      return encrypt(call, run);
    case "decrypt":
      return decrypt(call, run);
    case "edit":
      return edit(call, run);
    case "rotate":
      return rotate(call, run);
    case "set":
      return set(call, run);
    case "unset":
      return unset(call, run);
    case "updatekeys":
      return updateKeys(call, run);
    case "groups-add":
    case "groups-delete":
      return groups(call, run);
    case "exec-env":
      return execEnvironment(call, run);
    case "exec-file":
      return execOnFile(call, run);
    case "filestatus":
      return fileStatusOf(call, run);
    case "version":
      return print(`sops ${formatVersion} (kseal ${version})\n`, run);
    case "print":
      return print(call.text, run);
    case "later":
      throw comesLater(call.what);
  }
}

async function fileStatusOf(call: Call<"filestatus">, run: SopsRun): Promise<number> {
  const { fileStatus } = await import("../../ops/file-status.ts");
  const context = await run.context({ config: call.config });
  const [status] = await fileStatus({ paths: [call.file], inputType: formatOf(call.inputType) }, context);
  return print(`${JSON.stringify({ encrypted: status?.encrypted ?? false })}\n`, run);
}

async function print(text: string, run: SopsRun): Promise<number> {
  await run.host.writeStdout(text);
  return 0;
}
