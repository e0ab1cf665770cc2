/** Where Helm 4 notes the template that a document came from, before it hands documents to a post-renderer. */
const noted = "postrenderer.helm.sh/postrender-filename";

/** A document of Helm's, and what Helm noted in it. */
export interface HelmDocument {
  /** As it stood in the chart, as far as its values go. */
  readonly text: string;
  /** Puts the note into an object that comes in the place of the document. */
  readonly note: (object: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
}

/**
 * Takes Helm's note out of a document. A value that was not there when the file was encrypted would break its MAC, and
 * without the note in what comes back, Helm takes the object for one that belongs to no template.
 *
 * @param text - One YAML document, in block style, as Helm 4 prints it; another one is left as it is.
 */
export function takeNote(text: string): HelmDocument {
  const line = new RegExp(`^( +)${noted.replaceAll(".", "\\.")}: (.*)\n`, "m");
  const [whole = "", indent = "", value = ""] = line.exec(text) ?? [];
  if (whole === "") return { text, note: (object) => object };
  const [before = "", after = ""] = text.split(whole, 2);
  // An empty map that Helm made for it goes as well: SOPS would take it for a null.
  const parent = /(?:^|\n)( *)annotations:[ \t]*\n$/.exec(before);
  const isAlone = parent !== null && !after.startsWith(indent);
  const rest = isAlone ? before.replace(/(^|\n) *annotations:[ \t]*\n$/, "$1") : before;
  return { text: `${rest}${after}`, note: (object) => withAnnotation(object, unquoted(value)) };
}

function unquoted(value: string): string {
  return value.startsWith("'") ? value.slice(1, -1).replaceAll("''", "'") : value;
}

function withAnnotation(object: Readonly<Record<string, unknown>>, value: string): Record<string, unknown> {
  const metadata = asObject(object["metadata"]);
  const annotations = { ...asObject(metadata["annotations"]), [noted]: value };
  return { ...object, metadata: { ...metadata, annotations } };
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
