import { parseConfig } from "../config/rules.ts";
import { KsealError } from "../errors.ts";
import { type CheckFinding, finding } from "./check-rules.ts";

/** What is wrong with a `.sops.yaml`, each problem at its line. */
export function checkConfig(file: string, bytes: Uint8Array): readonly CheckFinding[] {
  try {
    parseConfig(bytes, file);
    return [];
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return configFindings(file, error);
  }
}

/** The problems of a configuration that an error lists: the first with its place, every other in a line of its own. */
export function configFindings(file: string, { message, where, hint }: KsealError): readonly CheckFinding[] {
  const [first = "", ...others] = message.split("\n");
  const rest = others.flatMap((text) => {
    const [, line, problem] = /:(\d+):\d+: (.*)$/.exec(text) ?? [];
    return problem === undefined ? [] : [finding("config", { file, line: Number(line) }, problem)];
  });
  return [
    finding("config", { file, line: where?.line }, first, rest.length === 0 ? hint : undefined),
    ...rest,
  ];
}
