import { KsealError } from "../errors.ts";
import { formatOfName } from "../formats/detect.ts";
import { checkConfig } from "./check-config.ts";
import { checkCovered, coveredInClear, singlesOut } from "./check-covered.ts";
import { withoutIgnored } from "./check-ignore.ts";
import { checkKustomization, isKustomization } from "./check-kustomize.ts";
import { checkObjects, sealIt } from "./check-manifest.ts";
import { type CheckFinding, finding } from "./check-rules.ts";
import { checkSops, checkWithoutBlock } from "./check-sops.ts";
import { type CheckedText, lineOfText, metadataOffset, parseChecked } from "./check-text.ts";
import { checkTokens } from "./check-tokens.ts";
import type { OpContext } from "./context.ts";
import { baseName, shellWord } from "./file-path.ts";
import { hasConflictMarkers, looksEncrypted } from "./looks-encrypted.ts";
import type { MatchedRule, RuleBook } from "./rule-book.ts";
import { mayHoldSecrets } from "./seal-manifest.ts";
import type { JudgedFile } from "./verify-file.ts";

/** What files are checked with. */
export interface CheckTools {
  readonly context: OpContext;
  readonly rules: RuleBook;
  readonly withKeys: boolean;
  /** The creation rule of a file, by its absolute path; a configuration that does not parse has none. */
  readonly ruleFor: (path: string) => Promise<MatchedRule | undefined>;
  /** Whether the configuration of a file has creation rules. */
  readonly hasRules: (path: string) => Promise<boolean>;
  /** Judges the SealedSecrets of a file. */
  readonly judgeSealed: (text: CheckedText) => Promise<JudgedFile>;
}

const decoder = new TextDecoder();

/** Everything that is wrong with a file, by line. */
export async function checkFile(
  source: { readonly file: string; readonly path: string },
  bytes: Uint8Array,
  tools: CheckTools,
): Promise<readonly CheckFinding[]> {
  const { file, path } = source;
  const text = decoder.decode(bytes);
  if (baseName(path, tools.context.host.platform) === ".sops.yaml") {
    return withoutIgnored(file, text, [...checkConfig(file, bytes), ...checkTokens(file, text)]);
  }
  const inside = await checkInside(source, { bytes, text }, tools);
  const isCovered = coveredBy(inside, text);
  const tokens = checkTokens(file, text).filter((token) => !isCovered(token));
  return withoutIgnored(file, text, [...inside, ...tokens]).toSorted((a, b) => a.line - b.line);
}

interface Content {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** A cheap look at the bytes first: most files of a repository hold nothing that is worth parsing. */
async function checkInside(
  { file, path }: { readonly file: string; readonly path: string },
  { bytes, text }: Content,
  tools: CheckTools,
): Promise<readonly CheckFinding[]> {
  const isEncrypted = looksEncrypted(bytes);
  // SOPS minds the case of an ending (sops.md 4); kubectl and people do not.
  const name = isEncrypted ? path : path.replace(/\.[A-Za-z]+$/, (ending) => ending.toLowerCase());
  const isSettings = formatOfName(name) !== "binary";
  if ((isSettings || isEncrypted) && hasConflictMarkers(bytes)) return [marker(file, text)];
  const matched = await tools.ruleFor(path);
  const isCovered = matched !== undefined && !isEncrypted && singlesOut(matched, path, tools.context);
  const isSealed = /SealedSecret|bitnami\.com\/|encryptedData/.test(text);
  const isWorth =
    isEncrypted ||
    isCovered ||
    (isSettings &&
      (isSealed ||
        mayHoldSecrets(bytes) ||
        text.includes("last-applied-configuration") ||
        text.includes("ENC[AES256_GCM,"))) ||
    isKustomization(path);
  if (!isWorth) return [];
  let parsed: CheckedText;
  try {
    // Without an ending it would be one value for SOPS.
    parsed = await parseChecked({ file, name, bytes });
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    return unparsed({ file, text, isEncrypted, ruleThatCovers: isCovered ? matched : undefined }, error);
  }
  if (parsed.parsed.metadata !== undefined) return checkEncrypted(parsed, matched, tools);
  return checkPlain(parsed, { path, isSealed, ruleThatCovers: isCovered ? matched : undefined }, tools);
}

/** What can be said of a file that does not parse: half a file, or a template of another program. */
function unparsed(
  about: {
    readonly file: string;
    readonly text: string;
    readonly isEncrypted: boolean;
    readonly ruleThatCovers: MatchedRule | undefined;
  },
  error: KsealError,
): readonly CheckFinding[] {
  const { file, text, isEncrypted, ruleThatCovers } = about;
  const isCut = !isEncrypted && text.includes("ENC[AES256_GCM,");
  if (isCut || (isEncrypted && metadataOffset(text) > 0)) return [unreadable(file, text, error)];
  if (ruleThatCovers !== undefined) return [coveredInClear(file, ruleThatCovers)];
  const values = /^[ \t]*["']?(?:stringData|data)["']?[ \t]*:/m;
  if (text.includes("{{") || !mayHoldSecrets(new TextEncoder().encode(text)) || !values.test(text)) return [];
  const line = lineOfText(text, "data", Math.max(0, text.search(values)));
  const message = "it looks like a Secret with its values in clear, and does not parse";
  return [finding("secret-manifest", { file, line }, message, sealIt)];
}

async function checkEncrypted(
  text: CheckedText,
  matched: MatchedRule | undefined,
  { rules, withKeys, context, hasRules }: CheckTools,
): Promise<readonly CheckFinding[]> {
  const found = await checkSops(text, {
    matched,
    hasRules: matched !== undefined || (await hasRules(text.name)),
    rules,
    withKeys,
    context,
  });
  const objects = text.manifest === undefined ? [] : checkObjects(text.file, text.manifest);
  // Of a value that should be encrypted it was said already.
  const isSaid = ({ path = "" }: CheckFinding): boolean =>
    found.some((known) => known.rule === "sops-nothing-encrypted" || known.path?.startsWith(path));
  return [...found, ...objects.filter((one) => one.rule === "last-applied" || !isSaid(one))];
}

async function checkPlain(
  text: CheckedText,
  about: { path: string; isSealed: boolean; ruleThatCovers: MatchedRule | undefined },
  tools: CheckTools,
): Promise<readonly CheckFinding[]> {
  const { file, manifest, format } = text;
  const { path, isSealed, ruleThatCovers } = about;
  const found: CheckFinding[] = [];
  if (format !== "binary" && text.text.includes("ENC[AES256_GCM,"))
    found.push(...(await checkWithoutBlock(text)));
  if (manifest !== undefined) {
    found.push(...checkObjects(file, manifest));
    if (isKustomization(path))
      found.push(...(await checkKustomization({ file, path }, manifest, tools.context)));
    else if (isSealed) found.push(...sealedFindings(file, await tools.judgeSealed(text)));
  }
  if (ruleThatCovers !== undefined && found.length === 0)
    found.push(...(await checkCovered(text, ruleThatCovers)));
  return found;
}

function sealedFindings(file: string, { findings }: JudgedFile): readonly CheckFinding[] {
  return findings.map(({ rule, severity, line = 1, path, message, hint }) => ({
    rule: `sealed-${rule}`,
    severity,
    file,
    line,
    path,
    message,
    hint,
  }));
}

/** Judges whether one finding says enough about what another one is at. */
function coveredBy(inside: readonly CheckFinding[], text: string): (token: CheckFinding) => boolean {
  const borders = inside.some(({ rule }) => rule === "secret-manifest")
    ? text.split("\n").flatMap((line, index) => (line.startsWith("---") ? [index + 1] : []))
    : [];
  return (token) =>
    inside.some(({ rule, line }) => {
      if (line === token.line || rule === "clear-covered") return true;
      const end = borders.find((border) => border > line) ?? Number.POSITIVE_INFINITY;
      return rule === "secret-manifest" && token.line > line && token.line < end;
    });
}

function marker(file: string, text: string): CheckFinding {
  const hint = `take one side: git checkout --ours ${shellWord(file)}; kseal init makes Git merge such files by structure`;
  const line = lineOfText(text, "<<<<<<< ", Math.max(0, text.search(/^<{7} /m)));
  return finding("merge-marker", { file, line }, "a merge left conflict markers in it", hint);
}

function unreadable(file: string, text: string, { message, where }: KsealError): CheckFinding {
  const line = where?.line ?? lineOfText(text, "", metadataOffset(text));
  return finding(
    "sops-metadata",
    { file, line, path: where?.path },
    `it does not open: ${message}`,
    `see what changed it: git log -p ${shellWord(file)}`,
  );
}
