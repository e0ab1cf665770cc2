import type { Node } from "yaml";
import { certificateFingerprint, isNetworkAddress } from "./certificate-place.ts";
import { type Mapping, mapping } from "./mapping.ts";
import { type Located, list, located, regex, type Shape, text } from "./shapes.ts";
import type { Reading } from "./yaml-text.ts";

/** A cluster that a repository seals for: an item of `kseal: clusters:`. */
export interface SealingCluster {
  readonly name: string;
  /** A file, relative to the folder of `.sops.yaml`, or an address: `https`, `http` or `file`. */
  readonly certificate: string | undefined;
  /** SHA-256 of the certificate as `openssl x509 -fingerprint -sha256` prints it: capital hexadecimal pairs, colons. */
  readonly fingerprint: string | undefined;
  /** A context of the user's own kubeconfig. */
  readonly context: string | undefined;
  /** Where the Sealed Secrets controller runs. */
  readonly controller: { readonly namespace: string; readonly name: string } | undefined;
  /** Where it starts in the file, counted from 1. */
  readonly line: number;
}

/** For which cluster and scope the files below some paths are sealed: an item of `kseal: sealing:`. */
export interface SealingRule {
  /** As that of a creation rule; `undefined` matches every file. */
  readonly pathRegex: string | undefined;
  readonly cluster: SealingCluster | undefined;
  readonly scope: "strict" | "namespace-wide" | "cluster-wide" | undefined;
  readonly line: number;
}

/** What a `.sops.yaml` says about SealedSecrets. */
export interface Sealing {
  readonly clusters: readonly SealingCluster[];
  /** In the order of the file: the first that matches decides. */
  readonly rules: readonly SealingRule[];
}

/** Of a file without these sections. */
export const noSealing: Sealing = { clusters: [], rules: [] };

const fingerprint: Shape<string> = (node, reading, label) => {
  const written = text(node, reading, label);
  if (written === undefined) return undefined;
  const found = certificateFingerprint(written);
  if (found !== undefined) return found;
  const isKey = /^sha256:[\w+/]{43}=?$/i.test(written);
  reading.report(
    node,
    isKey
      ? `${label} must be that of the certificate; this is one of a key`
      : `${label} must be SHA-256 of the certificate, sha256: and 64 hexadecimal digits`,
  );
  return undefined;
};

const certificate: Shape<Located<string>> = (node, reading, label) => {
  const place = text(node, reading, label);
  if (place === undefined) return undefined;
  // Two letters or more: a single one is a drive of Windows.
  const [, scheme] = /^([a-z][a-z0-9+.-]+):/i.exec(place) ?? [];
  const isKnown = scheme === undefined || (/^(https?|file)$/i.test(scheme) && URL.canParse(place));
  if (place.trim() !== "" && isKnown) return { value: place, node };
  reading.report(node, `${label} must be a file, relative to .sops.yaml, or an address with https`);
  return undefined;
};

const context: Shape<string> = (node, reading, label) => {
  const name = text(node, reading, label);
  if (name === undefined || name.trim() !== "") return name;
  reading.report(node, `${label} is empty`);
  return undefined;
};

const controller: Shape<{ readonly namespace: string; readonly name: string }> = (node, reading, label) => {
  const place = text(node, reading, label);
  if (place === undefined) return undefined;
  const [, namespace, name] = /^([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253})$/.exec(place) ?? [];
  if (namespace !== undefined && name !== undefined) return { namespace, name };
  reading.report(node, `${label} must look like kube-system/sealed-secrets-controller`);
  return undefined;
};

const scopes = ["strict", "namespace-wide", "cluster-wide"] as const;

const scope: Shape<(typeof scopes)[number]> = (node, reading, label) => {
  const word = text(node, reading, label);
  if (word === undefined) return undefined;
  const found = scopes.find((one) => one === word);
  if (found === undefined) reading.report(node, `${label} must be ${scopes.join(", ")}`);
  return found;
};

interface ClusterFields {
  readonly name: Located<string>;
  readonly certificate: Located<string>;
  readonly fingerprint: string;
  readonly context: string;
  readonly controller: { readonly namespace: string; readonly name: string };
}

interface RuleFields {
  readonly path_regex: string;
  readonly cluster: Located<string>;
  readonly scope: (typeof scopes)[number];
}

const clusterHint = "write - name: prod, with certificate: certs/prod.pem below it";
const ruleHint = "write - path_regex: ^clusters/prod/, with cluster: prod below it";

const clusterItem: Shape<Mapping<ClusterFields>> = mapping<ClusterFields>(
  { name: located(text), certificate, fingerprint, context, controller },
  { name: "a cluster", isOwn: true, hint: clusterHint },
);

const ruleItem: Shape<Mapping<RuleFields>> = mapping<RuleFields>(
  { path_regex: regex, cluster: located(text), scope },
  { name: "a sealing rule", isOwn: true, hint: ruleHint },
);

/** `clusters` of the section `kseal`. */
export const clusters: Shape<readonly SealingCluster[]> = (node, reading, label) => {
  const items = list(clusterItem, { hint: clusterHint })(node, reading, label) ?? [];
  const taken = new Set<string>();
  return items.flatMap((item) => {
    const { name, certificate: place, ...rest } = item.values;
    if (!checkName(name, { item: item.node, taken, reading })) return [];
    if (place !== undefined && isNetworkAddress(place.value) && item.nodeOf("fingerprint") === undefined) {
      reading.report(
        place.node,
        "a certificate from the network needs a fingerprint beside it: kseal cert show prints it",
      );
    }
    return [
      {
        name: name.value,
        certificate: place?.value,
        fingerprint: rest.fingerprint,
        context: rest.context,
        controller: rest.controller,
        line: reading.placeOf(item.node).line,
      },
    ];
  });
};

/** A rule that was read before it is known which clusters there are. */
export interface UnboundRule extends Omit<SealingRule, "cluster"> {
  readonly cluster: Located<string> | undefined;
}

/** `sealing` of the section `kseal`. */
export const sealingRules: Shape<readonly UnboundRule[]> = (node, reading, label) => {
  const items = list(ruleItem, { hint: ruleHint })(node, reading, label) ?? [];
  return items.flatMap((item) => {
    const { path_regex: pathRegex, cluster, scope: ruled } = item.values;
    if (item.nodeOf("cluster") === undefined && item.nodeOf("scope") === undefined) {
      reading.report(item.node, "a sealing rule needs a cluster, a scope or both");
      return [];
    }
    return [{ pathRegex, cluster, scope: ruled, line: reading.placeOf(item.node).line }];
  });
};

/** The two sections as one: every rule with its cluster. Reports rules that name a cluster that is not there. */
export function bindSealing(
  known: readonly SealingCluster[] | undefined,
  rules: readonly UnboundRule[] | undefined,
  reading: Reading,
): Sealing {
  const byName = new Map((known ?? []).map((cluster) => [cluster.name, cluster]));
  return {
    clusters: known ?? [],
    rules: (rules ?? []).map(({ cluster, ...rule }) => {
      if (cluster !== undefined && !byName.has(cluster.value)) {
        reading.report(cluster.node, unknownCluster(cluster.value, [...byName.keys()]));
      }
      return { ...rule, cluster: cluster && byName.get(cluster.value) };
    }),
  };
}

function unknownCluster(name: string, known: readonly string[]): string {
  const problem = `there is no cluster ${JSON.stringify(name)} in clusters`;
  return known.length === 0 ? `${problem}; it names none` : `${problem}: known are ${known.join(", ")}`;
}

function checkName(
  name: Located<string> | undefined,
  { item, taken, reading }: { item: Node; taken: Set<string>; reading: Reading },
): name is Located<string> {
  if (name === undefined) {
    reading.report(item, "a cluster needs a name");
    return false;
  }
  // It stands in messages, where it must not pass for something else.
  if (!/^[\w][\w.@:/-]{0,99}$/.test(name.value)) {
    reading.report(name.node, "a cluster's name has 1 to 100 letters, digits and -_.:/@, and no space");
    return false;
  }
  if (taken.has(name.value)) {
    reading.report(name.node, `the cluster ${JSON.stringify(name.value)} is there twice`);
    return false;
  }
  taken.add(name.value);
  return true;
}
