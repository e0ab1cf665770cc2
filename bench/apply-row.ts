import { spawn } from "node:child_process";
import { once } from "node:events";
import { hasCluster, startCluster, type TestCluster } from "../test/support/cluster.ts";
import { peer } from "../test/support/peers.ts";
import { manyFiles, type Workshop } from "./inputs.ts";
import { type Comparison, type Side, spreadOf } from "./measure.ts";
import type { Row } from "./rows.ts";

type Command = readonly [string, ...string[]];

/** What the row of the table is called. */
export const applyWork =
  "apply 1,000 encrypted Secrets to a real API server, against sops -d piped to kubectl apply --server-side on each of 100, two at a time, times 10";

const objects = 1000;
const measured = 100;

/**
 * Applies Secrets to a cluster in which none of them is, which `compare` could not do twice.
 *
 * @returns `undefined` when there is no cluster to be had.
 */
export async function measureApply(
  workshop: Workshop,
  kseal: Command,
  quick: boolean,
): Promise<{ row: Row; comparison: Comparison } | undefined> {
  const kubectl = peer("kubectl");
  if (!hasCluster || kubectl === undefined) return undefined;
  const cluster = await startCluster({ controllerManager: false });
  try {
    const { folder, files } = manyFiles(workshop, objects);
    const env = { ...workshop.env, KUBECONFIG: cluster.kubeconfig };
    const side = (label: string, commands: readonly Command[], atOnce: number): Side => ({
      ...{ label, commands, atOnce, env },
      cwd: workshop.folder,
    });
    const script = `"$0" -d "$1" | "$2" apply --server-side -f -`;
    const ours = side("kseal apply FOLDER", [[...kseal, "apply", "--yes", folder]], 1);
    const theirs = side(
      "sops -d | kubectl apply --server-side -f - each",
      files.slice(0, measured).map((file): Command => ["sh", "-c", script, workshop.sops, file, kubectl]),
      2,
    );
    const pairs = quick ? 1 : 3;
    const times: { readonly ours: number; readonly theirs: number }[] = [];
    // Once before for nothing: kubectl then knows what the cluster has.
    for (let pair = -1; pair < pairs; pair++) {
      const time = {
        ours: await onEmptyCluster(cluster, ours),
        theirs: (await onEmptyCluster(cluster, theirs)) * (objects / measured),
      };
      if (pair >= 0) times.push(time);
    }
    return {
      row: { work: applyWork, ours: () => ours, theirs: () => theirs, target: 1 / 5, pairs },
      comparison: {
        ours: spreadOf(times.map((time) => time.ours)),
        theirs: spreadOf(times.map((time) => time.theirs)),
        ratio: spreadOf(times.map((time) => time.ours / time.theirs)),
        memory: undefined,
      },
    };
  } finally {
    await cluster.stop();
  }
}

async function onEmptyCluster(
  { api }: TestCluster,
  { commands, atOnce = 1, cwd, env }: Side,
): Promise<number> {
  const secrets = "/api/v1/namespaces/default/secrets";
  await api.call("DELETE", secrets);
  const started = performance.now();
  const waiting = commands.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const [program, ...args] of waiting) {
        const child = spawn(program, args, { cwd, env, stdio: ["ignore", "ignore", "inherit"] });
        const [status] = await once(child, "close");
        if (status !== 0) throw new Error(`${program} ended with ${status}`);
      }
    }),
  );
  const milliseconds = performance.now() - started;
  const { items } = await api.call("GET", secrets);
  const wanted = atOnce === 1 ? objects : commands.length;
  if (items.length !== wanted) throw new Error(`${items.length} Secrets instead of ${wanted}`);
  return milliseconds;
}
