import { quote } from "./quote.ts";

/** What stands in an action: an operand of a command. */
export type Operand =
  | { readonly kind: "bool"; readonly at: number; readonly value: boolean }
  /** `(pipeline).Field` or `function.Field`. */
  | {
      readonly kind: "chain";
      readonly at: number;
      readonly operand: Operand;
      readonly fields: readonly string[];
    }
  | { readonly kind: "dot"; readonly at: number }
  | { readonly kind: "field"; readonly at: number; readonly names: readonly string[] }
  | { readonly kind: "identifier"; readonly at: number; readonly name: string }
  | { readonly kind: "nil"; readonly at: number }
  | NumberNode
  | Pipeline
  | { readonly kind: "string"; readonly at: number; readonly source: string; readonly text: string }
  /** `$x.Field`: the first name is the variable's, with its `$`. */
  | { readonly kind: "variable"; readonly at: number; readonly names: readonly string[] };

/** A numeric constant; which of the values it has decides what it may be used as. */
export interface NumberNode {
  readonly kind: "number";
  readonly at: number;
  readonly source: string;
  /** A signed 64-bit integer. */
  readonly int?: bigint;
  /** Fits an unsigned 64-bit integer. */
  readonly isUint: boolean;
  readonly float?: number;
}

export interface Command {
  readonly kind: "command";
  readonly at: number;
  /** Never empty. */
  readonly operands: readonly [Operand, ...Operand[]];
}

export interface Pipeline {
  readonly kind: "pipeline";
  readonly at: number;
  /** `=` sets variables that exist, `:=` declares them. */
  readonly assigns: boolean;
  /** Names with their `$`. */
  readonly variables: readonly string[];
  readonly commands: readonly Command[];
}

/** An `if`, `range` or `with`. */
export interface Branch {
  readonly kind: "if" | "range" | "with";
  readonly at: number;
  readonly pipeline: Pipeline;
  readonly body: List;
  readonly otherwise?: List;
}

export interface List {
  readonly kind: "list";
  readonly at: number;
  readonly nodes: readonly Statement[];
}

/** A call of another template. */
export interface TemplateCall {
  readonly kind: "template";
  readonly at: number;
  readonly name: string;
  readonly pipeline?: Pipeline;
}

/** What a template is made of. */
export type Statement =
  | { readonly kind: "text"; readonly at: number; readonly text: string }
  | { readonly kind: "action"; readonly at: number; readonly pipeline: Pipeline }
  | { readonly kind: "break" | "continue"; readonly at: number }
  | Branch
  | TemplateCall;

/** Anything that an error can point at. */
export type TemplateNode = Operand | Command | List | Statement;

/** A node as Go prints it in `executing "name" at <...>`. */
export function sourceOf(node: TemplateNode): string {
  switch (node.kind) {
    case "bool":
      return String(node.value);
    case "chain":
      return [operandSource(node.operand), ...node.fields].join(".");
    case "dot":
      return ".";
    case "field":
      return node.names.map((name) => `.${name}`).join("");
    case "identifier":
      return node.name;
    case "nil":
      return "nil";
    case "number":
    case "string":
      return node.source;
    case "variable":
      return node.names.join(".");
    case "pipeline":
      return pipelineSource(node);
    case "command":
      return node.operands.map(operandSource).join(" ");
    default:
      return statementSource(node);
  }
}

function operandSource(operand: Operand): string {
  return operand.kind === "pipeline" ? `(${sourceOf(operand)})` : sourceOf(operand);
}

function pipelineSource({ variables, assigns, commands }: Pipeline): string {
  const target = variables.length === 0 ? "" : `${variables.join(", ")} ${assigns ? "=" : ":="} `;
  return target + commands.map(sourceOf).join(" | ");
}

function statementSource(node: List | Statement): string {
  switch (node.kind) {
    case "text":
      return node.text;
    case "action":
      return `{{${pipelineSource(node.pipeline)}}}`;
    case "break":
    case "continue":
      return `{{${node.kind}}}`;
    case "list":
      return node.nodes.map(sourceOf).join("");
    case "template":
      return `{{template ${quote(node.name)}${node.pipeline ? ` ${sourceOf(node.pipeline)}` : ""}}}`;
    case "if":
    case "range":
    case "with": {
      const otherwise = node.otherwise === undefined ? "" : `{{else}}${sourceOf(node.otherwise)}`;
      return `{{${node.kind} ${sourceOf(node.pipeline)}}}${sourceOf(node.body)}${otherwise}{{end}}`;
    }
  }
}
