import { compileRe2 } from "../core/regex.ts";
import { KsealError } from "../errors.ts";
import type { Format } from "../formats/store.ts";
import { listed, type ManifestObject, nameOf, objectsOf } from "./argocd-result.ts";
import type { ArgocdSettings } from "./argocd-settings.ts";
import type { OpContext } from "./context.ts";
import { renderPlain } from "./decrypt-text.ts";
import { below } from "./file-path.ts";
import { joinTexts } from "./join-texts.ts";
import { type FileText, openParsed, parseText } from "./load-file.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { mapFiles } from "./map-files.ts";
import { sizeLimit } from "./select-files.ts";

interface ManifestFile {
  /** As messages call it. */
  readonly file: string;
  readonly path: string;
  readonly bytes: Uint8Array;
}

interface PlainManifest {
  readonly file: string;
  readonly content: Uint8Array;
  readonly format: Format;
  readonly wasEncrypted: boolean;
  readonly objects: readonly ManifestObject[];
}

/**
 * The manifests of a folder without a kustomization, as Argo CD itself takes them (`*.yaml`, `*.yml`, `*.json`), with
 * the encrypted ones decrypted. Files that hold no object, such as the values of a chart, are left out with a warning.
 *
 * @throws KsealError for the first file that does not decrypt or parse, for a link that leads out of the folder, and
 *   `FINDINGS` for what came out of an encrypted file and is no Secret.
 */
export async function readManifestFolder(
  folder: string,
  settings: ArgocdSettings,
  context: OpContext,
): Promise<{ readonly content: Uint8Array; readonly objects: readonly ManifestObject[] }> {
  const files = await manifestFiles(folder, settings, context);
  const read = await mapFiles(files, (file) => readFile(file, context), context);
  const manifests = read.filter((manifest) => manifest !== undefined);
  checkKinds(manifests, settings.allowKinds);
  return { content: joinTexts(manifests), objects: manifests.flatMap(({ objects }) => objects) };
}

async function manifestFiles(
  folder: string,
  settings: ArgocdSettings,
  context: OpContext,
): Promise<readonly ManifestFile[]> {
  const { host } = context;
  const root = await host.realPath(folder);
  const names = await manifestNames(folder, settings, context);
  return mapFiles(
    names.map((name) => ({ file: below(folder, name, host.platform), name })),
    async ({ file, name }) => {
      const path = await host.realPath(host.resolve(folder, name));
      if (!isBelow(root, path)) {
        throw new KsealError("INPUT_UNREADABLE", "the link leads out of the application's folder", {
          hint: "move the file into it, or exclude it",
        });
      }
      return { file, path, bytes: await host.readFile(path, { limit: sizeLimit }) };
    },
    { signal: context.signal },
  );
}

async function manifestNames(
  folder: string,
  { recurse, exclude }: ArgocdSettings,
  { host, signal }: OpContext,
): Promise<readonly string[]> {
  const isExcluded = matcherOf(exclude);
  const names: string[] = [];
  const waiting = [""];
  for (let inside = waiting.shift(); inside !== undefined; inside = waiting.shift()) {
    if (signal?.aborted) throw new KsealError("INTERRUPTED", "interrupted");
    for (const { name, kind, isSymbolicLink } of await host.list(host.resolve(folder, inside))) {
      const relative = inside === "" ? name : `${inside}/${name}`;
      if (name.startsWith(".") || isExcluded(relative)) continue;
      // A link to a folder may lead round in circles; Argo CD follows none either.
      if (kind === "folder" && recurse && !isSymbolicLink) waiting.push(relative);
      if (kind === "file" && /\.(?:ya?ml|json)$/.test(name)) names.push(relative);
    }
  }
  return names.sort();
}

/** Both without links, in the machine's own notation. */
function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder) && (/^[\\/]/.test(path.slice(folder.length)) || /[\\/]$/.test(folder));
}

async function readFile(
  { file, path, bytes }: ManifestFile,
  context: OpContext,
): Promise<PlainManifest | undefined> {
  const decrypted = looksEncrypted(bytes) ? await decrypt({ file, name: path, bytes }, context) : undefined;
  const content = decrypted?.content ?? bytes;
  const objects = await objectsOf(content, { file });
  const odd = objects.find((object) => typeof object["kind"] !== "string" || !isText(object["apiVersion"]));
  if (odd !== undefined && ("kind" in odd || "apiVersion" in odd)) {
    throw new KsealError("FORMAT_INVALID", "an object has no kind or no apiVersion", { where: { file } });
  }
  if (odd !== undefined) {
    context.log.warn(`${file}: left out: it holds no Kubernetes object`);
    return undefined;
  }
  const format = decrypted?.format ?? (file.endsWith(".json") ? "json" : "yaml");
  return { file, content, format, objects, wasEncrypted: decrypted !== undefined };
}

/** What an encrypted file holds in clear; `undefined` for one that only speaks of SOPS. */
async function decrypt(
  text: FileText,
  context: OpContext,
): Promise<{ readonly content: Uint8Array; readonly format: Format } | undefined> {
  const parsed = await parseText(text, undefined);
  if (parsed.metadata === undefined) return undefined;
  return renderPlain(await openParsed(text, parsed, {}, context), {}, context);
}

function checkKinds(manifests: readonly PlainManifest[], allowed: readonly string[]): void {
  const shown = manifests
    .filter(({ wasEncrypted }) => wasEncrypted)
    .flatMap(({ file, objects }) => objects.map((object) => ({ file, object })))
    .filter(({ object }) => object["kind"] !== "Secret" && !allowed.includes(String(object["kind"])));
  const [first] = shown;
  if (first === undefined) return;
  throw new KsealError(
    "FINDINGS",
    `came out of encrypted files and is no Secret: ${listed(shown.map(({ object }) => nameOf(object)))}`,
    {
      hint: `Argo CD shows its values to everybody who sees the application; if they may, set the parameter allow-kinds to ["${String(first.object["kind"])}"]`,
      where: { file: first.file },
    },
  );
}

/** Whether a path below the folder is one of those left out. */
function matcherOf(globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 0) return () => false;
  const one = compileRe2(`^(?:${globs.map(patternOf).join("|")})$`);
  return (path) => one.test(path);
}

function patternOf(glob: string): string {
  return glob.replaceAll(/\*\*\/?|\*|\?|[\\^$.+()[\]{}|]/g, (part) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : `\\${part}`;
  });
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
