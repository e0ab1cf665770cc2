import { certificate, runOurs } from "./kubeseal-harness.ts";

/** What `kseal kubeseal` makes of a manifest, for the key of 2048 bits of the vectors. */
export async function sealWithKseal(manifest: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr, status } = await runOurs({
    name: "",
    args: ["--cert", certificate, ...args],
    stdin: manifest,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}
