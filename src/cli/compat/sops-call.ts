import { KsealError } from "../../errors.ts";
import type { FlagValues } from "./go-flags.ts";
import { SopsArgsError } from "./sops-args-error.ts";
import { completionScript } from "./sops-completion.ts";
import type { CommandName } from "./sops-flags.ts";
import type { SopsInvocation } from "./sops-invocation.ts";
import { encryptFlags, keysOf, openFlags, targetOf } from "./sops-options.ts";

/** The command line of one command, flags and operands apart. */
export interface SopsCall {
  readonly values: FlagValues;
  readonly operands: readonly string[];
  /** Called without a subcommand, as `sops -r`. */
  readonly isLegacy: boolean;
  readonly warn: (text: string) => void;
}

/**
 * What one command is asked to do, with the checks that `sops` makes before it looks at any file.
 *
 * @throws KsealError with the status of `sops`.
 */
export function readCommand(name: CommandName, call: SopsCall): SopsInvocation {
  const { values } = call;
  if (usesKeys(name)) {
    if (!values.isOn("enable-local-keyservice"))
      return { command: "later", what: values.origin("enable-local-keyservice") };
    if (values.items("keyservice").length > 0) return { command: "later", what: values.origin("keyservice") };
  }
  switch (name) {
    case "encrypt":
      return readEncrypt(call);
    case "decrypt":
      return readDecrypt(call);
    case "edit":
      return readEdit(call);
    case "rotate":
      return readRotate(call);
    case "set":
      return readSet(call);
    case "unset":
      return readUnset(call);
    case "updatekeys":
      return readUpdateKeys(call);
    case "groups add":
      return readGroupsAdd(call);
    case "groups delete":
      return readGroupsDelete(call);
    case "exec-env":
      return readExecEnv(call);
    case "exec-file":
      return readExecFile(call);
    case "filestatus":
      return {
        command: "filestatus",
        file: fileOf(call),
        config: values.text("config"),
        inputType: values.text("input-type"),
      };
    case "completion bash":
      return { command: "print", text: completionScript("bash") };
    case "completion zsh":
      return { command: "print", text: completionScript("zsh") };
    case "publish":
    case "keyservice":
      return { command: "later", what: name };
  }
}

function readEncrypt(call: SopsCall): SopsInvocation {
  const { values, operands } = call;
  const [file] = operands;
  if (file === undefined) {
    refuseInPlaceOfStdin(values);
    if (values.text("filename-override") === undefined) {
      throw new KsealError("USAGE", "must specify --filename-override when reading from stdin");
    }
  }
  warnOfMore(call);
  return { command: "encrypt", file, ...targetOf(values), ...encryptFlags(values) };
}

function readDecrypt(call: SopsCall): SopsInvocation {
  const { values, operands } = call;
  const [file] = operands;
  if (file === undefined) refuseInPlaceOfStdin(values);
  warnOfMore(call);
  return {
    command: "decrypt",
    file,
    extract: values.text("extract"),
    ...targetOf(values),
    ...openFlags(values),
  };
}

function readEdit(call: SopsCall): SopsInvocation {
  const { values } = call;
  const file = fileOf(call);
  warnOfMore(call);
  return {
    command: "edit",
    file,
    showMasterKeys: values.isOn("show-master-keys"),
    ...encryptFlags(values),
    ...openFlags(values),
  };
}

function readRotate(call: SopsCall): SopsInvocation {
  const { values } = call;
  const file = fileOf(call);
  warnOfMore(call);
  return {
    command: "rotate",
    file,
    isLegacy: call.isLegacy,
    add: keysOf(values, "add-"),
    remove: keysOf(values, "rm-"),
    ...targetOf(values),
    ...openFlags(values),
  };
}

function readSet({ values, operands }: SopsCall): SopsInvocation {
  const fromFile = values.isOn("value-file");
  const fromStdin = values.isOn("value-stdin");
  if (fromFile && fromStdin) {
    throw new SopsArgsError("cannot use both --value-file and --value-stdin", { status: 1 });
  }
  const wanted = fromStdin ? 2 : 3;
  const [file, path, value = ""] = operands;
  if (operands.length !== wanted || file === undefined || path === undefined) {
    throw new KsealError(
      "NO_FILE",
      `set needs precisely ${wanted} arguments${fromStdin ? " with --value-stdin" : ""}`,
      {
        hint: `sops set file '["key"]'${fromStdin ? " --value-stdin" : ` '"value"'`}`,
      },
    );
  }
  return {
    command: "set",
    file,
    path,
    value: fromStdin ? "stdin" : fromFile ? { file: value } : { json: value },
    idempotent: values.isOn("idempotent"),
    ...openFlags(values),
  };
}

function readUnset({ values, operands }: SopsCall): SopsInvocation {
  const [file, path] = operands;
  if (operands.length !== 2 || file === undefined || path === undefined) {
    throw new KsealError("NO_FILE", "no file specified, or index is missing", {
      hint: `sops unset file '["key"]'`,
    });
  }
  return { command: "unset", file, path, idempotent: values.isOn("idempotent"), ...openFlags(values) };
}

function readUpdateKeys(call: SopsCall): SopsInvocation {
  const { values, operands } = call;
  fileOf(call);
  return {
    command: "updatekeys",
    files: operands,
    yes: values.isOn("yes"),
    inputType: values.text("input-type"),
    config: values.text("config"),
  };
}

function readGroupsAdd({ values, operands }: SopsCall): SopsInvocation {
  if (operands.length > 0) throw new SopsArgsError("no positional arguments allowed", { status: 1 });
  return { command: "groups-add", keys: keysOf(values, ""), ...groupFlags(values) };
}

function readGroupsDelete({ values, operands }: SopsCall): SopsInvocation {
  const [index = ""] = operands;
  if (operands.length !== 1) {
    throw new SopsArgsError("exactly one positional argument (index) required", { status: 1 });
  }
  if (!/^[0-9]{1,10}$/.test(index) || Number(index) >= 2 ** 32) {
    throw new SopsArgsError(
      `failed to parse [index] argument: ${JSON.stringify(index)} is no number of a group`,
      { status: 1 },
    );
  }
  return { command: "groups-delete", index, ...groupFlags(values) };
}

function readExecEnv(call: SopsCall): SopsInvocation {
  const { values } = call;
  const { file, line } = fileAndCommand(call);
  if (values.isOn("background")) {
    if (values.isOn("same-process")) {
      throw new KsealError("USAGE", "the --same-process flag cannot be used with --background");
    }
    return { command: "later", what: "--background" };
  }
  return {
    command: "exec-env",
    file,
    line,
    pristine: values.isOn("pristine"),
    sameProcess: values.isOn("same-process"),
    user: values.text("user"),
    ...openFlags(values),
  };
}

function readExecFile(call: SopsCall): SopsInvocation {
  const { values } = call;
  const { file, line } = fileAndCommand(call);
  if (values.isOn("background")) return { command: "later", what: "--background" };
  return {
    command: "exec-file",
    file,
    line,
    noFifo: values.isOn("no-fifo"),
    fileName: values.text("filename"),
    user: values.text("user"),
    ...openFlags(values),
  };
}

function groupFlags(values: FlagValues) {
  return {
    file: values.text("file") ?? "",
    config: values.text("config"),
    indent: values.digits("indent"),
    inPlace: values.isOn("in-place"),
    threshold: values.number("shamir-secret-sharing-threshold"),
  };
}

function usesKeys(name: CommandName): boolean {
  return !["filestatus", "completion bash", "completion zsh", "publish", "keyservice"].includes(name);
}

function fileOf({ operands }: SopsCall): string {
  const [file] = operands;
  if (file === undefined) throw new KsealError("NO_FILE", "no file specified");
  return file;
}

function fileAndCommand({ operands }: SopsCall): { file: string; line: string } {
  const [file, line] = operands;
  if (operands.length !== 2 || file === undefined || line === undefined) {
    throw new SopsArgsError("missing file to decrypt", {
      status: 1,
      hint: "name a file, and the command as one word in quotes",
    });
  }
  return { file, line };
}

function refuseInPlaceOfStdin(values: FlagValues): void {
  if (values.isOn("in-place")) throw new KsealError("USAGE", "cannot use --in-place when reading from stdin");
}

function warnOfMore({ operands, warn }: SopsCall): void {
  if (operands.length > 1) warn("more than one positional argument provided: only the first one is used");
}
