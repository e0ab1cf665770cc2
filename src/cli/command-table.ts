import type { CommandSpec, OptionSpec } from "./command.ts";

const formats = ["yaml", "json", "dotenv", "ini", "binary"];
const inputType: OptionSpec = {
  flags: "--input-type <format>",
  summary: "the input's format, instead of by file name",
  choices: formats,
};
const outputType: OptionSpec = {
  flags: "--output-type <format>",
  summary: "the output's format, instead of the input's",
  choices: formats,
};
const indent: OptionSpec = {
  flags: "--indent <spaces>",
  summary: "spaces a level in new or converted YAML and JSON",
};
const inPlace: OptionSpec = {
  flags: "-i, --in-place",
  summary: "write the result over the file it was read from",
};
const out: OptionSpec = {
  flags: "--out <path>",
  summary: "write to a file; for several files to the same tree below a folder",
};
const dryRun: OptionSpec = { flags: "--dry-run", summary: "do everything but write" };
const ignoreMac: OptionSpec = {
  flags: "--ignore-mac",
  summary: "accept a file whose MAC is missing or wrong, with a warning",
};
const nameOverride: OptionSpec = {
  flags: "--filename <name>",
  summary: "the name that decides format and rule, for standard input",
};
const decryptionOrder: OptionSpec = {
  flags: "--decryption-order <types>",
  summary: "key types to try first, e.g. age,pgp",
};
const age: OptionSpec = {
  flags: "-a, --age <recipient>",
  summary: "encrypt to this age recipient, without asking the rules",
  repeatable: true,
};
const recipientsFile: OptionSpec = {
  flags: "-R, --recipients-file <file>",
  summary: "encrypt to the age recipients in a file, one a line",
  repeatable: true,
};
const threshold: OptionSpec = {
  flags: "--shamir-secret-sharing-threshold <groups>",
  summary: "how many key groups must open",
};
const yes: OptionSpec = { flags: "-y, --yes", summary: "do it without asking" };
const user: OptionSpec = { flags: "--user <name>", summary: "run the command as another user" };

const selection: readonly OptionSpec[] = [
  { flags: "--encrypted-regex <pattern>", summary: "encrypt only below keys that match" },
  { flags: "--unencrypted-regex <pattern>", summary: "encrypt all but what is below keys that match" },
  { flags: "--encrypted-suffix <suffix>", summary: "encrypt only below keys with this ending" },
  { flags: "--unencrypted-suffix <suffix>", summary: "encrypt all but what is below keys with this ending" },
  {
    flags: "--encrypted-comment-regex <pattern>",
    summary: "encrypt only what follows a comment that matches",
  },
  {
    flags: "--unencrypted-comment-regex <pattern>",
    summary: "encrypt all but what follows a comment that matches",
  },
];

const editing: readonly OptionSpec[] = [inputType, ignoreMac, decryptionOrder, dryRun];

/** Options that every command has. */
export const globalOptions: readonly OptionSpec[] = [
  { flags: "--config <file>", summary: "use this .sops.yaml instead of searching for one" },
  {
    flags: "-o, --output <format>",
    summary: "how a report or an error is printed",
    choices: ["text", "json"],
  },
];

/** Every command of kseal: what `--help` says, and where the command lives. Nothing is loaded before it is called. */
export const commandTable: readonly CommandSpec[] = [
  {
    name: "init",
    arguments: "",
    summary: "set up this folder: an age identity, .sops.yaml, and a first rule for Secrets",
    options: [
      {
        flags: "--age <recipient>",
        summary: "use this recipient instead of making an identity",
        repeatable: true,
      },
      { flags: "--post-quantum", summary: "make a post-quantum identity" },
      { flags: "--path-regex <pattern>", summary: "the files that the first rule is for" },
      yes,
      dryRun,
    ],
    examples: ["kseal init"],
    load: () => import("./commands/init.ts"),
  },
  {
    name: "keygen",
    arguments: "",
    summary: "make an age identity",
    options: [
      { flags: "--post-quantum", summary: "an identity that resists quantum computers (sops 3.12 or later)" },
      { flags: "--out <file>", summary: "write it to a new file, with mode 0600" },
      { flags: "--save", summary: "add it to the file where kseal and sops look for identities" },
      dryRun,
    ],
    examples: ["kseal keygen --save", "kseal keygen --out recovery-key.txt"],
    load: () => import("./commands/keygen.ts"),
  },
  {
    name: "encrypt",
    arguments: "[files...]",
    summary: "encrypt the values of files by the rules of .sops.yaml",
    options: [
      inPlace,
      out,
      age,
      recipientsFile,
      ...selection,
      { flags: "--mac-only-encrypted", summary: "let the MAC cover encrypted values only" },
      threshold,
      inputType,
      outputType,
      indent,
      nameOverride,
      { flags: "--strip", summary: "remove last-applied-configuration and server-side fields from Secrets" },
      { flags: "--allow-nothing", summary: "allow a result in which no value is encrypted" },
      dryRun,
    ],
    examples: ["kseal encrypt -i secrets/prod/db.yaml", "kseal encrypt -i secrets/"],
    load: () => import("./commands/encrypt.ts"),
  },
  {
    name: "decrypt",
    arguments: "[files...]",
    summary: "decrypt files, to standard output unless told otherwise",
    options: [
      inPlace,
      out,
      { flags: "--extract <path>", summary: 'only what stands at a path such as \'["data"]["password"]\'' },
      inputType,
      outputType,
      indent,
      ignoreMac,
      nameOverride,
      decryptionOrder,
      dryRun,
    ],
    examples: ["kseal decrypt secrets/prod/db.yaml", "kseal decrypt --out /dev/shm/plain secrets/"],
    load: () => import("./commands/decrypt.ts"),
  },
  {
    name: "edit",
    arguments: "<file>",
    summary: "open a file decrypted in your editor, and encrypt what you save",
    options: [
      age,
      recipientsFile,
      ...selection,
      inputType,
      ignoreMac,
      decryptionOrder,
      {
        flags: "-s, --show-master-keys",
        summary: "show the recipients in the editor; edits to them are applied",
      },
    ],
    examples: ["kseal edit secrets/prod/db.yaml", 'EDITOR="code --wait" kseal edit secrets/prod/db.yaml'],
    load: () => import("./commands/edit.ts"),
  },
  {
    name: "get",
    arguments: "<file> <path>",
    summary: "print one value",
    options: [inputType, outputType, ignoreMac, decryptionOrder],
    examples: [`kseal get db.yaml '["stringData"]["password"]'`],
    load: () => import("./commands/get.ts"),
  },
  {
    name: "set",
    arguments: "<file> <path>",
    summary: "change or add one value; it is asked for, and never stands on the command line",
    options: [
      { flags: "--value-stdin", summary: "read the value from standard input, as JSON" },
      { flags: "--value-file <file>", summary: "read the value from a file, as JSON" },
      {
        flags: "--string",
        summary: "take what was read as text, not as JSON; one final line break is dropped",
      },
      { flags: "--json", summary: "take what is typed at the prompt as JSON, not as text" },
      { flags: "--generate <kind>", summary: "make up a value", choices: ["password", "uuid", "ssh-key"] },
      { flags: "--length <characters>", summary: "the length of a generated password" },
      { flags: "--idempotent", summary: "leave the file alone when it holds the value already" },
      ...editing,
    ],
    examples: [
      `kseal set db.yaml '["stringData"]["password"]'`,
      `kseal set db.yaml '["stringData"]["token"]' --generate password`,
    ],
    load: () => import("./commands/set.ts"),
  },
  {
    name: "unset",
    arguments: "<file> <path>",
    summary: "remove one value",
    options: [{ flags: "--idempotent", summary: "succeed when there is nothing to remove" }, ...editing],
    examples: [`kseal unset db.yaml '["stringData"]["old"]'`],
    load: () => import("./commands/unset.ts"),
  },
  {
    name: "rename",
    arguments: "<file> <path> <key>",
    summary: "rename a key; its value stays",
    options: editing,
    examples: [`kseal rename db.yaml '["stringData"]["pass"]' password`],
    load: () => import("./commands/rename.ts"),
  },
  {
    name: "rotate",
    arguments: "<files...>",
    summary: "encrypt every value anew, under a new data key",
    options: [
      inPlace,
      out,
      { flags: "--add-age <recipient>", summary: "add a recipient", repeatable: true },
      { flags: "--rm-age <recipient>", summary: "remove a recipient", repeatable: true },
      { flags: "--allow-unlisted", summary: "keep recipients that the matching rule does not list" },
      inputType,
      ignoreMac,
      decryptionOrder,
      dryRun,
    ],
    examples: ["kseal rotate -i secrets/prod/db.yaml"],
    load: () => import("./commands/rotate.ts"),
  },
  {
    name: "updatekeys",
    arguments: "<files...>",
    summary: "make the recipients of files those of the rules of .sops.yaml",
    options: [
      yes,
      { flags: "--keep-data-key", summary: "do not re-encrypt although a recipient is removed" },
      threshold,
      inputType,
      decryptionOrder,
      dryRun,
    ],
    examples: ["kseal updatekeys secrets/", "kseal updatekeys --yes secrets/prod/db.yaml"],
    load: () => import("./commands/updatekeys.ts"),
  },
  {
    name: "groups",
    arguments: "<action> <file> [index]",
    summary: "add a key group to a file (groups add FILE -a ...) or delete one (groups delete FILE N)",
    options: [inPlace, out, age, recipientsFile, threshold, inputType, decryptionOrder, dryRun],
    examples: ["kseal groups add -i db.yaml -a age1...", "kseal groups delete -i db.yaml 1"],
    load: () => import("./commands/groups.ts"),
  },
  {
    name: "exec-env",
    arguments: "<file> <command...>",
    summary: "run a command with the values of a file in its environment",
    options: [
      { flags: "--pristine", summary: "give the command nothing of the present environment" },
      user,
      inputType,
      ignoreMac,
      decryptionOrder,
    ],
    examples: ["kseal exec-env app.env -- ./server --port 8080", "kseal exec-env app.env 'echo $USERNAME'"],
    load: () => import("./commands/exec-env.ts"),
  },
  {
    name: "exec-file",
    arguments: "<file> <command...>",
    summary: "run a command with the decrypted file in place of {}",
    options: [
      { flags: "--no-fifo", summary: "use a file in a private folder instead of a FIFO" },
      { flags: "--filename <name>", summary: "the name of that file" },
      user,
      inputType,
      outputType,
      ignoreMac,
      decryptionOrder,
    ],
    examples: ["kseal exec-file kubeconfig.yaml -- kubectl --kubeconfig {} get pods"],
    load: () => import("./commands/exec-file.ts"),
  },
  {
    name: "filestatus",
    arguments: "<files...>",
    summary: "say which files are encrypted",
    options: [inputType],
    examples: ["kseal filestatus secrets/", "kseal filestatus -o json db.yaml"],
    load: () => import("./commands/filestatus.ts"),
  },
  {
    name: "version",
    arguments: "",
    summary: "print the version, and the version of the SOPS format that is written",
    options: [],
    examples: ["kseal version -o json"],
    load: () => import("./commands/version.ts"),
  },
];
