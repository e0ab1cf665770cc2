import type { JsonObject, ObjectList } from "../src/kube/api.ts";
import { field, objectField } from "../src/sealed/object-fields.ts";

export interface ObjectCacheOptions<T> {
  /** What is kept of an object; the rest is let go. */
  readonly read: (object: JsonObject) => T;
  /** Told of every change, with what was kept before and is kept now; both when it changed. */
  readonly onChange: (key: string, now: T | undefined, before: T | undefined) => void;
}

interface Kept<T> {
  readonly uid: string;
  readonly version: string;
  readonly value: T;
}

/** An answer comes within seconds; meanwhile a namespace may go. */
const mostGone = 10_000;

/** The objects of one kind as a watch has told of them, by `namespace/name`. */
export class ObjectCache<T> {
  readonly #options: ObjectCacheOptions<T>;
  readonly #objects = new Map<string, Kept<T>>();
  /**
   * Objects that are gone, by uid, with their last version; latest last. The answer to a write may come after the news
   * of the deletion. An object that only left the selection may come back, as a newer version.
   */
  readonly #gone = new Map<string, string>();
  /** Versions of the last lists, by namespace: what is older and was not in them is gone. */
  readonly #listed = new Map<string, string>();

  constructor(options: ObjectCacheOptions<T>) {
    this.#options = options;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)?.value;
  }

  get size(): number {
    return this.#objects.size;
  }

  *values(): Iterable<readonly [string, T]> {
    for (const [key, { value }] of this.#objects) yield [key, value];
  }

  /**
   * Takes a list for everything there is. What it does not name is gone, whether or not anybody told of that.
   *
   * @param namespace - Where the list is from; everywhere when left out.
   */
  replace({ items, resourceVersion }: ObjectList, namespace?: string): void {
    const keys = new Set(items.map(keyOf));
    for (const [key, { value }] of this.#objects) {
      const listed = namespace === undefined || key.startsWith(`${namespace}/`);
      if (listed && !keys.has(key)) this.#delete(key, value);
    }
    for (const item of items) this.#put(item, false);
    this.#listed.set(namespace ?? "", resourceVersion);
  }

  /**
   * An object that was added or changed. One that is older than what is kept is not taken: what was just written is
   * known from the answer, before the watch tells of it and of what came before.
   *
   * @param options.again - Takes the same version once more: of what was kept of it not enough is left.
   */
  put(object: JsonObject, { again = false }: { readonly again?: boolean } = {}): void {
    const key = keyOf(object);
    const { version } = identityOf(object);
    // The answer to a write may come after a list that does not have the object any more. No watch would tell of that.
    if (!this.#objects.has(key) && this.#wasListedWithout(key, version)) return;
    this.#put(object, again);
  }

  #put(object: JsonObject, again: boolean): void {
    const key = keyOf(object);
    const { uid, version } = identityOf(object);
    const gone = this.#gone.get(uid);
    if (gone !== undefined && !isNewer(version, gone)) return;
    const before = this.#objects.get(key);
    const same = again && before?.version === version;
    if (before?.uid === uid && !same && !isNewer(version, before.version)) return;
    const value = this.#options.read(object);
    this.#objects.set(key, { uid, version, value });
    this.#options.onChange(key, value, before?.value);
  }

  /** An object that was deleted, unless another one has its name by now. */
  remove(object: JsonObject): void {
    const key = keyOf(object);
    const { uid, version } = identityOf(object);
    const before = this.#objects.get(key);
    if (uid !== "") this.#gone.set(uid, version);
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= mostGone) break;
      this.#gone.delete(oldest);
    }
    if (before === undefined || before.uid !== uid) return;
    this.#delete(key, before.value);
  }

  #wasListedWithout(key: string, version: string): boolean {
    return [...this.#listed].some(
      ([namespace, listed]) =>
        (namespace === "" || key.startsWith(`${namespace}/`)) && !isNewer(version, listed),
    );
  }

  #delete(key: string, value: T): void {
    this.#objects.delete(key);
    this.#options.onChange(key, undefined, value);
  }
}

/** `namespace/name`. */
function keyOf(object: JsonObject): string {
  const metadata = objectField(object, "metadata", "");
  return `${String(field(metadata, "namespace") ?? "")}/${String(field(metadata, "name") ?? "")}`;
}

function identityOf(object: JsonObject): { readonly uid: string; readonly version: string } {
  const metadata = objectField(object, "metadata", "");
  return {
    uid: String(field(metadata, "uid") ?? ""),
    version: String(field(metadata, "resourceVersion") ?? ""),
  };
}

/** Resource versions are numbers that grow, as Kubernetes promises since 1.35; another is newer when it differs. */
function isNewer(version: string, than: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return version !== than;
  return BigInt(version) > BigInt(than);
}
