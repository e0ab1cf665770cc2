import { type ErrorCode, KsealError } from "../errors.ts";
import { KubeError } from "../kube/api.ts";
import { hiddenTexts } from "./apply-hidden.ts";
import type { PlacedObject } from "./apply-object.ts";
import { shellWord } from "./file-path.ts";

/** A field that somebody else manages. */
export interface FieldConflict {
  /** As the API server writes it, without the dot in front: `data.password`. */
  readonly field: string;
  /** Who: `argocd-controller`. */
  readonly manager: string;
}

/** The conflicts that a refused server-side apply names; none when it was refused for something else. */
export function conflictsOf(error: unknown): readonly FieldConflict[] {
  if (!(error instanceof KubeError) || error.status !== 409) return [];
  return error.causes.flatMap(({ reason, message, field }) => {
    const manager = /conflict with "(?<manager>[^"]*)"/.exec(message)?.groups?.["manager"];
    if (reason !== "FieldManagerConflict" || manager === undefined) return [];
    return [{ field: field.replace(/^\./, ""), manager }];
  });
}

/** Whether a write was refused because what it changes cannot change as long as the object lives. */
export function isImmutable(error: unknown): boolean {
  if (!(error instanceof KubeError) || error.status !== 422) return false;
  return error.causes.some(({ message }) => /field is immutable/.test(message));
}

/** Every field with the manager that has it, and what can be done. */
export function conflictError(conflicts: readonly FieldConflict[]): KsealError {
  const fields = conflicts.map(({ field, manager }) => `${field} is managed by ${manager}`).join(", ");
  return new KsealError("CLUSTER_CONFLICT", fields, {
    hint: conflictHint(new Set(conflicts.map(({ manager }) => manager))),
  });
}

/** A refusal of the API server, with the object it is about and what can be done. */
export function applyFailure(object: PlacedObject, error: unknown): unknown {
  if (!(error instanceof KsealError) || error.code === "INTERRUPTED") return error;
  const { title, file, line } = object;
  const {
    code = error.code,
    message = error.message,
    hint = error.hint,
  } = error instanceof KubeError ? explained(object, error) : {};
  const where = { ...placeIn(file, line), ...error.where };
  // The API server quotes what it does not accept, at any place of any kind.
  const quotes =
    error instanceof KubeError &&
    hiddenTexts(object.content, object.hidden).some((text) => text.length > 2 && message.includes(text));
  const words = quotes ? "the cluster's message quotes a secret value and is not shown" : message;
  return new KsealError(code, `${title}: ${words}`, { hint, where, cause: quotes ? undefined : error });
}

function conflictHint(managers: ReadonlySet<string>): string {
  const force = "take them over: --force-conflicts";
  if ([...managers].every((manager) => manager === "kubectl-client-side-apply")) {
    return "it was made with kubectl apply: --migrate takes it over, and removes the copy in last-applied";
  }
  if ([...managers].some((manager) => manager.startsWith("argocd"))) {
    return `Argo CD would change them back: change them where it reads them, or take the object out of its application and ${force}`;
  }
  return `leave these fields out, or ${force}`;
}

function explained(
  { path, kind }: PlacedObject,
  error: KubeError,
): { readonly code?: ErrorCode; readonly message?: string; readonly hint?: string } {
  const { namespace = "" } = path;
  const said = error.serverMessage ?? "";
  const inNamespace = namespace === "" ? "" : ` -n ${shellWord(namespace)}`;
  if (error.status === 404 && /namespaces? ".*" not found/.test(said)) {
    return {
      message: `the namespace ${namespace} does not exist`,
      hint: `kubectl create namespace ${shellWord(namespace)}, or put its manifest with the others`,
    };
  }
  // The API server calls that an internal error of its own.
  if (error.status === 500 && /failed to create typed patch object/.test(said)) {
    const hint = `kubectl explain ${shellWord(path.plural)} --recursive shows the fields that there are`;
    return { code: "CLUSTER_CONFLICT", message: said, hint };
  }
  if (/exceeded quota/.test(said)) return { hint: `kubectl describe quota${inNamespace}` };
  if (/denied (?:the )?request|ValidatingAdmission/.test(said)) {
    return { hint: "a policy of the cluster refuses it; its words say what it wants" };
  }
  if (isImmutable(error) && canRecreate({ path, kind })) {
    return { hint: "--recreate deletes the object and makes it anew" };
  }
  return {};
}

/** Whether an object is nothing but its content, so that one made anew is the same. */
export function canRecreate({ path, kind }: Pick<PlacedObject, "path" | "kind">): boolean {
  return path.group === "" && (kind === "Secret" || kind === "ConfigMap");
}

function placeIn(file: string, line: number | undefined): { readonly file: string; readonly line?: number } {
  return line === undefined ? { file } : { file, line };
}
