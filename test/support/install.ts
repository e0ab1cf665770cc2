import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { peer } from "./peers.ts";
import { runProgram } from "./run-program.ts";

const root = join(import.meta.dirname, "..", "..", "controller");

/** The chart of the controller. */
export const chartFolder: string = join(root, "chart");

/** The chart's release as the tests name it: then its objects have the names of the Kustomize base. */
export const release = "sealed-secrets-controller";

/** Whether the chart can be rendered here. */
export const hasHelm: boolean = peer("helm") !== undefined;

/** An object of a manifest. Tests look into it as they please. */
// biome-ignore lint/suspicious/noExplicitAny: as in cluster-api.ts
export type InstalledObject = any;

/** A folder below `controller/manifests`. */
export function manifests(folder: string): string {
  return join(root, "manifests", folder);
}

/** What Kustomize makes of a folder below `controller/manifests`, as YAML. */
export async function kustomize(folder: string): Promise<string> {
  return await output([peer("kubectl") ?? "", "kustomize", manifests(folder)]);
}

/**
 * What Helm makes of the chart, as YAML.
 *
 * @param values - Instead of the chart's own.
 * @param files - Values files of the chart's folder, which come before.
 * @throws Error with what Helm said.
 */
export async function renderChart(values: object = {}, files: readonly string[] = []): Promise<string> {
  return await output(
    [
      ...[peer("helm") ?? "", "template", release, chartFolder, "--namespace", "kube-system"],
      // Helm itself knows none when it is installed from its source.
      ...["--kube-version", "1.35.4"],
      ...files.flatMap((file) => ["--values", join(chartFolder, file)]),
      ...["--values", "-"],
    ] as [string, ...string[]],
    JSON.stringify(values),
  );
}

/** The objects of a rendered manifest. */
export function objectsOf(yaml: string): readonly InstalledObject[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as unknown)
    .filter((object) => object !== null);
}

/** The first object of a kind. */
export function ofKind(objects: readonly InstalledObject[], kind: string, name?: string): InstalledObject {
  return objects.find(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
}

/** A file below `controller`, as an object. */
export function readObject(...path: readonly string[]): InstalledObject {
  return parseAllDocuments(readFileSync(join(root, ...path), "utf8"))[0]?.toJS();
}

async function output(command: readonly [string, ...string[]], stdin?: string): Promise<string> {
  const { status, stdout, stderr } = await runProgram(command, {
    cwd: root,
    env: { PATH: process.env["PATH"] ?? "", HOME: root },
    ...(stdin !== undefined && { stdin }),
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.toString("utf8");
}
