/** How much is told. */
export type LogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR";

/** What a line is about: objects, fingerprints of keys, durations. Never values. */
type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes lines for people, or for what collects them. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** `DEBUG` and `INFO` go to standard output, the others to standard error; else all go to standard error. */
  readonly infoToStdout: boolean;
  readonly writeStdout: (text: string) => void;
  readonly writeStderr: (text: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const levels: readonly LogLevel[] = ["DEBUG", "INFO", "WARN", "ERROR"];

/** Makes a logger whose lines look like those of the Bitnami controller, which are Go's `slog`. */
export function createLogger(options: LoggerOptions): Logger {
  const { level, format, infoToStdout, writeStdout, writeStderr, now } = options;
  const log =
    (of: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (levels.indexOf(of) < levels.indexOf(level)) return;
      const known = Object.entries(fields).filter(([, value]) => value !== undefined);
      const all = [["time", new Date(now()).toISOString()], ["level", of], ["msg", message], ...known];
      const line =
        format === "json"
          ? JSON.stringify(Object.fromEntries(all))
          : all.map(([name, value]) => `${name}=${textOf(String(value))}`).join(" ");
      const quiet = of === "DEBUG" || of === "INFO";
      (infoToStdout && quiet ? writeStdout : writeStderr)(`${line}\n`);
    };
  return { debug: log("DEBUG"), info: log("INFO"), warn: log("WARN"), error: log("ERROR") };
}

/** Quoted where a reader would not find its end: a message of several lines stays one line. */
function textOf(value: string): string {
  return /^[\w.:/+@,-]+$/.test(value) ? value : JSON.stringify(value);
}
