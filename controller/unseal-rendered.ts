import type { OpenedItems } from "../src/sealed/open-items.ts";
import type { SealedSecret } from "../src/sealed/sealed-secret.ts";
import { type Unsealed, type UnsealOptions, unsealOpened } from "../src/sealed/unseal-secret.ts";
import { withoutValues } from "./template-failure.ts";
import type { RenderApart } from "./template-thread.ts";

export interface UnsealRenderedOptions extends Pick<UnsealOptions, "acceptV1"> {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: (length: number) => Uint8Array;
  /** Renders what takes long. */
  readonly apart: RenderApart;
}

/** What an honest template stays far below. Nothing else is done meanwhile: no lease is renewed, no probe answered. */
const shortWhile = { milliseconds: 50, steps: 20_000 };
/** Characters of templates that are read at once; reading them takes time, too. */
const shortTemplates = 65_536;

/**
 * The Secret of a SealedSecret whose values are open. Its templates are somebody's program: they are run here for a
 * short while, and what takes longer on a thread of its own, from the start.
 *
 * @throws KsealError `SEALED_*`, with a message that holds no value.
 * @throws BusyError when other templates take long, too.
 */
export async function unsealRendered(
  sealed: SealedSecret,
  opened: OpenedItems,
  { acceptV1, now, random, apart }: UnsealRenderedOptions,
): Promise<Unsealed> {
  const templates = sealed.template.data;
  // Most have none, and then nothing that runs them is loaded.
  if (templates.size === 0) return unsealOpened(sealed, opened, { acceptV1, render: noTemplate });
  const { templateRenderer } = await import("../src/ops/render-template.ts");
  let data: ReadonlyMap<string, string> | undefined;
  let isLong = [...templates.values()].reduce((sum, text) => sum + text.length, 0) > shortTemplates;
  const onPassed = (): void => {
    isLong = true;
  };
  const render = templateRenderer({ now, random }, { ...shortWhile, onPassed });
  const unsealWith = (renderItem: UnsealOptions["render"]): Unsealed =>
    unsealOpened(sealed, opened, { acceptV1, render: withoutValues(renderItem, sealed) });
  try {
    const unsealed = unsealWith((item, text, values) => {
      data = values;
      // What was cut short says nothing, so the rest need not be tried.
      return isLong ? "" : render(item, text, values);
    });
    if (!isLong) return unsealed;
  } catch (error) {
    if (!isLong) throw error;
  }
  const rendered = await apart(templates, data ?? new Map());
  return unsealWith((item) => {
    const result = rendered.get(item) ?? { error: "the template was not rendered" };
    if ("error" in result) throw new Error(result.error);
    return result.text;
  });
}

function noTemplate(): never {
  throw new TypeError("there is no template");
}
