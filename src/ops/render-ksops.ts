import { encodeBase64 } from "../core/base64.ts";
import type { MapNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import { readGoDotenv } from "../formats/godotenv.ts";
import { printObjects } from "../formats/manifest-print.ts";
import type { OpContext } from "./context.ts";
import type { KsopsDocument, KsopsSecret } from "./render-ksops-document.ts";
import { placeholderAnnotation } from "./render-placeholder.ts";
import { RenderError } from "./render-problems.ts";
import type { Source, Sources } from "./render-sources.ts";

/** A text of one or more YAML documents. */
export interface Piece {
  /** Made when it is asked for. */
  readonly text: () => string;
  /** The documents themselves, where they are known without reading the text. */
  readonly documents?: readonly MapNode[] | undefined;
  /** The file that it was decrypted from. A Secret that was put together has none. */
  readonly file: string | undefined;
}

/** Every file that a document names. */
export function filesOf({ files, secretFrom }: KsopsDocument): readonly string[] {
  return [
    ...files,
    ...secretFrom.flatMap((secret) => [
      ...[...secret.files, ...secret.binaryFiles].map(({ file }) => file),
      ...secret.envs,
    ]),
  ];
}

/**
 * What KSOPS makes of a document: its files as they are, then the Secrets.
 *
 * @param sources - Has opened {@link filesOf} the document.
 * @throws RenderError when a value cannot stand in `stringData` unchanged, or an env file is none.
 */
export function renderKsops(
  { files, secretFrom }: KsopsDocument,
  sources: Sources,
  context: Pick<OpContext, "log">,
): readonly Piece[] {
  const problems: KsealError[] = [];
  const attempt = <T>(file: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      problems.push(error.at({ file }));
      return undefined;
    }
  };
  const manifests = files.flatMap((file) => attempt(file, () => manifestOf(sources.get(file))) ?? []);
  const secrets = secretFrom.map((secret) =>
    pieceOf(secretObject(secret, sources, { attempt, log: context.log })),
  );
  const [first, ...rest] = problems;
  if (first !== undefined) throw new RenderError([first, ...rest]);
  return [...manifests, ...secrets];
}

/** An object as a text of its own. */
export function pieceOf(object: Readonly<Record<string, unknown>>): Piece {
  const text = new TextDecoder().decode(printObjects([object], "yaml"));
  return { file: undefined, text: () => text.slice("---\n".length) };
}

/** One stream, as KSOPS writes it: a line of its own stands before the separator behind a file. */
export function joinPieces(pieces: readonly Piece[]): string {
  return pieces
    .map(({ text, file }, at) => {
      const isLast = at === pieces.length - 1;
      return text() + (isLast ? "" : file === undefined ? "---\n" : "\n---\n");
    })
    .join("");
}

function manifestOf(source: Source): Piece {
  const { file, documents, isHidden } = source;
  if (documents !== undefined) return { file, documents, text: () => decode(source.content()) };
  if (!isHidden) {
    const text = decode(source.content());
    return { file, text: () => text };
  }
  throw new KsealError(
    "FORMAT_CANNOT_HOLD",
    "encrypted as a whole: without a key nobody sees what is in it",
    {
      hint: "encrypt the values of the manifest only: kseal encrypt --encrypted-regex '^(data|stringData)$'",
    },
  );
}

interface Collecting {
  readonly attempt: <T>(file: string, work: () => T) => T | undefined;
  readonly log: OpContext["log"];
}

function secretObject(
  { metadata, type, files, binaryFiles, envs }: KsopsSecret,
  sources: Sources,
  { attempt, log }: Collecting,
): Readonly<Record<string, unknown>> {
  const stringData = new Map<string, string>();
  const data = new Map<string, string>();
  for (const { key, file } of files) {
    const text = attempt(file, () => textOf(sources.get(file)));
    if (text !== undefined) stringData.set(key, text);
  }
  for (const { key, file } of binaryFiles) data.set(key, encodeBase64(sources.get(file).content()));
  for (const file of envs) {
    if (sources.get(file).isHidden) {
      log.warn(`${file}: its variables are not in the placeholder: it is encrypted as a whole`);
      continue;
    }
    const variables = attempt(file, () => readGoDotenv(textOf(sources.get(file))));
    for (const [name, value] of variables ?? []) stringData.set(name, value);
  }
  const { name, namespace, labels } = metadata;
  const mark = sources.areHidden ? { [placeholderAnnotation]: "true" } : {};
  const annotations = { ...metadata.annotations, ...mark };
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      ...(name === "" ? {} : { name }),
      ...(namespace === "" ? {} : { namespace }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    ...(type === "" ? {} : { type }),
    ...(stringData.size === 0 ? {} : { stringData: Object.fromEntries(stringData) }),
    ...(data.size === 0 ? {} : { data: Object.fromEntries(data) }),
  };
}

/** KSOPS puts U+FFFD for what is not UTF-8, and a blank for U+0085; U+007F it cannot write. */
function textOf({ content }: Source): string {
  const text = decode(content());
  const [character] = /[\x7f\x85]/.exec(text) ?? [];
  if (character === undefined) return text;
  const name = character === "\x7f" ? "U+007F" : "U+0085";
  throw new KsealError("FORMAT_CANNOT_HOLD", `it holds the character ${name}, which stringData would lose`, {
    hint: binaryHint,
  });
}

const binaryHint = "name it under binaryFiles, which keeps every byte";

function decode(content: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new KsealError("FORMAT_CANNOT_HOLD", "it holds bytes that are not UTF-8, which a text would lose", {
      hint: binaryHint,
    });
  }
}
