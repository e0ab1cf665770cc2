import type { OptionSpec } from "./command.ts";

const formats = ["yaml", "json", "dotenv", "ini", "binary"];

/** The format of what is read. */
export const inputType: OptionSpec = {
  flags: "--input-type <format>",
  summary: "the input's format, instead of by file name",
  choices: formats,
};

/** The format of what is written. */
export const outputType: OptionSpec = {
  flags: "--output-type <format>",
  summary: "the output's format, instead of the input's",
  choices: formats,
};

/** The layout of new YAML and JSON. */
export const indent: OptionSpec = {
  flags: "--indent <spaces>",
  summary: "spaces a level in new or converted YAML and JSON",
};

/** The result replaces its source. */
export const inPlace: OptionSpec = {
  flags: "-i, --in-place",
  summary: "write the result over the file it was read from",
};

/** The result goes elsewhere. */
export const out: OptionSpec = {
  flags: "--out <path>",
  summary: "write to a file; for several files to the same tree below a folder",
};

/** Which files: what Git says of them. */
export const since: OptionSpec = {
  flags: "--since <revision>",
  summary: "the files that differ from a revision, new ones included",
};

/** Nothing is written. */
export const dryRun: OptionSpec = { flags: "--dry-run", summary: "do everything but write" };

/** A damaged or unsigned file is opened anyway. */
export const ignoreMac: OptionSpec = {
  flags: "--ignore-mac",
  summary: "accept a file whose MAC is missing or wrong, with a warning",
};

/** For the programs that Git calls with temporary files. */
export const pathInRepository: OptionSpec = {
  flags: "--path <name>",
  summary: "the file's name in the repository: it decides format and rule",
};

/** The name of what has none. */
export const nameOverride: OptionSpec = {
  flags: "--filename <name>",
  summary: "the name that decides format and rule, for standard input",
};

/** Which keys are asked first. */
export const decryptionOrder: OptionSpec = {
  flags: "--decryption-order <types>",
  summary: "key types to try first, e.g. age,pgp",
};

/** The Shamir threshold. */
export const threshold: OptionSpec = {
  flags: "--shamir-secret-sharing-threshold <groups>",
  summary: "how many key groups must open",
};

/** No question is asked. */
export const yes: OptionSpec = { flags: "-y, --yes", summary: "do it without asking" };

/** The user that a command with secrets runs as. */
export const user: OptionSpec = { flags: "--user <name>", summary: "run the command as another user" };

/** Which values are encrypted: at most one of these. */
export const selection: readonly OptionSpec[] = [
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

/** What every command has that changes a value in its file. */
export const editing: readonly OptionSpec[] = [inputType, ignoreMac, decryptionOrder, dryRun];
