import { KsealError } from "../errors.ts";
import type { OpContext } from "./context.ts";
import type { FileText } from "./load-file.ts";
import { filesOf, type Piece, renderKsops } from "./render-ksops.ts";
import { readKsopsDocument } from "./render-ksops-document.ts";
import { problemsOf, RenderError } from "./render-problems.ts";
import type { RenderRoot } from "./render-root.ts";
import { Sources } from "./render-sources.ts";

/** How generators are rendered. */
export interface RenderOptions {
  readonly root: RenderRoot;
  /** Unknown fields of KSOPS documents are errors. kseal's own documents are always read strictly. */
  readonly strict: boolean;
  /** Placeholders in place of values: no key is used. */
  readonly placeholder: boolean;
  /** Files and folders with sealing keys; those of the environment when empty. */
  readonly keys: readonly string[];
  /** As KSOPS does it, whose documents these are, or as kseal does. */
  readonly style: "ksops" | "kseal";
  /** How many files at a time. */
  readonly limit: number;
}

/** A generator's document that was understood, and whose files may be opened. */
interface Prepared {
  readonly files: readonly string[];
  readonly inline: readonly FileText[];
  readonly layout: "sops" | "kept";
  readonly render: (sources: Sources) => Promise<readonly Piece[]>;
}

/**
 * Renders generators' documents. All files of all of them are opened together, so that each data key is opened once and
 * every problem is told at once.
 *
 * @returns What each document gives, in their order.
 * @throws RenderError
 */
export async function renderDocuments(
  objects: readonly unknown[],
  options: RenderOptions,
  context: OpContext,
): Promise<readonly (readonly Piece[])[]> {
  const prepared: Prepared[] = [];
  const problems: KsealError[] = [];
  const collect = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof KsealError) || error.code === "INTERRUPTED") throw error;
      problems.push(...problemsOf(error));
    }
  };
  for (const object of objects) {
    await collect(async () => {
      prepared.push(await prepare(object, options, context));
    });
  }
  const { root, limit, placeholder } = options;
  const secrets = await secretsOf(options, context);
  const byLayout = (["sops", "kept"] as const).map((layout) => ({
    layout,
    sources: new Sources(
      { root, limit, placeholder, layout, secrets: layout === "kept" ? secrets : undefined },
      context,
    ),
  }));
  for (const { layout, sources } of byLayout) {
    const own = prepared.filter((one) => one.layout === layout);
    const files = own.flatMap(({ files: names }) => names);
    const inline = own.flatMap(({ inline: texts }) => texts);
    await collect(() => sources.open(files, inline));
  }
  const pieces: (readonly Piece[])[] = [];
  // What was opened is of no use when something is missing.
  for (const { layout, render } of problems.length > 0 ? [] : prepared) {
    const sources = byLayout.find((one) => one.layout === layout)?.sources;
    await collect(async () => {
      if (sources !== undefined) pieces.push(await render(sources));
    });
  }
  const [first, ...rest] = problems;
  if (first !== undefined) throw rest.length === 0 ? first : new RenderError([first, ...rest]);
  return pieces;
}

async function prepare(object: unknown, options: RenderOptions, context: OpContext): Promise<Prepared> {
  const { apiVersion, kind } = headOf(object);
  if (options.style === "ksops" || (apiVersion === "viaduct.ai/v1" && kind === "ksops")) {
    return prepareKsops(object, options, context);
  }
  const { generatorKind, generatorVersion, readGeneratorDocument } = await import(
    "./render-generator-document.ts"
  );
  if (apiVersion !== generatorVersion || kind !== generatorKind) throw unknownKind(apiVersion, kind);
  const document = readGeneratorDocument(object);
  const { generatorFiles, generatorTexts, renderGenerator } = await import("./render-generator.ts");
  return {
    files: generatorFiles(document),
    inline: generatorTexts(document),
    layout: "kept",
    render: (sources) => renderGenerator(document, sources),
  };
}

function prepareKsops(object: unknown, { strict }: RenderOptions, context: OpContext): Prepared {
  const document = readKsopsDocument(object);
  const [first, ...rest] = strict
    ? document.unknown.map((text) => new KsealError("CONFIG_INVALID", text))
    : [];
  if (first !== undefined) throw new RenderError([first, ...rest]);
  for (const text of document.unknown) context.log.warn(text);
  return {
    files: filesOf(document),
    inline: [],
    layout: "sops",
    render: async (sources) => renderKsops(document, sources, context),
  };
}

/** Only kseal's own documents may hold SealedSecrets, and few do. */
async function secretsOf(
  { style, placeholder, keys }: RenderOptions,
  context: OpContext,
): Promise<((text: FileText) => Promise<Uint8Array>) | undefined> {
  if (style === "ksops") return undefined;
  let opener: Promise<(text: FileText) => Promise<Uint8Array>> | undefined;
  return async (text) => {
    opener ??= import("./render-sealed.ts").then(({ sealedOpener }) =>
      sealedOpener({ placeholder, keys }, context),
    );
    return (await opener)(text);
  };
}

function headOf(object: unknown): { readonly apiVersion: string; readonly kind: string } {
  const { apiVersion, kind } = (typeof object === "object" && object !== null ? object : {}) as Readonly<
    Partial<Record<"apiVersion" | "kind", unknown>>
  >;
  return { apiVersion: String(apiVersion ?? ""), kind: String(kind ?? "") };
}

function unknownKind(apiVersion: string, kind: string): KsealError {
  const found = `${apiVersion} ${kind}`.trim().slice(0, 200).replaceAll(/\p{C}/gu, "\u{fffd}");
  return new KsealError(
    "CONFIG_INVALID",
    `kseal has no generator for ${found === "" ? "a document without kind" : found}`,
    {
      hint: "known are kseal.dev/v1alpha1 SecretGenerator and SecretValidator, and viaduct.ai/v1 ksops",
    },
  );
}
