import type { VerifiedObject, VerifyResult } from "../ops/verify.ts";
import type { Finding } from "../ops/verify-finding.ts";

/** What `verify` found, for people: every finding with its place, which keys opened what, and a summary. */
export function describeFindings({ findings, objects, files }: VerifyResult): string {
  return [
    ...findings.flatMap(describeFinding),
    ...objects.flatMap(describeOpening),
    summary(findings, objects.length, files),
  ].join("\n");
}

function describeFinding({
  file,
  line,
  object,
  path,
  rule,
  severity,
  message,
  hint,
}: Finding): readonly string[] {
  const name = file === "-" ? "standard input" : file;
  const place = line === undefined ? name : `${name}:${line}`;
  const what = [object, path].filter((part) => part !== undefined).join(" ");
  const head = `${place}: ${severity} ${rule}${what === "" ? "" : `, ${what}`}`;
  return [head, ...[message, hint].flatMap((text) => (text === undefined ? [] : indented(text)))];
}

function indented(text: string): readonly string[] {
  return text.split("\n").map((line) => `    ${line}`);
}

function describeOpening({ file, line, object, keys, opensInCluster }: VerifiedObject): readonly string[] {
  const place = `${file === "-" ? "standard input" : file}:${line}: ${object}`;
  const opened = (keys ?? []).map(({ fingerprint, isNewest, items }) => {
    const values = items === 1 ? "1 value opens" : `${items} values open`;
    return `${place}: ${values} with ${fingerprint}${isNewest ? "" : ", which is not the newest key"}`;
  });
  return opensInCluster === true ? [...opened, `${place}: the cluster opens it`] : opened;
}

function summary(findings: readonly Finding[], objects: number, files: number): string {
  const where = files === 1 ? "1 file" : `${files} files`;
  const what = objects === 1 ? "1 SealedSecret" : `${objects} SealedSecrets`;
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const warnings = findings.length - errors;
  if (findings.length === 0) return `${what} in ${where}: nothing wrong`;
  const counts = [counted(errors, "error"), counted(warnings, "warning")].filter((one) => one !== "");
  return `${what} in ${where}: ${counts.join(", ")}`;
}

function counted(count: number, noun: string): string {
  return count === 0 ? "" : `${count} ${noun}${count === 1 ? "" : "s"}`;
}
