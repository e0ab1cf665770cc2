import { holderText, type KeyGroups, type MasterKey } from "../core/master-key.ts";
import { type Metadata, spelledThreshold } from "../core/metadata.ts";
import { KsealError } from "../errors.ts";
import { formatOfName, storeFor } from "../formats/detect.ts";
import { MetadataGlance } from "../formats/metadata-glance.ts";
import type { Format, Store } from "../formats/store.ts";
import { looksEncrypted } from "./looks-encrypted.ts";
import { mayHoldSealed } from "./unseal-detect.ts";

/** Who can read one version of a file. Nothing else of the version is kept. */
export interface Access {
  /** `clear`: everybody; `sealed`: the controller of a cluster; `unreadable`: damaged, so nobody knows. */
  readonly kind: "sops" | "sealed" | "clear" | "unreadable";
  /** Of `sops`: the keys, by group. */
  readonly groups: KeyGroups;
  /** How many groups have to open. */
  readonly needed: number;
  /** What tells holders apart, with the key as the file spells it. One entry for all controllers of clusters. */
  readonly holders: ReadonlyMap<string, MasterKey | undefined>;
  /** Of `unreadable`. */
  readonly problem?: string;
}

/** Stands for the controller of a cluster among holders. */
const clusterHolder = "cluster";

const clear: Access = { kind: "clear", groups: [], needed: 0, holders: new Map() };
const sealed: Access = {
  kind: "sealed",
  groups: [],
  needed: 1,
  holders: new Map([[clusterHolder, undefined]]),
};

/** Reads who can read versions of files. Equal answers are one object. */
export class AccessReader {
  readonly #glance: MetadataGlance;
  readonly #known = new Map<string, Access>();
  readonly #ofMetadata = new WeakMap<Metadata, Access>();

  private constructor(stores: ReadonlyMap<Format, Store>) {
    this.#glance = new MetadataGlance(stores);
  }

  /** Loads what the names ask for. */
  static async open(formats: Iterable<Format>): Promise<AccessReader> {
    const stores = new Map<Format, Store>();
    for (const format of new Set(formats)) stores.set(format, await storeFor(format));
    return new AccessReader(stores);
  }

  /** @param name - Decides the format. */
  read(bytes: Uint8Array, name: string): Access {
    const format = formatOfName(name);
    try {
      const metadata =
        this.#glance.readPlain(bytes, format) ??
        (looksEncrypted(bytes) ? this.#glance.read(bytes, format) : undefined);
      if (metadata === undefined) return isSealedManifest(bytes, name) ? sealed : clear;
      const known = this.#ofMetadata.get(metadata) ?? this.#once(accessOf(metadata));
      this.#ofMetadata.set(metadata, known);
      return known;
    } catch (error) {
      if (!(error instanceof KsealError)) throw error;
      return { kind: "unreadable", groups: [], needed: 0, holders: new Map(), problem: error.message };
    }
  }

  #once(access: Access): Access {
    const text = JSON.stringify([access.needed, access.groups]);
    const known = this.#known.get(text) ?? access;
    this.#known.set(text, known);
    return known;
  }
}

/** Who can open a file with this metadata. */
function accessOf({ groups, shamirThreshold }: Metadata): Access {
  const keys = groups.map((group) => group.map(({ key }) => key));
  const needed = keys.length > 1 ? Math.max(2, spelledThreshold(keys, shamirThreshold)) : 1;
  const holders = new Map(keys.flat().map((key) => [holderText(key), key]));
  return { kind: "sops", groups: keys, needed, holders };
}

function isSealedManifest(bytes: Uint8Array, name: string): boolean {
  return /\.(?:ya?ml|json)$/.test(name) && mayHoldSealed(bytes);
}
