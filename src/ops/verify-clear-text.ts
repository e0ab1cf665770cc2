/** What stands in a text where an action was. */
export const actionMark = "\u{fffc}";

/*
 * Literals that look like secrets. None of these is proof; each is worth a look of whoever wrote it.
 */
const patterns: readonly { readonly pattern: RegExp; readonly name: string }[] = [
  {
    pattern: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=:,\- ]{16}/,
    name: "a private key",
  },
  { pattern: /\bAGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{20}/, name: "an age identity" },
  { pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/, name: "an AWS access key" },
  { pattern: /\b(?:gh[pousr]_|github_pat_)\w{20}/, name: "a GitHub token" },
  { pattern: /\bglpat-[\w-]{20}/, name: "a GitLab token" },
  { pattern: /\bxox[abeprs]-[\w-]{10}/, name: "a Slack token" },
  { pattern: /\b[sr]k_live_\w{10}/, name: "a Stripe key" },
  { pattern: /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8}/, name: "a signed token" },
  {
    pattern: /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{0,100}:[^\s:/@\u{fffc}]{1,200}@/iu,
    name: "an address with a password",
  },
];

const wordOfSecrets =
  /(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|auth)$/i;
// An assignment with its value; what an action stood for is a space.
const assignment = /([\w.-]{1,60})["']?[ \t]*[:=][ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"',;}]+))/g;
// Words that say that there is no secret, and references to one elsewhere.
const noSecret = /^(?:true|false|null|none|nil|yes|no|on|off|~|\d{1,5}|\$.*|<.*|\/.*|%.*|.*\u{fffc}.*)$/iu;

/**
 * What a text in clear looks like it holds.
 *
 * @param text - Without its actions, each replaced by {@link actionMark}.
 * @param name - How the text is called: the value of an item named `password` is one.
 * @returns `a private key`, `a value of password`; never a part of the value. `undefined` when nothing looks like it.
 */
export function secretIn(text: string, name: string): string | undefined {
  const known = patterns.find(({ pattern }) => pattern.test(text));
  if (known !== undefined) return known.name;
  for (const [, key = "", double, single, bare] of text.matchAll(assignment)) {
    const value = (double ?? single ?? bare ?? "").trim();
    if (wordOfSecrets.test(key) && value.length >= 4 && !noSecret.test(value)) {
      return `a value of ${key.slice(-30)}`;
    }
  }
  const whole = text.trim();
  const isValue = whole.length >= 4 && !/\s/.test(whole) && !noSecret.test(whole);
  return isValue && wordOfSecrets.test(name.replace(/\.[a-z]{1,5}$/i, ""))
    ? "a value of its name"
    : undefined;
}
