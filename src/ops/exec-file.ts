import type { PrivateFolder } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import { type CommandOptions, commandLine, inForeground } from "./command-line.ts";
import type { OpContext } from "./context.ts";
import { renderPlain } from "./decrypt-text.ts";
import { shellWord } from "./file-path.ts";
import type { LayoutOptions } from "./layout.ts";
import { openText, readText } from "./load-file.ts";
import { openPrivateFolder } from "./private-place.ts";
import { selectOne } from "./select-files.ts";

/** In the words of the command, `{}` is the file. */
export interface ExecFileOptions extends CommandOptions, LayoutOptions {
  /** A file that can be read several times instead of a named pipe. */
  readonly noFifo?: boolean | undefined;
  /** The name of the file or pipe, without folders. */
  readonly fileName?: string | undefined;
}

const defaultName = "tmp-file";

/**
 * Runs a command that reads the decrypted file through a named pipe, or from a file in a private folder where there
 * are no pipes.
 *
 * @returns The command's exit status; 128 + signal number when a signal ended it.
 */
export async function execFile(options: ExecFileOptions, context: OpContext): Promise<number> {
  const name = localName(options.fileName ?? defaultName);
  const { host } = context;
  commandLine(options.command, host);
  const text = await readText(await selectOne(options.path, context), {}, context);
  const { content } = await renderPlain(await openText(text, options, context), options, context);
  const folder = await openPrivateFolder(context, {
    pipesOnly: !options.noFifo && host.platform !== "win32",
  });
  try {
    return await runWith(folder, name, content, options, context);
  } finally {
    await folder.remove();
  }
}

async function runWith(
  folder: PrivateFolder,
  name: string,
  content: Uint8Array,
  { command, noFifo, user }: ExecFileOptions,
  { host, log }: OpContext,
): Promise<number> {
  const path = host.resolve(folder.path, name);
  const closePipe = noFifo ? undefined : await host.servePipe(path, content);
  try {
    if (closePipe === undefined) {
      if (!noFifo)
        log.warn("there are no named pipes here; the command gets a file (--no-fifo says so at once)");
      await host.createFile(path, content);
    }
    if (user !== undefined) await folder.handTo(user);
    const line = commandLine(withPath(command, path), host);
    return (await host.exec(line.words, inForeground(line, { user }))).status;
  } finally {
    await closePipe?.();
  }
}

/** In a line for the shell the path is one word of it; it holds nothing that a shell reads, but might one day. */
function withPath(command: readonly string[], path: string): readonly string[] {
  const inserted = command.length === 1 ? shellWord(path) : path;
  return command.map((word) => word.replaceAll("{}", () => inserted));
}

/** Only a name: with a path the plaintext would come to lie outside the private folder (sops #2154). */
function localName(name: string): string {
  if (name === "" || name === "." || name === ".." || /[/\\:\0]/.test(name)) {
    throw new KsealError(
      "USAGE",
      `the file's name has to be a name without folders: ${JSON.stringify(name)}`,
    );
  }
  return name;
}
