/** One line being typed, with the keys that a terminal itself would handle if it were not raw. */
export class AnswerLine {
  readonly #echo: (text: string) => void;
  #text = "";

  constructor(echo: (text: string) => void) {
    this.#echo = echo;
  }

  get text(): string {
    return this.#text;
  }

  /** Takes what was typed; says whether that ended the line. What follows the end (pasted lines) is dropped. */
  type(typed: string): "done" | "interrupted" | undefined {
    for (const key of typed) {
      if (key === "\r" || key === "\n") {
        return "done";
      }
      if (key === "\u0003" || (key === "\u0004" && this.#text === "")) {
        return "interrupted";
      }
      this.#press(key);
    }
    return undefined;
  }

  #press(key: string): void {
    if (key === "\u007f" || key === "\b") {
      const last = Array.from(this.#text).at(-1);
      if (last !== undefined) {
        this.#text = this.#text.slice(0, -last.length);
        this.#echo("\b \b");
      }
    } else if (key === "\u0015") {
      this.#echo("\b \b".repeat(Array.from(this.#text).length));
      this.#text = "";
    } else if (key >= " ") {
      this.#text += key;
      this.#echo(key);
    }
  }
}
