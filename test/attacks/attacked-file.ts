import { describeDiff } from "../../src/cli/diff-report.ts";
import { type CheckOptions, check } from "../../src/ops/check.ts";
import { diffFile } from "../../src/ops/diff-file.ts";
import { encrypted, mine, plain, type Workbench } from "../ops/workbench.ts";
import { identities } from "../support/identities.ts";
import { peer } from "../support/peers.ts";
import { runProgram } from "../support/run-program.ts";

/** The real sops, which shows what an attack does to those who have no kseal. */
export const sops: string | undefined = peer("sops");

/** Who may read what in the attacked repositories. */
export const rule = `creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: ${mine}\n`;

/** The file that is attacked: values in clear, values that are encrypted, and a list. */
export const victim = `apiVersion: v1
kind: Secret
metadata:
  name: db
  labels:
    tier: "12"
    zone: "3"
stringData:
  user: admin
  password: hunter2
  pin: "4711"
  hosts:
    - one
    - two
`;

/** What everybody who could find an attack says about it. */
export interface Outcome {
  /** `opens`, or the exit status of the real sops; `undefined` without it. */
  readonly sops: string | undefined;
  /** The rules of `kseal check` without a key, each with its line. */
  readonly check: readonly string[];
  /** The lines of `kseal diff` without a key that a reviewer reads. */
  readonly diff: readonly string[];
  /** `opens`, or the code of the error. */
  readonly opens: string;
  /** What came out where it opens. */
  readonly plain: string;
}

/** Attacks a file, and asks everybody about it. The rule of the repository stays as it was. */
export async function attack(
  tamper: (text: string) => string,
  options: { readonly text?: string; readonly path?: string; readonly rule?: string } = {},
): Promise<Outcome> {
  const { text = victim, path = "a.yaml" } = options;
  const bench = await encrypted({ [path]: text }, { rule: options.rule ?? rule });
  const before = await bench.read(path);
  const after = tamper(before);
  if (after === before) throw new Error("the attack changed nothing");
  await bench.write(path, after);
  return outcomeOf(bench, { path, before, after });
}

/** What everybody says about a file of which there are two versions. */
export async function outcomeOf(
  bench: Workbench,
  { path, before, after }: { readonly path: string; readonly before: string; readonly after: string },
): Promise<Outcome> {
  const opened = await plain(bench, path).then(
    (text) => ({ opens: "opens", plain: text }),
    (error: { code: string }) => ({ opens: error.code, plain: "" }),
  );
  return {
    sops: await askSops(bench, path),
    check: await checked(bench),
    diff: await differences(bench, { path, before, after }),
    ...opened,
  };
}

/** The rules that `kseal check` finds broken in a folder, without a key, each with its line. */
export async function checked(
  bench: Workbench,
  options: Partial<CheckOptions> = {},
): Promise<readonly string[]> {
  const all = { paths: ["."], staged: false, since: undefined, withKeys: false, baseline: undefined };
  const { findings } = await check({ ...all, writeBaseline: false, ...options }, await bench.again());
  return findings.map(({ line, rule: name }) => `${name}:${line}`);
}

/** What `kseal diff` prints without a key, without the name of the file; the error where it refuses. */
export async function differences(
  bench: Workbench,
  { path, before, after }: { readonly path: string; readonly before: string; readonly after: string },
): Promise<readonly string[]> {
  const [old, now] = [before, after].map((text) => new TextEncoder().encode(text));
  try {
    const diff = await diffFile(
      { name: path, before: old, after: now },
      { open: false },
      await bench.again(),
    );
    return describeDiff(diff === undefined ? [] : [diff], { reveal: false })
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  } catch (error) {
    return [(error as { code: string }).code];
  }
}

async function askSops(bench: Workbench, path: string): Promise<string | undefined> {
  if (sops === undefined) return undefined;
  const env = { HOME: bench.host.cwd, PATH: "/usr/bin:/bin", SOPS_AGE_KEY: identities[0] ?? "" };
  const { status } = await runProgram([sops, "-d", path], { cwd: bench.host.cwd, env });
  return status === 0 ? "opens" : String(status);
}
