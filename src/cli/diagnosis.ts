import { describeKey, nameOfKey } from "../core/key-names.ts";
import { keyId } from "../core/master-key.ts";
import type { Diagnosis, FileCheck } from "../ops/doctor.ts";
import type { KeyCheck } from "../ops/probe-keys.ts";

/** How it stands with a key, in a word or two. */
export const keyStates: Readonly<Record<KeyCheck["state"], string>> = {
  opens: "opens",
  absent: "not at hand",
  broken: "fails",
  credentials: "no credentials",
  denied: "denied",
  missing: "no such key",
  disabled: "disabled",
  mismatch: "wrong key",
  throttled: "throttled",
  unreachable: "unreachable",
  untrusted: "not allowed",
  unsupported: "unsupported",
  untried: "not tried",
};

/** What `doctor` found, for people: the keys, the files that stay closed, and what is at hand. */
export function describeDiagnosis(diagnosis: Diagnosis, options: { readonly showsAll: boolean }): string {
  const { files, keys, problems } = diagnosis;
  const closed = files.filter(({ opens }) => !opens);
  return [
    ...keys.flatMap((check) => describeKeyCheck(check, diagnosis)),
    ...problems,
    ...closed.flatMap(describeClosed),
    summary(files, closed),
    ...(closed.length > 0 || options.showsAll ? diagnosis.atHand : []),
    ...diagnosis.nextSteps,
  ].join("\n");
}

/** The same as data. */
export function diagnosisAsJson({ keys, names, ...rest }: Diagnosis): unknown {
  return {
    keys: keys.map((check) => ({ id: keyId(check.key), name: nameOfKey(check.key, names), ...check })),
    ...rest,
  };
}

function describeKeyCheck(check: KeyCheck, { names, files: all }: Diagnosis): readonly string[] {
  const { state, milliseconds, reason, hint, files } = check;
  const time = milliseconds === undefined ? "" : `${Math.round(milliseconds)} ms`;
  const where =
    state === "untried" ? ": a rule lists it, and no file here has it" : filesWord(files, all.length);
  const line = `${keyStates[state].padEnd(14)} ${time.padStart(9)}  ${describeKey(check.key, names)}${where}`;
  const texts = state === "absent" ? [hint] : [reason, hint];
  return [line, ...texts.flatMap(indented)];
}

// In a run over one file every key is that file's.
function filesWord(files: readonly string[], all: number): string {
  if (all < 2) return "";
  return files.length === 1 ? `, in ${files[0]}` : `, in ${files.length} files`;
}

function indented(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split("\n").map((line) => `    ${line}`);
}

function describeClosed({ file, groups, problem }: FileCheck): readonly string[] {
  if (problem !== undefined) return [`${file}: ${problem}`];
  const { all, needed, opened } = groups;
  const which = all > 1 ? `: ${opened} of ${all} key groups open, ${needed} are needed` : "";
  return [`${file}: cannot be opened${which}`];
}

function summary(files: readonly FileCheck[], closed: readonly FileCheck[]): string {
  if (files.length === 0) return "no encrypted file here";
  const count = files.length === 1 ? "1 file" : `${files.length} files`;
  if (closed.length === 0) return `${count}: ${files.length === 1 ? "can" : "all can"} be opened`;
  return `${count}: ${closed.length} cannot be opened`;
}
