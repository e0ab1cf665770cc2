import { type CheckFinding, finding } from "./check-rules.ts";

/*
 * Secrets that show by their form. Each pattern begins with letters that nothing else begins with, so that a text
 * without any costs one search (`hint`), and repeats at most so often that no file makes the search long.
 */
interface Token {
  readonly rule: "private-key" | "known-token" | "password-in-url";
  readonly pattern: RegExp;
  readonly name: string;
}

const tokens: readonly Token[] = [
  {
    rule: "private-key",
    // Behind the first line there is a key: a text that only speaks of keys has no 40 such characters.
    pattern: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n)+[A-Za-z0-9+/=:,\-\s\\]{40}/g,
    name: "a private key",
  },
  { rule: "private-key", pattern: /\bAGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{40,}/g, name: "an age identity" },
  { rule: "known-token", pattern: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, name: "an AWS access key" },
  { rule: "known-token", pattern: /\bgh[pousr]_[A-Za-z0-9]{36}/g, name: "a GitHub token" },
  { rule: "known-token", pattern: /\bgithub_pat_\w{60}/g, name: "a GitHub token" },
  { rule: "known-token", pattern: /\bglpat-[\w-]{20}/g, name: "a GitLab token" },
  { rule: "known-token", pattern: /\bxox[abeprs]-\d[\w-]{20}/g, name: "a Slack token" },
  {
    rule: "known-token",
    pattern: /https:\/\/hooks\.slack\.com\/services\/T\w{6,}\/B\w{6,}\/\w{20}/g,
    name: "a Slack webhook",
  },
  { rule: "known-token", pattern: /\b[sr]k_live_[A-Za-z0-9]{20}/g, name: "a Stripe key" },
  { rule: "known-token", pattern: /\bAIza[\w-]{35}(?![\w-])/g, name: "a Google API key" },
  { rule: "known-token", pattern: /\bnpm_[A-Za-z0-9]{36}\b/g, name: "an npm token" },
  {
    rule: "known-token",
    pattern: /(?<![\w-])eyJ[\w-]{10,500}\.eyJ[\w-]{10,8000}\.[\w-]{20}/g,
    name: "a signed token (JWT)",
  },
  {
    rule: "password-in-url",
    pattern: /\b[a-z][a-z0-9+.-]{1,20}:\/\/([^\s:/@"'`<>]{0,100}):([^\s:/@"'`<>]{4,200})@[\w[]/gi,
    name: "an address with a password",
  },
];

const hint =
  /PRIVATE KEY|AGE-SECRET-KEY-|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|hooks\.slack|_live_|AIza|npm_|eyJ|:\/\/[^\s:/@]{0,100}:[^\s:/@]{4,200}@/;
const wordHint = /pass|pwd|secret|token|key|cred|auth/i;

const placeholder =
  /example|change[-_]?me|placeholder|dummy|sample|your[-_]|x{4}|\*{3}|0{8}|1234567|abcdef|^pass(?:word)?$|^secret$|[${}<>%]/i;

// Files of settings, where a value stands behind its name; in programs what stands there is code.
const settingsName =
  /\.(?:ya?ml|json|env|ini|toml|properties|conf|cfg|tfvars|hcl)$|(?:^|\/)\.env(?:\.[\w-]+)?$/i;
const lockName =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|composer\.lock|poetry\.lock|Cargo\.lock|go\.sum|Chart\.lock|flake\.lock|\.terraform\.lock\.hcl)$/;
const assignment =
  /(?:^|[\s{,"'])([\w./-]{2,80})["']?[ \t]{0,8}[:=][ \t]{0,8}["']?([A-Za-z0-9+/_=-]{20,200})["']?[ \t\r]*(?:$|[,}#])/;
const secretName =
  /(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key|credentials?|auth)$/i;
// A slash is in the names of annotations, which name objects: `nginx.ingress.kubernetes.io/auth-secret`.
const harmlessName = /\/|checksum|hash|digest|sha\d|finger|public|(?:^|[^a-z])(?:id|ref|name|path|file)$/i;

/** What looks like a secret in a text in clear; at most one finding a line. Nothing of the text is in a finding. */
export function checkTokens(file: string, text: string): readonly CheckFinding[] {
  if (lockName.test(file)) return [];
  const found = hint.test(text) ? tokens.flatMap((token) => findToken(token, file, text)) : [];
  const random = settingsName.test(file) && wordHint.test(text) ? findRandom(file, text) : [];
  const lines = new Set<number>();
  return [...found, ...random].filter(({ line }) => !lines.has(line) && lines.add(line));
}

function findToken({ rule, pattern, name }: Token, file: string, text: string): readonly CheckFinding[] {
  const found: CheckFinding[] = [];
  let line = 1;
  let counted = 0;
  for (const match of text.matchAll(pattern)) {
    const [whole, user, password] = match;
    if (placeholder.test(password ?? whole) || (password !== undefined && password === user)) continue;
    for (
      let at = text.indexOf("\n", counted);
      at !== -1 && at < match.index;
      at = text.indexOf("\n", at + 1)
    ) {
      line += 1;
      counted = at + 1;
    }
    found.push(finding(rule, { file, line }, `it looks like ${name}`, advice(rule)));
  }
  return found;
}

function advice(rule: string): string {
  return `make it invalid where it is from, for Git keeps it, and encrypt the new one: kseal encrypt -i FILE\nif it is none, say so: # kseal:ignore ${rule} -- reason`;
}

function findRandom(file: string, text: string): readonly CheckFinding[] {
  return text.split("\n").flatMap((content, index) => {
    if (content.length > 2000 || content.includes("ENC[") || !wordHint.test(content)) return [];
    const [, name = "", value = ""] = assignment.exec(content) ?? [];
    const isSecret = secretName.test(name) && !harmlessName.test(name) && isRandom(value);
    if (!isSecret) return [];
    const at = { file, line: index + 1, path: name.slice(-60) };
    return [
      finding(
        "high-entropy",
        at,
        "the value looks random, and its name says that it is secret",
        advice("high-entropy"),
      ),
    ];
  });
}

/**
 * Whether a text was made by a generator and not by a person: long hexadecimal digits, or letters of both cases with
 * digits among them, of which none is frequent.
 */
function isRandom(text: string): boolean {
  if (placeholder.test(text)) return false;
  const isHex = /^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$/.test(text);
  const isMixed = /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d.*\d/.test(text);
  if (!isHex && !isMixed) return false;
  // Words in camel case have few digits and letters that come again.
  return entropy(text) >= (isHex ? 3 : 3.8);
}

/** Bits a character, by Shannon. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
