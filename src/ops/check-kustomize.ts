import type { TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { type Manifest, readManifest } from "../formats/manifest.ts";
import { lineAt } from "../formats/manifest-lines.ts";
import { clearField, isClear } from "./check-manifest.ts";
import { type CheckFinding, finding } from "./check-rules.ts";
import { pathText } from "./check-text.ts";
import type { OpContext } from "./context.ts";
import { ignoredByGit } from "./git.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { objectsOf, roleOf } from "./placed-objects.ts";
import { isObject, textAt, valueAt } from "./verify-fields.ts";

const fileLimit = 8 * 1024 * 1024;

/** Whether a file is one that Kustomize starts from. */
export function isKustomization(path: string): boolean {
  return /(?:^|[/\\])(?:kustomization\.ya?ml|Kustomization)$/.test(path);
}

/** Secrets that a kustomization makes of values in clear: generators with their files, and patches written into it. */
export async function checkKustomization(
  { file, path }: { readonly file: string; readonly path: string },
  manifest: Manifest,
  context: OpContext,
): Promise<readonly CheckFinding[]> {
  const found: CheckFinding[] = [];
  for (const { object, index } of manifest.documents) {
    const find = (inside: TreePath, message: string, hint: string): void => {
      const at = { file, line: lineAt(manifest, index, inside), path: pathText(inside) };
      found.push(finding("kustomize-secret", at, message, hint));
    };
    for (const [at] of listAt(object, ["secretGenerator"]).entries()) {
      await checkGenerator(object, ["secretGenerator", at], { find, path, context });
    }
    for (const field of ["patches", "patchesStrategicMerge", "patchesJson6902"]) {
      for (const [at, patch] of listAt(object, [field]).entries()) {
        const inside = typeof patch === "string" ? [field, at] : [field, at, "patch"];
        if (await isClearPatch(patch))
          find(inside, "the patch puts a value into a Secret in clear", encryptPatch);
      }
    }
  }
  return found;
}

const encryptPatch = "put the patch into a file of its own, and encrypt that: kseal encrypt -i FILE";

interface Generating {
  readonly find: (inside: TreePath, message: string, hint: string) => void;
  /** Of the kustomization. */
  readonly path: string;
  readonly context: OpContext;
}

async function checkGenerator(
  object: unknown,
  at: TreePath,
  { find, path, context }: Generating,
): Promise<void> {
  for (const [index, literal] of listAt(object, [...at, "literals"]).entries()) {
    const value = typeof literal === "string" ? literal.slice(literal.indexOf("=") + 1) : "";
    if (isClear(value.replace(/^(["'])(.*)\1$/, "$2"))) {
      find([...at, "literals", index], "the Secret is made of a value in clear", encryptFile);
    }
  }
  for (const field of ["files", "envs"]) {
    for (const [index, entry] of listAt(object, [...at, field]).entries()) {
      if (typeof entry !== "string") continue;
      const name = field === "files" ? entry.slice(entry.indexOf("=") + 1) : entry;
      if (await isClearFile(name, path, context)) {
        find([...at, field, index], "the Secret is made of a file in clear that is in Git", encryptFile);
      }
    }
  }
}

const encryptFile =
  "encrypt the file, and let kseal render or Flux open it: kseal encrypt -i FILE (docs/kustomize.md)";

/** Whether a file has values in clear and is, or would be, part of the repository. */
async function isClearFile(name: string, kustomization: string, { host }: OpContext): Promise<boolean> {
  // Elsewhere on the machine or the network, and so not what is checked.
  if (name === "" || name.startsWith("/") || name.includes("://")) return false;
  const folder = host.resolve(kustomization, "..");
  const path = host.resolve(folder, name);
  if ((await host.stat(path))?.kind !== "file") return false;
  try {
    const bytes = await host.readFile(path, { limit: fileLimit });
    const text = new TextDecoder("latin1").decode(bytes);
    const isPublic = /^\s*-----BEGIN (?:CERTIFICATE|PUBLIC KEY)/.test(text) && !text.includes("PRIVATE KEY");
    if (text.trim() === "" || isPublic || looksEncrypted(bytes)) return false;
  } catch (error) {
    if (error instanceof KsealError) return false;
    throw error;
  }
  return !(await ignoredByGit(host, folder, [name])).has(name);
}

async function isClearPatch(entry: unknown): Promise<boolean> {
  const text = typeof entry === "string" ? entry : textAt(entry, ["patch"]);
  // A patch is a file, or text of several lines.
  if (!text.includes("\n")) return false;
  if (textAt(entry, ["target", "kind"]) === "Secret" && isClearOperations(text)) return true;
  try {
    const patch = await readManifest(new TextEncoder().encode(text), { file: "patch.yaml" });
    return patch.documents.some(({ object }) =>
      objectsOf(object).some(
        (one) => roleOf(one.object) === "secret" && clearField(one.object) !== undefined,
      ),
    );
  } catch (error) {
    if (error instanceof KsealError) return false;
    throw error;
  }
}

/** Operations of a JSON patch, in YAML or JSON: one that writes below `data` or `stringData`. */
function isClearOperations(text: string): boolean {
  if (!/["']?path["']?[ \t]*:[ \t]*["']?\/(?:stringData|data)\b/.test(text)) return false;
  return [...text.matchAll(/["']?value["']?[ \t]*:[ \t]*["']?([^\s"',}][^\n"',}]*)/g)].some(
    ([, value = ""]) => isClear(value),
  );
}

function listAt(object: unknown, path: TreePath): readonly unknown[] {
  const value = isObject(object) ? valueAt(object, path) : undefined;
  return Array.isArray(value) ? value : [];
}
