import type { FindingRule } from "./verify-finding.ts";

/** `note`: worth knowing, and no reason to fail. */
export type CheckSeverity = "error" | "warning" | "note";

/** A rule of `kseal check`: how bad it is, and in one sentence what is found. */
interface CheckRule {
  readonly severity: CheckSeverity;
  readonly summary: string;
}

/** Every rule of `kseal check` but those about SealedSecrets. Stable names; each has a page in `docs/check/`. */
export const checkRules = {
  "merge-marker": { severity: "error", summary: "a merge that is not finished left its markers in the file" },
  config: { severity: "error", summary: "a `.sops.yaml` that cannot be used as it stands" },
  "sops-metadata": {
    severity: "error",
    summary: "the `sops` block is damaged or missing, or a field of it has not its form",
  },
  "sops-value": { severity: "error", summary: "an encrypted value was cut off or changed by hand" },
  "sops-duplicate-key": {
    severity: "error",
    summary: "a key stands twice in an encrypted file, and readers take different ones",
  },
  "sops-clear": {
    severity: "error",
    summary: "a value in clear where the file says that values are encrypted",
  },
  "sops-unselected": {
    severity: "warning",
    summary: "an encrypted value where the file says that values stay in clear: nobody decrypts it",
  },
  "sops-nothing-encrypted": {
    severity: "error",
    summary: "the file has a `sops` block, and all its values are in clear",
  },
  "sops-mac": { severity: "error", summary: "the MAC is missing, or has not the form of one" },
  "sops-pending": { severity: "error", summary: "a merge is not finished: the MAC is still to be made" },
  "sops-mac-scope": {
    severity: "note",
    summary: "the MAC covers encrypted values only, so those in clear can be changed",
  },
  "sops-recipients": {
    severity: "error",
    summary: "somebody can read the file whom its creation rule does not list",
  },
  "sops-missing-recipient": {
    severity: "warning",
    summary: "somebody whom the creation rule lists cannot read the file",
  },
  "sops-groups": {
    severity: "error",
    summary: "the key groups of the file are not those of its creation rule, or fewer of them open it",
  },
  "sops-selection": {
    severity: "warning",
    summary: "the file says otherwise than its creation rule which values are encrypted",
  },
  "sops-no-rule": { severity: "warning", summary: "no creation rule is for this encrypted file" },
  "sops-opens": { severity: "error", summary: "the file does not open, or its MAC does not match" },
  "clear-covered": { severity: "error", summary: "a file in clear that a creation rule is for" },
  "secret-manifest": { severity: "error", summary: "a Kubernetes Secret with its values in clear" },
  "kustomize-secret": {
    severity: "error",
    summary: "a `secretGenerator` or patch of Kustomize whose values stand in clear",
  },
  "last-applied": {
    severity: "error",
    summary: "the annotation of `kubectl apply` holds the values of a Secret in clear",
  },
  "private-key": { severity: "error", summary: "a private key or an age identity" },
  "known-token": { severity: "error", summary: "a token whose form says whose it is" },
  "password-in-url": { severity: "warning", summary: "an address with a password in it" },
  "high-entropy": {
    severity: "warning",
    summary: "a random-looking value whose name says that it is a secret",
  },
  "ignore-comment": {
    severity: "warning",
    summary: "a `kseal:ignore` comment without a reason or with an unknown rule, which ignores nothing",
  },
} as const satisfies Record<string, CheckRule>;

/** The rules of `kseal verify` have `sealed-` in front of their names here. */
type CheckRuleName = keyof typeof checkRules | `sealed-${FindingRule}`;

/** Something that `kseal check` found. No value, no part of one and no digest of one is in it. */
export interface CheckFinding {
  readonly rule: CheckRuleName;
  readonly severity: CheckSeverity;
  /** As the user named it, with slashes. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Into the file: `stringData.password`. */
  readonly path: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** The name of the page of a rule in `docs/check/`, without its ending. */
export function pageOf(rule: string): string {
  return rule.startsWith("sealed-") ? "sealed-secret" : rule;
}

/** A finding in short; the severity is the rule's. */
export function finding(
  rule: keyof typeof checkRules,
  at: { readonly file: string; readonly line: number | undefined; readonly path?: string | undefined },
  message: string,
  hint?: string,
): CheckFinding {
  const { file, line = 1, path } = at;
  return { rule, severity: checkRules[rule].severity, file, line, path, message, hint };
}
