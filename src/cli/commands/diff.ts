import type { Host } from "../../core/ports.ts";
import { KsealError } from "../../errors.ts";
import type { Action } from "../command.ts";
import { typesOf } from "../option-parsing.ts";

// As `git diff --exit-code` and `kubectl diff` have it.
const statuses = { same: 0, different: 1 } as const;

export const action: Action = async ({ args, options }, { host, output, context }) => {
  const reveal = options.flag("reveal");
  if (options.flag("textconv")) {
    const { showForDiff } = await import("../../ops/textconv.ts");
    const [name = ""] = args;
    const bytes = await host.readFile(name);
    await host.writeStdout(await showForDiff({ name, bytes }, { reveal }, await context()));
    return 0;
  }
  const { diffFiles } = await import("../../ops/diff.ts");
  const { describeDiff, diffAsJson, diffInMarkdown } = await import("../diff-report.ts");
  const compare = await comparisonOf(args, options.flag("staged"), host);
  const name = options.text("path");
  if (name !== undefined && !("before" in compare)) {
    throw new KsealError("USAGE", "--path names what two files are", {
      hint: "kseal diff --path db.yaml OLD NEW",
    });
  }
  const open = !options.flag("keyless");
  const diffs = await diffFiles({ compare, name, open, ...typesOf(options) }, await context());
  const isMarkdown = options.text("output") === "markdown";
  const text = isMarkdown ? diffInMarkdown(diffs, { reveal }) : describeDiff(diffs, { reveal });
  await output.report(text, diffAsJson(diffs, { reveal }));
  return diffs.length === 0 ? statuses.same : statuses.different;
};

/** Two files are compared with each other; everything else is what `git diff` would compare. */
async function comparisonOf(args: readonly string[], staged: boolean, host: Host) {
  const isFile = async (path: string): Promise<boolean> =>
    path === "-" || (await host.stat(host.resolve(path))) !== undefined;
  const revisions: string[] = [];
  const named: string[] = [];
  for (const word of args) {
    if (await isFile(word)) named.push(word);
    else if (named.length === 0) revisions.push(word);
    else throw new KsealError("NO_FILE", "no such file", { where: { file: word } });
  }
  const [before, after, ...more] = named;
  if (before !== undefined && after !== undefined && more.length === 0 && revisions.length === 0) {
    const stats = [await host.stat(host.resolve(before)), await host.stat(host.resolve(after))];
    if (stats.every((stat) => stat?.kind !== "folder")) return { before, after };
  }
  return { revisions, paths: named, staged };
}
