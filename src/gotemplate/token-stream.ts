import { describeToken, type Token, type TokenKind } from "./token.ts";
import { GoError } from "./value.ts";

/**
 * The tokens of a template, with three tokens of look-ahead as Go's parser has them: the line of an error is the line of
 * the last token taken from the lexer, which only the same look-ahead can tell.
 */
export class TokenStream {
  readonly #name: string;
  readonly #tokens: readonly Token[];
  #taken = 0;
  readonly #ahead: Token[];
  #pending = 0;
  /** Line of the action that is being parsed; 0 outside. */
  actionLine = 0;

  constructor(name: string, tokens: readonly Token[]) {
    this.#name = name;
    this.#tokens = tokens;
    const end: Token = { kind: "eof", at: 0, line: 1, text: "EOF" };
    this.#ahead = [end, end, end];
  }

  next(): Token {
    if (this.#pending > 0) this.#pending--;
    else this.#ahead[0] = this.#take();
    return this.#at(this.#pending);
  }

  peek(): Token {
    if (this.#pending === 0) {
      this.#pending = 1;
      this.#ahead[0] = this.#take();
    }
    return this.#at(this.#pending - 1);
  }

  nextNonSpace(): Token {
    let token = this.next();
    while (token.kind === "space") token = this.next();
    return token;
  }

  peekNonSpace(): Token {
    const token = this.nextNonSpace();
    this.backup();
    return token;
  }

  /** Gives back the last token. */
  backup(): void {
    this.#pending++;
  }

  /** Gives back the last token, and this one before it. */
  backup2(before: Token): void {
    this.#ahead[1] = before;
    this.#pending = 2;
  }

  /** Gives back the last token and, before it, these two in their order. */
  backup3(first: Token, second: Token): void {
    this.#ahead[1] = second;
    this.#ahead[2] = first;
    this.#pending = 3;
  }

  /** The next token, which has to be of this kind. */
  expect(kind: TokenKind, context: string): Token {
    const token = this.nextNonSpace();
    return token.kind === kind ? token : this.unexpected(token, context);
  }

  /** Refuses a token. */
  unexpected(token: Token, context: string): never {
    if (token.kind !== "error") return this.fail(`unexpected ${describeToken(token)} in ${context}`);
    if (this.actionLine === 0 || this.actionLine === token.line) return this.fail(token.text);
    // "unclosed action started at", not "unclosed action in action started at".
    const joint = token.text.endsWith(" action") ? "" : " in action";
    return this.fail(`${token.text}${joint} started at ${this.#name}:${this.actionLine}`);
  }

  /** Ends the parsing with Go's text of an error. */
  fail(message: string, line: number = this.line): never {
    throw new GoError(`template: ${this.#name}:${line}: ${message}`);
  }

  /** Line of the last token. */
  get line(): number {
    return this.#at(0).line;
  }

  #take(): Token {
    const token = this.#tokens[Math.min(this.#taken, this.#tokens.length - 1)];
    this.#taken++;
    return token ?? this.#at(0);
  }

  #at(index: number): Token {
    return this.#ahead[index] as Token;
  }
}
