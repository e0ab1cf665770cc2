import { parseIpAddress } from "../core/ip-address.ts";
import { decodeGoString, encodeGoString } from "./go-string.ts";
import { quote } from "./quote.ts";
import { GoError } from "./value.ts";

/** The parts of a URL: path and fragment decoded, the others as they are written. */
export interface UrlParts {
  readonly scheme: string;
  readonly opaque: string;
  /** `user` or `user:password`, both escaped. */
  readonly userinfo: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

const hostMarks = "!$&'()*+,;=:[]<>\"";

/** What may stand unescaped in a part, beside letters, digits and `-_.~` (RFC 3986, as Go reads it). */
const plain = {
  path: "$&+,/:;=@",
  fragment: "$&+,/:;=?@!()*",
  userinfo: "$&+,;=",
  host: hostMarks,
  zone: hostMarks,
};

/**
 * `url.Parse`.
 *
 * @throws GoError as Go words it
 */
export function parseUrl(text: string): UrlParts {
  const [address = "", ...fragments] = text.split("#");
  const parts = naming(address, () => parseAddress(address));
  const fragment = naming(text, () => decodePart(fragments.join("#"), "fragment"));
  return { ...parts, fragment };
}

/** `url.URL.String`. */
export function printUrl({ scheme, opaque, userinfo, host, path, query, fragment }: UrlParts): string {
  let text = scheme === "" ? "" : `${scheme}:`;
  if (opaque !== "") text += opaque;
  else {
    if (host !== "" || userinfo !== "" || (scheme !== "" && path !== "")) text += "//";
    if (userinfo !== "") text += `${userinfo}@`;
    text += encodePart(host, "host");
    const escaped = path === "*" ? "*" : encodePart(path, "path");
    if (escaped !== "" && !escaped.startsWith("/") && host !== "") text += "/";
    // A colon in the first part would make it look like a scheme.
    if (text === "" && (escaped.split("/")[0] ?? "").includes(":")) text = "./";
    text += escaped;
  }
  if (query !== "") text += `?${query}`;
  return fragment === "" ? text : `${text}#${encodePart(fragment, "fragment")}`;
}

function naming<T>(text: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof GoError) throw new GoError(`parse ${quote(text)}: ${error.message}`);
    throw error;
  }
}

function parseAddress(text: string): Omit<UrlParts, "fragment"> {
  if (/[\p{Cc}--[\u0080-\u009f]]/v.test(text)) throw new GoError("net/url: invalid control character in URL");
  const nothing = { scheme: "", opaque: "", userinfo: "", host: "", path: "", query: "" };
  if (text === "*") return { ...nothing, path: "*" };
  const [scheme, rest] = splitScheme(text);
  const mark = rest.indexOf("?");
  const query = mark < 0 ? "" : rest.slice(mark + 1);
  const before = mark < 0 ? rest : rest.slice(0, mark);
  if (!before.startsWith("/")) {
    if (scheme !== "") return { ...nothing, scheme, opaque: before, query };
    if ((before.split("/")[0] ?? "").includes(":")) {
      throw new GoError("first path segment in URL cannot contain colon");
    }
  }
  if (!before.startsWith("//") || (scheme === "" && before.startsWith("///"))) {
    return { ...nothing, scheme, path: decodePart(before, "path"), query };
  }
  const slash = before.indexOf("/", 2);
  const authority = slash < 0 ? before.slice(2) : before.slice(2, slash);
  const { userinfo, host } = parseAuthority(scheme, authority);
  return {
    ...nothing,
    scheme,
    userinfo,
    host,
    path: slash < 0 ? "" : decodePart(before.slice(slash), "path"),
    query,
  };
}

function splitScheme(text: string): readonly [scheme: string, rest: string] {
  if (text.startsWith(":")) throw new GoError("missing protocol scheme");
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text);
  return match === null ? ["", text] : [(match[1] ?? "").toLowerCase(), text.slice(match[0].length)];
}

function parseAuthority(scheme: string, authority: string): Pick<UrlParts, "userinfo" | "host"> {
  const at = authority.lastIndexOf("@");
  const host = parseHost(scheme, authority.slice(at + 1));
  if (at < 0) return { userinfo: "", host };
  const given = authority.slice(0, at);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(given)) throw new GoError("net/url: invalid userinfo");
  const colon = given.indexOf(":");
  const parts = colon < 0 ? [given] : [given.slice(0, colon), given.slice(colon + 1)];
  return {
    userinfo: parts.map((part) => encodePart(decodePart(part, "userinfo"), "userinfo")).join(":"),
    host,
  };
}

function parseHost(scheme: string, host: string): string {
  const bracket = host.lastIndexOf("[");
  if (bracket > 0) throw new GoError("invalid IP-literal");
  if (bracket === 0) return parseIpLiteral(host);
  const colon = /^https?$/.test(scheme) ? host.indexOf(":") : host.lastIndexOf(":");
  if (colon >= 0) checkPort(host.slice(colon));
  return decodePart(host, "host");
}

/** `[2001:db8::1]:80`, `[fe80::1%25en0]`. */
function parseIpLiteral(host: string): string {
  const close = host.lastIndexOf("]");
  if (close < 0) throw new GoError("missing ']' in host");
  const port = host.slice(close + 1);
  checkPort(port);
  const inside = host.slice(1, close);
  const zone = inside.indexOf("%25");
  const address =
    zone < 0
      ? decodePart(inside, "host")
      : decodePart(inside.slice(0, zone), "host") + decodePart(inside.slice(zone), "zone");
  const [number = "", name] = address.split(/%(.*)/s);
  // Go says more about what is wrong.
  const isNumber = parseIpAddress(number) !== undefined && (name === undefined || number.includes(":"));
  if (name === "" || !isNumber) {
    throw new GoError(`invalid host: ParseAddr(${quote(address)}): unable to parse IP`);
  }
  if (!number.includes(":")) throw new GoError("invalid IP-literal");
  return `[${address}]${port}`;
}

function checkPort(port: string): void {
  if (!/^(:[0-9]*)?$/.test(port)) throw new GoError(`invalid port ${quote(port)} after host`);
}

function decodePart(text: string, part: keyof typeof plain): string {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? "";
    const code = /^%[0-9A-Fa-f]{2}/.exec(text.slice(i, i + 3))?.[0];
    if (character === "%" && (code === undefined || isNoEscape(code, part))) {
      // Go shows three bytes, which may end within a character.
      const shown = decodeGoString(encodeGoString(text.slice(i, i + 3)).subarray(0, 3));
      throw new GoError(`invalid URL escape ${quote(shown)}`);
    }
    if (code !== undefined) {
      bytes.push(Number.parseInt(code.slice(1), 16));
      i += 2;
      continue;
    }
    if ((part === "host" || part === "zone") && character < "\u0080" && !isPlain(character, part)) {
      throw new GoError(`invalid character ${quote(character)} in host name`);
    }
    const whole = String.fromCodePoint(text.codePointAt(i) ?? 0);
    bytes.push(...encodeGoString(whole));
    i += whole.length - 1;
  }
  return decodeGoString(Uint8Array.from(bytes));
}

/** A host may only escape what is no ASCII, a zone only what it could write as it is, and spaces. */
function isNoEscape(code: string, part: keyof typeof plain): boolean {
  if (code === "%25") return false;
  if (part === "host") return /^%[0-7]/.test(code);
  const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
  return part === "zone" && character !== " " && !isPlain(character, part);
}

function encodePart(text: string, part: keyof typeof plain): string {
  return Array.from(encodeGoString(text), (byte) => {
    const character = String.fromCharCode(byte);
    if (byte < 0x80 && isPlain(character, part)) return character;
    return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

function isPlain(character: string, part: keyof typeof plain): boolean {
  return /^[A-Za-z0-9\-_.~]$/.test(character) || plain[part].includes(character);
}
