import { KsealError } from "../errors.ts";
import type { ApplyPlan } from "../ops/apply.ts";
import type { ApplyProgress } from "../ops/apply-ledger.ts";
import type { ApplyObject } from "../ops/apply-object.ts";
import type { PlannedObject } from "../ops/apply-plan-object.ts";
import type { ApplyResult } from "../ops/apply-run.ts";

/** What a plan would change, for people. No value is in it. */
export function describePlan({ cluster, objects, pruned, workloads }: ApplyPlan): string {
  const changed = objects.filter(({ action }) => action !== "keep");
  const restarts = workloads.map(
    ({ title, secrets, isOwed }) =>
      `! ${title}: is restarted${secrets.length > 0 ? `, uses ${secrets.join(", ")}` : isOwed ? ", as an earlier run left it to do" : ""}`,
  );
  return [
    `cluster ${cluster}`,
    ...changed.flatMap(describeChange),
    ...pruned.map(({ title }) => `- ${title}: is not applied any more`),
    ...restarts,
    summary(objects, pruned.length),
  ].join("\n");
}

/** The same as an object for scripts, and what was done of it. */
export function planAsJson(
  { cluster, objects, pruned }: ApplyPlan,
  result: ApplyResult | undefined,
): unknown {
  const done = new Set(result?.done);
  return {
    cluster,
    objects: objects.map(({ object, action, diff, takenOver, migrates }) => ({
      ...identity(object),
      action,
      ...(diff.changes.length > 0 && { changes: diff.changes }),
      ...(takenOver.length > 0 && { takenOver }),
      ...(migrates && { migrated: true }),
      ...(action !== "keep" && { done: done.has(object.title) }),
    })),
    pruned: pruned.map(({ title, path, kind }) => ({
      kind,
      namespace: path.namespace,
      name: path.name,
      done: done.has(title),
    })),
    restarted: result?.restarted ?? [],
  };
}

/** Objects that are not compared with a cluster. */
export function objectsAsJson(objects: readonly ApplyObject[]): unknown {
  return { objects: objects.map(identity) };
}

/** One line for each of them. */
export function describeObjects(objects: readonly ApplyObject[]): string {
  return objects.map((object) => `${titleOf(object)} (${fileOf(object)})`).join("\n");
}

/** What a run did, as notes. */
export function describeResult({ done, pruned, restarted }: ApplyResult): readonly string[] {
  const applied = done.length - pruned.length;
  if (done.length + restarted.length === 0) return ["nothing had to be changed"];
  return [
    `applied ${counted(applied)}${pruned.length > 0 ? `, deleted ${counted(pruned.length)}` : ""}`,
    ...restarted.map(
      ({ workload, note }) => `${workload}: ${note === undefined ? "restarted" : `not restarted: ${note}`}`,
    ),
  ];
}

/** How far a run came that did not come to its end. */
export function describeProgress({ total, done, underWay }: ApplyProgress): string {
  const open = underWay.length === 0 ? "" : `; unknown, because there was no answer yet: ${listed(underWay)}`;
  const written = done.length === 0 ? "" : `: ${listed(done)}`;
  return `${done.length} of ${counted(total)} ${done.length === 1 ? "is" : "are"} done${written}${open}; the same command again does the rest`;
}

/** What the run leads to for the one who called it. */
export function isUnfinished({ failure }: ApplyResult): boolean {
  return failure !== undefined && !(failure instanceof KsealError && failure.code === "FINDINGS");
}

const shown = 10;

function listed(titles: readonly string[]): string {
  const more = titles.length > shown ? ` and ${titles.length - shown} more` : "";
  return `${titles.slice(0, shown).join(", ")}${more}`;
}

function describeChange(planned: PlannedObject): readonly string[] {
  const { object, action, diff, takenOver, migrates } = planned;
  const head = `${object.title} (${fileOf(object)})`;
  const notes = [
    ...takenOver.map(({ field, manager }) => `    takes over ${field} from ${manager}`),
    ...(migrates ? ["    takes over from kubectl apply"] : []),
  ];
  switch (action) {
    case "create":
      return [`+ ${head}`];
    case "change":
      return [`~ ${head}`, ...notes, ...diff.lines.map((line) => `    ${line}`)];
    case "recreate":
      return [`~ ${head}: is deleted and made anew`, ...diff.lines.map((line) => `    ${line}`)];
    case "adopt":
      return [`~ ${head}: changes nothing but who manages it`, ...notes];
    case "keep":
      return [];
  }
}

function summary(objects: readonly PlannedObject[], pruned: number): string {
  const count = (...actions: readonly string[]) =>
    objects.filter(({ action }) => actions.includes(action)).length;
  const parts = [
    [count("create"), "to create"],
    [count("change", "adopt", "recreate"), "to change"],
    [pruned, "to delete"],
    [count("keep"), "unchanged"],
  ] as const;
  return parts.flatMap(([number, words]) => (number === 0 ? [] : [`${number} ${words}`])).join(", ");
}

function identity({ file, line, group, version, kind, name, namespace, ...more }: ApplyObject): object {
  const path = "path" in more ? (more.path as { readonly namespace?: string }) : { namespace };
  return {
    file,
    ...(line !== undefined && { line }),
    apiVersion: group === "" ? version : `${group}/${version}`,
    kind,
    ...(path.namespace !== undefined && path.namespace !== "" && { namespace: path.namespace }),
    name,
  };
}

function titleOf({ kind, namespace, name }: ApplyObject): string {
  return `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
}

function fileOf({ file, line }: ApplyObject): string {
  const name = file === "-" ? "standard input" : file;
  return line === undefined ? name : `${name}:${line}`;
}

function counted(count: number): string {
  return count === 1 ? "1 object" : `${count} objects`;
}
