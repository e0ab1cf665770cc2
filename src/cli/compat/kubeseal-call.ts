import type { Host } from "../../core/ports.ts";
import type { ClusterOptions } from "../../kube/api.ts";
import type { Scope } from "../../sealed/scope.ts";
import { KubesealError } from "./kubeseal-error.ts";
import type { PflagValues } from "./kubeseal-pflag.ts";

/** What a command line of `kubeseal` asks for. */
export interface KubesealCall {
  /** Empty for the cluster's own. */
  readonly cert: string;
  readonly controller: { readonly namespace: string; readonly name: string };
  /** As it was given: `json`, `yaml` or a mistake, which counts only where something is printed. */
  readonly format: string;
  /** Empty for standard output. */
  readonly output: string;
  /** `-f`; empty when it was not given. */
  readonly inputFlag: string;
  /** A file in the place of standard input, which the original does not know (S23). */
  readonly operand: string | undefined;
  readonly fetchesCert: boolean;
  readonly allowsEmpty: boolean;
  readonly validates: boolean;
  readonly mergeInto: string;
  readonly isRaw: boolean;
  readonly name: string;
  readonly fromFiles: readonly string[];
  /** Strict cannot be told from "not given", as in the original. */
  readonly scope: Scope;
  readonly reEncrypts: boolean;
  readonly recovers: boolean;
  readonly privateKeys: readonly string[];
  readonly cluster: ClusterOptions;
}

/** Gives what flags and variables say a name each. */
export function callOf(values: PflagValues): KubesealCall {
  const text = (name: string, unset = ""): string => values.text(name) ?? unset;
  const isRaw = values.isOn("raw");
  const fetchesCert = values.isOn("fetch-cert");
  const inputFlag = text("secret-file");
  const output = text("sealed-secret-file");
  const reEncrypts = values.isOn("re-encrypt") || values.isOn("rotate");
  return {
    cert: text("cert"),
    controller: {
      namespace: text("controller-namespace", "kube-system"),
      name: text("controller-name", "sealed-secrets-controller"),
    },
    // The only flag that changes a file in place when no other one is named.
    format: /\.ya?ml$/.test(output || (reEncrypts ? inputFlag : "")) ? "yaml" : text("format", "json"),
    output,
    inputFlag,
    operand: fetchesCert ? undefined : operandOf(values.operands, { isRaw, inputFlag }),
    fetchesCert,
    allowsEmpty: values.isOn("allow-empty-data"),
    validates: values.isOn("validate"),
    mergeInto: text("merge-into"),
    isRaw,
    name: text("name"),
    fromFiles: values.list("from-file"),
    scope: scopeOf(text("scope")),
    reEncrypts,
    recovers: values.isOn("recovery-unseal"),
    privateKeys: values.list("recovery-private-key"),
    cluster: clusterOf(values),
  };
}

/** The format to print in. @throws KubesealError for what is none. */
export function formatOf(format: string): "yaml" | "json" {
  const name = format.toLowerCase();
  if (name === "json" || name === "") return "json";
  if (name === "yaml") return "yaml";
  throw new KubesealError(`unsupported output format: ${format}`);
}

/** What the call reads: the file of `-f`, the one named as an operand, or standard input. */
export async function readInput(
  call: KubesealCall,
  host: Host,
): Promise<{ readonly bytes: Uint8Array; readonly file: string }> {
  const file = call.inputFlag || call.operand;
  if (file !== undefined) return { bytes: await host.readFile(file), file };
  return { bytes: await host.readStdin(), file: "-" };
}

function operandOf(
  operands: readonly string[],
  { isRaw, inputFlag }: { isRaw: boolean; inputFlag: string },
): string | undefined {
  const [first] = operands;
  if (first === undefined) return undefined;
  if (isRaw) throw new KubesealError(`${first}: a file for --raw is named with --from-file`);
  if (operands.length > 1 || inputFlag !== "") {
    throw new KubesealError(`${operands.join(", ")}: only one file can be read`);
  }
  return first;
}

function scopeOf(text: string): Scope {
  return text === "namespace-wide" || text === "cluster-wide" ? text : "strict";
}

function clusterOf(values: PflagValues): ClusterOptions {
  // An empty text stands for "not given" in every one of them.
  const text = (name: string): string | undefined => values.text(name) || undefined;
  return {
    kubeconfig: text("kubeconfig"),
    context: text("context"),
    cluster: text("cluster"),
    user: text("user"),
    namespace: text("namespace"),
    server: text("server"),
    certificateAuthority: text("certificate-authority"),
    clientCertificate: text("client-certificate"),
    clientKey: text("client-key"),
    token: text("token"),
    username: text("username"),
    password: text("password"),
    as: text("as"),
    asUid: text("as-uid"),
    asGroup: values.list("as-group"),
    insecureSkipTlsVerify: values.isOn("insecure-skip-tls-verify") || undefined,
    tlsServerName: text("tls-server-name"),
    proxyUrl: text("proxy-url"),
    disableCompression: values.isOn("disable-compression") || undefined,
    requestTimeout: text("request-timeout"),
  };
}
