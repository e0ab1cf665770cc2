import fc from "fast-check";
import { type Kind, type Signature, signatures } from "./function-signatures.ts";

/** A template and the data of its Secret. */
export interface Generated {
  readonly text: string;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * Templates of Go's grammar: text, pipelines, variables, every statement, comments, trimming, and calls of every
 * function that gives the same each time, most of them with arguments of the right kinds. About one in twelve is broken
 * by a cut or a stray piece.
 *
 * A template is read off a tape of numbers, each a choice; where the tape ends, the plainest choice is taken. A shorter
 * tape of smaller numbers is a simpler template, which is how failures shrink.
 */
export function arbitraryTemplate(): fc.Arbitrary<Generated> {
  const choice = fc.noBias(fc.nat(65_535));
  return fc.array(choice, { minLength: 1, maxLength: 220, size: "max" }).map((numbers) => {
    const tape = new Tape(numbers);
    const data = Object.fromEntries(
      Array.from({ length: 1 + tape.below(5) }, () => [tape.pick(dataKeys), tape.pick(texts)]),
    );
    const root: Variable = { name: "$", kind: "dict" };
    const scope: Scope = { tape, variables: [root], loops: 0, templates: [], depth: 0, dot: "data" };
    const text = statements(scope, 1 + tape.below(4));
    return { text: tape.below(12) === 11 ? broken(tape, text) : text, data };
  });
}

class Tape {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** A number from 0 to below `bound`; 0 behind the end. */
  below(bound: number): number {
    return (this.#numbers[this.#at++] ?? 0) % bound;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  get isOver(): boolean {
    return this.#at >= this.#numbers.length;
  }
}

interface Scope {
  readonly tape: Tape;
  /** Variables that may be named. */
  readonly variables: readonly Variable[];
  /** Loops around, for `break` and `continue`. */
  readonly loops: number;
  /** Templates defined so far. */
  readonly templates: string[];
  readonly depth: number;
  /** What `.` is: the Secret's data, or of this kind. */
  readonly dot: "data" | Kind;
}

interface Variable {
  readonly name: string;
  /** As far as it is known when the text is written. */
  readonly kind: Kind;
}

const dataKeys = ["foo", "n", "empty", "my-key", "json", "b64", "uni", "A", "host", "ver"];

const texts = [
  "bar",
  "",
  "42",
  "héllo €",
  "Hello, World of words",
  "  padded \t\n",
  "a,b,,c",
  "<a href='x'>&\"</a>",
  "snake_case_text",
  "kebab-case-HTTPServer2",
  "línea 1\nlínea 2\r\nl3",
  "-17",
  "3.14",
  "true",
  "日本語テキスト",
  "xX1 yY2",
  "\u{1F600} emoji",
  "$1 $" + "{x} \\ %d %s",
  "Z",
  "a b c d e f g h i j k l m n o p",
  "AbcDEF-ghi_jkl.mno",
  "ßİǆ ΑΣ",
  "0x1F",
  "1e3",
  "null",
  "a/b/../c.txt",
  "\u0000\u0001\u007f\u00a0\u2028",
  "tab\tand\u000bvt\u0085nel",
];

const literals: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  base32: ["NBUQ====", "", "MFRGG===", "mfrgg===", "x", "MFRGGZDF", "MFRGG"],
  base64: ["aGk=", "", "aGVsbG8gd29ybGQ=", "aGk", "/+8=", "a\nGk=", "gICA", "****", "aGk=="],
  character: ["a"],
  constraint: [
    "^1.2",
    ">=1.2.3, <2",
    "~1.2.3",
    "1.x",
    "1.2 - 2.0",
    "!=1.0.0",
    "*",
    ">1.2.3-beta || <0.1",
    "foo",
    "",
    "=1.2.3",
    "=> 2",
    "~>1.2",
    "^0.0.3",
    "1.2.*",
  ],
  count: ["12", "", "abc", "-5", "99999999999999999999", "007", "+3", "1_000", "0x10", " 1"],
  date: [
    "2024-03-05",
    "2024-02-30",
    "2024-03-05 06:07:08",
    "05 Mar 24",
    "2024-03-05T06:07:08Z",
    "2024-03-05T06:07:08.123456789+02:00",
    "",
    "Mon Jan  2 15:04:05 2006",
    "12:30PM",
    "x",
    "2024-03-05 06:07:08 +0100",
  ],
  duration: [
    "1h",
    "-1.5h",
    "90m",
    "1h2m3.5s",
    "",
    "3",
    "24h",
    "720h",
    "8760h",
    "1ms",
    "2us",
    "1d",
    "-0s",
    "1h30",
    "100000h",
  ],
  encrypted: [
    "",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "AAAA",
    "x",
    "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVPeDQQ=",
    "AAAAAAAAAAAAAAAAAAAAAA==",
    "AAAAAAAAAAAAAAAAAAAAAAAAAA==",
  ],
  format: [
    "%v",
    "%d|%s",
    "%q",
    "%x",
    "%X",
    "%5.2f",
    "%-8s|",
    "%08d",
    "%+d",
    "%T",
    "%t",
    "%c",
    "%U",
    "%#v",
    "%e",
    "%g",
    "%o",
    "%b",
    "%#x",
    "%+q",
    "% x",
    "%[2]v %[1]v",
    "%*d",
    "%.*f",
    "%6.3v",
    "%%",
    "%",
    "%!",
    "%z",
    "%s %s %s",
    "%.3s",
    "%10q",
    "%#U",
    "%+v",
    "%O",
    "%E",
    "%G",
    "%s",
    "%#q",
    "% d",
    "%03.1f",
    "%-5t|",
    "%.0f",
    "%#o",
    "%#b",
    "%#g",
    "%+.2e",
    "%x %X",
    "%[3]d",
    "%[1]*d",
    "%w",
    "%5%",
    "%-010d|",
    "%+s",
    "% s",
    "%#s",
    "%08.3f",
    "%+08d",
    "%.2d",
    "%5c|",
    "%-5c|",
    "%05s",
    "%.10g",
    "%6.2f%%",
    "%#X",
    "%#+v",
    "%v %v",
    "a %v b %d c",
  ],
  json: [
    '{"a":1,"b":[true,null,"x"]}',
    "[1,2.5,1e3]",
    "",
    '"x"',
    "null",
    "{",
    '{"a":{"b":"c"}}',
    "123456789012345678901",
    "[]",
    "{}",
    "1 2",
    '{"a":1,"a":2}',
    '"\\u00e9\\ud83d\\ude00\\ud800"',
    "tru",
    '{"a"}',
    "[1,]",
    " 1 ",
    '{"b":1,"a":{"z":0,"y":[{}]}}',
    "-0",
    "1e999",
    '"a\nb"',
  ],
  key: ["foo", "n", "a", "b", "x", "missing", "", "my-key", "z"],
  kind: ["string", "int", "int64", "map", "slice", "float64", "bool", "invalid", "struct", "ptr"],
  layout: [
    "2006-01-02",
    "2006-01-02T15:04:05Z07:00",
    "Mon Jan _2 15:04:05 2006",
    "02 Jan 06 15:04 MST",
    "3:04PM",
    "Monday, January 2",
    "2006-01-02 15:04:05",
    "",
    "2006-01-02T15:04:05.999999999Z07:00",
    "05.000",
    "15h",
    "20060102",
    "2006-01-02 15:04:05 -0700",
    "__2 002",
    "Jan _2 03:04:05pm",
    ".00 ,000 .999",
    "1/2/06",
    "Z0700 -07:00:00 -07",
  ],
  path: [
    "/a/b.txt",
    "a",
    "",
    "/",
    "..",
    "a/../b/./c.tar.gz",
    "//x//y/",
    "./a",
    "/..",
    "a/b/",
    ".hidden",
    "../../x",
  ],
  regex: [
    "[a-z]+",
    "(\\\\w)(\\\\w)",
    "^a",
    "x*",
    "",
    "(",
    "[0-9]{2,}",
    "(?i)H.",
    "\\\\bb\\\\w",
    "(?P<n>l+)o",
    "[^ ]+$",
    "a|b|",
    "\\\\pL+",
    ".",
    "(a)(b)?",
    "a**",
    "\\\\",
    "(?s).+",
    "[[:alpha:]]",
    "\\\\d",
    "é|€",
    "^|$",
    "\\\\x41",
    "[z-a]",
    "(?=x)",
    "x{1001}",
  ],
  semver: [
    "1.2.3",
    "v1.2.3-beta.1+build.5",
    "2",
    "1.2",
    "foo",
    "",
    "1.2.3-rc.1",
    "01.2.3",
    "1.2.3.4",
    "0.0.3",
    "10.20.30",
    "1.2.3-",
    "1.2.4-0",
    "v2.0.0",
  ],
  // The others cost too much for a template among thousands: a test of their own has them.
  shape: ["none", "", "Long", "pin ", "x", "long"],
  type: [
    "string",
    "int",
    "[]interface {}",
    "map[string]interface {}",
    "float64",
    "*semver.Version",
    "bool",
    "int64",
    "semver.Version",
    "time.Time",
    "[]string",
  ],
  url: [
    "http://user:pw@host:8080/p/a?q=1#f",
    "",
    "//h/p",
    "mailto:x@y",
    "http://h/%zz",
    "http://[::1]:80/",
    "/rel?x",
    "http://h:bad/",
    "a b",
    "https://é.com/ü?ö#ä",
    "HTTP://h",
    "http://a@b@c/",
    "http://h/a%2Fb c",
    "x:y:z",
    "http://h?",
    "http://h/p?#",
    ":x",
    "http://u@/",
    "1http://x",
    "http://[fe80::1%25en0]/",
  ],
  zone: ["UTC", "Europe/Berlin", "America/New_York", "Local", "", "Nowhere", "Asia/Kolkata"],
};

const integers = [
  "0",
  "1",
  "2",
  "3",
  "-1",
  "5",
  "7",
  "10",
  "-3",
  "12",
  "100",
  "0x1F",
  "0b101",
  "0o17",
  "017",
  "1_000",
  "'a'",
  "'\\n'",
  "'€'",
  "+4",
  "-0",
  "'\\x41'",
  "'\\u00e9'",
  "'\\''",
  "0X_f",
  "1e2",
  "20",
  "9223372036854775807",
  "-9223372036854775808",
  "1e3",
  "'\\U0001F600'",
  "00",
  "2.0",
  "0x1p4",
];
const floats = [
  "1.5",
  "0.5",
  "2.0",
  "-3.25",
  "1e3",
  "1E-2",
  ".5",
  "5.",
  "0x1p-2",
  "0X1.8p1",
  "1_0.2_5",
  "-0.0",
  "1e21",
  "1e-7",
  "123456789.123",
  "3.14159",
  "1e100",
  "0.1",
  "99.995",
  "+2.5",
  "1e20",
];
const oddNumbers = [
  "18446744073709551615",
  "9223372036854775808",
  "99999999999999999999",
  "1__0",
  "0x",
  "1e",
  "0b2",
  "08",
  "1e400",
  "_1",
  "0_7",
  "0xg",
  "'ab'",
  "''",
  "1.2.3",
  "0x1.8",
  "1e1000000000",
  "0x1p1024",
  "-",
  "+",
  "1_",
  "0o8",
  "0x_1_f",
];
const looseTexts = [" ", "text", "\n", "a {b} c", "  \n\t", "} {", "é", "", "-", "'\"`", "{ {", "x\r\ny"];

/** Statements, one behind the other. A variable that one declares is known to those behind it. */
function statements(outer: Scope, count: number): string {
  let scope = outer;
  let text = "";
  for (let i = 0; i < count; i++) {
    const { tape } = scope;
    const which = tape.below(scope.depth > 3 ? 6 : 20);
    if (which === 5) {
      const name = tape.pick(["$x", "$y", "$zz", "$é"]);
      const kind = anyKind(tape);
      text += action(tape, `${name} := ${pipeline(scope, kind)}`);
      scope = { ...scope, variables: [...scope.variables, { name, kind }] };
    } else text += statement(scope, which);
  }
  return text;
}

function statement(scope: Scope, which: number): string {
  const { tape } = scope;
  switch (which) {
    case 0:
      return tape.pick(looseTexts);
    case 6:
    case 7:
      return branch(scope, "if", anyKind(tape));
    case 8:
      return branch(scope, "with", anyKind(tape));
    case 9:
    case 10:
    case 11:
      return loop(scope);
    case 12:
      return tape.pick(["{{/* a comment */}}", "{{- /* trimmed */ -}}", "{{/**/}}", "{{/* a\nb */ -}}"]);
    case 13: {
      const name = tape.pick(["t", "u", "k", "a b"]);
      const kind = tape.pick(anyKinds);
      const variables = [{ name: "$", kind }];
      const inner: Scope = { ...scope, depth: scope.depth + 1, variables, loops: 0, dot: kind };
      const body = statements(inner, 1 + tape.below(2));
      scope.templates.push(name);
      const isBlock = tape.below(2) === 1;
      if (!isBlock && scope.depth > 0 && tape.below(4) > 0) return "";
      return isBlock
        ? `{{block "${name}" ${pipeline(scope, kind)}}}${body}{{end}}`
        : `{{define "${name}"}}${body}{{end}}`;
    }
    case 14: {
      const known = [...scope.templates, "missing"];
      const name = known[tape.below(known.length)] ?? "";
      const quoted = tape.below(3) === 2 ? `\`${name}\`` : `"${name}"`;
      return action(
        tape,
        `template ${quoted}${tape.below(3) === 0 ? "" : ` ${pipeline(scope, anyKind(tape))}`}`,
      );
    }
    case 15: {
      const known = scope.variables.filter(({ name }) => name !== "$");
      if (known.length === 0) return tape.pick(looseTexts);
      const { name, kind } = tape.pick(known);
      return action(tape, `${name} = ${pipeline(scope, kind)}`);
    }
    case 16:
      if (scope.loops === 0 && tape.below(8) > 0) return tape.pick(looseTexts);
      return `{{if ${pipeline(scope, "bool")}}}{{${tape.pick(["break", "continue"])}}}{{end}}`;
    default:
      return action(tape, pipeline(scope, anyKind(tape)));
  }
}

/** The delimiters, now and then with trimming and space. */
function action(tape: Tape, inside: string): string {
  const [open, close] = tape.pick([
    ["{{", "}}"],
    ["{{ ", " }}"],
    ["{{- ", "}}"],
    ["{{", " -}}"],
    ["{{-\n", "\t-}}"],
    ["{{", "}}"],
  ] as const);
  return open + inside + close;
}

function branch(scope: Scope, keyword: "if" | "with", kind: Kind): string {
  const { tape } = scope;
  const inner: Scope = { ...scope, depth: scope.depth + 1 };
  const declares = tape.below(4) === 3;
  const known = declares ? { ...inner, variables: [...scope.variables, { name: "$w", kind }] } : inner;
  const body: Scope = keyword === "with" ? { ...known, dot: kind } : known;
  let text = action(tape, `${keyword} ${declares ? "$w := " : ""}${pipeline(scope, kind)}`);
  text += statements(body, 1 + tape.below(2));
  if (tape.below(4) === 3) {
    text += action(tape, `else ${keyword} ${pipeline(known, anyKind(tape))}`) + statements(body, 1);
  }
  if (tape.below(3) === 2) text += `{{else}}${statements(known, 1 + tape.below(2))}`;
  return `${text}{{end}}`;
}

function loop(scope: Scope): string {
  const { tape } = scope;
  const [declaration, names] = tape.pick([
    ["", []],
    ["$v := ", ["$v"]],
    ["$i, $v := ", ["$i", "$v"]],
    ["$k, $v := ", ["$k", "$v"]],
  ] as const);
  const ranged = tape.pick(["list", "dict", "strings", "int", "any", "list"] as const);
  const dot = ranged === "strings" ? "string" : ranged === "int" ? "int" : "any";
  const inner: Scope = {
    ...scope,
    depth: scope.depth + 1,
    loops: scope.loops + 1,
    variables: [
      ...scope.variables,
      ...names.map(
        (name): Variable => ({ name, kind: name === "$v" ? dot : name === "$k" ? "string" : "int" }),
      ),
    ],
    dot,
  };
  let text = action(
    tape,
    `range ${declaration}${ranged === "int" ? tape.pick(["3", "0", "2", "5"]) : pipeline(scope, ranged)}`,
  );
  text += statements(inner, 1 + tape.below(3));
  if (tape.below(3) === 2) text += `{{else}}${statements({ ...inner, loops: scope.loops }, 1)}`;
  return `${text}{{end}}`;
}

const anyKinds: readonly Kind[] = [
  "string",
  "any",
  "int",
  "list",
  "dict",
  "bool",
  "float",
  "strings",
  "string",
  "time",
  "object",
];

function anyKind(tape: Tape): Kind {
  return tape.pick(anyKinds);
}

/** One command, or several that are piped into each other. */
function pipeline(scope: Scope, kind: Kind): string {
  const { tape } = scope;
  if (tape.isOver || tape.below(3) > 0) return command(scope, kind);
  // Piped: the last parameter comes from the left.
  const signature = functionFor(tape, kind);
  const last = signature.parameters.at(-1);
  if (last === undefined) return command(scope, kind);
  const given = signature.parameters.slice(0, -1).map((parameter) => operand(scope, parameter));
  const sorted = isUnsorted(signature) ? " | sortAlpha" : "";
  return `${pipeline(scope, last)} | ${[signature.name, ...given].join(" ")}${sorted}`;
}

function command(scope: Scope, kind: Kind): string {
  const { tape } = scope;
  if (scope.depth > 6 || tape.isOver || tape.below(3) === 0) return operand(scope, kind);
  return call({ ...scope, depth: scope.depth + 1 }, kind);
}

function call(scope: Scope, kind: Kind): string {
  const { tape } = scope;
  const signature = functionFor(tape, kind);
  const parameters = [...signature.parameters];
  const last = parameters.at(-1);
  if (signature.repeats && last !== undefined) {
    const more = tape.below(4);
    if (more === 3) parameters.pop();
    else for (let i = 0; i < more; i++) parameters.push(last);
  }
  // Now and then one too many or too few.
  const odd = tape.below(40);
  if (odd === 39) parameters.pop();
  if (odd === 38) parameters.push("any");
  const text = [signature.name, ...parameters.map((parameter) => operand(scope, parameter))].join(" ");
  return isUnsorted(signature) ? `sortAlpha (${text})` : text;
}

/** Go's order of these is random. */
function isUnsorted({ name }: Signature): boolean {
  return name === "keys" || name === "values";
}

const byResult: ReadonlyMap<Kind, readonly Signature[]> = Map.groupBy(signatures, ({ result }) => result);

/** A function that returns this kind; sometimes any function. */
function functionFor(tape: Tape, kind: Kind): Signature {
  const fitting = byResult.get(kind === "number" ? "int" : kind) ?? byResult.get("string") ?? [];
  return tape.below(12) === 11 ? tape.pick(signatures) : tape.pick(fitting);
}

/** One word of a command. */
function operand(scope: Scope, wanted: Kind): string {
  const { tape } = scope;
  // One in 24 is of a kind that does not fit.
  const kind = tape.below(24) === 23 ? anyKind(tape) : wanted;
  const which = tape.isOver ? 0 : tape.below(10);
  if (which > 7 && scope.depth < 6) {
    return `(${pipeline({ ...scope, depth: scope.depth + 1 }, kind)})${field(tape, 12)}`;
  }
  if (which === 7) return variable(scope, kind) ?? literal(scope, kind);
  if (which === 6) return dot(scope, kind) ?? literal(scope, kind);
  return literal(scope, kind);
}

/** A variable of this kind; now and then of another. */
function variable({ tape, variables }: Scope, kind: Kind): string | undefined {
  const fitting = tape.below(10) === 9 ? variables : variables.filter((known) => fits(known.kind, kind));
  return fitting.length === 0 ? undefined : tape.pick(fitting).name + field(tape, 12);
}

/** The dot or one of its fields, likewise. */
function dot({ tape, dot: known }: Scope, kind: Kind): string | undefined {
  const isWild = tape.below(10) === 9;
  if (isWild || (known === "data" && fits("string", kind))) {
    return `.${tape.pick(["foo", "n", "uni", "json", "A", "host", "a"])}${field(tape, 10)}`;
  }
  return fits(known, kind) ? `.${field(tape, 12)}`.replace("..", ".") : undefined;
}

/** Whether a value of one kind does where another is wanted. */
function fits(kind: "data" | Kind, wanted: Kind): boolean {
  if (kind === "data") return wanted === "any";
  if (wanted === "any" || kind === wanted) return true;
  if (wanted === "number") return kind === "int" || kind === "float";
  return kind === "string" && wanted in literals;
}

/** A field behind a word, one time in so many. */
function field(tape: Tape, oneIn: number): string {
  return tape.below(oneIn) === oneIn - 1
    ? tape.pick([".foo", ".a", ".Year", ".host", ".missing", ".Major", ".a.b", "._0", ".é"])
    : "";
}

function literal(scope: Scope, kind: Kind): string {
  const { tape } = scope;
  switch (kind) {
    case "bool":
      return tape.pick(["true", "false"]);
    case "int":
      return tape.pick(integers);
    case "float":
      return tape.pick(floats);
    case "number":
      return tape.below(30) === 29
        ? tape.pick(oddNumbers)
        : tape.pick([...integers, ...floats, '"12"', '"x"', '"1.5"', "nil", "true", '""']);
    case "list":
      return `(${tape.pick([
        "list",
        "list 1 2 3",
        'list "b" "a" "c" "a"',
        'list 1 "a" nil 2.5 true',
        'splitList "," "a,b,,c"',
        "until 4",
        "list (list 1) (list)",
        'list "" 0 false nil',
        'list (dict "a" 1) (dict "a" "x")',
        "untilStep 1 9 3",
        'regexFindAll "." "héy" -1',
        "chunk 2 (list 1 2 3)",
      ])})`;
    case "strings":
      return `(${tape.pick(['splitList "," "b,a,c"', "toStrings (list 1 nil 2.5)", 'splitList "," ""', 'sortAlpha (list "b" 1 "a")'])})`;
    case "dict":
      return `(${tape.pick([
        'dict "a" 1',
        "dict",
        'dict "foo" "bar" "n" 2.5 "x" nil',
        'dict "a" (dict "b" (dict "c" 1))',
        'dict "a" (list 1 2) "b" true',
        'dict "z"',
        'dict 1 2 "" 3',
        'dict "a" (dict "b" 2) "b" (list)',
        'dict "a" $ "b" ""',
      ])})`;
    case "time":
      return tape.pick([
        "0",
        "1700000000",
        '(toDate "2006-01-02" "2024-03-05")',
        '(toDate "2006-01-02T15:04:05Z07:00" "2024-12-31T23:59:59+02:00")',
        '(toDate "2006-01-02 15:04:05.999999999" "2024-02-29 01:02:03.123456789")',
        "(int64 951782400)",
        '(toDate "2006" "x")',
      ]);
    case "object":
      return `(${tape.pick(['semver "1.2.3-rc.1+b"', 'urlParse "http://u:p@h:80/p?q=1#f"', 'dict "host" "h" "scheme" "http" "path" "/p"', 'dict "host" 1'])})`;
    case "any": {
      const any = tape.below(12);
      if (any === 0) return "nil";
      return literal(scope, any < 4 ? "string" : tape.pick(anyKinds));
    }
    case "string":
      return quoted(tape, tape.below(8) === 0 ? tape.pick(Object.values(literals).flat()) : tape.pick(texts));
    default:
      // These stand as they are written in a template, backslashes doubled.
      return `"${tape
        .pick(literals[kind] ?? [""])
        .replaceAll('"', '\\"')
        .replaceAll("\n", "\\n")}"`;
  }
}

function quoted(tape: Tape, text: string): string {
  if (tape.below(4) === 3 && !/[`\r]/.test(text)) return `\`${text}\``;
  const escapes: Readonly<Record<string, string>> = {
    "\\": "\\\\",
    '"': '\\"',
    "\n": "\\n",
    "\r": "\\r",
    "\u0000": "\\x00",
  };
  let inside = "";
  for (const character of text) inside += escapes[character] ?? character;
  if (tape.below(12) === 11)
    inside += tape.pick([
      "\\xff",
      "\\u00e9",
      "\\U0001F600",
      "\\377",
      "\\a\\b\\f\\v",
      "\\'",
      "\\q",
      "\\ud800",
      "\\x4",
    ]);
  return `"${inside}"`;
}

/** A cut, a piece too many, or a piece missing. */
function broken(tape: Tape, text: string): string {
  // Not within a character.
  const characters = Array.from(text);
  const at = tape.below(characters.length + 1);
  const before = characters.slice(0, at).join("");
  const piece = tape.pick([
    "{{",
    "}}",
    "{{end}}",
    "{{else}}",
    "|",
    "(",
    ")",
    " ",
    '"',
    "`",
    "{{break}}",
    "{{if .}}",
    ".",
    "$",
    ",",
    ":=",
    "=",
    "'",
    "{{/*",
    "@",
    "\\",
    "-}}",
    "{{define}}",
    "{{- ",
    "\n",
    "{{block}}",
    "{{template}}",
    "{{else if 1}}",
    "é",
    "nil",
    "0x",
  ]);
  switch (tape.below(3)) {
    case 0:
      return before;
    case 1:
      return before + piece + characters.slice(at).join("");
    default:
      return before + characters.slice(at + 1 + tape.below(6)).join("");
  }
}
