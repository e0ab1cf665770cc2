import { KsealError } from "../errors.ts";
import type { Scope } from "../sealed/scope.ts";
import type { CertificateFlags } from "./certificate.ts";
import type { OpContext } from "./context.ts";
import { layoutEdits } from "./convert-edits.ts";
import { type GeneratedSecret, generatedSecrets } from "./convert-generators.ts";
import { isBelow, type Layout, listOf, readLayout } from "./convert-layout.ts";
import { type Converted, plainConverter } from "./convert-plain.ts";
import { sealedConverter } from "./convert-sealed.ts";
import { type ConvertSource, formOf, openSealed, readSource, type SecretForm } from "./convert-source.ts";
import type { Destination } from "./destination.ts";
import { baseName, folderOf } from "./file-path.ts";
import { plainInGit } from "./git.ts";
import { mapFiles } from "./map-files.ts";
import { type SelectedFile, selectLike } from "./select-files.ts";
import { withLocks, writeResults } from "./write-result.ts";

export interface ConvertOptions extends CertificateFlags {
  /** Files and folders; a folder means every file below it that holds Secrets in another form. */
  readonly paths: readonly string[];
  readonly to: SecretForm;
  readonly destination: Destination;
  /** Files and folders with sealing keys, to open SealedSecrets; those of the environment when empty. */
  readonly sealingKeys: readonly string[];
  /** As that of sealing. */
  readonly scope?: Scope | undefined;
  /** For Secrets that name none and get none from Kustomize or Flux. */
  readonly namespace?: string | undefined;
  /** The Secret in which Flux finds its keys: Kustomizations of Flux without `decryption` get it, with that name. */
  readonly decryptionSecret?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** One file that was converted. */
interface ConvertedFile {
  readonly file: string;
  readonly from: SecretForm;
  readonly to: SecretForm;
  /** `undefined` when it went to the caller. */
  readonly writtenTo: string | undefined;
  /** `namespace/name` of each Secret in it. */
  readonly secrets: readonly string[];
  /** What the new form has no place for. */
  readonly lost: readonly string[];
  readonly content: Uint8Array;
}

export interface ConvertResult {
  readonly files: readonly ConvertedFile[];
  /** Files of Kustomize and Flux that were changed along. */
  readonly edited: readonly { readonly file: string; readonly what: string }[];
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
  /** What is left to do, a line each. */
  readonly next: readonly string[];
}

/**
 * Converts Secrets between SOPS files, SealedSecrets and plain Secrets. Everything is read and converted before anything
 * is written. Objects of other kinds stay in their files as they are.
 *
 * @throws KsealError `SEALED_INVALID` for a file that was named and holds no Secret, `USAGE` when plaintext has no place of
 *   its own; and what opening, sealing and encrypting throws. Of several files that fail, all are named.
 */
export async function convertFiles(options: ConvertOptions, context: OpContext): Promise<ConvertResult> {
  const { paths, to, destination, dryRun } = options;
  if (to === "secret" && (destination.to === "caller" || destination.to === "in-place")) {
    throw new KsealError("USAGE", "plain Secrets need a place of their own", { hint: "name it with --out" });
  }
  const sources = await sourcesOf(paths, to, context);
  return withLocks(sources, destination.to === "in-place" && !dryRun, context, async () => {
    const { found, skipped } = await readAll(sources, to, context);
    const layout = await readLayout(foldersOf(paths, sources, context), context);
    const opened = await openSealed(found, options.sealingKeys, context);
    const writesTree = destination.to === "in-place" || destination.to === "folder";
    const generated = to === "sealed" && writesTree ? await generatedSecrets(layout, context) : [];
    const converted = await convertAll(opened, generated, layout, options, context);
    const changed = writesTree
      ? await layoutEdits(
          {
            layout,
            to,
            converted: opened.flatMap(({ source: { path } }) => path ?? []),
            left: leftBehind(skipped, generated),
            generated,
            decryptionSecret: options.decryptionSecret,
            isWhole: (folder) => paths.some((path) => isBelow(folder, context.host.resolve(path))),
          },
          context,
        )
      : { edits: [], next: [] };
    const results = [...converted, ...changed.edits];
    const targets = await writeResults(results, destination, { dryRun, plaintext: to === "secret" }, context);
    if (destination.to === "in-place" && !dryRun) await warnOfHistory(opened, context);
    return {
      files: converted.map(({ source, expect: _, ...rest }, index) => ({
        ...rest,
        file: source.file,
        to,
        writtenTo: targets[index],
      })),
      edited: changed.edits.map(({ source: { file }, what }) => ({ file, what })),
      skipped: skipped
        .filter(
          ({ path, isEncrypted }) =>
            isEncrypted && !generated.some(({ files }) => files.includes(path ?? "")),
        )
        .map(({ file, why }) => ({ file, why })),
      next: changed.next,
    };
  });
}

/** The files to convert. Of several folders one may hold nothing but what Kustomize and Flux read. */
async function sourcesOf(
  paths: readonly string[],
  to: SecretForm,
  context: OpContext,
): Promise<readonly SelectedFile[]> {
  const looksRight = (bytes: Uint8Array): boolean => ![undefined, to].includes(formOf(bytes));
  const kind = { looksRight, missing: "nothing to convert in this folder" };
  const found = new Map<string, SelectedFile>();
  let failure: unknown;
  for (const path of paths) {
    try {
      const sources = await selectLike([path], kind, context);
      for (const source of sources) found.set(source.path ?? "-", source);
    } catch (error) {
      const isFolder = (await context.host.stat(context.host.resolve(path)))?.kind === "folder";
      if (!(error instanceof KsealError) || error.code !== "NO_FILE" || !isFolder) throw error;
      failure ??= error;
    }
  }
  if (found.size === 0 && failure !== undefined) throw failure;
  return [...found.values()];
}

interface Skipped {
  readonly file: string;
  readonly path: string | undefined;
  readonly why: string;
  readonly isEncrypted: boolean;
}

const already: Readonly<Record<SecretForm, string>> = {
  sops: "it is encrypted with SOPS already",
  sealed: "it holds SealedSecrets already",
  secret: "it is in clear already",
};

async function readAll(
  sources: readonly SelectedFile[],
  to: SecretForm,
  context: OpContext,
): Promise<{ readonly found: readonly ConvertSource[]; readonly skipped: readonly Skipped[] }> {
  const read = await mapFiles(
    sources,
    async (source) => {
      const result = await readSource(source, context);
      const refused = "why" in result ? result.why : refusalOf(result, to);
      if (refused === undefined || source.found) return { source, result, refused };
      throw new KsealError("SEALED_INVALID", refused);
    },
    context,
  );
  return {
    found: read.flatMap(({ result, refused }) => ("why" in result || refused !== undefined ? [] : [result])),
    skipped: read.flatMap(({ source: { file, path }, result, refused }) =>
      refused === undefined
        ? []
        : [{ file, path, why: refused, isEncrypted: "isEncrypted" in result ? result.isEncrypted : true }],
    ),
  };
}

function refusalOf({ from, parts }: ConvertSource, to: SecretForm): string | undefined {
  if (from === to) return already[to];
  if (to !== "sops") return undefined;
  // The Secret that spec.decryption of Flux names.
  const isKey = (name: string) => /\.(agekey|asc)$|^sops\.(vault-token|aws-kms|azure-kv|gcp-kms)$/.test(name);
  const items = parts.flatMap(({ secret, sealed }) => [
    ...(secret?.data.keys() ?? []),
    ...(sealed?.sealed.encryptedData.keys() ?? []),
  ]);
  return items.some(isKey)
    ? "it holds the key with which Flux opens SOPS files, and could not open this one before it has it"
    : undefined;
}

async function convertAll(
  opened: readonly ConvertSource[],
  generated: readonly GeneratedSecret[],
  layout: Layout,
  options: ConvertOptions,
  context: OpContext,
): Promise<readonly Converted[]> {
  if (options.to !== "sealed") return mapFiles(opened, plainConverter(options, context), context);
  const values = [...opened.flatMap(({ parts }) => parts), ...generated].reduce(
    (sum, { secret }) => sum + (secret?.data.size ?? 0),
    0,
  );
  const listed = withGenerated(layout, generated, context);
  const convert = sealedConverter({ ...options, layout: listed, values }, context);
  return mapFiles([...opened, ...generated.map(({ file }) => file)], convert, context);
}

/** As the kustomizations will be: with the files for generated Secrets among their resources. */
function withGenerated(layout: Layout, generated: readonly GeneratedSecret[], { host }: OpContext): Layout {
  const kustomizations = layout.kustomizations.map((one) => {
    const own = generated.filter(({ kustomization }) => kustomization === one);
    const names = own.map(({ file }) => baseName(file.file, host.platform));
    return { ...one, object: { ...one.object, resources: [...listOf(one.object, "resources"), ...names] } };
  });
  return { ...layout, kustomizations };
}

/** SOPS files that Flux has to open as before. */
function leftBehind(skipped: readonly Skipped[], generated: readonly GeneratedSecret[]): readonly string[] {
  const used = new Set(generated.flatMap(({ files }) => files));
  return skipped.flatMap(({ path, isEncrypted }) =>
    path === undefined || !isEncrypted || used.has(path) ? [] : [path],
  );
}

/** Where the files of Kustomize and Flux are looked for: the folders that were named, and those of named files. */
function foldersOf(
  paths: readonly string[],
  sources: readonly SelectedFile[],
  { host }: OpContext,
): readonly string[] {
  const named = new Set(sources.flatMap(({ file, found }) => (found || file === "-" ? [] : [file])));
  return [
    ...new Set(
      paths.flatMap((path) => {
        if (path === "-") return [];
        return named.has(path) ? [folderOf(path, host.platform)] : [path];
      }),
    ),
  ];
}

async function warnOfHistory(sources: readonly ConvertSource[], { host, log }: OpContext): Promise<void> {
  const plain = sources.filter(({ from }) => from === "secret");
  const names = new Map(plain.map(({ source, file }) => [source.path ?? "", file]));
  for (const path of await plainInGit(host, [...names.keys()])) {
    log.warn(
      `${names.get(path)}: its plaintext is in the Git history and stays there; change the credentials in it`,
    );
  }
}
