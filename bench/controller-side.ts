import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startPod } from "../test/support/cluster-pod.ts";
import { peer } from "../test/support/peers.ts";
import { controllerAccount, type Stage } from "./controller-stage.ts";

/** One of the two controllers, as its image runs it. */
export interface Side {
  readonly name: "kseal" | "upstream";
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

/** A controller that runs. Times are milliseconds since its process was started. */
export interface Running {
  /** `performance.now()` at its start. */
  readonly startedAt: number;
  /** From its start until the probe of its Deployment says yes. */
  readonly readyAfter: number;
  /** The sum of a metric's series; 0 when it has none. */
  metric(name: string): Promise<number>;
  /** MiB that were resident at the most, all threads together. */
  peakMemory(): number;
  cpuSeconds(): number;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, "..");

/** The bundle, compiled, with the environment and the flags of the image's own `Dockerfile`. */
export function ksealSide(): Side {
  const file = readFileSync(join(root, "Dockerfile"), "utf8");
  const image = file.slice(file.lastIndexOf("\nFROM "));
  const env = Object.fromEntries(
    [...image.matchAll(/^ENV (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const inBundle = (text: string) => join(root, "dist", "controller", text);
  const argumentsOf = (line: RegExp) => {
    const [, ...words] = JSON.parse(line.exec(file)?.[1] ?? "[]") as string[];
    return words.map((each) => (each.startsWith("-") ? each : inBundle(each)));
  };
  execFileSync(process.execPath, argumentsOf(/^RUN (.*compile\.cjs.*)$/m));
  return { name: "kseal", command: [process.execPath, ...argumentsOf(/^ENTRYPOINT (.*main\.cjs.*)$/m)], env };
}

/** The real Bitnami controller. @param limited - With its standard five requests a second. */
export function upstreamSide({ limited }: { readonly limited: boolean }): Side | undefined {
  const program = peer("controller");
  if (program === undefined) return undefined;
  return { name: "upstream", command: [program, ...(limited ? [] : ["--kubeclient-qps=-1"])] };
}

/** Starts a controller in the cluster of a stage, and waits until it is ready. */
export async function startSide({ cluster }: Stage, side: Side): Promise<Running> {
  const [program, ...args] = side.command;
  const url = `http://${cluster.host}:8080`;
  const pod = await startPod(cluster, {
    name: controllerAccount,
    namespace: "kube-system",
    serviceAccount: controllerAccount,
    env: side.env ?? {},
    command: [
      program,
      ...args,
      ...["--listen-addr", `${cluster.host}:8080`, "--listen-metrics-addr", `${cluster.host}:8081`],
    ],
  });
  const startedAt = performance.now();
  // Upstream has one path for both probes.
  const probe = side.name === "kseal" ? "/readyz" : "/healthz";
  await until(async () => {
    if (!pod.isRunning()) throw new Error(`${side.name} ended: ${pod.log().slice(-2000)}`);
    return (await fetchText(`${url}${probe}`).catch(() => ({ ok: false }))).ok;
  });
  const readyAfter = performance.now() - startedAt;
  const proc = (name: string) => readFileSync(`/proc/${pod.pid}/${name}`, "latin1");
  return {
    startedAt,
    readyAfter,
    metric: async (name) => {
      const { text } = await fetchText(`http://${cluster.host}:8081/metrics`);
      const lines = text
        .split("\n")
        .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
    },
    peakMemory: () => Number(/VmHWM:\s+(\d+)/.exec(proc("status"))?.[1] ?? 0) / 1024,
    cpuSeconds: () => {
      const fields = proc("stat").replace(/.*\) /s, "").split(" ");
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    stop: async () => await pod.stop("SIGTERM"),
  };
}

/** Asks again and again until something is so. @param every - Milliseconds between the questions. */
export async function until(ask: () => Promise<boolean> | boolean, every = 2): Promise<void> {
  const deadline = Date.now() + 30 * 60_000;
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error("it was not so after half an hour");
    await pause(every);
  }
}

async function fetchText(url: string): Promise<{ readonly ok: boolean; readonly text: string }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  return { ok: answer.ok, text: await answer.text() };
}
