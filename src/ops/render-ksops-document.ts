import { nearest } from "../config/did-you-mean.ts";
import { KsealError } from "../errors.ts";

/** A document of KSOPS: `apiVersion: viaduct.ai/v1`, `kind: ksops`. */
export interface KsopsDocument {
  /** What it is called in messages. */
  readonly name: string;
  /** Manifests to decrypt. */
  readonly files: readonly string[];
  readonly secretFrom: readonly KsopsSecret[];
  /** Fields that KSOPS does not know, each in a sentence. */
  readonly unknown: readonly string[];
}

/** One Secret to put together of files. */
export interface KsopsSecret {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly type: string;
  readonly files: readonly KeyedFile[];
  readonly binaryFiles: readonly KeyedFile[];
  readonly envs: readonly string[];
}

/** A file whose content becomes the value of a key. */
interface KeyedFile {
  readonly key: string;
  readonly file: string;
}

type Fields = Readonly<Record<string, unknown>>;

const secretFields = ["metadata", "type", "files", "binaryFiles", "envs"];
const metadataFields = ["name", "namespace", "labels", "annotations"];

/**
 * Reads a document as KSOPS does, in whose place kseal stands: `apiVersion` and `kind` are not looked at, fields count in
 * any case, and numbers are taken for texts.
 *
 * @throws KsealError `CONFIG_INVALID` for a document without files, a field of a wrong type, or `a=b=c`. No value of the
 *   document stands in a message: it may be no document of KSOPS at all.
 */
export function readKsopsDocument(object: unknown): KsopsDocument {
  const reader = new Reader(nameOf(object));
  const document = reader.fields(object, "", ["apiVersion", "kind", "metadata", "files", "secretFrom"]);
  const { files, secretFrom } = document;
  if (files === undefined && secretFrom === undefined) {
    throw reader.problem("it has neither files nor secretFrom", "name the encrypted files under files:");
  }
  return {
    name: reader.name,
    files: reader.texts(files, "files"),
    secretFrom: reader
      .list(secretFrom, "secretFrom")
      .map((entry, at) => reader.secret(entry, `secretFrom[${at}]`)),
    unknown: reader.unknown,
  };
}

/** Reads fields, and remembers those that it does not know. */
class Reader {
  readonly name: string;
  readonly unknown: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  problem(what: string, hint?: string): KsealError {
    return new KsealError("CONFIG_INVALID", `the generator ${this.name}: ${what}`, { hint });
  }

  secret(entry: unknown, path: string): KsopsSecret {
    const secret = this.fields(entry ?? {}, path, secretFields);
    const metadata = this.fields(secret["metadata"] ?? {}, `${path}.metadata`, metadataFields);
    return {
      metadata: {
        name: this.text(metadata["name"], `${path}.metadata.name`),
        namespace: this.text(metadata["namespace"], `${path}.metadata.namespace`),
        labels: this.textMap(metadata["labels"], `${path}.metadata.labels`),
        annotations: this.textMap(metadata["annotations"], `${path}.metadata.annotations`),
      },
      type: this.text(secret["type"], `${path}.type`),
      files: this.keyedFiles(secret["files"], `${path}.files`),
      binaryFiles: this.keyedFiles(secret["binaryFiles"], `${path}.binaryFiles`),
      envs: this.texts(secret["envs"], `${path}.envs`),
    };
  }

  /** Fields by the names that KSOPS has for them; of several spellings the last counts. Null is missing. */
  fields(value: unknown, path: string, known: readonly string[]): Fields {
    if (!isObject(value)) throw this.problem(`${path === "" ? "it" : path} is no mapping`);
    const found: Record<string, unknown> = {};
    for (const [key, content] of Object.entries(value)) {
      const name = known.find((one) => one.toLowerCase() === key.toLowerCase());
      if (name !== undefined) found[name] = content ?? undefined;
      else if (path !== "" || key !== "metadata") this.#remember(key, path, known);
    }
    return found;
  }

  #remember(key: string, path: string, known: readonly string[]): void {
    const meant = nearest(key, known);
    const own = key === "literals" ? "; kind SecretGenerator of kseal.dev/v1alpha1 has it" : "";
    const help = meant === undefined ? own : `; did you mean ${meant}?`;
    const place = path === "" ? key : `${path}.${key}`;
    this.unknown.push(`the generator ${this.name}: ${shown(place)} is unknown to KSOPS and ignored${help}`);
  }

  list(value: unknown, path: string): readonly unknown[] {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    throw this.problem(`${path} is no list`);
  }

  texts(value: unknown, path: string): readonly string[] {
    return this.list(value, path).map((item, at) => this.text(item, `${path}[${at}]`));
  }

  textMap(value: unknown, path: string): Readonly<Record<string, string>> {
    if (value === undefined) return {};
    if (!isObject(value)) throw this.problem(`${path} is no mapping`);
    return Object.fromEntries(
      Object.entries(value).map(([key, text]) => [key, this.text(text, `${path}.${shown(key)}`)]),
    );
  }

  text(value: unknown, path: string): string {
    if (value === undefined || value === null) return "";
    if (typeof value === "object") throw this.problem(`${path} is no text`);
    return String(value);
  }

  keyedFiles(value: unknown, path: string): readonly KeyedFile[] {
    return this.texts(value, path).map((text, at) => {
      const [key = "", file, ...more] = text.split("=");
      if (more.length > 0) {
        throw this.problem(
          `${path}[${at}] has more than one "="`,
          "rename the file: KSOPS takes KEY=PATH with one sign only",
        );
      }
      return file === undefined ? { key: baseOf(text), file: text } : { key, file };
    });
  }
}

/** As Go's `filepath.Base` does. */
function baseOf(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return path === "" ? "." : "/";
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

function nameOf(object: unknown): string {
  const metadata = isObject(object) ? object["metadata"] : undefined;
  const name = isObject(metadata) ? metadata["name"] : undefined;
  return typeof name === "string" && name !== "" ? shown(name) : "without a name";
}

function shown(text: string): string {
  return text.slice(0, 253).replaceAll(/\p{C}/gu, "\u{fffd}");
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
