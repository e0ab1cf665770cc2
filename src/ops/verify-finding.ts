import type { TreePath } from "../core/tree-path.ts";

/** What stops a SealedSecret from working or leaks something, and what most likely is not meant. */
export type Severity = "error" | "warning";

/** Every rule of `kseal verify`. Stable names: scripts rely on them. */
const severities = {
  syntax: "error",
  empty: "error",
  "duplicate-key": "error",
  "boolean-key": "error",
  "no-sealed-secret": "error",
  "secret-in-clear": "error",
  "api-version": "error",
  kind: "error",
  type: "error",
  "unknown-field": "error",
  "missing-name": "error",
  "missing-namespace": "error",
  "invalid-name": "error",
  "scope-annotation": "error",
  "scope-conflict": "error",
  "scope-template": "warning",
  "scope-rule": "error",
  "unknown-annotation": "warning",
  "annotation-place": "warning",
  "template-name": "warning",
  "no-values": "error",
  "v1-data": "warning",
  "v1-and-items": "error",
  "key-name": "error",
  base64: "error",
  "base64-form": "warning",
  "too-short": "error",
  "envelope-size": "error",
  "key-size": "error",
  "moved-value": "error",
  "clear-data": "error",
  "last-applied": "error",
  "template-syntax": "error",
  "template-clear": "warning",
  "template-secret": "error",
  "template-override": "warning",
  "template-item": "warning",
  "secret-type": "error",
  "object-size": "error",
  "secret-size": "error",
  "does-not-open": "error",
  "template-fails": "error",
  "cluster-refuses": "error",
} as const satisfies Record<string, Severity>;

export type FindingRule = keyof typeof severities;

/** Something wrong with an object. No value and no part of one is in its texts. */
export interface Defect {
  readonly rule: FindingRule;
  /** Into the object. */
  readonly path: TreePath;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Something wrong with a file. */
export interface Finding {
  readonly rule: FindingRule;
  readonly severity: Severity;
  readonly file: string;
  /** From 1. */
  readonly line: number | undefined;
  /** The object, as `namespace/name`. */
  readonly object: string | undefined;
  /** `spec.encryptedData.password`. */
  readonly path: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

export function severityOf(rule: FindingRule): Severity {
  return severities[rule];
}

/** A defect in short. */
export function defect(rule: FindingRule, path: TreePath, message: string, hint?: string): Defect {
  return { rule, path, message, hint };
}
