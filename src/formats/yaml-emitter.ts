/** The comments of a node, each of several lines or empty. */
export interface PrintedComments {
  readonly head: string;
  readonly line: string;
  readonly foot: string;
}

/**
 * Writes YAML like the emitter of libyaml that go-yaml carries: comments wait until a place for them comes, and the
 * state of the line decides where a break is due. Its oddities are kept, since the bytes are to be those of SOPS:
 * the comment behind a mapping or list comes out behind what follows it.
 */
export class Emitter {
  readonly #parts: string[] = [];
  #column = 0;
  /** The last character is a blank, or nothing stands on the line yet. */
  #afterSpace = true;
  /** Nothing but indentation and dashes stands on the line yet. */
  #atIndentation = true;
  /** Where a foot comment has just ended: a blank line keeps it apart from what follows at this column. */
  #footColumn = -1;
  #head = "";
  #line = "";
  #foot = "";
  #tail = "";
  #keyLine = "";

  get text(): string {
    return this.#parts.join("");
  }

  /** Lets comments wait for their places. An empty one leaves what waits already. */
  load({ head, line, foot }: PrintedComments): void {
    if (head !== "") this.#head = head;
    if (line !== "") this.#line = line;
    if (foot !== "") this.#foot = foot;
  }

  /** Lets the comments behind the last item of a mapping wait; they come before the next head. */
  loadTail(tail: string): void {
    this.#tail = tail;
  }

  /** Begins a document behind another one. */
  startDocument(): void {
    this.startLine(0);
    this.indicator("---");
    this.startLine(0);
    if (this.#head === "") return;
    this.writeHead(0);
    this.#break();
  }

  endDocument(): void {
    this.#footColumn = 0;
    this.writeFoot(0);
    this.#footColumn = -1;
    this.startLine(0);
  }

  /** A comment that waits for the end of a line when a key begins is that of the key. */
  startKey(): void {
    if (this.#line === "") return;
    this.#keyLine = this.#line;
    this.#line = "";
  }

  /**
   * Writes the comment of a key before a mapping or list, or lets it wait for the end of a scalar.
   *
   * @param line - The comment of the scalar itself, which goes before; `undefined` for a mapping or list.
   */
  endKey(indent: number, line: string | undefined): void {
    if (this.#keyLine === "") return;
    if (line === undefined) {
      [this.#line, this.#keyLine] = [this.#keyLine, this.#line];
      this.#writeLine(indent);
      [this.#line, this.#keyLine] = [this.#keyLine, this.#line];
    } else if (line === "" && this.#line === "") {
      this.#line = this.#keyLine;
      this.#keyLine = "";
    }
  }

  /** A scalar on one line, or a tag. */
  word(word: string): void {
    if (!this.#afterSpace) this.#put(" ");
    this.#put(word);
    this.#afterSpace = false;
    this.#atIndentation = false;
  }

  /** A scalar without quotes, which may be empty. */
  plain(text: string): void {
    if (text !== "") this.word(text);
    this.#atIndentation = false;
  }

  /**
   * A scalar as it stands, line by line.
   *
   * @param header - `|` and what belongs to it.
   * @param indent - The column of its lines.
   */
  literal(header: string, text: string, indent: number): void {
    this.word(header);
    if (this.#line === "") this.#break();
    else this.#writeLine(indent);
    this.#afterSpace = true;
    const margin = " ".repeat(indent);
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    const written = lines.map((line) => (line === "" ? "\n" : `${margin}${line}\n`)).join("");
    this.#parts.push(written);
    this.#column = 0;
    this.#atIndentation = true;
    this.#footColumn = -1;
    if (last === "") return;
    this.#parts.push(margin, last);
    this.#column = indent + last.length;
    this.#atIndentation = false;
  }

  /** Whole lines, of which the first goes on with the line that has begun. */
  lines(text: string): void {
    this.#parts.push(text);
    this.#column = 0;
    this.#afterSpace = true;
    this.#atIndentation = true;
    this.#footColumn = -1;
  }

  /**
   * A mark of YAML's syntax.
   *
   * @param options.isTight - No blank comes before it.
   * @param options.keepsIndentation - What follows it on the line still counts as indented by it.
   */
  indicator(
    mark: string,
    {
      isTight = false,
      keepsIndentation = false,
    }: { readonly isTight?: boolean; readonly keepsIndentation?: boolean } = {},
  ): void {
    if (!isTight && !this.#afterSpace) this.#put(" ");
    this.#put(mark);
    this.#afterSpace = false;
    this.#atIndentation &&= keepsIndentation;
  }

  /** A bracket that opens. */
  openBracket(mark: "{" | "["): void {
    this.indicator(mark);
    this.#afterSpace = true;
  }

  /** Goes to a column of a fresh line, unless it is there already. */
  startLine(indent: number): void {
    const column = Math.max(indent, 0);
    const isStarted = !this.#atIndentation || this.#column > column;
    if (isStarted || (this.#column === column && !this.#afterSpace)) this.#break();
    if (this.#footColumn === column) this.#break();
    if (this.#column < column) this.#put(" ".repeat(column - this.#column));
    this.#afterSpace = true;
    this.#footColumn = -1;
  }

  writeHead(indent: number): void {
    if (this.#tail !== "") {
      this.#comment(this.#tail, indent);
      this.#tail = "";
      this.#footColumn = Math.max(indent, 0);
    }
    if (this.#head === "") return;
    this.#comment(this.#head, indent);
    this.#head = "";
  }

  /** Writes what waits behind a node. */
  writeBehind(indent: number): void {
    this.#writeLine(indent);
    this.writeFoot(indent);
  }

  writeFoot(indent: number): void {
    if (this.#foot === "") return;
    this.#comment(this.#foot, indent);
    this.#foot = "";
    this.#footColumn = Math.max(indent, 0);
  }

  #writeLine(indent: number): void {
    if (this.#line === "") return;
    if (!this.#afterSpace) this.#put(" ");
    this.#commentLines(this.#line, indent);
    this.#line = "";
  }

  #put(text: string): void {
    this.#parts.push(text);
    this.#column += text.length;
  }

  #break(): void {
    this.#parts.push("\n");
    this.#column = 0;
    this.#atIndentation = true;
  }

  #comment(text: string, indent: number): void {
    this.startLine(indent);
    this.#commentLines(text, indent);
  }

  #commentLines(text: string, indent: number): void {
    for (const [index, line] of text.split("\n").entries()) {
      if (index > 0) this.startLine(indent);
      this.#put(line);
      this.#atIndentation = false;
      this.#break();
    }
    this.#afterSpace = true;
  }
}
