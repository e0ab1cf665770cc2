import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import type { OpContext } from "./context.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { type RenderOptions, renderDocuments } from "./render-documents.ts";
import { manifestObjects } from "./render-generator.ts";
import { takeNote } from "./render-helm.ts";
import { joinPieces, type Piece, pieceOf } from "./render-ksops.ts";
import { problemsOf, RenderError } from "./render-problems.ts";
import { openSource } from "./render-sources.ts";

const generator = /^apiVersion:[ \t]*["']?(?:kseal\.dev\/v1alpha1|viaduct\.ai\/v1)["']?[ \t]*$/m;

/**
 * Opens what is encrypted in a stream of manifests, as Helm hands it to its post-renderer: manifests that SOPS encrypted,
 * and generators' documents, in whose place their Secrets come. Everything else stays byte for byte.
 *
 * @throws RenderError with everything that did not open. Nothing is returned then.
 */
export async function renderStream(
  bytes: Uint8Array,
  options: RenderOptions,
  context: OpContext,
): Promise<string> {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  // A line of three dashes is a separator wherever it stands: nothing in YAML can hold one at the margin.
  const parts = text.split(/^(?=---(?:[ \t].*)?$)/m);
  const problems: KsealError[] = [];
  const rendered: string[] = [];
  for (const [at, part] of parts.entries()) {
    try {
      rendered.push(await renderPart(part, placeOf(part, at), options, context));
    } catch (error) {
      if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
      problems.push(...problemsOf(error));
    }
  }
  const [first, ...rest] = problems;
  if (first !== undefined) throw new RenderError([first, ...rest]);
  return rendered.join("");
}

async function renderPart(
  part: string,
  place: string,
  options: RenderOptions,
  context: OpContext,
): Promise<string> {
  const bytes = new TextEncoder().encode(part);
  const pieces = generator.test(part)
    ? await generated(bytes, place, options, context)
    : looksEncrypted(bytes)
      ? await decrypted(part, place, options, context)
      : undefined;
  if (pieces === undefined) return part;
  const comments = /^(?:---[^\n]*\n)?(?:#[^\n]*\n)*/.exec(part)?.[0] ?? "";
  return `${comments}${joinPieces(pieces)}`;
}

async function generated(
  bytes: Uint8Array,
  place: string,
  options: RenderOptions,
  context: OpContext,
): Promise<readonly Piece[]> {
  const { documents } = await readManifest(bytes, { file: place, format: "yaml" });
  const objects = documents.flatMap(({ object }) => (object === undefined ? [] : [object]));
  return (await renderDocuments(objects, options, context)).flat();
}

async function decrypted(
  part: string,
  place: string,
  { placeholder }: RenderOptions,
  context: OpContext,
): Promise<readonly Piece[]> {
  const { text: manifest, note } = takeNote(part);
  const text = { file: place, name: "manifest.yaml", bytes: new TextEncoder().encode(manifest) };
  const source = await openSource(text, { placeholder, layout: "sops" }, context);
  return (await manifestObjects(source)).map((object) => pieceOf(note(object)));
}

/** Helm writes above each document which template it came from. */
function placeOf(part: string, at: number): string {
  return /^# Source: (\S{1,300})$/m.exec(part)?.[1] ?? `document ${at + 1} of standard input`;
}
