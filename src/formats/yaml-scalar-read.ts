import { CHOMPING_MODE, SCALAR_STYLE, type ScalarEvent } from "js-yaml";
import type { Scalar } from "../core/tree.ts";
import { printTreePath, type TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { invalid, placeOf } from "./source-text.ts";
import { type Directives, propertiesOf, tagOf } from "./yaml-events.ts";
import { resolvePlain, resolveTagged, type ScalarProblem } from "./yaml-scalar.ts";
import { endOfBlock, scalarText } from "./yaml-scalar-text.ts";
import { skipSpace } from "./yaml-scan.ts";
import type { BlockScalar, Properties, ScalarStyle, ScalarSyntax } from "./yaml-syntax.ts";

const styles: Readonly<Record<number, ScalarStyle>> = {
  [SCALAR_STYLE.PLAIN]: "plain",
  [SCALAR_STYLE.SINGLE_QUOTED]: "single",
  [SCALAR_STYLE.DOUBLE_QUOTED]: "double",
  [SCALAR_STYLE.LITERAL_BLOCK]: "literal",
  [SCALAR_STYLE.FOLDED_BLOCK]: "folded",
};
const chompings: Readonly<Record<number, BlockScalar["chomping"]>> = {
  [CHOMPING_MODE.CLIP]: "clip",
  [CHOMPING_MODE.STRIP]: "strip",
  [CHOMPING_MODE.KEEP]: "keep",
};

/** Reads the scalars of a file: where they stand, and what they mean to go-yaml. */
export class ScalarReader {
  /** Those of the document that is being read. */
  directives: Directives = [];
  readonly #text: string;
  readonly #path: TreePath;

  /**
   * @param text - The whole file, which the events' offsets are in.
   * @param path - Where the reader of the file is, for messages. It changes as that goes on.
   */
  constructor(text: string, path: TreePath) {
    this.#text = text;
    this.#path = path;
  }

  /**
   * @param from - Everything before this offset has been read.
   * @param flowLevel - How many brackets are around it.
   * @throws KsealError `FORMAT_INVALID` for a number beyond 64 bits, and for a text that its tag or SOPS does not take.
   */
  read(event: ScalarEvent, from: number, flowLevel: number): ScalarSyntax {
    const properties = propertiesOf(event);
    const style = styles[event.style] ?? "plain";
    const isBlock = style === "literal" || style === "folded";
    const start = this.#startOf(event, style, Math.max(from, properties?.end ?? 0));
    const end = event.valueStart < 0 ? start : this.#endOf(event, style);
    const chomping = chompings[event.chomping] ?? "clip";
    const block = isBlock ? { body: event.valueStart, column: event.indent, chomping } : undefined;
    const inFlow = flowLevel > 0;
    const node = this.#nodeOf(event, { style, offset: start, properties, inFlow });
    return { kind: "scalar", start, end, style, block, properties, node };
  }

  #startOf({ valueStart }: ScalarEvent, style: ScalarStyle, from: number): number {
    if (style === "plain" && valueStart >= 0) return valueStart;
    if (style === "single" || style === "double") return valueStart - 1;
    return valueStart < 0 ? from : skipSpace(this.#text, from);
  }

  #endOf(event: ScalarEvent, style: ScalarStyle): number {
    if (style === "plain") return event.valueEnd;
    return style === "single" || style === "double" ? event.valueEnd + 1 : endOfBlock(this.#text, event);
  }

  #nodeOf(
    event: ScalarEvent,
    {
      style,
      offset,
      properties,
      inFlow,
    }: { style: ScalarStyle; offset: number; properties: Properties | undefined; inFlow: boolean },
  ): Scalar {
    const value = scalarText(this.#text, event, style);
    if (style === "plain" && inFlow && value.includes("?")) {
      throw invalid(
        this.#text,
        offset,
        "sops takes the question mark in brackets for a key",
        "put the text in quotes",
      );
    }
    const tag = tagOf(this.#text, properties, this.directives);
    if (tag === undefined && style !== "plain") return { kind: "str", value };
    const scalar = tag === undefined ? resolvePlain(value) : resolveTagged(value, tag);
    if (typeof scalar === "string") throw this.#notAScalar(scalar, offset);
    return scalar;
  }

  #notAScalar(problem: ScalarProblem, offset: number): KsealError {
    const where = { ...placeOf(this.#text, offset), path: printTreePath(this.#path) };
    return problem === "too-large"
      ? new KsealError("FORMAT_INVALID", "the integer does not fit into 64 bits", {
          where,
          hint: "put it in quotes to keep it as text",
        })
      : new KsealError("FORMAT_INVALID", "the text is not what its tag says", { where });
  }
}
