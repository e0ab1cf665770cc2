import { lex } from "./lexer.ts";
import type { Branch, List, Pipeline, Statement } from "./node.ts";
import { parsePipeline, type Scope } from "./parse-pipeline.ts";
import { quote, unquote } from "./quote.ts";
import type { Token } from "./token.ts";
import { TokenStream } from "./token-stream.ts";
import { GoError } from "./value.ts";

/** The templates that a text defines, by name; its own is among them. */
export type Templates = ReadonlyMap<string, List>;

/** Parsing of one template: the text's own, a `define` or a `block`. */
interface Parse extends Scope {
  readonly templates: Map<string, List>;
  readonly loops: { depth: number };
}

/** What a list of statements ends with. */
type Ending = "end" | "else";

/**
 * Parses a template and the templates defined in it.
 *
 * @param functions - Names that may be called, without Go's built-in ones.
 * @throws {GoError} with Go's text: `template: NAME:LINE: ...`.
 */
export function parseTemplate(
  name: string,
  text: string,
  functions: { has(name: string): boolean },
): Templates {
  const stream = new TokenStream(name, lex(text, functions));
  const templates = new Map<string, List>();
  const parse: Parse = { stream, functions, templates, variables: ["$"], loops: { depth: 0 } };
  try {
    addTemplate(parse, name, parseText(parse));
  } catch (error) {
    // Deeper than our stack: Go refuses such a text too, only later.
    if (error instanceof RangeError) throw new GoError(`template: ${name}: max expression depth exceeded`);
    throw error;
  }
  return templates;
}

function parseText(parse: Parse): List {
  const { stream } = parse;
  const nodes: Statement[] = [];
  const { at } = stream.peek();
  while (stream.peek().kind !== "eof") {
    if (stream.peek().kind === "{{") {
      const brace = stream.next();
      if (stream.nextNonSpace().kind === "define") {
        parseDefinition({ ...parse, variables: ["$"], loops: { depth: 0 } });
        continue;
      }
      stream.backup2(brace);
    }
    const node = parseStatement(parse);
    if (typeof node === "string") return stream.fail(`unexpected {{${node}}}`);
    nodes.push(node);
  }
  return { kind: "list", at, nodes };
}

function parseDefinition(parse: Parse): void {
  const { stream } = parse;
  const name = parseName(parse, stream.nextNonSpace(), "define clause");
  stream.expect("}}", "define clause");
  const { list, ending } = parseList(parse);
  if (ending !== "end") stream.fail(`unexpected {{${ending}}} in define clause`);
  addTemplate(parse, name, list);
}

function addTemplate({ templates, stream }: Parse, name: string, list: List): void {
  const known = templates.get(name);
  if (known === undefined || isBlank(known)) templates.set(name, list);
  else if (!isBlank(list)) stream.fail(`template: multiple definition of template ${quote(name)}`);
}

function isBlank({ nodes }: List): boolean {
  return nodes.every((node) => node.kind === "text" && node.text.trim() === "");
}

function parseList(parse: Parse): { readonly list: List; readonly ending: Ending } {
  const { stream } = parse;
  const nodes: Statement[] = [];
  const { at } = stream.peekNonSpace();
  while (stream.peekNonSpace().kind !== "eof") {
    const node = parseStatement(parse);
    if (typeof node === "string") return { list: { kind: "list", at, nodes }, ending: node };
    nodes.push(node);
  }
  return stream.fail("unexpected EOF");
}

function parseStatement(parse: Parse): Statement | Ending {
  const { stream } = parse;
  const token = stream.nextNonSpace();
  if (token.kind === "text") return { kind: "text", at: token.at, text: token.text };
  if (token.kind !== "{{") return stream.unexpected(token, "input");
  stream.actionLine = token.line;
  try {
    return parseAction(parse);
  } finally {
    stream.actionLine = 0;
  }
}

function parseAction(parse: Parse): Statement | Ending {
  const { stream } = parse;
  const token = stream.nextNonSpace();
  switch (token.kind) {
    case "block":
      return parseBlock(parse);
    case "break":
    case "continue":
      return parseJump(parse, token.kind, token.at);
    case "else":
      return parseElse(parse);
    case "end":
      stream.expect("}}", "end");
      return "end";
    case "if":
    case "range":
    case "with":
      return parseBranch(parse, token.kind);
    case "template":
      return parseTemplateCall(parse);
    default: {
      stream.backup();
      const { at } = stream.peek();
      // Variables declared here live until the next end.
      return { kind: "action", at, pipeline: parsePipeline(parse, "command", "}}") };
    }
  }
}

function parseJump({ stream, loops }: Parse, kind: "break" | "continue", at: number): Statement {
  const token = stream.nextNonSpace();
  if (token.kind !== "}}") stream.unexpected(token, `{{${kind}}}`);
  if (loops.depth === 0) stream.fail(`{{${kind}}} outside {{range}}`);
  return { kind, at };
}

function parseElse({ stream }: Parse): Ending {
  // "else if" and "else with" leave their keyword to parseBranch.
  const { kind } = stream.peekNonSpace();
  if (kind !== "if" && kind !== "with") stream.expect("}}", "else");
  return "else";
}

function parseBranch(parse: Parse, kind: Branch["kind"]): Branch {
  const { stream, variables, loops } = parse;
  const declared = variables.length;
  const pipeline = parsePipeline(parse, kind, "}}");
  if (kind === "range") loops.depth++;
  const { list: body, ending } = parseList(parse);
  if (kind === "range") loops.depth--;
  const otherwise = ending === "else" ? parseOtherwise(parse, kind) : undefined;
  variables.length = declared;
  return { kind, at: pipeline.at, pipeline, body, ...(otherwise && { otherwise }) };

  function parseOtherwise(inner: Parse, outer: Branch["kind"]): List {
    const token = stream.peek();
    if ((token.kind === "if" || token.kind === "with") && token.kind === outer) {
      stream.next();
      return { kind: "list", at: token.at, nodes: [parseBranch(inner, outer)] };
    }
    const rest = parseList(inner);
    if (rest.ending !== "end") stream.fail(`expected end; found {{${rest.ending}}}`);
    return rest.list;
  }
}

function parseBlock(parse: Parse): Statement {
  const { stream } = parse;
  const token = stream.nextNonSpace();
  const name = parseName(parse, token, "block clause");
  const pipeline = parsePipeline(parse, "block clause", "}}");
  const block: Parse = { ...parse, variables: ["$"], loops: { depth: 0 } };
  stream.actionLine = 0;
  const { line } = stream;
  const { list, ending } = parseList(block);
  // Go reads the block with a parser of its own: the outer one is still where the block began.
  if (ending !== "end") stream.fail(`unexpected {{${ending}}} in block clause`, line);
  addTemplate(block, name, list);
  return { kind: "template", at: token.at, name, pipeline };
}

function parseTemplateCall(parse: Parse): Statement {
  const { stream } = parse;
  const token = stream.nextNonSpace();
  const name = parseName(parse, token, "template clause");
  let pipeline: Pipeline | undefined;
  if (stream.nextNonSpace().kind !== "}}") {
    stream.backup();
    pipeline = parsePipeline(parse, "template clause", "}}");
  }
  return { kind: "template", at: token.at, name, ...(pipeline && { pipeline }) };
}

function parseName({ stream }: Parse, token: Token, context: string): string {
  if (token.kind !== "string" && token.kind !== "raw string") return stream.unexpected(token, context);
  return unquote(token.text) ?? stream.fail("invalid syntax");
}
