import { KsealError } from "../errors.ts";
import { readManifestFolder } from "./argocd-directory.ts";
import { checkResult, objectsOf } from "./argocd-result.ts";
import { announceParameters, type ParameterAnnouncement, readArgocdSettings } from "./argocd-settings.ts";
import type { OpContext } from "./context.ts";
import { serveKeyCache } from "./key-cache.ts";
import { type Build, buildKustomization, isKustomization } from "./kustomize-build.ts";

/**
 * Makes the manifests of one application of Argo CD, as the plugin in its sidecar: what Kustomize builds, or the files of
 * the folder with the encrypted ones decrypted. Everything is made and looked at before anything is returned.
 *
 * @param folder - The application's, which Argo CD makes the working folder.
 * @throws KsealError `USAGE` where the result would be committed to Git, `CONFIG_INVALID` for parameters,
 *   `EMPTY_INPUT` and `FINDINGS` for a result that would do harm, and what decrypting throws.
 */
export async function generateManifests(folder: string, context: OpContext): Promise<Build> {
  const { host } = context;
  refuseHydrator(context);
  const settings = readArgocdSettings(host.env);
  if ((await host.stat(folder))?.kind !== "folder") {
    throw new KsealError("NO_FILE", "no such folder", { where: { file: folder } });
  }
  if (await isKustomization(folder, context)) {
    const build = await buildWithKeyCache(folder, context);
    if (build.kind === "failed") return build;
    const objects = await objectsOf(build.content, { file: "the result of kustomize build", format: "yaml" });
    checkResult(objects, {
      allowEmpty: settings.allowEmpty,
      hintForEncrypted: "take the file from resources into a generator of kind ksops",
    });
    return build;
  }
  const { content, objects } = await readManifestFolder(folder, settings, context);
  checkResult(objects, {
    allowEmpty: settings.allowEmpty,
    hintForEncrypted: "the file has lost its sops block: git log -p has it",
  });
  return { kind: "built", content, notes: [] };
}

/** Kustomize starts kseal once for every generator: what one has unwrapped, the next need not ask for again. */
async function buildWithKeyCache(folder: string, context: OpContext): Promise<Build> {
  const place = await context.host.openPrivateFolder();
  try {
    const cache = await serveKeyCache(place, context);
    try {
      return await buildKustomization(folder, { env: cache.env }, context);
    } finally {
      await cache.close();
    }
  } finally {
    await place.remove();
  }
}

/** The parameters that Argo CD's user interface shows for an application. */
export async function parametersOfApplication(
  folder: string,
  context: OpContext,
): Promise<readonly ParameterAnnouncement[]> {
  return announceParameters(await isKustomization(folder, context));
}

/**
 * The Source Hydrator commits what a plugin makes. Nothing of what it hands to a plugin says that it is the one who asks,
 * so where it is switched on at all, somebody has to say that none of its applications comes here.
 */
function refuseHydrator({ host }: OpContext): void {
  const isOn = isTrue(host.env["ARGOCD_HYDRATOR_ENABLED"]);
  if (!isOn || isTrue(host.env["KSEAL_ARGOCD_BESIDE_HYDRATOR"])) return;
  throw new KsealError(
    "USAGE",
    "Argo CD's source hydrator is on, and would commit the decrypted values to Git",
    {
      hint: "hydrated applications take SealedSecrets; if none of them uses this plugin, set KSEAL_ARGOCD_BESIDE_HYDRATOR=true in the sidecar",
    },
  );
}

function isTrue(text: string | undefined): boolean {
  return /^(?:1|t|true)$/i.test(text ?? "");
}
