import { KsealError } from "../errors.ts";
import { checkTools } from "./check.ts";
import { coveredInClear, singlesOut } from "./check-covered.ts";
import { checkFile } from "./check-file.ts";
import type { CheckFinding } from "./check-rules.ts";
import type { OpContext } from "./context.ts";
import { baseName, seenFrom } from "./file-path.ts";
import { looksEncrypted } from "./looks-encrypted.ts";

/** What says that a file is in clear, or a part of it; guesses about single values are left to the check of a commit. */
const refused: ReadonlySet<CheckFinding["rule"]> = new Set([
  "clear-covered",
  "secret-manifest",
  "sops-clear",
  "sops-nothing-encrypted",
] as const);

// As in `check`: larger files are no manifests.
const largest = 8 * 1024 * 1024;

/**
 * Refuses a file that stands in clear although a creation rule is for it. For Git's clean filter, which stands before
 * everything that Git keeps: `git add`, `git commit -a`, `git stash`.
 *
 * @param name - The file, from the working folder.
 * @param bytes - What Git is about to keep, which may be another version than the one on the disk.
 * @throws KsealError `FINDINGS` for a file in clear; `CONFIG_INVALID` when nothing can be said because its `.sops.yaml`
 *   cannot be used.
 */
export async function refusePlain(name: string, bytes: Uint8Array, context: OpContext): Promise<void> {
  const { host } = context;
  const path = host.resolve(name);
  const file = seenFrom(host.cwd, path, host.platform);
  const broken = new Map<string, readonly CheckFinding[]>();
  const quiet: OpContext = { ...context, log: { info: () => undefined, warn: () => undefined } };
  const tools = checkTools(false, broken, quiet);
  const matched = await tools.ruleFor(path);
  const [problem] = [...broken.values()].flat();
  const isConfig = baseName(path, host.platform) === ".sops.yaml";
  if (problem !== undefined && !isConfig && !looksEncrypted(bytes)) {
    throw new KsealError("CONFIG_INVALID", problem.message, {
      hint: `nothing says whether ${file} may be in clear before this is right`,
      where: { file: problem.file, line: problem.line },
    });
  }
  if (matched === undefined || isConfig) return;
  const found = bytes.length > largest ? [] : await checkFile({ file, path }, bytes, tools);
  const isCovered = singlesOut(matched, path, context) && !looksEncrypted(bytes);
  const unread = bytes.length > largest && isCovered ? coveredInClear(file, matched) : undefined;
  const finding = found.find(({ rule }) => refused.has(rule)) ?? unread;
  if (finding === undefined) return;
  const { message, hint, line } = finding;
  throw new KsealError("FINDINGS", message, { hint, where: { file, line } });
}
