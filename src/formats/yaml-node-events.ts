import { EVENT_ID, type Event, SCALAR_STYLE, type ScalarEvent } from "js-yaml";

/** js-yaml's events of a text by kind, each in the order of the text, to be taken as their tokens are met. */
export class NodeEvents {
  readonly #scalars: readonly ScalarEvent[];
  readonly #blocks: readonly (Event & { readonly start: number })[];
  readonly #flows: readonly Event[];
  readonly #aliases: readonly Event[];
  #nextScalar = 0;
  #nextBlock = 0;
  #nextFlow = 0;
  #nextAlias = 0;

  /** @param text - The text that the events' offsets are in. */
  constructor(text: string, events: readonly Event[]) {
    this.#scalars = events.filter(
      (event) => event.type === EVENT_ID.SCALAR && event.valueStart >= 0,
    ) as ScalarEvent[];
    this.#aliases = events.filter((event) => event.type === EVENT_ID.ALIAS);
    const collections = events.filter(
      (event) => event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE,
    );
    const brackets = collections.filter((event) => text[event.start] === "{" || text[event.start] === "[");
    this.#flows = brackets.filter((event) => event.style === 2);
    this.#blocks = collections.filter((event) => event.style === 1);
  }

  /** Takes the scalar that begins at an offset, unless it is a block scalar: those are found by their mark. */
  takeScalarAt(start: number): ScalarEvent | undefined {
    const scalar = this.#scalars[this.#nextScalar];
    if (scalar === undefined || startOfScalar(scalar) !== start) return undefined;
    this.#nextScalar++;
    return scalar;
  }

  takeBlockScalar(): ScalarEvent | undefined {
    return this.#scalars[this.#nextScalar++];
  }

  /** Takes the mapping or list without brackets that begins at an offset. */
  takeBlockAt(start: number): Event | undefined {
    const block = this.#blocks[this.#nextBlock];
    if (block?.start !== start) return undefined;
    this.#nextBlock++;
    return block;
  }

  takeFlow(): Event | undefined {
    return this.#flows[this.#nextFlow++];
  }

  takeAlias(): Event | undefined {
    return this.#aliases[this.#nextAlias++];
  }
}

function startOfScalar(scalar: ScalarEvent): number {
  if (scalar.style === SCALAR_STYLE.PLAIN) return scalar.valueStart;
  if (scalar.style === SCALAR_STYLE.LITERAL_BLOCK || scalar.style === SCALAR_STYLE.FOLDED_BLOCK) return -1;
  return scalar.valueStart - 1;
}
