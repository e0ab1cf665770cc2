import { KsealError } from "../errors.ts";
import { printObjects } from "../formats/manifest-print.ts";
import { secretObject } from "../sealed/secret.ts";
import { unsealOpened } from "../sealed/unseal-secret.ts";
import type { OpContext } from "./context.ts";
import type { FileText } from "./load-file.ts";
import { placeholder, placeholderAnnotation } from "./render-placeholder.ts";
import { templateRenderer } from "./render-template.ts";
import { withoutOwner } from "./unseal.ts";
import { type FoundSealed, readSealedText } from "./unseal-objects.ts";
import { type KeysAtHand, openObjects, sealingKeysAtHand } from "./unseal-values.ts";

/** Opens the SealedSecrets of texts with the sealing keys that the user has named, which are read once. */
export function sealedOpener(
  options: { readonly placeholder: boolean; readonly keys: readonly string[] },
  context: OpContext,
): (text: FileText) => Promise<Uint8Array> {
  let keys: Promise<KeysAtHand | undefined> | undefined;
  return async (text) => {
    const source = { file: text.file, path: undefined, relative: text.file, found: false };
    const file = await readSealedText(source, text, undefined, context);
    const objects = file?.objects ?? [];
    if (options.placeholder) return printObjects(objects.map(placeholderOf), "yaml");
    keys ??= sealingKeysAtHand(options.keys, context);
    const atHand = await keys;
    if (atHand === undefined) throw noKeys(text.file);
    const secrets = await openObjects(
      objects,
      atHand.keys,
      ({ sealed }, opened) => {
        const render = templateRenderer(context.host);
        return withoutOwner(unsealOpened(sealed, opened, { render, acceptV1: true }).secret);
      },
      context,
    );
    return printObjects(secrets.map(secretObject), "yaml");
  };
}

function placeholderOf({
  sealed: { metadata, template, encryptedData },
}: FoundSealed): Record<string, unknown> {
  const names = [...encryptedData.keys(), ...template.data.keys()];
  const { labels, annotations, name } = template.metadata;
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: name === "" ? metadata.name : name,
      ...(metadata.namespace === "" ? {} : { namespace: metadata.namespace }),
      ...(labels.size === 0 ? {} : { labels: Object.fromEntries(labels) }),
      annotations: { ...Object.fromEntries(annotations), [placeholderAnnotation]: "true" },
    },
    type: template.type ?? "Opaque",
    stringData: Object.fromEntries(names.map((item) => [item, placeholder])),
  };
}

function noKeys(file: string): KsealError {
  return new KsealError("SEALED_NO_KEY", "it holds a SealedSecret, and no sealing key is at hand", {
    hint: "name a backup of the cluster's keys in KSEAL_SEALING_KEYS; or list the file under resources: for the controller",
    where: { file },
  });
}
