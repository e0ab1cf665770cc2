import { isNetworkAddress } from "../config/certificate-place.ts";
import { KsealError } from "../errors.ts";
import type { CertificateFinder } from "./certificate.ts";
import type { Skipped } from "./changed-files.ts";
import { keysOfFindings, printBaseline, readBaseline, withoutKnown } from "./check-baseline.ts";
import { configFindings } from "./check-config.ts";
import { type CheckTools, checkFile } from "./check-file.ts";
import type { CheckFinding } from "./check-rules.ts";
import { type CheckScope, type CheckSource, checkSources } from "./check-sources.ts";
import type { OpContext } from "./context.ts";
import { seenFrom } from "./file-path.ts";
import { openRuleBook, type RuleBook } from "./rule-book.ts";

/** What to check, and against what. */
export interface CheckOptions extends CheckScope {
  /** Also opens the encrypted files, with the keys at hand. */
  readonly withKeys: boolean;
  /** A file with findings that are known. */
  readonly baseline: string | undefined;
  /** Makes the findings of this run the known ones. */
  readonly writeBaseline: boolean;
}

/** A finding, with what tells it apart from run to run. */
export interface CheckedFinding extends CheckFinding {
  readonly key: string;
}

export interface CheckResult {
  readonly files: number;
  /** By file and line, without those of the baseline. */
  readonly findings: readonly CheckedFinding[];
  /** How many the baseline has. */
  readonly known: number;
  readonly skipped: Readonly<Skipped>;
}

const concurrency = 16;
const binaryLook = 8000;

/**
 * Looks for everything in a repository that should not be in it: damaged and stale encrypted files, and secrets in
 * clear. Without a key and without a network. Files are read a few at a time and none is kept.
 *
 * @throws KsealError only for what keeps it from looking: `NO_FILE`, `INPUT_UNREADABLE`, `USAGE`.
 */
export async function check(options: CheckOptions, context: OpContext): Promise<CheckResult> {
  const quiet: OpContext = { ...context, log: { info: () => undefined, warn: () => undefined } };
  const skipped: Skipped = { links: 0, submodules: 0, large: 0, binary: 0 };
  const configErrors = new Map<string, readonly CheckFinding[]>();
  const tools = checkTools(options.withKeys, configErrors, quiet);
  // Git is at work meanwhile; what is wrong with it is said of files.
  if (options.staged) tools.rules.configFor(context.host.resolve(".sops.yaml")).catch(() => undefined);
  const found: CheckFinding[] = [];
  const seen = new Set<string>();
  let files = 0;
  await eachAtOnce(checkSources(options, skipped, quiet), async (source) => {
    const bytes = await source.read();
    if (bytes === undefined) return;
    if (bytes.subarray(0, binaryLook).includes(0)) {
      skipped.binary += 1;
      return;
    }
    files += 1;
    if (source.path.endsWith(".sops.yaml")) seen.add(source.path);
    found.push(...(await checkFile(source, bytes, tools)));
  });
  for (const [path, findings] of configErrors) if (!seen.has(path)) found.push(...findings);
  const sorted = found.toSorted(byPlace);
  const { baseline: file } = options;
  if (options.writeBaseline) {
    await writeBaseline(file, sorted, context);
    return { files, findings: [], known: sorted.length, skipped };
  }
  const left = file === undefined ? sorted : withoutKnown(sorted, await baselineOf(file, context));
  const keys = new Map(keysOfFindings(sorted).map((key, index) => [sorted[index], key]));
  const findings = left.map((one) => ({ ...one, key: keys.get(one) ?? "" }));
  return { files, findings, known: sorted.length - left.length, skipped };
}

/**
 * What files are checked with.
 *
 * @param configErrors - Gets what is wrong with configurations that files are under, by their absolute paths.
 */
export function checkTools(
  withKeys: boolean,
  configErrors: Map<string, readonly CheckFinding[]>,
  context: OpContext,
): CheckTools {
  const { host } = context;
  const rules = openRuleBook(context);
  const unlessBroken = async <T>(ask: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof KsealError) || error.code !== "CONFIG_INVALID") throw error;
      const path = host.resolve(error.where?.file ?? ".sops.yaml");
      configErrors.set(path, configFindings(seenFrom(host.cwd, path, host.platform), error));
      return undefined;
    }
  };
  return {
    context,
    rules,
    withKeys,
    ruleFor: (path) => unlessBroken(() => rules.ruleFor(path)),
    hasRules: async (path) => {
      const config = await unlessBroken(() => rules.configFor(path));
      return (config?.rules?.length ?? 0) > 0;
    },
    judgeSealed: sealedJudge(rules, context),
  };
}

/** Judges SealedSecrets against the scope of their rule, and against its certificate when that is a file. */
function sealedJudge(rules: RuleBook, context: OpContext): CheckTools["judgeSealed"] {
  let finder: CertificateFinder | undefined;
  return async (text) => {
    // Loaded when there is a SealedSecret.
    const [{ judgeFile }, { movedValues }, { certificateFinder, placeOf }, { matchSealingRule }] =
      await Promise.all([
        import("./verify-file.ts"),
        import("./verify-moved.ts"),
        import("./certificate.ts"),
        import("../config/match.ts"),
      ]);
    const config = await unlessUnusable(() => rules.configFor(text.name));
    const rule = config && matchSealingRule(config, text.name, context.host);
    const place =
      config && rule && placeOf({ folder: context.host.resolve(config.path, ".."), rule }, context);
    finder ??= certificateFinder({}, context);
    const find = finder.find;
    const found =
      place === undefined || isNetworkAddress(place)
        ? undefined
        : await unlessUnusable(() => find(text.name));
    const modulusLength = found?.certificate.modulusLength;
    // Secrets in clear are found without it.
    const judging = { scope: rule?.scope, modulusLength, isForSealed: false, wasNamed: false };
    const judged = await judgeFile(text, judging);
    return { ...judged, findings: [...judged.findings, ...movedValues(judged.objects)] };
  };
}

/** What a configuration or certificate is wrong about is said at its own place. */
async function unlessUnusable<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

async function eachAtOnce(
  sources: AsyncGenerator<CheckSource, void, undefined>,
  work: (source: CheckSource) => Promise<void>,
): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let next = await sources.next(); next.done !== true; next = await sources.next()) {
      await work(next.value);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

function byPlace(a: CheckFinding, b: CheckFinding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || (a.rule < b.rule ? -1 : 1);
}

async function baselineOf(file: string, { host }: OpContext): Promise<ReadonlySet<string>> {
  try {
    return readBaseline(await host.readFile(host.resolve(file)), file);
  } catch (error) {
    throw error instanceof KsealError ? error.at({ file }) : error;
  }
}

async function writeBaseline(
  file: string | undefined,
  findings: readonly CheckFinding[],
  { host }: OpContext,
): Promise<void> {
  if (file === undefined) {
    throw new KsealError("USAGE", "--write-baseline needs a file to write to", {
      hint: "name it: --baseline .kseal-baseline.json",
    });
  }
  const bytes = new TextEncoder().encode(printBaseline(findings));
  await host.createFile(host.resolve(file), bytes, { mode: 0o644, overwrite: true });
}
