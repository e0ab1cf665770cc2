import { kindName } from "./go-type.ts";
import { parseUrl, printUrl, type UrlParts } from "./go-url.ts";
import { define, goMap, goString, mapAt, textAt } from "./sprig-definition.ts";
import { GoError, type GoFunction, type GoValue } from "./value.ts";

/** Sprig's functions of URLs. */
export const urlFunctions: readonly GoFunction[] = [
  define("urlParse", ["string"], (args) => {
    const url = parsed(textAt(args, 0), "unable to parse url");
    const entries = Object.entries({
      scheme: url.scheme,
      host: url.host,
      hostname: hostname(url.host),
      path: url.path,
      query: url.query,
      opaque: url.opaque,
      fragment: url.fragment,
      userinfo: url.userinfo,
    });
    return goMap(new Map(entries.map(([key, value]) => [key, goString(value)])));
  }),
  define("urlJoin", ["map[string]interface {}"], (args) => {
    const parts = mapAt(args, 0);
    const url = {
      scheme: textOf(parts, "scheme"),
      host: textOf(parts, "host"),
      path: textOf(parts, "path"),
      query: textOf(parts, "query"),
      opaque: textOf(parts, "opaque"),
      fragment: textOf(parts, "fragment"),
    };
    const given = textOf(parts, "userinfo");
    const userinfo =
      given === "" ? "" : parsed(`proto://${given}@host`, "unable to parse userinfo in dict").userinfo;
    return goString(printUrl({ ...url, userinfo }));
  }),
];

function parsed(text: string, doing: string): UrlParts {
  try {
    return parseUrl(text);
  } catch (error) {
    if (error instanceof GoError) throw new GoError(`${doing}: ${error.message}`);
    throw error;
  }
}

function hostname(host: string): string {
  if (host.startsWith("[")) return host.slice(1, host.indexOf("]") < 0 ? undefined : host.indexOf("]"));
  return host.replace(/:[0-9]*$/, "");
}

function textOf(parts: ReadonlyMap<string, GoValue>, key: string): string {
  const value = parts.get(key);
  if (value === undefined) return "";
  if (value.kind === "string") return value.value;
  if (value.kind === "nil")
    throw new GoError("runtime error: invalid memory address or nil pointer dereference");
  throw new GoError(`unable to parse ${key} key, must be of type string, but ${kindName(value)} found`);
}
