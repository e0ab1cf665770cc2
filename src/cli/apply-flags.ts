import { KsealError } from "../errors.ts";
import { parseTimeout } from "../kube/request-timeout.ts";
import type { ApplyOptions, ReadApplyOptions } from "../ops/apply.ts";
import { version } from "../version.ts";
import { clusterOptionsOf } from "./cluster-options.ts";
import type { OptionValues } from "./command.ts";

/** What the flags say of what is read. */
export function readFlagsOf(args: readonly string[], options: OptionValues): ReadApplyOptions {
  const folder = options.text("kustomize");
  const enableExec = options.flag("enableExec");
  if (folder !== undefined && args.length > 0) {
    throw new KsealError("USAGE", "--kustomize and files exclude each other", {
      hint: "what a kustomization needs is named in it",
    });
  }
  if (folder === undefined && enableExec) throw new KsealError("USAGE", "--enable-exec is for --kustomize");
  return {
    paths: args,
    kustomize: folder === undefined ? undefined : { folder, enableExec },
    ignoreMac: options.flag("ignoreMac"),
  };
}

/** What the flags say of how it is applied. */
export function applyFlagsOf(options: OptionValues): Omit<ApplyOptions, keyof ReadApplyOptions> {
  const applySet = options.text("applyset");
  if (options.flag("prune") !== (applySet !== undefined)) {
    throw new KsealError("USAGE", "--prune and --applyset need each other", {
      hint: "kseal apply --prune --applyset NAME: only what belongs to the set is ever deleted",
    });
  }
  return {
    cluster: clusterOptionsOf(options),
    applySet,
    forceConflicts: options.flag("forceConflicts"),
    migrate: options.flag("migrate"),
    recreate: options.flag("recreate"),
    restart: options.flag("restart"),
    wait: options.flag("wait"),
    timeoutMs: timeOf(options.text("timeout") ?? "5m"),
    tooling: `kseal/v${version}`,
  };
}

function timeOf(text: string): number {
  try {
    return parseTimeout(text) ?? 0;
  } catch (error) {
    if (!(error instanceof KsealError)) throw error;
    throw new KsealError(error.code, "--timeout is no time: 30, 30s or 5m");
  }
}
