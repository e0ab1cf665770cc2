import { concatBytes } from "../core/concat-bytes.ts";
import { KsealError } from "../errors.ts";
import type { ManifestFormat } from "../formats/manifest.ts";
import { printObjects } from "../formats/manifest-print.ts";
import type { SealingKey } from "../sealed/sealing-key.ts";
import { placeOf, type Secret, secretObject } from "../sealed/secret.ts";
import { unsealOpened } from "../sealed/unseal-secret.ts";
import type { OpContext } from "./context.ts";
import type { Destination } from "./destination.ts";
import { templateRenderer } from "./render-template.ts";
import { type FoundSealed, readSealedFiles, type SealedFile, selectSealed } from "./unseal-objects.ts";
import { type KeysAtHand, openObjects, requireSealingKeys } from "./unseal-values.ts";
import { writeResults } from "./write-result.ts";

export interface UnsealOptions {
  /** Files and folders; `-` for standard input. */
  readonly paths: readonly string[];
  /** Files and folders with sealing keys; those of the environment when empty. */
  readonly keys: readonly string[];
  readonly destination: Destination;
  /** Only this value, as it is, of the one object that has it. */
  readonly item?: string | undefined;
  /** Only objects of this name: `db` or `prod/db`. */
  readonly object?: string | undefined;
  readonly inputType?: ManifestFormat | undefined;
  /** That of the first file when left out. */
  readonly outputType?: ManifestFormat | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Which key opened an item. */
interface Opener {
  /** Empty for the one value of an object from before version 0.7. */
  readonly item: string;
  /** As OpenSSH prints it. */
  readonly fingerprint: string;
  /** The key's Secret, or the file that it came from. */
  readonly key: string;
  /** Whether there is a newer key at hand. */
  readonly old: boolean;
}

interface UnsealedObject {
  readonly file: string;
  readonly namespace: string;
  readonly name: string;
  readonly openers: readonly Opener[];
}

export interface UnsealResult {
  readonly objects: readonly UnsealedObject[];
  /** What is to be printed; `undefined` when it went into files. */
  readonly content: Uint8Array | undefined;
  readonly written: readonly { readonly file: string; readonly writtenTo: string }[];
  /** RSA private operations, which is what opening costs. */
  readonly rsaOperations: number;
}

/**
 * Opens SealedSecrets with sealing keys, without a cluster: what the controller would make of them, but without an owner,
 * which only lives in the cluster. Nothing is written or returned unless everything opens.
 *
 * @throws KsealError `SEALED_NO_KEY`, `SEALED_INVALID`, and what reading files and keys throws.
 */
export async function unsealFiles(options: UnsealOptions, context: OpContext): Promise<UnsealResult> {
  const sources = await selectSealed(options, context);
  const atHand = await requireSealingKeys(options.keys, context);
  const files = await readSealedFiles(sources, options.inputType, context);
  const wanted = files.flatMap(({ objects }) => objects).filter(isNamed(options.object));
  if (wanted.length === 0) throw noSuchObject(undefined, options.object);
  sayWhatIsLeft(files, context);
  const unsealed = await openObjects(
    wanted,
    atHand.keys,
    (object, opened) => {
      const render = templateRenderer(context.host);
      const result = unsealOpened(object.sealed, opened, { render, acceptV1: true });
      return { object, secret: withoutOwner(result.secret), result };
    },
    context,
  );
  const objects = unsealed.map(({ object, result }) => describe(object, result.openers, atHand));
  const rsaOperations = unsealed.reduce((sum, { result }) => sum + result.rsaOperations, 0);
  const format = options.outputType ?? files[0]?.manifest.format ?? "yaml";
  if (options.item !== undefined) {
    const content = itemOf(unsealed, options.item);
    const out = await write([{ file: files[0], content }], options, context);
    return { objects, rsaOperations, ...out };
  }
  const contents = files.flatMap((file) => {
    const own = unsealed.filter(({ object }) => file.objects.includes(object));
    const print = options.outputType ?? (options.destination.to === "folder" ? file.manifest.format : format);
    return own.length === 0
      ? []
      : [
          {
            file,
            content: printObjects(
              own.map(({ secret }) => secretObject(secret)),
              print,
            ),
          },
        ];
  });
  return { objects, rsaOperations, ...(await write(contents, options, context)) };
}

/** Chooses objects by `name` or `namespace/name`. */
export function isNamed(wanted: string | undefined): (object: FoundSealed) => boolean {
  return ({ sealed, place }) => wanted === undefined || wanted === place || wanted === sealed.metadata.name;
}

/** Says of each item which key opened it. */
function openersOf(
  openers: ReadonlyMap<string, SealingKey>,
  { keys, newest }: KeysAtHand,
): readonly Opener[] {
  return [...openers].map(([item, { name, fingerprint }]) => ({
    item,
    fingerprint,
    key: name === "" ? (keys.find((key) => key.fingerprint === fingerprint)?.file ?? "") : name,
    old: fingerprint !== newest.fingerprint,
  }));
}

function describe(
  { file, sealed: { metadata } }: FoundSealed,
  openers: ReadonlyMap<string, SealingKey>,
  atHand: KeysAtHand,
): UnsealedObject {
  const { namespace, name } = metadata;
  return { file, namespace, name, openers: openersOf(openers, atHand) };
}

/** Without the owner that the controller sets: outside of the cluster it has no identity, and Kubernetes refuses it. */
export function withoutOwner(secret: Secret): Secret {
  const other = new Map([...secret.metadata.other].filter(([field]) => field !== "ownerReferences"));
  return { ...secret, metadata: { ...secret.metadata, other } };
}

function itemOf(
  unsealed: readonly { readonly object: FoundSealed; readonly secret: Secret }[],
  item: string,
): Uint8Array {
  const having = unsealed.filter(({ secret }) => secret.data.has(item));
  const [only, ...more] = having;
  const [value] = having.map(({ secret }) => secret.data.get(item));
  const shown = JSON.stringify(item);
  if (only === undefined || value === undefined) {
    const [first, ...others] = unsealed;
    const where = first === undefined || others.length > 0 ? undefined : { file: first.object.file };
    throw new KsealError("NOT_FOUND", `there is no item ${shown}`, { where });
  }
  if (more.length === 0) return value;
  const places = having.slice(0, 5).map(({ secret }) => placeOf(secret.metadata));
  throw new KsealError(
    "USAGE",
    `${having.length} SealedSecrets have an item ${shown}: ${places.join(", ")}`,
    {
      hint: "name the one that is meant with --object NAMESPACE/NAME",
    },
  );
}

/** That no object has the name that was asked for. */
export function noSuchObject(file: string | undefined, object: string | undefined): KsealError {
  const name = object === undefined ? "" : ` ${JSON.stringify(object)}`;
  const where = file === undefined ? undefined : { file };
  return new KsealError("NOT_FOUND", `there is no SealedSecret${name}`, { where });
}

function sayWhatIsLeft(files: readonly SealedFile[], { log }: OpContext): void {
  for (const { source, others } of files) {
    if (others === 0) continue;
    log.info(`${source.file}: ${others} object${others === 1 ? "" : "s"} of other kinds left out`);
  }
}

async function write(
  contents: readonly { readonly file: SealedFile | undefined; readonly content: Uint8Array }[],
  { destination, dryRun }: UnsealOptions,
  context: OpContext,
): Promise<Pick<UnsealResult, "content" | "written">> {
  if (destination.to === "caller") {
    return { content: concatBytes(contents.map(({ content }) => content)), written: [] };
  }
  const results = contents.flatMap(({ file, content }) =>
    file === undefined ? [] : [{ source: file.source, content, expect: file.text.bytes }],
  );
  const targets = await writeResults(results, destination, { dryRun, plaintext: true }, context);
  const written = results.flatMap(({ source }, at) => {
    const writtenTo = targets[at];
    return writtenTo === undefined ? [] : [{ file: source.file, writtenTo }];
  });
  return { content: undefined, written };
}
