import { createHash } from "node:crypto";
import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import { DataKey } from "../core/data-key.ts";
import type { WrappedKey } from "../core/master-key.ts";
import type { Host } from "../core/ports.ts";

/** Names the socket on which the processes of one build share the data keys that one of them has opened. */
export const keyCacheVariable = "KSEAL_KEY_CACHE";

/** One line to the socket, as JSON: without a key it asks, with one it hands over. Keys are base64. */
export interface KeyCacheRequest {
  /** {@link idOf} a wrapped key. */
  readonly id: string;
  readonly key?: string;
}

/** The line that comes back. Nothing is known when it has no key. */
export interface KeyCacheAnswer {
  readonly key?: string;
}

/** The data keys that other processes of the same build have opened. Without a socket it never knows anything. */
export class KeyCache {
  readonly #host: Pick<Host, "env" | "askLine">;

  constructor(host: Pick<Host, "env" | "askLine">) {
    this.#host = host;
  }

  async find(wrapped: WrappedKey): Promise<DataKey | undefined> {
    const { key } = (await this.#ask(() => ({ id: idOf(wrapped) }))) ?? {};
    const bytes = key === undefined ? undefined : decodeBase64(key);
    return bytes && new DataKey(bytes);
  }

  async keep(wrapped: WrappedKey, dataKey: DataKey): Promise<void> {
    await this.#ask(() => ({ id: idOf(wrapped), key: encodeBase64(dataKey.reveal()) }));
  }

  /** The cache is only ever a shorter way: when nobody answers, the key is opened as it would be without one. */
  async #ask(request: () => KeyCacheRequest): Promise<KeyCacheAnswer | undefined> {
    const path = this.#host.env[keyCacheVariable];
    if (path === undefined || path === "") return undefined;
    const line = await this.#host.askLine(path, JSON.stringify(request()));
    return line === undefined ? undefined : readAnswer(line);
  }
}

/** Master key and ciphertext together, so that one who cannot show the wrapped key is told nothing. */
function idOf({ key, enc }: WrappedKey): string {
  return createHash("sha256")
    .update(JSON.stringify([key, enc]))
    .digest("hex");
}

function readAnswer(line: string): KeyCacheAnswer | undefined {
  try {
    const { key } = JSON.parse(line) as KeyCacheAnswer;
    return typeof key === "string" ? { key } : {};
  } catch {
    return undefined;
  }
}
