/** The name of one kind of failure. Stable: scripts and `--output json` rely on it. */
export type ErrorCode =
  | "FINDINGS"
  | "CHANGES_REFUSED"
  | "NOT_FOUND"
  | "INPUT_UNREADABLE"
  | "FORMAT_INVALID"
  | "METADATA_INVALID"
  | "LIMIT_EXCEEDED"
  | "OUTPUT_UNWRITABLE"
  | "FORMAT_CANNOT_HOLD"
  | "CONFIG_INVALID"
  | "SET_INVALID"
  | "USAGE"
  | "ENCRYPT_FAILED"
  | "SEALED_INVALID"
  | "SEALED_NO_KEY"
  | "KEY_SOURCE_FAILED"
  | "CERTIFICATE_INVALID"
  | "CLUSTER_UNREACHABLE"
  | "CLUSTER_FORBIDDEN"
  | "CLUSTER_CONFLICT"
  | "DECRYPT_FAILED"
  | "VALUE_MALFORMED"
  | "NOT_ENCRYPTED"
  | "FILE_CHANGED"
  | "NOTHING_SELECTED"
  | "MAC_MISMATCH"
  | "MAC_MISSING"
  | "CONFIG_NOT_FOUND"
  | "PATH_INVALID"
  | "EMPTY_INPUT"
  | "NO_FILE"
  | "NO_MASTER_KEYS"
  | "ORDER_INVALID"
  | "NO_KEY"
  | "INTERRUPTED"
  | "UNCHANGED"
  | "EDITOR_FAILED"
  | "ALREADY_ENCRYPTED";

/**
 * Every way kseal can fail, with the exit status it leads to.
 *
 * Where SOPS has a number for the same situation it is used here too, so that scripts keep working. kseal's own
 * numbers are 30-39 and 70, which SOPS leaves free.
 */
const failures: Readonly<Record<ErrorCode, readonly [exitCode: number, when: string, advice: string]>> = {
  FINDINGS: [1, "A command that looks for problems found some.", "Read the report."],
  CHANGES_REFUSED: [1, "You said no when asked.", "Nothing was changed."],
  NOT_FOUND: [1, "The path leads nowhere in the file.", "`kseal decrypt FILE` shows what is there."],
  INPUT_UNREADABLE: [2, "A file exists and cannot be read.", "Check its permissions."],
  FORMAT_INVALID: [
    2,
    "A file does not parse.",
    "Repair it at the line that is named; `--input-type` if its name misleads.",
  ],
  METADATA_INVALID: [
    2,
    "The `sops` block of a file is broken.",
    "Take the block from Git: `git log -p FILE`.",
  ],
  LIMIT_EXCEEDED: [2, "A file is larger, deeper or has more aliases than any honest one.", "Split it."],
  OUTPUT_UNWRITABLE: [
    3,
    "The result cannot be written.",
    "Check the folder's permissions and the disk; every file is as it was.",
  ],
  FORMAT_CANNOT_HOLD: [
    4,
    "The output format has no place for something in the file.",
    "Choose another `--output-type`, or remove what is named.",
  ],
  CONFIG_INVALID: [
    5,
    "`.sops.yaml` or the user's settings have mistakes.",
    "All of them are listed, with line and column.",
  ],
  SET_INVALID: [
    7,
    "The new value or the place for it does not fit.",
    "Values are JSON; `--string` takes text as it is.",
  ],
  USAGE: [8, "The command line does not fit.", "`kseal help COMMAND`."],
  ENCRYPT_FAILED: [23, "A value or the data key cannot be encrypted.", "The message says which."],
  SEALED_INVALID: [
    30,
    "An object is no SealedSecret, or no Secret where one is sealed; or a sealed value or a template in it is broken.",
    "The message names the field; take it from Git: `git log -p FILE`.",
  ],
  SEALED_NO_KEY: [
    31,
    "No sealing key at hand opens a sealed value: another cluster's, changed, or moved to another name or namespace.",
    "The values are listed; compare name, namespace and scope annotations with those it was sealed for.",
  ],
  KEY_SOURCE_FAILED: [
    32,
    "A key service, `gpg` or a plugin refused or could not be reached.",
    "The message says why and what to type; `kseal doctor FILE` tries every key.",
  ],
  CERTIFICATE_INVALID: [
    33,
    "A certificate or a sealing key is unreadable, not RSA, expired, or the two do not belong together.",
    "Fetch the cluster's certificate again.",
  ],
  CLUSTER_UNREACHABLE: [
    34,
    "A cluster or its controller does not answer, answers nonsense or is too busy; or no kubeconfig says where it is.",
    "The message says why; `kubectl cluster-info` asks the same server.",
  ],
  CLUSTER_FORBIDDEN: [
    35,
    "The cluster does not accept the credentials, or the user may not do this.",
    "The message names the right that is missing; `kubectl auth can-i` asks for it.",
  ],
  CLUSTER_CONFLICT: [
    36,
    "The cluster refuses a request as it is: the object was changed meanwhile, belongs to somebody else, exists already or is invalid.",
    "The message has the API server's words; look at the object with `kubectl get -o yaml`.",
  ],
  DECRYPT_FAILED: [
    25,
    "A value does not open at its place: changed, moved, renamed, or in clear where the rule says encrypted.",
    "Compare with Git: `git log -p FILE`.",
  ],
  VALUE_MALFORMED: [
    25,
    "An encrypted value was cut off or changed by hand.",
    "Take it from Git: `git log -p FILE`.",
  ],
  NOT_ENCRYPTED: [37, "The file has no `sops` block.", "`kseal encrypt -i FILE`."],
  FILE_CHANGED: [38, "The file was changed by somebody else meanwhile.", "Run the command again."],
  NOTHING_SELECTED: [
    39,
    "The rule selects no value, so the result would be in clear.",
    "Correct the rule; `--allow-nothing` if that is meant.",
  ],
  MAC_MISMATCH: [
    51,
    "A value was changed without the data key.",
    "Compare with Git; `--ignore-mac` opens the file all the same.",
  ],
  MAC_MISSING: [52, "The file has no MAC.", "Take it from Git; `--ignore-mac` opens the file all the same."],
  CONFIG_NOT_FOUND: [
    61,
    "There is no `.sops.yaml`, or no rule in it matches.",
    "`kseal init`, or add a rule, or name recipients with `--age`.",
  ],
  PATH_INVALID: [
    91,
    "A tree path is not written as one, or leads through a value.",
    `Write \`'["stringData"]["password"]'\`.`,
  ],
  EMPTY_INPUT: [92, "The file is empty.", "Put something into it."],
  NO_FILE: [100, "No file is named, or it does not exist.", "Check the name."],
  NO_MASTER_KEYS: [111, "There is nobody to encrypt for.", "Add recipients to the rule, or `--age`."],
  ORDER_INVALID: [
    112,
    "`--decryption-order` names a key type twice.",
    "Correct it, or `SOPS_DECRYPTION_ORDER`.",
  ],
  NO_KEY: [
    128,
    "No key at hand opens the file; every attempt is listed.",
    "Get a key that is listed, or ask a recipient for `kseal updatekeys`.",
  ],
  INTERRUPTED: [130, "You or the system stopped kseal.", "Every file is as it was, or completely new."],
  UNCHANGED: [
    200,
    "Nothing was changed in the editor.",
    "If the editor returned at once, give it a flag to wait: `code --wait`.",
  ],
  EDITOR_FAILED: [201, "The editor was not found or failed.", "Set `EDITOR`."],
  ALREADY_ENCRYPTED: [
    203,
    "The file is encrypted already, or has a key named `sops`.",
    "`kseal edit FILE` changes it.",
  ],
};

/** Where in the user's files something went wrong. Lines and columns count from 1. */
export interface Where {
  readonly file?: string;
  /** A tree path as `set` takes it: `["stringData"]["password"]`. */
  readonly path?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface KsealErrorOptions {
  /** What the user can do next, best as a command that can be typed. */
  readonly hint?: string | undefined;
  readonly where?: Where | undefined;
  readonly cause?: unknown;
}

/**
 * A failure the user can act on. Anything else that is thrown is a bug of kseal.
 *
 * The message says what was being done to what, in lower case and without a full stop. It never holds a secret
 * value, nor a digest or the length of one.
 */
export class KsealError extends Error {
  override readonly name: string = "KsealError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly where: Where | undefined;

  constructor(code: ErrorCode, message: string, options: KsealErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.where = options.where;
  }

  /** The status the process ends with when this error reaches the top. */
  get exitCode(): number {
    return failures[this.code][0];
  }

  /** The same failure with its place filled in: parsers know the line, operations know the file. */
  at(where: Where, hint?: string): KsealError {
    return new KsealError(this.code, this.message, {
      hint: this.hint ?? hint,
      where: { ...where, ...this.where },
      cause: this.cause,
    });
  }
}

/** The status for an unexpected error, which is a bug of kseal (`EX_SOFTWARE` of sysexits). */
export const bugExitCode = 70;

/** One row of the table of failures, as `docs/errors.md` shows it. */
export interface FailureKind {
  readonly code: string;
  readonly exitCode: number;
  readonly when: string;
  readonly advice: string;
}

/** Every kind of failure, by exit status. */
export function failureKinds(): readonly FailureKind[] {
  return Object.entries(failures).map(([code, [exitCode, when, advice]]) => ({
    code,
    exitCode,
    when,
    advice,
  }));
}
