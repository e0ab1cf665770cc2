import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestCluster } from "./cluster.ts";
import type { KubeObject } from "./controller.ts";
import { makeFolder, readFolder, removeFolder } from "./folders.ts";
import { identities, recipients } from "./identities.ts";
import { ksealCommand } from "./kseal-command.ts";
import { runInProcess } from "./kseal-in-process.ts";
import { peer } from "./peers.ts";
import { type ProgramResult, runProgram } from "./run-program.ts";

/** What stands in every value of these tests, and in nothing that anybody may see. */
export const planted = "pl4nted";

/** A folder with manifests in front of a cluster, and everything that kseal printed there. */
export class ApplyStage {
  readonly folder: string;
  readonly cluster: TestCluster;
  readonly env: Record<string, string>;
  readonly #printed: string[] = [];

  constructor(cluster: TestCluster, files: Readonly<Record<string, string>> = {}) {
    this.cluster = cluster;
    this.folder = makeFolder({
      ".sops.yaml": `creation_rules:\n  - age: ${recipients[0]}\n    encrypted_regex: ^(data|stringData)$\n`,
      "tmp/.keep": "",
      ...files,
    });
    const programs = ["kubectl", "kustomize"].flatMap((name) => dirname(peer(name) ?? "/nowhere"));
    this.env = {
      HOME: this.folder,
      PATH: [...programs, "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
      TMPDIR: join(this.folder, "tmp"),
      KUBECONFIG: cluster.kubeconfig,
      SOPS_AGE_KEY: identities[0] ?? "",
    };
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.folder, path), text);
  }

  /** Runs kseal in this process. */
  async kseal(
    args: readonly string[],
    options: { readonly env?: Record<string, string>; readonly stdin?: string | Uint8Array } = {},
  ): Promise<ProgramResult> {
    const { env = {}, stdin } = options;
    const result = await runInProcess(args, {
      cwd: this.folder,
      env: { ...this.env, ...env },
      ...(stdin !== undefined && { stdin }),
    });
    this.#keep(result);
    return result;
  }

  /** Runs `kseal apply --yes`, which has to work. @returns The report. */
  async apply(...args: readonly string[]): Promise<KubeObject> {
    const { status, stdout, stderr } = await this.kseal(["apply", "--yes", "-o", "json", ...args]);
    if (status !== 0) throw new Error(`${status}: ${stderr}`);
    return JSON.parse(stdout.toString("utf8"));
  }

  /** Runs kseal as a process of its own. */
  async process(args: readonly string[], env: Record<string, string> = {}): Promise<ProgramResult> {
    const result = await runProgram([...ksealCommand(), ...args], {
      cwd: this.folder,
      env: { ...this.env, ...env },
    });
    this.#keep(result);
    return result;
  }

  async encrypt(...files: readonly string[]): Promise<void> {
    const { status, stderr } = await this.kseal(["encrypt", "-i", ...files]);
    if (status !== 0) throw new Error(stderr);
  }

  /** An object of the core group; `undefined` when it is not there. */
  async get(namespace: string, plural: string, name: string): Promise<KubeObject | undefined> {
    return await this.at(`/api/v1/namespaces/${namespace}/${plural}/${name}`);
  }

  async at(path: string): Promise<KubeObject | undefined> {
    const { status, text } = await this.cluster.api.request("GET", path);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`${status} ${text}`);
    return JSON.parse(text);
  }

  /** The Secrets of a namespace. */
  async names(namespace: string): Promise<readonly string[]> {
    const items: readonly KubeObject[] =
      (await this.at(`/api/v1/namespaces/${namespace}/secrets`))?.["items"] ?? [];
    return items.map(({ metadata }) => metadata.name);
  }

  /** Places where a value stands that may not: what was printed, temporary files, annotations and events of the cluster. */
  async leaks(): Promise<readonly string[]> {
    const found: string[] = [];
    const look = (place: string, text: string) => {
      if (text.includes(planted) || text.includes(base64Core)) found.push(place);
    };
    for (const text of this.#printed) look("output", text);
    for (const [file, content] of readFolder(join(this.folder, "tmp")))
      look(file, content.toString("latin1"));
    const secrets = (await this.at("/api/v1/secrets"))?.["items"] as readonly KubeObject[];
    for (const { metadata } of secrets) look(`metadata of ${metadata.name}`, JSON.stringify(metadata));
    for (const plural of ["events", "configmaps"]) {
      look(plural, JSON.stringify(await this.at(`/api/v1/${plural}`)));
    }
    look("workloads", JSON.stringify(await this.at("/apis/apps/v1/deployments")));
    return found;
  }

  remove(): void {
    removeFolder(this.folder);
  }

  #keep({ stdout, stderr }: ProgramResult): void {
    this.#printed.push(stdout.toString("utf8"), stderr);
  }
}

// Of the three ways in which a text can stand in base64, the one for values that begin with it.
const base64Core = Buffer.from(planted).toString("base64").slice(0, 9);

/** A Secret as a file has it. */
export function secretYaml(
  name: string,
  values: Readonly<Record<string, string>>,
  more: { readonly namespace?: string; readonly extra?: string } = {},
): string {
  const { namespace = "prod", extra = "" } = more;
  const lines = Object.entries(values).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`);
  return `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\n${extra}stringData:\n${lines.join("")}`;
}
