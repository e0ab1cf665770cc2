import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type ProgramResult, runProgram } from "./run-program.ts";

/** What the Dockerfile says about one of its images. */
export interface ImageTarget {
  /** The image that it begins with. */
  readonly base: string;
  readonly copies: readonly ImageCopy[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: number;
  readonly entryPoint: readonly string[];
  /** The commands that it runs while it is built. */
  readonly runs: readonly string[];
}

/** One `COPY`. */
export interface ImageCopy {
  /** The stage that it comes from, or the folder of the repository. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly to: string;
  readonly mode: number | undefined;
}

/** Reads one target of the Dockerfile. @throws Error for a target that is not there. */
export function imageTarget(name: string): ImageTarget {
  const text = readFileSync(join(import.meta.dirname, "..", "..", "Dockerfile"), "utf8");
  const stage = text.split(/^(?=FROM )/m).find((part) => part.split("\n", 1)[0]?.endsWith(` AS ${name}`));
  if (stage === undefined) throw new Error(`the Dockerfile has no target ${name}`);
  const lines = stage.replaceAll("\\\n", " ").split("\n");
  const words = (instruction: string) =>
    lines
      .filter((line) => line.startsWith(`${instruction} `))
      .map((line) => line.slice(instruction.length + 1));
  return {
    base:
      words("FROM")[0]
        ?.split(" ")
        .find((word) => !word.startsWith("--")) ?? "",
    copies: words("COPY").map(readCopy),
    environment: Object.fromEntries(words("ENV").map((pair) => pair.split("=", 2))),
    user: Number.parseInt(words("USER").at(-1) ?? "", 10),
    entryPoint: JSON.parse(words("ENTRYPOINT").at(-1) ?? "[]"),
    runs: words("RUN"),
  };
}

function readCopy(line: string): ImageCopy {
  const words = line.split(" ");
  const flag = (name: string) =>
    words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + "--=".length);
  const [to = "", ...sources] = words.filter((word) => !word.startsWith("--")).reverse();
  const mode = flag("chmod");
  return {
    from: flag("from"),
    sources: sources.reverse(),
    to,
    mode: mode ? Number.parseInt(mode, 8) : undefined,
  };
}

/** What the base images have of what programs need: a C library, and folders to write to. */
const libraries = /^(?:ld-linux.*|lib(?:c|m|dl|pthread|rt|resolv))\.so[.\d]*$/;

/**
 * Puts together what is in an image, below a folder: what the target copies, and of its base the C library alone.
 *
 * @param sources - Where the copied things are here, by stage and path: `tools:/tools/`, or `:build/kseal`.
 * @throws Error for a source that nobody has named, and for a program that needs a library that the base lacks.
 */
export function assembleImage(
  target: ImageTarget,
  root: string,
  sources: Readonly<Record<string, string>>,
): void {
  for (const folder of ["dev", "proc", "tmp", "work"]) mkdirSync(join(root, folder), { recursive: true });
  for (const folder of ["tmp", "work"]) chmodSync(join(root, folder), 0o777);
  for (const { from = "", sources: names, to, mode } of target.copies) {
    for (const name of names) {
      const source = sources[`${from}:${name}`];
      if (source === undefined)
        throw new Error(`the image has ${from}:${name}, and nobody knows what that is`);
      copyInto(source, join(root, to), mode);
    }
  }
  for (const program of programsIn(target, root)) copyLibraries(program, root);
}

function copyInto(source: string, to: string, mode: number | undefined): void {
  mkdirSync(dirname(to), { recursive: true });
  if (statSync(source).isDirectory()) cpSync(source, to, { recursive: true, verbatimSymlinks: true });
  else copyFileSync(source, to);
  if (mode !== undefined) chmodSync(to, mode);
}

function programsIn(target: ImageTarget, root: string): readonly string[] {
  return target.copies.flatMap(({ to }) =>
    to.endsWith("/") ? ["kustomize"].map((name) => join(root, to, name)) : [join(root, to)],
  );
}

function copyLibraries(program: string, root: string): void {
  // A program without libraries ends with a status of its own.
  const needed = execFileSync("sh", ["-c", 'ldd "$1" 2>/dev/null || true', "sh", program], {
    encoding: "utf8",
  });
  for (const [, path = ""] of needed.matchAll(/(\/\S+) \(0x/g)) {
    if (!libraries.test(basename(path))) throw new Error(`${program} needs ${path}, which the image has not`);
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
}

/** Whether {@link runInImage} works here: it changes the root of its processes and their user. */
export const canRunImages: boolean = process.platform === "linux" && process.getuid?.() === 0;

/**
 * Runs the entry point of an image that was put together, as its user, with nothing of this machine but `/proc` and
 * `/dev`, in the folder `/work`.
 */
export async function runInImage(
  target: ImageTarget,
  root: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly entryPoint?: readonly string[] } = {},
): Promise<ProgramResult> {
  const script = `
    mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" || exit
    root="$1" user="$2"
    shift 2
    exec unshare --root "$root" --wd /work --setuid "$user" --setgid "$user" -- "$@"
  `;
  const command = [...(options.entryPoint ?? target.entryPoint), ...args];
  return runProgram(
    [
      ...["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script, "image"],
      ...[root, String(target.user), ...command],
    ] as [string, ...string[]],
    // As container runtimes set it.
    {
      cwd: root,
      env: { PATH: "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin", ...target.environment, ...options.env },
    },
  );
}
