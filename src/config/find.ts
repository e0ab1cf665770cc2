import type { Host, Log } from "../core/ports.ts";

const name = ".sops.yaml";
const wrongName = ".sops.yml";
// SOPS' own limit.
const mostFolders = 100;

// One warning for each file of the wrong name, however many files of a run lie below it.
const warned = new WeakMap<Log, Set<string>>();

/**
 * Finds the `.sops.yaml` for a file: the nearest one above the file, else the nearest one above the working folder
 * (sops.md D7). A `.sops.yml` is passed over with a warning, as in SOPS.
 *
 * @param options.file - The file the configuration is for; `undefined` for standard input.
 * @param options.from - `working-folder` searches as SOPS does, whatever the file.
 * @returns The absolute path, or `undefined` when there is none.
 */
export async function findConfig(
  host: Pick<Host, "cwd" | "resolve" | "stat">,
  options: { readonly file: string | undefined; readonly from: "file" | "working-folder" },
  log: Log,
): Promise<string | undefined> {
  const passedOver: string[] = [];
  const starts = [host.cwd];
  if (options.from === "file" && options.file !== undefined) starts.unshift(host.resolve(options.file, ".."));
  const seen = new Set<string>();
  let found: string | undefined;
  for (const start of starts) {
    found = await climb(host, { start, seen, passedOver });
    if (found !== undefined) break;
  }
  warn(passedOver[0], found, log);
  return found;
}

async function climb(
  host: Pick<Host, "resolve" | "stat">,
  { start, seen, passedOver }: { start: string; seen: Set<string>; passedOver: string[] },
): Promise<string | undefined> {
  let folder = host.resolve(start);
  for (let steps = 0; steps < mostFolders && !seen.has(folder); steps++) {
    // Both searches end in the same folders above; the second need not look again.
    seen.add(folder);
    const path = host.resolve(folder, name);
    if (await exists(host, path)) return path;
    const wrong = host.resolve(folder, wrongName);
    if (await exists(host, wrong)) passedOver.push(wrong);
    folder = host.resolve(folder, "..");
  }
  return undefined;
}

async function exists(host: Pick<Host, "stat">, path: string): Promise<boolean> {
  return (await host.stat(path)) !== undefined;
}

function warn(passedOver: string | undefined, found: string | undefined, log: Log): void {
  if (passedOver === undefined) return;
  const known = warned.get(log) ?? new Set();
  if (known.has(passedOver)) return;
  warned.set(log, known.add(passedOver));
  const instead = found === undefined ? "" : `; using ${JSON.stringify(found)} instead`;
  log.warn(
    `ignoring ${JSON.stringify(passedOver)}: the configuration file must be called ${JSON.stringify(name)}${instead}`,
  );
}
