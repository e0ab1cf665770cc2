import { readFileSync } from "node:fs";
import { join } from "node:path";
import { vectorsFolder } from "./identities.ts";
import type { VectorCell, VectorMatrix } from "./vector-features.ts";

/** The checked-in matrix of the golden files. */
export const vectorMatrix: VectorMatrix = JSON.parse(
  readFileSync(join(vectorsFolder, "matrix.json"), "utf8"),
) as VectorMatrix;

/** A golden file. */
export interface Vector {
  readonly version: string;
  readonly feature: string;
  readonly file: string;
  readonly encrypted: Buffer;
  /** What the maker prints, and what the newest `sops` does. */
  readonly decrypted: readonly Buffer[];
}

/** All golden files, in the order of the matrix. */
export function readVectors(): readonly Vector[] {
  return Object.entries(vectorMatrix).flatMap(([version, cells]) =>
    Object.entries(cells).flatMap(([feature, cell]) =>
      "file" in cell ? [readVector(version, feature, cell)] : [],
    ),
  );
}

function readVector(
  version: string,
  feature: string,
  cell: Extract<VectorCell, { readonly file: string }>,
): Vector {
  const read = (name: string) => readFileSync(join(vectorsFolder, `sops-${version}`, name));
  const prints = [cell.decrypted, cell.decryptedByNewest].filter((name) => name !== undefined);
  return { version, feature, file: cell.file, encrypted: read(cell.file), decrypted: prints.map(read) };
}
