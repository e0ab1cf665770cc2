import {
  type Alias,
  type Document,
  isAlias,
  isNode,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import { configError, type Place, type Problem } from "./diagnostics.ts";

// Far above any file that people write, and low enough for a hostile one to be read in seconds.
const mostBytes = 1_000_000;
const mostVisits = 100_000;
const deepest = 32;

/**
 * A configuration file while it is read: where its nodes are, and what was wrong with them.
 *
 * Problems are collected, so that a user sees all of them at once.
 */
export interface Reading {
  report(node: Node, text: string, options?: { ignoredBySops: boolean }): void;
  /** Where a node starts in the file. */
  placeOf(node: Node): Place;
  /** The node itself, or the one that an alias stands for. `undefined` after a report. */
  follow(node: Node): Node | undefined;
  /** Reads below a node; refuses what no hand-written file holds: aliases in a circle, a bomb of aliases. */
  below<T>(node: Node, read: () => T): T | undefined;
}

/**
 * Reads a YAML file of one document.
 *
 * @param read - Turns the root into the result; not called for a file without content.
 * @throws KsealError `CONFIG_INVALID` with everything that the parser and `read` had to say.
 */
export function readYaml<T>(
  bytes: Uint8Array,
  options: { file: string; read: (root: Node, reading: Reading) => T },
): T | undefined {
  const { file } = options;
  if (bytes.length > mostBytes) {
    throw configError(file, [{ line: 1, column: 1, text: `the file is larger than ${mostBytes} bytes` }]);
  }
  const lines = new LineCounter();
  const text = decode(bytes, file);
  // All scalars stay text: which words are numbers or null is decided field by field, as SOPS' parser does.
  const document = parseDocument(text, {
    schema: "failsafe",
    merge: false,
    // Checked where mappings are read: the library's own check takes quadratic time.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "error",
    lineCounter: lines,
  });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      ...placeAt(error.pos[0]),
      text: syntaxProblem(error),
    }));
    throw configError(file, problems);
  }

  const problems: Problem[] = [];
  const reading = startReading(document, { file, placeAt, problems });
  const root = document.contents;
  const result = isNode(root) ? options.read(root, reading) : undefined;
  if (problems.length > 0) throw configError(file, problems);
  return result;
}

function startReading(
  document: Document.Parsed,
  { file, placeAt, problems }: { file: string; placeAt: (offset: number) => Place; problems: Problem[] },
): Reading {
  const targets = aliasTargets(document);
  const placeOf = (node: Node): Place => placeAt(node.range?.[0] ?? 0);
  const report: Reading["report"] = (node, text, options) => {
    problems.push({ ...placeOf(node), text, ...options });
  };
  let visits = 0;
  let depth = 0;
  return {
    report,
    placeOf,
    follow(node) {
      visits++;
      if (visits > mostVisits) {
        throw configError(file, [
          { ...placeOf(node), text: `the file has more than ${mostVisits} nodes, aliases followed` },
        ]);
      }
      if (!isAlias(node)) return node;
      const target = targets.get(node);
      if (target === undefined) report(node, `there is no anchor &${node.source} before this alias`);
      return target;
    },
    below(node, read) {
      if (depth === deepest) {
        report(node, "nested too deeply, or an alias stands for something that holds it");
        return undefined;
      }
      depth++;
      try {
        return read();
      } finally {
        depth--;
      }
    },
  };
}

/** What every alias stands for: the last node before it that carries the anchor. The library would search each time. */
function aliasTargets(document: Document.Parsed): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) targets.set(node, target);
      } else if (node.anchor !== undefined) {
        anchors.set(node.anchor, node);
      }
    },
  });
  return targets;
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const before = new TextDecoder("utf-8").decode(bytes).split("\u{FFFD}", 1)[0] ?? "";
    const lines = before.split("\n");
    const column = (lines.at(-1)?.length ?? 0) + 1;
    throw configError(file, [{ line: lines.length, column, text: "the file is not UTF-8 text" }]);
  }
}

function syntaxProblem({ code, message }: { code: string; message: string }): string {
  if (code === "MULTIPLE_DOCS") return "a second document; sops would ignore everything from here on";
  if (code === "RESOURCE_EXHAUSTION") return "nested too deeply";
  const [line = ""] = message.split("\n", 1);
  return `not YAML: ${line.charAt(0).toLowerCase()}${line.slice(1, 200)}`;
}
