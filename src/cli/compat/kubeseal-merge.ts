import { KsealError } from "../../errors.ts";
import { editManifest, type Manifest, type ManifestEdit, readManifest } from "../../formats/manifest.ts";
import type { Certificate } from "../../sealed/certificate.ts";
import { field, listField, objectAt } from "../../sealed/object-fields.ts";
import { scopeOf, withScope } from "../../sealed/scope.ts";
import { readSealedSecret, type SealedSecret } from "../../sealed/sealed-secret.ts";
import { typedItem } from "../../sealed/secret.ts";
import { formatOf } from "./kubeseal-call.ts";
import { KubesealError } from "./kubeseal-error.ts";
import { openFile } from "./kubeseal-files.ts";
import type { KubesealRun } from "./kubeseal-run.ts";
import { sealInput } from "./kubeseal-seal.ts";

/** A SealedSecret in the file that is changed. */
interface Target {
  readonly document: number;
  /** Into the document: empty, or the item of a list. */
  readonly path: readonly (string | number)[];
  readonly sealed: SealedSecret;
}

/**
 * Seals the input for the place of a SealedSecret in a file, and puts the values, labels and annotations into it. Scope,
 * format, comments and everything else of the file stay, and it is replaced whole or not at all (S12).
 */
export async function mergeInto(run: KubesealRun, certificate: Certificate): Promise<void> {
  const { call, host } = run;
  const file = call.mergeInto;
  formatOf(call.format);
  await host.withLock(file, async () => {
    const before = await openFile(host, file);
    const manifest = await readManifest(before, { file });
    const target = targetIn(manifest, file);
    const { name, namespace } = target.sealed.metadata;
    const scope = scopeOf(target.sealed.metadata.annotations);
    if (call.scope !== "strict" && call.scope !== scope) {
      throw new KubesealError(
        `${file} has the scope ${scope}: a value of the scope ${call.scope} would not open in it`,
      );
    }
    const updates = await sealInput(run, certificate, { name, namespace, scope });
    const edits = updates.flatMap((update) => editsFor(update, target));
    const bytes = await editManifest(manifest, edits);
    await host.replaceFiles([{ path: file, bytes, expect: before }]);
  });
}

function targetIn(manifest: Manifest, file: string): Target {
  const targets = manifest.documents.flatMap(({ object, index, line }) => {
    try {
      return object === undefined ? [] : targetsOf(object, index);
    } catch (error) {
      throw error instanceof KsealError ? error.at({ file, ...(line === undefined ? {} : { line }) }) : error;
    }
  });
  const [target, second] = targets;
  if (target === undefined) throw new KubesealError(`${file} holds no SealedSecret`);
  if (second !== undefined) throw new KubesealError(`${file} holds ${targets.length} SealedSecrets`);
  return target;
}

function targetsOf(document: unknown, index: number): readonly Target[] {
  const object = objectAt(document, "");
  const kind = field(object, "kind");
  if (kind === "SealedSecret") return [{ document: index, path: [], sealed: readSealedSecret(object) }];
  if (kind !== "List" && kind !== "SealedSecretList") return [];
  return listField(object, "items", "").flatMap((one, at) => {
    const item = objectAt(typedItem(kind, one), `items[${at}]`);
    return field(item, "kind") === "SealedSecret"
      ? [{ document: index, path: ["items", at], sealed: readSealedSecret(item) }]
      : [];
  });
}

function editsFor(update: SealedSecret, { document, path }: Target): readonly ManifestEdit[] {
  const edit = (below: readonly string[], key: string, value: string): ManifestEdit => ({
    document,
    path: [...path, "spec", ...below, key],
    value: { kind: "str", value },
  });
  const { labels, annotations } = update.template.metadata;
  return [
    ...[...update.encryptedData].map(([item, value]) => edit(["encryptedData"], item, value)),
    // The scope is the target's own.
    ...[...withScope(annotations, "strict")].map(([name, value]) =>
      edit(["template", "metadata", "annotations"], name, value),
    ),
    ...[...labels].map(([name, value]) => edit(["template", "metadata", "labels"], name, value)),
  ];
}
