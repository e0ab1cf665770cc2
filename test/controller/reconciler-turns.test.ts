import { expect, test } from "vitest";
import { EventRecorder } from "../../controller/event-recorder.ts";
import { keySetOf } from "../../controller/key-set.ts";
import { suspendAnnotation } from "../../controller/names.ts";
import { readOptions } from "../../controller/options.ts";
import { Reconciler } from "../../controller/reconciler.ts";
import { systemTimer } from "../../controller/timer.ts";
import type { KubeApi } from "../../src/kube/api.ts";
import { sealedObject, testKey } from "../support/controller.ts";

test("many objects that need nothing are looked at bit by bit, so that probes are answered meanwhile", async () => {
  const objects = Array.from({ length: 100 }, (_, at) =>
    sealedObject({}, { name: `db-${at}`, uid: `uid-${at}`, annotations: { [suspendAnnotation]: "true" } }),
  );
  const abort = new AbortController();
  const api = {
    list: async ({ plural }: { readonly plural: string }) => ({
      items: plural === "secrets" ? [] : objects,
      resourceVersion: "9",
    }),
    async *watch() {
      await new Promise((resolve) => abort.signal.addEventListener("abort", resolve));
    },
  } as unknown as KubeApi;
  let looks = 0;
  let time = 0;
  const reconciler = new Reconciler({
    api,
    options: readOptions({
      arguments: [],
      environment: {},
      serviceAccountNamespace: undefined,
      now: Date.now(),
    }),
    keys: () => keySetOf([testKey], { order: "CertNotBefore" }),
    keysListed: () => true,
    unseal: () => {
      throw new TypeError("nothing is to be opened");
    },
    writer: {
      api,
      events: new EventRecorder(api),
      now: Date.now,
      mayWrite: () => true,
      updateStatus: true,
      dryRun: false,
    },
    // Each look at the clock takes a millisecond.
    timer: { ...systemTimer, elapsed: () => time++ },
    chance: Math.random,
    onReconciled: () => {
      looks += 1;
    },
    signal: abort.signal,
  });
  const running = reconciler.run();
  const seen = new Set<number>();
  while (looks < objects.length) {
    await new Promise(setImmediate);
    seen.add(looks);
  }
  // Without turns for others it is none of them, and then all.
  expect(seen.size).toBeGreaterThan(3);
  abort.abort();
  await running;
});
