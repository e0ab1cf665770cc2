import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestCluster } from "./cluster.ts";
import { waitFor } from "./cluster-processes.ts";
import type { KubeObject } from "./controller.ts";
import { runInProcess } from "./kseal-in-process.ts";
import { peer } from "./peers.ts";

/** Seals a Secret for a certificate with one of the programs that do. */
export type Sealer = (
  secret: KubeObject,
  options: { readonly certificate: string; readonly scope?: string; readonly folder: string },
) => Promise<KubeObject>;

/** Who seals for controllers: Sealed Secrets' own program, and this project's. */
export const sealers: Readonly<Record<"kubeseal" | "kseal", Sealer>> = {
  kubeseal: async (secret, { certificate, scope = "strict", folder }) => {
    const args = ["--cert", certificateFile(certificate, folder), "--scope", scope, "-o", "json"];
    const input = JSON.stringify(secret);
    return JSON.parse(execFileSync(peer("kubeseal") ?? "", args, { input, encoding: "utf8" }));
  },
  kseal: async (secret, { certificate, scope = "strict", folder }) => {
    const args = ["seal", "--cert", certificateFile(certificate, folder), "--scope", scope];
    const { status, stdout, stderr } = await runInProcess([...args, "--output-type", "json"], {
      cwd: folder,
      env: { HOME: folder },
      stdin: JSON.stringify(secret),
    });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout.toString());
  },
};

function certificateFile(pem: string, folder: string): string {
  const file = join(folder, `sealing-${pem.slice(100, 140).replace(/\W/g, "_")}.pem`);
  writeFileSync(file, pem);
  return file;
}

/** SealedSecrets and Secrets of one namespace of a test cluster. */
export class Stage {
  readonly cluster: TestCluster;
  readonly namespace: string;

  constructor(cluster: TestCluster, namespace: string) {
    this.cluster = cluster;
    this.namespace = namespace;
  }

  /** A Secret to be sealed. */
  plain(name: string, values: Readonly<Record<string, string>>, more: KubeObject = {}): KubeObject {
    const { metadata = {}, ...rest } = more;
    return {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace: this.namespace, ...metadata },
      stringData: values,
      ...rest,
    };
  }

  async post(sealed: KubeObject): Promise<KubeObject> {
    return await this.#ask("POST", this.#sealed(), sealed);
  }

  async postSecret(name: string, more: KubeObject): Promise<KubeObject> {
    const { metadata = {}, ...rest } = more;
    const object = { apiVersion: "v1", kind: "Secret", metadata: { name, ...metadata }, ...rest };
    return await this.#ask("POST", this.#secrets(), object);
  }

  /** Merges into a SealedSecret. */
  async change(name: string, patch: KubeObject): Promise<KubeObject> {
    return await this.#ask("PATCH", `${this.#sealed()}/${name}`, patch);
  }

  async changeSecret(name: string, patch: KubeObject): Promise<KubeObject> {
    return await this.#ask("PATCH", `${this.#secrets()}/${name}`, patch);
  }

  async delete(name: string): Promise<void> {
    await this.#ask("DELETE", `${this.#sealed()}/${name}`);
  }

  async deleteSecret(name: string): Promise<void> {
    await this.#ask("DELETE", `${this.#secrets()}/${name}`);
  }

  async sealed(name: string): Promise<KubeObject | undefined> {
    return await this.#get(`${this.#sealed()}/${name}`);
  }

  async secret(name: string): Promise<KubeObject | undefined> {
    return await this.#get(`${this.#secrets()}/${name}`);
  }

  /** The values of a Secret as text. */
  async values(name: string): Promise<Readonly<Record<string, string>> | undefined> {
    return valuesOf(await this.secret(name));
  }

  /** Waits until the Secret has these values and no others. */
  async becomes(name: string, values: Readonly<Record<string, string>>): Promise<KubeObject> {
    const wanted = JSON.stringify(Object.entries(values).toSorted());
    return await waitFor(`${name} with ${Object.keys(values).join()}`, async () => {
      const secret = await this.secret(name);
      const found = Object.entries(valuesOf(secret) ?? {}).toSorted();
      return JSON.stringify(found) === wanted ? secret : undefined;
    });
  }

  /** Waits until the SealedSecret says of its present generation that it is synced, or why not. */
  async synced(name: string, wanted: "True" | "False" = "True", message?: string): Promise<KubeObject> {
    return await waitFor(`${name} with Synced=${wanted}`, async () => {
      const object = await this.sealed(name);
      const { observedGeneration, conditions = [] } = object?.["status"] ?? {};
      const synced = conditions.find(({ type }: KubeObject) => type === "Synced");
      const right = synced?.status === wanted && (message === undefined || synced.message?.includes(message));
      return right && observedGeneration === object?.["metadata"].generation ? object : undefined;
    });
  }

  /** Waits for an event about an object. */
  async event(name: string, reason: string, text = ""): Promise<KubeObject> {
    return await waitFor(`event ${reason} of ${name}`, async () => {
      const { items } = await this.#ask("GET", `/api/v1/namespaces/${this.namespace}/events`);
      return items.find(
        (event: KubeObject) =>
          event["involvedObject"].name === name &&
          event["reason"] === reason &&
          event["message"].includes(text),
      );
    });
  }

  async #get(path: string): Promise<KubeObject | undefined> {
    const { status, text } = await this.cluster.api.request("GET", path);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`${status} ${text}`);
    return JSON.parse(text);
  }

  async #ask(method: string, path: string, body?: KubeObject): Promise<KubeObject> {
    return (await this.cluster.api.call(method, path, body)) as KubeObject;
  }

  #sealed(): string {
    return `/apis/bitnami.com/v1alpha1/namespaces/${this.namespace}/sealedsecrets`;
  }

  #secrets(): string {
    return `/api/v1/namespaces/${this.namespace}/secrets`;
  }
}

function valuesOf(secret: KubeObject | undefined): Readonly<Record<string, string>> | undefined {
  if (secret === undefined) return undefined;
  const data = Object.entries((secret["data"] ?? {}) as Record<string, string>);
  return Object.fromEntries(data.map(([item, value]) => [item, Buffer.from(value, "base64").toString()]));
}
