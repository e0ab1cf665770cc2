import { KsealError } from "../errors.ts";
import { compareText, noMeta, type ObjectMeta } from "./object-meta.ts";
import {
  type ItemFailure,
  labelOf,
  type OpenedItems,
  type OpenOptions,
  openItems,
  openValue,
} from "./open-items.ts";
import { type SealedSecret, sealedSecretVersion } from "./sealed-secret.ts";
import type { SealingKey } from "./sealing-key.ts";
import { placeOf, readSecret, type Secret } from "./secret.ts";

export interface UnsealOptions extends OpenOptions {
  /**
   * Renders one template of `spec.template.data`.
   *
   * @param data - The opened values as text, by item; what is no UTF-8 has replacement characters.
   * @throws Error whose message is that of Go's `text/template`.
   */
  readonly render: (item: string, template: string, data: ReadonlyMap<string, string>) => string;
  /** Opens the one sealed value of objects from before 0.7, too. The controller does, `kubeseal` does not. */
  readonly acceptV1: boolean;
}

export interface Unsealed {
  readonly secret: Secret;
  /** Which key opened which item; the one sealed value of an object from before 0.7 has no name. */
  readonly openers: ReadonlyMap<string, SealingKey>;
  readonly last: SealingKey | undefined;
  readonly rsaOperations: number;
}

/** A SealedSecret that does not open. Its message is that of Sealed Secrets, with the items sorted. */
export class UnsealError extends KsealError {
  readonly failures: readonly ItemFailure[];
  readonly rsaOperations: number;

  constructor(
    message: string,
    {
      failures,
      rsaOperations,
      hint,
    }: { failures: readonly ItemFailure[]; rsaOperations: number; hint?: string },
  ) {
    const code = failures.some((failure) => failure.message === noKey) ? "SEALED_NO_KEY" : "SEALED_INVALID";
    super(code, message, { hint });
    this.failures = failures;
    this.rsaOperations = rsaOperations;
  }
}

const noKey = "no key could decrypt secret";
const skipOwner = "sealedsecrets.bitnami.com/skip-set-owner-references";

/**
 * The Secret that a SealedSecret becomes in the cluster: the template's metadata, the opened values, and over them what
 * the templates render to. Name and namespace are the SealedSecret's own.
 *
 * @throws UnsealError with every item that failed; nothing is produced then.
 */
export function unsealSecret(sealed: SealedSecret, options: UnsealOptions): Unsealed {
  if (sealed.v1Data !== undefined) return unsealV1(sealed, sealed.v1Data, options);
  const opened = openItems(sealed, options);
  const { rendered, failures } = renderTemplates(sealed, opened, options.render);
  const all = [...opened.failures, ...failures];
  if (all.length > 0) {
    throw new UnsealError(groupFailures(all), {
      failures: all,
      rsaOperations: opened.rsaOperations,
      hint: hintFor(sealed, all),
    });
  }
  const { template } = sealed;
  const secret: Secret = {
    metadata: ownMeta(sealed, template.metadata),
    ...(template.type === undefined ? {} : { type: template.type }),
    ...(template.immutable === undefined ? {} : { immutable: template.immutable }),
    data: new Map([...opened.values, ...rendered]),
  };
  return { secret, openers: opened.openers, last: opened.last, rsaOperations: opened.rsaOperations };
}

/**
 * Failures as Sealed Secrets words them: one line a message, with the items it is about; `no key could decrypt secret
 * (password, user)`.
 */
export function groupFailures(failures: readonly Pick<ItemFailure, "item" | "message">[]): string {
  const groups = Map.groupBy(failures, ({ message }) => message);
  return [...groups]
    .map(([message, group]) => {
      const items = group.map(({ item }) => item).toSorted(compareText);
      return `${message} (${items.join(", ")})`;
    })
    .join("\n");
}

function renderTemplates(
  { template, encryptedData }: SealedSecret,
  { values, failures: closed }: OpenedItems,
  render: UnsealOptions["render"],
): { rendered: ReadonlyMap<string, Uint8Array>; failures: readonly ItemFailure[] } {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const data = new Map<string, string>();
  // As upstream: templates run all the same, and see an item that no key opened as empty.
  for (const { item, message } of closed) if (message === noKey) data.set(item, "");
  for (const item of encryptedData.keys()) {
    const value = values.get(item);
    if (value !== undefined) data.set(item, decoder.decode(value));
  }
  const rendered = new Map<string, Uint8Array>();
  const failures: ItemFailure[] = [];
  for (const [item, text] of [...template.data].toSorted(([a], [b]) => compareText(a, b))) {
    try {
      rendered.set(item, new TextEncoder().encode(render(item, text, data)));
    } catch (error) {
      failures.push({ item, message: error instanceof Error ? error.message : String(error), tried: [] });
    }
  }
  return { rendered, failures };
}

function unsealV1(sealed: SealedSecret, blob: Uint8Array, options: UnsealOptions): Unsealed {
  if (!options.acceptV1) {
    throw new KsealError(
      "SEALED_INVALID",
      "using deprecated 'data' field, use 'encryptedData' or flip the feature flag",
      { hint: "it was sealed before version 0.7: kseal reseal FILE writes it as encryptedData" },
    );
  }
  if (sealed.encryptedData.size > 0) {
    throw new KsealError(
      "SEALED_INVALID",
      "cannot use the field 'encryptedData' and the deprecated field 'data' at the same time",
      { hint: "remove spec.data, or spec.encryptedData" },
    );
  }
  const { opened, failure, rsaOperations } = openValue(blob, labelOf(sealed), options);
  if (opened === undefined) {
    const failures = [{ item: "", message: noKey, tried: failure?.tried ?? [] }];
    throw new UnsealError(noKey, { failures, rsaOperations, hint: hintFor(sealed, failures) });
  }
  const secret = readBlob(opened.plaintext);
  return {
    secret: { ...secret, metadata: ownMeta(sealed, secret.metadata) },
    openers: new Map([["", opened.key]]),
    last: opened.key,
    rsaOperations,
  };
}

function readBlob(plaintext: Uint8Array): Secret {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plaintext));
  } catch {
    // The reason would quote the Secret.
    throw new KsealError("SEALED_INVALID", "the Secret inside spec.data is not JSON");
  }
  return readSecret(document);
}

/** Metadata under the name of the SealedSecret, which owns the Secret unless the template says otherwise. */
function ownMeta(sealed: SealedSecret, from: ObjectMeta): ObjectMeta {
  const { name, namespace, other } = sealed.metadata;
  const fields = new Map(from.other);
  if (sealed.template.metadata.annotations.get(skipOwner) !== "true") {
    const uid = other.get("uid");
    fields.set("ownerReferences", [
      {
        apiVersion: sealedSecretVersion,
        kind: "SealedSecret",
        name,
        uid: typeof uid === "string" ? uid : "",
        controller: true,
      },
    ]);
  }
  return { ...noMeta, ...from, name, namespace, other: fields };
}

function hintFor(sealed: SealedSecret, failures: readonly ItemFailure[]): string {
  const detail = failures.find(({ detail }) => detail !== undefined)?.detail;
  if (detail !== undefined) return detail;
  if (failures.every(({ message }) => message !== noKey)) return "repair the items that are named";
  const place = placeOf(sealed.metadata);
  return `it was sealed for another cluster's key, or another name, namespace or scope than ${place}`;
}
