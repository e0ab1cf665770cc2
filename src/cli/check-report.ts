import type { CheckedFinding, CheckResult } from "../ops/check.ts";
import { printable } from "./printable.ts";

/** What `check` found, for people. */
export function describeCheck({ findings, files, known, skipped }: CheckResult): string {
  const counts = (["error", "warning", "note"] as const).flatMap((severity) => {
    const count = findings.filter((one) => one.severity === severity).length;
    return count === 0 ? [] : [counted(count, severity)];
  });
  const passedOver = [
    ...(skipped.binary === 0 ? [] : [counted(skipped.binary, "binary file")]),
    ...(skipped.large === 0
      ? []
      : [counted(skipped.large, "file larger than 8 MiB", "files larger than 8 MiB")]),
    ...(skipped.submodules === 0 ? [] : [counted(skipped.submodules, "submodule")]),
    ...(skipped.links === 0 ? [] : [counted(skipped.links, "symbolic link")]),
  ];
  return [
    ...findings.flatMap(describe),
    `${counted(files, "file")}: ${counts.length === 0 ? "nothing wrong" : counts.join(", ")}${known === 0 ? "" : `; ${counted(known, "finding")} in the baseline`}`,
    ...(passedOver.length === 0 ? [] : [`not looked at: ${passedOver.join(", ")}`]),
  ].join("\n");
}

function describe({ file, line, severity, rule, path, message, hint }: CheckedFinding): readonly string[] {
  const texts = [message, hint].filter((text) => text !== undefined).flatMap((text) => text.split("\n"));
  const head = `${printable(file)}:${line}: ${severity} ${rule}${path === undefined ? "" : `, ${printable(path)}`}`;
  return [head, ...texts.map((text) => `    ${printable(text)}`)];
}

function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
