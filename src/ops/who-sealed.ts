import { matchSealingRule } from "../config/match.ts";
import type { Config } from "../config/rules.ts";
import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import { lineAt } from "../formats/manifest-lines.ts";
import { type Scope, scopeOf } from "../sealed/scope.ts";
import { placeOf } from "../sealed/secret.ts";
import type { OpContext } from "./context.ts";
import { objectsOf, roleOf } from "./placed-objects.ts";
import { entriesAt, textAt, textsAt } from "./verify-fields.ts";

/** A SealedSecret of a file. */
export interface SealedObject {
  /** `namespace/name`. */
  readonly place: string;
  readonly scope: Scope;
  /** The names of its sealed values. */
  readonly items: readonly string[];
  /** The names of values in clear in its template. */
  readonly clear: readonly string[];
  /** From 1. */
  readonly line: number;
}

/** For which cluster a file is sealed, as its rule says; nothing in the file itself tells. */
export interface SealedFor {
  readonly cluster: string | undefined;
  readonly certificate: string | undefined;
  readonly fingerprint: string | undefined;
  readonly scope: Scope | undefined;
  /** Of the rule in `config`. */
  readonly line: number;
  readonly config: string;
}

/** The SealedSecrets of a file; none in one that does not parse. */
export async function sealedObjects(bytes: Uint8Array, name: string): Promise<readonly SealedObject[]> {
  try {
    const manifest = await readManifest(bytes, { file: name });
    return manifest.documents.flatMap(({ object, index }) =>
      objectsOf(object)
        .filter((placed) => roleOf(placed.object) === "sealed")
        .map((placed): SealedObject => {
          const annotations = textsAt(placed.object, ["metadata", "annotations"]);
          const names = {
            namespace: textAt(placed.object, ["metadata", "namespace"]),
            name: textAt(placed.object, ["metadata", "name"]),
          };
          return {
            place: placeOf(names),
            scope: scopeOf(annotations),
            items: entriesAt(placed.object, ["spec", "encryptedData"]).map(([item]) => item),
            clear: entriesAt(placed.object, ["spec", "template", "data"]).map(([item]) => item),
            line: lineAt(manifest, index, placed.path),
          };
        }),
    );
  } catch (error) {
    if (error instanceof KsealError) return [];
    throw error;
  }
}

/** What the first sealing rule that matches a file says. @param path - Absolute. */
export function sealedFor(
  config: Config | undefined,
  path: string,
  { host }: Pick<OpContext, "host">,
): SealedFor | undefined {
  const rule = config && matchSealingRule(config, path, host);
  if (rule === undefined || config === undefined) return undefined;
  return {
    cluster: rule.cluster?.name,
    certificate: rule.cluster?.certificate,
    fingerprint: rule.cluster?.fingerprint,
    scope: rule.scope,
    line: rule.line,
    config: config.path,
  };
}
