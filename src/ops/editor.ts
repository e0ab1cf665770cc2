import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { baseName } from "./file-path.ts";

/** An editor, ready to be given a file in a private folder. */
export interface Editor {
  /** Its name, for messages. */
  readonly name: string;
  /** Lets the person edit, and returns when the editor ends. */
  edit(path: string): Promise<void>;
}

/**
 * The editor of the settings, else the first of vim, nano and vi on PATH. Those three are told to keep what they write
 * besides the file (swap, backup, undo, history) out of other places: vimrc files often send it to the home folder.
 *
 * @throws KsealError `EDITOR_FAILED` when there is none; from {@link Editor.edit} also when it fails.
 */
export async function findEditor(folder: string, context: OpContext): Promise<Editor> {
  const { host, settings } = context;
  const words = settings.editor ?? (await firstOf(defaults[host.platform], context));
  const [program, ...args] = words;
  const path = await host.which(program);
  if (path === undefined) {
    throw new KsealError("EDITOR_FAILED", `there is no program ${program} to edit with`, {
      hint: "name an editor on PATH, or by its absolute path, in EDITOR",
    });
  }
  const name = baseName(path, host.platform);
  const tidy = await tidyArguments(path, folder, context);
  return {
    name,
    edit: (file) => run(name, [path, ...tidy, ...args, file], { folder, tidy }, context),
  };
}

const defaults = {
  linux: ["vim", "nano", "vi"],
  darwin: ["vim", "nano", "vi"],
  win32: ["vim", "nano", "vi", "notepad"],
} as const;

async function firstOf(
  names: readonly string[],
  { host }: OpContext,
): Promise<readonly [string, ...string[]]> {
  for (const name of names) {
    if ((await host.which(name)) !== undefined) return [name];
  }
  throw new KsealError(
    "EDITOR_FAILED",
    `there is no editor: EDITOR is not set, and ${names.join(", ")} are not on PATH`,
    {
      hint: 'set it, as in: export EDITOR="code --wait"',
    },
  );
}

// `-c` runs behind the vimrc and so has the last word. No -u and no -Z: people want their own vim.
const vimArguments = ["-n", "-i", "NONE", "-c", "set noswapfile nobackup nowritebackup noundofile"];

async function tidyArguments(path: string, folder: string, { host }: OpContext): Promise<readonly string[]> {
  // vi is most often a link to vim, and otherwise knows none of these arguments.
  const name = baseName(await host.realPath(path), host.platform).toLowerCase();
  if (/^([egmn]?vim|vimx|vim\.\w+)(\.exe)?$/.test(name)) return vimArguments;
  if (!/^nano(\.exe)?$/.test(name)) return [];
  // Pico calls itself nano too, and small builds of nano know no backups.
  const { stdout } = await host.exec([path, "--version"]);
  const version = new TextDecoder().decode(stdout);
  return version.includes("GNU nano") && !version.includes("--enable-tiny") ? [`--backupdir=${folder}`] : [];
}

async function run(
  name: string,
  command: readonly [string, ...string[]],
  place: { readonly folder: string; readonly tidy: readonly string[] },
  { host }: OpContext,
): Promise<void> {
  // Filters and spell checkers get a temporary file. Not for others: TMPDIR is where some find their running server.
  const env = place.tidy.length > 0 ? { ...host.env, TMPDIR: place.folder } : host.env;
  const { status } = await host.exec(command, { stdin: "inherit", output: "inherit", env });
  if (status === 0) return;
  if (interruptions.includes(status)) throw new KsealError("INTERRUPTED", "the editor was interrupted");
  throw new KsealError("EDITOR_FAILED", `the editor ${name} ended with status ${status}`, {
    hint: "nothing was written",
  });
}

/** 128 + SIGHUP, SIGINT, SIGTERM. */
const interruptions: readonly number[] = [129, 130, 143];
