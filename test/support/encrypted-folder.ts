import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createNodeHost } from "../../src/host/node-host.ts";
import { encryptFiles } from "../../src/ops/encrypt.ts";
import { createContext } from "../../src/wiring.ts";
import { identities, recipients } from "./identities.ts";

/**
 * Writes files into a folder and encrypts them for the tests' first identity: manifests by their Secrets' values, other
 * files as a whole.
 */
export async function sealFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const [age] = recipients;
  const rules = [
    `  - path_regex: \\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n    age: ${age}\n`,
    `  - age: ${age}\n`,
  ];
  const all = {
    ...files,
    ".sops.yaml": `creation_rules:\n${rules.join("")}`,
    "age.txt": `${identities[0]}\n`,
  };
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const host = createNodeHost({ cwd: folder, homeDir: folder, env: { HOME: folder }, ownsProcess: false });
  await encryptFiles(
    { paths: Object.keys(files), destination: { to: "in-place" } },
    await createContext(host),
  );
}

/** Where {@link sealFiles} put the identity that opens them. */
export function ageIdentityFile(folder: string): string {
  return join(folder, "age.txt");
}
