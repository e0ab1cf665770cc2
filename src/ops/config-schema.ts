import type { Host } from "../core/ports.ts";

const place = "schema/sops-config.schema.json";
const mark = "# yaml-language-server: $schema=";

/**
 * The comment by which editors know the fields of a `.sops.yaml`: the schema of the kseal that is installed beside it,
 * else the published one of this version.
 *
 * @param folder - Where the configuration is.
 * @param version - Of kseal.
 */
export async function schemaComment(host: Host, folder: string, version: string): Promise<string> {
  const installed = `node_modules/kseal/${place}`;
  const isThere = (await host.stat(host.resolve(folder, installed)))?.kind === "file";
  return `${mark}${isThere ? installed : `https://unpkg.com/kseal@${version}/${place}`}`;
}

/**
 * What is wrong with the schema that a configuration names for editors; `undefined` when nothing is, and for addresses,
 * which are not asked.
 *
 * @param path - The configuration.
 */
export async function schemaWarning(host: Host, path: string): Promise<string | undefined> {
  const text = new TextDecoder().decode(await host.readFile(path));
  const [, named] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text) ?? [];
  if (named === undefined || /^\w{2,}:/.test(named)) return undefined;
  const folder = host.resolve(path, "..");
  if ((await host.stat(host.resolve(folder, named)))?.kind === "file") return undefined;
  return `${path} names a schema for editors that is not there: ${named}`;
}
