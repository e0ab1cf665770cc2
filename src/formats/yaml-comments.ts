import { EVENT_ID, type Event } from "js-yaml";
import type { CommentLines } from "./yaml-comment-lines.ts";
import type { CommentSyntax } from "./yaml-syntax.ts";
import { type Token, TokenWalk } from "./yaml-tokens.ts";

/** The comments that go-yaml gives to one node. */
export interface NodeComments {
  readonly head: CommentLines;
  readonly line: CommentLines;
  readonly foot: CommentLines;
  /** Comments inside a mapping or list that go-yaml loses. They are kept, behind everything they could govern. */
  readonly lost: CommentLines;
}

type Slot = keyof NodeComments;
type Claims = Map<Event, Partial<Record<Slot, (CommentSyntax | undefined)[]>>>;

const nothing: CommentLines = [];

/** What almost every node has. */
export const noComments: NodeComments = { head: nothing, line: nothing, foot: nothing, lost: nothing };

/** The comments of a text by the event of js-yaml that they belong to. */
export class YamlComments {
  readonly #claims: Claims;

  constructor(text: string, events: readonly Event[]) {
    this.#claims = text.includes("#") ? claimComments(text, events) : new Map();
  }

  of(event: Event): NodeComments {
    const claim = this.#claims.size === 0 ? undefined : this.#claims.get(event);
    return claim === undefined ? noComments : { ...noComments, ...claim };
  }
}

function claimComments(text: string, events: readonly Event[]): Claims {
  const walk = new TokenWalk(text, events);
  walk.run();
  if (walk.comments.length === 0) return new Map();
  const claiming = new Claiming(
    walk,
    events.filter(({ type }) => type === EVENT_ID.DOCUMENT),
  );
  for (const token of walk.tokens) claiming.take(token);
  return claiming.claims;
}

/** Hands the comments to nodes in the order in which go-yaml's parser meets tokens. */
class Claiming {
  readonly claims: Claims = new Map();
  readonly #groups: TokenWalk["comments"];
  readonly #documents: readonly Event[];
  #nextGroup = 0;
  #document = -1;
  #inDocument = false;
  /** The block at the top of the document that has just ended. */
  #root: Event | undefined;
  readonly #open: Event[] = [];
  #head: CommentLines = nothing;
  #line: CommentLines = nothing;
  #foot: CommentLines = nothing;
  /** Lines of head that stood above a dash. */
  #aboveDash = 0;
  #stem: CommentLines = nothing;

  constructor({ comments }: TokenWalk, documents: readonly Event[]) {
    this.#groups = comments;
    this.#documents = documents;
  }

  take(token: Token): void {
    if (this.#inDocument && endsDocument(token)) this.#meetLastKey(token);
    this.#collect(token);
    this.#splitStem(token);
    switch (token.kind) {
      case "document-start":
        this.#endDocument();
        this.#startDocument();
        return;
      case "document-end":
      case "stream-end":
        this.#endDocument();
        return;
      case "colon":
      case "comma":
        return;
      case "dash":
        this.#startImplicit();
        this.#aboveDash = this.#head.length;
        return;
      case "other":
        return;
      case "scalar":
        this.#startImplicit();
        this.#assign(token.event, { head: this.#head, line: this.#line, foot: this.#foot });
        return;
      case "block-start":
        this.#startImplicit();
        this.#claim(token.event, "head", this.#stem);
        this.#stem = nothing;
        this.#enter(token.event);
        return;
      case "flow-start":
        this.#startImplicit();
        this.#enter(token.event);
        this.#lose(this.#line, this.#foot);
        this.#assign(token.event, { head: this.#head });
        return;
      case "block-end":
        if (this.#open.length === 1) this.#root = token.event;
        else if (token.event?.type === EVENT_ID.MAPPING) this.#leave();
        this.#open.pop();
        return;
      case "flow-end":
        this.#leave();
        this.#open.pop();
        return;
    }
  }

  #collect(token: Token, limit = Number.POSITIVE_INFINITY): void {
    for (let group = this.#groups[this.#nextGroup]; group; group = this.#groups[++this.#nextGroup]) {
      if (group.from > token.start || group.gapStart >= limit) return;
      // Heads belong to what comes, never to an end; what stands behind them in the text waits with them.
      if (group.kind === "head" && token.kind === "block-end") return;
      if (group.kind === "head") this.#head = [...this.#head, ...group.lines];
      else if (group.kind === "line") this.#line = [...this.#line, ...group.lines];
      else this.#foot = [...this.#foot, ...group.lines];
    }
  }

  /** `# comment` above the dash of a list item that is itself a block belongs to that block as a whole. */
  #splitStem(token: Token): void {
    if (this.#aboveDash > 0 && token.kind === "block-start") {
      this.#stem = this.#head.slice(0, this.#aboveDash);
      this.#head = this.#head.slice(this.#aboveDash);
    }
    this.#aboveDash = 0;
  }

  #enter(event: Event | undefined): void {
    if (event) this.#open.push(event);
  }

  #leave(): void {
    this.#lose(this.#head);
    this.#assign(this.#open.at(-1), { line: this.#line, foot: this.#foot });
  }

  /**
   * Once the file is encrypted the document ends with one more key, and the comments above must not go elsewhere
   * then. So they go to it already: the foot to the entry above, the rest before the key.
   */
  #meetLastKey(token: Token): void {
    this.#collect(token, token.start);
    this.#claim(this.#root ?? this.#documents[this.#document], "foot", this.#foot);
    this.#root = undefined;
    this.#assign(this.#documents[this.#document], { foot: [...this.#head, ...this.#line] });
  }

  #assign(event: Event | undefined, comments: Partial<Record<Slot, CommentLines>>): void {
    for (const [slot, lines] of Object.entries(comments)) this.#claim(event, slot as Slot, lines);
    this.#head = nothing;
    this.#line = nothing;
    this.#foot = nothing;
    this.#stem = nothing;
  }

  #claim(event: Event | undefined, slot: Slot, lines: CommentLines): void {
    if (event === undefined || lines.length === 0) return;
    const claim = this.claims.get(event) ?? {};
    const claimed = claim[slot] ?? [];
    for (const line of lines) claimed.push(line);
    claim[slot] = claimed;
    this.claims.set(event, claim);
  }

  #lose(...lost: readonly CommentLines[]): void {
    const holder = this.#open.at(-1) ?? this.#documents[Math.max(this.#document, 0)];
    for (const lines of lost) this.#claim(holder, "lost", lines);
  }

  #startDocument(): void {
    this.#document++;
    this.#inDocument = true;
  }

  /** Above the first token of a file without `---`, everything up to the last blank line is the document's own head. */
  #startImplicit(): void {
    if (this.#inDocument) return;
    this.#startDocument();
    const blank = this.#head.lastIndexOf(undefined);
    if (blank <= 0) return;
    this.#claim(this.#documents[this.#document], "head", this.#head.slice(0, blank));
    this.#head = this.#head.slice(blank + 1);
  }

  #endDocument(): void {
    if (!this.#inDocument) return;
    this.#inDocument = false;
    const [lost, foot] = this.#foot.length > 0 ? [this.#head, this.#foot] : [nothing, this.#head];
    this.#lose(lost, this.#line);
    this.#assign(this.#documents[this.#document], { foot });
  }
}

function endsDocument({ kind }: Token): boolean {
  return kind === "document-start" || kind === "document-end" || kind === "stream-end";
}
