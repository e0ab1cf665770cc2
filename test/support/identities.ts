import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the golden files and their identities are. */
export const vectorsFolder: string = join(import.meta.dirname, "..", "vectors");

const keys = readFileSync(join(vectorsFolder, "keys.txt"), "utf8");
const postQuantumKeys = readFileSync(join(vectorsFolder, "keys-pq.txt"), "utf8");

/** All age identities of the golden files, as the text of a `keys.txt`. */
export const allIdentities: string = keys + postQuantumKeys;

/** Their secret lines, in the order of {@link recipients}. */
export const identities: readonly string[] = allIdentities
  .split("\n")
  .filter((line) => line.startsWith("AGE-SECRET-KEY-"));

/** The public halves: three X25519 ones and a post-quantum one. */
export const recipients: readonly string[] = [...allIdentities.matchAll(/public key: (\S+)/g)].map(
  ([, recipient]) => recipient ?? "",
);

/** Everything that opens the golden files, for a program that runs with nothing else in its environment. */
export function identityEnvironment(home: string): Record<string, string> {
  return {
    HOME: home,
    PATH: "/usr/local/bin:/usr/bin:/bin",
    SOPS_AGE_KEY: identities.join("\n"),
    SOPS_AGE_SSH_PRIVATE_KEY_FILE: join(vectorsFolder, "ssh", "id_ed25519"),
    SOPS_DISABLE_VERSION_CHECK: "1",
  };
}
