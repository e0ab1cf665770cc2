import { mapping } from "./mapping.ts";
import { text } from "./shapes.ts";
import { type TrustSection, trustSection } from "./trust-section.ts";
import { readYaml } from "./yaml-text.ts";

/** What the user's own file says: decisions that no repository may take. */
export interface UserFile {
  /** The editor's command line. */
  readonly editor?: string | undefined;
  /** Where credentials may go. */
  readonly trust?: TrustSection | undefined;
}

const name = "kseal's configuration";
const userFields = mapping<{ readonly editor: string; readonly trust: TrustSection }>(
  { editor: text, trust: trustSection },
  { name, isOwn: true },
);

/**
 * Reads `<user config dir>/kseal/config.yaml`, as strictly as a `.sops.yaml`.
 *
 * @throws KsealError `CONFIG_INVALID`.
 */
export function parseUserFile(bytes: Uint8Array, path: string): UserFile {
  const values = readYaml(bytes, {
    file: path,
    read: (root, reading) => userFields(root, reading, name)?.values,
  });
  return values ?? {};
}
