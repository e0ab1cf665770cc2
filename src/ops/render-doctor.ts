import { KsealError } from "../errors.ts";
import { readManifest } from "../formats/manifest.ts";
import type { OpContext } from "./context.ts";

type Fields = Readonly<Record<string, unknown>>;

const kustomizations = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const functionAnnotation = "config.kubernetes.io/function";

/**
 * The functions of the kustomization in the working folder that Kustomize leaves out without a word when a flag is missing.
 * Nobody else can say so: a program that is not started has no say.
 *
 * @returns A sentence for each; none where there is no kustomization, or it is not what Kustomize reads.
 */
export async function quietFunctions(context: OpContext): Promise<readonly string[]> {
  for (const file of kustomizations) {
    const [kustomization] = await objectsIn(file, context);
    if (kustomization === undefined) continue;
    const named = [...listOf(kustomization["generators"]), ...listOf(kustomization["transformers"])];
    const found = await Promise.all(
      named.map(async (path) => ({ path, objects: await documentsOf(path, context) })),
    );
    return found
      .filter(({ objects }) => objects.some(isExec))
      .map(
        ({ path }) =>
          `${file}: ${path.includes("\n") ? "a document in it" : path} is a function of Kustomize: without --enable-alpha-plugins --enable-exec the build leaves its Secrets out and says nothing`,
      );
  }
  return [];
}

/** Kustomize takes documents in place of paths, too. */
async function documentsOf(path: string, context: OpContext): Promise<readonly Fields[]> {
  return path.includes("\n")
    ? await parsed(new TextEncoder().encode(path), "yaml")
    : await objectsIn(path, context);
}

async function objectsIn(file: string, { host }: OpContext): Promise<readonly Fields[]> {
  try {
    if ((await host.stat(file))?.kind !== "file") return [];
    return await parsed(await host.readFile(file, { limit: 1024 * 1024 }), file);
  } catch (error) {
    if (error instanceof KsealError) return [];
    throw error;
  }
}

async function parsed(bytes: Uint8Array, file: string): Promise<readonly Fields[]> {
  try {
    const { documents } = await readManifest(bytes, { file, format: "yaml" });
    return documents.flatMap(({ object }) => (object === undefined ? [] : [fieldsOf(object)]));
  } catch (error) {
    // Whether Kustomize can read it is Kustomize's business.
    if (error instanceof KsealError) return [];
    throw error;
  }
}

function isExec(object: Fields): boolean {
  const annotation = fieldsOf(fieldsOf(object["metadata"])["annotations"])[functionAnnotation];
  return typeof annotation === "string" && /\bexec\b/.test(annotation);
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
