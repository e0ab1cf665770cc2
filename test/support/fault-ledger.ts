import type { TestCluster } from "./cluster.ts";
import type { KsealController } from "./cluster-kseal.ts";
import { waitFor } from "./cluster-processes.ts";
import type { KubeObject } from "./controller.ts";
import type { Stage } from "./sealed-secrets-stage.ts";

/** Begins every value of these tests, and may stand nowhere but in Secrets. 18 characters, so that it is seen in Base64. */
export const sentinel = "sentinel-plaintext";
const sentinels = [sentinel, Buffer.from(sentinel).toString("base64")];

type Expected =
  | { readonly values: Readonly<Record<string, string>> }
  | { readonly message: string }
  | "on its way out";

/**
 * What there has to be at the end of every fault, whatever happened: every object that can be is synced, no Secret is
 * lost or has other values, and no value stands in a log, a status, an event or a metric.
 */
export class FaultLedger {
  readonly #cluster: TestCluster;
  readonly #controllers = new Set<Pick<KsealController, "log" | "metricsUrl" | "process">>();
  readonly #expected = new Map<string, Expected>();

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  /** Looks into the log and the metrics of this one, too; into its log also when it has ended. */
  watch(controller: KsealController): KsealController {
    this.#controllers.add(controller);
    return controller;
  }

  /** The SealedSecret is there, and its Secret has to have these values. */
  expect({ namespace }: Stage, name: string, values: Readonly<Record<string, string>>): void {
    this.#expected.set(`${namespace}/${name}`, { values });
  }

  /** The SealedSecret cannot be opened or written, and has to say so. */
  expectFailure({ namespace }: Stage, name: string, message: string): void {
    this.#expected.set(`${namespace}/${name}`, { message });
  }

  /** The SealedSecret is being deleted: its Secret may be there or not. */
  expectEnd({ namespace }: Stage, name: string): void {
    this.#expected.set(`${namespace}/${name}`, "on its way out");
  }

  /** The SealedSecret is gone. */
  drop({ namespace }: Stage, name: string): void {
    this.#expected.delete(`${namespace}/${name}`);
  }

  /** The closing check. @throws Error With everything that is not as it should be. */
  async close(): Promise<void> {
    await waitFor("good end", async () => {
      const complaints = [...(await this.#wrongObjects()), ...(await this.#leaks())];
      if (complaints.length > 0) throw new Error(complaints.join("\n"));
      return true;
    });
  }

  async #wrongObjects(): Promise<readonly string[]> {
    const [sealed, secrets] = await Promise.all([
      this.#list("/apis/bitnami.com/v1alpha1/sealedsecrets"),
      this.#list("/api/v1/secrets"),
    ]);
    const unknown = [...sealed.keys()].filter((key) => !this.#expected.has(key));
    return [
      ...unknown.map((key) => `${key}: nobody expects it`),
      ...[...this.#expected].flatMap(([key, expected]) => {
        const problem = problemOf(expected, sealed.get(key), secrets.get(key));
        return problem === undefined ? [] : [`${key}: ${problem}`];
      }),
    ];
  }

  async #leaks(): Promise<readonly string[]> {
    const [events, sealed] = await Promise.all([
      this.#list("/api/v1/events"),
      this.#list("/apis/bitnami.com/v1alpha1/sealedsecrets"),
    ]);
    const texts: Record<string, string> = {
      events: JSON.stringify([...events.values()]),
      statuses: JSON.stringify([...sealed.values()].map(({ status }) => status)),
    };
    for (const controller of this.#controllers) {
      const { pid } = controller.process;
      texts[`log of ${pid}`] = controller.log();
      if (!controller.process.isRunning()) continue;
      texts[`metrics of ${pid}`] = await (await fetch(controller.metricsUrl)).text();
    }
    return Object.entries(texts).flatMap(([name, text]) => {
      if (text === "") return [`${name}: there is nothing to look into`];
      return sentinels.some((each) => text.includes(each)) ? [`${name}: a value stands in it`] : [];
    });
  }

  async #list(path: string): Promise<ReadonlyMap<string, KubeObject>> {
    const { items } = await this.#cluster.api.call("GET", path);
    return new Map(
      (items as KubeObject[]).map((item) => [`${item["metadata"].namespace}/${item["metadata"].name}`, item]),
    );
  }
}

function problemOf(
  expected: Expected,
  sealed: KubeObject | undefined,
  secret: KubeObject | undefined,
): string | undefined {
  if (expected === "on its way out") return undefined;
  if (sealed === undefined) return "the SealedSecret is not there";
  const { observedGeneration, conditions = [] } = sealed["status"] ?? {};
  const said = (conditions as KubeObject[]).map(
    ({ type, status, message = "" }) => `${type}=${status} ${message}`,
  );
  if (observedGeneration !== sealed["metadata"].generation) return `its status is of ${observedGeneration}`;
  if ("message" in expected) {
    const right = said[0]?.startsWith("Synced=False ") === true && said[0].includes(expected.message);
    return right ? undefined : `its status is ${said.join(", ")}`;
  }
  if (said.join() !== "Synced=True ,Ready=True ") return `its status is ${said.join(", ")}`;
  if (secret === undefined) return "its Secret is lost";
  const owners: readonly KubeObject[] = secret["metadata"].ownerReferences ?? [];
  if (owners.length !== 1 || owners[0]?.["uid"] !== sealed["metadata"].uid)
    return "its Secret is not its own";
  const values = Object.entries((secret["data"] ?? {}) as Record<string, string>).map(
    ([item, value]) => [item, Buffer.from(value, "base64").toString()] as const,
  );
  const same =
    JSON.stringify(values.toSorted()) === JSON.stringify(Object.entries(expected.values).toSorted());
  return same ? undefined : `its Secret has other values, of ${values.map(([item]) => item).join()}`;
}
