import { KsealError } from "../src/errors.ts";
import { createNodeHost } from "../src/host/node-host.ts";
import { createKubeApi } from "../src/kube/client.ts";
import { version } from "../src/version.ts";
import type { KeyEnvelope, RecipientTools } from "./key-envelope.ts";
import { createLogger } from "./logger.ts";
import { type ControllerOptions, flagNames, readOptions } from "./options.ts";
import { runController } from "./run.ts";

const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/** Below the 30 s after which Kubernetes kills what does not end. */
const longestEnd = 20_000;

const host = createNodeHost();
main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    // S27: one line, and no trace of where in the program it was found out.
    const message = error instanceof Error ? error.message : String(error);
    const hint = error instanceof KsealError && error.hint !== undefined ? ` (${error.hint})` : "";
    host.writeStderr(`error: ${message.replaceAll("\n", " ")}${hint}\n`);
    // Whatever still runs would go on without the rest.
    process.exit(1);
  },
);

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions({
    arguments: args[0] === "version" ? ["--version"] : args,
    environment: host.env,
    serviceAccountNamespace: await readNamespace(),
    now: host.now(),
  });
  if (options.version) return print(`controller version: ${version}\n`);
  if (options.help) {
    const flags = flagNames.map((name) => `  --${name}\n`).join("");
    return print(`Flags, each also as SEALED_SECRETS_NAME; docs/operations.md tells what they do:\n${flags}`);
  }
  const log = createLogger({
    level: options.logLevel,
    format: options.logFormat,
    infoToStdout: options.logInfoToStdout,
    writeStdout: (text) => void process.stdout.write(text),
    writeStderr: (text) => void process.stderr.write(text),
    now: host.now,
  });
  const abort = new AbortController();
  const clients = await Promise.all(
    [1, 2].map(() =>
      createKubeApi({
        host,
        cluster: options.kubeconfig === "" ? {} : { kubeconfig: options.kubeconfig },
        log,
      }),
    ),
  );
  const [api, leaseApi] = clients;
  if (api === undefined || leaseApi === undefined) throw new TypeError("two clients were made");
  const startSeconds = host.now() / 1000 - process.uptime();
  const { backupRecipients: recipients, backupTo: places, namespace: keysNamespace } = options;
  const tools = { host, log, signal: abort.signal };
  const backup =
    places.length === 0
      ? undefined
      : (await import("./backup.ts")).keyBackup({ recipients, places, keysNamespace, api }, tools);
  const envelope = await openEnvelopes(options, tools);
  const controller = await runController({
    options,
    ...{ backup, envelope },
    api,
    leaseApi,
    log,
    identity: `${host.hostName}_${Buffer.from(host.random(8)).toString("hex")}`,
    random: host.random,
    version,
    process: () => {
      const { user, system } = process.cpuUsage();
      return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss(), startSeconds };
    },
    signal: abort.signal,
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      log.info("ending", { signal });
      abort.abort();
      // An API server that does not answer keeps nobody.
      setTimeout(() => process.exit(0), longestEnd).unref();
    });
  }
  process.on("SIGUSR1", () => controller.renewKey());
  await controller.done;
  for (const client of clients) client.close();
  return 0;
}

/** Most clusters have no key in an envelope, and need not load what opens one. */
async function openEnvelopes(
  { keyWrapRecipients: recipients }: ControllerOptions,
  tools: RecipientTools,
): Promise<KeyEnvelope> {
  const load = async (): Promise<KeyEnvelope> =>
    (await import("./key-envelope.ts")).keyEnvelope({ recipients }, tools);
  if (recipients.length > 0) return await load();
  return { open: async (secret) => await (await load()).open(secret), wrap: undefined };
}

async function readNamespace(): Promise<string | undefined> {
  if ((await host.stat(namespaceFile)) === undefined) return undefined;
  return new TextDecoder().decode(await host.readFile(namespaceFile));
}

async function print(text: string): Promise<number> {
  await host.writeStdout(text);
  return 0;
}
