import type { TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { type Manifest, readManifest } from "../formats/manifest.ts";
import { lineAt } from "../formats/manifest-lines.ts";
import { type JsonObject, join } from "../sealed/object-fields.ts";
import { placeOf } from "../sealed/secret.ts";
import type { FileText } from "./load-file.ts";
import { objectsOf, roleOf } from "./placed-objects.ts";
import { textAt } from "./verify-fields.ts";
import { type Defect, defect, type Finding, severityOf } from "./verify-finding.ts";
import { checkSealedSecret, checkSecret, type Expected } from "./verify-object.ts";

/** A SealedSecret of a file, well or badly made. */
export interface JudgedObject {
  readonly file: string;
  readonly line: number;
  /** `namespace/name`; empty when it has neither. */
  readonly place: string;
  readonly object: JsonObject;
  /** Its document, from 0, and the way to it in a list. */
  readonly document: number;
  readonly path: TreePath;
  /** A defect of this object as a finding of its file. */
  readonly find: (defect: Defect) => Finding;
}

/** What was read off a file. */
export interface JudgedFile {
  readonly file: string;
  readonly objects: readonly JudgedObject[];
  readonly findings: readonly Finding[];
}

/** How a file is judged. */
export interface Judging extends Expected {
  /** Whether Secrets in clear have no place in it: it was named, or a sealing rule is for it. */
  readonly isForSealed: boolean;
  /** Whether it was named, and should hold a SealedSecret. */
  readonly wasNamed: boolean;
}

/** Everything that is wrong with a file and shows without a key. What does not parse is a finding, too. */
export async function judgeFile(text: FileText, judging: Judging): Promise<JudgedFile> {
  const { file } = text;
  let manifest: Manifest;
  try {
    manifest = await readManifest(text.bytes, { file: text.name === "" ? file : text.name });
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return { file, objects: [], findings: [unreadable(file, error)] };
  }
  const placed = manifest.documents.flatMap(({ index, object }) =>
    objectsOf(object).map((found) => ({ ...found, document: index, role: roleOf(found.object) })),
  );
  const judged = placed.map(({ object, document, path, role }) => ({
    role,
    judged: judgedObject(file, manifest, { object, document, path }),
  }));
  const objects = judged.filter(({ role }) => role === "sealed").map((one) => one.judged);
  // SOPS has encrypted the Secrets of its files.
  const mayBeClear = judging.isForSealed && manifest.parsed.metadata === undefined;
  const secrets = mayBeClear ? judged.filter(({ role }) => role === "secret").map((one) => one.judged) : [];
  const findings = [
    ...manifest.warnings.map(({ kind, message, line }) => ofFile(file, kind, message, line)),
    ...objects.flatMap(({ object, find }) => checkSealedSecret(object, judging).map(find)),
    ...secrets.flatMap(({ object, find }) => checkSecret(object).map(find)),
  ];
  if (objects.length > 0 || findings.length > 0 || !judging.wasNamed) return { file, objects, findings };
  return { file, objects, findings: [missing(file, placed.length)] };
}

function judgedObject(
  file: string,
  manifest: Manifest,
  at: Pick<JudgedObject, "object" | "document" | "path">,
): JudgedObject {
  const { object, document, path } = at;
  const place = placeOf({
    namespace: textAt(object, ["metadata", "namespace"]),
    name: textAt(object, ["metadata", "name"]),
  });
  return {
    ...at,
    file,
    place,
    line: lineAt(manifest, document, path),
    find: ({ rule, path: inside, message, hint }) => ({
      rule,
      severity: severityOf(rule),
      file,
      line: lineAt(manifest, document, [...path, ...inside]),
      object: place === "" ? undefined : place,
      path: printPath([...path, ...inside]),
      message,
      hint,
    }),
  };
}

function printPath(path: TreePath): string | undefined {
  const text = path.reduce<string>(
    (above, step) => (typeof step === "number" ? `${above}[${step}]` : join(above, step)),
    "",
  );
  return text === "" ? undefined : text;
}

function unreadable(file: string, { code, message, hint, where }: KsealError): Finding {
  const rule = code === "EMPTY_INPUT" ? "empty" : "syntax";
  return { ...ofFile(file, rule, message, where?.line), hint };
}

function missing(file: string, others: number): Finding {
  if (others === 0) return ofFile(file, "empty", "there is no object in it", undefined);
  return ofFile(file, "no-sealed-secret", "there is no SealedSecret in it", undefined);
}

function ofFile(file: string, rule: Finding["rule"], message: string, line: number | undefined): Finding {
  const { path: _, ...rest } = defect(rule, [], message);
  return {
    ...rest,
    severity: severityOf(rule),
    file,
    line,
    object: undefined,
    path: undefined,
    hint: undefined,
  };
}
