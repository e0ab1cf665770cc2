import { builtins } from "./builtins.ts";
import type { Command, Operand, Pipeline } from "./node.ts";
import { sourceOf } from "./node.ts";
import { parseNumber } from "./number.ts";
import { quote, unquote, unquoteChar } from "./quote.ts";
import type { Token, TokenKind } from "./token.ts";
import type { TokenStream } from "./token-stream.ts";

/** What is known where a pipeline stands. */
export interface Scope {
  readonly stream: TokenStream;
  readonly functions: { has(name: string): boolean };
  /** Variables declared so far, with their `$`. */
  readonly variables: string[];
}

const operandKinds: ReadonlySet<TokenKind> = new Set([
  "bool",
  "character",
  "complex",
  ".",
  "field",
  "identifier",
  "number",
  "nil",
  "raw string",
  "string",
  "variable",
  "(",
]);

/**
 * Parses a pipeline with its declarations, up to and with `end`.
 *
 * @param context - Where it stands, for messages: `command`, `range`, `parenthesized pipeline`.
 */
export function parsePipeline(scope: Scope, context: string, end: "}}" | ")"): Pipeline {
  const { stream } = scope;
  const { at } = stream.peekNonSpace();
  const { variables, assigns } = parseDeclarations(scope, context);
  const commands: Command[] = [];
  for (;;) {
    const token = stream.nextNonSpace();
    if (token.kind === end) break;
    if (!operandKinds.has(token.kind)) stream.unexpected(token, context);
    stream.backup();
    commands.push(parseCommand(scope));
  }
  checkCommands(stream, commands, context);
  return { kind: "pipeline", at, assigns, variables, commands };
}

/** `$x :=`, `$x =`, and `$i, $x :=` in a range. */
function parseDeclarations(scope: Scope, context: string) {
  const { stream } = scope;
  const variables: string[] = [];
  let assigns = false;
  while (stream.peekNonSpace().kind === "variable") {
    const variable = stream.next();
    const adjacent = stream.peek();
    const following = stream.peekNonSpace();
    if (following.kind === "=" || following.kind === ":=") {
      assigns = following.kind === "=";
      stream.nextNonSpace();
      declare(variable);
      break;
    }
    if (following.kind !== "punctuation" || following.text !== ",") {
      if (adjacent.kind === "space") stream.backup3(variable, adjacent);
      else stream.backup2(variable);
      break;
    }
    stream.nextNonSpace();
    declare(variable);
    if (context !== "range" || variables.length >= 2) stream.fail(`too many declarations in ${context}`);
    if (!["variable", "}}", ")"].includes(stream.peekNonSpace().kind)) {
      stream.fail("range can only initialize variables");
    }
  }
  return { variables, assigns };

  function declare(variable: Token): void {
    variables.push(variable.text);
    scope.variables.push(variable.text);
  }
}

function checkCommands(stream: TokenStream, commands: readonly Command[], context: string): void {
  if (commands.length === 0) stream.fail(`missing value for ${context}`);
  for (const [i, command] of commands.entries()) {
    if (i > 0 && ["bool", "dot", "nil", "number", "string"].includes(command.operands[0].kind)) {
      stream.fail(`non executable command in pipeline stage ${i + 1}`);
    }
  }
}

function parseCommand(scope: Scope): Command {
  const { stream } = scope;
  const { at } = stream.peekNonSpace();
  const operands: Operand[] = [];
  for (;;) {
    stream.peekNonSpace();
    const operand = parseOperand(scope);
    if (operand !== undefined) operands.push(operand);
    const token = stream.next();
    if (token.kind === "space") continue;
    if (token.kind === "}}" || token.kind === ")") stream.backup();
    else if (token.kind !== "|") stream.unexpected(token, "operand");
    break;
  }
  const [first, ...rest] = operands;
  if (first === undefined) return stream.fail("empty command");
  return { kind: "command", at, operands: [first, ...rest] };
}

/** A term and the fields behind it. */
function parseOperand(scope: Scope): Operand | undefined {
  const { stream } = scope;
  const term = parseTerm(scope);
  const { kind, at } = term === undefined ? { kind: undefined, at: 0 } : stream.peek();
  if (term === undefined || kind !== "field") return term;
  const fields: string[] = [];
  while (stream.peek().kind === "field") fields.push(stream.next().text.slice(1));
  switch (term.kind) {
    case "field":
    case "variable":
      return { kind: term.kind, at, names: [...term.names, ...fields] };
    case "bool":
    case "string":
    case "number":
    case "nil":
    case "dot":
      return stream.fail(`unexpected . after term ${quote(sourceOf(term))}`);
    case "chain":
    case "identifier":
    case "pipeline":
      return { kind: "chain", at, operand: term, fields };
  }
}

function parseTerm(scope: Scope): Operand | undefined {
  const { stream, functions } = scope;
  const token = stream.nextNonSpace();
  const { at, text } = token;
  switch (token.kind) {
    case "identifier":
      if (!functions.has(text) && !builtins.has(text)) stream.fail(`function ${quote(text)} not defined`);
      return { kind: "identifier", at, name: text };
    case ".":
      return { kind: "dot", at };
    case "nil":
      return { kind: "nil", at };
    case "variable":
      if (!scope.variables.includes(text)) stream.fail(`undefined variable ${quote(text)}`);
      return { kind: "variable", at, names: [text] };
    case "field":
      return { kind: "field", at, names: [text.slice(1)] };
    case "bool":
      return { kind: "bool", at, value: text === "true" };
    case "character":
      return parseCharacter(stream, token);
    case "complex":
    case "number":
      return parseNumeric(stream, token);
    case "(":
      return parsePipeline(scope, "parenthesized pipeline", ")");
    case "string":
    case "raw string":
      return { kind: "string", at, source: text, text: unquote(text) ?? stream.fail("invalid syntax") };
    default:
      stream.backup();
      return;
  }
}

function parseCharacter(stream: TokenStream, { at, text }: Token): Operand {
  const char = unquoteChar(text, 1, "'") ?? stream.fail("invalid syntax");
  if (text.slice(char.end) !== "'") stream.fail(`malformed character constant: ${text}`);
  return {
    kind: "number",
    at,
    source: text,
    int: BigInt(char.code),
    isUint: true,
    float: char.code,
  };
}

function parseNumeric(stream: TokenStream, { at, text }: Token): Operand {
  // Go has complex numbers; no function of a template takes or returns one.
  if (text.endsWith("i")) stream.fail(`complex constants are not supported: ${quote(text)}`);
  const number = parseNumber(text);
  if (number === undefined) return stream.fail(`illegal number syntax: ${quote(text)}`);
  if (number === "overflow") return stream.fail(`integer overflow: ${quote(text)}`);
  return { kind: "number", at, source: text, ...number };
}
