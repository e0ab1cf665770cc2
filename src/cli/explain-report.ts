import { describeKey, nameOfKey } from "../core/key-names.ts";
import { keyId } from "../core/master-key.ts";
import { defaultSelection, type Selection } from "../core/selection.ts";
import type { Explanation } from "../ops/explain.ts";
import type { ExplainedKey } from "../ops/explain-keys.ts";
import type { PathReason } from "../ops/explain-path.ts";
import type { EncryptionPlan } from "../ops/explain-plan.ts";
import type { ConfigChoice, RuleTrial } from "../ops/explain-rules.ts";
import { keyStates } from "./diagnosis.ts";
import { printable } from "./printable.ts";
import { counted } from "./who-words.ts";

/** Why a file is as it is, for people. */
export function describeExplanation(explanation: Explanation): string {
  const { file, state, config, trial, encrypted, plan, path, next } = explanation;
  const lines = [
    `${file}: ${states[state]}`,
    ...section("rule", ruleLines(config, trial, state)),
    ...section("encrypted", encrypted === undefined ? [] : selectionLines(encrypted)),
    ...section("path", path === undefined ? [] : pathLines(path, explanation)),
    ...section("keys", encrypted === undefined ? [] : keyLines(encrypted.keys, explanation)),
    ...section("when encrypted", plan === undefined ? [] : planLines(plan, explanation)),
    ...section("sealed", sealedLines(explanation)),
    ...section("next", next),
  ];
  return lines.map(printable).join("\n");
}

const states: Readonly<Record<Explanation["state"], string>> = {
  encrypted: "encrypted with SOPS",
  sealed: "SealedSecrets, which only their cluster opens",
  clear: "not encrypted",
  missing: "no such file; this is what holds for a new one",
};

function section(name: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [name, ...lines.map((line) => `  ${line}`)];
}

const whys: Readonly<Record<ConfigChoice["why"], string>> = {
  named: "named by --config or SOPS_CONFIG",
  "above-the-file": "the nearest above the file",
  "above-the-working-folder": "the nearest above the working folder; there is none above the file",
};

function ruleLines(
  config: ConfigChoice | undefined,
  trial: RuleTrial | undefined,
  state: Explanation["state"],
): readonly string[] {
  if (config === undefined || trial === undefined) {
    return ["there is no .sops.yaml above the file or the working folder"];
  }
  const noun = state === "sealed" ? "sealing rule" : "creation rule";
  const decided = trial.rules.some(({ decides }) => decides);
  return [
    `${config.config}: ${whys[config.why]}`,
    `searched in ${JSON.stringify(trial.path)}, in the order of the file; the first that matches decides`,
    ...trial.rules.map(({ line, pathRegex, matches, decides }) => {
      const pattern =
        pathRegex === undefined ? "without a path_regex, for every file" : `path_regex ${pathRegex}`;
      const outcome = decides
        ? "this one decides"
        : matches
          ? "matches too, but comes later"
          : "does not match";
      return `line ${line}: ${pattern}: ${outcome}`;
    }),
    ...(decided ? [] : [`no ${noun} is for it`]),
  ];
}

function selectionLines({
  selection,
  ruleSelection,
  macOnlyEncrypted,
  mac,
}: NonNullable<Explanation["encrypted"]>): readonly string[] {
  return [
    selection === undefined
      ? "all of it is one value"
      : `the file says ${ruleText(selection)}: ${meaningOf(selection)}`,
    ...(ruleSelection === undefined
      ? []
      : [`its creation rule says ${ruleText(ruleSelection)}, which counts when it is encrypted anew`]),
    ...(mac === "pending" ? ["a merge of it is not finished: the MAC is still to be made"] : []),
    ...(mac === "missing" ? ["it has no MAC, so nobody can tell whether values were changed"] : []),
    macOnlyEncrypted
      ? "the MAC covers encrypted values only: anybody can change those in clear unnoticed"
      : "the MAC covers all values: a change by somebody without a key is noticed",
  ];
}

function ruleText({ rule, pattern }: Selection): string {
  return `${rule} ${pattern}`;
}

function meaningOf({ rule }: Selection): string {
  switch (rule) {
    case "unencrypted_suffix":
      return "everything is encrypted but what is below keys with that ending";
    case "encrypted_suffix":
      return "what is below keys with that ending is encrypted, nothing else";
    case "unencrypted_regex":
      return "everything is encrypted but what is below keys that match";
    case "encrypted_regex":
      return "what is below keys that match is encrypted, nothing else";
    case "unencrypted_comment_regex":
      return "everything is encrypted but what follows a comment that matches";
    case "encrypted_comment_regex":
      return "what follows a comment that matches is encrypted, nothing else";
  }
}

function pathLines(path: PathReason, { encrypted, plan, format }: Explanation): readonly string[] {
  const selection =
    encrypted?.selection ?? plan?.selection ?? (format === "binary" ? undefined : defaultSelection);
  const where = path.line === undefined ? "" : `, line ${path.line}`;
  const would = encrypted === undefined || path.kind === "missing" ? "would be " : "";
  const outcome = path.selected ? `${would}encrypted` : `${would === "" ? "" : "would stay "}in clear`;
  return [
    `${path.path}${where}: ${outcome}: ${reasonOf(path, selection)}`,
    ...(path.kind === "missing" ? ["nothing is there yet"] : []),
    ...(path.kind === "empty" ? ["it holds nothing: SOPS leaves empty texts and nulls as they are"] : []),
    ...(path.kind === "group" && encrypted !== undefined
      ? [`below it ${counted(path.below.sealed, "value")} encrypted, ${path.below.clear} in clear`]
      : []),
    ...stateLines(path, encrypted),
  ];
}

function stateLines(path: PathReason, encrypted: Explanation["encrypted"]): readonly string[] {
  if (encrypted === undefined || path.kind !== "value") return [];
  if (path.selected && !path.isSealed)
    return ["but it stands in clear: it was put in by hand, and the file does not open so"];
  if (!path.selected && path.isSealed)
    return ["but it is encrypted: nobody decrypts it there, and readers get the ciphertext"];
  if (path.isSealed) return [];
  return encrypted.macOnlyEncrypted
    ? ["the MAC does not cover it: anybody can change it unnoticed"]
    : ["the MAC covers it: a change is noticed when the file is opened"];
}

function reasonOf({ cause }: PathReason, selection: Selection | undefined): string {
  if (selection === undefined) return "all of the file is one value";
  const rule = ruleText(selection);
  const verb = selection.rule.endsWith("_suffix") ? "ends with" : "matches";
  if (cause === undefined) {
    const what = selection.rule.endsWith("_comment_regex")
      ? "no comment above it"
      : "no key on the way to it";
    return `${what} ${verb} ${rule}`;
  }
  const shown = cause.text.length > 80 ? `${cause.text.slice(0, 80)}...` : cause.text;
  return `the ${cause.kind} ${JSON.stringify(shown)} ${verb} ${rule}`;
}

const keyWords: Readonly<Record<ExplainedKey["state"], string>> = {
  ...keyStates,
  opens: "you hold it",
  "not-asked": "not asked: it takes a key service (--online)",
  absent: "you do not hold it",
};

function keyLines(
  { keys, groups, opens, missing, atHand }: NonNullable<Explanation["encrypted"]>["keys"],
  { names }: Explanation,
): readonly string[] {
  const outcome = { yes: "you can open it", no: "you cannot open it", unknown: "you may be able to open it" }[
    opens
  ];
  return [
    groups.all > 1
      ? `${outcome}: ${groups.needed} of ${groups.all} key groups are needed, and you open ${groups.opened}`
      : `${outcome}: ${keys.length === 1 ? "it has one key" : `any one of ${keys.length} keys does`}`,
    ...keys.map(({ key, group, state, reason, isListed }) => {
      const of = groups.all > 1 ? `group ${group}: ` : "";
      const why = reason === undefined || state === "absent" ? "" : ` (${reason})`;
      const unlisted = isListed === false ? "; its creation rule does not list it" : "";
      return `${of}${describeKey(key, names)}: ${keyWords[state]}${why}${unlisted}`;
    }),
    ...missing.map(
      (key) => `${describeKey(key, names)}: its creation rule lists it, and the file does not have it`,
    ),
    ...atHand,
  ];
}

const origins: Readonly<Record<EncryptionPlan["selectionFrom"], string>> = {
  flag: "as the flag says",
  rule: "as the rule says",
  kubernetes: "the default for Kubernetes Secrets",
  default: "the default of SOPS",
  "whole-file": "as a whole",
};

const mostListed = 20;

function planLines(plan: EncryptionPlan, { names, state }: Explanation): readonly string[] {
  const { refusal, groups, needed, selection, selectionFrom, macOnlyEncrypted, encrypted, clear } = plan;
  const how = selection === undefined ? "" : `${ruleText(selection)}, `;
  return [
    ...(refusal === undefined ? [] : [`kseal encrypt would refuse: ${refusal.message}`]),
    ...groups.flatMap((group, index) =>
      group.map(
        (key) => `readable by ${describeKey(key, names)}${groups.length > 1 ? `, group ${index + 1}` : ""}`,
      ),
    ),
    ...(groups.length > 1 ? [`${needed} of ${groups.length} key groups would have to open it`] : []),
    `encrypted (${how}${origins[selectionFrom]})${state === "missing" ? "" : `: ${listed(encrypted)}`}`,
    ...(clear.length === 0 ? [] : [`in clear: ${listed(clear)}`]),
    ...(macOnlyEncrypted ? ["the MAC would cover encrypted values only"] : []),
  ];
}

function listed(paths: readonly string[]): string {
  if (paths.length === 0) return "nothing";
  const more = paths.length > mostListed ? ` and ${paths.length - mostListed} more` : "";
  return `${paths.slice(0, mostListed).join(", ")}${more}`;
}

function sealedLines({ sealed }: Explanation): readonly string[] {
  if (sealed === undefined) return [];
  const { objects, item } = sealed;
  const cluster = sealed.for?.cluster;
  const certificate = sealed.for?.certificate === undefined ? "" : `, certificate ${sealed.for.certificate}`;
  const wanted = sealed.for?.scope;
  return [
    ...objects.flatMap(({ place, scope, items, clear, line }) => [
      `line ${line}: ${place === "" ? "without a name" : place}, ${scope}: ${bindings[scope]}`,
      `  sealed: ${listed(items)}${clear.length === 0 ? "" : `; in clear in its template: ${listed(clear)}`}`,
      ...(wanted !== undefined && wanted !== scope ? [`  its sealing rule wants ${wanted}`] : []),
    ]),
    cluster === undefined
      ? "opened by the controller of a cluster; no sealing rule says which"
      : `opened by the controller of the cluster ${cluster}${certificate}, as the sealing rule at line ${sealed.for?.line} says; the file itself does not tell`,
    ...(item === undefined ? [] : [`${item.name}: ${itemWords[item.state]}`]),
  ];
}

const bindings = {
  strict: "it opens under this name in this namespace only",
  "namespace-wide": "it opens under any name in this namespace",
  "cluster-wide": "it opens anywhere in the cluster",
} as const;

const itemWords = {
  sealed: "sealed",
  clear: "in clear, in the template: everybody who can read the repository can read it",
  missing: "no SealedSecret of the file has such a value",
} as const;

/** The same as data. */
export function explanationAsJson({ names, encrypted, plan, ...rest }: Explanation): unknown {
  const keyed = (key: ExplainedKey["key"]): unknown => ({
    id: keyId(key),
    name: nameOfKey(key, names),
    ...key,
  });
  return {
    ...rest,
    ...(encrypted === undefined
      ? {}
      : {
          encrypted: {
            ...encrypted,
            keys: {
              ...encrypted.keys,
              keys: encrypted.keys.keys.map(({ key, ...state }) => ({ key: keyed(key), ...state })),
              missing: encrypted.keys.missing.map(keyed),
            },
          },
        }),
    ...(plan === undefined
      ? {}
      : { plan: { ...plan, groups: plan.groups.map((group) => group.map(keyed)) } }),
  };
}
