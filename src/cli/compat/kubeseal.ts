import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import { version } from "../../version.ts";
import { Output } from "../output.ts";
import { callOf, type KubesealCall } from "./kubeseal-call.ts";
import { KubesealError } from "./kubeseal-error.ts";
import { checkFolderOf } from "./kubeseal-files.ts";
import { kubesealFlags } from "./kubeseal-flags.ts";
import { PflagError, type PflagValues, parsePflags } from "./kubeseal-pflag.ts";
import { KubesealRun } from "./kubeseal-run.ts";

/** The version of `kubeseal` whose place kseal takes. */
const upstreamVersion = "v0.36.6";

/**
 * Runs a command line of `kubeseal`. Differences from the original are the numbered decisions of the project; everything
 * else that a script can see is the same: flags, variables, output, texts, exit status.
 *
 * @returns The exit status: 0, 1 for a failure, 2 for a mistake on the command line.
 */
export async function runKubeseal(args: readonly string[], host: Host): Promise<number> {
  try {
    const values = parsePflags(args, kubesealFlags, { environment: host.env, prefix: "SEALED_SECRETS" });
    for (const note of values.notes) await host.writeStdout(note);
    return await runValues(values, host);
  } catch (error) {
    if (error instanceof PflagError) return refuse(error, host);
    if (error instanceof KubesealError) {
      host.writeStderr(`error: ${error.message}\n`);
      return 1;
    }
    const status = new Output(host, { format: "text", name: "error" }).failure(error);
    return error instanceof KsealError && error.code !== "INTERRUPTED" ? 1 : status;
  }
}

async function runValues(values: PflagValues, host: Host): Promise<number> {
  if (values.asksForUsage) return printUsage(host);
  if (values.isOn("version")) {
    await host.writeStdout(`kubeseal version: ${upstreamVersion} (kseal ${version})\n`);
    return 0;
  }
  if (values.isOn("help")) {
    const { flagUsages, usageHead } = await import("./kubeseal-help.ts");
    await host.writeStdout(usageHead + flagUsages());
    return 0;
  }
  await runCall(new KubesealRun(host, callOf(values)));
  return 0;
}

/** The mode of the first flag that names one; nobody checks whether others contradict it. */
async function runCall(run: KubesealRun): Promise<void> {
  const { call, host } = run;
  await prepare(call, host);
  if (call.recovers) {
    const { recover } = await import("./kubeseal-recovery.ts");
    return recover(run);
  }
  if (call.privateKeys.length > 0 && host.terminal.stderrIsTerminal) {
    run.warn("ignoring --recovery-private-key because unseal command not chosen with --recovery-unseal");
  }
  if (call.validates) {
    const { validate } = await import("./kubeseal-cluster.ts");
    return validate(run);
  }
  if (call.reEncrypts) {
    const { reEncrypt } = await import("./kubeseal-cluster.ts");
    return reEncrypt(run);
  }
  const { openCertificate, certificateOf } = await import("./kubeseal-certificate.ts");
  const content = await openCertificate(run);
  if (call.fetchesCert) return run.write(content);
  const certificate = certificateOf(content, host.now());
  if (call.mergeInto !== "") {
    const { mergeInto } = await import("./kubeseal-merge.ts");
    return mergeInto(run, certificate);
  }
  if (call.isRaw) {
    const { sealRaw } = await import("./kubeseal-raw.ts");
    return sealRaw(run, certificate);
  }
  const { seal } = await import("./kubeseal-seal.ts");
  return seal(run, certificate);
}

async function prepare(call: KubesealCall, host: Host): Promise<void> {
  if (call.fromFiles.length > 0 && !call.isRaw) throw new KubesealError("--from-file requires --raw");
  const input = call.inputFlag || call.operand;
  if (input !== undefined && input !== "") {
    if ((await host.stat(input)) === undefined) {
      throw new KubesealError(
        call.operand === undefined
          ? "Could not read file specified with --secret-file"
          : `open ${input}: no such file or directory`,
      );
    }
  } else if (!call.isRaw && !call.fetchesCert && host.terminal.stdinIsTerminal) {
    host.writeStderr("(tty detected: expecting json/yaml k8s resource in stdin)\n");
  }
  if (call.output !== "") await checkFolderOf(host, call.output);
}

/** `-h`: no flag of its own, so pflag lists the flags as it does behind a mistake, and succeeds. */
async function printUsage(host: Host): Promise<number> {
  const { flagUsages, usageHead } = await import("./kubeseal-help.ts");
  host.writeStderr(usageHead);
  await host.writeStdout(flagUsages());
  return 0;
}

async function refuse(error: PflagError, host: Host): Promise<number> {
  await printUsage(host);
  await host.writeStdout(`${error.message}\n`);
  return 2;
}
