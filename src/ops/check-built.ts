import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import { expandList } from "../sealed/secret.ts";
import type { OpContext } from "./context.ts";
import { readText } from "./load-file.ts";
import { placeholderAnnotation } from "./render-placeholder.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** So many objects of a kind are to come out of a build. */
export interface Expectation {
  /** As it was written, for messages. */
  readonly text: string;
  /** In small letters, without the `s` of several. */
  readonly kind: string;
  readonly relation: ">=" | "=" | "<=";
  readonly count: number;
}

/** What came out, and what is wrong with it. */
export interface BuiltResult {
  readonly objects: number;
  /** In the order of the objects, then of the expectations. No values in it. */
  readonly problems: readonly string[];
}

/**
 * Reads what is expected: `secrets>=3`, `configmap=1`, `sealedsecrets<=0`.
 *
 * @throws KsealError `USAGE`
 */
export function readExpectation(text: string): Expectation {
  const [, kind = "", relation = "", digits = ""] = /^([A-Za-z]{1,63})(>=|<=|==?)(\d{1,9})$/.exec(text) ?? [];
  const known = ([">=", "=", "<="] as const).find((one) => one === relation.replace("==", "="));
  if (known === undefined) {
    throw new KsealError("USAGE", `cannot read the expectation ${JSON.stringify(text)}`, {
      hint: "a kind, a relation and a number: --expect 'secrets>=3'",
    });
  }
  return { text, kind: singular(kind), relation: known, count: Number(digits) };
}

/**
 * Judges what a build gave: Kustomize ends with success and without its generators' Secrets when a flag is missing, and
 * what is not there breaks nothing until it is pruned. Values that are still encrypted, placeholders and generators that
 * nobody ran are problems whatever is expected.
 *
 * @param options.paths - Files of manifests, `-` for standard input.
 * @throws KsealError `INPUT_UNREADABLE`, `NO_FILE`, `FORMAT_INVALID`, `LIMIT_EXCEEDED`.
 */
export async function checkBuilt(
  options: { readonly paths: readonly string[]; readonly expectations: readonly Expectation[] },
  context: OpContext,
): Promise<BuiltResult> {
  const objects: JsonObject[] = [];
  for (const path of options.paths) {
    const file = path === "-" ? "standard input" : path;
    const { bytes } = await readText(path === "-" ? { file, path: undefined } : { file, path }, {}, context);
    if (new TextDecoder().decode(bytes).trim() === "") continue;
    const { documents } = await readManifest(bytes, { file });
    objects.push(...documents.flatMap(({ object }) => (object === undefined ? [] : expandList(object))));
  }
  const counted = new Map<string, number>();
  for (const { kind } of objects) {
    if (typeof kind !== "string") continue;
    counted.set(singular(kind), (counted.get(singular(kind)) ?? 0) + 1);
  }
  const problems = [
    ...objects.flatMap((object) => problemOf(object) ?? []),
    ...options.expectations.flatMap((wanted) => missed(wanted, counted.get(wanted.kind) ?? 0)),
  ];
  return { objects: objects.length, problems };
}

function missed({ text, relation, count }: Expectation, found: number): readonly string[] {
  const holds = relation === ">=" ? found >= count : relation === "<=" ? found <= count : found === count;
  return holds ? [] : [`expected ${text}, found ${found}`];
}

function problemOf(object: JsonObject): string | undefined {
  const { apiVersion, kind } = object;
  if (apiVersion === "viaduct.ai/v1" || apiVersion === "kseal.dev/v1alpha1") {
    return `${nameOf(object)}: a generator that nobody ran`;
  }
  if (kind === "Secret" && Object.hasOwn(annotationsOf(object), placeholderAnnotation)) {
    return `${nameOf(object)}: placeholders in place of values`;
  }
  return holdsCiphertext(object) ? `${nameOf(object)}: still encrypted` : undefined;
}

function holdsCiphertext(value: unknown): boolean {
  if (typeof value === "string") return /^ENC\[AES256_GCM,data:/.test(value);
  return typeof value === "object" && value !== null && Object.values(value).some(holdsCiphertext);
}

function nameOf({ kind, metadata }: JsonObject): string {
  const { name, namespace } = asObject(metadata);
  const place = [namespace, name].filter((part) => typeof part === "string").join("/");
  return `${typeof kind === "string" ? kind : "an object"} ${place}`.trim();
}

function annotationsOf({ metadata }: JsonObject): JsonObject {
  return asObject(asObject(metadata)["annotations"]);
}

function asObject(value: unknown): JsonObject {
  return typeof value === "object" && value !== null ? (value as JsonObject) : {};
}

function singular(kind: string): string {
  const small = kind.toLowerCase();
  // Ingresses, StorageClasses; and Ingress, whose last letter says nothing.
  return small.replace(/(?<=ss)es$|(?<!s)s$/, "");
}
