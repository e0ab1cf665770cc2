import { formatVersion } from "../../core/metadata.ts";
import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import { formatOfName, formatOfWord } from "../../formats/detect.ts";
import type { Format } from "../../formats/store.ts";
import type { OpContext } from "../../ops/context.ts";
import type { Destination } from "../../ops/destination.ts";
import { version } from "../../version.ts";
import { createContext } from "../../wiring.ts";
import { Output } from "../output.ts";
import { parseSopsArgs } from "./sops-args.ts";
import { SopsArgsError } from "./sops-args-error.ts";
import { sopsExitCode } from "./sops-exit-code.ts";
import type { SopsInvocation } from "./sops-invocation.ts";

const auditFile = "/etc/sops/audit.yaml";

/**
 * Runs a command line of `sops` on kseal's own operations. Differences from the original are the numbered decisions
 * of the project; everything else that a script can see is the same: output, layout, exit status.
 *
 * @returns The exit status.
 */
export async function runSops(args: readonly string[], host: Host): Promise<number> {
  const output = new Output(host, { format: "text", name: "sops" });
  let call: SopsInvocation | undefined;
  try {
    call = parseSopsArgs(args, host.env, (text) => output.warn(text));
    await refuseAudit(host);
    return await new SopsRun(host, output).run(call);
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

type Call<C extends SopsInvocation["command"]> = Extract<SopsInvocation, { command: C }>;

/** One run of the drop-in: each command maps its flags onto the options of an operation. */
class SopsRun {
  readonly #host: Host;
  readonly #output: Output;

  constructor(host: Host, output: Output) {
    this.#host = host;
    this.#output = output;
  }

  async run(call: SopsInvocation): Promise<number> {
    if ("file" in call) await this.#refuseFolder(call.file);
    switch (call.command) {
      case "encrypt":
        return this.#encrypt(call);
      case "decrypt":
        return this.#decrypt(call);
      case "edit":
        return this.#edit(call);
      case "rotate":
        return this.#rotate(call);
      case "set":
        return this.#set(call);
      case "unset":
        return this.#unset(call);
      case "updatekeys":
        return this.#updateKeys(call);
      case "groups-add":
      case "groups-delete":
        return this.#groups(call);
      case "exec-env":
        return this.#execEnv(call);
      case "exec-file":
        return this.#execFile(call);
      case "filestatus":
        return this.#fileStatus(call);
      case "version":
        return this.#version();
      case "print":
        await this.#host.writeStdout(call.text);
        return 0;
      case "later":
        throw new KsealError("USAGE", `${call.what} comes in a later version of kseal`, {
          hint: "the original sops does it on the same files",
        });
    }
  }

  async #encrypt(call: Call<"encrypt">): Promise<number> {
    const { encryptFiles } = await import("../../ops/encrypt.ts");
    await checkRecipients(call.age);
    const [file] = await encryptFiles(
      {
        paths: [call.file ?? "-"],
        destination: destinationOf(call),
        keys: call.age.length > 0 ? { age: call.age } : undefined,
        selection: call.selection,
        macOnlyEncrypted: call.macOnlyEncrypted || undefined,
        shamirThreshold: call.threshold,
        nameOverride: call.filenameOverride,
        ...layoutOf(call),
        kubernetesDefault: false,
      },
      await this.#context(call),
    );
    if (file !== undefined && file.writtenTo === undefined) await this.#host.writeStdout(file.content);
    return 0;
  }

  async #decrypt(call: Call<"decrypt">): Promise<number> {
    const { decryptFiles } = await import("../../ops/decrypt.ts");
    const { files, stream } = await decryptFiles(
      {
        paths: [call.file ?? "-"],
        destination: destinationOf(call),
        extract: call.extract,
        ignoreMac: call.ignoreMac,
        nameOverride: call.filenameOverride,
        ...layoutOf(call),
      },
      await this.#context(call),
    );
    if (files[0]?.writtenTo === undefined && stream !== undefined) await this.#host.writeStdout(stream);
    return 0;
  }

  async #edit(call: Call<"edit">): Promise<number> {
    if (call.laterKeys !== undefined && (await this.#host.stat(call.file)) === undefined) {
      return this.run({ command: "later", what: call.laterKeys });
    }
    const { editFile } = await import("../../ops/edit.ts");
    await checkRecipients(call.age);
    await editFile(
      {
        path: call.file,
        keys: call.age.length > 0 ? { age: call.age } : undefined,
        selection: call.selection,
        ignoreMac: call.ignoreMac,
        showMasterKeys: call.showMasterKeys,
        inputType: formatOf(call.inputType),
        kubernetesDefault: false,
      },
      await this.#context(call),
    );
    return 0;
  }

  async #rotate(call: Call<"rotate">): Promise<number> {
    const { rotateFiles } = await import("../../ops/rotate.ts");
    await checkRecipients(call.addAge);
    const [file] = await rotateFiles(
      {
        paths: [call.file],
        destination: destinationOf(call),
        add: { age: call.addAge },
        remove: { age: call.removeAge },
        // SOPS asks no rule when it rotates.
        unlisted: "warn",
        ignoreMac: call.ignoreMac,
        nameOverride: call.filenameOverride,
        ...layoutOf(call),
      },
      await this.#context(call),
    );
    if (file !== undefined && file.writtenTo === undefined) await this.#host.writeStdout(file.content);
    return 0;
  }

  async #set(call: Call<"set">): Promise<number> {
    const { setValue } = await import("../../ops/set.ts");
    const { content, writtenTo } = await setValue(
      {
        path: call.file,
        treePath: call.path,
        value: { json: await this.#newValue(call.value) },
        destination:
          call.inPlace === undefined
            ? { to: "in-place" }
            : destinationOf({ ...call, inPlace: call.inPlace, output: call.output }),
        idempotent: call.idempotent,
        ignoreMac: call.ignoreMac,
        nameOverride: call.filenameOverride,
        ...layoutOf(call),
      },
      await this.#context(call),
    );
    // In place nothing is written either when the value stands there already.
    if (call.inPlace !== undefined && writtenTo === undefined) await this.#host.writeStdout(content);
    return 0;
  }

  async #newValue(value: Call<"set">["value"]): Promise<string> {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    if (value === "stdin") return decoder.decode(await this.#host.readStdin());
    return "json" in value ? value.json : decoder.decode(await this.#host.readFile(value.file));
  }

  async #unset(call: Call<"unset">): Promise<number> {
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
      await this.#context(call),
    );
    return 0;
  }

  async #updateKeys(call: Call<"updatekeys">): Promise<number> {
    const { updateKeysAsSops } = await import("./sops-updatekeys.ts");
    const context = await this.#context({ config: call.config, decryptionOrder: undefined });
    let failures = 0;
    for (const file of call.files) {
      try {
        await this.#refuseFolder(file);
        await updateKeysAsSops(file, { yes: call.yes, inputType: formatOf(call.inputType) }, context);
      } catch (error) {
        // Of several files each is tried, and any failure is 1.
        if (call.files.length === 1 || !(error instanceof KsealError)) throw error;
        this.#output.failure(error);
        failures++;
      }
    }
    return failures === 0 ? 0 : 1;
  }

  async #groups(call: Call<"groups-add"> | Call<"groups-delete">): Promise<number> {
    const { addGroup, deleteGroup } = await import("../../ops/groups.ts");
    const common = {
      path: call.file,
      destination: call.inPlace ? ({ to: "in-place" } as const) : ({ to: "caller" } as const),
      shamirThreshold: call.threshold,
      indent: indentOf(call.indent),
    };
    if (call.command === "groups-add") await checkRecipients(call.age);
    const context = await this.#context({ config: call.config, decryptionOrder: undefined });
    const { content, writtenTo } =
      call.command === "groups-add"
        ? await addGroup({ ...common, keys: { age: call.age } }, context)
        : await deleteGroup({ ...common, index: groupIndex(call.index) }, context);
    if (writtenTo === undefined) await this.#host.writeStdout(content);
    return 0;
  }

  async #execEnv(call: Call<"exec-env">): Promise<number> {
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
    return execEnv(options, await this.#context(call));
  }

  async #execFile(call: Call<"exec-file">): Promise<number> {
    const { execFile } = await import("../../ops/exec-file.ts");
    const { file: path, line, noFifo, fileName, user, ignoreMac } = call;
    const options = { path, command: [line], noFifo, fileName, user, ignoreMac, ...layoutOf(call) };
    const context = await this.#context(call);
    return execFile(options, context).catch((error: unknown) => {
      // A name outside the folder, a user that does not exist.
      const isUsage = error instanceof KsealError && error.code === "USAGE";
      throw isUsage ? new SopsArgsError(error.message, { status: 1, hint: error.hint }) : error;
    });
  }

  async #fileStatus(call: Call<"filestatus">): Promise<number> {
    const { fileStatus } = await import("../../ops/file-status.ts");
    const context = await this.#context({ config: call.config, decryptionOrder: undefined });
    const [status] = await fileStatus({ paths: [call.file], inputType: formatOf(call.inputType) }, context);
    await this.#host.writeStdout(`${JSON.stringify({ encrypted: status?.encrypted ?? false })}\n`);
    return 0;
  }

  // kseal's own commands take a folder as the files below it.
  async #refuseFolder(file: string | undefined): Promise<void> {
    if (file === undefined || (await this.#host.stat(file))?.kind !== "folder") return;
    throw new KsealError("INPUT_UNREADABLE", "a folder, where a file is needed", { where: { file } });
  }

  async #version(): Promise<number> {
    await this.#host.writeStdout(`sops ${formatVersion} (kseal ${version})\n`);
    return 0;
  }

  async #context(flags: {
    config: string | undefined;
    decryptionOrder?: string | undefined;
  }): Promise<OpContext> {
    const { config: configPath, decryptionOrder } = flags;
    // SOPS reads it for every command, kseal only where something depends on it.
    if (configPath !== undefined && (await this.#host.stat(configPath)) === undefined) {
      throw new KsealError("CONFIG_NOT_FOUND", "no such configuration file", { where: { file: configPath } });
    }
    return createContext(this.#host, {
      log: this.#output,
      configPath,
      decryptionOrder,
      configFrom: "working-folder",
      layout: "sops",
    });
  }
}

function destinationOf({ inPlace, output }: { inPlace: boolean; output: string | undefined }): Destination {
  if (inPlace) return { to: "in-place" };
  return output === undefined ? { to: "caller" } : { to: "file", path: output };
}

// In SOPS the name decides the output's format, whatever the input's is said to be.
function layoutOf(call: {
  file: string | undefined;
  filenameOverride: string | undefined;
  inputType: string | undefined;
  outputType: string | undefined;
  indent: string | undefined;
}) {
  const outputType = formatOf(call.outputType) ?? formatOfName(call.filenameOverride ?? call.file ?? "");
  return { inputType: formatOf(call.inputType), outputType, indent: indentOf(call.indent) };
}

function indentOf(text: string | undefined): number | undefined {
  const indent = text === undefined ? undefined : Number(text);
  if (indent !== undefined && !Number.isInteger(indent))
    throw new KsealError("USAGE", "--indent takes a whole number");
  return indent;
}

async function checkRecipients(texts: readonly string[]): Promise<void> {
  if (texts.length === 0) return;
  const { parseAgeRecipient } = await import("../../keys/recipients.ts");
  try {
    for (const text of texts.flatMap((item) => item.split(","))) parseAgeRecipient(text);
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    throw new SopsArgsError(error.message, { status: 1, hint: error.hint });
  }
}

function formatOf(word: string | undefined): Format | undefined {
  return word === undefined || word === "" ? undefined : formatOfWord(word);
}

function groupIndex(text: string): number {
  if (!/^\d{1,3}$/.test(text))
    throw new KsealError("USAGE", "the group is named by its number, counted from 0");
  return Number(text);
}
