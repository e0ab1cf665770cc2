import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Clone } from "../support/clone.ts";

/*
 * Histories made up at random, beside a model that keeps book while they are made. Nobody opens the files, so their
 * ciphertexts are made up, too.
 */

type Step =
  | { readonly kind: "write"; readonly name: number; readonly recipients: number }
  | { readonly kind: "rename"; readonly name: number }
  | { readonly kind: "delete"; readonly name: number };

const people = ["a", "b", "c", "d"].map((letter) => `age1${letter.repeat(58)}`);

/** What the model knows of a file: since when somebody has it, and until when those had it who have not. */
interface Book {
  readonly since: Map<string, number>;
  readonly until: Map<string, number>;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      name: fc.nat(3),
      recipients: fc.integer({ min: 1, max: 15 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("rename" as const), name: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), name: fc.nat(3) }) },
);

function content(recipients: readonly string[], salt: number): string {
  const entry = (recipient: string) =>
    `        - enc: |\n            -----BEGIN AGE ENCRYPTED FILE-----\n            ${Buffer.from(`${recipient} ${salt}`).toString("base64").slice(0, 60)}\n            -----END AGE ENCRYPTED FILE-----\n          recipient: ${recipient}\n`;
  const filler = Array.from({ length: 30 }, (_, line) => `key${line}: ${salt}-${line}\n`).join("");
  return `${filler}sops:\n    age:\n${recipients.map(entry).join("")}    lastmodified: "2026-01-01T00:00:00Z"\n    mac: ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]\n    version: 3.13.3\n`;
}

/** Keeps book of who can read what while a history is made. */
class Model {
  readonly #books = new Map<string, Book>();
  readonly #present = new Map<string, string>();
  readonly #past = new Map<string, Book>();
  #renamed = 0;

  /** Of every file there is or was. */
  get books(): ReadonlyMap<string, Book> {
    return new Map([...this.#past, ...this.#books]);
  }

  /** What `git fast-import` has to do. */
  play(step: Step, at: number): string {
    const name = [...this.#present.keys()].sort()[step.name] ?? `file-${step.name}.yaml`;
    if (step.kind === "write") return this.#write(name, step.recipients, at);
    if (!this.#present.has(name)) return "";
    return step.kind === "rename" ? this.#rename(name) : this.#delete(name, at);
  }

  #write(name: string, recipients: number, at: number): string {
    const listed = people.filter((_, index) => (recipients >> index) % 2 === 1);
    const text = content(listed, at);
    const book = this.#books.get(name) ?? this.#past.get(name) ?? { since: new Map(), until: new Map() };
    this.#past.delete(name);
    this.#books.set(name, book);
    this.#present.set(name, text);
    for (const person of listed) {
      if (!book.since.has(person)) book.since.set(person, at);
      book.until.delete(person);
    }
    for (const person of [...book.since.keys()].filter((one) => !listed.includes(one))) {
      book.since.delete(person);
      book.until.set(person, at);
    }
    return `M 100644 inline ${name}\ndata ${Buffer.byteLength(text)}\n${text}\n`;
  }

  #rename(name: string): string {
    const target = `moved-${this.#renamed++}.yaml`;
    this.#books.set(target, this.#books.get(name)!);
    this.#present.set(target, this.#present.get(name)!);
    this.#books.delete(name);
    this.#present.delete(name);
    return `R ${name} ${target}\n`;
  }

  #delete(name: string, at: number): string {
    const book = this.#books.get(name)!;
    for (const person of book.since.keys()) book.until.set(person, at);
    book.since.clear();
    this.#past.set(name, book);
    this.#books.delete(name);
    this.#present.delete(name);
    return `D ${name}\n`;
  }
}

function commitOf(change: string, at: number): string {
  return `commit refs/heads/main\ncommitter C <c@d> ${1_750_000_000 + at} +0000\ndata 1\n${at % 10}\n${change}`;
}

test("random histories come out as the model has them: since when, until when, under which name", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const clone = new Clone();
      clone.must("init", "-q", "-b", "main");
      const model = new Model();
      const input = steps.map((one, at) => commitOf(model.play(one, at), at)).join("");
      const options = { cwd: clone.folder, env: clone.env, encoding: "utf8", input } as const;
      execFileSync("git", ["fast-import", "--quiet"], options);
      clone.must("checkout", "-qf", "main");
      const hashes = clone.must("rev-list", "--reverse", "main").split("\n");
      const { stdout, status } = await clone.kseal("who", "-o", "json");
      expect(status).toBe(0);
      const at = (commit: { hash: string } | undefined) => hashes.indexOf(commit?.hash ?? "");
      const told = new Map(
        (JSON.parse(stdout).files as Told[]).map(({ file, holders, former }) => [
          file,
          {
            since: new Map(holders.map(({ key, since }) => [key.id, at(since)])),
            until: new Map(former.map(({ key, until }) => [key.id, at(until)])),
          },
        ]),
      );
      expect(sorted(told)).toEqual(sorted(model.books));
    }),
    { numRuns: 8 },
  );
});

interface Told {
  readonly file: string;
  readonly holders: readonly {
    readonly key: { readonly id: string };
    readonly since?: { readonly hash: string };
  }[];
  readonly former: readonly {
    readonly key: { readonly id: string };
    readonly until?: { readonly hash: string };
  }[];
}

const sorted = (books: ReadonlyMap<string, Book>) =>
  [...books]
    .map(([name, { since, until }]) => [name, [...since].sort(), [...until].sort()])
    .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
