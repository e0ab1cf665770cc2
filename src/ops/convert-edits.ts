import type { TreeNode } from "../core/tree.ts";
import { editManifest, type ManifestEdit } from "../formats/manifest.ts";
import { field } from "../sealed/object-fields.ts";
import type { OpContext } from "./context.ts";
import type { GeneratedSecret } from "./convert-generators.ts";
import {
  type FluxKustomization,
  isBelow,
  isObject,
  type Kustomization,
  type Layout,
  listOf,
  specOf,
  textOf,
} from "./convert-layout.ts";
import type { SecretForm } from "./convert-source.ts";
import { baseName, seenFrom, shellWord } from "./file-path.ts";
import type { Result } from "./write-result.ts";

/** A file of Kustomize or Flux that has to change along. */
interface LayoutEdit extends Result {
  readonly what: string;
}

interface Change {
  readonly kustomization: Kustomization;
  readonly edits: readonly ManifestEdit[];
  readonly what: string;
}

interface LayoutConversion {
  readonly layout: Layout;
  readonly to: SecretForm;
  /** The files that were converted, by their absolute paths. */
  readonly converted: readonly string[];
  /** SOPS files that stay as they are. */
  readonly left: readonly string[];
  readonly generated: readonly GeneratedSecret[];
  readonly decryptionSecret: string | undefined;
  /** Whether every file below a folder was looked at. */
  readonly isWhole: (folder: string) => boolean;
}

/**
 * What Kustomize and Flux have to be told of a conversion: SealedSecrets in place of generators that read encrypted
 * files, and decryption, which SealedSecrets do without and SOPS files need.
 */
export async function layoutEdits(
  conversion: LayoutConversion,
  context: OpContext,
): Promise<{ readonly edits: readonly LayoutEdit[]; readonly next: readonly string[] }> {
  const { layout, generated } = conversion;
  const unused = generated.flatMap(({ files }) => files);
  const touched = [...conversion.converted, ...unused];
  const applying = layout.flux.filter(({ applies }) => touched.some((path) => isBelow(path, applies)));
  const flux = applying.map((one) => fluxChange(one, conversion));
  const { cwd, platform } = context.host;
  return {
    edits: await applied([
      ...generatorChanges(generated, context),
      ...flux.flatMap(({ change }) => change ?? []),
    ]),
    next: [
      ...unused.map((path) => `git rm ${shellWord(seenFrom(cwd, path, platform))}`),
      ...flux.flatMap(({ next }) => next ?? []),
    ],
  };
}

function fluxChange(
  one: FluxKustomization,
  { to, left, isWhole, decryptionSecret }: LayoutConversion,
): { readonly change?: Change; readonly next?: string } {
  const { applies, name, source } = one;
  const decryption = field(specOf(one), "decryption");
  if (to === "sealed" && isObject(decryption)) {
    if (!isWhole(applies) || left.some((path) => isBelow(path, applies))) {
      return { next: `${source.file}: ${name} still decrypts: not every file that it applies was converted` };
    }
    const secret = field(decryption, "secretRef");
    const key = isObject(secret) ? textOf(secret, "name") : undefined;
    const unneeded = `${source.file}: ${name} does not use the Secret ${key} any more`;
    return { change: withoutDecryption(one), ...(key === undefined ? {} : { next: unneeded }) };
  }
  if (to !== "sops" || isObject(decryption)) return {};
  if (decryptionSecret !== undefined) return { change: withDecryption(one, decryptionSecret) };
  return {
    next: `${source.file}: ${name} does not decrypt: add spec.decryption with provider sops, or --decryption-secret NAME`,
  };
}

function generatorChanges(generated: readonly GeneratedSecret[], { host }: OpContext): Change[] {
  const byFile = Map.groupBy(generated, ({ kustomization }) => kustomization);
  return [...byFile].map(([kustomization, secrets]) => {
    const { document, object } = kustomization;
    const entries = listOf(object, "secretGenerator").length;
    const names = secrets.map(({ file }) => baseName(file.file, host.platform));
    const resources = listOf(object, "resources").length;
    const removals =
      entries === secrets.length
        ? [{ document, path: ["secretGenerator"], value: undefined }]
        : secrets
            .toSorted((a, b) => b.index - a.index)
            .map(({ index }) => ({ document, path: ["secretGenerator", index], value: undefined }));
    const additions: readonly ManifestEdit[] =
      resources === 0
        ? [{ document, path: ["resources"], value: { kind: "seq", items: names.map(text) } }]
        : names.map((name, at) => ({ document, path: ["resources", resources + at], value: text(name) }));
    const what = `${names.join(", ")} in place of what secretGenerator made of encrypted files`;
    return { kustomization, edits: [...removals, ...additions], what };
  });
}

function withoutDecryption(kustomization: FluxKustomization): Change {
  const { document, name } = kustomization;
  return {
    kustomization,
    edits: [{ document, path: ["spec", "decryption"], value: undefined }],
    what: `${name}: without spec.decryption`,
  };
}

function withDecryption(kustomization: FluxKustomization, secret: string): Change {
  const { document, name } = kustomization;
  const value = map({ provider: text("sops"), secretRef: map({ name: text(secret) }) });
  return {
    kustomization,
    edits: [{ document, path: ["spec", "decryption"], value }],
    what: `${name}: spec.decryption with the Secret ${secret}`,
  };
}

async function applied(changes: readonly Change[]): Promise<readonly LayoutEdit[]> {
  const byFile = Map.groupBy(changes, ({ kustomization }) => kustomization.manifest);
  return Promise.all(
    [...byFile].map(async ([manifest, ofFile]) => {
      const [{ kustomization }] = ofFile as [Change, ...Change[]];
      return {
        source: kustomization.source,
        expect: kustomization.text.bytes,
        content: await editManifest(
          manifest,
          ofFile.flatMap(({ edits }) => edits),
        ),
        what: ofFile.map(({ what }) => what).join("; "),
      };
    }),
  );
}

function text(value: string): TreeNode {
  return { kind: "str", value };
}

function map(entries: Readonly<Record<string, TreeNode>>): TreeNode {
  return {
    kind: "map",
    items: Object.entries(entries).map(([key, value]) => ({ kind: "entry", key, value })),
  };
}
