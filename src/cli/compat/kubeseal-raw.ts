import type { Certificate } from "../../sealed/certificate.ts";
import { sealValue } from "../../sealed/seal-secret.ts";
import { KubesealError } from "./kubeseal-error.ts";
import { openFile } from "./kubeseal-files.ts";
import type { KubesealRun } from "./kubeseal-run.ts";

/** Seals one value, a final line break included, and prints its base64 without one. */
export async function sealRaw(run: KubesealRun, { publicKey }: Certificate): Promise<void> {
  const { call, host } = run;
  const { scope, name } = call;
  const namespace = scope === "cluster-wide" ? "" : await namespaceFor(run);
  if (scope === "strict" && name === "") {
    throw new KubesealError("must provide the --name flag with --raw and --scope strict");
  }
  const value = await readValue(run);
  const random = (length: number): Uint8Array => host.random(length);
  await run.write(sealValue(value, { publicKey, random, scope, name, namespace }));
}

async function namespaceFor({ call, host }: KubesealRun): Promise<string> {
  if (call.cluster.namespace !== undefined) return call.cluster.namespace;
  const { namespaceOf } = await import("./kubeseal-kubeconfig.ts");
  return namespaceOf(call.cluster, host);
}

async function readValue({ call: { fromFiles }, host }: KubesealRun): Promise<Uint8Array> {
  const [file] = fromFiles;
  if (fromFiles.length > 1) {
    throw new KubesealError("must provide only one --from-file when encrypting a single item with --raw");
  }
  if (file === undefined) {
    if (host.terminal.stdinIsTerminal) {
      host.writeStderr("(tty detected: expecting a secret to encrypt in stdin)\n");
    }
    return host.readStdin();
  }
  // `key=path`, of which the key is not used.
  const path = file.slice(file.indexOf("=") + 1);
  return path === "/dev/stdin" ? host.readStdin() : openFile(host, path);
}
