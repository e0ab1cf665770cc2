import { type JsonObject, type KubeApi, KubeError } from "../src/kube/api.ts";
import { field, objectField } from "../src/sealed/object-fields.ts";
import { fieldManager } from "./names.ts";
import { pause, type Timer } from "./timer.ts";

export interface LeaderOptions {
  readonly api: Pick<KubeApi, "get" | "create" | "update">;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Who this replica is; no two replicas may have the same. */
  readonly identity: string;
  /** How long a lease holds without being renewed; milliseconds. */
  readonly duration: number;
  readonly timer: Timer;
  readonly signal: AbortSignal;
  /** Told when this replica begins or ceases to be the one that writes. */
  readonly onChange: (isLeader: boolean) => void;
  readonly onError?: (error: KubeError) => void;
}

/** A lease that somebody holds, as it was seen. */
interface Observed {
  readonly holder: string;
  readonly version: string;
  /** By the clock of this process that nobody sets. */
  readonly seenAt: number;
}

/** Until when this replica may write: by the clock that nobody sets, and by the time of day. */
interface Held {
  readonly until: number;
  readonly untilTime: number;
}

/**
 * Sees to it that one replica writes at a time, by a Lease of the cluster.
 *
 * A replica holds it as long as it renewed it in time, a little shorter than others wait before they take it over. What
 * a lease says about the time counts for nothing, and neither does the time of day of any machine: a clock that is wrong,
 * or set meanwhile, does no harm.
 */
export class LeaderElection {
  readonly #options: LeaderOptions;
  #observed: Observed | undefined;
  #held: Held | undefined;
  #told = false;
  #transitions = 0;

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  /** Whether this replica may write at this very moment. To be asked right before each write. */
  get isLeader(): boolean {
    const { timer } = this.#options;
    // The second clock stands still while a machine is suspended, and the first goes on.
    return (
      this.#held !== undefined && timer.elapsed() < this.#held.until && timer.now() < this.#held.untilTime
    );
  }

  /** Takes part until the signal; then gives the lease back, so that another need not wait. */
  async run(): Promise<void> {
    const { signal, duration } = this.#options;
    while (!signal.aborted) {
      await this.#attempt();
      this.#tell();
      // Two attempts may fail before the lease is lost.
      await pause(duration / 4, this.#options);
      this.#tell();
    }
    await this.#release();
    this.#tell();
  }

  async #attempt(): Promise<void> {
    const { api, timer, onError } = this.#options;
    const began = { elapsed: timer.elapsed(), time: timer.now() };
    try {
      const lease = await api.get(this.#path(), {});
      if (lease === undefined) await api.create(this.#folder(), this.#lease(undefined), { fieldManager });
      else if (!this.#mayTake(lease)) return;
      else await api.update(this.#path(), this.#lease(lease), { fieldManager });
      // A gap that is over by now is told all the same: what was not written in it is to be done again.
      this.#tell();
      // Counted from before the request: that is the latest moment at which it can have begun to hold.
      const held = this.#options.duration * heldPart;
      this.#held = { until: began.elapsed + held, untilTime: began.time + held };
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      // Somebody else was faster.
      if (error.status === 409) this.#held = undefined;
      else onError?.(error);
    }
  }

  #mayTake(lease: JsonObject): boolean {
    const { identity, timer, duration } = this.#options;
    const spec = objectField(lease, "spec", "");
    const holder = String(field(spec, "holderIdentity") ?? "");
    const version = String(field(objectField(lease, "metadata", ""), "resourceVersion"));
    const transitions = field(spec, "leaseTransitions");
    this.#transitions = typeof transitions === "number" ? transitions : 0;
    if (holder === identity || holder === "") return true;
    if (this.#observed?.version !== version || this.#observed.holder !== holder) {
      this.#observed = { holder, version, seenAt: timer.elapsed() };
    }
    const theirs = field(spec, "leaseDurationSeconds");
    const wait = typeof theirs === "number" && theirs > 0 ? theirs * 1000 : duration;
    const taken = timer.elapsed() - this.#observed.seenAt >= wait;
    if (!taken) this.#held = undefined;
    return taken;
  }

  #lease(current: JsonObject | undefined): JsonObject {
    const { name, namespace, identity, duration, timer } = this.#options;
    const spec = current === undefined ? {} : objectField(current, "spec", "");
    const time = `${new Date(timer.now()).toISOString().slice(0, 23)}000Z`;
    const same = field(spec, "holderIdentity") === identity;
    const before = current === undefined ? {} : objectField(current, "metadata", "");
    const resourceVersion = field(before, "resourceVersion");
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(duration / 1000),
        acquireTime: same ? field(spec, "acquireTime") : time,
        renewTime: time,
        leaseTransitions: same || current === undefined ? this.#transitions : this.#transitions + 1,
      },
    };
  }

  async #release(): Promise<void> {
    const { api, identity, onError } = this.#options;
    const held = this.isLeader;
    this.#held = undefined;
    if (!held) return;
    try {
      const lease = await api.get(this.#path(), {});
      const spec = lease === undefined ? {} : objectField(lease, "spec", "");
      if (lease === undefined || field(spec, "holderIdentity") !== identity) return;
      const free = { ...this.#lease(lease), spec: { ...spec, holderIdentity: "", leaseDurationSeconds: 1 } };
      await api.update(this.#path(), free, { fieldManager });
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      onError?.(error);
    }
  }

  #tell(): void {
    if (this.#told === this.isLeader) return;
    this.#told = this.isLeader;
    this.#options.onChange(this.#told);
  }

  #folder() {
    const { namespace } = this.#options;
    return { group: "coordination.k8s.io", version: "v1", plural: "leases", namespace };
  }

  #path() {
    return { ...this.#folder(), name: this.#options.name };
  }
}

/** What of the duration a replica believes to hold the lease: clocks run at slightly different speeds. */
const heldPart = 0.8;
