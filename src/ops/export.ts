import type { ValueFolder } from "../core/ports.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { sourceTexts, type ValueOptions, valuesOf } from "./export-values.ts";
import { shellWord } from "./file-path.ts";

export interface ExportFolderOptions extends ValueOptions {
  /** Gets one file for each value. */
  readonly folder: string;
  /** Of the files: permission bits, none for others. */
  readonly mode: number;
  readonly owner?: string | undefined;
  /** Allows a folder that does not lie in memory. */
  readonly allowDisk?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface RefreshOptions {
  /** After so many milliseconds everything is opened again, changed or not. */
  readonly interval: number;
  /** Takes the values away when the process ends, also by a signal. */
  readonly removeAtEnd: boolean;
  /** Told after each time that values were written. */
  readonly onWritten: (names: readonly string[]) => void;
  /** A context for each time: with the identities that there are then. */
  readonly fresh: () => Promise<OpContext>;
}

/**
 * Writes values to files, one each, all of them at once. Nothing is written unless everything opens.
 *
 * @returns The names of the values, and whether anything changed.
 * @throws KsealError `OUTPUT_UNWRITABLE` for a folder on a disk, and what opening throws.
 */
export async function exportToFolder(
  options: ExportFolderOptions,
  context: OpContext,
): Promise<{ readonly names: readonly string[]; readonly changed: boolean }> {
  const folder = await openFolder(options, context);
  return write(folder, options, context);
}

/**
 * {@link exportToFolder}, again whenever the sources change or the interval ends, until `context.signal` aborts or a signal
 * ends the process. What fails later is told, and the files stay as they are.
 */
export async function keepExported(
  options: ExportFolderOptions & RefreshOptions,
  context: OpContext,
): Promise<void> {
  const { host, log, signal } = context;
  const folder = await openFolder(options, context);
  const forget = options.removeAtEnd ? host.onExit(() => folder.clear()) : () => undefined;
  try {
    let seen = await sourceTexts(options.paths, context);
    options.onWritten((await write(folder, options, context)).names);
    let opened = host.now();
    // Also a change by a link that now leads elsewhere, as in volumes and clones that are switched, has to be seen.
    const look = Math.min(options.interval, longestLook);
    while (await sleep(look, signal)) {
      try {
        const texts = await sourceTexts(options.paths, context);
        if (isSame(texts, seen) && host.now() - opened < options.interval) continue;
        opened = host.now();
        const { names, changed } = await write(folder, options, await options.fresh());
        seen = texts;
        if (changed) options.onWritten(names);
      } catch (error) {
        if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
        const place = error.where?.file === undefined ? "" : `${error.where.file}: `;
        log.warn(`${place}${error.message}; the files in ${options.folder} stay as they are`);
      }
    }
  } finally {
    if (options.removeAtEnd) folder.clear();
    forget();
  }
}

const longestLook = 2000;

async function openFolder(options: ExportFolderOptions, context: OpContext): Promise<ValueFolder> {
  const { folder: path, mode, owner } = options;
  if ((mode & 0o007) !== 0 || (mode & 0o400) === 0 || (mode & ~0o660) !== 0) {
    throw new KsealError("USAGE", `the mode ${mode.toString(8)} is none for a file of secrets`, {
      hint: "give the owner, and maybe a group, the right to read: 0400, 0440, 0600",
    });
  }
  const folder = await context.host.openValueFolder(path, { mode, owner });
  if (folder.inMemory || options.allowDisk === true) return folder;
  throw new KsealError(
    "OUTPUT_UNWRITABLE",
    `${path} does not lie in memory, and what a disk held can be read again`,
    {
      hint: `name a folder on a tmpfs (in a pod an emptyDir with medium: Memory), or allow it: kseal export --allow-disk --out ${shellWord(path)}`,
    },
  );
}

async function write(
  folder: ValueFolder,
  options: ExportFolderOptions,
  context: OpContext,
): Promise<{ readonly names: readonly string[]; readonly changed: boolean }> {
  const values = await valuesOf(options, context);
  for (const name of values.keys()) {
    if (/^[-\w.]{1,253}$/.test(name) && !name.startsWith("..") && name !== ".") continue;
    throw new KsealError(
      "FORMAT_CANNOT_HOLD",
      `the value ${JSON.stringify(name)} cannot be the name of a file`,
      {
        hint: "choose values with --item",
      },
    );
  }
  return { names: [...values.keys()], changed: options.dryRun === true ? false : folder.replace(values) };
}

function isSame(
  texts: Awaited<ReturnType<typeof sourceTexts>>,
  seen: Awaited<ReturnType<typeof sourceTexts>>,
): boolean {
  return (
    texts.length === seen.length &&
    texts.every(({ name, bytes }, at) => {
      const before = seen[at];
      return (
        before?.name === name &&
        before.bytes.length === bytes.length &&
        before.bytes.every((byte, index) => byte === bytes[index])
      );
    })
  );
}

/** @returns `false` when the signal came first. */
function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve(false);
    const onAbort = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve(true);
    }, milliseconds);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
