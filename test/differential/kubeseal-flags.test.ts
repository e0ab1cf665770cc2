import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeAuthority } from "../support/cluster-certificates.ts";
import type { LoopbackServer } from "../support/kms/loopback-server.ts";
import {
  certificate,
  compareOutcomes,
  compareWithKubeseal,
  type KubesealCase,
  kubeseal,
  privateKey,
  runOurs,
  runTheirs,
} from "./kubeseal-harness.ts";
import { fullSecret, kubeconfig, secretJson } from "./kubeseal-samples.ts";
import { sealWithKseal } from "./kubeseal-sealed.ts";
import { asked, serveCluster } from "./kubeseal-server.ts";

const cert = ["--cert", certificate];
const sealed = await sealWithKseal(secretJson("db", "shop"));
const secret = secretJson("db", "shop");
const authority = makeAuthority();
const server = authority.server({ dns: ["api.example"], ips: ["127.0.0.1"] });
const elsewhere = authority.server({ dns: ["api.example"], ips: [] });
const client = authority.client("somebody");
const files = { "ca.pem": authority.cert, "client.pem": client.cert, "client.key": client.key };

/** A command line in which a flag does its work, where no cluster is asked. */
const offline: Readonly<Record<string, Partial<KubesealCase>>> = {
  "allow-empty-data": { args: [...cert, "--allow-empty-data"], stdin: secretJson("a", "b", { data: {} }) },
  cert: { args: ["--cert", certificate], stdin: secret },
  format: { args: [...cert, "--format=yaml"], stdin: secret },
  "from-file": { args: [...cert, "--raw", "-n", "a", "--name", "b", "--from-file", "v"], files: { v: "x" } },
  help: { args: ["--help"] },
  "merge-into": { args: [...cert, "--merge-into", "s"], files: { s: sealed }, stdin: secret },
  name: { args: [...cert, "--name", "x"], stdin: secret },
  namespace: { args: [...cert, "--namespace", "x"], stdin: secretJson("db") },
  raw: { args: [...cert, "--raw", "--name", "a", "-n", "b"], stdin: "x" },
  "recovery-private-key": {
    args: ["--recovery-unseal", "--recovery-private-key", privateKey],
    stdin: sealed,
  },
  "recovery-unseal": {
    args: ["--recovery-unseal=true", "--recovery-private-key", privateKey],
    stdin: sealed,
  },
  scope: { args: [...cert, "--scope", "namespace-wide"], stdin: secret },
  "sealed-secret-file": { args: [...cert, "--sealed-secret-file", "out.yaml"], stdin: secret },
  "secret-file": { args: [...cert, "--secret-file", "in.yaml"], files: { "in.yaml": fullSecret } },
  // Flags of klog, of which nothing can be seen without trouble.
  add_dir_header: { args: [...cert, "--add_dir_header"], stdin: secret },
  alsologtostderr: { args: [...cert, "--alsologtostderr"], stdin: secret },
  alsologtostderrthreshold: { args: [...cert, "--alsologtostderrthreshold", "WARNING"], stdin: secret },
  legacy_stderr_threshold_behavior: {
    args: [...cert, "--legacy_stderr_threshold_behavior=false"],
    stdin: secret,
  },
  log_backtrace_at: { args: [...cert, "--log_backtrace_at", "a.go:3"], stdin: secret },
  log_dir: { args: [...cert, "--log_dir", "."], stdin: secret },
  log_file: { args: [...cert, "--log_file", "log"], stdin: secret },
  log_file_max_size: { args: [...cert, "--log_file_max_size", "0x10"], stdin: secret },
  logtostderr: { args: [...cert, "--logtostderr=false"], stdin: secret },
  one_output: { args: [...cert, "--one_output"], stdin: secret },
  skip_headers: { args: [...cert, "--skip_headers"], stdin: secret },
  skip_log_headers: { args: [...cert, "--skip_log_headers=T"], stdin: secret },
  stderrthreshold: { args: [...cert, "--stderrthreshold=info"], stdin: secret },
  v: { args: [...cert, "--v", "4"], stdin: secret },
  vmodule: { args: [...cert, "--vmodule", "a=1,b*=0,,c=2"], stdin: secret },
};

/**
 * The same where one is. Over https the original asks for a name and a password on the terminal when it has nothing to log
 * in with. `URL` stands for a server over http, `TLS` over https, `NAMED` for one
 * that has another name.
 */
const online: Readonly<Record<string, Partial<KubesealCase>>> = {
  as: { args: ["--server", "URL", "--fetch-cert", "--as", "jane"] },
  "as-group": {
    args: ["--server", "URL", "--fetch-cert", "--as", "jane", "--as-group", "a,b", "--as-group", "c"],
  },
  "as-uid": { args: ["--server", "URL", "--fetch-cert", "--as", "jane", "--as-uid", "u-1"] },
  "certificate-authority": {
    args: ["--server", "TLS", "--fetch-cert", "--token", "t", "--certificate-authority", "ca.pem"],
    files,
  },
  "client-certificate": {
    args: [
      "--server",
      "TLS",
      "--fetch-cert",
      "--certificate-authority",
      "ca.pem",
      "--client-certificate",
      "client.pem",
      "--client-key",
      "client.key",
    ],
    files,
  },
  "client-key": {
    args: [
      "--server",
      "TLS",
      "--fetch-cert",
      "--certificate-authority=ca.pem",
      "--client-certificate=client.pem",
      "--client-key=client.key",
    ],
    files,
  },
  cluster: {
    args: ["--cluster", "other", "--server", "URL", "--fetch-cert"],
    files: { ".kube/config": kubeconfig() },
  },
  context: {
    args: ["--context", "two", "--server", "URL", "--fetch-cert"],
    files: { ".kube/config": kubeconfig() },
  },
  "controller-name": { args: ["--server", "URL", "--fetch-cert", "--controller-name", "sealed-secrets"] },
  "controller-namespace": { args: ["--server", "URL", "--fetch-cert", "--controller-namespace", "tools"] },
  "disable-compression": { args: ["--server", "URL", "--fetch-cert", "--disable-compression"] },
  "fetch-cert": { args: ["--server", "URL", "--fetch-cert"] },
  "insecure-skip-tls-verify": {
    args: ["--server", "TLS", "--fetch-cert", "--token", "t", "--insecure-skip-tls-verify"],
  },
  kubeconfig: { args: ["--kubeconfig", "k", "--server", "URL", "--fetch-cert"], files: { k: kubeconfig() } },
  password: { args: ["--server", "URL", "--fetch-cert", "--username", "a", "--password", "b"] },
  "proxy-url": { args: ["--server", "URL", "--fetch-cert", "--proxy-url", "URL"] },
  "re-encrypt": { args: ["--server", "URL", "--re-encrypt"], stdin: sealed },
  "request-timeout": { args: ["--server", "URL", "--fetch-cert", "--request-timeout", "20s"] },
  rotate: { args: ["--server", "URL", "--rotate", "-w", "out.json"], stdin: sealed },
  server: { args: ["--server", "URL"], stdin: secret },
  "tls-server-name": {
    args: [
      "--server",
      "NAMED",
      "--fetch-cert",
      "--certificate-authority",
      "ca.pem",
      "--token",
      "t",
      "--tls-server-name",
      "api.example",
    ],
    files,
  },
  token: { args: ["--server", "URL", "--fetch-cert", "--token", "t0ken"] },
  user: {
    args: ["--user", "second", "--server", "URL", "--fetch-cert"],
    files: { ".kube/config": kubeconfig() },
  },
  username: { args: ["--server", "URL", "--fetch-cert", "--username", "a"] },
  validate: { args: ["--server", "URL", "--validate"], stdin: sealed },
};

/** `--version` is compared apart: it says that it is kseal. */
const elsewhereTested = ["version"];

describe.skipIf(kubeseal === undefined)("the flags of kubeseal", () => {
  const listed = flagsOf(kubeseal ?? "");

  test("every flag that its help lists has a case here, and nothing else has", () => {
    expect(listed.length).toBeGreaterThan(50);
    const tested = [...Object.keys(offline), ...Object.keys(online), ...elsewhereTested];
    // It works and is not listed.
    expect(tested.filter((name) => name !== "rotate").sort()).toEqual(listed.map(({ name }) => name).sort());
  });

  test.for(listed.map(({ name, takesValue }) => ({ name, takesValue })))(
    "--$name in a mistake",
    async ({ name, takesValue }) => {
      const wrong = takesValue ? [`--${name}`] : [`--${name}=maybe`];
      const one = { name, args: [...cert, ...wrong] };
      const [theirs, ours] = await Promise.all([runTheirs(one), runOurs(one)]);
      expect(ours.status).toBe(2);
      await compareOutcomes(one, theirs, ours);
    },
  );

  const servers: Record<string, LoopbackServer> = {};
  beforeAll(async () => {
    servers["URL"] = await serveCluster();
    servers["TLS"] = await serveCluster(server);
    servers["NAMED"] = await serveCluster(elsewhere);
  });
  afterAll(() => Promise.all(Object.values(servers).map((one) => one.close())));

  test.for(Object.entries(online).map(([name, one]) => ({ name, one })))(
    "--$name with a cluster",
    async ({ name, one }) => {
      const args = (one.args ?? []).map((word) => servers[word]?.url ?? word);
      const run = { ...one, name, args };
      const [theirs, theirRequests] = await requestsOf(() => runTheirs(run));
      const [ours, ourRequests] = await requestsOf(() => runOurs(run));
      await compareOutcomes(run, theirs, ours);
      expect(ours.status, ours.stderr).toBe(0);
      expect(ourRequests).toEqual(theirRequests);
      expect(theirRequests.length).toBeGreaterThan(0);
    },
  );

  async function requestsOf<T>(work: () => Promise<T>) {
    const before = Object.fromEntries(
      Object.entries(servers).map(([name, { requests }]) => [name, requests.length]),
    );
    const result = await work();
    const requests = Object.entries(servers).flatMap(([name, one]) =>
      asked(one.requests.slice(before[name])),
    );
    return [result, requests] as const;
  }
});

compareWithKubeseal(
  "flags without a cluster",
  Object.entries(offline).map(([name, one]): KubesealCase => ({ name: `--${name}`, args: [], ...one })),
);

compareWithKubeseal(
  "how flags are written",
  (
    [
      ["-h", "-h"],
      ["-h behind others", "-o yaml -h --nope"],
      ["joined with their value", `-oyaml -f s --cert ${certificate}`],
      ["short, with an equals sign", `-o=yaml -f=s --cert=${certificate}`],
      ["short, behind a space", `-o yaml -f s --cert ${certificate}`],
      ["an empty one behind an equals sign", `-o= -f s --cert ${certificate}`],
      ["the last one counts", `-o json -o yaml -f s --cert nope --cert ${certificate}`],
      ["-- ends them", `-f s --cert ${certificate} --`],
      ["one dash is an operand", `--fetch-cert --cert ${certificate} -`],
      ["operands count for nothing beside --fetch-cert", `--fetch-cert --cert ${certificate} a b`],
      ["a value that looks like a flag", "--cert --raw --fetch-cert"],
      ["unknown", "--nope"],
      ["unknown, with a value", "--nope=1"],
      ["unknown and short", "-x"],
      ["unknown and short, among others", "-xo yaml"],
      ["unknown and short, of more than one byte", "-é"],
      ["three dashes", "---cert"],
      ["no name", "--=x"],
      ["no value", "--cert"],
      ["no value for a short one", "-o"],
      ["a switch with a value behind a space", `--fetch-cert false --cert ${certificate}`],
      ["switches by other words", `--fetch-cert=T --raw=0 --cert ${certificate}`],
      ["a scope that is none", "--scope namespace"],
      ["a scope with capital letters", "--scope Strict"],
      ["a word of go test", `-test.v --fetch-cert --cert ${certificate}`],
      ["a list with a quote inside", `--from-file a"b`],
      ["a list with an open quote", `--from-file "a`],
      ["a list with text behind a quote", `--from-file "a"b`],
      ["an empty list", `--fetch-cert --cert ${certificate} --from-file=`],
      ["a level that is too large", "-v 99999999999"],
      ["a level that is none", "-v=x"],
      ["a level behind the letter", `-v3 --fetch-cert --cert ${certificate}`],
      ["a negative module level", "--vmodule a=-1"],
      ["a module without a level", "--vmodule a"],
      ["a location without a line", "--log_backtrace_at a.go"],
      ["a location at line 0", "--log_backtrace_at a.go:0"],
      ["a negative size", "--log_file_max_size -1"],
      ["a size that is too large", "--log_file_max_size 18446744073709551616"],
      ["a severity that is none", "--stderrthreshold LOUD"],
      ["--version before --help", "--help --cert nope --version=false"],
      ["--rotate says that it is old", "--rotate --kubeconfig nope"],
      ["--re-encrypt without a cluster", "--re-encrypt"],
      ["--validate without a cluster", "--validate"],
      ["no cluster", ""],
    ] as const
  ).map(
    ([name, line]): KubesealCase => ({
      name,
      args: line.split(" ").filter((word) => word !== ""),
      files: { s: secret },
    }),
  ),
);

function flagsOf(program: string): readonly { readonly name: string; readonly takesValue: boolean }[] {
  const help = program === "" ? "" : execFileSync(program, ["--help"], { encoding: "utf8" });
  return [...help.matchAll(/^ {2}(?:-\w, | {4})--([\w-]+)( \w+)? {2,}/gm)].map(([, name = "", value]) => ({
    name,
    takesValue: value !== undefined,
  }));
}
