/**
 * A transcript shows the command line as a user types it, with what it prints:
 *
 *     # a comment
 *     $ kseal decrypt plain.yaml
 *     ! kseal: plain.yaml: the file is not encrypted
 *     ? 37
 *
 *     -- plain.yaml --
 *     a: 1
 *
 * Lines after a command: `|` is standard output, `!` standard error, `?` the exit status (0 when it is not there).
 * All of both streams must be there; `…` in a line stands for any text. Files that the commands find come last.
 */
export interface Transcript {
  readonly steps: readonly Step[];
  readonly files: Readonly<Record<string, string>>;
}

export interface Step {
  readonly command: string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly status: number;
}

export function parseTranscript(text: string): Transcript {
  const [head = "", ...rest] = text.split(/^-- (.+) --\n/m);
  const files: Record<string, string> = {};
  for (let index = 0; index < rest.length; index += 2) files[rest[index] ?? ""] = rest[index + 1] ?? "";
  return {
    steps: head
      .split(/^(?=\$ )/m)
      .filter((part) => part.startsWith("$ "))
      .map(parseStep),
    files,
  };
}

function parseStep(text: string): Step {
  const [command = "", ...lines] = text.split("\n");
  const marked = (mark: string) => lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(2));
  const unknown = lines.find((line) => !/^(?:[|!?#]|$)/.test(line));
  if (unknown !== undefined) throw new Error(`a transcript has the line ${JSON.stringify(unknown)}`);
  return {
    command: command.slice(2),
    stdout: marked("|"),
    stderr: marked("!"),
    status: Number(marked("?")[0] ?? 0),
  };
}

/** Whether what was printed is what the lines say. */
export function matchesLines(printed: string, lines: readonly string[]): boolean {
  const pattern = lines.map((line) => line.split("…").map(escaped).join(".*")).join("\n");
  return new RegExp(`^${pattern}$`).test(printed.replace(/\n$/, ""));
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
