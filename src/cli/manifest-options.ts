import type { ManifestFormat } from "../formats/manifest.ts";
import type { Scope } from "../sealed/scope.ts";
import type { OptionSpec, OptionValues } from "./command.ts";

const formats = ["yaml", "json"];

/** The format of a file of Kubernetes objects. */
export const manifestInput: OptionSpec = {
  flags: "--input-type <format>",
  summary: "the input's format, instead of by file name and first character",
  choices: formats,
};

/** The formats of files of Kubernetes objects. */
export const manifestTypes: readonly OptionSpec[] = [
  manifestInput,
  {
    flags: "--output-type <format>",
    summary: "the output's format, instead of the input's",
    choices: formats,
  },
];

/** What sealed values are bound to. */
export const scope: OptionSpec = {
  flags: "--scope <scope>",
  summary: "what values are bound to: name and namespace, the namespace, or nothing",
  choices: ["strict", "namespace-wide", "cluster-wide"],
};

/** What the flags of {@link manifestTypes} say. */
export function manifestTypesOf(options: OptionValues): {
  readonly inputType: ManifestFormat | undefined;
  readonly outputType: ManifestFormat | undefined;
} {
  return { inputType: formatOf(options.text("inputType")), outputType: formatOf(options.text("outputType")) };
}

/** What {@link scope} says. */
export function scopeOf(options: OptionValues): Scope | undefined {
  const word = options.text("scope");
  return word === "strict" || word === "namespace-wide" || word === "cluster-wide" ? word : undefined;
}

function formatOf(word: string | undefined): ManifestFormat | undefined {
  return word === "yaml" || word === "json" ? word : undefined;
}
