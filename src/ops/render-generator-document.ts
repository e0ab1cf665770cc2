import { nearest } from "../config/did-you-mean.ts";
import { KsealError } from "../errors.ts";
import { RenderError } from "./render-problems.ts";

/** kseal's own generator: `apiVersion: kseal.dev/v1alpha1`, `kind: SecretGenerator`. */
export interface GeneratorDocument {
  readonly name: string;
  /** Encrypted manifests and SealedSecrets. */
  readonly files: readonly string[];
  /** The same, in the document itself. */
  readonly inline: readonly string[];
  readonly secretFrom: readonly GeneratedSecret[];
}

/** One Secret to put together. */
export interface GeneratedSecret {
  /** Its place in the document, for messages. */
  readonly path: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
  /** Those that Kustomize takes for itself included. */
  readonly annotations: ReadonlyMap<string, string>;
  readonly type: string;
  readonly immutable: boolean | undefined;
  readonly files: readonly NamedSource[];
  readonly envs: readonly NamedSource[];
  readonly literals: ReadonlyMap<string, string>;
  /** Encrypted texts by key. */
  readonly inline: ReadonlyMap<string, string>;
}

/** A file, and the key it is for. An env file without one gives all of its variables. */
export interface NamedSource {
  readonly key: string | undefined;
  readonly file: string;
}

export const generatorVersion = "kseal.dev/v1alpha1";
export const generatorKind = "SecretGenerator";

type Fields = Readonly<Record<string, unknown>>;

/** What Kubernetes takes for the name of a value in a Secret. */
const dataKey = /^[-._a-zA-Z0-9]{1,253}$/;

/**
 * Reads a document strictly.
 *
 * @throws RenderError with every mistake. No value stands in a message.
 */
export function readGeneratorDocument(object: unknown): GeneratorDocument {
  const reader = new Reader(object);
  const top = reader.fields(object, "", ["apiVersion", "kind", "metadata", "files", "inline", "secretFrom"]);
  const document: GeneratorDocument = {
    name: reader.name,
    files: reader.texts(top["files"], "files"),
    inline: reader.texts(top["inline"], "inline"),
    secretFrom: reader
      .list(top["secretFrom"], "secretFrom")
      .map((entry, at) => readSecret(reader, entry, `secretFrom[${at}]`)),
  };
  if (document.files.length + document.inline.length + document.secretFrom.length === 0) {
    reader.report(
      "it generates nothing",
      "name encrypted manifests under files:, or Secrets under secretFrom:",
    );
  }
  reader.finish();
  return document;
}

function readSecret(reader: Reader, entry: unknown, path: string): GeneratedSecret {
  const known = [
    "metadata",
    "type",
    "immutable",
    "needsHash",
    "behavior",
    "files",
    "envs",
    "literals",
    "inline",
  ];
  const secret = reader.fields(entry, path, known);
  const metaPath = `${path}.metadata`;
  const metadata = reader.fields(secret["metadata"], metaPath, [
    "name",
    "namespace",
    "labels",
    "annotations",
  ]);
  const name = reader.text(metadata["name"], `${metaPath}.name`) ?? "";
  if (name === "") reader.report(`${metaPath}.name is missing`);
  const annotations = new Map(reader.textMap(metadata["annotations"], `${metaPath}.annotations`));
  if (reader.flag(secret["needsHash"], `${path}.needsHash`)) {
    annotations.set("kustomize.config.k8s.io/needs-hash", "true");
  }
  const behavior = reader.text(secret["behavior"], `${path}.behavior`);
  if (behavior !== undefined) annotations.set("kustomize.config.k8s.io/behavior", behavior);
  if (behavior !== undefined && !["create", "merge", "replace"].includes(behavior)) {
    reader.report(`${path}.behavior is none that Kustomize knows`, "write create, merge or replace");
  }
  const inline = reader.textMap(secret["inline"], `${path}.inline`);
  for (const key of inline.keys()) reader.checkKey(key, `${path}.inline`);
  return {
    path,
    name,
    namespace: reader.text(metadata["namespace"], `${metaPath}.namespace`),
    labels: reader.textMap(metadata["labels"], `${metaPath}.labels`),
    annotations,
    type: reader.text(secret["type"], `${path}.type`) ?? "Opaque",
    immutable: reader.flag(secret["immutable"], `${path}.immutable`),
    files: reader.sources(secret["files"], `${path}.files`),
    envs: reader.sources(secret["envs"], `${path}.envs`),
    literals: reader.literals(secret["literals"], `${path}.literals`),
    inline,
  };
}

/** Reads fields, and collects what is wrong with them. */
class Reader {
  readonly name: string;
  readonly #problems: KsealError[] = [];

  constructor(object: unknown) {
    const metadata = isObject(object) ? object["metadata"] : undefined;
    const name = isObject(metadata) ? metadata["name"] : undefined;
    this.name = typeof name === "string" && name !== "" ? shown(name) : "without a name";
  }

  report(what: string, hint?: string): void {
    this.#problems.push(new KsealError("CONFIG_INVALID", `the generator ${this.name}: ${what}`, { hint }));
  }

  finish(): void {
    const [first, ...rest] = this.#problems;
    if (first !== undefined) throw new RenderError([first, ...rest]);
  }

  fields(value: unknown, path: string, known: readonly string[]): Fields {
    if (value === undefined || value === null) return {};
    if (!isObject(value)) {
      this.report(`${path === "" ? "it" : path} is no mapping`);
      return {};
    }
    for (const key of Object.keys(value)) {
      if (known.includes(key)) continue;
      const place = shown(path === "" ? key : `${path}.${key}`);
      const meant = key === "binaryFiles" ? "files, which keeps every byte" : nearest(key, known);
      const hint = meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}?`;
      this.report(`${place} is unknown`, hint);
    }
    return Object.fromEntries(known.map((key) => [key, Object.hasOwn(value, key) ? value[key] : undefined]));
  }

  list(value: unknown, path: string): readonly unknown[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.report(`${path} is no list`);
    return [];
  }

  texts(value: unknown, path: string): readonly string[] {
    return this.list(value, path).flatMap((item, at) => this.text(item, `${path}[${at}]`) ?? []);
  }

  text(value: unknown, path: string): string | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    this.report(`${path} is no text`, "put it in quotes");
    return undefined;
  }

  textMap(value: unknown, path: string): ReadonlyMap<string, string> {
    if (value === undefined || value === null) return new Map();
    if (!isObject(value)) {
      this.report(`${path} is no mapping`);
      return new Map();
    }
    return new Map(
      Object.entries(value).map(([key, text]) => [key, this.text(text, `${path}.${shown(key)}`) ?? ""]),
    );
  }

  flag(value: unknown, path: string): boolean | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === "boolean") return value;
    this.report(`${path} is neither true nor false`);
    return undefined;
  }

  sources(value: unknown, path: string): readonly NamedSource[] {
    return this.texts(value, path).map((text, at) => {
      const sign = text.indexOf("=");
      const source = { key: sign < 0 ? undefined : text.slice(0, sign), file: text.slice(sign + 1) };
      if (source.key !== undefined) this.checkKey(source.key, `${path}[${at}]`);
      if (source.file === "") this.report(`${path}[${at}] names no file`);
      return source;
    });
  }

  literals(value: unknown, path: string): ReadonlyMap<string, string> {
    const literals = new Map<string, string>();
    for (const [at, text] of this.texts(value, path).entries()) {
      const sign = text.indexOf("=");
      const key = text.slice(0, Math.max(sign, 0));
      if (sign < 0) this.report(`${path}[${at}] is no KEY=VALUE`);
      else this.checkKey(key, `${path}[${at}]`);
      if (literals.has(key)) this.report(`${path}[${at}]: the key stands there twice`);
      literals.set(key, text.slice(sign + 1));
    }
    return literals;
  }

  checkKey(key: string, path: string): void {
    if (dataKey.test(key)) return;
    this.report(
      `${path}: the key is none that a Secret can have`,
      "keys are letters, digits, dashes, dots and underscores",
    );
  }
}

function shown(text: string): string {
  return text.slice(0, 253).replaceAll(/\p{C}/gu, "\u{fffd}");
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
