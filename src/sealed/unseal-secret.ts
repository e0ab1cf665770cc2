import { KsealError } from "../errors.ts";
import { decodeGoString, encodeGoString } from "../gotemplate/go-string.ts";
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
   * @param data - The opened values by item, as Go's strings of go-string.ts, which is what it returns, too.
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
  refuseV1(sealed, options);
  const { v1Data } = sealed;
  const opened = v1Data === undefined ? openItems(sealed, options) : openBlob(v1Data, sealed, options);
  return unsealOpened(sealed, opened, options);
}

/** {@link unsealSecret} for who has opened the values already: `KeySearch` does so on all cores. */
export function unsealOpened(
  sealed: SealedSecret,
  opened: OpenedItems,
  options: Pick<UnsealOptions, "render" | "acceptV1">,
): Unsealed {
  refuseV1(sealed, options);
  if (sealed.v1Data !== undefined) return unsealV1(sealed, opened);
  const { rendered, failures } = renderTemplates(sealed, opened, options.render);
  refuseFailures(sealed, [...opened.failures, ...failures], opened);
  const { template } = sealed;
  const secret: Secret = {
    metadata: ownMeta(sealed, template.metadata),
    ...(template.type === undefined ? {} : { type: template.type }),
    ...(template.immutable === undefined ? {} : { immutable: template.immutable }),
    data: new Map([...opened.values, ...rendered]),
  };
  return { secret, openers: opened.openers, last: opened.last, rsaOperations: opened.rsaOperations };
}

/** @throws UnsealError with all failures, if there are any. */
export function refuseFailures(
  sealed: SealedSecret,
  failures: readonly ItemFailure[],
  { rsaOperations }: Pick<OpenedItems, "rsaOperations">,
): void {
  if (failures.length === 0) return;
  throw new UnsealError(groupFailures(failures), {
    failures,
    rsaOperations,
    hint: hintFor(sealed, failures),
  });
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
  const data = new Map<string, string>();
  // As upstream: templates run all the same, and see an item that no key opened as empty.
  for (const { item, message } of closed) if (message === noKey) data.set(item, "");
  for (const item of encryptedData.keys()) {
    const value = values.get(item);
    if (value !== undefined) data.set(item, decodeGoString(value));
  }
  const rendered = new Map<string, Uint8Array>();
  const failures: ItemFailure[] = [];
  for (const [item, text] of [...template.data].toSorted(([a], [b]) => compareText(a, b))) {
    try {
      rendered.set(item, encodeGoString(render(item, text, data)));
    } catch (error) {
      failures.push({ item, message: error instanceof Error ? error.message : String(error), tried: [] });
    }
  }
  return { rendered, failures };
}

function refuseV1(
  { v1Data, encryptedData }: SealedSecret,
  { acceptV1 }: Pick<UnsealOptions, "acceptV1">,
): void {
  if (v1Data === undefined) return;
  if (!acceptV1) {
    throw new KsealError(
      "SEALED_INVALID",
      "using deprecated 'data' field, use 'encryptedData' or flip the feature flag",
      { hint: "it was sealed before version 0.7: kseal reseal FILE writes it as encryptedData" },
    );
  }
  if (encryptedData.size > 0) {
    throw new KsealError(
      "SEALED_INVALID",
      "cannot use the field 'encryptedData' and the deprecated field 'data' at the same time",
      { hint: "remove spec.data, or spec.encryptedData" },
    );
  }
}

function openBlob(blob: Uint8Array, sealed: SealedSecret, options: OpenOptions): OpenedItems {
  const { opened, failure, rsaOperations } = openValue(blob, labelOf(sealed), options);
  return {
    values: new Map(opened && [["", opened.plaintext]]),
    openers: new Map(opened && [["", opened.key]]),
    failures: failure === undefined ? [] : [{ item: "", ...failure }],
    last: opened?.key ?? options.first,
    rsaOperations,
  };
}

function unsealV1(sealed: SealedSecret, opened: OpenedItems): Unsealed {
  const blob = opened.values.get("");
  const { failures, openers, last, rsaOperations } = opened;
  if (blob === undefined) {
    throw new UnsealError(noKey, { failures, rsaOperations, hint: hintFor(sealed, failures) });
  }
  const secret = readBlob(blob);
  return {
    secret: { ...secret, metadata: ownMeta(sealed, secret.metadata) },
    openers,
    last,
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
