import { placeOf } from "../sealed/secret.ts";
import type { ConvertSource } from "./convert-source.ts";

/** How the Secrets of a file are called in a report. */
export function secretPlaces({ parts }: Pick<ConvertSource, "parts">): readonly string[] {
  return parts.flatMap(({ secret }) => (secret === undefined ? [] : [placeOf(secret.metadata)]));
}
