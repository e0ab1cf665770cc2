import { nearest } from "../config/did-you-mean.ts";
import type { Environment } from "../core/ports.ts";
import { KsealError } from "../errors.ts";

/** What an Application of Argo CD says about how its manifests are made. */
export interface ArgocdSettings {
  /** An empty result is meant: with pruning on, Argo CD then deletes everything. */
  readonly allowEmpty: boolean;
  /** Folders below the application's own are read too. Only without Kustomize, as all below. */
  readonly recurse: boolean;
  /** Files that are no manifests of this application; `*` stands for any part of a name, `**` for folders too. */
  readonly exclude: readonly string[];
  /** Kinds besides Secret that may come out of encrypted files: Argo CD shows their values to everybody who sees them. */
  readonly allowKinds: readonly string[];
}

/** A parameter as the field `parameters` of a plugin announces it to Argo CD's user interface. */
export interface ParameterAnnouncement {
  readonly name: string;
  readonly title: string;
  readonly tooltip: string;
  readonly itemType: "boolean" | "string";
  readonly collectionType: "string" | "array";
  readonly string?: string;
  readonly array?: readonly string[];
}

interface Parameter {
  readonly name: string;
  readonly isList: boolean;
  readonly title: string;
  readonly tooltip: string;
  /** Whether it says something for folders with a kustomization, too. */
  readonly withKustomize: boolean;
}

const parameters: readonly Parameter[] = [
  {
    name: "allow-empty",
    isList: false,
    title: "Allow an empty result",
    tooltip: "With pruning on, Argo CD then deletes everything of this application",
    withKustomize: true,
  },
  {
    name: "recurse",
    isList: false,
    title: "Read folders below, too",
    tooltip: "As spec.source.directory.recurse does without a plugin",
    withKustomize: false,
  },
  {
    name: "exclude",
    isList: true,
    title: "Files that are no manifests",
    tooltip: "Paths below the application's folder; * stands for a part of a name, ** for folders, too",
    withKustomize: false,
  },
  {
    name: "allow-kinds",
    isList: true,
    title: "Kinds besides Secret that may be encrypted",
    tooltip:
      "Argo CD masks Secrets only: values of other kinds are shown to everybody who sees the application",
    withKustomize: false,
  },
];

/**
 * Reads what an Application says, as Argo CD hands it to a plugin: the JSON of `ARGOCD_APP_PARAMETERS`, without that the
 * variables `PARAM_...`; and variables of `plugin.env`, which arrive as `ARGOCD_ENV_KSEAL_...`. A parameter goes before a
 * variable.
 *
 * @throws KsealError `CONFIG_INVALID` for a name that kseal does not know and a value that does not fit.
 */
export function readArgocdSettings(env: Environment): ArgocdSettings {
  const given = new Map([...variables(env), ...parametersOf(env)]);
  for (const name of given.keys()) {
    if (!parameters.some((known) => known.name === name)) throw unknownParameter(name);
  }
  return {
    allowEmpty: switchOf(given, "allow-empty"),
    recurse: switchOf(given, "recurse"),
    exclude: listOf(given, "exclude"),
    allowKinds: listOf(given, "allow-kinds"),
  };
}

/** The parameters that fit to an application, with the values that count when nothing is said. */
export function announceParameters(isKustomization: boolean): readonly ParameterAnnouncement[] {
  return parameters
    .filter(({ withKustomize }) => withKustomize || !isKustomization)
    .map(({ name, isList, title, tooltip }) => ({
      ...{ name, title, tooltip },
      ...(isList
        ? { itemType: "string", collectionType: "array", array: [] }
        : { itemType: "boolean", collectionType: "string", string: "false" }),
    }));
}

type Given = string | readonly string[];

const applicationPrefix = "ARGOCD_ENV_KSEAL_";

/** Of `plugin.env`: a list has commas between its items. */
function variables(env: Environment): readonly (readonly [string, Given])[] {
  return Object.entries(env).flatMap(([variable, text]) => {
    if (!variable.startsWith(applicationPrefix) || text === undefined) return [];
    const name = variable.slice(applicationPrefix.length).toLowerCase().replaceAll("_", "-");
    const isList = parameters.some((known) => known.name === name && known.isList);
    return [[name, isList ? text.split(",").filter((item) => item !== "") : text]];
  });
}

function parametersOf(env: Environment): readonly (readonly [string, Given])[] {
  const json = env["ARGOCD_APP_PARAMETERS"];
  if (json === undefined) return parameters.flatMap((parameter) => singleVariables(parameter, env));
  const found = parseParameters(json);
  // `null` is what Argo CD hands over when the Application says nothing.
  if (found === null) return [];
  if (!Array.isArray(found)) throw invalid("ARGOCD_APP_PARAMETERS is no list");
  return found.map((entry: unknown) => {
    const { name, string, array } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof name !== "string") throw invalid("ARGOCD_APP_PARAMETERS has an entry without a name");
    if (typeof string === "string") return [name, string];
    if (Array.isArray(array) && array.every((item) => typeof item === "string")) return [name, array];
    throw invalid(`the parameter ${name} is neither a string nor an array`);
  });
}

/** The same as single variables: `PARAM_ALLOW_EMPTY`, `PARAM_EXCLUDE_0`. */
function singleVariables({ name, isList }: Parameter, env: Environment): readonly [string, Given][] {
  const variable = `PARAM_${name.toUpperCase().replaceAll("-", "_")}`;
  const text = env[variable];
  if (!isList) return text === undefined ? [] : [[name, text]];
  const items: string[] = [];
  for (let item = env[`${variable}_0`]; item !== undefined; item = env[`${variable}_${items.length}`]) {
    items.push(item);
  }
  return items.length === 0 ? [] : [[name, items]];
}

function parseParameters(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw invalid("ARGOCD_APP_PARAMETERS is no JSON", cause);
  }
}

function switchOf(given: ReadonlyMap<string, Given>, name: string): boolean {
  const value = given.get(name) ?? "false";
  if (value === "true" || value === "false") return value === "true";
  throw invalid(`the parameter ${name} is neither "true" nor "false"`);
}

function listOf(given: ReadonlyMap<string, Given>, name: string): readonly string[] {
  const value = given.get(name) ?? [];
  if (typeof value !== "string") return value;
  throw invalid(`the parameter ${name} is no array`);
}

function unknownParameter(name: string): KsealError {
  const names = parameters.map((known) => known.name);
  const meant = nearest(name, names);
  return new KsealError("CONFIG_INVALID", `there is no parameter ${JSON.stringify(name)}`, {
    hint: meant === undefined ? `known are ${names.join(", ")}` : `did you mean ${meant}?`,
  });
}

function invalid(message: string, cause?: unknown): KsealError {
  return new KsealError("CONFIG_INVALID", message, {
    hint: "correct spec.source.plugin of the Application",
    ...(cause === undefined ? {} : { cause }),
  });
}
