import type { ClusterOptions } from "../kube/api.ts";
import type { OptionSpec, OptionValues } from "./command.ts";

const group = "Cluster";

/** Which cluster is asked, and as whom: the flags that `kubectl` has, for the commands that may need one. */
export const cluster: readonly OptionSpec[] = [
  { flags: "--kubeconfig <file>", summary: "in place of KUBECONFIG and ~/.kube/config", group },
  { flags: "--context <name>", summary: "the context of the kubeconfig", group },
  { flags: "--cluster <name>", summary: "the cluster of the kubeconfig", group },
  { flags: "--user <name>", summary: "the user of the kubeconfig", group },
  { flags: "--server <url>", summary: "the address of the API server", group },
  { flags: "--certificate-authority <file>", summary: "the authority of the server's certificate", group },
  { flags: "--client-certificate <file>", summary: "the certificate that shows who asks", group },
  { flags: "--client-key <file>", summary: "its key", group },
  { flags: "--token <token>", summary: "a bearer token; others see it in the list of processes", group },
  { flags: "--username <name>", summary: "a user name for basic authentication", group },
  { flags: "--password <word>", summary: "its password; others see it in the list of processes", group },
  { flags: "--as <user>", summary: "act as another user", group },
  { flags: "--as-uid <uid>", summary: "with this UID", group },
  { flags: "--as-group <group>", summary: "with this group", repeatable: true, group },
  {
    flags: "--insecure-skip-tls-verify",
    summary: "talk to whoever answers: the connection is not secure",
    group,
  },
  { flags: "--tls-server-name <name>", summary: "the name in the server's certificate", group },
  { flags: "--proxy-url <url>", summary: "a proxy on the way: http, https or socks5", group },
  { flags: "--disable-compression", summary: "ask for answers as they are", group },
  { flags: "--request-timeout <time>", summary: "the limit for one request, e.g. 30s", group },
];

/** What the flags of {@link cluster} say, and `--namespace` where a command has it. */
export function clusterOptionsOf(options: OptionValues): ClusterOptions {
  const asGroup = options.list("asGroup");
  return {
    kubeconfig: options.text("kubeconfig"),
    context: options.text("context"),
    cluster: options.text("cluster"),
    user: options.text("user"),
    namespace: options.text("namespace"),
    server: options.text("server"),
    certificateAuthority: options.text("certificateAuthority"),
    clientCertificate: options.text("clientCertificate"),
    clientKey: options.text("clientKey"),
    token: options.text("token"),
    username: options.text("username"),
    password: options.text("password"),
    as: options.text("as"),
    asUid: options.text("asUid"),
    ...(asGroup.length > 0 && { asGroup }),
    // A flag that is not given says nothing against the kubeconfig.
    ...(options.flag("insecureSkipTlsVerify") && { insecureSkipTlsVerify: true }),
    tlsServerName: options.text("tlsServerName"),
    proxyUrl: options.text("proxyUrl"),
    ...(options.flag("disableCompression") && { disableCompression: true }),
    requestTimeout: options.text("requestTimeout"),
  };
}
