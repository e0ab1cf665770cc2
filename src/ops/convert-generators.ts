import { KsealError } from "../errors.ts";
import { formatOfName } from "../formats/detect.ts";
import { field, type JsonObject } from "../sealed/object-fields.ts";
import { noMeta } from "../sealed/object-meta.ts";
import type { Secret } from "../sealed/secret.ts";
import type { OpContext } from "./context.ts";
import { isBelow, isObject, type Kustomization, type Layout, listOf, textOf } from "./convert-layout.ts";
import type { ConvertSource } from "./convert-source.ts";
import { renderPlain } from "./decrypt-text.ts";
import { baseName, below, folderOf } from "./file-path.ts";
import { openParsed, parseText, readText } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";

/** A Secret that a `secretGenerator` makes of encrypted files, as Flux decrypts them before the build. */
export interface GeneratedSecret {
  readonly kustomization: Kustomization;
  /** Its position in the list. */
  readonly index: number;
  readonly secret: Secret;
  /** The encrypted files, by their absolute paths: nobody needs them any more. */
  readonly files: readonly string[];
  /** The file for the SealedSecret that takes its place. */
  readonly file: ConvertSource;
}

/**
 * The Secrets that generators make of encrypted files. A generator that changes the Secret of another one is left alone.
 *
 * @throws KsealError `SEALED_INVALID` for a generator that cannot be followed, and what opening the files throws.
 */
export async function generatedSecrets(
  layout: Layout,
  context: OpContext,
): Promise<readonly GeneratedSecret[]> {
  const found: GeneratedSecret[] = [];
  for (const kustomization of layout.kustomizations) {
    for (const [index, entry] of listOf(kustomization.object, "secretGenerator").entries()) {
      if (!isObject(entry) || !["", "create"].includes(textOf(entry, "behavior") ?? "")) continue;
      const made = await followed(kustomization, entry, context);
      if (made !== undefined) found.push({ kustomization, index, ...made });
    }
  }
  return found;
}

type Followed = Pick<GeneratedSecret, "secret" | "files" | "file">;

async function followed(
  kustomization: Kustomization,
  entry: JsonObject,
  context: OpContext,
): Promise<Followed | undefined> {
  const data = new Map<string, Uint8Array>();
  const encrypted: string[] = [];
  const take = async (name: string, key: string | undefined): Promise<Uint8Array> => {
    const { content, path, wasEncrypted } = await readInput(kustomization, name, key, context);
    if (wasEncrypted) encrypted.push(path);
    return content;
  };
  for (const item of textsIn(entry, "files")) {
    const [key, name] = item.includes("=") ? halves(item) : [baseName(item, context.host.platform), item];
    data.set(key, await take(name, key));
  }
  for (const name of [...textsIn(entry, "envs"), ...textsIn(entry, "env")]) {
    for (const [key, value] of envLines(
      new TextDecoder().decode(await take(name, undefined)),
      kustomization,
    )) {
      data.set(key, new TextEncoder().encode(value));
    }
  }
  if (encrypted.length === 0) return undefined;
  for (const literal of textsIn(entry, "literals")) {
    const [key, value] = halves(literal);
    data.set(key, new TextEncoder().encode(value.replace(/^(["'])(.*)\1$/s, "$2")));
  }
  const secret = secretOf(kustomization, entry, data);
  return { secret, files: encrypted, file: await newFile(kustomization, secret, entry, context) };
}

async function readInput(
  { folder, source }: Kustomization,
  name: string,
  key: string | undefined,
  context: OpContext,
): Promise<{ readonly content: Uint8Array; readonly path: string; readonly wasEncrypted: boolean }> {
  const path = context.host.resolve(folder, name);
  if (!isBelow(path, folder))
    throw refused(source.file, `${name} lies outside of the folder of the kustomization`);
  const shown = below(folderOf(source.file, context.host.platform), name, context.host.platform);
  const text = await readText({ file: shown, path }, {}, context);
  if (!looksEncrypted(text.bytes)) return { content: text.bytes, path, wasEncrypted: false };
  // As Flux: the key says what a file is, and a list of variables is dotenv unless its name says otherwise.
  const byName = formatOfName(key ?? name);
  const isDocker = key?.endsWith(".dockerconfigjson") === true;
  const format = isDocker ? "json" : key === undefined && byName === "binary" ? "dotenv" : byName;
  const parsed = await parseText(text, format);
  if (parsed.metadata === undefined) return { content: text.bytes, path, wasEncrypted: false };
  const opened = await openParsed(text, parsed, {}, context);
  return { content: (await renderPlain(opened, {}, context)).content, path, wasEncrypted: true };
}

function secretOf(
  { object, source }: Kustomization,
  entry: JsonObject,
  data: ReadonlyMap<string, Uint8Array>,
): Secret {
  const name = textOf(entry, "name");
  if (name === undefined) throw refused(source.file, "a secretGenerator has no name");
  const options = [field(object, "generatorOptions"), field(entry, "options")].filter(isObject);
  const texts = (key: string) =>
    new Map(
      options.flatMap((one) => {
        const map = field(one, key);
        return isObject(map)
          ? Object.entries(map).flatMap(([label, text]) =>
              typeof text === "string" ? [[label, text] as const] : [],
            )
          : [];
      }),
    );
  const isImmutable = options.some((one) => field(one, "immutable") === true);
  return {
    metadata: {
      ...noMeta,
      name,
      namespace: textOf(entry, "namespace") ?? "",
      labels: texts("labels"),
      annotations: texts("annotations"),
    },
    type: textOf(entry, "type") ?? "Opaque",
    ...(isImmutable ? { immutable: true } : {}),
    data,
  };
}

async function newFile(
  { source, folder, object, text }: Kustomization,
  secret: Secret,
  entry: JsonObject,
  { host }: OpContext,
): Promise<ConvertSource> {
  const name = `${secret.metadata.name}.sealed.yaml`;
  const beside = (path: string) => below(folderOf(path, host.platform), name, host.platform);
  const file = beside(source.file);
  const path = host.resolve(folder, name);
  if ((await host.stat(path)) !== undefined) throw refused(file, "the file exists already");
  const keepsName = [field(object, "generatorOptions"), field(entry, "options")].some(
    (options) => isObject(options) && field(options, "disableNameSuffixHash") === true,
  );
  return {
    file,
    source: { file, path, relative: beside(source.relative), found: true },
    text: { ...text, file, name: path, bytes: new Uint8Array() },
    from: "sops",
    plain: undefined,
    format: "yaml",
    parts: [
      {
        object: {},
        line: undefined,
        head: "",
        hasMore: false,
        text: "",
        secret,
        lost: keepsName ? [] : ["the hash in its name: a change does not restart the pods that use it"],
      },
    ],
  };
}

/** As Kustomize reads them: lines of KEY=VALUE, without quoting. */
function envLines(text: string, { source }: Kustomization): readonly (readonly [string, string])[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const trimmed = line.trimStart();
    if (trimmed === "" || trimmed.startsWith("#")) return [];
    if (!trimmed.includes("=")) throw refused(source.file, "a list of variables has a name without a value");
    return [halves(trimmed)];
  });
}

function halves(text: string): [string, string] {
  const end = text.indexOf("=");
  return [text.slice(0, end), text.slice(end + 1)];
}

function textsIn(entry: JsonObject, key: string): readonly string[] {
  const one = textOf(entry, key);
  return one === undefined ? listOf(entry, key).filter((item) => typeof item === "string") : [one];
}

function refused(file: string, message: string): KsealError {
  return new KsealError("SEALED_INVALID", message, { where: { file } });
}
