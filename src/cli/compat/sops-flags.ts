import type { FlagSpec } from "./go-flags.ts";

// The names, kinds and variables are those of sops 3.13.3.

function text(name: string, summary: string, env?: string): FlagSpec {
  const [long = "", ...others] = name.split(" ");
  return { names: [long, ...others], kind: "text", summary, ...(env !== undefined && { env }) };
}

function on(name: string, summary: string, env?: string): FlagSpec {
  return { ...text(name, summary, env), kind: "switch" };
}

function number(name: string, summary: string): FlagSpec {
  return { ...text(name, summary), kind: "number" };
}

function list(name: string, summary: string, env?: string): FlagSpec {
  return { ...text(name, summary, env), kind: "list" };
}

export const helpFlag: FlagSpec = on("help h", "show help");

const inPlace = on("in-place i", "write to the file itself");
const output = text("output", "write to this file");
const inputType = text("input-type", "format of the input: yaml, json, dotenv, ini or binary");
const outputType = text("output-type", "format of the output");
const ignoreMac = on("ignore-mac", "open files whose MAC is wrong");
const order = text("decryption-order", "key types to try first, e.g. age,pgp", "SOPS_DECRYPTION_ORDER");
const nameOverride = text("filename-override", "the name that rules and formats go by");
const context = text("encryption-context", "KMS context as key:value,key:value");
const threshold = number("shamir-secret-sharing-threshold", "how many key groups must open");
const extract = text("extract", `one value or branch, e.g. '["a"][0]'`);
const yes = on("yes y", "do not ask");
const showMasterKeys = on("show-master-keys s", "show the metadata in the editor, too");
const awsProfile = text("aws-profile", "AWS profile");
const user = text("user", "user to run the command as");
const background = on("background", "do not wait for the command (deprecated)");

const keyservices: readonly FlagSpec[] = [
  {
    ...on("enable-local-keyservice", "use the keys at hand", "SOPS_ENABLE_LOCAL_KEYSERVICE"),
    startsOn: true,
  },
  list("keyservice", "key services to ask besides", "SOPS_KEYSERVICE"),
];

const types: readonly FlagSpec[] = [inputType, outputType];

const keys: readonly FlagSpec[] = [
  text("age a", "age recipients", "SOPS_AGE_RECIPIENTS"),
  text("pgp p", "PGP fingerprints", "SOPS_PGP_FP"),
  text("kms k", "AWS KMS keys", "SOPS_KMS_ARN"),
  awsProfile,
  text("gcp-kms", "GCP KMS keys", "SOPS_GCP_KMS_IDS"),
  text("hckms", "Huawei Cloud KMS keys", "SOPS_HUAWEICLOUD_KMS_IDS"),
  text("azure-kv", "Azure Key Vault keys", "SOPS_AZURE_KEYVAULT_URLS"),
  text("hc-vault-transit", "Vault transit keys", "SOPS_VAULT_URIS"),
];

const selection: readonly FlagSpec[] = [
  text("unencrypted-suffix", "leave keys with this end in clear"),
  text("encrypted-suffix", "encrypt keys with this end only"),
  text("unencrypted-regex", "leave keys that match in clear"),
  text("encrypted-regex", "encrypt keys that match only"),
];

const commentSelection: readonly FlagSpec[] = [
  text("unencrypted-comment-regex", "leave values below a comment that matches in clear"),
  text("encrypted-comment-regex", "encrypt values below a comment that matches only"),
];

const macOnlyEncrypted = on("mac-only-encrypted", "compute the MAC over encrypted values only");

const keyNames: ReadonlyMap<string, string> = new Map([
  ["age", "age recipients"],
  ["pgp", "PGP fingerprints"],
  ["kms", "AWS KMS keys"],
  ["gcp-kms", "GCP KMS keys"],
  ["hckms", "Huawei Cloud KMS keys"],
  ["azure-kv", "Azure Key Vault keys"],
  ["hc-vault-transit", "Vault transit keys"],
]);

const changedKeys: readonly FlagSpec[] = [...keyNames].flatMap(([type, what]) => [
  text(`add-${type}`, `${what} to add`),
  text(`rm-${type}`, `${what} to remove`),
]);

const groupKeys: readonly FlagSpec[] = [
  ...[...keyNames].map(([type, what]) => list(type, `${what} of the new group; may be repeated`)),
  awsProfile,
];

/** Flags that every command takes in any position, other than in `sops` (sops.md D29). */
const everywhere: readonly FlagSpec[] = [
  text("config", "configuration to use instead of searching for one", "SOPS_CONFIG"),
  number("indent", "spaces a level in YAML and JSON"),
  on("verbose", "say more"),
  on("disable-version-check", "look for no newer version; kseal never does", "SOPS_DISABLE_VERSION_CHECK"),
  on("check-for-updates", "look for a newer version; kseal never does"),
  helpFlag,
];

/** The legacy form without a subcommand. */
export const rootFlags: readonly FlagSpec[] = [
  on("decrypt d", "decrypt a file"),
  on("encrypt e", "encrypt a file"),
  on("rotate r", "give a file a new data key"),
  text("set", `set a value, e.g. '["a"][0] {"b":true}'`),
  on("version v", "print the version"),
  inPlace,
  output,
  extract,
  ...types,
  ...keys,
  ...changedKeys,
  ...selection,
  ...commentSelection,
  macOnlyEncrypted,
  ignoreMac,
  showMasterKeys,
  context,
  threshold,
  nameOverride,
  order,
  ...keyservices,
  ...everywhere,
];

export interface CommandSpec {
  readonly summary: string;
  readonly operands: string;
  readonly flags: readonly FlagSpec[];
  /** Operands may look like flags: values, commands. */
  readonly freeOperands?: true;
}

function command(
  summary: string,
  operands: string,
  { flags, freeOperands }: { flags: readonly FlagSpec[]; freeOperands?: true },
): CommandSpec {
  return { summary, operands, flags: [...flags, ...everywhere], ...(freeOperands && { freeOperands }) };
}

const encrypting: readonly FlagSpec[] = [
  ...keys,
  ...selection,
  ...commentSelection,
  macOnlyEncrypted,
  context,
  threshold,
];
const changing: readonly FlagSpec[] = [
  ...types,
  ignoreMac,
  order,
  on("idempotent", "do nothing when nothing would change"),
];

/** Every subcommand; `groups` and `completion` with their own. */
export const commands: Readonly<Record<CommandName, CommandSpec>> = {
  encrypt: command("encrypt a file, or standard input", "[file]", {
    flags: [inPlace, output, ...types, ...encrypting, nameOverride, ...keyservices],
  }),
  decrypt: command("decrypt a file, or standard input", "[file]", {
    flags: [inPlace, output, extract, ...types, ignoreMac, nameOverride, order, ...keyservices],
  }),
  edit: command("edit a file, or make a new one", "file", {
    flags: [...types, ...encrypting, showMasterKeys, ignoreMac, order, ...keyservices],
  }),
  rotate: command("give a file a new data key", "file", {
    flags: [inPlace, output, ...types, ...changedKeys, context, nameOverride, order, ...keyservices],
  }),
  set: command("set a value, given as JSON", "file index [value]", {
    flags: [
      ...changing,
      on("value-file", "value is a file that holds the value"),
      on("value-stdin", "read the value from standard input"),
      threshold,
      ...keyservices,
    ],
    freeOperands: true,
  }),
  unset: command("remove a value", "file index", {
    flags: [...changing, threshold, ...keyservices],
    freeOperands: true,
  }),
  updatekeys: command("make the keys of files those of the configuration", "file...", {
    flags: [yes, inputType, ...keyservices],
  }),
  "groups add": command("add a key group to a file", "", {
    flags: [text("file f", "the file"), ...groupKeys, inPlace, threshold, context, ...keyservices],
  }),
  "groups delete": command("remove a key group from a file", "index", {
    flags: [text("file f", "the file"), inPlace, threshold, ...keyservices],
  }),
  "exec-env": command("run a command with the values of a file as its environment", "file command", {
    flags: [
      on("pristine", "pass on no other variables"),
      on("same-process", "take the place of kseal"),
      user,
      background,
      order,
      ...keyservices,
    ],
    freeOperands: true,
  }),
  "exec-file": command("run a command on the decrypted file", "file command", {
    flags: [
      ...types,
      on("no-fifo", "use a regular file"),
      text("filename", "name of the temporary file"),
      user,
      background,
      order,
      ...keyservices,
    ],
    freeOperands: true,
  }),
  filestatus: command("say whether a file is encrypted", "file", { flags: [inputType] }),
  "completion bash": command("print completions for bash", "", { flags: [] }),
  "completion zsh": command("print completions for zsh", "", { flags: [] }),
  publish: command("send files to a destination (later)", "path", {
    flags: [
      yes,
      on("omit-extensions", "leave out extensions"),
      on("recursive", "send a folder"),
      order,
      ...keyservices,
    ],
  }),
  keyservice: command("serve keys to others (later)", "", {
    flags: [
      text("network net", "network"),
      text("address addr", "address"),
      on("prompt", "ask before each use"),
    ],
  }),
};

export type CommandName =
  | "encrypt"
  | "decrypt"
  | "edit"
  | "rotate"
  | "set"
  | "unset"
  | "updatekeys"
  | "groups add"
  | "groups delete"
  | "exec-env"
  | "exec-file"
  | "filestatus"
  | "completion bash"
  | "completion zsh"
  | "publish"
  | "keyservice";
