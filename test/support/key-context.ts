import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import type { DataKey } from "../../src/core/data-key.ts";
import type { MasterKey, WrappedKey } from "../../src/core/master-key.ts";
import type { Metadata } from "../../src/core/metadata.ts";
import type { Host } from "../../src/core/ports.ts";
import { noTrust, type Trust } from "../../src/core/trust.ts";
import { ageProvider } from "../../src/keys/age.ts";
import type { KeyContext } from "../../src/keys/provider.ts";

/** What the room `keys` works with, and what it said. */
export function keyContext(
  host: Host,
  trust: Partial<Trust> = {},
): KeyContext & { readonly said: readonly string[] } {
  const said: string[] = [];
  const log = {
    info: (text: string) => said.push(text),
    warn: (text: string) => said.push(`warning: ${text}`),
  };
  return { host, log, said, trust: { ...noTrust, ...trust } };
}

/** A metadata block with nothing but key groups. */
export function metadataOf(groups: readonly (readonly WrappedKey[])[], shamirThreshold = 0): Metadata {
  return {
    groups,
    shamirThreshold,
    selection: undefined,
    macOnlyEncrypted: false,
    mac: "",
    lastModified: "2026-01-02T03:04:05Z",
    version: "3.13.3",
  };
}

export function ageKey(recipient: string): Extract<MasterKey, { type: "age" }> {
  return { type: "age", recipient };
}

/** Wraps a data key for an age recipient. */
export async function wrapFor(recipient: string, dataKey: DataKey, context: KeyContext): Promise<WrappedKey> {
  const key = ageKey(recipient);
  return { key, enc: await ageProvider.wrap(key, dataKey, context) };
}

/** Installs `age-plugin-test` into a folder of its own and gives the PATH on which it, and nothing else new, is. */
export async function pluginPath(folder: string): Promise<string> {
  const program = join(folder, "plugins", "age-plugin-test");
  const source = join(import.meta.dirname, "age-plugin-test.ts");
  await mkdir(dirname(program), { recursive: true });
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${source}" "$@"\n`);
  await chmod(program, 0o755);
  return [dirname(program), process.env["PATH"]].join(delimiter);
}
