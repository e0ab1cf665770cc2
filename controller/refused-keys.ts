import { field, objectField } from "../src/sealed/object-fields.ts";
import type { EventRecorder } from "./event-recorder.ts";
import type { KeySet, RefusedKey } from "./key-set.ts";
import type { KeyWatch } from "./key-watch.ts";
import type { Logger } from "./logger.ts";

export interface RefusedKeysOptions {
  readonly events: EventRecorder;
  readonly keyWatch: Pick<KeyWatch, "secretOf">;
  readonly log: Logger;
  readonly mayWrite: () => boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Tells of Secrets that are marked as sealing keys and are none (S13), and of keys whose envelopes do not open: once of
 * each, in the log and by an event.
 */
export class RefusedKeys {
  readonly #options: RefusedKeysOptions;
  readonly #logged = new Set<string>();
  readonly #written = new Set<string>();

  constructor(options: RefusedKeysOptions) {
    this.#options = options;
  }

  tell({ refused, closed }: KeySet): void {
    const { log, mayWrite } = this.#options;
    const unopened = closed.flatMap(({ name, error }): RefusedKey[] =>
      error === undefined ? [] : [{ name, error }],
    );
    const told = new Map(
      [...refused, ...unopened].map(({ name, error }) => [`${name} ${error.message}`, { name, error }]),
    );
    // One that was put right and broken again is told of again.
    for (const known of [this.#logged, this.#written]) {
      for (const text of known) if (!told.has(text)) known.delete(text);
    }
    for (const [text, { name, error }] of told) {
      if (!this.#logged.has(text))
        log.warn("this sealing key is left out", { key: name, error: error.message });
      this.#logged.add(text);
      if (this.#written.has(text) || !mayWrite()) continue;
      this.#written.add(text);
      void this.#write(name, error.message);
    }
  }

  async #write(place: string, message: string): Promise<void> {
    const { events, keyWatch, log, now } = this.#options;
    const secret = keyWatch.secretOf(place);
    if (secret === undefined) return;
    const metadata = objectField(secret, "metadata", "");
    const text = (name: string): string => String(field(metadata, name) ?? "");
    const subject = {
      kind: "Secret",
      namespace: text("namespace"),
      name: text("name"),
      uid: text("uid"),
      resourceVersion: text("resourceVersion"),
    } as const;
    try {
      await events.record(subject, { type: "Warning", reason: "SealingKeyRefused", message }, now());
    } catch (error) {
      log.warn("an event was not written", { error: error instanceof Error ? error.message : String(error) });
    }
  }
}
