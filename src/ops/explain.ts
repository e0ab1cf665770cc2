import type { Config } from "../config/rules.ts";
import { type KeyNames, noNames } from "../core/key-names.ts";
import { pendingMac } from "../core/mac.ts";
import { defaultSelection, type Selection } from "../core/selection.ts";
import { KsealError } from "../errors.ts";
import { formatOfName } from "../formats/detect.ts";
import type { Format } from "../formats/store.ts";
import { parseChecked } from "./check-text.ts";
import type { OpContext } from "./context.ts";
import { type ExplainedKeys, explainKeys } from "./explain-keys.ts";
import { explainPath, type PathReason } from "./explain-path.ts";
import { type EncryptionPlan, planEncryption } from "./explain-plan.ts";
import { type ConfigChoice, configChoice, type RuleTrial, trialOf } from "./explain-rules.ts";
import { shellWord } from "./file-path.ts";
import { secretSelection } from "./kubernetes-secret.ts";
import { readText } from "./load-file.ts";
import { openRuleBook } from "./rule-book.ts";
import { mayHoldSealed } from "./unseal-detect.ts";
import { type SealedFor, type SealedObject, sealedFor, sealedObjects } from "./who-sealed.ts";

/** What to explain. */
export interface ExplainOptions {
  readonly file: string;
  /** A path in the file; for SealedSecrets the name of a value. */
  readonly path?: string | undefined;
  /** Whether key services may be asked, too. */
  readonly online: boolean;
}

/** Why a file is as it is, and what to type next. */
export interface Explanation {
  readonly file: string;
  /** `missing`: no such file; what is said is about a new one of this name. */
  readonly state: "encrypted" | "sealed" | "clear" | "missing";
  readonly format: Format;
  /** `undefined`: there is no `.sops.yaml` for it. */
  readonly config: ConfigChoice | undefined;
  /** The creation rules; for SealedSecrets the sealing rules. */
  readonly trial: RuleTrial | undefined;
  /** Of an encrypted file: what its own block says, and what the rule says where that is something else. */
  readonly encrypted:
    | {
        /** `undefined`: all of it is one value. */
        readonly selection: Selection | undefined;
        readonly ruleSelection: Selection | undefined;
        readonly macOnlyEncrypted: boolean;
        /** `pending`: a merge is not finished. */
        readonly mac: "present" | "missing" | "pending";
        readonly keys: ExplainedKeys;
      }
    | undefined;
  readonly plan: EncryptionPlan | undefined;
  readonly sealed:
    | {
        readonly objects: readonly SealedObject[];
        readonly for: SealedFor | undefined;
        /** Of the value that was asked for. */
        readonly item: { readonly name: string; readonly state: "sealed" | "clear" | "missing" } | undefined;
      }
    | undefined;
  readonly path: PathReason | undefined;
  /** Command lines, the likeliest first. */
  readonly next: readonly string[];
  readonly names: KeyNames;
}

/**
 * Explains which rule is for a file and why, what is encrypted in it and why, and which keys open it. Asks the user and
 * the network nothing, unless told to; decrypts no value.
 *
 * @throws KsealError `USAGE` for a folder, `CONFIG_INVALID`, `FORMAT_INVALID`, `METADATA_INVALID`, `PATH_INVALID`.
 */
export async function explain(options: ExplainOptions, context: OpContext): Promise<Explanation> {
  const { host } = context;
  const { file } = options;
  const path = host.resolve(file);
  const stat = await host.stat(path);
  if (stat?.kind === "folder") {
    throw new KsealError("USAGE", "this is a folder, and one file is needed", {
      hint: `kseal who ${shellWord(file)} says who can read what in it`,
      where: { file },
    });
  }
  const config = await openRuleBook(context).configFor(path);
  const shared = {
    file,
    format: formatOfName(file),
    config: config && configChoice(config, path, context),
    trial: config && trialOf(config.rules ?? [], config, path, context),
    encrypted: undefined,
    plan: undefined,
    sealed: undefined,
    path: undefined,
    names: config?.names ?? noNames,
  };
  if (stat === undefined) return { ...shared, ...(await explainNew(options, path, shared.trial, context)) };
  const text = await readText({ file, path }, {}, context);
  if (mayHoldSealed(text.bytes)) {
    return { ...shared, ...(await explainSealed(options, { path, config, bytes: text.bytes }, context)) };
  }
  return { ...shared, ...(await explainText(options, text, context)) };
}

/** A file that is not there yet: which rule it would get, and what would become of a path in it. */
async function explainNew(
  { file, path: wanted }: ExplainOptions,
  name: string,
  trial: RuleTrial | undefined,
  context: OpContext,
): Promise<Pick<Explanation, "state" | "plan" | "path" | "next">> {
  const rules = openRuleBook(context);
  const isTree = /\.(?:ya?ml|json)$/.test(name);
  const text = await parseChecked({ file, name, bytes: new TextEncoder().encode(isTree ? "{}\n" : "") });
  const plan = await planEncryption(
    text,
    { matched: await rules.ruleFor(name), rules, isNew: true },
    context,
  );
  const path = wanted === undefined ? undefined : await explainPath(text, wanted, plan.selection);
  return { state: "missing", plan, path, next: nextForMissing(file, trial) };
}

async function explainText(
  { file, path: wanted, online }: ExplainOptions,
  text: { readonly file: string; readonly name: string; readonly bytes: Uint8Array },
  context: OpContext,
): Promise<Pick<Explanation, "state" | "encrypted" | "plan" | "path" | "next">> {
  const rules = openRuleBook(context);
  const checked = await unlessDamaged(() => parseChecked(text), file);
  const { metadata } = checked.parsed;
  const matched = await rules.ruleFor(text.name);
  if (metadata === undefined) {
    const plan = await planEncryption(checked, { matched, rules, isNew: false }, context);
    const path = wanted === undefined ? undefined : await explainPath(checked, wanted, plan.selection);
    return { state: "clear", encrypted: undefined, plan, path, next: nextForClear(file, plan) };
  }
  const selection = checked.format === "binary" ? undefined : (metadata.selection ?? defaultSelection);
  const listed = matched?.rule.groups.flat() ?? [];
  const keys = await explainKeys(
    metadata,
    { name: text.name, listed: listed.length === 0 ? undefined : listed, online },
    context,
  );
  const path = wanted === undefined ? undefined : await explainPath(checked, wanted, selection);
  const encrypted = {
    selection,
    ruleSelection: matched === undefined ? undefined : otherSelection(selection, matched.rule.selection),
    macOnlyEncrypted: metadata.macOnlyEncrypted,
    mac: macOf(metadata.mac),
    keys,
  };
  return {
    state: "encrypted",
    encrypted,
    plan: undefined,
    path,
    next: nextForEncrypted(file, encrypted, path),
  };
}

function macOf(mac: string): "present" | "missing" | "pending" {
  if (mac === pendingMac) return "pending";
  return mac === "" ? "missing" : "present";
}

/** What the rule says, when it is not what the file says; a rule that says nothing leaves it to the defaults. */
function otherSelection(own: Selection | undefined, ruled: Selection | undefined): Selection | undefined {
  const isSame = (one: Selection): boolean => own?.rule === one.rule && own.pattern === one.pattern;
  if (own === undefined || (ruled === undefined && isSame(secretSelection))) return undefined;
  const wanted = ruled ?? defaultSelection;
  return isSame(wanted) ? undefined : wanted;
}

async function explainSealed(
  { file, path: wanted }: ExplainOptions,
  { path, config, bytes }: { path: string; config: Config | undefined; bytes: Uint8Array },
  context: OpContext,
): Promise<Pick<Explanation, "state" | "trial" | "sealed" | "next">> {
  const objects = await sealedObjects(bytes, path);
  const item = wanted === undefined ? undefined : itemOf(wanted, objects);
  const sealed = { objects, for: sealedFor(config, path, context), item };
  const name = shellWord(file);
  const needsCertificate = sealed.for?.certificate === undefined && sealed.for?.cluster === undefined;
  return {
    state: "sealed",
    trial: config && trialOf(config.sealing.rules, config, path, context),
    sealed,
    next: [
      `kseal verify ${name}`,
      `kseal set ${name} ${item === undefined ? "ITEM" : shellWord(item.name)}${needsCertificate ? " --cert CERTIFICATE" : ""}`,
      `kseal unseal --key BACKUP ${name}`,
    ],
  };
}

/** A value of a SealedSecret, by its name or its path. */
function itemOf(
  wanted: string,
  objects: readonly SealedObject[],
): { readonly name: string; readonly state: "sealed" | "clear" | "missing" } {
  const name = wanted
    .replace(/^\[["']spec["']\]\[["']encryptedData["']\]\[["'](.*)["']\]$/s, "$1")
    .replace(/^spec\.encryptedData\.|^spec\.template\.data\./, "");
  const isIn = (of: (object: SealedObject) => readonly string[]): boolean =>
    objects.some((object) => of(object).includes(name));
  const state = isIn(({ items }) => items) ? "sealed" : isIn(({ clear }) => clear) ? "clear" : "missing";
  return { name, state };
}

async function unlessDamaged<T>(parse: () => Promise<T>, file: string): Promise<T> {
  try {
    return await parse();
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    const { code, message, hint, where } = error;
    // As the user named it.
    throw new KsealError(code, message, { hint, where: { ...where, file }, cause: error });
  }
}

function nextForMissing(file: string, trial: RuleTrial | undefined): readonly string[] {
  const name = shellWord(file);
  if (trial?.rules.some(({ decides }) => decides)) return [`kseal edit ${name}`];
  return trial === undefined ? ["kseal init"] : ["add a rule to .sops.yaml whose path_regex matches it"];
}

function nextForClear(file: string, { refusal }: EncryptionPlan): readonly string[] {
  if (refusal !== undefined) return refusal.hint?.split("\n") ?? ["kseal help encrypt"];
  return [`kseal encrypt -i ${shellWord(file)}`];
}

function nextForEncrypted(
  file: string,
  { keys, ruleSelection, mac }: NonNullable<Explanation["encrypted"]>,
  path: PathReason | undefined,
): readonly string[] {
  const name = shellWord(file);
  const isStale = keys.missing.length > 0 || keys.keys.some(({ isListed }) => isListed === false);
  const place = path === undefined ? undefined : shellWord(path.path);
  const isMisplaced = path?.kind === "value" && path.selected !== path.isSealed;
  if (keys.opens === "no") {
    const steps = keys.nextSteps.flatMap((step) => step.split("\n"));
    return [...steps, `ask somebody who can read it: kseal who ${name}`];
  }
  return [
    ...(mac === "pending" ? [`kseal resolve ${name}`] : []),
    ...(mac === "missing" ? [`git log -p ${name}`] : []),
    ...(keys.opens === "unknown" ? [`kseal explain --online ${name}`] : []),
    ...(isMisplaced && path.selected ? [`kseal set ${name} ${place}`] : []),
    ...(isStale ? [`kseal updatekeys ${name}`] : []),
    ...(ruleSelection === undefined ? [] : [`kseal decrypt -i ${name} && kseal encrypt -i ${name}`]),
    ...(place === undefined ? [`kseal edit ${name}`] : [pathCommand(name, place, path)]),
  ];
}

function pathCommand(name: string, place: string, path: PathReason | undefined): string {
  return path?.kind === "missing" ? `kseal set ${name} ${place}` : `kseal get ${name} ${place}`;
}
