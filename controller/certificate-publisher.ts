import type { KubeApi, KubeError } from "../src/kube/api.ts";
import type { Certificate } from "../src/sealed/certificate.ts";
import { field, objectField } from "../src/sealed/object-fields.ts";
import { type Backoff, backoffDelay } from "./backoff.ts";
import { fieldManager } from "./names.ts";
import { pause, type Timer } from "./timer.ts";

export interface CertificatePublisherOptions {
  readonly api: Pick<KubeApi, "get" | "apply">;
  readonly namespace: string;
  /** Of the ConfigMap. */
  readonly name: string;
  readonly certificate: () => Certificate | undefined;
  readonly mayWrite: () => boolean;
  readonly timer: Timer;
  /** From 0 to 1. */
  readonly chance: () => number;
  readonly onError?: (error: KubeError) => void;
  readonly signal: AbortSignal;
}

const backoff: Backoff = { first: 1000, longest: 5 * 60_000 };
/** The item of the ConfigMap, as the last part of the path under which it is served. */
const item = "cert.pem";

/** Keeps the certificate to seal for in a ConfigMap, for those who may read that and not ask the service. */
export class CertificatePublisher {
  readonly #options: CertificatePublisherOptions;
  #working = false;
  #again = false;

  constructor(options: CertificatePublisherOptions) {
    this.#options = options;
  }

  /** Publishes the certificate of now, for as long as it takes; does nothing when that is there already. */
  async publish(): Promise<void> {
    if (this.#working) {
      this.#again = true;
      return;
    }
    this.#working = true;
    const { timer, signal, chance, onError } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      this.#again = false;
      try {
        await this.#put();
        if (!this.#again) break;
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        failures += 1;
        onError?.(error as KubeError);
        await pause(backoffDelay(backoff, failures, chance()), { timer, signal });
      }
    }
    this.#working = false;
  }

  async #put(): Promise<void> {
    const { api, namespace, name, certificate, mayWrite } = this.#options;
    const { pem } = certificate() ?? {};
    if (pem === undefined || !mayWrite()) return;
    const path = { group: "", version: "v1", plural: "configmaps", namespace, name };
    const there = await api.get(path);
    if (there !== undefined && field(objectField(there, "data", ""), item) === pem) return;
    await api.apply(
      path,
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { [item]: pem } },
      // It is ours: who seals for what somebody else wrote there seals for somebody else.
      { fieldManager, force: true },
    );
  }
}
