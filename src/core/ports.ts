/**
 * What kseal needs from the machine it runs on. Only the room `host` implements it for real; tests bring their own.
 * Paths are absolute or relative to `cwd`. Failures of the file system are `KsealError`s (`NO_FILE`,
 * `INPUT_UNREADABLE`, `OUTPUT_UNWRITABLE`) that name the path.
 */
export interface Host extends Files {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly platform: "linux" | "darwin" | "win32";
  readonly homeDir: string;
  /** The user's configuration folder: `$XDG_CONFIG_HOME` or `~/.config`; see sops.md 8 for macOS and Windows. */
  readonly configDir: string;
  /** The machine's name, as its network knows it. */
  readonly hostName: string;
  readonly terminal: Terminal;
  /** How many threads can run at the same time. */
  readonly cores: number;
  /** The absolute path of the single executable that kseal runs from; `undefined` where it runs on Node. */
  readonly executable: string | undefined;

  /** Epoch milliseconds. */
  now(): number;
  /** Cryptographically secure random bytes. */
  random(length: number): Uint8Array;
  /**
   * Called between two passes over content of so many bytes: where the runtime can be told, what the pass before left
   * behind is given back, so that the passes do not add up in memory.
   */
  releaseMemory(bytes: number): void;
  /** Resolves a path against `cwd`, in the machine's own notation. */
  resolve(...parts: string[]): string;

  /**
   * Runs a program without a shell and waits for it.
   *
   * @param command - The program and its arguments. A bare name is looked up on PATH, never in the working folder,
   *   and relative PATH entries are skipped (GHSA-x5c7-x7m2-rhmf).
   * @throws KsealError `NO_FILE` when the program does not exist.
   */
  exec(command: readonly [string, ...string[]], options?: ExecOptions): Promise<ExecResult>;
  /** Starts a program and talks to it line by line: age plugins. Same look-up rules as {@link Host.exec}. */
  spawn(command: readonly [string, ...string[]], options?: { env?: Environment }): Promise<Conversation>;
  /**
   * Becomes another program: kseal's process goes on as that program. Returns only where a system cannot do that,
   * or in a process that must not end (tests); then the program has run, and its status is returned.
   */
  become(command: readonly [string, ...string[]], options?: ExecOptions): Promise<number>;
  /** The absolute path of a program on PATH, or `undefined`. */
  which(program: string): Promise<string | undefined>;

  /**
   * Sends a request and takes the whole answer, whatever its status. Redirects are not followed, cookies not kept.
   * `https` goes through the user's proxy (`HTTPS_PROXY`, `NO_PROXY`) and is always verified; `http` goes straight.
   *
   * @throws KsealError `KEY_SOURCE_FAILED` when there was no answer; its cause has the system's name for the reason
   *   as `code`, or is a `TimeoutError`. `INTERRUPTED` after `signal`.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;

  /** All of standard input. */
  readStdin(): Promise<Uint8Array>;
  /** Writes content, in order with earlier calls. Resolves when it was handed over; a closed pipe ends quietly. */
  writeStdout(bytes: Uint8Array | string): Promise<void>;
  writeStderr(text: string): void;

  /** A private folder for plaintext, in memory where the system has such a place. */
  openPrivateFolder(): Promise<PrivateFolder>;
  /**
   * Makes a named pipe (0600) that hands `bytes` to the first reader.
   *
   * @returns How to take it away again, also when nobody read it; `undefined` where the system has no named pipes.
   */
  servePipe(path: string, bytes: Uint8Array): Promise<(() => Promise<void>) | undefined>;
  /**
   * Answers every line that comes over a socket of this machine with one line, until the returned function is called.
   *
   * @param path - In a private folder.
   */
  serveLines(path: string, answer: (line: string) => string): Promise<() => Promise<void>>;
  /**
   * Sends a line to such a socket and returns the answer; `undefined` when nobody answers there, or when its folder is
   * not this user's alone.
   */
  askLine(path: string, line: string): Promise<string | undefined>;
  /**
   * A folder of values, one file each, which change all at once: as the kubelet makes volumes of Secrets. It is made,
   * with mode 0700, when it is not there.
   *
   * @param options.mode - Of the files; who may read them may enter the folders below.
   * @param options.owner - `NAME`, or `UID` or `UID:GID`: whose the files are.
   */
  openValueFolder(
    path: string,
    options: { readonly mode: number; readonly owner?: string | undefined },
  ): Promise<ValueFolder>;
  /** Runs `cleanup` also when a signal ends the process; returns a function that takes it off again. */
  onExit(cleanup: () => void): () => void;
}

/** One request to a server. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly tls?: HttpTls | undefined;
  /** For everything, from the look-up of the name to the last byte. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What stands in place of the machine's own settings for TLS. Certificates and keys are PEM texts. */
export interface HttpTls {
  /** The only issuers that are trusted. */
  readonly ca?: string;
  /** The certificate that shows who asks, with its key. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the server's certificate has to be for. */
  readonly serverName?: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** At most 1 MiB. */
  readonly body: Uint8Array;
}

export type Environment = Readonly<Record<string, string | undefined>>;

interface Files {
  /** @param options.limit - Refuses larger files (`LIMIT_EXCEEDED`); bytes. */
  readFile(path: string, options?: { limit?: number }): Promise<Uint8Array>;
  /** What stands at the path, symbolic links followed; `undefined` when nothing does. */
  stat(path: string): Promise<FileStat | undefined>;
  /** The entries of a folder, sorted by name. */
  list(path: string): Promise<readonly FolderEntry[]>;
  /** The absolute path with symbolic links resolved. */
  realPath(path: string): Promise<string>;
  makeFolder(path: string): Promise<void>;
  /**
   * Puts new content in place of files: all of them or none.
   *
   * Every new version is written and synced beside its target first, then they are renamed into place. A journal in the
   * user's state folder (never in the repository, where it could not be believed) lets the next run that writes finish
   * or undo what was interrupted. Mode, owner and the target of a symbolic link are kept.
   *
   * @throws KsealError `FILE_CHANGED` when a file no longer holds what was read (`expect`), before anything changed.
   */
  replaceFiles(changes: readonly FileChange[]): Promise<void>;
  /** Creates a file, with mode 0600 unless told otherwise. `OUTPUT_UNWRITABLE` if it exists and `overwrite` is not set. */
  createFile(
    path: string,
    bytes: Uint8Array,
    options?: { mode?: number; overwrite?: boolean },
  ): Promise<void>;
  /**
   * Copies a program, complete as soon as it is there: mode 0755, whatever stood at `to` replaced, also while it runs.
   * The copy does not go through memory.
   */
  copyProgram(from: string, to: string): Promise<void>;
  /**
   * Holds the right to change a file while `work` runs: another kseal that wants it waits, and a lock whose holder
   * died counts for nothing.
   */
  withLock<T>(path: string, work: () => Promise<T>): Promise<T>;
}

export interface FileStat {
  readonly kind: "file" | "folder" | "other";
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
}

export interface FolderEntry {
  readonly name: string;
  readonly kind: "file" | "folder" | "other";
  readonly isSymbolicLink: boolean;
}

export interface FileChange {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** What the file held when it was read; compared again right before the rename. */
  readonly expect?: Uint8Array;
}

export interface ExecOptions {
  readonly stdin?: Uint8Array | "inherit";
  /** `inherit` gives the child kseal's own standard output and standard error. */
  readonly output?: "capture" | "inherit";
  /** Standard error alone: `inherit` shows it while the child runs, and the result has none. As `output` when left out. */
  readonly stderr?: "capture" | "inherit";
  /**
   * `forward`: a signal that would end kseal goes to the child and to what the child has started, kseal waits for their
   * end, and the status says it. So without this too, where the child has kseal's own standard input or output.
   */
  readonly signals?: "forward";
  /** The child's whole environment; kseal's own when left out. */
  readonly env?: Environment;
  readonly cwd?: string;
  /** The name of a user to run as: supplementary groups are dropped and HOME is theirs (D46). */
  readonly user?: string;
  /**
   * Takes standard output piece by piece while the program runs; the result has none. What it throws ends the program,
   * and is thrown.
   */
  readonly onOutput?: (bytes: Uint8Array) => void;
  /** Ends the program when it takes longer: `KEY_SOURCE_FAILED`. */
  readonly timeoutMs?: number;
  /** On Windows: the arguments are given as they are, without quotes put around them, for `cmd.exe /c`. */
  readonly verbatim?: boolean;
}

export interface ExecResult {
  /** The exit status; 128 + signal number when a signal ended it. */
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** A running program with its two pipes. */
export interface Conversation {
  write(bytes: Uint8Array | string): Promise<void>;
  /** The next line without its end, or `undefined` at the end of the output. */
  readLine(): Promise<string | undefined>;
  /** Closes standard input and waits for the end. */
  close(): Promise<{ readonly status: number; readonly stderr: string }>;
}

/** The person at the other end. */
export interface Terminal {
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Asks on the controlling terminal; `undefined` when there is none. A hidden answer is not echoed. */
  ask(question: string, options?: { hidden?: boolean }): Promise<string | undefined>;
}

export interface PrivateFolder {
  readonly path: string;
  /** Whether it lies in memory. When it does not, the user is told once. */
  readonly inMemory: boolean;
  /** Makes it, with what is in it, another user's. */
  handTo(user: string): Promise<void>;
  /** Overwrites nothing, removes everything in it. */
  remove(): Promise<void>;
}

/** See {@link Host.openValueFolder}. */
export interface ValueFolder {
  /** Whether it lies in memory. */
  readonly inMemory: boolean;
  /**
   * Makes these the files of the folder. A reader that opens `..data` once and reads below it never sees old and new
   * values together. What others have put into the folder stays.
   *
   * @returns Whether anything was changed.
   */
  replace(files: ReadonlyMap<string, Uint8Array>): boolean;
  /** Takes every value away again, at once: for {@link Host.onExit}. */
  clear(): void;
}

/** Where operations report what the user should see besides the result. Texts hold no secret. */
export interface Log {
  info(text: string): void;
  warn(text: string): void;
}
