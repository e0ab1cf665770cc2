import { KsealError } from "../../errors.ts";
import type { Action } from "../command.ts";
import { numberOf } from "../option-parsing.ts";

/** What Git's drivers answer (gitattributes, "Defining a custom merge driver"): above 128 the whole merge stops. */
const statuses = { clean: 0, conflict: 1, tampered: 129 } as const;
const tampering: ReadonlySet<string> = new Set([
  "MAC_MISMATCH",
  "MAC_MISSING",
  "DECRYPT_FAILED",
  "VALUE_MALFORMED",
  "METADATA_INVALID",
]);

export const action: Action = async (
  { args: [base = "", ours = "", theirs = ""], options },
  { host, output, context },
) => {
  const { mergeFiles } = await import("../../ops/merge.ts");
  const name = options.text("path") ?? ours;
  const read = (path: string): Promise<Uint8Array> => host.readFile(path);
  const versions = { name, base: await read(base), ours: await read(ours), theirs: await read(theirs) };
  try {
    const merged = await mergeFiles(
      versions,
      { markerSize: numberOf(options, "markerSize") },
      await context(),
    );
    if (options.flag("stdout")) await output.content(merged.content);
    else await host.createFile(ours, merged.content, { overwrite: true });
    for (const { path, what } of merged.conflicts) {
      output.info(`${name}: ${path === "" ? what : `${path}: ${what}`}`);
    }
    if (merged.pending !== undefined) {
      output.info(`${name}: merged without a key, so nobody can open it yet: ${merged.pending.message}`);
    }
    if (merged.pending === undefined && merged.conflicts.length === 0) return statuses.clean;
    output.info(`${name}: finish the merge with: kseal resolve ${name}`);
    return statuses.conflict;
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const status = output.failure(error);
    if (tampering.has(error.code)) return statuses.tampered;
    return status > 128 ? status : statuses.conflict;
  }
};
