/** A stretch of a text and what comes in its place. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Changes to a text, collected first and made at once, so that a file of any size is copied only once. */
export class YamlEdits {
  #edits: Edit[] = [];

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, text });
  }

  insert(at: number, text: string): void {
    this.replace(at, at, text);
  }

  remove(start: number, end: number): void {
    this.replace(start, end, "");
  }

  /** A state to go back to. */
  mark(): number {
    return this.#edits.length;
  }

  /** Forgets the changes since a mark. */
  rewind(mark: number): void {
    this.#edits = this.#edits.slice(0, mark);
  }

  /** The changes in the order of the text; at one place in the order in which they were made. */
  inOrder(): readonly Edit[] {
    return this.#edits.toSorted((a, b) => a.start - b.start);
  }

  apply(text: string): string {
    const parts: string[] = [];
    let end = 0;
    for (const edit of this.inOrder()) {
      // Lines that are removed side by side may both claim the break between them.
      const start = Math.max(edit.start, end);
      parts.push(text.slice(end, start), edit.text);
      end = Math.max(end, edit.end);
    }
    parts.push(text.slice(end));
    return parts.join("");
  }
}
