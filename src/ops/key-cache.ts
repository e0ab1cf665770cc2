import type { PrivateFolder } from "../core/ports.ts";
import { type KeyCacheAnswer, type KeyCacheRequest, keyCacheVariable } from "../keys/key-cache.ts";
import type { OpContext } from "./context.ts";

/** A place where the processes of one build find the data keys that one of them has opened. */
export interface KeyCacheServer {
  /** What the processes that are to share it need in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Forgets every key. */
  close(): Promise<void>;
}

/** More files with data keys of their own than any build has. */
const mostKeys = 100_000;

/**
 * Keeps data keys in the memory of this process for its children: `kustomize build` starts a process for every generator,
 * and each would ask the key service again. Nothing is written to disk but the socket.
 *
 * @param folder - Stays the caller's, who removes it after {@link KeyCacheServer.close}.
 * @returns On Windows, which has no sockets in folders, a cache that nobody finds.
 */
export async function serveKeyCache(
  folder: PrivateFolder,
  { host }: Pick<OpContext, "host">,
): Promise<KeyCacheServer> {
  if (host.platform === "win32") return { env: {}, close: async () => undefined };
  const keys = new Map<string, string>();
  const path = host.resolve(folder.path, "keys.sock");
  const stop = await host.serveLines(path, (line) => JSON.stringify(answer(line, keys)));
  return {
    env: { [keyCacheVariable]: path },
    close: async () => {
      keys.clear();
      await stop();
    },
  };
}

function answer(line: string, keys: Map<string, string>): KeyCacheAnswer {
  const request = readRequest(line);
  if (request === undefined) return {};
  const { id, key } = request;
  if (key !== undefined && keys.size < mostKeys) keys.set(id, key);
  const known = keys.get(id);
  return known === undefined ? {} : { key: known };
}

function readRequest(line: string): KeyCacheRequest | undefined {
  try {
    const { id, key } = JSON.parse(line) as Partial<KeyCacheRequest>;
    if (typeof id !== "string" || id.length !== 64) return undefined;
    return typeof key === "string" ? { id, key } : { id };
  } catch {
    return undefined;
  }
}
