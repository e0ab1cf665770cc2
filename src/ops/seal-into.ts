import { KsealError } from "../errors.ts";
import { editManifest, type ManifestFormat } from "../formats/manifest.ts";
import { noMeta } from "../sealed/object-meta.ts";
import { type Scope, scopeOf } from "../sealed/scope.ts";
import type { Secret } from "../sealed/secret.ts";
import { type CertificateFlags, type FoundCertificate, findCertificate } from "./certificate.ts";
import type { OpContext } from "./context.ts";
import { generateValue } from "./generate-value.ts";
import { readText } from "./load-file.ts";
import { mapFiles } from "./map-files.ts";
import { type SealedFor, sealedFor, unchangedItemsOf } from "./seal-file.ts";
import { editsInto, type IntoEdits, otherScope } from "./seal-into-edits.ts";
import { mayHoldSecrets, readObjects, secretsIn } from "./seal-manifest.ts";
import type { UnchangedItems } from "./seal-reuse.ts";
import { chooseTarget, sealedSecretsOf, type TargetObject } from "./seal-target.ts";
import { selectLike, selectOne } from "./select-files.ts";
import { withLocks, writeResults } from "./write-result.ts";

/** What goes into a SealedSecret: the values of Secrets, or one value by name. */
export type IntoSource =
  | { readonly paths: readonly string[]; readonly inputType?: ManifestFormat | undefined }
  | { readonly item: string; readonly value: ItemValue };

/** One value: as it is, or made up by kseal. */
export type ItemValue =
  | { readonly bytes: Uint8Array }
  | { readonly generate: "password" | "uuid" | "ssh-key"; readonly length?: number | undefined };

export interface SealIntoOptions extends CertificateFlags {
  /** The file with the SealedSecret. */
  readonly target: string;
  readonly source: IntoSource;
  /** Which SealedSecret of the file is meant; needless where there is but one. */
  readonly name?: string | undefined;
  /** The same, and the namespace that values are sealed for when the SealedSecret names none. */
  readonly namespace?: string | undefined;
  /** Only what the SealedSecret has anyway; anything else is refused. */
  readonly scope?: Scope | undefined;
  /** Files with sealing keys: with them, values that are unchanged keep their ciphertext. */
  readonly keys?: readonly string[] | undefined;
  readonly allowEmpty?: boolean | undefined;
  readonly keepSync?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface SealIntoResult {
  readonly file: string;
  /** Where it was written, or would be without `dryRun`; `undefined` when there was nothing to write. */
  readonly writtenTo: string | undefined;
  /** The whole file. */
  readonly content: Uint8Array;
  /** What happened to each SealedSecret that values went into. */
  readonly objects: readonly IntoObject[];
  readonly certificate: SealedFor;
  /** The public half of a generated SSH key, as a line of `authorized_keys`. */
  readonly publicKey?: string | undefined;
}

export interface IntoObject extends Omit<IntoEdits, "edits" | "warnings"> {
  readonly name: string;
  readonly namespace: string;
  readonly scope: Scope;
}

/**
 * Adds values to SealedSecrets of a file, or replaces some: no other value is touched, and no other byte of the file.
 * Nothing needs to be opened for it. The lock is held from reading to writing, so that of two runs none is lost.
 *
 * @throws KsealError `SEALED_INVALID` when file and values do not fit together or values stand in clear in the file,
 *   `FORMAT_INVALID`, `CERTIFICATE_INVALID`, ...; the file is untouched then.
 */
export async function sealInto(options: SealIntoOptions, context: OpContext): Promise<SealIntoResult> {
  const { secrets, publicKey } = await valuesOf(options.source, context);
  const unchanged = await unchangedItemsOf(options.keys, context);
  const source = await selectOne(options.target, context);
  return withLocks([source], options.dryRun !== true, context, async () => {
    const text = await readText(source, {}, context);
    const manifest = await readObjects(text, undefined, context);
    const { file } = source;
    const targets = sealedSecretsOf(manifest, file);
    const found = await findCertificate({ ...options, file }, context);
    for (const warning of found.warnings) context.log.warn(warning);
    const done = await Promise.all(
      secrets.map((secret) => sealSecretInto(secret, { targets, file, unchanged, found }, options, context)),
    );
    const edits = done.flatMap((one) => one.edits);
    const content = edits.length === 0 ? text.bytes : await editManifest(manifest, edits);
    const results = edits.length === 0 ? [] : [{ source, content, expect: text.bytes }];
    const [writtenTo] = await writeResults(
      results,
      { to: "in-place" },
      { dryRun: options.dryRun, plaintext: false },
      context,
    );
    return {
      file,
      writtenTo,
      content,
      objects: done.map(({ report }) => report),
      certificate: sealedFor(found),
      publicKey,
    };
  });
}

async function sealSecretInto(
  secret: Secret,
  {
    targets,
    file,
    unchanged,
    found,
  }: {
    targets: readonly TargetObject[];
    file: string;
    unchanged: UnchangedItems | undefined;
    found: FoundCertificate;
  },
  options: SealIntoOptions,
  context: OpContext,
): Promise<{ readonly edits: IntoEdits["edits"]; readonly report: IntoObject }> {
  const name = options.name ?? secret.metadata.name;
  const namespace = options.namespace ?? secret.metadata.namespace;
  const target = chooseTarget(targets, { name, namespace }, file);
  const { metadata } = target.sealed;
  const scope = scopeOf(metadata.annotations);
  try {
    if (options.scope !== undefined && options.scope !== scope)
      throw otherScope(metadata, scope, options.scope);
    const { edits, warnings, ...report } = await editsInto(target, secret, {
      certificate: found.certificate,
      random: (length) => context.host.random(length),
      namespace,
      unchanged,
      allowEmpty: options.allowEmpty === true,
      keepSync: options.keepSync === true,
    });
    for (const warning of warnings) context.log.warn(`${file}: ${warning}`);
    return {
      edits,
      report: { name: metadata.name, namespace: metadata.namespace || namespace, scope, ...report },
    };
  } catch (error) {
    throw error instanceof KsealError
      ? error.at({ file, ...(target.line === undefined ? {} : { line: target.line }) })
      : error;
  }
}

async function valuesOf(
  source: IntoSource,
  context: OpContext,
): Promise<{ readonly secrets: readonly Secret[]; readonly publicKey?: string | undefined }> {
  if ("item" in source) return oneValue(source, context);
  const files = await selectLike(
    source.paths,
    { looksRight: mayHoldSecrets, missing: "no Secret in this folder" },
    context,
  );
  const read = await mapFiles(
    files,
    async (file) => {
      const text = await readText(file, {}, context);
      const manifest = await readObjects(text, source.inputType, context);
      return secretsIn(manifest, file.file).secrets.map(({ secret }) => secret);
    },
    { signal: context.signal },
  );
  return { secrets: read.flat() };
}

function oneValue(
  { item, value }: Extract<IntoSource, { item: string }>,
  { host }: OpContext,
): { readonly secrets: readonly Secret[]; readonly publicKey?: string | undefined } {
  // What Kubernetes takes as a key of a Secret.
  if (!/^[-._a-zA-Z0-9]{1,253}$/.test(item) || item === "." || item.startsWith("..")) {
    throw new KsealError(
      "USAGE",
      `${JSON.stringify(item.slice(0, 300))} is no name for an item of a Secret`,
      {
        hint: "letters, digits, -, _ and . make one",
      },
    );
  }
  const secretOf = (bytes: Uint8Array): Secret => ({ metadata: noMeta, data: new Map([[item, bytes]]) });
  if ("bytes" in value) return { secrets: [secretOf(value.bytes)] };
  const { value: made, publicKey } = generateValue(value.generate, value.length, (length) =>
    host.random(length),
  );
  return { secrets: [secretOf(new TextEncoder().encode(made))], publicKey };
}
