import { KubeError, type ObjectPath, type ServicePort } from "./api.ts";

/** What is appended to a path behind `?`. What is `undefined` is left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The path of an object's URL, or of a collection's.
 *
 * @throws KubeError `CLUSTER_CONFLICT` for a name that would lead to another place: `..`, or one with a slash.
 */
export function objectUrl(path: ObjectPath, query: Query = {}): string {
  const { group, version, plural, namespace, name, subresource } = path;
  const parts = [
    ...(group === "" ? ["api"] : ["apis", group]),
    version,
    ...(namespace === undefined ? [] : ["namespaces", namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return `/${parts.map(segment).join("/")}${queryText(query)}`;
}

/** The path at which an API server lists what one version of a group has. */
export function groupVersionUrl(group: string, version: string): string {
  return `/${[...(group === "" ? ["api"] : ["apis", group]), version].map(segment).join("/")}`;
}

/** Where the API server hands a request on to a service: `services/http:NAME:PORT/proxy/...`. */
export function serviceUrl(service: ServicePort, path: string): string {
  const name = `http:${service.name}:${service.port}`;
  const { namespace } = service;
  const base = { group: "", version: "v1", plural: "services", namespace, name, subresource: "proxy" };
  return `${objectUrl(base)}${path}`;
}

function segment(text: string): string {
  if (text === "" || text === "." || text === ".." || /[/%]/.test(text)) {
    throw new KubeError("CLUSTER_CONFLICT", `${JSON.stringify(text)} is no name of an object in a cluster`);
  }
  return encodeURIComponent(text).replaceAll("%3A", ":");
}

function queryText(query: Query): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
