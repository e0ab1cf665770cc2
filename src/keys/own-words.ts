const longest = 240;
// JSON Web Tokens, tokens of Google and of Vault, and whatever a server repeats of an Authorization header.
const tokens = /\b(eyJ[\w-]+\.[\w-]+(\.[\w-]*)?|ya29\.[\w.-]+|hv[sbr]\.[\w-]+|Bearer\s+[\w.~+/=-]+)/g;

/**
 * What a key service says about a refusal, fit for one line of a report: its first line, without control characters,
 * shortened. Everything after that is detail (signed requests, headers, stacks) that may hold a token.
 */
export function ownWords(text: string): string {
  const [first = ""] = text.trim().split(/[\r\n]/, 1);
  const words = first
    .replaceAll(tokens, "[redacted]")
    .replace(/[\p{Cc}\p{Cf}]+/gu, " ")
    .trim()
    .replace(/\.$/, "");
  return words.length <= longest ? words : `${words.slice(0, longest)}...`;
}
