import type { Document, MapNode, SeqNode, TreeNode } from "../core/tree.ts";
import { KsealError } from "../errors.ts";
import { formatOfName, storeFor } from "../formats/detect.ts";
import type { Format } from "../formats/store.ts";
import { printDocuments } from "../formats/yaml-print.ts";
import type { OpContext } from "./context.ts";
import { type FileText, openParsed, parseText, readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { placeholderContent } from "./render-placeholder.ts";
import { problemsOf, RenderError } from "./render-problems.ts";
import { pathInRoot, type RenderRoot } from "./render-root.ts";
import { mayHoldSealed } from "./unseal-detect.ts";

const utf8 = new TextEncoder();

/** How the files of a generator are opened. */
export interface SourceOptions {
  readonly root: RenderRoot;
  /** Placeholders in place of values: no key is used. */
  readonly placeholder: boolean;
  /** How many files at a time. */
  readonly limit: number;
  /** Texts as `sops` prints them, or in the layout that the file has. */
  readonly layout: "sops" | "kept";
  /** Opens the SealedSecrets of a text into Secrets; when left out such a text is refused as not encrypted. */
  readonly secrets?: ((text: FileText) => Promise<Uint8Array>) | undefined;
}

/** What a file of a generator holds. */
export interface Source {
  /** As the generator's document names it. */
  readonly file: string;
  /** Made when it is asked for. */
  readonly content: () => Uint8Array;
  /** The documents of the content, where they are known without reading it. */
  readonly documents?: readonly MapNode[] | undefined;
  readonly format: Format;
  /** A placeholder stands for the whole file, so that nobody knows what is in it. */
  readonly isHidden: boolean;
}

/** The files of a generator's document, opened together and each once. */
export class Sources {
  readonly #options: SourceOptions;
  readonly #context: OpContext;
  readonly #opened = new Map<string, Source>();
  #realFolder: Promise<string> | undefined;

  constructor(options: SourceOptions, context: OpContext) {
    this.#options = options;
    this.#context = context;
  }

  /**
   * Opens files.
   *
   * @param files - As the document names them. One that cannot be opened does not keep the others from being tried.
   * @param inline - Texts that stand in the document itself; their names are no paths.
   * @throws RenderError with every file that could not be opened.
   */
  async open(files: readonly string[], inline: readonly FileText[] = []): Promise<void> {
    const names = [...new Set(files)].filter((file) => !this.#opened.has(file));
    const { signal, onProgress } = this.#context;
    const wanted: readonly { readonly file: string; readonly text?: FileText }[] = [
      ...names.map((file) => ({ file })),
      ...inline.map((text) => ({ file: text.file, text })),
    ];
    try {
      const sources = await mapFiles(
        wanted,
        ({ file, text }) => (text === undefined ? this.#open(file) : this.#openText(text)),
        { signal, onProgress, limit: this.#options.limit },
      );
      for (const source of sources) this.#opened.set(source.file, source);
    } catch (error) {
      if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
      const [first = error, ...rest] = problemsOf(error);
      throw new RenderError([first, ...rest]);
    }
  }

  /** Whether placeholders stand where values would. */
  get areHidden(): boolean {
    return this.#options.placeholder;
  }

  /** A file that was opened. */
  get(file: string): Source {
    const source = this.#opened.get(file);
    if (source === undefined) throw new RangeError("the file was not opened");
    return source;
  }

  async #open(file: string): Promise<Source> {
    const { root } = this.#options;
    const realFolder = (): Promise<string> => (this.#realFolder ??= this.#context.host.realPath(root.folder));
    const path = await pathInRoot(file, { ...root, realFolder }, this.#context);
    return await this.#openText(await readText({ file, path }, {}, this.#context));
  }

  async #openText(text: FileText): Promise<Source> {
    const { secrets } = this.#options;
    if (secrets !== undefined && mayHoldSealed(text.bytes)) {
      const content = await secrets(text);
      return { file: text.file, content: () => content, format: "yaml", isHidden: false };
    }
    return await openSource(text, this.#options, this.#context);
  }
}

/**
 * Opens one encrypted text.
 *
 * @throws KsealError What opening it throws.
 */
export async function openSource(
  text: FileText,
  { placeholder, layout }: Pick<SourceOptions, "placeholder" | "layout">,
  context: OpContext,
): Promise<Source> {
  const { file } = text;
  const parsed = await parseText(text, formatOfName(text.name));
  const { format } = parsed;
  if (placeholder && parsed.metadata !== undefined) {
    const content = await placeholderContent(parsed);
    return { file, content: () => content, format, isHidden: format === "binary" };
  }
  const { plain } = await openParsed(text, parsed, {}, context);
  // Of a build with a hundred generators reading again what was written would be a third of the time, and nothing of it
  // goes into a file: Kustomize reads it next.
  if (layout === "sops" && format === "yaml") {
    const { branches } = withoutInline(plain);
    const print = (): string => printDocuments(branches, { indent: 4, floats: "sops" });
    return { file, content: () => utf8.encode(print()), documents: branches, format, isHidden: false };
  }
  const store = await storeFor(format);
  try {
    const next = { document: layout === "sops" ? withoutInline(plain) : plain, metadata: undefined };
    const content = store.render(next, layout === "sops" ? { floats: "sops" } : { base: parsed });
    return { file, content: () => content, format, isHidden: false };
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file }) : error;
  }
}

/** The `sops` in KSOPS knows no comments behind values: it prints them above. */
function withoutInline({ branches }: Document): Document {
  return { branches: branches.map((branch) => above(branch) as MapNode) };
}

function above(node: TreeNode): TreeNode {
  if (node.kind !== "map" && node.kind !== "seq") return node;
  const source: readonly (MapNode["items"][number] | SeqNode["items"][number])[] = node.items;
  const items = source.map((item) => {
    if (item.kind === "entry") return { ...item, value: above(item.value) };
    return item.kind === "comment" ? { ...item, inline: false } : above(item);
  });
  return { kind: node.kind, items } as MapNode | SeqNode;
}
