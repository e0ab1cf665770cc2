import { KsealError } from "../errors.ts";
import { FilesError } from "./map-files.ts";

/** Several things are wrong with what is to be rendered. Nothing was rendered. */
export class RenderError extends KsealError {
  readonly problems: readonly KsealError[];

  constructor(problems: readonly [KsealError, ...KsealError[]]) {
    super(problems[0].code, problems.map(({ message }) => message).join("\n"), { cause: problems[0] });
    this.problems = problems;
  }
}

/** What is wrong, one by one: Kustomize shows what a plugin says on standard error, and people look for the line there. */
export function problemsOf(error: KsealError): readonly KsealError[] {
  if (error instanceof RenderError) return error.problems.flatMap(problemsOf);
  return error instanceof FilesError ? error.failures.flatMap(problemsOf) : [error];
}
