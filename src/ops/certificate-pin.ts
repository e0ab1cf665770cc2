import type { Config } from "../config/rules.ts";
import { parseConfig } from "../config/rules.ts";
import type { SealingCluster } from "../config/sealing.ts";
import type { MapNode, TreeNode } from "../core/tree.ts";
import { getNode, setNode, type TreePath } from "../core/tree-path.ts";
import { KsealError } from "../errors.ts";
import { storeFor } from "../formats/detect.ts";
import type { Certificate } from "../sealed/certificate.ts";
import type { Scope } from "../sealed/scope.ts";
import { fetchCertificate } from "./certificate-check.ts";
import { type CertificateFacts, factsOf } from "./certificate-facts.ts";
import { isLocal, shortPin } from "./certificate-source.ts";
import { configHere, type SubjectOptions } from "./certificate-subjects.ts";
import type { OpContext } from "./context.ts";
import { seenFrom } from "./file-path.ts";

export interface PinOptions extends Omit<SubjectOptions, "forFile"> {
  /** What the cluster is called in `.sops.yaml`. */
  readonly name: string;
  /** Where the certificate is kept, relative to the working folder. */
  readonly out?: string | undefined;
  /** The files that are sealed for this cluster: adds a rule. */
  readonly pathRegex?: string | undefined;
  readonly scope?: Scope | undefined;
  readonly dryRun: boolean;
}

export interface PinResult {
  readonly certificate: CertificateFacts;
  readonly origin: string;
  /** The file it was written to; `undefined` when it was there already. */
  readonly writtenTo: string | undefined;
  readonly config: string;
  /** Whether `.sops.yaml` says so now; else `lines` are to be added by hand. */
  readonly isWritten: boolean;
  /** What `.sops.yaml` has to say. */
  readonly lines: string;
  /** Whether a rule leads to the cluster. */
  readonly hasRule: boolean;
}

/**
 * Keeps the certificate of a cluster: as a file, and with its fingerprint in `.sops.yaml`, where everything else stays as
 * it is. Where that cannot be done without changing more, nothing is changed there and the lines to add are returned.
 */
export async function pinCertificate(options: PinOptions, context: OpContext): Promise<PinResult> {
  const { host } = context;
  const config = await configHere(context);
  const path = config?.path ?? host.resolve(host.cwd, ".sops.yaml");
  const known = config?.sealing.clusters.find(({ name }) => name === options.name);
  const { certificate, origin } = await obtain(options, known, context);
  const kept = keptAt(options, path, context);
  const entry: Entry = {
    name: options.name,
    certificate: seenFrom(host.resolve(path, ".."), kept, host.platform),
    fingerprint: shortPin(certificate.fingerprint),
    ...contextOf(options),
  };
  const rule = ruleOf(options, config);
  const lines = linesFor(entry, rule);
  const edited = await editedConfig({ path, config, entry, rule, lines }, context);
  const isNew = options.place === undefined || host.resolve(options.place) !== kept;
  if (!options.dryRun) await write({ kept: isNew ? kept : undefined, certificate, path, edited }, context);
  return {
    certificate: factsOf(certificate, host.now()),
    origin,
    writtenTo: isNew ? seenFrom(host.cwd, kept, host.platform) : undefined,
    config: seenFrom(host.cwd, path, host.platform),
    isWritten: edited !== undefined,
    lines,
    hasRule:
      rule !== undefined ||
      config?.sealing.rules.some(({ cluster }) => cluster?.name === options.name) === true,
  };
}

/** What stands in `.sops.yaml`, by its names there. */
interface Entry {
  readonly name: string;
  readonly certificate: string;
  readonly fingerprint: string;
  readonly context?: string;
  readonly controller?: string;
}

interface Rule {
  readonly path_regex?: string;
  readonly cluster: string;
  readonly scope?: string;
}

/** The certificate: of a place, else of the cluster. The old pin counts for nothing here, a new one is made. */
function obtain(
  options: PinOptions,
  known: SealingCluster | undefined,
  context: OpContext,
): Promise<{ readonly certificate: Certificate; readonly origin: string }> {
  const { place, cluster, certFingerprint } = options;
  if (place !== undefined) return fetchCertificate({ place, certFingerprint }, context);
  const ruled = known === undefined || cluster?.options.context !== undefined ? undefined : known.context;
  const flags =
    ruled === undefined ? cluster : { ...cluster, options: { ...cluster?.options, context: ruled } };
  if (flags === undefined && known?.controller === undefined) {
    throw new KsealError("USAGE", "nothing says where the certificate is", {
      hint: "name a file or an address, or the cluster: --context NAME",
    });
  }
  const controller = known?.controller;
  return fetchCertificate(
    {
      certFingerprint,
      fetch: true,
      cluster: {
        options: flags?.options ?? {},
        controllerNamespace: flags?.controllerNamespace ?? controller?.namespace,
        controllerName: flags?.controllerName ?? controller?.name,
      },
    },
    context,
  );
}

function keptAt({ place, out, name }: PinOptions, config: string, { host }: OpContext): string {
  if (out !== undefined) return host.resolve(out);
  if (place !== undefined && isLocal(place)) return host.resolve(place);
  return host.resolve(config, "..", "certs", `${name.replaceAll(/[^\w.-]/g, "-")}.pem`);
}

function contextOf({ cluster }: PinOptions): Pick<Entry, "context" | "controller"> {
  const context = cluster?.options.context;
  const { controllerNamespace, controllerName } = cluster ?? {};
  const hasController = controllerNamespace !== undefined || controllerName !== undefined;
  const controller = `${controllerNamespace ?? "kube-system"}/${controllerName ?? "sealed-secrets-controller"}`;
  return { ...(context === undefined ? {} : { context }), ...(hasController ? { controller } : {}) };
}

function ruleOf({ name, pathRegex, scope }: PinOptions, config: Config | undefined): Rule | undefined {
  const rules = config?.sealing.rules ?? [];
  // The only cluster of a repository may as well be for all of its files.
  const isOnly = rules.length === 0 && (config?.sealing.clusters ?? []).every((one) => one.name === name);
  if (pathRegex === undefined && scope === undefined && !isOnly) return undefined;
  const isThere = rules.some(
    (rule) =>
      rule.cluster?.name === name && rule.pathRegex === pathRegex && (scope ?? rule.scope) === rule.scope,
  );
  if (isThere) return undefined;
  return {
    ...(pathRegex === undefined ? {} : { path_regex: pathRegex }),
    cluster: name,
    ...(scope === undefined ? {} : { scope }),
  };
}

function linesFor(entry: Entry, rule: Rule | undefined): string {
  const item = (fields: Entry | Rule): string =>
    Object.entries(fields)
      .map(([key, value], at) => `${at === 0 ? "    - " : "      "}${key}: ${scalar(value)}\n`)
      .join("");
  return `kseal:\n  clusters:\n${item(entry)}${rule === undefined ? "" : `  sealing:\n${item(rule)}`}`;
}

function scalar(text: string): string {
  const isPlain =
    /^[\w./^][\w./^:$@+-]*$/.test(text) && !/^[\d.+-]+$|^(y|n|yes|no|on|off|true|false|null)$|:$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}

interface ConfigEdit {
  readonly path: string;
  readonly config: Config | undefined;
  readonly entry: Entry;
  readonly rule: Rule | undefined;
  readonly lines: string;
}

/** The new text of `.sops.yaml`; `undefined` when nobody should write it but its author. */
async function editedConfig(
  { path, config, entry, rule, lines }: ConfigEdit,
  { host }: OpContext,
): Promise<{ readonly bytes: Uint8Array; readonly before: Uint8Array | undefined } | undefined> {
  const encoder = new TextEncoder();
  if (config === undefined) return { bytes: encoder.encode(lines), before: undefined };
  const before = await host.readFile(path);
  try {
    const store = await storeFor("yaml");
    const parsed = store.parse(before);
    const [root, ...others] = parsed.document.branches;
    if (root === undefined || others.length > 0 || parsed.metadata !== undefined) return undefined;
    const branches = [withRule(withEntry(root, entry), rule)];
    const bytes = store.render({ document: { branches }, metadata: undefined }, { base: parsed });
    return saysTheSame(parseConfig(bytes, path), config, entry) ? { bytes, before } : undefined;
  } catch (error) {
    if (error instanceof KsealError) return undefined;
    throw error;
  }
}

function withEntry(root: MapNode, entry: Entry): MapNode {
  const list: TreePath = ["kseal", "clusters"];
  const items = elementsAt(root, list);
  const at = items.findIndex((item) => item.kind === "map" && textOf(getNode(item, ["name"])) === entry.name);
  if (at < 0) return setNode(root, [...list, items.length], mapOf(entry));
  return Object.entries(entry).reduce(
    (tree, [key, value]) => setNode(tree, [...list, at, key], { kind: "str", value }),
    root,
  );
}

function withRule(root: MapNode, rule: Rule | undefined): MapNode {
  if (rule === undefined) return root;
  const list: TreePath = ["kseal", "sealing"];
  const node = getNode(root, list);
  if (node?.kind !== "seq") return setNode(root, [...list, 0], mapOf(rule));
  // The first rule that matches decides, so that one for every file stays the last.
  const forAll = node.items.findIndex(
    (item) => item.kind === "map" && getNode(item, ["path_regex"]) === undefined,
  );
  const at = forAll < 0 || rule.path_regex === undefined ? node.items.length : forAll;
  return setNode(root, list, { ...node, items: node.items.toSpliced(at, 0, mapOf(rule)) });
}

function elementsAt(root: MapNode, path: TreePath): readonly TreeNode[] {
  const node = getNode(root, path);
  return node?.kind === "seq" ? node.items.flatMap((item) => (item.kind === "comment" ? [] : [item])) : [];
}

function textOf(node: TreeNode | undefined): string | undefined {
  return node?.kind === "str" ? node.value : undefined;
}

function mapOf(fields: Entry | Rule): MapNode {
  return {
    kind: "map",
    items: Object.entries(fields).map(([key, value]) => ({
      kind: "entry",
      key,
      value: { kind: "str", value },
    })),
  };
}

/** Whether everything but the cluster means what it meant. */
function saysTheSame(after: Config, before: Config, entry: Entry): boolean {
  const rest = ({ rules, stores, names, sealing }: Config): string =>
    JSON.stringify(
      [rules, stores, [...names], sealing.clusters.filter(({ name }) => name !== entry.name)],
      (key, value) => (key === "line" ? undefined : value),
    );
  const pinned = after.sealing.clusters.find(({ name }) => name === entry.name);
  const isPinned = pinned?.fingerprint !== undefined && shortPin(pinned.fingerprint) === entry.fingerprint;
  return isPinned && rest(after) === rest(before);
}

async function write(
  change: {
    readonly kept: string | undefined;
    readonly certificate: Certificate;
    readonly path: string;
    readonly edited: { readonly bytes: Uint8Array; readonly before: Uint8Array | undefined } | undefined;
  },
  { host }: OpContext,
): Promise<void> {
  const { kept, certificate, path, edited } = change;
  if (kept !== undefined) {
    await host.makeFolder(host.resolve(kept, ".."));
    const pem = new TextEncoder().encode(certificate.pem);
    await host.createFile(kept, pem, { mode: 0o644, overwrite: true });
  }
  if (edited === undefined) return;
  if (edited.before === undefined) await host.createFile(path, edited.bytes, { mode: 0o644 });
  else await host.replaceFiles([{ path, bytes: edited.bytes, expect: edited.before }]);
}
