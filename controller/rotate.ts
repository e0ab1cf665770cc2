import type { KeyObject } from "node:crypto";
import { KsealError } from "../src/errors.ts";
import { serverFields } from "../src/sealed/object-meta.ts";
import type { OpenedItems } from "../src/sealed/open-items.ts";
import { scopeOf } from "../src/sealed/scope.ts";
import { sealValue } from "../src/sealed/seal-secret.ts";
import type { SealedSecret } from "../src/sealed/sealed-secret.ts";
import { unsealOpened } from "../src/sealed/unseal-secret.ts";

/** Opens the values of a SealedSecret, whatever its templates. */
type Open = (sealed: SealedSecret) => Promise<OpenedItems>;

/**
 * Whether every value of a SealedSecret opens. Its templates are not run: nobody's signature is on them, and whether one
 * fails would tell a caller about the values (S1).
 */
export async function opens(sealed: SealedSecret, open: Open): Promise<boolean> {
  return (await valuesOf(sealed, open)).failures.length === 0;
}

/**
 * The same SealedSecret, sealed for the newest key: `kubeseal --re-encrypt`. Template, labels and annotations stay as
 * they are, no template is run, and the scope is that of the object's own annotations, so it cannot grow (S2). An object
 * from before 0.7 gets a value for each item.
 *
 * @throws KsealError `SEALED_*` when a value does not open.
 */
export async function rotateSealed(
  sealed: SealedSecret,
  {
    open,
    publicKey,
    random,
  }: {
    readonly open: Open;
    readonly publicKey: KeyObject;
    readonly random: (length: number) => Uint8Array;
  },
): Promise<SealedSecret> {
  const { values, failures } = await valuesOf(sealed, open);
  if (failures.length > 0) throw new KsealError("SEALED_NO_KEY", "no key could decrypt secret");
  const { name, namespace, annotations, other } = sealed.metadata;
  const to = { publicKey, random, name, namespace, scope: scopeOf(annotations) };
  const { v1Data: _, ...rest } = sealed;
  return {
    ...rest,
    metadata: {
      ...sealed.metadata,
      other: new Map([...other].filter(([key]) => !serverFields.includes(key))),
    },
    encryptedData: new Map([...values].map(([item, value]) => [item, sealValue(value, to)])),
  };
}

async function valuesOf(sealed: SealedSecret, open: Open): Promise<Pick<OpenedItems, "values" | "failures">> {
  const opened = await open(sealed);
  if (sealed.v1Data === undefined) return opened;
  try {
    const { secret } = unsealOpened(sealed, opened, { acceptV1: true, render: neverRender });
    return { values: secret.data, failures: [] };
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return { values: new Map(), failures: [{ item: "", message: error.message, tried: [] }] };
  }
}

// Objects from before 0.7 have no templates; should one come with some, they are not run here either.
function neverRender(): string {
  throw new Error("templates are not run");
}
