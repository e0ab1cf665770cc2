/*
 * The part of the schema of SARIF 2.1.0 (OASIS) that is about what kseal writes: every object of it is closed, so that a
 * field which is none of these is an error, here as there.
 */

type Check = (value: unknown, at: string) => readonly string[];

const text: Check = (value, at) => (typeof value === "string" ? [] : [`${at} is no text`]);
const whole =
  (least: number): Check =>
  (value, at) =>
    Number.isSafeInteger(value) && Number(value) >= least ? [] : [`${at} is no whole number from ${least}`];
const oneOf =
  (...words: readonly string[]): Check =>
  (value, at) =>
    words.includes(String(value)) ? [] : [`${at} is none of ${words.join(", ")}`];
const list =
  (item: Check, { unique = false } = {}): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return [`${at} is no list`];
    const texts = value.map((one) => JSON.stringify(one));
    const twice = unique && new Set(texts).size !== texts.length ? [`${at} has an item twice`] : [];
    return [...twice, ...value.flatMap((one, index) => item(one, `${at}[${index}]`))];
  };
const anyValue: Check = () => [];
const map =
  (item: Check): Check =>
  (value, at) =>
    isObject(value)
      ? Object.entries(value).flatMap(([key, one]) => item(one, `${at}.${key}`))
      : [`${at} is no object`];
const object =
  (fields: Readonly<Record<string, Check>>, ...required: readonly string[]): Check =>
  (value, at) => {
    if (!isObject(value)) return [`${at} is no object`];
    const missing = required
      .filter((name) => !Object.hasOwn(value, name))
      .map((name) => `${at} has no ${name}`);
    const inside = Object.entries(value).flatMap(([name, one]) => {
      const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return check === undefined ? [`${at} may not have ${name}`] : check(one, `${at}.${name}`);
    });
    return [...missing, ...inside];
  };

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 3986: what a reference may be made of, and no escape that is half. */
const uriReference: Check = (value, at) =>
  typeof value === "string" && /^(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[0-9A-F]{2})*$/i.test(value)
    ? []
    : [`${at} is no reference`];

const level = oneOf("none", "note", "warning", "error");
const properties: Check = (value, at) =>
  isObject(value) && Object.hasOwn(value, "tags")
    ? list(text, { unique: true })(value["tags"], `${at}.tags`)
    : map(anyValue)(value, at);
const message = object({ text, markdown: text, id: text, arguments: list(text), properties }, "text");
const multiformat = object({ text, markdown: text, properties }, "text");
const region = object(
  { startLine: whole(1), startColumn: whole(1), endLine: whole(1), endColumn: whole(1), properties },
  "startLine",
);
const physicalLocation = object(
  {
    artifactLocation: object({ uri: uriReference, uriBaseId: text, index: whole(-1), properties }),
    region,
    properties,
  },
  "artifactLocation",
);
const result = object(
  {
    ...{ ruleId: text, ruleIndex: whole(-1), level, message, properties },
    locations: list(object({ id: whole(-1), physicalLocation, message, properties })),
    partialFingerprints: map(text),
  },
  "message",
);
const rule = object(
  {
    ...{ id: text, name: text, shortDescription: multiformat, help: multiformat, helpUri: text, properties },
    defaultConfiguration: object({ level, properties }),
  },
  "id",
);
const driver = object(
  { name: text, version: text, informationUri: text, rules: list(rule, { unique: true }), properties },
  "name",
);
const run = object(
  {
    tool: object({ driver, properties }, "driver"),
    columnKind: oneOf("utf16CodeUnits", "unicodeCodePoints"),
    results: list(result),
    properties,
  },
  "tool",
);

/** What is wrong with a SARIF file. */
export const sarifProblems = (value: unknown): readonly string[] =>
  object(
    { $schema: uriReference, version: oneOf("2.1.0"), runs: list(run), properties },
    "version",
    "runs",
  )(value, "sarif");
