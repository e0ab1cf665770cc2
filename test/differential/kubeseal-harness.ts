import { describe, expect, test } from "vitest";
import { readManifest } from "../../src/formats/manifest.ts";
import { makeFolder, readFolder, removeFolder } from "../support/folders.ts";
import { ksealCommand } from "../support/kseal-command.ts";
import { runInProcess } from "../support/kseal-in-process.ts";
import { peer } from "../support/peers.ts";
import { type ProgramResult, runProgram } from "../support/run-program.ts";
import { sealedVectorPath } from "../support/sealed.ts";

/** The real `kubeseal`, when it is there. */
export const kubeseal: string | undefined = peer("kubeseal");

/** Files of the vectors, for command lines. */
export const certificate: string = sealedVectorPath("rsa2048.crt.pem");
export const certificate4096: string = sealedVectorPath("rsa4096.crt.pem");
export const privateKey: string = sealedVectorPath("rsa2048.key.pem");
export const privateKey4096: string = sealedVectorPath("rsa4096.key.pem");

/** One command line that both tools run, each in a folder of its own with the same files. */
export interface KubesealCase {
  readonly name: string;
  readonly args: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Besides `HOME`, which is the folder. */
  readonly env?: Readonly<Record<string, string>>;
  /** Why kseal's standard error says something else; everything else is compared all the same. */
  readonly ownWords?: RegExp;
  /** A difference that was decided on: its number, and what kseal does. */
  readonly deviation?: Deviation;
}

interface Deviation {
  readonly decision: string;
  readonly status: number;
  readonly stdout?: string | RegExp;
  readonly stderr?: RegExp;
  /** No file is changed, and none is new. */
  readonly untouched?: true;
  readonly files?: Readonly<Record<string, RegExp>>;
}

/** What a run leaves behind. */
export interface Outcome {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
  readonly before: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

/** Runs cases with both tools, and compares everything they leave; what one sealed the other has to open. */
export function compareWithKubeseal(title: string, cases: readonly KubesealCase[]): void {
  describe.skipIf(kubeseal === undefined)(title, () => {
    const numbered = cases.map((one) => ({
      title: one.deviation === undefined ? one.name : `${one.deviation.decision}: ${one.name}`,
      one,
    }));
    test.for(numbered)("$title", async ({ one }) => {
      const [theirs, ours] = await Promise.all([runTheirs(one), runOurs(one)]);
      await compareOutcomes(one, theirs, ours);
    });
  });
}

/** Holds what both tools left against each other. */
export async function compareOutcomes(one: KubesealCase, theirs: Outcome, ours: Outcome): Promise<void> {
  if (one.deviation !== undefined) {
    expect(masked(ours), "kseal does what kubeseal does: no deviation").not.toEqual(masked(theirs));
    checkDeviation(one.deviation, ours);
    return;
  }
  const [expected, actual] = [masked(theirs), masked(ours)];
  if (one.ownWords === undefined) {
    expect(actual).toEqual(expected);
  } else {
    expect(ours.stderr).toMatch(one.ownWords);
    expect({ ...actual, stderr: "" }).toEqual({ ...expected, stderr: "" });
  }
  if (ours.status === 0) await compareMeaning(theirs, ours);
}

export async function runTheirs(one: KubesealCase): Promise<Outcome> {
  return inFolder(one, (cwd, env) =>
    runProgram([kubeseal ?? "", ...one.args], { cwd, env, stdin: one.stdin ?? "" }),
  );
}

export async function runOurs(one: KubesealCase): Promise<Outcome> {
  const args = ["kubeseal", ...one.args];
  // Starting Node takes longer than most commands: the packages and the executable get processes of their own.
  const isPackaged = process.env["KSEAL_UNDER_TEST"] !== undefined;
  return inFolder(one, (cwd, env) =>
    isPackaged
      ? runProgram([...ksealCommand(), ...args], { cwd, env, stdin: one.stdin ?? "" })
      : runInProcess(args, { cwd, env, stdin: one.stdin ?? "" }),
  );
}

async function inFolder(
  one: KubesealCase,
  work: (cwd: string, env: Record<string, string>) => Promise<ProgramResult>,
): Promise<Outcome> {
  const folder = makeFolder(one.files);
  try {
    const before = textsOf(folder);
    const { status, stdout, stderr } = await work(folder, {
      PATH: "/usr/bin:/bin",
      HOME: folder,
      ...one.env,
    });
    return { status, stdout: stdout.toString("utf8"), stderr, before, files: textsOf(folder) };
  } finally {
    removeFolder(folder);
  }
}

function textsOf(folder: string): Record<string, string> {
  return Object.fromEntries([...readFolder(folder)].map(([name, bytes]) => [name, bytes.toString("utf8")]));
}

function masked({ status, stdout, stderr, files }: Outcome) {
  return {
    status,
    stdout: maskText(stdout),
    stderr: sortedErrors(maskText(stderr)),
    files: Object.fromEntries(Object.entries(files).map(([name, text]) => [name, maskText(text)])),
  };
}

const sealedValue = /A[gQ][A-Za-z0-9+/]{300,}={0,2}/g;

/** Hides what differs between any two runs: sealed values, but not their length, and what the program is called. */
export function maskText(text: string): string {
  return (
    text
      .replaceAll(sealedValue, (base64) => `<${Buffer.from(base64, "base64").length} bytes sealed>`)
      .replaceAll(/^Usage of .*:$/gm, "Usage of kubeseal:")
      // The original makes its new file first, under a name of the moment.
      .replaceAll(/(open [^ ]*\/)\.([^ ]*?)\d{5,}(?=: )/g, "$1$2")
      // Items in a random order.
      .replaceAll(/(?<=secret \()[^()]+(?=\))/g, (items) => items.split(", ").sort().join(", "))
  );
}

/** Errors of several items come one a line, in a random order. */
function sortedErrors(text: string): string {
  const lines = text.replace(/^error: /, "").split("\n");
  return text.startsWith("error: ") && lines.filter((line) => / \(.*\)$/.test(line)).length > 1
    ? lines.sort().join("\n")
    : text;
}

function checkDeviation(deviation: Deviation, ours: Outcome): void {
  const { status, stdout, stderr, untouched, files } = deviation;
  expect(ours.status, ours.stderr).toBe(status);
  if (typeof stdout === "string") expect(maskText(ours.stdout)).toBe(stdout);
  if (stdout instanceof RegExp) expect(maskText(ours.stdout)).toMatch(stdout);
  if (stderr !== undefined) expect(ours.stderr).toMatch(stderr);
  if (untouched) expect(ours.files).toEqual(ours.before);
  for (const [name, pattern] of Object.entries(files ?? {})) {
    expect(maskText(ours.files[name] ?? "")).toMatch(pattern);
  }
}

/** Opens what each tool sealed with the other one. */
async function compareMeaning(theirs: Outcome, ours: Outcome): Promise<void> {
  const [expected, actual] = await Promise.all([sealedObjects(theirs), sealedObjects(ours)]);
  expect(actual).toHaveLength(expected.length);
  for (const [index, object] of expected.entries()) {
    const [byOurs, byTheirs] = await Promise.all([
      openWith(runOurs, object),
      openWith(runTheirs, actual[index] ?? ""),
    ]);
    expect(byOurs).toEqual(byTheirs);
  }
}

/** What a tool opens one SealedSecret to, with both keys of the vectors. */
export async function openWith(tool: typeof runOurs, object: string) {
  const args = ["--recovery-unseal", "--recovery-private-key", `${privateKey},${privateKey4096}`];
  return masked(await tool({ name: "", args, stdin: object }));
}

async function sealedObjects({ stdout, files, before }: Outcome): Promise<readonly string[]> {
  const changed = Object.keys(files)
    .sort()
    .filter((name) => files[name] !== before[name])
    .map((name) => files[name] ?? "");
  const texts = [stdout, ...changed].filter((text) => text.includes("SealedSecret"));
  const manifests = await Promise.all(
    texts.map((text) => readManifest(Buffer.from(text), { file: "sealed" })),
  );
  return manifests.flatMap(({ documents }) =>
    documents.flatMap(({ object }) => (isSealed(object) ? [JSON.stringify(object)] : [])),
  );
}

function isSealed(object: unknown): boolean {
  return typeof object === "object" && object !== null && "kind" in object && object.kind === "SealedSecret";
}
