import type { Host } from "../core/ports.ts";
import { renderTemplate } from "../gotemplate/render.ts";
import { sprigFunctions } from "../gotemplate/sprig.ts";
import { GoError, type GoValue, type World } from "../gotemplate/value.ts";
import type { UnsealOptions } from "../sealed/unseal-secret.ts";

/*
 * Nobody's signature is on a template, so it is somebody else's program on this machine. An honest one takes less than
 * a millisecond; a Secret holds 1 MiB at most, and Go gives up at 100,000 templates in one another.
 */
const usual: TemplateBounds = { milliseconds: 5000, steps: 5_000_000 };
const outputCharacters = 4 * 1024 * 1024;
const depth = 1000;
/** Asking for the time costs more than a step. */
const stepsBetweenLooks = 4096;

/** How long the templates of one SealedSecret may take together. */
export interface TemplateBounds {
  readonly milliseconds: number;
  /** Of about a microsecond each; what takes longer counts as many, before it begins. */
  readonly steps: number;
  /** Told when one of them is passed, besides the error that the template ends with. */
  readonly onPassed?: () => void;
}

/**
 * Renders the templates of one SealedSecret with what Sealed Secrets lets them use, in UTC as the controller. All
 * templates of the object share the bounds: time, steps, text that is made.
 *
 * @param host - The clock and the randomness that templates see; the clock also bounds them.
 */
export function templateRenderer(
  { now, random }: Pick<Host, "now" | "random">,
  bounds: TemplateBounds = usual,
): UnsealOptions["render"] {
  const { steps } = bounds;
  const spend = stepCounter(now, bounds);
  let left = outputCharacters;
  return (item, template, data) => {
    const world: World = { now, random, utcOffset: 0, limits: { steps, output: left, depth }, spend };
    const rendered = renderTemplate(item, template, goStrings(data), sprigFunctions, world);
    left -= rendered.length;
    return rendered;
  };
}

function stepCounter(
  now: () => number,
  { milliseconds, steps, onPassed }: TemplateBounds,
): (steps: number) => void {
  const passed = (what: string): never => {
    onPassed?.();
    throw new GoError(`the templates take more than ${what}`);
  };
  let deadline: number | undefined;
  let taken = 0;
  let nextLook = 0;
  return (more) => {
    taken += more;
    if (taken > steps) passed(`${steps} steps`);
    if (taken < nextLook) return;
    nextLook = taken + stepsBetweenLooks;
    // Not the time that was spent on opening the values.
    deadline ??= now() + milliseconds;
    if (now() > deadline) passed(`${milliseconds / 1000} seconds`);
  };
}

function goStrings(data: ReadonlyMap<string, string>): GoValue {
  const entries = [...data].map(([item, value]): [string, GoValue] => [item, { kind: "string", value }]);
  return { kind: "map", element: "string", entries: new Map(entries) };
}
