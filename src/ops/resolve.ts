import type { Side } from "../core/tree-merge.ts";
import { parseTreePath, printTreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import { shellWord } from "./file-path.ts";
import { readText } from "./load-file.ts";
import { mergeFiles } from "./merge.ts";
import type { MergeProblem } from "./merge-sops.ts";
import { mergedVersions } from "./merge-stages.ts";
import { selectOne } from "./select-files.ts";
import { withLocks, writeResults } from "./write-result.ts";

export interface ResolveOptions {
  readonly path: string;
  /** Tree paths for which our version is taken, `*` for all that are left. */
  readonly ours: readonly string[];
  /** Tree paths for which their version is taken, `*` for all that are left. */
  readonly theirs: readonly string[];
  readonly dryRun?: boolean | undefined;
}

/** A merge that is finished: nothing is left to decide, and the MAC fits. */
export interface ResolvedFile {
  readonly file: string;
  readonly content: Uint8Array;
}

/**
 * Finishes the merge of a file that needed a key, or a person's decision. The merge is done again from the versions in
 * Git, each opened and its MAC checked, so that nothing else gets a MAC.
 *
 * @throws KsealError `FINDINGS` listing what is still to be decided, `NOT_FOUND` when Git knows of no merge of it, `USAGE`
 *   for a path that is not in conflict, `NO_KEY`.
 */
export async function resolveMerge(options: ResolveOptions, context: OpContext): Promise<ResolvedFile> {
  const source = await selectOne(options.path, context);
  const { file, path } = source;
  if (path === undefined) throw new KsealError("USAGE", "standard input has no merge to finish");
  return withLocks([source], !options.dryRun, context, async () => {
    const { bytes } = await readText(source, {}, context);
    const versions = await mergedVersions(context.host, path);
    if (versions === undefined) {
      throw new KsealError("NOT_FOUND", "Git knows of no merge of this file", {
        hint: `see where it comes from: git log -p ${shellWord(file)}`,
        where: { file },
      });
    }
    const choices = new Choices(options);
    const merged = await mergeFiles({ name: file, ...versions }, { choose: choices.choose }, context);
    if (merged.pending !== undefined) throw merged.pending;
    if (merged.conflicts.length > 0) throw undecided(file, merged.conflicts);
    choices.refuseUnused(file);
    const results = [{ source, content: merged.content, expect: bytes }];
    await writeResults(results, { to: "in-place" }, { dryRun: options.dryRun, plaintext: false }, context);
    return { file, content: merged.content };
  });
}

/** What the user said about conflicts, and what of it was asked for. */
class Choices {
  readonly #sides = new Map<string, Side>();
  readonly #used = new Set<string>();
  #others: Side | undefined;

  constructor({ ours, theirs }: Pick<ResolveOptions, "ours" | "theirs">) {
    for (const [side, paths] of Object.entries({ ours, theirs }) as [Side, readonly string[]][]) {
      for (const text of paths) this.#add(side, text);
    }
  }

  #add(side: Side, text: string): void {
    if (text === "*") {
      if (this.#others !== undefined && this.#others !== side) throw twice("*");
      this.#others = side;
      return;
    }
    const [, document = "", path = ""] = /^(\d*)(.*)$/s.exec(text) ?? [];
    const key = `${document === "0" ? "" : document}${printTreePath(parseTreePath(path))}`;
    if (this.#sides.has(key) && this.#sides.get(key) !== side) throw twice(key);
    this.#sides.set(key, side);
  }

  readonly choose = ({ path }: MergeProblem): Side | undefined => {
    this.#used.add(path);
    return this.#sides.get(path) ?? this.#others;
  };

  /** A path that is not in conflict was mistyped. */
  refuseUnused(file: string): void {
    const unused = [...this.#sides.keys()].find((path) => !this.#used.has(path));
    if (unused === undefined) return;
    throw new KsealError("USAGE", `the two versions do not conflict at ${unused}`, { where: { file } });
  }
}

function twice(path: string): KsealError {
  return new KsealError("USAGE", `${path} is given to both sides`);
}

function undecided(file: string, conflicts: readonly MergeProblem[]): KsealError {
  const [first] = conflicts;
  const list = conflicts.map(({ path, what }) => (path === "" ? what : `${path}: ${what}`)).join("; ");
  const example = first?.path ? shellWord(first.path) : "'*'";
  return new KsealError("FINDINGS", `to be decided: ${list}`, {
    hint: `kseal resolve ${shellWord(file)} --ours ${example}, or --theirs; '*' stands for all of them`,
    where: { file },
  });
}
